# SPDX-License-Identifier: Apache-2.0
"""Files that h5py writes, read through read_foreign_hdf5(); h5py and numpy judge what comes out. And what must be refused,
by files made for it.

    check_foreign_hdf5.py READ_FOREIGN_HDF5_PROGRAM
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import h5py
    import numpy as np
except ImportError as problem:
    print(f"skipped: {problem}; install python3-h5py")
    sys.exit(77)

PROGRAM = None
SEED = int(os.environ.get("VARSCOPE_TEST_SEED", "1"))


def bfloat16_type():
    """A 16-bit float with eight bits of exponent, as HDF5 describes floats."""
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    return kind


class ForeignHdf5Test(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, fill, name="foreign.h5", **options):
        path = self.folder / name
        with h5py.File(path, "w", **options) as file:
            fill(file)
        return path

    def run_program(self, *arguments, environment=None):
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120,
                              env=dict(os.environ, **(environment or {})))
        self.assertIn(done.returncode, (0, 1), msg=str(done))
        self.assertEqual(done.stderr, "")   # the library prints nothing
        return done

    def read(self, path):
        """(values by variable name, reasons by path of what was skipped)"""
        checkpoint = self.folder / "taken.h5"
        done = self.run_program(path, checkpoint)
        self.assertEqual(done.returncode, 0, msg=done.stdout)
        values = {}
        with h5py.File(checkpoint, "r") as file:
            def take(_, item):
                if isinstance(item, h5py.Dataset):
                    name = item.attrs["name"]
                    values[name.decode() if isinstance(name, bytes) else str(name)] = item[()]
            file.visititems(take)
        skipped = dict(line[len("skipped "):].split(": ", 1) for line in done.stdout.splitlines())
        return values, skipped

    def assert_refused(self, path, kind, *parts, environment=None):
        for arguments in (("--list", path), (path, self.folder / "refused.h5")):
            done = self.run_program(*arguments, environment=environment)
            self.assertEqual(done.returncode, 1, msg=done.stdout)
            self.assertTrue(done.stdout.startswith(kind + ": "), msg=done.stdout)
            for part in (str(path), *parts):
                self.assertIn(part, done.stdout)
        self.assertFalse((self.folder / "refused.h5").exists())

    def assert_same(self, found, expected, dtype):
        self.assertEqual(found.dtype, np.dtype(dtype))
        np.testing.assert_array_equal(found, np.asarray(expected).astype(dtype), strict=False)

    def test_every_type_keeps_every_value(self):
        generator = np.random.default_rng(SEED)
        taken = {"f2": "f4", "f4": "f4", "f8": "f8", "i1": "i4", "i2": "i4", "i4": "i4", "i8": "i8",
                 "u1": "u1", "u2": "i4", "u4": "i8", "u8": "i8"}
        stored = {}
        for kind in taken:
            for order in "<>":
                dtype = np.dtype(order + kind)
                raw = generator.integers(0, 256, size=3 * 5 * dtype.itemsize, dtype="u1").tobytes()
                values = np.frombuffer(raw, dtype=dtype).reshape(3, 5).copy()
                if kind == "u8":
                    values >>= 1
                    values[0, 0] = 2**63 - 1
                if kind[0] == "f":
                    values.flat[:4] = [np.inf, -np.inf, np.nan, -0.0]
                    values[~np.isfinite(values) & (np.arange(15).reshape(3, 5) > 3)] = 1.5
                stored[("little" if order == "<" else "big") + "/" + kind] = values

        def fill(file):
            for name, values in stored.items():
                file.create_dataset(name, data=values)

        for libver in ("earliest", "latest"):
            with self.subTest(libver=libver):
                values, skipped = self.read(self.write(fill, libver=libver))
                self.assertEqual(skipped, {})
                self.assertEqual(set(values), set(stored))
                for name, expected in stored.items():
                    with self.subTest(name=name):
                        self.assert_same(values[name], expected, taken[name[-2:]])
                        if name[-2] == "f":
                            np.testing.assert_array_equal(np.signbit(values[name]), np.signbit(expected))

    def test_bool_and_bfloat16(self):
        flags = np.array([[True, False, True]])
        floats = np.array([1.5, -0.0, 3.0e38, 2.0**-130, np.inf], dtype="f4")
        upper_halves = (floats.view("u4") >> 16).astype("u2")
        expected = (upper_halves.astype("u4") << 16).view("f4")

        def fill(file):
            file["flags"] = flags
            space = h5py.h5s.create_simple((5,))
            typed = h5py.h5d.create(file.id, b"typed", bfloat16_type(), space)
            typed.write(h5py.h5s.ALL, h5py.h5s.ALL, upper_halves.view("V2"), mtype=bfloat16_type())
            keras = file.create_dataset("keras", data=upper_halves.view("V2"))
            keras.attrs["dtype"] = "bfloat16"
            file.create_dataset("opaque", data=upper_halves.view("V2"))

        values, skipped = self.read(self.write(fill))
        self.assert_same(values["flags"], flags, "?")
        self.assert_same(values["typed"], expected, "f4")
        self.assert_same(values["keras"], expected, "f4")
        self.assertEqual(set(values), {"flags", "typed", "keras"})
        self.assertIn("without a known meaning", skipped["/opaque"])

    def test_shapes_layouts_and_filters(self):
        cube = np.arange(4 * 5 * 6, dtype="f4").reshape(4, 5, 6)

        def fill(file):
            file["scalar"] = np.float32(2.5)
            file["empty"] = np.zeros((0, 3), "i4")
            file.create_dataset("chunked", data=cube, chunks=(2, 2, 2), maxshape=(None, 5, 6))
            file.create_dataset("filtered", data=cube, chunks=(4, 5, 6), compression="gzip", shuffle=True, fletcher32=True)
            file.create_dataset("filled", shape=(7,), dtype="i8", fillvalue=-3)

        values, skipped = self.read(self.write(fill))
        self.assertEqual(skipped, {})
        self.assert_same(values["scalar"], 2.5, "f4")
        self.assertEqual(values["scalar"].shape, ())
        self.assertEqual(values["empty"].shape, (0, 3))
        for name in ("chunked", "filtered"):
            self.assert_same(values[name], cube, "f4")
        self.assert_same(values["filled"], np.full(7, -3), "i8")

    def test_names(self):
        def fill(file):
            for name in ("conv1/conv1/kernel:0", "both", "both:0", "both:0:0", "a/b", "c d/\u00e4", "x/:0"):
                file[name] = np.zeros(1, "f4")

        values, _ = self.read(self.write(fill))
        self.assertEqual(set(values), {"conv1/conv1/kernel", "both", "both:0", "both:0:0", "a/b", "c d/\u00e4", "x/:0"})

    def test_keras_layout(self):
        kernel = np.arange(12, dtype="f4").reshape(3, 4)

        def fill(file):
            file.attrs["model_config"] = "{}"
            weights = file.create_group("model_weights")
            weights.attrs["layer_names"] = np.array([b"dense"])
            weights.create_group("top_level_model_weights")
            layer = weights.create_group("dense")
            layer.attrs["weight_names"] = np.array([b"dense/kernel:0"])
            layer["dense/kernel:0"] = kernel

        values, skipped = self.read(self.write(fill))
        self.assertEqual(skipped, {})
        self.assert_same(values["model_weights/dense/dense/kernel"], kernel, "f4")

    def test_user_block_as_matlab_has_it(self):
        values, _ = self.read(self.write(lambda file: file.create_dataset("w", data=np.eye(2)), userblock_size=512))
        self.assert_same(values["w"], np.eye(2), "f8")

    def test_what_has_no_place_is_reported(self):
        def fill(file):
            file["kept"] = np.ones(2, "f4")
            file["text"] = "hello"
            file["fixed"] = np.array([b"abc", b"de"])
            file["complex"] = np.zeros(2, "c8")
            file["pairs"] = np.zeros(2, [("a", "i4"), ("b", "f4")])
            file["lists"] = h5py.Empty("f4")
            file.create_dataset("ragged", (2,), dtype=h5py.vlen_dtype("i4"))
            file.create_dataset("color", (2,), dtype=h5py.enum_dtype({"RED": 0, "BLUE": 1}, basetype="i1"))
            file.create_dataset("reference", data=file["kept"].ref, dtype=h5py.ref_dtype)
            file["huge"] = np.array([2**63], "u8")
            file["wide"] = np.zeros(2, np.longdouble)
            file["soft"] = h5py.SoftLink("/kept")
            file["outside"] = h5py.SoftLink("/absent")
            file["type"] = np.dtype("f4")

        values, skipped = self.read(self.write(fill))
        self.assertEqual(set(values), {"kept"})
        for path, part in {"/text": "text", "/fixed": "text", "/complex": "compound", "/pairs": "compound", "/lists": "null",
                           "/ragged": "lists", "/color": "enumeration", "/reference": "references", "/huge": "2^63",
                           "/wide": "float64", "/soft": "soft link", "/outside": "soft link", "/type": "type"}.items():
            self.assertIn(part, skipped.pop(path))
        self.assertEqual(skipped, {})

    def test_listing(self):
        def fill(file):
            file["w:0"] = np.zeros((2, 3), "f2")
            file["text"] = "hello"

        done = self.run_program("--list", self.write(fill))
        self.assertEqual(done.stdout.splitlines(), ["w = /w:0: float16 as float32 [2,3]",
                                                    "skipped /text: its elements are text, which no array holds"])

    def test_hard_links(self):
        def fill(file):
            file["a/w"] = np.arange(3, dtype="f4")
            file["tied"] = file["a/w"]
            file["a/self"] = file["a"]
            file["a/top"] = file["/"]

        values, skipped = self.read(self.write(fill))
        self.assertEqual(set(values), {"a/w", "tied"})
        self.assert_same(values["tied"], np.arange(3), "f4")
        self.assertIn("the group '/a' once more", skipped["/a/self"])
        self.assertIn("the group '/' once more", skipped["/a/top"])

    def test_deep_groups_end(self):
        def fill(file):
            group = file
            for _ in range(1100):
                group = group.create_group("g")
            group["w"] = np.zeros(1, "f4")

        values, skipped = self.read(self.write(fill))
        self.assertEqual(values, {})
        self.assertEqual(len(skipped), 1)

    def test_nothing_but_the_file_is_opened(self):
        secret = self.write(lambda file: file.create_dataset("w", data=np.ones(4, "f4")), name="secret.h5")
        raw = self.folder / "secret.bin"
        raw.write_bytes(bytes(64))

        def virtual(file):
            layout = h5py.VirtualLayout((4,), "f4")
            layout[:] = h5py.VirtualSource(secret, "w", (4,))
            file.create_virtual_dataset("virtual", layout)

        def external(file):
            file.create_dataset("raw", (4,), "f4", external=[(str(raw), 0, 16)])

        def external_link(file):
            file["link"] = h5py.ExternalLink(str(secret), "/w")

        self.assert_refused(self.write(virtual), "InvalidArgumentError", "/virtual", "virtual")
        self.assert_refused(self.write(external), "InvalidArgumentError", "/raw", "external files")
        self.assert_refused(self.write(external_link), "InvalidArgumentError", "/link", "another file")

    def test_filters_and_plugins(self):
        def fill(file):
            file.create_dataset("lzf", data=np.zeros((64, 64)), chunks=(8, 8), compression="lzf")

        self.assert_refused(self.write(fill), "InvalidArgumentError", "/lzf", "filter 32000", "h5repack",
                            environment={"HDF5_PLUGIN_PATH": str(self.folder)})

    def test_driver_from_the_environment_changes_nothing(self):
        path = self.write(lambda file: file.create_dataset("w", data=np.ones(4, "f4")))
        done = self.run_program("--list", path, environment={"HDF5_DRIVER": "core"})
        self.assertEqual(done.returncode, 0, msg=done.stdout)

    def test_shape_bombs(self):
        def one(file):
            file.create_dataset("bomb", (1 << 20, 1 << 20), "f8")

        def many(file):
            for k in range(3):
                file.create_dataset(f"part{k}", (1 << 29,), "f4")

        def links(file):
            file.create_dataset("part", (1 << 28,), "f4")
            for k in range(5):
                file[f"again{k}"] = file["part"]

        def overflow(file):
            file.create_dataset("overflow", (1 << 40, 1 << 40), "f8", chunks=(1, 1))

        for fill, name in [(one, "/bomb"), (many, "/part"), (links, "/again"), (overflow, "/overflow")]:
            with self.subTest(name=name):
                try:
                    path = self.write(fill)
                except (OSError, ValueError):
                    continue   # h5py does not make it
                self.assert_refused(path, "DataLossError", name, "declares")

    def test_not_hdf5(self):
        path = self.folder / "text.h5"
        path.write_bytes(b"hello\n" * 1000)
        self.assert_refused(path, "InvalidArgumentError", "not an HDF5 file")
        path.write_bytes(b"")
        self.assert_refused(path, "InvalidArgumentError", "not an HDF5 file")
        self.assert_refused(self.folder / "absent.h5", "NotFoundError")
        self.assert_refused(self.folder, "InvalidArgumentError", "directory")
        fifo = self.folder / "fifo.h5"
        os.mkfifo(fifo)
        self.assert_refused(fifo, "InvalidArgumentError")

    def test_truncated(self):
        path = self.write(lambda file: file.create_dataset("w", data=np.arange(4096, dtype="f8")))
        whole = path.read_bytes()
        for size in [8, 95, 96, 97, 800, 2048, 20000, len(whole) - 1]:
            with self.subTest(size=size):
                path.write_bytes(whole[:size])
                self.assert_refused(path, "DataLossError")

    def test_improper_bool(self):
        path = self.write(lambda file: file.create_dataset("flags", data=np.array([True, False] * 8)))
        raw = path.read_bytes()
        at = raw.index(bytes([1, 0] * 8))
        path.write_bytes(raw[:at] + b"\x07" + raw[at + 1:])
        values, skipped = self.read(path)
        self.assertEqual(values, {})
        self.assertIn("neither 0 nor 1", skipped["/flags"])


def main():
    global PROGRAM
    PROGRAM = sys.argv.pop()
    print(f"h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}, VARSCOPE_TEST_SEED={SEED}")
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
