# SPDX-License-Identifier: Apache-2.0
"""Everything in scripts/ parses; what a person runs is executable, answers --help, and is in scripts/README.md.

    check_scripts.py SOURCE_ROOT
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

from source_tree import report


def problems_of(script):
    text = script.read_text(encoding="utf-8")
    if script.suffix == ".py":
        ast.parse(text, str(script))
        return
    syntax = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    if syntax.returncode != 0:
        yield f"does not parse: {syntax.stderr}"
    if script.suffix == ".sh":   # sourced, not run
        return
    if not os.access(script, os.X_OK):
        yield "is not executable"
        return
    if not text.startswith("#!/usr/bin/env bash\n"):
        yield "must begin with #!/usr/bin/env bash"
    answer = subprocess.run([script, "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if answer.returncode != 0 or f"scripts/{script.name}" not in answer.stdout:
        yield f"--help must succeed and show how to call it: {answer.stdout}{answer.stderr}"


def main():
    root = Path(sys.argv[1])
    scripts = sorted(path for path in (root / "scripts").iterdir() if path.is_file() and path.suffix != ".md")
    overview = (root / "scripts" / "README.md").read_text(encoding="utf-8")
    problems = []
    for script in scripts:
        problems += [f"scripts/{script.name}: {problem}" for problem in problems_of(script)]
        if f"`{script.name}`" not in overview:
            problems.append(f"scripts/README.md: does not mention `{script.name}`")
    report(problems, f"{len(scripts)} scripts")


if __name__ == "__main__":
    main()
