# SPDX-License-Identifier: Apache-2.0
"""The library's operations as PyTorch has them, for check_gradients_with_torch.py: functions of the inputs and attributes
of a case, gradient_recorder.hpp says which, that give the outputs.

Where PyTorch differs from TensorFlow by itself, TensorFlow's definition is spelled out: SAME padding adds more after than
before, averages count elements of the image only, maximum() gives all of the gradient to x where both are equal, alpha of LRN
is not divided by the size of the window. Images are NHWC, filters HWIO.
"""

import torch
from torch.nn import functional


def larger(x, y):
    return torch.where(x >= y, x, y)


def smaller(x, y):
    return torch.where(x <= y, x, y)


def matmul(x, y, transpose_a, transpose_b):
    return torch.matmul(x.mT if transpose_a else x, y.mT if transpose_b else y)


def reduction(reduce):
    def reduced(x, axis, keepdims):
        axes = list(range(x.dim())) if axis is None else axis
        return reduce(x, axes, keepdims) if axes else x.clone()
    return reduced


def l2_loss(x):
    return (x * x).sum() / 2


def norm_of(tensors):
    return torch.sqrt(sum((x * x).sum() for x in tensors))


def clip_by_norm(x, limit):
    return x * limit / larger(norm_of([x]), limit)


def clip_by_global_norm(*inputs):
    *tensors, limit = inputs
    norm = norm_of(tensors)
    scale = limit * smaller(1 / norm, 1 / limit)
    return [x * scale for x in tensors] + [norm]


def split(x, axis, sizes, used):
    parts = torch.split(x, sizes, axis)
    return [parts[part] for part in used]


def slice_(x, begin, size):
    for axis, (first, count) in enumerate(zip(begin, size)):
        x = x.narrow(axis, first, x.shape[axis] - first if count == -1 else count)
    return x


def pad(x, paddings, constant_value):
    return functional.pad(x, [width for pair in reversed(paddings) for width in pair], value=constant_value)


def cast(x, *others, through):
    """All is float64 here: conversions between floating types are the identity."""
    return x * others[0].detach().trunc() if through == "int32" else x.clone()


def embedding_lookup(params, ids):
    return functional.embedding(ids, params) if params.dim() == 2 else params[ids]


def softmax_cross_entropy(labels, logits):
    return -(labels.detach() * torch.log_softmax(logits, -1)).sum(-1)


def sparse_softmax_cross_entropy(labels, logits):
    flat = functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), reduction="none")
    return flat.reshape(labels.shape)


def lrn(x, depth_radius, bias, alpha, beta):
    size = 2 * depth_radius + 1
    return nhwc(functional.local_response_norm(nchw(x), size, alpha=alpha * size, beta=beta, k=bias))


def fused_batch_norm(x, scale, offset, *given, epsilon):
    """The variance for moving averages has Bessel's correction. Nothing flows through statistics that are outputs or given."""
    if given:
        mean, variance = (value.detach() for value in given)
        unbiased = variance
    else:
        mean, unbiased = (statistic(nchw(x).detach(), (0, 2, 3)) for statistic in (torch.mean, torch.var))
        variance = None
    y = functional.batch_norm(nchw(x), mean if given else None, variance, scale, offset, training=not given, eps=epsilon)
    return [nhwc(y), mean, unbiased]


def batch_normalization(x, scale, offset, mean, variance, epsilon):
    return (x - mean) / torch.sqrt(variance + epsilon) * scale + offset


