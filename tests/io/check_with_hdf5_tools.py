# SPDX-License-Identifier: Apache-2.0
"""HDF5's own programs as judges of checkpoints: h5dump, h5ls and h5diff read what we write, without a complaint.

    check_with_hdf5_tools.py WRITE_SAMPLE_PROGRAM
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAMS = ["h5dump", "h5ls", "h5diff"]
VARIABLES = {   # what write_sample.cpp writes: dataset, and the type as h5dump calls it
    "/conv1/weights:0": "H5T_IEEE_F32LE",
    "/conv1/weights/Momentum:0": "H5T_IEEE_F64LE",
    "/conv1/biases:0": "H5T_STD_I32LE",
    "/global_step:0": "H5T_STD_I64LE",
    "/foo/%/pixels:0": "H5T_STD_U8LE",
    "/%2E%2E/mask:0": "H5T_ENUM",
    "/empty:0": "H5T_IEEE_F32LE",
    "/large:0": "H5T_IEEE_F32LE",
    "/100%25%3A %C3%A4:0": "H5T_IEEE_F32LE",
}


def run(*command, expect=0):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == expect and done.stderr == "", (command, done.returncode, done.stdout[-500:], done.stderr)
    return done.stdout


def check(program, folder):
    sample = folder / "sample.h5"
    run(program, sample)

    for dataset, dtype in VARIABLES.items():
        text = run("h5dump", "-d", dataset, sample)
        assert f"DATATYPE  {dtype}" in text and 'ATTRIBUTE "crc32c"' in text, (dataset, text[:500])
    # The rule of write_sample.cpp, for variable 2: (7 k + 26) mod 101 - 50.
    assert "(0): -24, -17, -10, -3, 4, 11," in run("h5dump", "-d", "/conv1/biases:0", sample)
    whole = run("h5dump", sample)
    assert whole.count("DATASET") == len(VARIABLES) and 'ATTRIBUTE "digest"' in whole

    listed = run("h5ls", "-r", "-v", sample)
    for dataset in VARIABLES:
        assert dataset.replace(" ", "\\ ") in listed, (dataset, listed)

    compressed = folder / "compressed.h5"
    run(program, "--compressed", compressed)
    run("h5dump", compressed)
    chunked = ["/large:0", "/conv1/weights:0", "/conv1/weights/Momentum:0"]   # with other checksums
    without = [word for path in ["/", *chunked] for word in ("--exclude-attribute", path)]
    run("h5diff", *without, sample, compressed)
    for dataset in chunked:
        plain, unpacked = (run("h5dump", "-d", dataset, path).split("\n", 1)[1].split("ATTRIBUTE")[0]
                           for path in (sample, compressed))
        assert plain == unpacked, dataset
    described = run("h5dump", "-p", "-H", "-d", "/large:0", compressed)
    assert "CHUNKED ( 234, 1000 )" in described and "SHUFFLE" in described and "DEFLATE { LEVEL 6 }" in described
    run("h5ls", "-r", "-v", compressed)

    again = folder / "again.h5"
    run(program, again)
    assert sample.read_bytes() == again.read_bytes()
    run("h5diff", sample, again)
    changed = bytearray(sample.read_bytes())
    changed[-1] ^= 1   # of the last variable's data
    again.write_bytes(changed)
    run("h5diff", sample, again, expect=1)
    print(f"h5dump, h5ls and h5diff read all {len(VARIABLES)} variables")


def main():
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        print(f"skipped: there is no {', '.join(missing)}; install hdf5-tools")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        check(sys.argv[1], Path(folder))


if __name__ == "__main__":
    main()
