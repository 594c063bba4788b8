# SPDX-License-Identifier: Apache-2.0
"""Each picture docs/NAME.svg is what `varscope scopes --svg` draws of docs/NAME.scope.

    check_pictures.py SOURCE_ROOT VARSCOPE_PROGRAM
"""

import subprocess
import sys
import tempfile
from pathlib import Path


def main():
    documents = Path(sys.argv[1]) / "docs"
    programs = sorted(documents.glob("*.scope"))
    if not programs:
        sys.exit(f"no scope programs in {documents}")
    for program in programs:
        with tempfile.TemporaryDirectory() as folder:
            picture = Path(folder) / "made.svg"
            subprocess.run([sys.argv[2], "scopes", program, "--svg", picture], check=True, stdout=subprocess.DEVNULL)
            if picture.read_bytes() != program.with_suffix(".svg").read_bytes():
                sys.exit(f"{program.stem}.svg is not what is drawn today: varscope scopes {program.name} --svg {program.stem}.svg")
    print(f"{len(programs)} pictures are up to date")


if __name__ == "__main__":
    main()
