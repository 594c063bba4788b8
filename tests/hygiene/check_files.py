# SPDX-License-Identifier: Apache-2.0
"""Rules for each file by itself: size, characters, licence line, whitespace, nothing unfinished, no machine paths.

    check_files.py SOURCE_ROOT
"""

import re
import sys
from pathlib import Path

from source_tree import CPP_SUFFIXES, project_files, report

MAX_LINES = 600
UNLIMITED_SUFFIXES = {".scope"}   # many small programs and what they print
MAX_BUILD_FILE_LINES = {"meson.build": 60, "": 150}   # a folder's; the root's
LICENCE = "SPDX-License-Identifier: Apache-2.0"
SOURCE_SUFFIXES = CPP_SUFFIXES | {".py", ".sh", ".build"}
BINARY_SUFFIXES = {".png", ".h5", ".gz"}

# Written in two halves so that this file passes its own test.
UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "not " + "implemented", "for " + "now,"]))
MACHINE_PATH = re.compile("|".join(["/wo" + "rk/", "/ho" + "me/", "/ro" + r"ot\b", "/Us" + "ers/", r"/tmp/\w"]))


def is_source(path, text):
    return path.suffix in SOURCE_SUFFIXES or text.startswith("#!")


def problems_of(path, text):
    lines = text.split("\n")
    if text and not text.endswith("\n"):
        yield len(lines), "no newline at the end"
    limit = MAX_LINES
    if path.name == "meson.build":
        limit = MAX_BUILD_FILE_LINES["" if len(path.parts) == 1 else path.name]
    if path.name != "LICENSE" and path.suffix not in UNLIMITED_SUFFIXES and len(lines) - 1 > limit:
        yield len(lines) - 1, f"longer than {limit} lines: split it by idea"
    if is_source(path, text):
        if not any(LICENCE in line for line in lines[:2]):
            yield 1, f"the first line (or the one after #!) must say: {LICENCE}"
    for number, line in enumerate(lines, 1):
        if is_source(path, text) and not line.isascii():
            yield number, "only ASCII in sources"
        if line != line.rstrip():
            yield number, "trailing whitespace"
        if "\t" in line:
            yield number, "tab"
        if "\r" in line:
            yield number, "carriage return"
        if UNFINISHED.search(line):
            yield number, f"unfinished: {line.strip()}"
        if MACHINE_PATH.search(line):
            yield number, f"a path of one machine: {line.strip()}"


def main():
    root = Path(sys.argv[1])
    problems = []
    files = [path for path in project_files(root) if path.suffix not in BINARY_SUFFIXES and path.name != ".gitkeep"]
    for path in files:
        text = (root / path).read_text(encoding="utf-8")
        problems += [f"{path}:{number}: {problem}" for number, problem in problems_of(path, text)]
    report(problems, f"{len(files)} files")


if __name__ == "__main__":
    main()
