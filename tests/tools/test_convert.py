# SPDX-License-Identifier: Apache-2.0
"""varscope convert: numpy reads what we write and writes what we read; an independent reader judges .safetensors; h5py
writes foreign HDF5. Arguments: the program that writes a checkpoint, the varscope program."""

import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

import program_test

try:
    import h5py
    import numpy as np
except ImportError as problem:
    print(f'skipped: {problem}; install python3-h5py')
    sys.exit(77)

WRITER = None
SEED = int(os.environ.get('VARSCOPE_TEST_SEED', '1'))
SAFETENSORS_TYPES = {'BOOL': '?', 'U8': 'u1', 'I8': 'i1', 'U16': '<u2', 'I16': '<i2', 'F16': '<f2', 'U32': '<u4',
                     'I32': '<i4', 'F32': '<f4', 'U64': '<u8', 'I64': '<i8', 'F64': '<f8'}
TAKEN = {'f2': 'f4', 'f4': 'f4', 'f8': 'f8', 'i1': 'i4', 'i2': 'i4', 'i4': 'i4', 'i8': 'i8', 'u1': 'u1', 'u2': 'i4',
         'u4': 'i8', 'u8': 'i8', '?': '?'}


def sample_values(kind, shape, generator, order='<'):
    dtype = np.dtype(kind).newbyteorder(order)
    count = int(np.prod(shape))
    if kind == '?':
        return generator.integers(0, 2, size=shape).astype(bool)
    raw = generator.integers(0, 256, size=count * dtype.itemsize, dtype='u1')
    values = np.frombuffer(raw.tobytes(), dtype).reshape(shape).copy()
    if kind == 'u8':
        values >>= values.dtype.type(1)
    if kind[0] == 'f':
        values[np.isnan(values)] = -0.0
    return values


def read_safetensors(path):
    """A reader of the format for this test: (arrays by name, metadata). Insists on its rules."""
    with open(path, 'rb') as file:
        content = file.read()
    size, = struct.unpack('<Q', content[:8])
    header = json.loads(content[8:8 + size])
    data = content[8 + size:]
    assert size % 8 == 0
    metadata = header.pop('__metadata__', {})
    arrays, end = {}, 0
    for name, tensor in sorted(header.items(), key=lambda item: item[1]['data_offsets']):
        begin, stop = tensor['data_offsets']
        assert begin == end, (name, begin, end)
        end = stop
        dtype = np.dtype(SAFETENSORS_TYPES[tensor['dtype']])
        assert (8 + size + begin) % dtype.itemsize == 0
        arrays[name] = np.frombuffer(data[begin:stop], dtype).reshape(tensor['shape'])
    assert end == len(data)
    return arrays, metadata


def safetensors_bytes(tensors, data, pad=0):
    header = json.dumps(tensors).encode() if not isinstance(tensors, bytes) else tensors
    header += b' ' * pad
    return struct.pack('<Q', len(header)) + header + data


def entry(dtype, shape, begin, end):
    return {'dtype': dtype, 'shape': shape, 'data_offsets': [begin, end]}


