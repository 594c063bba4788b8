#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that the stored scope programs notice small faults: puts each of mutations.py into a copy of the sources,
builds it and replays the programs, which must not all print what they should.

    check_mutations.py [--only WORDS] [--keep DIR]

It takes some minutes: a first build without optimization, then one file and one link for each fault. Prints a line
a fault; exit status 1 if one is not noticed."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mutations import MUTATIONS

ROOT = Path(__file__).resolve().parents[2]


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)


def build(folder):
    return run("ninja", "-C", folder / "build", "tools/varscope")


def replay(folder):
    programs = sorted((ROOT / "tests" / "conformance").glob("*/*.scope"))
    return run(folder / "build" / "tools" / "varscope", "scopes", "--batch", *programs, "--show", "0")


def set_up(folder):
    shutil.copytree(ROOT, folder / "source", ignore=shutil.ignore_patterns("build", "build-*", ".git", "demo-output"))
    result = run("meson", "setup", folder / "build", folder / "source", "--buildtype=plain",
                 "-Dtests=disabled", "-Dexamples=disabled", "-Dperf=disabled", "-Dtools=enabled",
                 "-Donednn=disabled", "-Disas=sse4_2", "-Db_pch=false")
    if result.returncode == 0:
        result = build(folder)
    if result.returncode == 0:
        result = replay(folder)
    if result.returncode != 0:
        sys.exit(f"without a fault already:\n{result.stdout[-3000:]}{result.stderr[-3000:]}")


def notice(folder, path, text, faulty):
    """What was seen of a fault: None if nothing."""
    source = folder / "source" / "engine" / path
    original = source.read_text(encoding="utf-8")
    if original.count(text) != 1:
        sys.exit(f"mutations.py: {path} has this {original.count(text)} times, not once:\n{text}")
    source.write_text(original.replace(text, faulty), encoding="utf-8")
    try:
        built = build(folder)
        if built.returncode != 0:
            sys.exit(f"mutations.py: with this fault {path} does not compile:\n{built.stdout[-2000:]}")
        result = replay(folder)
    finally:
        source.write_text(original, encoding="utf-8")
    lines = result.stdout.strip().splitlines()
    return None if result.returncode == 0 else (lines[-1] if lines else f"exit status {result.returncode}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="WORDS", default="", help="only the faults whose description has these")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="work in this new folder and keep it")
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="varscope-mutations-"))
    folder.mkdir(exist_ok=True)
    missed = 0
    try:
        print("building without a fault ...", flush=True)
        set_up(folder)
        for description, path, text, faulty in MUTATIONS:
            if arguments.only not in description:
                continue
            seen = notice(folder, path, text, faulty)
            missed += seen is None
            print(f"{'caught' if seen else 'MISSED'}  {description} ({path}): {seen or 'every program agrees'}", flush=True)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder)
    print(f"{missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
