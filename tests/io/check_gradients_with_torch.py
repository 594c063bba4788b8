# SPDX-License-Identifier: Apache-2.0
"""PyTorch as the second judge of outputs and gradients; the first is central differences. write_gradients runs every operation
on random inputs; torch.autograd, in double precision, must get the same. All operations of the headers and of
docs/gradients.md must be among them, but for those of NOT_JUDGED.

    check_gradients_with_torch.py WRITE_GRADIENTS_PROGRAM SOURCE_ROOT [SEED]
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SYSTEM_PYTHON = "/usr/bin/python3"   # Debian's python3-torch, where another Python comes first in PATH

try:
    import h5py
    import numpy as np
    import torch

    import gradient_peers
except ImportError as problem:
    if os.path.exists(SYSTEM_PYTHON) and not os.path.samefile(sys.executable, SYSTEM_PYTHON):
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON] + sys.argv)
    print(f"skipped: {problem}; install python3-torch and python3-h5py")
    sys.exit(77)

HEADERS = ["math_ops.hpp", "array_ops.hpp", "nn_ops.hpp", "nn_gradient_ops.hpp", "clip_ops.hpp"]

NOT_JUDGED = {
    "dropout": "its random numbers differ",
    "max_pool_grad": "has no rule; its values are judged as the gradient of max_pool",
    "lrn_grad": "has no rule; its values are judged as the gradient of local_response_normalization",
    "fused_batch_norm_grad": "has no rule; its values are judged as the gradient of fused_batch_norm",
    "placeholder": "has no inputs; every case has one",
    "constant": "has no inputs",
    "zeros": "has no inputs",
    "ones": "has no inputs",
    "assign": "has no gradient",
    "assign_add": "has no gradient",
    "assign_sub": "has no gradient",
}

# The largest error that counts, relative to the largest element of all gradients. Sums of products have some hundred terms at
# most, and what Winograd's transforms add stays below, too.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

# Gradients may be small because larger numbers cancel. They count as having at least this part of the largest weight.
SMALLEST_SCALE = 0.01
# These are differences of numbers as large as the weights, such as w * (1 - z) for a z that is nearly 1.
DIFFERENCES = {"sigmoid", "tanh", "softmax", "softmax_cross_entropy_with_logits", "sparse_softmax_cross_entropy_with_logits",
               "local_response_normalization", "fused_batch_norm", "clip_by_norm", "clip_by_global_norm"}


class Case:
    def __init__(self, scope, group):
        self.scope = scope
        self.operation = scope.split("_", 1)[1]
        self.attributes = json.loads(bytes(group["attributes:0"][...]))
        self.inputs, self.outputs, self.weights, self.gradients = (
            {int(name.split(":")[0]): dataset[...] for name, dataset in group[kind].items()} if kind in group else {}
            for kind in ("inputs", "outputs", "weights", "gradients"))
        values = [*self.inputs.values(), *self.outputs.values()]
        self.dtype = "float32" if any(value.dtype == np.float32 for value in values) else "float64"

    def __str__(self):
        shapes = ", ".join(f"{value.dtype}{list(value.shape)}" for _, value in sorted(self.inputs.items()))
        return f"{self.scope}({shapes}) {json.dumps(self.attributes)}"

    def expected(self):
        """Outputs, and gradients of those inputs that something flows to, by their numbers."""
        inputs = []
        for _, value in sorted(self.inputs.items()):
            floating = value.dtype.kind == "f"
            tensor = torch.tensor(value.astype(np.float64 if floating else np.int64))
            inputs.append(tensor.requires_grad_() if floating else tensor)
        outputs = gradient_peers.OPERATIONS[self.operation](*inputs, **self.attributes)
        outputs = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
        weights = [torch.tensor(value.astype(np.float64)) for _, value in sorted(self.weights.items())]
        assert len(outputs) == len(weights), f"{self}: {len(outputs)} outputs, {len(weights)} weights"
        total = sum((weight * output).sum() for weight, output in zip(weights, outputs))
        derived = {i: tensor for i, tensor in enumerate(inputs) if tensor.requires_grad}
        gradients = torch.autograd.grad(total, list(derived.values()), allow_unused=True)
        return ({i: output.detach().numpy() for i, output in enumerate(outputs)},
                {i: gradient.numpy() for i, gradient in zip(derived, gradients) if gradient is not None})


def largest(arrays):
    return max((float(np.abs(array).max()) for array in arrays if array.size > 0), default=0.0)


def scale_of_gradients(case, gradients):
    smallest = (1 if case.operation in DIFFERENCES else SMALLEST_SCALE) * largest(case.weights.values())
    return max(largest(gradients.values()), smallest)


def compare(case, kind, found, expected, scale):
    """The largest difference, as a part of the scale."""
    assert found.keys() == expected.keys(), f"{case}: {kind} {sorted(found)} instead of {sorted(expected)}"
    worst = 0.0
    for number, values in found.items():
        assert values.shape == expected[number].shape, f"{case}: {kind} {number} is {values.shape}, not {expected[number].shape}"
        difference = np.abs(values - expected[number])
        if difference.size > 0:
            part = float(difference.max()) / scale if scale > 0 else float(difference.max() != 0)
            worst = max(worst, part)
            assert part <= TOLERANCE[case.dtype], (   # NaN is not
                f"{case}: {kind} {number} differ by {part:.1e} of {scale:.3g}, at "
                f"{np.unravel_index(difference.argmax(), difference.shape)}:\n{values}\nis\n{expected[number]}")
    return worst


def judge(case, gradients, expected):
    """Of outputs and gradients the largest error."""
    wanted_outputs, wanted_gradients = expected
    inputs = [value for value in case.inputs.values() if value.dtype.kind == "f"]
    return max(compare(case, "outputs", case.outputs, wanted_outputs, largest([*wanted_outputs.values(), *inputs])),
               compare(case, "gradients", gradients, wanted_gradients, scale_of_gradients(case, wanted_gradients)))


def check_judge_notices(case, expected):
    """A judge that never says no is none: one wrong element, one gradient too few."""
    random = np.random.default_rng(int(case.scope.split("_")[0]))
    change = 10 * TOLERANCE[case.dtype] * max(scale_of_gradients(case, expected[1]), 1e-6)
    changes = [{number: values for number, values in case.gradients.items() if number != missing} for missing in case.gradients]
    for number, values in case.gradients.items():
        if values.size > 0:
            wrong = values.astype(np.float64)
            wrong.flat[random.integers(values.size)] += change
            changes.append({**case.gradients, number: wrong})
    for gradients in changes:
        try:
            judge(case, gradients, expected)
        except AssertionError:
            continue
        raise RuntimeError(f"{case}: a wrong gradient was not noticed")


def operations_of_headers(root):
    results = "Tensor|std::vector<Tensor>|ClippedByGlobalNorm|FusedBatchNorm|FusedBatchNormGradients|Moments"
    declaration = re.compile(rf"^VARSCOPE_API (?:{results})\s+(\w+)\(", re.MULTILINE)
    names = set()
    for header in HEADERS:
        text = (root / "engine" / "include" / "varscope" / header).read_text(encoding="utf-8")
        names |= set(declaration.findall(text))
    return names


def operations_of_rules(root):
    """The words in code of the first column of the table."""
    text = (root / "docs" / "gradients.md").read_text(encoding="utf-8")
    table = text.split("\n## Rules\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}


def main():
    program, root = sys.argv[1], Path(sys.argv[2])
    if len(sys.argv) > 3:
        os.environ["VARSCOPE_TEST_SEED"] = sys.argv[3]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gradients.h5"
        subprocess.run([program, path], check=True, timeout=100)   # prints its seed
        with h5py.File(path, "r") as file:
            cases = [Case(scope, group) for scope, group in file.items()]

    torch.set_num_threads(1)
    failures, worst = [], {}
    for case in cases:
        expected = case.expected()
        try:
            error = judge(case, case.gradients, expected)
        except AssertionError as problem:
            failures.append(str(problem))
            continue
        worst.setdefault(case.operation, []).append((error / TOLERANCE[case.dtype], error, str(case)))
        check_judge_notices(case, expected)
    for operation, errors in sorted(worst.items()):
        _, error, case = max(errors)
        print(f"{operation}: {len(errors)} cases, error at most {error:.1e}: {case}")

    of_headers, of_rules = operations_of_headers(root), operations_of_rules(root)
    assert len(of_headers) > 50 and len(of_rules) > 50, (of_headers, of_rules)
    judged = {case.operation for case in cases}
    print(f"PyTorch {torch.__version__} judged {len(cases)} cases of {len(judged)} operations:", *sorted(judged))
    for operation in sorted(NOT_JUDGED):
        print(f"not judged: {operation}: {NOT_JUDGED[operation]}")
    missing = (of_headers | of_rules) - judged - NOT_JUDGED.keys()
    if missing:
        failures.append("neither judged nor among the exceptions: " + " ".join(sorted(missing)))
    needless = NOT_JUDGED.keys() - (of_headers | of_rules) | NOT_JUDGED.keys() & judged
    if needless:
        failures.append("needlessly among the exceptions: " + " ".join(sorted(needless)))
    if failures:
        sys.exit("\n\n".join([f"{len(failures)} failures", *failures]))


if __name__ == "__main__":
    main()
