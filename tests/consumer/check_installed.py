# SPDX-License-Identifier: Apache-2.0
"""Installs the built library into a temporary folder and builds a user's program with pkg-config alone.

    check_installed.py MESON BUILD_FOLDER PROGRAM.cpp VERSION COMPILER...
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def run(command, **options):
    print("$", " ".join(map(str, command)), flush=True)
    return subprocess.run(command, check=True, text=True, **options)


def only(paths, what):
    found = list(paths)
    if len(found) != 1:
        sys.exit(f"expected one {what} below the installation, found {found}")
    return found[0]


def main():
    meson, build_folder, program, version, *compiler = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        run([meson, "install", "-C", build_folder, "--no-rebuild", "--quiet", "--skip-subprojects",
             "--tags", "runtime,devel", "--destdir", root])
        package = only(root.rglob("varscope.pc"), "pkg-config file")
        only(root.rglob("varscope.hpp"), "umbrella header")
        library = only(root.rglob("libvarscope.so.0"), "soname link")

        environment = {**os.environ, "PKG_CONFIG_PATH": str(package.parent), "PKG_CONFIG_SYSROOT_DIR": str(root)}
        flags = run(["pkg-config", "--cflags", "--libs", "varscope"], env=environment, stdout=subprocess.PIPE).stdout.split()
        found_version = run(["pkg-config", "--modversion", "varscope"], env=environment, stdout=subprocess.PIPE).stdout
        if found_version.strip() != version:
            sys.exit(f"pkg-config says version {found_version}, meson.build says {version}")
        for flag in flags:
            if any(name in flag for name in ("tbb", "hdf5", "xsimd")):
                sys.exit(f"a user's program has to name {flag}: nothing but varscope should be needed to build against it")

        executable = Path(folder) / "filter"
        run([*compiler, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror",
             program, "-o", executable, *flags])
        needed = run(["readelf", "--dynamic", executable], stdout=subprocess.PIPE).stdout
        if "[libvarscope.so.0]" not in needed:
            sys.exit(f"the program was not linked to the soname libvarscope.so.0:\n{needed}")
        run([executable], cwd=folder, env={**os.environ, "LD_LIBRARY_PATH": str(library.parent)})


if __name__ == "__main__":
    main()
