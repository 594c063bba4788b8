# SPDX-License-Identifier: Apache-2.0
"""Every public header compiles alone and included twice, without a warning, seeing only its own part and those below.

    check_headers.py SOURCE_ROOT COMPILER [ARGUMENT...]
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PARTS = ["simd", "engine", "input", "io"]   # from the bottom up
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wnon-virtual-dtor", "-Wold-style-cast",
            "-Wno-missing-field-initializers", "-Werror"]


def public_headers(root):
    """(include roots, header name) of each header."""
    roots = []
    for part in PARTS:
        include_root = root / part / "include"
        roots = [*roots, include_root]
        for header in sorted(include_root.rglob("*.hpp")):
            yield roots, header.relative_to(include_root).as_posix()


def compile_twice_included(compiler, roots, name):
    source = f"#include <{name}>\n#include <{name}>\n"
    command = [*compiler, "-std=c++20", *WARNINGS, *(f"-I{root}" for root in roots), "-fsyntax-only", "-x", "c++", "-"]
    return name, subprocess.run(command, input=source, capture_output=True, text=True, check=False)


def main():
    root = Path(sys.argv[1])
    compiler = sys.argv[2:]
    headers = list(public_headers(root))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda header: compile_twice_included(compiler, *header), headers))
    failed = [(name, result.stderr) for name, result in results if result.returncode != 0]
    for name, errors in failed:
        print(f"<{name}> does not compile alone:\n{errors}")
    print(f"{len(headers)} public headers, {len(failed)} failed")
    return 1 if failed or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
