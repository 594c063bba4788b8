# SPDX-License-Identifier: Apache-2.0
"""Trains both networks of fashion_mnist for a few steps on small data that it generates. Arguments: the program."""

import os
import re
import signal
import subprocess
import sys
import time
import unittest

from generated_data import write_idx
from training_test import TrainingTest, read

PROGRAM = sys.argv.pop()
PARAMETERS = {'two_convolutions': 3274634, 'small': 472874}


class FashionMnistTest(TrainingTest):
    def words(self, output, *arguments):
        return [PROGRAM, '--fashion-mnist', self.data, '--batch', '8', '--output', self.output(output), *arguments]

    def run_program(self, output, *arguments):
        return subprocess.run(self.words(output, *arguments), capture_output=True, text=True, timeout=300)

    def train(self, output, *arguments):
        """Gives what was printed."""
        done = self.run_program(output, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ''), msg=done.stdout + done.stderr)
        return done.stdout

    def require_same_training(self, one, other, step):
        for name in [f'model-{step}.h5', 'loss.csv']:
            self.assertEqual(read(self.output(one), name), read(self.output(other), name), msg=f'{name} of {one}, {other}')

    def test_main_job(self):
        for network, parameters in PARAMETERS.items():
            said = self.train(network, '--network', network, '--epochs', '2')
            for fact in [f'{network}, {parameters:,} parameters, on 40 images, 2 epochs, seed 1', 'starts anew', 'step 10 ',
                         'images/s', 'of 20 images']:
                self.assertIn(fact, said)
            last = re.fullmatch(r'test accuracy (\d\.\d{4}), (\d+) parameters', said.splitlines()[-1])
            self.assertIsNotNone(last, msg=said)
            self.assertEqual(int(last[2]), parameters)
            rows = re.findall(r'^ +\S+ ((?: +(?:\d+|\.)){10})$', said, re.MULTILINE)
            counts = [[0 if count == '.' else int(count) for count in row.split()] for row in rows]
            labels = read(self.data, 't10k-labels-idx1-ubyte')[8:]
            self.assertEqual([sum(row) for row in counts], [labels.count(label) for label in range(10)])
            self.assertAlmostEqual(sum(counts[at][at] for at in range(10)) / 20, float(last[1]))
            self.assertEqual(sorted(os.listdir(self.output(network))),
                             ['checkpoint', 'loss.csv', 'loss.png', 'model-10.h5', 'model-5.h5'])

    def test_it_learns(self):
        """Brightness tells the class, so that the loss must fall far below that of guessing, 2.3."""
        self.train('learned', '--epochs', '60')
        losses = [float(line.split(',')[1]) for line in read(self.output('learned'), 'loss.csv').decode().splitlines()[1:]]
        self.assertLess(sum(losses[-20:]) / 20, 1.2)

    def test_resumed_is_as_uninterrupted(self):
        for network in PARAMETERS:
            arguments = ['--network', network, '--epochs', '2']
            self.train(f'{network} at once', *arguments)
            self.train(f'{network} in parts', *arguments, '--steps', '3')
            said = self.train(f'{network} in parts', *arguments, '--threads', '1')
            self.assertIn('goes on at step 3, from', said)
            self.require_same_training(f'{network} at once', f'{network} in parts', 10)

    def test_killed_and_resumed_is_as_uninterrupted(self):
        arguments = ['--network', 'small', '--epochs', '12']
        self.train('at once', *arguments)
        process = subprocess.Popen(self.words('killed', *arguments), stdout=subprocess.DEVNULL)
        try:
            state = os.path.join(self.output('killed'), 'checkpoint')
            end = time.monotonic() + 120
            while not os.path.exists(state) and process.poll() is None and time.monotonic() < end:
                time.sleep(0.001)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.assertTrue(os.path.exists(state), msg='no checkpoint was written')
        said = self.train('killed', *arguments)
        self.assertRegex(said, r'goes on at step \d+, from')
        self.require_same_training('at once', 'killed', 60)

    def test_seeds(self):
        for output, seed in [('one', '1'), ('again', '1'), ('two', '2')]:
            self.train(output, '--network', 'small', '--epochs', '1', '--seed', seed)
        self.require_same_training('one', 'again', 5)
        self.assertNotEqual(read(self.output('one'), 'loss.csv'), read(self.output('two'), 'loss.csv'))

    def test_hold_out(self):
        said = self.train('held', '--network', 'small', '--epochs', '1', '--hold-out', '16')
        self.assertIn('on 24 images', said)
        self.assertIn('step 3 ', said)
        self.assertRegex(said.splitlines()[-1], r'^held-out accuracy ')
        labels = read(self.data, 'train-labels-idx1-ubyte')[8:][-16:]
        rows = re.findall(r'^ +\S+ ((?: +(?:\d+|\.)){10})$', said, re.MULTILINE)
        sums = [sum(0 if count == '.' else int(count) for count in row.split()) for row in rows]
        self.assertEqual(sums, [labels.count(label) for label in range(10)])
        done = self.run_program('held too much', '--hold-out', '35')
        self.assertEqual(done.returncode, 1)
        self.assertIn('--hold-out', done.stderr)

    def test_a_folder_of_the_other_network(self):
        self.train('trained', '--network', 'small', '--epochs', '1')
        done = self.run_program('trained', '--network', 'two_convolutions')
        self.assertEqual(done.returncode, 1)
        self.assertIn('conv1/weights', done.stderr)
        self.assertIn('another --output', done.stderr)

    def test_other_data(self):
        done = self.run_program('trained', '--fashion-mnist', '/no/such/folder')
        self.assertEqual(done.returncode, 1)
        self.assertIn('apt-get install dataset-fashion-mnist', done.stderr)
        write_idx(os.path.join(self.data, 't10k-images-idx3-ubyte'), (20, 32, 32), bytes(20 * 32 * 32))
        write_idx(os.path.join(self.data, 'train-images-idx3-ubyte'), (40, 32, 32), bytes(40 * 32 * 32))
        done = self.run_program('trained', '--epochs', '1')
        self.assertEqual(done.returncode, 1)
        self.assertIn('28', done.stderr)
        for shape in [(10, 28, 28), (40, 784), (0, 28, 28)]:   # too few, no images, none
            write_idx(os.path.join(self.data, 'train-images-idx3-ubyte'), shape, bytes(shape[0] * 784))
            for arguments in [['--network', 'small'], ['--hold-out', '16']]:
                done = self.run_program('trained', '--epochs', '1', *arguments)
                self.assertEqual(done.returncode, 1)
                self.assertIn('--fashion-mnist has files with', done.stderr)

    def test_wrong_command_lines(self):
        for arguments, expected in [(['--network', 'large'], 'two_convolutions or small'), (['--epochs', '0'], '--epochs'),
                                    (['--seed', '-1'], '--seed'), (['--learning-rate', 'nan'], '--learning-rate'),
                                    (['--nonsense'], '--nonsense'), (['--threads'], '--threads')]:
            done = self.run_program('trained', *arguments)
            self.assertEqual(done.returncode, 1)
            self.assertIn(expected, done.stderr)

    def test_help(self):
        done = subprocess.run([PROGRAM, '--help'], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0)
        for option in ['--network', '--seed', '--epochs', '--hold-out', '--threads', '--output']:
            self.assertIn(option, done.stdout)


if __name__ == '__main__':
    unittest.main(verbosity=2)
