# SPDX-License-Identifier: Apache-2.0
"""What the tests of examples that train have in common: a folder with a small data set, and one for each training."""

import os
import tempfile
import unittest

from generated_data import write_fashion_mnist


def read(*path):
    with open(os.path.join(*path), 'rb') as file:
        return file.read()


class TrainingTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.data = os.path.join(self.folder, 'data')
        os.mkdir(self.data)
        write_fashion_mnist(self.data)   # 40 images to learn from, 20 to be tested by

    def output(self, name):
        return os.path.join(self.folder, name)
