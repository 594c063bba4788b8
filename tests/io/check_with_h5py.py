# SPDX-License-Identifier: Apache-2.0
"""h5py as the judge of checkpoints: it reads every value of ours, a second reader built on it finds every checksum right,
and what h5py writes itself we refuse clearly.

    check_with_h5py.py WRITE_SAMPLE_PROGRAM
"""

import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import h5py
    import numpy as np

    from second_reader import read_checkpoint
except ImportError as problem:
    print(f"skipped: {problem}; install python3-h5py")
    sys.exit(77)

# Dataset: variable name, shape, dtype, number. The rule for the elements is in write_sample.cpp.
EXPECTED = {
    "/conv1/weights:0": ("conv1/weights", (5, 5, 3, 32), "<f4", 0),
    "/conv1/weights/Momentum:0": ("conv1/weights/Momentum", (5, 5, 3, 32), "<f8", 1),
    "/conv1/biases:0": ("conv1/biases", (32,), "<i4", 2),
    "/global_step:0": ("global_step", (), "<i8", 3),
    "/foo/%/pixels:0": ("foo//pixels", (7, 11), "u1", 4),
    "/%2E%2E/mask:0": ("../mask", (3, 3), "?", 5),
    "/empty:0": ("empty", (4, 0), "<f4", 6),
    "/large:0": ("large", (700, 1000), "<f4", 8),
    "/100%25%3A %C3%A4:0": ("100%: \u00e4", (2,), "<f4", 7),
}


def expected_values(shape, dtype, number):
    values = (np.arange(np.prod(shape, dtype=np.int64)) * 7 + number * 13) % 101
    if dtype == "?":
        values = values % 2 != 0
    elif dtype != "u1":
        values = values - 50
    return values.astype(dtype).reshape(shape)


def check_reading(path, version):
    raw = path.read_bytes()
    with h5py.File(path, "r") as file:
        found = {}
        file.visititems(lambda name, item: found.update({"/" + name: item}) if isinstance(item, h5py.Dataset) else None)
        assert set(found) == set(EXPECTED), set(found) ^ set(EXPECTED)
        assert bytes(file.attrs["format"]) == b"varscope"
        assert file.attrs["format_version"] == version
        assert file.attrs["global_step"] == 77
        for dataset_path, (name, shape, dtype, number) in EXPECTED.items():
            dataset = file[dataset_path]
            values = expected_values(shape, dtype, number)
            assert dataset.shape == shape and dataset.dtype == np.dtype(dtype), (dataset_path, dataset)
            assert np.array_equal(dataset[()], values), dataset_path
            assert bytes(dataset.attrs["name"]).decode() == name
            assert (dataset.chunks is not None) == (version == 3 and values.nbytes >= 4096), dataset_path
            if dataset.chunks is not None:
                assert dataset.compression == "gzip" and dataset.shuffle and dataset.id.get_storage_size() < values.nbytes
                assert dataset.id.get_num_chunks() == (3 if name == "large" else 1)
            elif values.size > 0:   # the data stands where the file says, for whoever maps it
                offset = dataset.id.get_offset()
                assert offset % (4096 if values.nbytes >= 4096 else 64) == 0
                assert raw[offset:offset + values.nbytes] == values.tobytes(), dataset_path
    print(f"h5py {h5py.__version__} reads all {len(EXPECTED)} variables")

    variables, step = read_checkpoint(path)
    assert step == 77 and len(variables) == len(EXPECTED)
    for name, shape, dtype, number in EXPECTED.values():
        assert np.array_equal(variables[name.encode()], expected_values(shape, dtype, number)), name
    print("the second reader finds every checksum right")


def check_second_reader_notices(path, folder):
    """A judge that never says no is none."""
    raw = path.read_bytes()
    with h5py.File(path, "r") as file:
        large = file["large:0"].id
        inside = large.get_chunk_info(1).byte_offset + 5 if file["large:0"].chunks else large.get_offset() + (1 << 20) + 7
    step = raw.index(b"global_step\0") + len(b"global_step\0") + 16
    for at, part in [(inside, "checksum"), (step, "digest")]:
        changed = bytearray(raw)
        changed[at] ^= 1
        copy = folder / "changed.h5"
        copy.write_bytes(repaired(bytes(changed)))
        try:
            read_checkpoint(copy)
        except AssertionError as problem:
            assert part in str(problem), problem
        else:
            raise AssertionError(f"the second reader did not notice byte {at}")


