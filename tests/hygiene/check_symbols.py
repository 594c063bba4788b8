# SPDX-License-Identifier: Apache-2.0
"""The shared library exports what is marked VARSCOPE_API and nothing else: no third-party or standard-library
template, no kernel, no private part.

    check_symbols.py NM LIBRARY
"""

import re
import subprocess
import sys

from source_tree import report

# The compiler's names for what belongs to a class: its run-time type, virtual table, calls through a base.
BELONGS_TO = r"(?:(?:typeinfo|typeinfo name|vtable|VTT|guard variable) for |non-virtual thunk to |virtual thunk to )?"
EXPECTED = re.compile(BELONGS_TO + r"(?:[\w:<>*&, ]+ )?varscope::(?!simd::|detail::private)")


def main():
    nm, library = sys.argv[1:]
    listing = subprocess.run([nm, "--dynamic", "--demangle", "--defined-only", "--extern-only", library],
                             capture_output=True, text=True, check=True).stdout
    symbols = [line.split(maxsplit=2)[-1] for line in listing.splitlines() if line.strip()]
    if len(symbols) < 20:
        sys.exit(f"only {len(symbols)} symbols in {library}: is it the shared library?")
    report([f"unexpected export: {symbol}" for symbol in symbols if not EXPECTED.match(symbol)], f"{len(symbols)} exports")


if __name__ == "__main__":
    main()
