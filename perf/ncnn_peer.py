#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ncnn's convolutions, as a peer of perf/compare: `perf/compare --program perf/ncnn_peer.py`.

Prints one JSON object a layer of the file: name, gflops, max_error. Needs the Python package ncnn (pip install ncnn)
and NumPy; nothing else of varscope does.

Each layer is a net of one Convolution with bias and ReLU. Weights are transformed and packed when the net is loaded;
the image is packed as ncnn likes it before the timed runs, and the result stays as it is. A batch is run image by
image: ncnn has no other way. What a call of an empty net takes is subtracted, so that Python's part does not count.
A few outputs are compared with double precision first; a layer that is wrong by more than 1e-3 ends the program.
"""

import argparse
import csv
import json
import statistics
import sys
import time

try:
    import ncnn
    import numpy
except ImportError as error:
    sys.exit(f"{error}. perf/ncnn_peer.py needs the Python packages ncnn and numpy: pip install ncnn numpy")

COLUMNS = ("name", "n", "h", "w", "c", "k", "r", "s", "stride", "pad", "groups", "dilation")
MOST_ERROR = 1e-3
CHECKED_PIXELS = 40
# ncnn's own numbers: ReLU as an activation; padding like TensorFlow's SAME, more of it below and on the right.
RELU = 1
SAME_UPPER = -233
PACKED_FLOATS = (16, 8, 4)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layers", help="CSV file of layers, such as perf/layers/conv_layers.csv")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=0.3, help="for each layer (default: %(default)s)")
    parser.add_argument("--only", default="", help="layers whose name contains this")
    return parser.parse_args()


def load_net(layers, weights, threads):
    """A net of these layers; input `in`, output `out`."""
    net = ncnn.Net()
    net.opt.num_threads = threads
    for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, name, False)
    text = "\n".join(["7767517", f"{len(layers) + 1} {len(layers) + 1}", "Input input 0 1 in"] + layers) + "\n"
    if net.load_param_mem(text) != 0:
        sys.exit(f"ncnn does not take the net\n{text}")
    net.load_model_mem(weights)
    return net


def forward(net, image):
    extractor = net.create_extractor()
    extractor.input("in", image)
    status, result = extractor.extract("out", 1)  # 1: packed as it is
    if status != 0:
        sys.exit(f"ncnn failed with {status}")
    return result


def convolution(layer, weights, bias):
    """The net's line, and its weights as ncnn's file has them: a tag for "float32, as they are", weights, bias."""
    groups = layer["groups"]
    parameters = {
        0: layer["k"], 1: layer["s"], 11: layer["r"], 2: layer["dilation"], 3: layer["stride"],
        4: SAME_UPPER if layer["pad"] == "same" else 0, 5: 1, 6: weights.size, 9: RELU,
    }
    kind = "Convolution"
    if groups > 1:
        kind = "ConvolutionDepthWise"
        parameters[7] = groups
    line = f"{kind} layer 1 1 in out " + " ".join(f"{key}={value}" for key, value in parameters.items())
    data = numpy.zeros(1, numpy.int32).tobytes() + weights.tobytes() + bias.tobytes()
    return line, data


def largest_error(layer, image, weights, bias, result, random):
    """|ncnn - double precision| over some outputs, in units of the output's root mean square."""
    height, width = result.shape[1:]
    in_group, out_group = layer["c"] // layer["groups"], layer["k"] // layer["groups"]
    pads = []
    for size, out, taps in ((layer["h"], height, layer["r"]), (layer["w"], width, layer["s"])):
        total = max((out - 1) * layer["stride"] + (taps - 1) * layer["dilation"] + 1 - size, 0)
        pads.append((total // 2, total - total // 2) if layer["pad"] == "same" else (0, 0))
    padded = numpy.pad(image.astype(numpy.float64), [(0, 0)] + pads)
    largest = 0.0
    for _ in range(CHECKED_PIXELS):
        y, x = random.integers(height), random.integers(width)
        rows = y * layer["stride"] + numpy.arange(layer["r"]) * layer["dilation"]
        columns = x * layer["stride"] + numpy.arange(layer["s"]) * layer["dilation"]
        window = padded[:, rows][:, :, columns]
        for group in range(layer["groups"]):
            outputs = slice(group * out_group, (group + 1) * out_group)
            exact = numpy.tensordot(weights[outputs].astype(numpy.float64),
                                    window[group * in_group:(group + 1) * in_group], 3) + bias[outputs]
            largest = max(largest, numpy.abs(result[outputs, y, x] - numpy.maximum(exact, 0)).max())
    return largest / max(numpy.sqrt(numpy.mean(numpy.square(result, dtype=numpy.float64))), 1e-30)


def packed(image, options):
    """ncnn's array with as many channels beside each other as divide their number."""
    mat = ncnn.Mat(image).clone()
    for floats in PACKED_FLOATS:
        if image.shape[0] % floats == 0:
            result = ncnn.Mat()
            ncnn.convert_packing(mat, result, floats, options)
            return result
    return mat


def unpacked(mat, options):
    result = ncnn.Mat()
    ncnn.convert_packing(mat, result, 1, options)
    return numpy.array(result)


def median_seconds(net, images, seconds):
    for image in images[:1] * 3:
        forward(net, image)
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 7 or time.perf_counter() < end:
        begin = time.perf_counter()
        for image in images:
            forward(net, image)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def measure(layer, arguments):
    random = numpy.random.default_rng(1)
    image = numpy.maximum(random.standard_normal((layer["c"], layer["h"], layer["w"]), numpy.float32), 0)
    shape = (layer["k"], layer["c"] // layer["groups"], layer["r"], layer["s"])
    weights = random.standard_normal(shape, numpy.float32) / numpy.float32(numpy.sqrt(numpy.prod(shape[1:])))
    bias = random.standard_normal(layer["k"], numpy.float32)
    line, data = convolution(layer, weights, bias)
    net = load_net([line], data, arguments.threads)
    mat = packed(image, net.opt)
    result = unpacked(forward(net, mat), net.opt)
    error = float(largest_error(layer, image, weights, bias, result, random))
    if error > MOST_ERROR:
        sys.exit(f"{layer['name']}: ncnn's result is wrong by {error:.1e} of its root mean square; not timed")
    images = [mat] + [packed(image, net.opt) for _ in range(layer["n"] - 1)]
    empty = load_net(["Noop layer 1 1 in out"], b"", arguments.threads)
    tiny = ncnn.Mat(numpy.zeros((1, 1, 1), numpy.float32)).clone()
    call = median_seconds(empty, [tiny], 0.05)
    taken = median_seconds(net, images, arguments.seconds) - call * layer["n"]
    outputs = layer["n"] * result.size
    gflops = 2e-9 * outputs * shape[1] * shape[2] * shape[3] / taken
    print(json.dumps({"name": layer["name"], "gflops": gflops, "max_error": error}), flush=True)


def read_layers(arguments):
    try:
        with open(arguments.layers, encoding="utf-8") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
        layers = [{key: row[key] if key in ("name", "pad") else int(row[key]) for key in COLUMNS} for row in rows]
    except OSError as error:
        sys.exit(f"cannot read the layer file '{arguments.layers}': {error.strerror}; give one such as "
                 "perf/layers/conv_layers.csv")
    except (KeyError, TypeError, ValueError) as error:
        sys.exit(f"'{arguments.layers}' is no layer file ({error}): its header is {','.join(COLUMNS)}, and all but name "
                 "and pad are whole numbers")
    chosen = [layer for layer in layers if arguments.only in layer["name"]]
    if not chosen:
        sys.exit(f"no layer's name contains '{arguments.only}'; there are {', '.join(layer['name'] for layer in layers)}")
    return chosen


def main():
    arguments = parse_arguments()
    for layer in read_layers(arguments):
        measure(layer, arguments)


if __name__ == "__main__":
    main()
