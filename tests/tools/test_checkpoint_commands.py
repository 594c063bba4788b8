# SPDX-License-Identifier: Apache-2.0
"""varscope verify, diff, rename, extract and merge, run as a user runs them. Arguments: the program that writes a
checkpoint, the varscope program."""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

import program_test

WRITER = None
NAMES = {'step', 'image_filters/conv1/weights', 'image_filters/conv1/biases', 'image_filters/conv2/weights',
         'image_filters/conv2', 'image_filters/conv3'}


class CheckpointCommandsTest(program_test.ProgramTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.model = self.path('model-42.h5')
        subprocess.run([WRITER, self.model], check=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def safetensors(self, name, variables, step=None):
        """A file with these variables, {name: (dtype, shape, bytes)}."""
        header, data = {}, b''
        if step is not None:
            header['__metadata__'] = {'global_step': str(step)}
        for key, (dtype, shape, content) in variables.items():
            header[key] = {'dtype': dtype, 'shape': shape, 'data_offsets': [len(data), len(data) + len(content)]}
            data += content
        text = json.dumps(header).encode()
        with open(self.path(name), 'wb') as file:
            file.write(struct.pack('<Q', len(text)) + text + data)
        return self.path(name)

    def floats(self, name, values, **others):
        return self.safetensors(name, {'v': ('F32', [len(values)], struct.pack(f'<{len(values)}f', *values)), **others})

    def inspected(self, path):
        found = json.loads(self.output_of('inspect', path, '--json'))
        return {variable['name']: variable for variable in found['variables']}, found['global_step']

    def diff(self, first, second, *options, status=1):
        done = self.run_program('diff', first, second, '--json', *options)
        self.assertEqual(done.returncode, status, msg=done.stdout + done.stderr)
        return json.loads(done.stdout)

    # -- compression --------------------------------------------------------------------------------------------------

    def test_compress(self):
        source = self.floats('v.safetensors', [0.0, 1.5] * 5000)
        plain, packed = self.path('plain.h5'), self.path('packed.h5')
        self.output_of('convert', source, plain)
        self.output_of('convert', source, packed, '--compress', '9')
        self.assertLess(os.path.getsize(packed), os.path.getsize(plain) // 10)
        self.output_of('verify', packed)
        self.diff(plain, packed, status=0)
        variable = self.inspected(packed)[0]['v']
        self.assertEqual(variable['bytes'], 40000)
        self.assertLess(variable['stored_bytes'], 4000)
        self.assertIn('compressed to', self.output_of('inspect', packed))
        self.assertNotIn('in file', self.output_of('inspect', plain))
        for command in [('extract', packed, self.path('a.h5'), '*'), ('merge', self.path('a.h5'), packed),
                        ('rename', packed, self.path('a.h5'), '--map', 'v=w')]:
            self.output_of(*command)   # not compressed unless that is asked for
            self.assertGreater(os.path.getsize(self.path('a.h5')), 40000)
            self.output_of(*command, '--compress', '1')
            self.assertLess(os.path.getsize(self.path('a.h5')), 10000)

    def test_compress_refused(self):
        done = self.run_program('convert', self.model, self.path('a.npz'), '--compress', '1')
        self.assertEqual(done.returncode, 1)
        self.assertIn('--compress is for checkpoints', done.stderr)
        self.assertFalse(os.path.exists(self.path('a.npz')))
        self.assertEqual(self.run_program('convert', self.model, self.path('a.h5'), '--compress', '10').returncode, 2)

    # -- verify -------------------------------------------------------------------------------------------------------

    def test_verify(self):
        self.assertEqual(self.output_of('verify', self.model, self.model).splitlines(),
                         [f'{self.model}: sound, 6 variables, 64 B'] * 2)

    def test_verify_names_each_damaged_variable(self):
        with open(self.model, 'rb') as file:
            whole = bytearray(file.read())
        weights = whole.index(struct.pack('<2f', -1.5, 0.0))
        biases = whole.index(struct.pack('<3f', 0.25, 0.25, 0.25))
        whole[weights] ^= 1
        whole[biases + 11] ^= 128
        damaged = self.path('damaged.h5')
        with open(damaged, 'wb') as file:
            file.write(whole)
        done = self.assert_refused(['verify', self.model, damaged, self.path('absent.h5')])
        self.assertEqual(done.stderr, '')
        lines = done.stdout.splitlines()
        self.assertIn('sound', lines[0])
        self.assertIn('DAMAGED, 2 of 6 variables', lines[1])
        self.assertIn('conv1/biases', lines[2])
        self.assertIn(str(biases), lines[2])
        self.assertIn('conv1/weights', lines[3])
        self.assertIn(str(weights), lines[3])
        self.assertIn('CANNOT BE USED', lines[4])
        self.assertIn('NotFoundError', lines[5])

    def test_verify_every_byte(self):
        with open(self.model, 'rb') as file:
            whole = file.read()
        copy = self.path('copy.h5')
        for at in range(0, len(whole), 97):
            with open(copy, 'wb') as file:
                file.write(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1:])
            done = self.run_program('verify', copy)
            self.assertEqual(done.returncode, 1, msg=f'byte {at}: {done}')

    # -- diff ---------------------------------------------------------------------------------------------------------

    def test_equal(self):
        shutil.copy(self.model, self.path('copy.h5'))
        found = self.diff(self.model, self.path('copy.h5'), status=0)
        self.assertTrue(found['equal'])
        self.assertEqual(found['first'], {'file': self.model, 'variables': 6, 'global_step': 42, 'skipped': []})
        self.assertIn('equal: 0 missing', self.output_of('diff', self.model, self.path('copy.h5')))

    def test_differences(self):
        four = struct.pack('<4f', 1, 2, 3, 4)
        first = self.safetensors('a.safetensors', {
            'same': ('F32', [4], four), 'gone': ('U8', [], b'\x01'), 'shape': ('F32', [4], four),
            'dtype': ('F32', [4], four), 'values': ('F32', [2, 2], four)})
        second = self.safetensors('b.safetensors', {
            'same': ('F32', [4], four), 'new': ('U8', [2], b'\x01\x02'), 'shape': ('F32', [2, 2], four),
            'dtype': ('I32', [4], four), 'values': ('F32', [2, 2], struct.pack('<4f', 1, 2.5, 1, 4))}, step=7)
        found = self.diff(first, second)
        self.assertFalse(found['equal'])
        self.assertEqual(found['second']['global_step'], 7)
        self.assertEqual(found['missing'], [{'name': 'gone', 'dtype': 'uint8', 'shape': []}])
        self.assertEqual(found['added'], [{'name': 'new', 'dtype': 'uint8', 'shape': [2]}])
        self.assertEqual(found['shape'], [{'name': 'shape', 'first': [4], 'second': [2, 2]}])
        self.assertEqual(found['dtype'], [{'name': 'dtype', 'first': 'float32', 'second': 'int32'}])
        self.assertEqual(found['values'], [{'name': 'values', 'elements': 4, 'different': 2, 'largest': 2.0,
                                            'index': [1, 0], 'first': '3', 'second': '1'}])
        done = self.run_program('diff', first, second)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.splitlines(), [
            'missing  gone  uint8 []', 'added    new  uint8 [2]', 'dtype    dtype  float32, then int32',
            'shape    shape  [4], then [2,2]', 'values   values  2 of 4 elements, most at [1,0]: 3, then 1, by 2',
            '(global step: none, then 7)', 'different: 1 missing, 1 added, 3 of 4 in both are different'])

    def test_tolerances(self):
        first = self.floats('a.safetensors', [100.0, 1.0])
        second = self.floats('b.safetensors', [100.5, 1.0])
        self.assertEqual(self.diff(first, second)['values'][0]['largest'], 0.5)
        self.diff(first, second, '--tolerance', '0.5', status=0)
        self.diff(first, second, '--tolerance', '0.49')
        self.diff(first, second, '--relative', '0.005', status=0)
        self.diff(first, second, '--relative', '0.0049')
        self.diff(first, second, '--relative', '0.003', '--tolerance', '0.2', status=0)

    def test_nan_infinity_and_zero(self):
        nan, inf = float('nan'), float('inf')
        first = self.floats('a.safetensors', [nan, inf, 0.0, 1.0])
        self.diff(first, self.floats('b.safetensors', [nan, inf, -0.0, 1.0]), status=0)
        for other in ([1.0, inf, 0.0, 1.0], [nan, -inf, 0.0, 1.0], [nan, inf, 0.0, nan], [nan, inf, inf, 1.0]):
            found = self.diff(first, self.floats('b.safetensors', other), '--tolerance', '1e300', '--relative', '1e300')
            self.assertEqual(found['values'][0]['different'], 1)
            self.assertIsNone(found['values'][0]['largest'])

    def test_whole_numbers_are_exact(self):
        first = self.safetensors('a.safetensors', {'v': ('I64', [2], struct.pack('<2q', 2**62, -2**63))})
        second = self.safetensors('b.safetensors', {'v': ('I64', [2], struct.pack('<2q', 2**62 + 1, 2**63 - 1))})
        found = self.diff(first, second)['values'][0]
        self.assertEqual((found['different'], found['index'], found['first']), (2, [1], str(-2**63)))
        self.assertEqual(found['largest'], 2.0**64)
        self.assertEqual(self.diff(first, second, '--tolerance', '1')['values'][0]['different'], 1)

    def test_diff_that_cannot_be_made(self):
        for arguments in ([self.model], [self.model, self.path('absent.h5')], [self.model, self.model, '--tolerance', '-1'],
                          [self.model, self.model, '--relative', 'nan'], [self.model, self.folder]):
            self.assert_refused(['diff', *arguments], status=2)

    # -- rename -------------------------------------------------------------------------------------------------------

    def test_rename(self):
        out = self.path('out.h5')
        text = self.output_of('rename', self.model, out, '--map', 'step=global_step', '--prefix', 'image_filters/conv1/=first/',
                              '--prefix', 'image_filters/=', '--map', 'image_filters/conv3=third')
        self.assertIn('6 of them renamed', text)
        found, step = self.inspected(out)
        self.assertEqual(set(found), {'global_step', 'first/weights', 'first/biases', 'conv2', 'conv2/weights', 'third'})
        self.assertEqual(step, 42)
        self.assertEqual(found['first/weights']['min'], -1.5)

    def test_rename_by_expression_and_in_place(self):
        self.output_of('rename', self.model, self.model, '--regex', 'conv([0-9])=layer$1')
        found, _ = self.inspected(self.model)
        self.assertEqual(set(found), {name.replace('conv', 'layer') for name in NAMES})

    def test_two_names_swapped(self):
        self.output_of('rename', self.model, self.path('out.h5'), '--map', 'step=image_filters/conv2',
                       '--map', 'image_filters/conv2=step')
        found, _ = self.inspected(self.path('out.h5'))
        self.assertEqual(found['image_filters/conv2']['dtype'], 'int32')

    def test_rename_dry_run(self):
        text = self.output_of('rename', self.model, self.path('out.h5'), '--map', 'step=global_step', '--dry-run')
        self.assertEqual(text.splitlines()[0], 'step -> global_step')
        self.assertFalse(os.path.exists(self.path('out.h5')))

    def test_rename_refused(self):
        out = self.path('out.h5')
        for options, *parts in [
                (['--map', 'stop=x'], 'NotFoundError', "'stop'", "nearest is 'step'"),
                (['--prefix', 'nothing/=x/'], 'NotFoundError', 'nothing/'),
                (['--map', 'step=image_filters/conv2'], 'ValueError', "'step'", "'image_filters/conv2'"),
                (['--map', 'step='], 'ValueError', 'no name left'),
                (['--map', 'step'], 'InvalidArgumentError', 'OLD=NEW'),
                (['--map', 'step=a', '--map', 'step=b'], 'InvalidArgumentError', 'twice'),
                (['--regex', '(=x'], 'InvalidArgumentError', 'regular expression'),
                ([], 'InvalidArgumentError', '--map')]:
            with self.subTest(options=options):
                self.assert_refused(['rename', self.model, out, *options], *parts)
                self.assertFalse(os.path.exists(out))

    # -- extract ------------------------------------------------------------------------------------------------------

    def test_extract(self):
        out = self.path('out.h5')
        self.assertIn('3 variables, 44 B, of 6', self.output_of('extract', self.model, out, '*/weights', 'step'))
        found, step = self.inspected(out)
        self.assertEqual(set(found), {'step', 'image_filters/conv1/weights', 'image_filters/conv2/weights'})
        self.assertEqual(step, 42)

    def test_extract_refused(self):
        for pattern, *parts in [('*/nothing', 'NotFoundError', "'*/nothing'"), ('stop', 'NotFoundError', "nearest is 'step'")]:
            self.assert_refused(['extract', self.model, self.path('out.h5'), 'step', pattern], *parts)
            self.assertFalse(os.path.exists(self.path('out.h5')))
        self.assert_refused(['extract', self.model, self.path('out.h5')], status=2)

    # -- merge --------------------------------------------------------------------------------------------------------

    def test_merge_gives_back_what_extract_took_apart(self):
        one, two, out = self.path('one.h5'), self.path('two.safetensors'), self.path('out.h5')
        self.output_of('extract', self.model, one, '*conv1*', 'step')
        self.output_of('extract', self.model, two, '*conv[23]*')
        self.output_of('merge', out, one, two)
        with open(self.model, 'rb') as before, open(out, 'rb') as after:
            self.assertEqual(before.read(), after.read())

    def test_merge_clash(self):
        first, second, out = self.floats('a.safetensors', [1.0]), self.floats('b.safetensors', [2.0]), self.path('out.h5')
        self.assert_refused(['merge', out, first, second], 'ValueError', first, second, "'v'", '--prefer')
        self.assertFalse(os.path.exists(out))
        for prefer, value in [('first', 1), ('last', 2)]:
            self.output_of('merge', out, first, second, '--prefer', prefer)
            self.assertEqual(self.inspected(out)[0]['v']['mean'], value)
        self.assert_refused(['merge', out, first, '--prefer', 'both'], status=2)

    def test_merge_of_different_steps(self):
        one, two = (self.safetensors(f'{name}.safetensors', {name: ('U8', [], b'\1')}, step=step)
                    for name, step in [('a', 1), ('b', 2)])
        out = self.path('out.h5')
        self.assert_refused(['merge', out, one, two], 'ValueError', 'global step 1', '2')
        self.output_of('merge', out, one, two, '--prefer', 'last')
        self.assertEqual(self.inspected(out)[1], 2)

    # -- help and advice ----------------------------------------------------------------------------------------------

    def test_help_teaches(self):
        for command in ('verify', 'diff', 'rename', 'extract', 'merge', 'convert'):
            text = self.output_of(command, '--help')
            self.assertIn('Examples:', text)
            self.assertIn(f'varscope {command} ', text)

    def test_missing_files_come_with_advice(self):
        self.assert_refused(['inspect', self.path('model-43.h5')], 'did you mean', 'model-42.h5')
        self.assert_refused(['inspect', self.path('model-42')], 'did you mean', 'model-42.h5')
        self.assert_refused(['inspect', self.path('something else')], 'has', 'model-42.h5')
        self.assert_refused(['inspect', self.path('absent/model.h5')], 'no directory', 'absent')
        self.assert_refused(['inspect', self.folder], 'directory', 'model-42.h5')

    def test_names_do_not_move_the_cursor(self):
        source = self.safetensors('a.safetensors', {'evil\x1b[2J': ('U8', [], b'\1')})
        self.output_of('merge', self.path('out.h5'), source)
        self.assertIn('evil\\x1B[2J', self.output_of('inspect', self.path('out.h5')))
        empty = self.safetensors('b.safetensors', {})
        done = self.run_program('diff', source, empty)
        self.assertNotIn('\x1b', done.stdout)


if __name__ == '__main__':
    WRITER = sys.argv.pop(1)
    program_test.main()
