#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The libraries compiled for one instruction set must define nothing that the linker could choose for the whole
program: every symbol that leaves them lies in varscope::simd::<instruction set>."""
import pathlib
import subprocess
import sys

COMPILER_MARKS = ("DW.ref.", "__odr_asan")  # of exception tables, of the address sanitizer


def foreign_symbols(library, isa):
    command = ["nm", "--demangle", "--defined-only", library]
    listing = subprocess.run(command, check=True, capture_output=True, text=True)
    foreign, own = [], 0
    for line in listing.stdout.splitlines():
        fields = line.split(maxsplit=2)
        if len(fields) != 3 or len(fields[1]) != 1:
            continue  # the name of an object file, or a blank line
        kind, name = fields[1], fields[2]
        if name.startswith(f"varscope::simd::{isa}::"):
            own += 1
        elif (kind.isupper() or kind in "vwu") and not name.startswith(COMPILER_MARKS):
            foreign.append(f"{kind} {name}")
    return foreign, own


def main():
    failed = False
    for path in sys.argv[1:]:
        isa = pathlib.Path(path).stem.removeprefix("libvarscope_simd_")
        foreign, own = foreign_symbols(path, isa)
        if own == 0:
            print(f"{path}: defines nothing in varscope::simd::{isa}")
            failed = True
        for symbol in foreign:
            print(f"{path}: symbol outside of varscope::simd::{isa}: {symbol}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
