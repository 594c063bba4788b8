# SPDX-License-Identifier: Apache-2.0
"""What the generator of random programs remembers of its program so far: a rough model of scopes and variables.

It only steers the generator towards statements that succeed; TensorFlow decides what they print.
"""

import copy
from dataclasses import dataclass, field


@dataclass
class Record:
    """A variable: shape as written in a program; `by_value` where an initial value gave it its shape."""
    shape: str
    dtype: str
    constant: bool
    partitioner: str
    by_value: bool


@dataclass
class Template:
    raises: bool


@dataclass
class Frame:
    """A variable scope."""
    name: str = ""
    reuse: str = "false"
    dtype: str = "float32"
    initializer: str = None
    regularizer: bool = False
    partitioner: str = None
    getters: list = field(default_factory=list)

    def full_name(self, name, getters):
        """The key in the store of the variable that is asked for as `name`, the innermost getter first."""
        name = "" if name == '""' else name
        full = f"{self.name}/{name}" if self.name else name
        return "_".join([full, *getters])


class Model:
    def __init__(self):
        self.store = {}
        self.scopes = {}
        self.variables = {}
        self.tensors = {}
        self.templates = {}
        self.counts = {}      # how often a variable scope of a name was opened, for default names
        self.frames = [Frame()]
        self.leavings = []
        self.in_thread = False

    @property
    def frame(self):
        return self.frames[-1]

    def below(self, prefix):
        return sorted(full for full in self.store if not prefix or full.startswith(prefix + "/"))

    def string_scope(self, name):
        frame = copy.deepcopy(self.frame)
        frame.name = f"{frame.name}/{name}" if frame.name else name
        return frame

    def captured_scope(self, captured):
        return copy.deepcopy(captured)

    def unique_default(self, base):
        prefix = self.frame.name + "/" if self.frame.name else ""
        name = base
        number = 0
        while self.counts.get(prefix + name, 0):
            number += 1
            name = f"{base}_{number}"
        return name

    def enter(self, frame, captured):
        self.counts[frame.name] = self.counts.get(frame.name, 0) + 1
        self.leavings.append(dict(self.counts) if captured else None)
        self.frames.append(frame)

    def leave(self):
        frame = self.frames.pop()
        counts = self.leavings.pop()
        if counts is not None:
            self.counts = counts
        else:
            self.counts = {name: count for name, count in self.counts.items() if not frame.name or
                           not name.startswith(frame.name + "/")}

    def for_thread(self):
        """The same graph and identifiers, at the root of a new thread."""
        other = copy.copy(self)
        other.counts = {}
        other.frames = [Frame()]
        other.leavings = []
        other.in_thread = True
        return other

    def for_graph(self):
        """Another graph: captured scopes are values and go along, variables and tensors do not."""
        other = Model()
        other.scopes = dict(self.scopes)
        other.in_thread = self.in_thread
        return other