def repaired(raw):
    """With the checksum of the root's object header made right, as libhdf5 wants it."""
    begin = raw.index(b"OHDR")
    size = 10 + int.from_bytes(raw[begin + 6:begin + 10], "little")
    return raw[:begin + size] + lookup3(raw[begin:begin + size]).to_bytes(4, "little") + raw[begin + size + 4:]


def lookup3(data):
    """Bob Jenkins' hash, as HDF5 uses it."""
    def rotated(value, bits):
        return ((value << bits) | (value >> (32 - bits))) & 0xFFFFFFFF

    a = b = c = (0xDEADBEEF + len(data)) & 0xFFFFFFFF
    words = [int.from_bytes(data[at:at + 4], "little") for at in range(0, len(data), 4)]
    words += [0] * (-len(words) % 3)
    for at in range(0, len(words), 3):
        a = (a + words[at]) & 0xFFFFFFFF
        b = (b + words[at + 1]) & 0xFFFFFFFF
        c = (c + words[at + 2]) & 0xFFFFFFFF
        if at + 3 < len(words):
            for left, add, bits in MIXING:
                values = {"a": a, "b": b, "c": c}
                values[left] = ((values[left] - values[add]) ^ rotated(values[add], bits)) & 0xFFFFFFFF
                values[add] = (values[add] + values[({"a", "b", "c"} - {left, add}).pop()]) & 0xFFFFFFFF
                a, b, c = values["a"], values["b"], values["c"]
    for left, other, bits in FINISHING:
        values = {"a": a, "b": b, "c": c}
        values[left] = ((values[left] ^ values[other]) - rotated(values[other], bits)) & 0xFFFFFFFF
        a, b, c = values["a"], values["b"], values["c"]
    return c


MIXING = [("a", "c", 4), ("b", "a", 6), ("c", "b", 8), ("a", "c", 16), ("b", "a", 19), ("c", "b", 4)]
FINISHING = [("c", "b", 14), ("a", "c", 11), ("b", "a", 25), ("c", "b", 16), ("a", "c", 4), ("b", "a", 14), ("c", "b", 24)]


def check_refused(program, path, kind, *parts):
    done = subprocess.run([program, "--read", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, (path, done)
    assert done.stdout.startswith(kind + ": "), done.stdout
    assert str(path) in done.stdout, done.stdout
    for part in parts:
        assert part in done.stdout, (part, done.stdout)
    assert done.stderr == "", done.stderr   # the library prints nothing
    print("refused:", done.stdout.strip().replace(str(path), path.name))


def check_foreign_files(program, folder):
    values = np.arange(12, dtype="<f4").reshape(3, 4)

    def write(name, fill, **options):
        path = folder / name
        with h5py.File(path, "w", **options) as file:
            fill(file)
        return path

    def plain(file):
        file["conv1/weights:0"] = values

    check_refused(program, write("default.h5", plain), "InvalidArgumentError", "an HDF5 file", "superblock version 0")
    check_refused(program, write("latest.h5", plain, libver="latest"), "InvalidArgumentError", "an HDF5 file")
    check_refused(program, write("userblock.h5", plain, userblock_size=512), "InvalidArgumentError", "user block")
    check_refused(program, write("empty.h5", lambda file: None, libver=("v110", "v110")), "InvalidArgumentError")


def check_changed_checkpoint(program, path, folder):
    """What h5py does to a checkpoint of ours does not go unnoticed."""
    def changed(name, change):
        copy = folder / name
        copy.write_bytes(path.read_bytes())
        with h5py.File(copy, "r+") as file:
            change(file)
        return copy

    def set_element(file):
        file["conv1/biases:0"][3] = 12345

    def add_filtered(file):
        file.create_dataset("more:0", data=np.zeros((64, 64)), chunks=(8, 8), compression="gzip")

    def delete(file):
        del file["empty:0"]

    check_refused(program, changed("element.h5", set_element), "DataLossError", "/conv1/biases:0", "checksum")
    check_refused(program, changed("filtered.h5", add_filtered), "InvalidArgumentError")
    check_refused(program, changed("deleted.h5", delete), "DataLossError")


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        sample = folder / "sample.h5"
        subprocess.run([program, sample], check=True, timeout=60)
        subprocess.run([program, "--read", sample], check=True, timeout=60)
        check_reading(sample, version=2)
        check_second_reader_notices(sample, folder)
        compressed = folder / "compressed.h5"
        subprocess.run([program, "--compressed", compressed], check=True, timeout=60)
        subprocess.run([program, "--read", compressed], check=True, timeout=60)
        check_reading(compressed, version=3)
        check_second_reader_notices(compressed, folder)
        check_foreign_files(program, folder)
        check_changed_checkpoint(program, sample, folder)


if __name__ == "__main__":
    main()
