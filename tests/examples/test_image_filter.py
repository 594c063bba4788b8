# SPDX-License-Identifier: Apache-2.0
"""Runs the image filter example on a few images. Arguments: the program."""

import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest

from png_file import read_png

IMAGES = '/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz'
PROGRAM = sys.argv.pop()


class ImageFilterTest(unittest.TestCase):
    def run_filter(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=300)

    def test_main_job(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.run_filter('--count', '20', '--output', folder, '--images', IMAGES)
            self.assertEqual(done.returncode, 0, msg=done.stdout + done.stderr)
            self.assertEqual(done.stderr, '')
            self.assertEqual(re.findall(r'^ *(image_filters/\S+) +(\S+)$', done.stdout, re.MULTILINE),
                             [('image_filters/conv1/weights:0', '[5,5,32,32]'), ('image_filters/conv1/biases:0', '[32]'),
                              ('image_filters/conv2/weights:0', '[5,5,32,32]'), ('image_filters/conv2/biases:0', '[32]')])
            said = ' '.join(done.stdout.split())
            self.assertIn('ValueError: ', said)
            self.assertIn('image_filters/conv1/weights already exists', said)
            self.assertIn('20 / 20 images', said)
            self.assertRegex(said, r'images/s +[\d.]+ GFLOP/s')

            digests = re.findall(r'process (\d+) .*? ([0-9a-f]{16})$', done.stdout, re.MULTILINE)
            self.assertEqual(len(digests), 3, msg=done.stdout)
            self.assertNotEqual(digests[0][0], digests[1][0], msg='the same process twice')
            self.assertEqual(digests[0][1], digests[2][1], msg='restored outputs differ')
            self.assertNotEqual(digests[0][1], digests[1][1], msg='restoring changed nothing, so it shows nothing')
            values = 2 * 10 * 28 * 28 * 32
            self.assertIn(f'all {values:,} values have the same bits', said)

            self.assertEqual(sorted(os.listdir(folder)), sorted(set(os.listdir(folder)) & {
                'checkpoint', 'contact-sheet.png', 'filter-1000.h5'}))
            self.assertIn('filter-1000.h5', os.listdir(folder))
            width, height, rows = read_png(os.path.join(folder, 'contact-sheet.png'))
            self.assertGreater(width, 9 * 28)
            self.assertGreater(height, 8 * 28)
            self.assertGreater(len(set(rows)), 100, msg='the sheet is nearly empty')

    def test_damaged_checkpoint_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'broken.h5')
            with open(path, 'wb') as file:
                file.write(b'not an HDF5 file')
            done = self.run_filter('--count', '4', '--images', IMAGES, '--restore', path, '--compare', path)
            self.assertEqual(done.returncode, 1)
            self.assertIn('broken.h5', done.stderr)

    def test_missing_images_name_the_package(self):
        done = self.run_filter('--images', '/no/such/images.gz')
        self.assertEqual(done.returncode, 1)
        self.assertIn('/no/such/images.gz', done.stderr)
        self.assertIn('dataset-fashion-mnist', done.stderr)

    def test_other_files_are_refused(self):
        done = self.run_filter('--images', __file__)
        self.assertEqual(done.returncode, 1)
        self.assertIn('it is not an IDX file', done.stderr)

    def test_labels_are_no_images(self):
        labels = IMAGES.replace('images-idx3', 'labels-idx1')
        done = self.run_filter('--images', labels)
        self.assertEqual(done.returncode, 1)
        self.assertIn(labels + ': holds no images but uint8[10000]', done.stderr)

    def test_truncated_images_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'images')
            with open(path, 'wb') as file:
                file.write(struct.pack('>IIII', 0x803, 1000000, 28, 28) + bytes(1000))
            done = self.run_filter('--images', path)
            self.assertEqual(done.returncode, 1)
            self.assertIn('it is damaged or cut off', done.stderr)

    def test_wrong_command_lines(self):
        for arguments, expected in [(['--count', 'x'], '--count'), (['--nonsense'], '--nonsense'), (['--output'], '--output')]:
            done = self.run_filter(*arguments)
            self.assertEqual(done.returncode, 1)
            self.assertIn(expected, done.stderr)

    def test_help(self):
        done = self.run_filter('--help')
        self.assertEqual(done.returncode, 0)
        self.assertIn('--images', done.stdout)


if __name__ == '__main__':
    if not os.path.exists(IMAGES):
        print(f'SKIPPED: {IMAGES} is missing (install dataset-fashion-mnist)', file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
