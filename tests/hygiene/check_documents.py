# SPDX-License-Identifier: Apache-2.0
"""Documents that keep up: links lead somewhere, every folder says what it is for, CHANGELOG has the version.

    check_documents.py SOURCE_ROOT VERSION
"""

import re
import sys
from pathlib import Path

from source_tree import project_files, report

FOLDERS = ["simd", "engine", "io", "input", "tools", "examples", "perf", "scripts", "tests", "docs"]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def broken_links(root, path):
    text = FENCED.sub("", (root / path).read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if "://" not in target and not (root / path.parent / target).exists():
            yield f"{path}: the link to {target} leads nowhere"


def main():
    root = Path(sys.argv[1])
    version = sys.argv[2]
    documents = [path for path in project_files(root) if path.suffix == ".md"]
    problems = [problem for path in documents for problem in broken_links(root, path)]
    for folder in FOLDERS:
        if (root / folder).is_dir() and not (root / folder / "README.md").is_file():
            problems.append(f"{folder}/README.md: missing; it says what the folder is for and where to start")
    readme = (root / "README.md").read_text(encoding="utf-8")
    for folder in FOLDERS:
        if f"{folder}/" not in readme:
            problems.append(f"README.md: does not mention {folder}/")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## {re.escape(version)}\b", changelog, re.MULTILINE):
        problems.append(f"CHANGELOG.md: no section '## {version}' for the version in meson.build")
    report(problems, f"{len(documents)} documents")


if __name__ == "__main__":
    main()
