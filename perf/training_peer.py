# SPDX-License-Identifier: Apache-2.0
"""One turn of perf/compare_training by PyTorch, in either of its layouts. Prints the losses, or the median seconds.

    training_peer.py losses              STEPS PATH               from the weights and on the data of the checkpoint PATH
    training_peer.py step|inference      STEPS THREADS LAYOUT     contiguous or channels_last; the full network
"""

import statistics
import sys
import time

import numpy as np
import torch
from torch.nn import functional

BATCH = 64
WARM_UP = 3


def network(weights, images, layout):
    """Our layout of the dense weights is that of NHWC; the other layout gets weights of its own in a turn for speed."""
    value = images
    for name in ("conv1", "conv2"):
        value = functional.conv2d(value, weights[name + "/weights"], weights[name + "/biases"], padding=2)
        value = functional.max_pool2d(functional.relu(value), 2)
    value = value.permute(0, 2, 3, 1).reshape(BATCH, -1) if layout == "channels_last" else value.flatten(1)
    value = functional.relu(torch.addmm(weights["dense1/biases"], value, weights["dense1/weights"]))
    return torch.addmm(weights["dense2/biases"], value, weights["dense2/weights"])


def train_step(weights, optimizer, images, labels, layout):
    optimizer.zero_grad(set_to_none=True)
    loss = functional.cross_entropy(network(weights, images, layout), labels)
    loss.backward()
    optimizer.step()
    return loss


def losses(steps, path):
    import h5py
    with h5py.File(path, "r") as file:
        images = torch.from_numpy(file["images:0"][...]).permute(0, 3, 1, 2)
        labels = torch.from_numpy(file["labels:0"][...].astype(np.int64))
        weights = {}
        for scope in ("conv1", "conv2", "dense1", "dense2"):
            for leaf in ("weights", "biases"):
                value = torch.from_numpy(file[f"{scope}/{leaf}:0"][...])
                if value.dim() == 4:
                    value = value.permute(3, 2, 0, 1)
                weights[f"{scope}/{leaf}"] = value.contiguous().requires_grad_()
    optimizer = torch.optim.SGD(weights.values(), lr=0.0005, momentum=0.9)
    batches = len(labels) // BATCH
    for step in range(steps):
        batch = slice(step % batches * BATCH, (step % batches + 1) * BATCH)
        loss = train_step(weights, optimizer, images[batch], labels[batch], "channels_last")
        print(f"{loss.item():.9g}")


def median_seconds(what, steps, threads, layout):
    torch.manual_seed(1)
    torch.set_num_threads(threads)
    shapes = {"conv1/weights": (32, 1, 5, 5), "conv1/biases": (32,), "conv2/weights": (64, 32, 5, 5), "conv2/biases": (64,),
              "dense1/weights": (3136, 1024), "dense1/biases": (1024,), "dense2/weights": (1024, 10), "dense2/biases": (10,)}
    weights = {}
    for name, shape in shapes.items():
        value = torch.randn(shape) * 0.05
        if layout == "channels_last" and len(shape) == 4:
            value = value.contiguous(memory_format=torch.channels_last)
        weights[name] = value.requires_grad_()
    images = torch.randn(BATCH, 1, 28, 28)
    if layout == "channels_last":
        images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.arange(BATCH) % 10
    optimizer = torch.optim.SGD(weights.values(), lr=0.0001, momentum=0.9)
    seconds = []
    for _ in range(WARM_UP + steps):
        start = time.perf_counter()
        if what == "step":
            train_step(weights, optimizer, images, labels, layout)
        else:
            with torch.inference_mode():
                network(weights, images, layout)
        seconds.append(time.perf_counter() - start)
    print(f"{statistics.median(seconds[WARM_UP:]):.9g}")


def main():
    what, steps = sys.argv[1], int(sys.argv[2])
    if what == "losses":
        losses(steps, sys.argv[3])
    else:
        median_seconds(what, steps, int(sys.argv[3]), sys.argv[4])


if __name__ == "__main__":
    main()
