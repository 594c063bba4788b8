# SPDX-License-Identifier: Apache-2.0
"""docs/scope_errors.md shows every error that scopes and variables can give, as the library words it today.

    check_scope_errors.py SOURCE_ROOT VARSCOPE_PROGRAM [--write]

Each case is a scope program whose last refused statement is the one to show. --write makes the page anew."""

import subprocess
import sys
import tempfile
from pathlib import Path

CASES = [
    ("A name that exists, where the scope does not share", "variable_scope conv1\nget_variable weights [3]\nget_variable weights [3]\nend"),
    ("A name that does not exist, where the scope only shares",
     "get_variable conv1/weights [3]\nvariable_scope conv1 reuse=true\nget_variable wieghts [3]\nend"),
    ("Another shape", "get_variable v [2,3]\nreuse_variables\nget_variable v [3,2]"),
    ("Another dtype", "get_variable v [2]\nreuse_variables\nget_variable v [2] dtype=int32"),
    ("A shape that is not fully known", "get_variable v [?,3]"),
    ("No shape, and no value that has one", "get_variable v none"),
    ("A shape beside an initial value", "get_variable v [2] initial_value=[1.0,2.0]"),
    ("An initial value that contradicts the dtype", "get_variable v none initial_value=1.5 dtype=int32"),
    ("An initializer that cannot make the dtype", "get_variable v [2] initializer=0.5 dtype=int32"),
    ("A shape beside an initializer that gives one", "get_variable v [2] initial_value_function=[1.0,2.0]"),
    ("A slicing of another rank", "create_partitioned_variables [4,2] 2"),
    ("An assignment of another shape", "get_variable v [2] as=v\nget_variable w [3] as=w\nop assign v w"),
    ("A name that is none", "get_variable a:b [2]"),
    ("A scope's name that is none", "variable_scope _conv\nend"),
    ("A name scope's name that is none", 'name_scope a:b\nend'),
    ("A default name with a reuse flag", "variable_scope none default=layer reuse=true\nend"),
    ("A partitioner for a name that is not partitioned", "get_variable v [4]\nget_variable v [4] partitioner=2"),
    ("No partitioner for a name that is", "get_variable v [4] partitioner=2\nget_variable v [4]"),
    ("Other partitions", "get_variable v [4] partitioner=2\nreuse_variables\nget_variable v [4] partitioner=4"),
    ("A partitioner with a number too few", "get_variable v [4,2] partitioner=2"),
    ("A partitioner that cuts two axes", "get_variable v [4,2] partitioner=2,2"),
    ("More parts than elements", "get_variable v [4] partitioner=5"),
    ("A partitioned variable of unknown shape", "get_variable v [?] partitioner=2"),
    ("A regularizer for integers", "get_variable v [2] dtype=int32 regularizer=0.1"),
    ("A collection's scope that is no regular expression", "get_variable v [2]\ncollection variables scope=(v"),
    ("A template's second call that makes a trainable variable",
     "template layer as=t\nvariable 1.0 name=w\nend\ncall t\ncall t"),
    ("An operation of exactly that name", "op constant name=c\nop constant name=c/"),
    ("Operands that do not fit", "get_variable a [2,3] as=a\nop matmul a a"),
]

HEADER = """# Errors of scopes and variables

What is refused, and how the message reads. Each is made by a small [scope program](scope_programs.md), here called
`model`; in C++ the places are lines of your program. The table is generated (`tests/docs/check_scope_errors.py`), and a
test compares it with what the library says.
"""


def last_error(program, text):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model").write_text(text + "\n", encoding="utf-8")
        result = subprocess.run([program, "scopes", "--explain", "model"], cwd=folder, capture_output=True, text=True,
                                check=False)
    lines = result.stdout.splitlines()
    found = [index for index, line in enumerate(lines) if line.startswith("error ")]
    if not found:
        sys.exit(f"nothing was refused:\n{text}\n{result.stdout}{result.stderr}")
    message = [line[2:] for line in lines[found[-1] + 1:] if line.startswith("# ")]
    return lines[found[-1]].removeprefix("error "), " ".join(message)


def page(program):
    parts = [HEADER]
    for title, text in CASES:
        kind, message = last_error(program, text)
        statements = "\n".join("    " + line for line in text.split("\n"))
        parts.append(f"## {title}\n\n{statements}\n\n**{kind}**: {message}\n")
    return "\n".join(parts)


def main():
    document = Path(sys.argv[1]) / "docs" / "scope_errors.md"
    made = page(str(Path(sys.argv[2]).resolve()))
    if "--write" in sys.argv[3:]:
        document.write_text(made, encoding="utf-8")
        return
    if document.read_text(encoding="utf-8") == made:
        print(f"{len(CASES)} errors read as {document.name} says")
        return
    sys.exit(f"{document.name} does not say what the library says; check_scope_errors.py ... --write makes it anew")


if __name__ == "__main__":
    main()
