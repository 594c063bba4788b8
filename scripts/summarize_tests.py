# SPDX-License-Identifier: Apache-2.0
"""Reads the results that `meson test` left, shows what failed, and ends with the line "N passed, N failed".

    summarize_tests.py testlog.json LOG    exit status: 0 only if a test ran and none failed
"""

import json
import sys

LINES_SHOWN = 60
PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP", "IGNORED"}


def read_results(path):
    try:
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.strip()]
    except FileNotFoundError:
        return []


def show_failure(test):
    output = (test.get("stdout") or "") + (test.get("stderr") or "")
    print(f"\nFAILED: {test['name']} ({test['result']}, {test['duration']:.1f} s)")
    for line in output.splitlines()[-LINES_SHOWN:]:
        print("    " + line)


def main():
    results_path, log_path = sys.argv[1:]
    results = read_results(results_path)
    passed = [test for test in results if test["result"] in PASSED]
    skipped = [test for test in results if test["result"] in SKIPPED]
    failed = [test for test in results if test["result"] not in PASSED | SKIPPED]
    for test in failed:
        show_failure(test)
    if failed:
        print()
    for test in skipped:
        print(f"  skipped: {test['name']}")
    if not passed and not failed:
        print(f"error: no test ran; {log_path} says why")
    line = f"{len(passed)} passed, {len(failed)} failed"
    print(line + (f", {len(skipped)} skipped" if skipped else ""))
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
