# SPDX-License-Identifier: Apache-2.0
"""statements.md is true: every program and C++ case that it names exists, it names all that there are, and every
statement has a program, a C++ case or a reason why C++ cannot mean it, with a link to the page that says so.

    check_statements.py SOURCE_ROOT [--write]

--write fills in the columns of programs and C++ cases from what exists."""

import re
import sys
from pathlib import Path

ROW = re.compile(r"^\| ([A-Z]{1,2}\d*[a-z]?) \|(.*?)\|(.*?)\|(.*)\|$")
CASE = re.compile(r"BOOST_(?:AUTO|FIXTURE)_TEST_CASE\((\w+)")


def statements_of(name):
    """The statements that a name begins with: TP1_TP2_rest belongs to TP1 and TP2."""
    found = []
    for word in name.split("_"):
        if not re.fullmatch(r"[A-Z]{1,2}\d*[a-z]?", word) or (word.isupper() and len(word) > 1 and not word[-1].isdigit()):
            break
        found.append(word)
    return found


def collect(names):
    found = {}
    for name in names:
        of = statements_of(name)
        rest = name.split("_", len(of))[-1]
        for statement in of:
            found.setdefault(statement, []).append((name, rest))
    return found


def main():
    root = Path(sys.argv[1])
    here = root / "tests" / "conformance"
    programs = collect(re.findall(r"^program (\w+)", "".join(
        path.read_text(encoding="utf-8") for path in sorted((here / "statements").glob("*.scope"))), re.MULTILINE))
    cases = collect(CASE.findall("".join(
        path.read_text(encoding="utf-8") for path in sorted((root / "tests" / "engine").rglob("*.cpp")))))
    table = here / "statements.md"
    lines, problems, rows, with_program, with_case = [], [], 0, 0, 0
    for line in table.read_text(encoding="utf-8").splitlines():
        row = ROW.match(line)
        if row:
            rows += 1
            statement, reason = row[1], row[4].strip()
            in_programs = "<br>".join(rest for _, rest in programs.get(statement, []))
            in_cases = "<br>".join(name for name, _ in cases.get(statement, cases.get(statement[0], []) if statement[0] == "S" else []))
            with_program += bool(in_programs)
            with_case += bool(in_cases)
            if not (in_programs or in_cases or reason):
                problems.append(f"{statement}: neither a program nor a C++ case nor a reason")
            elif not (in_programs or in_cases) and "docs/" not in reason:
                problems.append(f"{statement}: what neither a program nor a C++ case shows must be documented; link the page")
            line = " | ".join(["| " + statement, in_programs, in_cases, reason]).replace("  ", " ") + " |"
            line = line.replace("  |", " |")
        lines.append(line)
    made = "\n".join(lines) + "\n"
    if "--write" in sys.argv[2:]:
        table.write_text(made, encoding="utf-8")
    elif made != table.read_text(encoding="utf-8"):
        problems.append("statements.md does not list what there is: check_statements.py SOURCE_ROOT --write")
    if rows < 150:
        problems.append(f"only {rows} statements were found in statements.md")
    if problems:
        sys.exit("\n".join(problems))
    print(f"{rows} statements: {with_program} have programs, {with_case} C++ cases, each one of them or a documented reason")


if __name__ == "__main__":
    main()
