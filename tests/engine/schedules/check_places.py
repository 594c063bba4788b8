#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every atomic access in the sources is run under the scheduler: compares the calls in the text of the headers with the
places that the scenarios met.

    check_places.py SCHEDULE_CAMPAIGN HEADER..."""

import re
import subprocess
import sys
from pathlib import Path

CALL = re.compile(r"(\.|->)(load|store|exchange|compare_exchange_strong|compare_exchange_weak|fetch_add|fetch_sub)\(")


def without_comments(text):
    return re.sub(r"//[^\n]*", lambda comment: " " * len(comment.group()), text)


def calls_of(path):
    """The lines from which to which each atomic call goes: those that state an order."""
    text = without_comments(path.read_text(encoding="utf-8"))
    calls = []
    for match in CALL.finditer(text):
        depth, end = 1, match.end()
        while depth > 0:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        if "memory_order_" in text[match.end():end]:
            calls.append((text.count("\n", 0, match.start()) + 1, text.count("\n", 0, end) + 1))
    return calls


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    result = subprocess.run([sys.argv[1], "--places"], capture_output=True, text=True, check=True)
    met = set()
    for line in result.stdout.splitlines():
        file, number, column, part, _ = line.split()
        if part == "order":
            met.add((file, int(number), int(column)))
    problems = []
    total = 0
    for name in sys.argv[2:]:
        path = Path(name)
        calls = calls_of(path)
        total += len(calls)
        lines = [number for file, number, _ in met if file == path.name]
        for first, last in calls:
            if not any(first <= number <= last for number in lines):
                problems.append(f"{path.name}:{first}: no scenario runs this access")
        if len(lines) != len(calls):
            problems.append(f"{path.name}: has {len(calls)} accesses, but the scenarios ran {len(lines)}")
    print("\n".join(problems) if problems else f"all {total} accesses of {len(sys.argv) - 2} files are run")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
