# SPDX-License-Identifier: Apache-2.0
"""One turn of perf/compare_checkpoints: the same model saved or restored by h5py or PyTorch. Prints the seconds.

    checkpoint_peers.py h5py_save|h5py_save_flush|h5py_restore|torch_save|torch_restore VARIABLES BYTES PATH
"""

import os
import sys
import time

import numpy as np


def arrays(count, size):
    for number in range(count):
        name = f"layer{number // 100}/v{number % 100}"
        yield name, ((np.arange(size // 4) + number) % 8191).astype(np.float32)


def flush(path):
    file = os.open(path, os.O_RDWR)
    os.fsync(file)
    os.close(file)


def h5py_save(count, size, path, flushed=False):
    import h5py
    model = list(arrays(count, size))
    start = time.perf_counter()
    with h5py.File(path + ".peer.h5", "w") as file:
        for name, value in model:
            file.create_dataset(name, data=value)
    if flushed:
        flush(path + ".peer.h5")
    return time.perf_counter() - start


def h5py_save_flush(count, size, path):
    return h5py_save(count, size, path, flushed=True)


def h5py_restore(count, size, path):
    import h5py
    names = [f"layer{number // 100}/v{number % 100}" for number in range(count)]
    start = time.perf_counter()
    with h5py.File(path + ".peer.h5", "r") as file:
        model = [file[name][()] for name in names]
    seconds = time.perf_counter() - start
    assert model[-1].nbytes == size
    return seconds


def torch_save(count, size, path):
    import torch
    model = {name: torch.from_numpy(value) for name, value in arrays(count, size)}
    start = time.perf_counter()
    torch.save(model, path + ".pt")
    flush(path + ".pt")
    return time.perf_counter() - start


def torch_restore(count, size, path):
    import torch
    start = time.perf_counter()
    model = torch.load(path + ".pt")
    seconds = time.perf_counter() - start
    assert len(model) == count and next(iter(model.values())).numel() == size // 4
    return seconds


if __name__ == "__main__":
    turn, variables, size, path = sys.argv[1:]
    turns = {turn.__name__: turn for turn in [h5py_save, h5py_save_flush, h5py_restore, torch_save, torch_restore]}
    print(f"{turns[turn](int(variables), int(size), path):.6f}")
