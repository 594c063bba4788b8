# SPDX-License-Identifier: Apache-2.0
"""Configures, builds and runs a Meson project that has varscope as its subproject, in a temporary folder.

    check_subproject.py MESON SOURCE_ROOT PROJECT_FOLDER PROGRAM.cpp
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def run(command, folder=None):
    print("$", " ".join(map(str, command)), flush=True)
    subprocess.run(command, check=True, cwd=folder)


def main():
    meson, source_root, project, program = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "consumer"
        shutil.copytree(project, source)
        shutil.copy(program, source)
        os.symlink(source_root, source / "subprojects" / "varscope")
        build = Path(folder) / "build"
        # The second full build of the library in these tests: unoptimized and without the fast kernels, to be quick.
        run([meson, "setup", "--buildtype=plain", "-Dvarscope:isas=", build, source])
        run([meson, "compile", "-C", build, "filter"])
        run([build / "filter"], folder)


if __name__ == "__main__":
    main()
