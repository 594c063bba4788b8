# SPDX-License-Identifier: Apache-2.0
"""Trains the CIFAR-10 example for a few steps on small data sets that it generates. Arguments: the program."""

import os
import random
import re
import subprocess
import sys
import unittest

from generated_data import pixels_of, write_idx
from png_file import read_png
from training_test import TrainingTest, read

PROGRAM = sys.argv.pop()


def write_cifar10(folder):
    generator = random.Random(2)
    for name in [f'data_batch_{number}' for number in range(1, 6)] + ['test_batch']:
        with open(os.path.join(folder, f'{name}.bin'), 'wb') as file:
            for label in range(8):
                file.write(bytes([label]) + pixels_of(label, 3 * 32 * 32, generator))


class Cifar10Test(TrainingTest):
    def run_cifar10(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=300)

    def train(self, output, steps, *arguments):
        """Trains up to so many steps; gives what was printed, and the digest."""
        done = self.run_cifar10('--fashion-mnist', self.data, '--batch', '8', '--output', self.output(output),
                                '--steps', str(steps), *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ''), msg=done.stdout + done.stderr)
        results = re.findall(r'process (\d+) +accuracy ([\d.]+) % .* ([0-9a-f]{16})$', done.stdout, re.MULTILINE)
        self.assertEqual(len(results), 2, msg=done.stdout)
        self.assertNotEqual(results[0][0], results[1][0], msg='the same process twice')
        self.assertEqual(results[0][1:], results[1][1:], msg='the second process computed something else')
        return done.stdout, results[0][2]

    def test_main_job(self):
        said, _ = self.train('trained', 3)
        for fact in ['Fashion-MNIST: 40 images', 'local3/weights:0           [2304,384]', '1,065,098 numbers', 'starts anew',
                     'step 3 ', 'images/s', 'of 20 images', 'all 20 images have the same bits']:
            self.assertIn(fact, said)
        rows = re.findall(r'^ +(\S+) ((?: +(?:\d+|\.)){10})$', said, re.MULTILINE)
        self.assertEqual([name for name, _ in rows], ['T-shirt', 'trouser', 'pullover', 'dress', 'coat', 'sandal', 'shirt',
                                                      'sneaker', 'bag', 'boot'])
        counts = [[0 if count == '.' else int(count) for count in row.split()] for _, row in rows]
        self.assertEqual(sum(map(sum, counts)), 20)
        accuracy = sum(counts[at][at] for at in range(10)) / 20
        self.assertIn(f'accuracy {100 * accuracy:.2f} % of', said)
        labels = read(self.data, 't10k-labels-idx1-ubyte')[8:]
        self.assertEqual([sum(row) for row in counts], [labels.count(label) for label in range(10)])

        self.assertEqual(sorted(os.listdir(self.output('trained'))),
                         ['checkpoint', 'confusion.png', 'filters.png', 'loss.csv', 'loss.png', 'model-3.h5'])
        for name in ['confusion.png', 'filters.png', 'loss.png']:
            _, _, rows = read_png(os.path.join(self.output('trained'), name))
            self.assertGreater(len(set(rows)), 3, msg=f'{name} is empty')
        losses = read(self.output('trained'), 'loss.csv').decode().splitlines()
        self.assertEqual(losses[0], 'step,loss')
        self.assertEqual([line.split(',')[0] for line in losses[1:]], ['0', '1', '2'])

    def test_resumed_is_as_uninterrupted(self):
        _, expected = self.train('at once', 7)   # five batches are an epoch: it ends in the second one
        self.train('in parts', 3)
        said, resumed = self.train('in parts', 7, '--threads', '1')
        self.assertIn('goes on at step 3, from', said)
        self.assertEqual(resumed, expected)
        for name in ['model-7.h5', 'loss.csv', 'filters.png']:
            self.assertEqual(read(self.output('in parts'), name), read(self.output('at once'), name), msg=name)

    def test_damaged_checkpoint_costs_one_generation(self):
        self.train('trained', 3)
        _, expected = self.train('trained', 5)
        with open(os.path.join(self.output('trained'), 'model-5.h5'), 'r+b') as file:
            file.truncate(1000)
        said, again = self.train('trained', 5)
        self.assertRegex(said, r'passed over .*model-5\.h5')
        self.assertIn('goes on at step 3, from', said)
        self.assertEqual(again, expected)

    def test_nothing_left_to_train(self):
        _, expected = self.train('trained', 3)
        said, again = self.train('trained', 2)
        self.assertIn('goes on at step 3, from', said)
        self.assertEqual(again, expected)

    def test_seconds(self):
        done = self.run_cifar10('--fashion-mnist', self.data, '--batch', '8', '--output', self.output('trained'),
                                '--seconds', '0.01')
        self.assertEqual(done.returncode, 0, msg=done.stdout + done.stderr)
        self.assertRegex(done.stdout, r'\[#{24}\] step \d+ ')

    def test_cifar10_and_a_folder_of_another_training(self):
        write_cifar10(self.data)
        arguments = ['--cifar10', self.data, '--batch', '16', '--steps', '2', '--output']
        done = self.run_cifar10(*arguments, self.output('colored'))
        self.assertEqual(done.returncode, 0, msg=done.stdout + done.stderr)
        self.assertIn('CIFAR-10: 40 images', done.stdout)
        self.assertIn('[5,5,3,64]', done.stdout)
        _, _, rows = read_png(os.path.join(self.output('colored'), 'filters.png'))
        self.assertGreater(len(set(rows)), 100)

        self.train('grey', 1)
        done = self.run_cifar10(*arguments, self.output('grey'))
        self.assertEqual(done.returncode, 1)
        self.assertIn('conv1/weights', done.stderr)
        self.assertIn('another --output', done.stderr)

    def test_other_bits_are_noticed(self):
        self.train('trained', 1)
        done = self.run_cifar10('--fashion-mnist', self.data, '--compare', '0' * 16, '--restore',
                                os.path.join(self.output('trained'), 'model-1.h5'))
        self.assertEqual(done.returncode, 1)
        self.assertIn('DIFFER', done.stdout)

    def test_missing_data_is_explained(self):
        for option, expected in [('--fashion-mnist', 'apt-get install dataset-fashion-mnist'),
                                 ('--cifar10', 'cifar-10-binary.tar.gz')]:
            done = self.run_cifar10(option, '/no/such/folder', '--output', self.output('trained'))
            self.assertEqual(done.returncode, 1)
            self.assertIn('/no/such/folder', done.stderr)
            self.assertIn(expected, done.stderr)

    def test_wrong_labels_are_refused(self):
        for name, count, expected in [('t10k', 20, 'label 12'), ('train', 40, '12')]:
            write_idx(os.path.join(self.data, f'{name}-labels-idx1-ubyte'), (count,), bytes([12] * count))
            done = self.run_cifar10('--fashion-mnist', self.data, '--batch', '8', '--steps', '1', '--output',
                                    self.output('trained'))
            self.assertEqual(done.returncode, 1)
            self.assertIn(expected, done.stderr)

    def test_a_folder_that_cannot_be_made(self):
        done = self.run_cifar10('--fashion-mnist', self.data, '--batch', '8', '--steps', '1', '--output', '/proc/none')
        self.assertEqual(done.returncode, 1)
        self.assertIn('/proc/none', done.stderr)
        self.assertIn('--output', done.stderr)

    def test_wrong_command_lines(self):
        for arguments, expected in [(['--steps', 'x'], '--steps'), (['--seconds', '-1'], '--seconds'),
                                    (['--batch', '0'], '--batch'), (['--learning-rate', 'nan'], '--learning-rate'),
                                    (['--nonsense'], '--nonsense'), (['--output'], '--output')]:
            done = self.run_cifar10(*arguments)
            self.assertEqual(done.returncode, 1)
            self.assertIn(expected, done.stderr)

    def test_help(self):
        done = self.run_cifar10('--help')
        self.assertEqual(done.returncode, 0)
        for option in ['--cifar10', '--steps', '--seconds', '--output']:
            self.assertIn(option, done.stdout)


if __name__ == '__main__':
    unittest.main(verbosity=2)
