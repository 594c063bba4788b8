# SPDX-License-Identifier: Apache-2.0
"""The fuzzer's corpus as one file: each input's size in 4 bytes, little-endian, and its bytes; all of it compressed.

    corpus_archive.py pack DIRECTORY ARCHIVE
    corpus_archive.py unpack ARCHIVE DIRECTORY
"""

import gzip
import hashlib
import struct
import sys
from pathlib import Path


def pack(directory, archive):
    inputs = sorted(path.read_bytes() for path in Path(directory).iterdir() if path.is_file())
    content = b"".join(struct.pack("<I", len(data)) + data for data in inputs)
    Path(archive).write_bytes(gzip.compress(content, mtime=0))
    print(f"{len(inputs)} inputs, {len(content)} bytes, {Path(archive).stat().st_size} in the archive")


def unpack(archive, directory):
    content = gzip.decompress(Path(archive).read_bytes())
    at = 0
    while at < len(content):
        size = struct.unpack_from("<I", content, at)[0]
        data = content[at + 4:at + 4 + size]
        Path(directory, hashlib.sha1(data).hexdigest()).write_bytes(data)
        at += 4 + size


def main():
    {"pack": pack, "unpack": unpack}[sys.argv[1]](sys.argv[2], sys.argv[3])


if __name__ == "__main__":
    main()