class ConvertTest(program_test.ProgramTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.generator = np.random.default_rng(SEED)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), 'wb') as file:
            file.write(content)
        return self.path(name)

    def convert(self, source, target, *options):
        """Standard error: what was left out."""
        done = self.run_program('convert', source, target, *options)
        self.assertEqual(done.returncode, 0, msg=done.stderr)
        return done.stderr

    def values(self, path):
        """Of a checkpoint, as h5py reads it."""
        found = {}
        with h5py.File(path, 'r') as file:
            def take(_, item):
                if isinstance(item, h5py.Dataset):
                    name = item.attrs['name']
                    found[name.decode() if isinstance(name, bytes) else str(name)] = item[()]
            file.visititems(take)
        return found

    def checkpoint(self):
        path = self.path('model-42.h5')
        subprocess.run([WRITER, path], check=True)
        return path

    def assert_same(self, found, expected, dtype=None):
        expected = np.asarray(expected)
        self.assertEqual(np.asarray(found).dtype, np.dtype(dtype or expected.dtype).newbyteorder('='))
        self.assertEqual(np.shape(found), expected.shape)
        np.testing.assert_array_equal(found, expected.astype(np.asarray(found).dtype))

    def assert_hostile(self, name, content, error, *parts):
        path = self.write(name, content)
        done = self.assert_refused(['convert', path, self.path('out.h5')], f'varscope: {error}: ', name, *parts)
        self.assertEqual(done.stdout, '')
        self.assertFalse(os.path.exists(self.path('out.h5')))
        self.assertEqual([name for name in os.listdir(self.folder) if 'tmp' in name], [])

    # -- .npz ---------------------------------------------------------------------------------------------------------

    def test_numpy_reads_our_npz(self):
        model = self.checkpoint()
        expected = self.values(model)
        for options in ([], ['--deflate']):
            with self.subTest(options=options):
                left_out = self.convert(model, self.path('out.npz'), *options)
                self.assertIn('global step 42', left_out)
                with np.load(self.path('out.npz'), allow_pickle=False) as archive:
                    self.assertEqual(set(archive.files), set(expected))
                    for name in archive.files:
                        self.assert_same(archive[name], expected[name])
                self.assertIsNone(zipfile.ZipFile(self.path('out.npz')).testzip())

    def test_deflate_makes_zeros_small(self):
        np.savez(self.path('in.npz'), zeros=np.zeros((1000, 1000), 'f4'), noise=self.generator.random(1000))
        self.convert(self.path('in.npz'), self.path('out.npz'), '--deflate')
        self.assertLess(os.path.getsize(self.path('out.npz')), 20000)
        with np.load(self.path('out.npz')) as archive:
            self.assert_same(archive['zeros'], np.zeros((1000, 1000), 'f4'))

    def test_we_read_numpys_npz(self):
        stored = {f'{order}/{kind}/{shape}': sample_values(kind, shape, self.generator, order)
                  for kind in TAKEN for order in '<>' for shape in [(), (7,), (3, 4), (2, 0, 3), (2, 3, 4)]}
        stored.update({'F/' + kind: np.asfortranarray(sample_values(kind, (3, 4, 5), self.generator)) for kind in TAKEN})
        for save in (np.savez, np.savez_compressed):
            with self.subTest(save=save.__name__):
                save(self.path('in.npz'), **stored)
                self.assertEqual(self.convert(self.path('in.npz'), self.path('out.h5')), '')
                found = self.values(self.path('out.h5'))
                self.assertEqual(set(found), set(stored))
                for name, values in stored.items():
                    with self.subTest(name=name):
                        self.assert_same(found[name], values, TAKEN[name.split('/')[1]])

    def test_what_npz_has_besides_is_left_out(self):
        np.savez(self.path('in.npz'), good=np.ones(2), text=np.array(['abc']), complex=np.zeros(2, 'c8'),
                 objects=np.array([{}, None]), records=np.zeros(2, [('a', 'i4')]), huge=np.array([2**63], 'u8'))
        with zipfile.ZipFile(self.path('in.npz'), 'a') as archive:
            archive.writestr('readme.txt', 'hello')
        left_out = self.convert(self.path('in.npz'), self.path('out.h5'))
        self.assertEqual(set(self.values(self.path('out.h5'))), {'good'})
        for name, part in [('text.npy', '<U3'), ('complex.npy', '<c8'), ('objects.npy', 'pickled'),
                           ('records.npy', 'records'), ('huge.npy', '2^63'), ('readme.txt', 'no .npy')]:
            line = [line for line in left_out.splitlines() if f"'{name}'" in line]
            self.assertEqual(len(line), 1, msg=left_out)
            self.assertIn(part, line[0])

    def test_npz_streamed_and_with_zip64(self):
        with open(self.path('in.npz'), 'wb') as file:
            class Unseekable:   # so zipfile writes sizes behind the data
                def write(self, data):
                    return file.write(data)
                def flush(self):
                    file.flush()
            with zipfile.ZipFile(Unseekable(), 'w', zipfile.ZIP_DEFLATED) as archive:
                with archive.open('w.npy', 'w', force_zip64=True) as member:
                    np.save(member, np.arange(5, dtype='f4'))
        self.convert(self.path('in.npz'), self.path('out.h5'))
        self.assert_same(self.values(self.path('out.h5'))['w'], np.arange(5, dtype='f4'))

    def test_many_npz_members_need_zip64(self):
        with zipfile.ZipFile(self.path('in.npz'), 'w') as archive:
            for k in range(65600):
                archive.writestr(f'{k % 256}/{k}.npy', NPY_ONE)
        self.convert(self.path('in.npz'), self.path('out.npz'))
        self.assertEqual(len(zipfile.ZipFile(self.path('out.npz')).namelist()), 65600)

    def test_every_truncation_and_bit_of_npz(self):
        np.savez_compressed(self.path('in.npz'), a=np.arange(6.0), b=np.ones((2, 2), 'i4'))
        with open(self.path('in.npz'), 'rb') as file:
            whole = file.read()
        for size in range(0, len(whole), 7):
            self.assert_hostile('cut.npz', whole[:size],
                                'DataLossError' if size >= 2 else 'InvalidArgumentError')
        refused = 0
        for at in range(0, len(whole), 3):
            changed = self.write('bit.npz', whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1:])
            done = self.run_program('convert', changed, self.path('bit.h5'))
            self.assertIn(done.returncode, (0, 1), msg=f'byte {at}: {done}')
            if done.returncode == 1:
                self.assertRegex(done.stderr, '(?m)^varscope: (DataLoss|InvalidArgument|Value)Error: ')
            refused += done.returncode
        self.assertGreater(refused, len(whole) // 3 // 2)

    def test_hostile_npz(self):
        def npy(header, data=b'', version=1):
            text = header.encode()
            return b'\x93NUMPY' + bytes([version, 0]) + struct.pack('<H' if version == 1 else '<I', len(text)) + text + data

        def archive(content, compression=zipfile.ZIP_STORED):
            path = self.path('made.npz')
            with zipfile.ZipFile(path, 'w', compression) as file:
                file.writestr('w.npy', content)
            with open(path, 'rb') as file:
                return file.read()

        good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"
        for name, content, part in [
                ('not_npy', b'hello, hello', 'no .npy file'),
                ('version', npy(good, bytes(8), 9), '.npy version 9'),
                ('short', npy(good, bytes(4)), 'elements'),
                ('long', npy(good, bytes(12)), 'elements'),
                ('bomb', npy(good.replace('(2,)', '(1000000000, 1000000000)'), bytes(8)), 'elements'),
                ('overflow', npy(good.replace('(2,)', '(4294967296, 4294967296)'), bytes(8)), '2^64'),
                ('negative', npy(good.replace('(2,)', '(-2,)'), bytes(8)), 'dimension'),
                ('number', npy(good.replace('(2,)', '(99999999999999999999,)'), bytes(8)), '2^63'),
                ('code', npy("__import__('os').system('false')\n"), '.npy header'),
                ('keys', npy("{'descr': '<f4', 'descr': '<f4'}\n"), 'twice'),
                ('missing', npy("{'descr': '<f4'}\n"), 'missing'),
                ('behind', npy(good.rstrip() + ' 1\n', bytes(8)), 'follows'),
                ('quote', npy("{'descr"), 'quote'),
                ('empty', b'', 'ends too early'),
                ('header', b'\x93NUMPY\x02\x00\xff\xff\xff\xff', '.npy header'),
                ('bool', npy(good.replace('<f4', '|b1'), b'\x00'), 'elements')]:
            for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                with self.subTest(name=name, compression=compression):
                    self.assert_hostile(name + '.npz', archive(content, compression), 'DataLossError', "'w.npy'", part)

        whole = archive(npy(good, bytes(8)))
        end = whole.rindex(b'PK\x05\x06')
        directory = whole.rindex(b'PK\x01\x02')

        def changed(at, value):
            return whole[:at] + value + whole[at + len(value):]

        huge = struct.pack('<I', 0xFFFFFFF0)
        for name, content in [
                ('crc', changed(whole.index(b'\x93NUMPY') + 10 + len(good), b'\x01')), ('offset', changed(directory + 42, huge)),
                ('size', changed(directory + 20, huge)), ('bytes', changed(directory + 24, huge)),
                ('directory', changed(end + 16, huge)), ('members', changed(end + 8, b'\xfe\xff\xfe\xff')),
                ('name', changed(directory + 46, b'v')), ('zip64', changed(end + 16, b'\xff\xff\xff\xff')),
                ('length', changed(directory + 28, b'\xff\xff'))]:
            with self.subTest(name=name):
                self.assert_hostile(name + '.npz', content, 'DataLossError')
        entry_bytes = whole[directory:end]
        twice = (whole[:end] + entry_bytes +
                 struct.pack('<4sHHHHIIH', b'PK\x05\x06', 0, 0, 2, 2, 2 * len(entry_bytes), directory, 0))
        self.assert_hostile('overlap.npz', twice, 'DataLossError')
        self.assert_hostile('encrypted.npz', changed(directory + 8, b'\x01'), 'InvalidArgumentError', 'encrypted')
        self.assert_hostile('text.npz', b'hello', 'InvalidArgumentError', 'no zip archive')

    def test_names_that_npz_cannot_have(self):
        header = b'{"a\\u0000b":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}'
        source = self.write('nul.safetensors', safetensors_bytes(header, bytes(4)))
        self.assert_refused(['convert', source, self.path('out.npz')], 'varscope: ValueError: ', 'NUL')
        self.convert(source, self.path('nul.h5'))

    # -- .safetensors -------------------------------------------------------------------------------------------------

    def test_our_safetensors(self):
        model = self.checkpoint()
        expected = self.values(model)
        self.assertEqual(self.convert(model, self.path('out.safetensors')), '')
        arrays, metadata = read_safetensors(self.path('out.safetensors'))
        self.assertEqual(set(arrays), set(expected))
        self.assertEqual(metadata, {'global_step': '42'})
        for name, values in arrays.items():
            self.assert_same(values, expected[name])
        self.convert(self.path('out.safetensors'), self.path('back.h5'))
        with open(model, 'rb') as before, open(self.path('back.h5'), 'rb') as after:
            self.assertEqual(before.read(), after.read())

    def test_we_read_safetensors(self):
        tensors, data, expected = {'__metadata__': {'format': 'pt', 'note': 'x'}}, b'', {}
        for kind, dtype in SAFETENSORS_TYPES.items():
            for shape in [(), (3,), (2, 5), (0, 4)]:
                values = sample_values(np.dtype(dtype).str[1:] if dtype != '?' else '?', shape, self.generator)
                name = f'{kind}.{shape}'
                tensors[name] = entry(kind, list(shape), len(data), len(data) + values.nbytes)
                data += values.tobytes()
                expected[name] = values
        upper = np.array([0x3FC0, 0x8000, 0x7F80, 0x0001], '<u2')
        tensors['bf'] = entry('BF16', [4], len(data), len(data) + 8)
        data += upper.tobytes()
        expected['bf'] = (upper.astype('<u4') << 16).view('<f4')
        tensors['f8'] = entry('F8_E4M3', [3], len(data), len(data) + 3)
        data += bytes(3)
        source = self.write('in.safetensors', safetensors_bytes(tensors, data, pad=5))
        left_out = self.convert(source, self.path('out.h5'))
        self.assertEqual(len(left_out.splitlines()), 1)
        self.assertIn("'f8'", left_out)
        found = self.values(self.path('out.h5'))
        self.assertEqual(set(found), set(expected))
        for name, values in expected.items():
            with self.subTest(name=name):
                self.assert_same(found[name], values, TAKEN[values.dtype.str[1:] if values.dtype != bool else '?'])

    def test_every_half_and_its_float32(self):
        halves = np.arange(65536, dtype='<u2').view('<f2')
        np.savez(self.path('in.npz'), h=halves)
        self.convert(self.path('in.npz'), self.path('out.h5'))
        found = self.values(self.path('out.h5'))['h']
        np.testing.assert_array_equal(found, halves.astype('f4'))
        np.testing.assert_array_equal(np.signbit(found), np.signbit(halves))

    def test_hostile_safetensors(self):
        one = entry('F32', [1], 0, 4)
        for name, tensors, data, part in [
                ('hole', {'a': one, 'b': entry('F32', [1], 8, 12)}, 12, 'hole'),
                ('hole_first', {'a': entry('F32', [1], 4, 8)}, 8, 'hole'),
                ('overlap', {'a': one, 'b': entry('F32', [1], 2, 6)}, 6, 'overlap'),
                ('same_place', {'a': one, 'b': one}, 4, 'overlap'),
                ('behind', {'a': one}, 5, 'the file at byte'),
                ('nothing', {}, 5, 'the file at byte'),
                ('outside', {'a': entry('F32', [2], 0, 8)}, 4, 'behind the header'),
                ('reversed', {'a': entry('F32', [1], 4, 0)}, 4, 'behind the header'),
                ('shape', {'a': entry('F32', [2], 0, 4)}, 4, 'need'),
                ('overflow', {'a': entry('F32', [2**62, 2**62], 0, 4)}, 4, '2^64'),
                ('wrapped', {'a': entry('U8', [2**63 - 1, 4, 2**62], 0, 0)}, 0, '2^64'),
                ('huge', {'a': entry('U8', [2**64 - 1], 0, 4)}, 4, '2^64'),
                ('beyond', b'{"a":{"dtype":"U8","shape":[36893488147419103232],"data_offsets":[0,1]}}', 1, 'fraction'),
                ('negative', {'a': entry('F32', [-1], 0, 4)}, 4, 'negative'),
                ('fraction', {'a': entry('F32', [1.0], 0, 4)}, 4, 'fraction'),
                ('dtype', {'a': entry('F31', [1], 0, 4)}, 4, 'F31'),
                ('bits', {'a': entry('F4', [1], 0, 1)}, 1, 'bits'),
                ('offsets', {'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4, 4]}}, 4, 'two'),
                ('lacks', {'a': {'dtype': 'F32', 'shape': [1]}}, 0, 'lacks'),
                ('unknown', {'a': dict(one, extra=1)}, 4, 'unknown key'),
                ('metadata', {'__metadata__': {'a': 1}}, 0, 'a number'),
                ('nested', {'__metadata__': {'a': {}}}, 0, 'an object'),
                ('text', {'a': 'text'}, 0, 'a text'),
                ('twice', b'{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},'
                          b'"a":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}', 2, 'twice'),
                ('key_twice', b'{"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}}', 1, 'twice'),
                ('deep', b'{"a":' + b'[' * 100000, 0, 'a list'),
                ('cut', b'{"a":{"dtype":"U8"', 0, 'no JSON'),
                ('utf8', b'{"\xff":{}}', 0, 'no JSON'),
                ('more', b'{} {}', 0, 'no JSON')]:
            with self.subTest(name=name):
                self.assert_hostile(name + '.safetensors', safetensors_bytes(tensors, bytes(data)), 'DataLossError', part)
        self.assert_hostile('cap.safetensors', struct.pack('<Q', 100_000_001) + b'{}', 'DataLossError', '100000000')
        self.assert_hostile('long.safetensors', struct.pack('<Q', 50) + b'{}', 'DataLossError', '50')
        self.assert_hostile('first.safetensors', safetensors_bytes(b' {}', b''), 'InvalidArgumentError', 'byte 8')
        self.assert_hostile('list.safetensors', safetensors_bytes(b'[1]', b''), 'InvalidArgumentError', 'byte 8')
        self.assert_hostile('empty.safetensors', b'', 'InvalidArgumentError', '0 bytes')

    def test_values_that_do_not_fit_are_left_out(self):
        source = self.write('in.safetensors', safetensors_bytes(
            {'big': entry('U64', [1], 0, 8), 'flag': entry('BOOL', [1], 8, 9)}, b'\xff' * 8 + b'\x02'))
        left_out = self.convert(source, self.path('out.h5'))
        self.assertIn('2^63', left_out)
        self.assertIn('neither 0 nor 1', left_out)

    # -- HDF5 of others -----------------------------------------------------------------------------------------------

    def test_foreign_hdf5(self):
        path = self.path('keras.h5')
        with h5py.File(path, 'w') as file:
            file['model_weights/dense/kernel:0'] = np.eye(3, dtype='f4')
            file['note'] = 'text'
        self.assert_refused(['convert', path, self.path('out.h5')], 'varscope: InvalidArgumentError: ', '--from hdf5')
        self.assert_refused(['inspect', path], 'varscope: InvalidArgumentError: ', '--from hdf5')
        left_out = self.convert(path, self.path('out.h5'), '--from', 'hdf5')
        self.assertIn("'/note'", left_out)
        self.assert_same(self.values(self.path('out.h5'))['model_weights/dense/kernel'], np.eye(3, dtype='f4'))

    def test_damaged_foreign_hdf5_ends_with_a_message(self):
        path = self.path('in.h5')
        with h5py.File(path, 'w') as file:
            for k in range(12):
                file.create_dataset(f'g{k % 3}/w{k}', data=np.arange(40.0), chunks=(10,), compression='gzip')
        with open(path, 'rb') as file:
            whole = file.read()
        for _ in range(60):
            changed = bytearray(whole)
            for at in self.generator.integers(0, len(whole), size=8):
                changed[at] = self.generator.integers(0, 256)
            source = self.write('damaged.h5', bytes(changed))
            done = self.run_program('convert', source, self.path('out.h5'), '--from', 'hdf5')
            self.assertIn(done.returncode, (0, 1), msg=str(done))
            if done.returncode == 1:
                self.assertRegex(done.stderr, '(?m)^varscope: [A-Za-z]+Error: ')

    # -- the command line ---------------------------------------------------------------------------------------------

    def test_wrong_use(self):
        model = self.checkpoint()
        self.assert_refused(['convert', model, self.path('out.pt')], 'varscope: InvalidArgumentError: ', '.safetensors')
        self.assert_refused(['convert', model, self.path('out'), '--to', 'pt'], 'InvalidArgumentError', 'checkpoint, hdf5')
        self.assert_refused(['convert', model, self.path('x.h5'), '--deflate'], 'InvalidArgumentError', '--deflate')
        self.assert_refused(['convert', model, self.path('absent/x.npz')], 'NotFoundError', 'absent')
        self.assert_refused(['convert', self.path('model-43.npz'), self.path('x.npz')], 'did you mean', 'model-42.h5')
        self.assert_refused(['convert', model], 'out is required', status=2)
        self.convert(model, self.path('out'), '--to', 'npz')
        self.convert(self.path('out'), self.path('x.h5'), '--from', 'npz')


NPY_ONE = (b'\x93NUMPY\x01\x00' + struct.pack('<H', 118) +
           b"{'descr': '|u1', 'fortran_order': False, 'shape': (), }".ljust(117) + b'\n\x01')

if __name__ == '__main__':
    WRITER = sys.argv.pop(1)
    program_test.main()
