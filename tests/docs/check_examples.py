# SPDX-License-Identifier: Apache-2.0
"""The C++ programs in the documents compile without a warning, and run.

    check_examples.py SOURCE_ROOT LIBRARY_FOLDER COMPILER...

A ```cpp block with a main() is a program. A block of functions is compiled, and known to the later blocks of its document.
Any other block is compiled as the body of a function; what it takes for granted stands, unseen by readers, in a comment
before it: <!-- given: auto image = vs::placeholder({1, 8, 8, 3}); -->
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(r"(?:^<!-- given: ([^>]*?) -->\n\s*)?^```cpp\n(.*?)^```", re.MULTILINE | re.DOTALL)
FUNCTION = re.compile(r"^[\w:]+ \w+\(.*\{$", re.MULTILINE)
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
FRAGMENT_WARNINGS = ["-Wno-unused-variable", "-Wno-unused-but-set-variable", "-Wno-unused-function"]
PRELUDE = "#include <varscope/varscope.hpp>\nnamespace vs = varscope;\nnamespace {\n"


def examples(root):
    """(where it begins, source, whether it is a program) of each block."""
    for document in [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]:
        text = document.read_text(encoding="utf-8")
        functions = ""
        for block in BLOCK.finditer(text):
            where = f"{document.relative_to(root)}:{text.count(chr(10), 0, block.start(2)) + 1}"
            given, source = block.group(1) or "", block.group(2)
            if "int main(" in source:
                yield where, source, True
            elif FUNCTION.search(source):
                functions += source
                yield where, f"{PRELUDE}{functions}}}\n", False
            else:
                yield where, f"{PRELUDE}{functions}void fragment() {{\n{given}\n{source}\n}}\n}}\n", False


def failure(root, library_folder, compiler, source, is_program):
    """What went wrong with one example; None if nothing did."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "example.cpp"
        path.write_text(source, encoding="utf-8")
        includes = [f"-I{root / part / 'include'}" for part in ("simd", "engine", "input", "io")]
        output = ["-o", Path(folder) / "example", f"-L{library_folder}", f"-Wl,-rpath,{library_folder}", "-lvarscope"]
        purpose = output if is_program else [*FRAGMENT_WARNINGS, "-fsyntax-only"]
        command = [*compiler, "-std=c++20", *WARNINGS, *includes, path, *purpose]
        compiled = subprocess.run(command, capture_output=True, text=True, check=False)
        if compiled.returncode != 0:
            return f"does not compile:\n{compiled.stderr}"
        if not is_program:
            return None
        ran = subprocess.run([Path(folder) / "example"], cwd=folder, capture_output=True, text=True, check=False)
        print(ran.stdout, end="")
        return None if ran.returncode == 0 else f"ends with {ran.returncode}:\n{ran.stdout}{ran.stderr}"


def main():
    root = Path(sys.argv[1])
    library_folder = os.path.abspath(sys.argv[2])
    failed = programs = fragments = 0
    for where, source, is_program in examples(root):
        programs += is_program
        fragments += not is_program
        problem = failure(root, library_folder, sys.argv[3:], source, is_program)
        if problem:
            failed += 1
            print(f"{where}: {problem}")
    print(f"{programs} programs and {fragments} fragments, {failed} failed")
    return 1 if failed or not programs else 0


if __name__ == "__main__":
    sys.exit(main())
