# SPDX-License-Identifier: Apache-2.0
"""varscope inspect, run as a user runs it. Arguments: the program that writes a checkpoint, the varscope program."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import program_test

WRITER = None


class InspectTest(program_test.ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.file = cls.path('model-42.h5')
        subprocess.run([WRITER, cls.file], check=True)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    def test_json(self):
        found = json.loads(self.output_of('inspect', self.file, '--json'))
        self.assertEqual(found['file'], self.file)
        self.assertEqual(found['global_step'], 42)
        self.assertGreaterEqual(found['format_version'], 1)
        by_name = {variable['name']: variable for variable in found['variables']}
        self.assertEqual(by_name['image_filters/conv1/weights'],
                         {'name': 'image_filters/conv1/weights', 'shape': [2, 3], 'dtype': 'float32', 'bytes': 24, 'stored_bytes': 24,
                          'min': -1.5, 'mean': 1.0, 'max': 4.0, 'nans': 0, 'infinities': 0})
        self.assertEqual(by_name['image_filters/conv1/biases'],
                         {'name': 'image_filters/conv1/biases', 'shape': [3], 'dtype': 'float32', 'bytes': 12, 'stored_bytes': 12,
                          'min': 0.25, 'mean': 0.25, 'max': 0.25, 'nans': 0, 'infinities': 0})
        self.assertEqual(by_name['image_filters/conv2/weights'],
                         {'name': 'image_filters/conv2/weights', 'shape': [2], 'dtype': 'float64', 'bytes': 16, 'stored_bytes': 16,
                          'min': 10, 'mean': 15, 'max': 20, 'nans': 0, 'infinities': 0})
        self.assertEqual(by_name['step'],
                         {'name': 'step', 'shape': [], 'dtype': 'int32', 'bytes': 4, 'stored_bytes': 4, 'min': 7, 'mean': 7, 'max': 7, 'nans': 0, 'infinities': 0})
        self.assertEqual(by_name['image_filters/conv2'],
                         {'name': 'image_filters/conv2', 'shape': [2], 'dtype': 'float32', 'bytes': 8, 'stored_bytes': 8,
                          'min': 1, 'mean': 1, 'max': 1, 'nans': 1, 'infinities': 0})
        self.assertEqual(by_name['image_filters/conv3'],
                         {'name': 'image_filters/conv3', 'shape': [0, 3], 'dtype': 'float32', 'bytes': 0, 'stored_bytes': 0,
                          'min': None, 'mean': None, 'max': None, 'nans': 0, 'infinities': 0})
        self.assertEqual(len(by_name), 6)
        self.assertEqual(found['total'], {'variables': 6, 'elements': 14, 'bytes': 64, 'stored_bytes': 64})

    def test_tree(self):
        lines = self.output_of('inspect', self.file).splitlines()
        words = [line.split() for line in lines]
        self.assertIn('global step 42', lines[0])
        tree = {line[0]: line for line in words if line}
        self.assertEqual(tree['biases'][1:], ['float32', '[3]', '12', 'B', '0.25', '0.25', '0.25'])
        self.assertEqual(tree['step'][1:], ['int32', '[]', '4', 'B', '7', '7', '7'])
        indent = {line.split()[0]: len(line) - len(line.lstrip()) for line in lines if line.strip()}
        self.assertLess(indent['image_filters/'], indent['conv1/'])
        self.assertEqual(indent['conv1/'], indent['conv2/'])
        self.assertEqual(tree['conv2'][-5:], ['1', '1', '1', '1', 'nan'])
        self.assertLess(indent['conv1/'], indent['biases'])
        self.assertEqual(indent['step'], indent['image_filters/'])
        self.assertEqual(lines[-1], '6 variables, 14 elements, 64 B')

    def test_missing_file(self):
        self.assert_refused(['inspect', self.path('absent.h5')], 'varscope: NotFoundError: ', 'absent.h5')

    def test_folder(self):
        self.assert_refused(['inspect', self.folder.name], 'varscope: ', self.folder.name)

    def test_not_a_checkpoint(self):
        for name, content, error in [('text.h5', b'hello, I am not HDF5\n' * 100, 'InvalidArgumentError'),
                                     ('empty.h5', b'', 'DataLossError')]:
            with self.subTest(name=name):
                with open(self.path(name), 'wb') as file:
                    file.write(content)
                self.assert_refused(['inspect', self.path(name)], 'varscope: ' + error + ': ', name)

    def test_truncated_and_damaged(self):
        with open(self.file, 'rb') as file:
            whole = file.read()
        for name, content in [('short.h5', whole[:len(whole) // 2]),
                              ('flipped.h5', whole[:60] + bytes([whole[60] ^ 255]) + whole[61:]),
                              ('last.h5', whole[:-1] + bytes([whole[-1] ^ 1]))]:
            with self.subTest(name=name):
                with open(self.path(name), 'wb') as file:
                    file.write(content)
                self.assert_refused(['inspect', self.path(name)], 'varscope: DataLossError: ', name)
                done = self.assert_refused(['inspect', self.path(name), '--json'], 'varscope: DataLossError: ', name)
                self.assertEqual(done.stdout, '')

    def test_wrong_command_line(self):
        self.assert_refused(['inspect'], 'file is required', status=2)


if __name__ == '__main__':
    WRITER = sys.argv.pop(1)
    program_test.main()
