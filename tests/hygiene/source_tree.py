# SPDX-License-Identifier: Apache-2.0
"""The project's own files: everything that belongs in version control, found without asking git for it."""

import os
import sys
from pathlib import Path

CPP_SUFFIXES = {".cpp", ".hpp", ".inc"}


def is_generated(name, parent):
    if parent == ".":
        return name == ".git" or name == "demo-output" or name.startswith("build")
    return name == "__pycache__" or (parent == "subprojects" and name != "packagefiles")


def project_files(root):
    """Paths relative to `root`, sorted."""
    found = []
    for folder, names, files in os.walk(root):
        parent = os.path.relpath(folder, root)
        names[:] = sorted(name for name in names if not is_generated(name, parent))
        found += [Path(os.path.relpath(os.path.join(folder, name), root)) for name in files if name != ".git"]
    return sorted(found)


def cpp_files(root):
    return [path for path in project_files(root) if path.suffix in CPP_SUFFIXES]


def report(problems, what):
    """Ends the script: prints the problems and fails, or says what was checked."""
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(f"{len(problems)} problem(s)")
    print(f"{what}: all in order")
