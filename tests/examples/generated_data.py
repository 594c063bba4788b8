# SPDX-License-Identifier: Apache-2.0
"""Small data sets that the examples' tests generate: noise whose brightness tells the class."""

import os
import random
import struct


def pixels_of(label, count, generator):
    """Noise, brighter or darker by the class."""
    return bytes(20 * label + generator.randrange(50) for _ in range(count))


def write_idx(path, shape, values):
    with open(path, 'wb') as file:
        file.write(bytes([0, 0, 8, len(shape)]) + struct.pack(f'>{len(shape)}I', *shape) + values)


def write_fashion_mnist(folder):
    generator = random.Random(1)
    for name, count in [('train', 40), ('t10k', 20)]:
        labels = [generator.randrange(10) for _ in range(count)]
        pixels = b''.join(pixels_of(label, 28 * 28, generator) for label in labels)
        write_idx(os.path.join(folder, f'{name}-images-idx3-ubyte'), (count, 28, 28), pixels)
        write_idx(os.path.join(folder, f'{name}-labels-idx1-ubyte'), (count,), bytes(labels))
