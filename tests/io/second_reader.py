# SPDX-License-Identifier: Apache-2.0
"""A second reader of checkpoints, written from docs/checkpoint_format.md alone, on h5py and numpy: checks names, types,
shapes and every checksum, and gives the values.

    second_reader.py CHECKPOINT...
"""

import struct
import sys

import h5py
import numpy as np

POLYNOMIAL = 0x82F63B78
SMALLEST_BLOCK = 1 << 20
MAX_BLOCKS = 8192
TYPES = ["<f4", "<f8", "<i4", "<i8", "|u1", "|b1"]   # in the order of the digest's codes


def make_table():
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(POLYNOMIAL), table >> 1).astype(np.uint32)
    return table


TABLE = make_table()


def multiply(a, b):
    """The product of two remainders, the coefficient of x^0 in the highest bit."""
    product = 0
    for position in range(31, -1, -1):
        if (a >> position) & 1:
            product ^= b
        b = (b >> 1) ^ (POLYNOMIAL if b & 1 else 0)
    return product


def times_zeros(remainder, count):
    """The remainder once `count` zero bytes have followed."""
    square = 1 << 23   # x^8
    while count:
        if count & 1:
            remainder = multiply(square, remainder)
        square = multiply(square, square)
        count >>= 1
    return remainder


def crc32c(data):
    """Lanes of equal length side by side in numpy, put together as the checksums of parts."""
    data = np.frombuffer(data, dtype=np.uint8)
    lane = 1024
    lanes = len(data) // lane
    checksum = 0
    if lanes > 0:
        columns = np.ascontiguousarray(data[:lanes * lane].reshape(lanes, lane).T)
        remainders = np.full(lanes, 0xFFFFFFFF, dtype=np.uint32)
        for column in columns:
            remainders = (remainders >> 8) ^ TABLE[(remainders ^ column) & 0xFF]
        factor = times_zeros(1 << 31, lane)
        for part in (remainders ^ 0xFFFFFFFF).tolist():
            checksum = multiply(factor, checksum) ^ part
    remainder = checksum ^ 0xFFFFFFFF
    for byte in data[lanes * lane:].tolist():
        remainder = (remainder >> 8) ^ int(TABLE[(remainder ^ byte) & 0xFF])
    return remainder ^ 0xFFFFFFFF


def link_path(name):
    """The path of the dataset that holds the variable `name`, given as bytes."""
    def encoded(component):
        return "".join(chr(byte) if 0x20 <= byte < 0x7F and chr(byte) not in "%:" else f"%{byte:02X}"
                       for byte in component)

    scopes = {b"": "%", b".": "%2E", b"..": "%2E%2E"}
    *groups, leaf = name.split(b"/")
    return "/".join([scopes.get(group, encoded(group)) for group in groups] + [encoded(leaf) + ":0"])


def block_bytes(size):
    block = SMALLEST_BLOCK
    while (size + block - 1) // block > MAX_BLOCKS:
        block *= 2
    return block


def attributes_of(item, required, optional=()):
    names = set(item.attrs)
    assert set(required) <= names <= set(required) | set(optional), (item.name, names)
    return item.attrs


def check_dataset(path, dataset):
    """The variable's name as bytes, its value, and its record in the digest."""
    size = dataset.dtype.itemsize * int(np.prod(dataset.shape, dtype=np.int64))
    block = block_bytes(size)
    lists = ["crc32c_chunks"] if dataset.chunks else ["crc32c_blocks"] if size > block else []
    required = ["name", "crc32c"] + lists
    attributes = attributes_of(dataset, required)
    name = bytes(attributes["name"])
    assert link_path(name) == path, (name, path)
    if dataset.chunks:
        check_chunks(path, dataset, attributes["crc32c_chunks"].tolist())
    value = dataset[()]
    data = np.asarray(value).tobytes()
    assert len(data) == size
    assert int(attributes["crc32c"]) == crc32c(data), f"{path}: the data does not have its checksum"
    if "crc32c_blocks" in lists:
        blocks = [crc32c(data[at:at + block]) for at in range(0, size, block)]
        assert attributes["crc32c_blocks"].tolist() == blocks, f"{path}: a block does not have its checksum"
    code = TYPES.index(dataset.dtype.str)
    record = struct.pack("<Q", len(name)) + name + struct.pack("<BB", code, len(dataset.shape))
    record += struct.pack(f"<{len(dataset.shape)}Q", *dataset.shape) + struct.pack("<I", int(attributes["crc32c"]))
    return name, value, record


def check_chunks(path, dataset, checksums):
    """Each has elements that follow each other, and the checksum of the bytes that are in the file."""
    cut = next((axis for axis, extent in enumerate(dataset.chunks) if extent > 1), len(dataset.shape) - 1)
    assert dataset.chunks[cut + 1:] == dataset.shape[cut + 1:] and dataset.compression == "gzip" and dataset.shuffle, path
    assert dataset.id.get_num_chunks() == len(checksums) == np.prod(np.ceil(np.divide(dataset.shape, dataset.chunks))), path
    for number, checksum in enumerate(checksums):
        chunk = dataset.id.get_chunk_info(number)
        mask, stored = dataset.id.read_direct_chunk(chunk.chunk_offset)
        assert mask in (0, 3) and chunk.byte_offset % 64 == 0, path
        assert crc32c(stored) == checksum, f"{path}: chunk {number} does not have its checksum"


def read_checkpoint(path):
    """The variables by name, and the global step or None. Fails if anything is not as the format says."""
    with h5py.File(path, "r") as file:
        attributes = attributes_of(file, ["format", "format_version", "digest"], ["global_step"])
        version = int(attributes["format_version"])
        assert bytes(attributes["format"]) == b"varscope" and version in (2, 3), path
        step = int(attributes["global_step"]) if "global_step" in attributes else None
        found = []

        def visit(item_path, item):
            if isinstance(item, h5py.Dataset):
                found.append(check_dataset(item_path, item))
            else:
                assert len(item) > 0 and len(item.attrs) == 0, item_path

        file.visititems(visit)
        found.sort(key=lambda variable: variable[0])
        listing = struct.pack("<IBqQ", version, step is not None, step or 0, len(found))
        listing += b"".join(record for _, _, record in found)
        assert int(attributes["digest"]) == crc32c(listing), f"{path}: the digest does not fit"
        return {name: value for name, value, _ in found}, step


def main():
    for path in sys.argv[1:]:
        variables, step = read_checkpoint(path)
        for name, value in variables.items():
            print(f"{name.decode(errors='backslashreplace')}  {value.dtype}  {value.shape}")
        print(f"{path}: {len(variables)} variables, global step {step}, every checksum holds")


if __name__ == "__main__":
    main()
