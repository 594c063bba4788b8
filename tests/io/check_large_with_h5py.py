# SPDX-License-Identifier: Apache-2.0
"""h5py finds the elements of a variable of more than 4 GiB, and of one behind it, where they belong.

    check_large_with_h5py.py WRITE_LARGE_SAMPLE_PROGRAM
"""

import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import h5py
except ImportError as problem:
    print(f"skipped: {problem}; install python3-h5py")
    sys.exit(77)

# As in large_sample.hpp.
ROWS, COLUMNS = 2**18 + 1, 4099
MARKS = [0, 2**30 - 1, 2**30, 2**30 + 1, 2**30 + 65537, ROWS * COLUMNS - 1]


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.h5")
        subprocess.run([sys.argv[1], path], check=True)
        assert path.stat().st_size > ROWS * COLUMNS * 4 > 2**32
        assert path.stat().st_blocks * 512 < 2**20, "the file takes space"
        with h5py.File(path, "r") as file:
            large = file["large:0"]
            assert large.shape == (ROWS, COLUMNS) and large.dtype == "<f4"
            assert len(large.attrs["crc32c_blocks"]) == -(-ROWS * COLUMNS * 4 // 2**20)
            for value, mark in enumerate(MARKS, 1):
                row, column = divmod(mark, COLUMNS)
                found = large[row]
                assert found[column] == value, (mark, found[column])
                here = [other for other in MARKS if other // COLUMNS == row]
                assert (found != 0).sum() == len(here), mark
            assert list(file["before:0"]) == [1, 2, 3]
            assert list(file["scope/behind:0"]) == [-1, 2**40]
            assert file["scope/behind:0"].id.get_offset() > 2**32
    print("h5py reads a variable of more than 4 GiB")


if __name__ == "__main__":
    main()