def moments(x, axes):
    return [torch.mean(x, axes), torch.var(x, axes, unbiased=False)]


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def surrounded(x, value, window, image, strides, dilations, padding):
    """An image, NCHW, with the border that windows reach into."""
    if padding == "VALID":
        return x
    widths = []
    for extent, inside, stride, dilation in zip(window, image, strides, dilations):
        out = -(-inside // stride)
        total = max((out - 1) * stride + (extent - 1) * dilation + 1 - inside, 0)
        widths.append((total // 2, total - total // 2))
    return functional.pad(x, [*widths[1], *widths[0]], value=value)


def conv2d(x, weights, **geometry):
    image = surrounded(nchw(x), 0.0, **geometry).contiguous()
    return nhwc(functional.conv2d(image, weights.permute(3, 2, 0, 1).contiguous(), stride=geometry["strides"], dilation=geometry["dilations"],
                                  groups=x.shape[3] // weights.shape[2]))


def conv2d_backprop_input(weights, backprop, groups, **geometry):
    x = torch.zeros(backprop.shape[0], *geometry["image"], weights.shape[2] * groups, dtype=torch.float64, requires_grad=True)
    return torch.autograd.grad(conv2d(x, weights, **geometry), x, backprop, create_graph=True)[0]


def conv2d_backprop_filter(x, backprop, groups, **geometry):
    shape = (*geometry["window"], x.shape[3] // groups, backprop.shape[3])
    weights = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    return torch.autograd.grad(conv2d(x, weights, **geometry), weights, backprop, create_graph=True)[0]


def max_pool(x, **geometry):
    return nhwc(functional.max_pool2d(surrounded(nchw(x), -torch.inf, **geometry), geometry["window"], geometry["strides"]))


def avg_pool(x, **geometry):
    def sums(values):
        return functional.avg_pool2d(surrounded(values, 0.0, **geometry), geometry["window"], geometry["strides"],
                                     divisor_override=1)
    return nhwc(sums(nchw(x)) / sums(torch.ones_like(nchw(x))))


def avg_pool_grad(grad, **geometry):
    x = torch.zeros(grad.shape[0], *geometry["image"], grad.shape[3], dtype=torch.float64, requires_grad=True)
    return torch.autograd.grad(avg_pool(x, **geometry), x, grad, create_graph=True)[0]


OPERATIONS = {
    "negative": torch.neg,
    "abs": torch.abs,
    "square": torch.square,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "identity": torch.clone,
    "l2_loss": l2_loss,
    "add": torch.add,
    "subtract": torch.sub,
    "multiply": torch.mul,
    "divide": torch.div,
    "div": torch.div,
    "maximum": larger,
    "minimum": smaller,
    "add_n": lambda *inputs: sum(inputs[1:], inputs[0].clone()),
    "matmul": matmul,
    "reduce_sum": reduction(torch.sum),
    "reduce_mean": reduction(torch.mean),
    "reduce_max": reduction(torch.amax),
    "clip_by_value": lambda x, low, high: larger(smaller(x, high), low),
    "clip_by_norm": clip_by_norm,
    "global_norm": lambda *tensors: norm_of(tensors),
    "clip_by_global_norm": clip_by_global_norm,
    "gather": lambda params, indices: params[indices],
    "embedding_lookup": embedding_lookup,
    "concat": lambda *values, axis: torch.cat(values, axis),
    "split": split,
    "slice": slice_,
    "pad": pad,
    "transpose": lambda x, perm: x.permute(perm or list(reversed(range(x.dim())))),
    "reshape": lambda x, shape: x.reshape(shape),
    "cast": cast,
    "stop_gradient": lambda x, y: x * y.detach() + x.detach(),
    "zeros_like": lambda x, y: x + torch.zeros_like(y),
    "ones_like": lambda x, y: x * torch.ones_like(y),
    "argmax": lambda x, y, axis: x.sum(axis) * torch.argmax(y, axis),
    "softmax": lambda x, axis: torch.softmax(x, axis),
    "softmax_cross_entropy_with_logits": softmax_cross_entropy,
    "sparse_softmax_cross_entropy_with_logits": sparse_softmax_cross_entropy,
    "bias_add": torch.add,
    "local_response_normalization": lrn,
    "fused_batch_norm": fused_batch_norm,
    "batch_normalization": batch_normalization,
    "moments": moments,
    "conv2d": conv2d,
    "conv2d_backprop_input": conv2d_backprop_input,
    "conv2d_backprop_filter": conv2d_backprop_filter,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "avg_pool_grad": avg_pool_grad,
}
