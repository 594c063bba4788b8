# SPDX-License-Identifier: Apache-2.0
"""Random scope programs, without their outputs: nested, full of colliding names, most statements meant to succeed.

    generate_programs.py --seed N --count M [--features core|all|more] [--prefix NAME] [--out FILE]

`core` has the statements of every scope program; `all` adds partitioners, custom getters, constraints, local variables,
templates, threads, second graphs and exceptions; `more` adds creators, assignments and runs (generate_more.py). The same seed gives the same programs.
"""

import argparse
import random
import sys
from pathlib import Path

from scope_model import Model, Record, Template
from scope_program import StoredProgram, write_programs

SCOPES = ["a", "a", "b", "A", "a_1", "b_1", "foo", "Foo", "foo_1", "conv", "a/b", "a/a", "a.b", "axb", "b-c"]
ODD_SCOPES = ['""', "foo/", "a/", "a//b", "a/."]
BAD_SCOPES = ["_x", "-y", "a:b", "/a"]
DEFAULTS = ["d", "d", "a", "layer", "d_1", "D", "a/b"]
VARIABLES = ["v", "v", "w", "V", "v_1", "w_1", "b", "a", "a/v", "b/w", "x.y", "foo"]
ODD_VARIABLES = ['""', "_v", "a//v"]
BAD_VARIABLES = ["v:0", "a:b"]
OPERATIONS = ["a", "v", "b", "foo", "A", "a_1", "a/b", "add", "x"]
SHAPES = ["[]", "[1]", "[2]", "[3]", "[2,3]", "[3,2]", "[3,1]", "[3,3,1,2]", "[4,4]"]
PARTITIONS = {"2": ["[2]", "[3]"], "3": ["[3]", "[4]"], "2,1": ["[3,1]", "[2,3]", "[4,4]"], "1,2": ["[2,3]", "[4,4]"],
              "1,1": ["[3,1]", "[3,2]"]}
FLOATS = ("float32", "float64")
FRACTIONS = ["0.5", "0.25", "1.5", "-0.125"]
WHOLES = ["0", "1", "2", "7"]
COLLECTIONS = ["variables", "trainable_variables", "variables", "regularization_losses", "local_variables", "mine"]
OPERATION_WEIGHTS = {"constant": 4, "placeholder": 2, "identity": 5, "add": 6, "relu": 3, "matmul": 3, "conv2d": 2,
                     "bias_add": 2, "max_pool": 1}
MAX_DEPTH = 6


class Generator:
    def __init__(self, seed, features):
        self.random = random.Random(seed)
        self.all = features != "core"
        self.naughty = self.random.random() < 0.28     # this program asks for refusals
        self.rows = []
        self.depth = 0
        self.counter = 0
        self.dead = False      # behind a `raise`, until the outermost block ends
        self.template_body = False
        self.model = Model()
        self.left = self.random.randint(5, 40)

    def chance(self, probability):
        return self.random.random() < probability

    def bad(self, probability):
        return self.naughty and self.chance(probability)

    def pick(self, choices):
        return self.random.choice(choices)

    def emit(self, text):
        self.rows.append("  " * self.depth + text)
        self.left -= 1

    def identifier(self, letter):
        self.counter += 1
        return f"{letter}{self.counter}"

    def generate(self):
        while self.left > 0:
            self.statement()
            if self.depth == 0:
                self.dead = False
        return self.rows

    def block(self, text, fill):
        self.emit(text)
        self.depth += 1
        for _ in range(self.random.randint(1, 5)):
            if self.left > 0 and (not self.dead or self.chance(0.2)):
                fill()
        self.depth -= 1
        self.rows.append("  " * self.depth + "end")

    def statement(self):
        functions, weights = zip(*self.choices())
        self.random.choices(functions, weights)[0]()

    def choices(self):
        deep = self.depth >= MAX_DEPTH
        choices = [(self.get_variable, 30), (self.operation, 18), (self.collection, 4), (self.current, 2),
                   (self.value, 3), (self.reuse_variables, 1 if self.depth else 0.2),
                   (self.setter, 3 if self.depth else 0.7)]
        if not deep:
            choices += [(self.variable_scope, 26), (self.name_scope, 9)]
        if self.depth == 0:
            choices.append((self.graph, 0.3))
        if self.naughty:
            choices.append((self.undefined, 2))
        if self.all:
            choices += [(self.local_variable, 3), (self.variable, 4), (self.unique_name, 2)]
            if not self.template_body:
                choices.append((self.call, 12 if self.model.templates else 0))
                if self.depth:
                    choices.append((self.raises, 0.6))
                if not deep:
                    choices += [(self.thread, 2), (self.with_graph, 1.5), (self.template, 3)]
        return choices

    # Scopes

    def scope_name(self):
        if self.bad(0.1):
            return self.pick(BAD_SCOPES)
        return self.pick(ODD_SCOPES) if self.chance(0.08) else self.pick(SCOPES)

    def variable_scope(self):
        kind = self.random.choices(["name", "captured", "default"], [6, 3 if self.model.scopes else 0, 2])[0]
        options = []
        reuse = None
        if kind == "name":
            target = self.scope_name()
            frame = self.model.string_scope("" if target == '""' else target)
        elif kind == "captured":
            identifier = self.pick(sorted(self.model.scopes))
            target = "@" + identifier
            frame = self.model.captured_scope(self.model.scopes[identifier])
        else:
            default = self.pick(DEFAULTS)
            target = "none"
            frame = self.model.string_scope(self.model.unique_default(default))
        if self.chance(0.2) and (kind != "default" or self.bad(0.3)):
            weights = [2 if self.model.below(frame.name) else 0.2, 3, 1]
            reuse = self.random.choices(["true", "auto", "false"], weights)[0]
            options.append("reuse=" + reuse)
            if reuse != "false":
                frame.reuse = reuse
        if kind == "default":
            options.append("default=" + default)
        elif self.chance(0.05):
            options.append("default=" + self.pick(DEFAULTS))
        if self.chance(0.35 if kind == "captured" else 0.1):
            options.append("auxiliary_name_scope=" + self.pick(["true", "true", "false"]))
        self.scope_settings(frame, options)
        if self.chance(0.5):
            identifier = self.identifier("s")
            options.append("as=" + identifier)
            if not self.dead:
                self.model.scopes[identifier] = frame
        self.model.enter(frame, kind == "captured")
        self.block(" ".join(["variable_scope", target, *options]), self.statement)
        self.model.leave()

    def scope_settings(self, frame, options):
        if self.chance(0.15):
            frame.initializer = self.pick(FRACTIONS) if frame.dtype in FLOATS or self.bad(0.2) else self.pick(WHOLES)
            options.append("initializer=" + frame.initializer)
        if self.chance(0.06):
            frame.dtype = self.dtype(frame)
            options.append("dtype=" + frame.dtype)
        if self.chance(0.06) and frame.dtype in FLOATS:
            frame.regularizer = True
            options.append("regularizer=" + self.pick(FRACTIONS[:3]))
        if not self.all:
            return
        if self.chance(0.06):
            frame.partitioner = self.pick(sorted(PARTITIONS))
            options.append("partitioner=" + frame.partitioner)
        if self.chance(0.06):
            frame.getters = [self.pick(["g", "h"]), *frame.getters]
            options.append("custom_getter=" + frame.getters[0])
        if self.chance(0.06):
            options.append("constraint=" + self.pick(["k", "m"]))

    def dtype(self, frame):
        if frame.regularizer:
            return self.pick(FLOATS)
        if frame.initializer and "." in frame.initializer and not self.bad(0.2):
            return self.pick(FLOATS)
        dtypes = ["float32", "float64", "float64", "int32", "int64", "uint8"]
        return self.pick(dtypes if frame.initializer else dtypes + ["bool"])

    def name_scope(self):
        if self.chance(0.15) and self.model.scopes:
            target = "@" + self.pick(sorted(self.model.scopes))
        elif self.chance(0.1):
            target = self.pick(["none", '""', "foo/", "a/", "a/b/"])
        else:
            target = self.pick(BAD_SCOPES) if self.bad(0.1) else self.pick(SCOPES)
        self.block(f"name_scope {target}", self.statement)

    def reuse_variables(self):
        self.emit("reuse_variables")
        self.model.frame.reuse = "true"

    def setter(self):
        frame = self.model.frame
        kinds = ["initializer", "dtype", "regularizer"] + (["partitioner", "custom_getter"] if self.all else [])
        kind = self.pick(kinds)
        if kind == "initializer":
            frame.initializer = self.pick(FRACTIONS if frame.dtype in FLOATS else WHOLES)
            setting = frame.initializer
        elif kind == "dtype":
            frame.dtype = self.dtype(frame)
            setting = frame.dtype
        elif kind == "regularizer":
            if frame.dtype not in FLOATS:
                return
            setting = "none" if self.all and self.chance(0.4) else self.pick(FRACTIONS[:3])
            frame.regularizer = setting != "none"
        elif kind == "partitioner":
            frame.partitioner = None if self.chance(0.5) else self.pick(sorted(PARTITIONS))
            setting = frame.partitioner or "none"
        else:
            frame.getters = [] if self.chance(0.5) else [self.pick(["g", "h"])]
            setting = frame.getters[0] if frame.getters else "none"
        self.emit(f"set_{kind} {setting}")

    # Variables

    def get_variable(self, statement="get_variable"):
        frame = self.model.frame
        options = []
        getters = frame.getters
        if self.all and self.chance(0.05):
            getters = [self.pick(["g", "h"])]
            options.append("custom_getter=" + getters[0])
        name, full = self.variable_name(frame, getters)
        if name is None:
            return
        record = self.model.store.get(full)
        local = statement == "get_local_variable"
        if record is not None and frame.reuse != "false":
            shape, record = self.shared_variable(frame, record, options)
        else:
            shape, record = self.new_variable(frame, options, local)
            if frame.reuse != "true" and full not in self.model.store and record is not None and not self.dead:
                self.model.store[full] = record
        if self.chance(0.1):
            options.append("trainable=false")
        if self.all and self.chance(0.05):
            options.append("constraint=" + self.pick(["k", "m"]))
        if self.all and self.chance(0.05):
            options.append("collections=" + self.pick(["mine", "mine,variables", "losses"]))
        if self.chance(0.6):
            identifier = self.identifier("w")
            options.append("as=" + identifier)
            if record is not None and not self.dead:
                self.model.variables[identifier] = record
        self.emit(" ".join([statement, name, shape, *options]))

    def variable_name(self, frame, getters):
        """A name that suits the reuse flag, with its key in the store; None where none would."""
        for _ in range(12):
            name = self.pick(VARIABLES)
            if self.chance(0.05) and frame.name:
                name = self.pick(ODD_VARIABLES)
            if self.bad(0.04):
                name = self.pick(BAD_VARIABLES)
            full = frame.full_name(name, getters)
            exists = full in self.model.store
            if frame.reuse == "auto" or exists == (frame.reuse == "true") or self.bad(0.08):
                return name, full
        if frame.reuse == "true":
            known = self.model.below(frame.name)
            if known and not getters:
                full = self.pick(known)
                return full[len(frame.name) + 1:] or '""' if frame.name else full, full
        return None, None

    def shared_variable(self, frame, record, options):
        shape = record.shape if self.chance(0.9) else "none"
        partitioner = frame.partitioner
        if self.bad(0.1):
            shape = self.pick(SHAPES)
        if record.by_value:
            shape = "none"
        elif record.partitioner or (partitioner and frame.reuse == "auto"):
            shape = record.shape
        if record.dtype != frame.dtype and not self.bad(0.1):
            options.append("dtype=" + record.dtype)
        if record.partitioner != partitioner and record.partitioner:
            options.append("partitioner=" + record.partitioner)
        if self.chance(0.1) and not record.by_value:
            options.append("initializer=" + self.pick(FRACTIONS))
        return shape, record

    def new_variable(self, frame, options, local):
        if self.all and not frame.partitioner and self.chance(0.08):
            value, shape, dtype = self.pick([("4", "[]", "int32"), ("1.5", "[]", "float32"),
                                             ("[1.0,2.0]", "[2]", "float32")])
            if frame.regularizer and dtype not in FLOATS:
                return self.new_variable(frame, options, local)
            options.append("initial_value=" + value)
            return "none", Record(shape, dtype, True, None, True)
        partitioner = frame.partitioner
        if self.all and self.chance(0.06):
            partitioner = self.pick(sorted(PARTITIONS))
            options.append("partitioner=" + partitioner)
        shape = self.pick(PARTITIONS[partitioner]) if partitioner else self.pick(SHAPES)
        if self.bad(0.05):
            shape = self.pick(["none", "[2,2,2]", "[?,2]"])
        dtype = frame.dtype
        if self.chance(0.08):
            dtype = self.dtype(frame)
            options.append("dtype=" + dtype)
        constant = frame.initializer is not None or dtype not in FLOATS
        if self.chance(0.3) and dtype != "bool":
            options.append("initializer=" + self.pick(FRACTIONS if dtype in FLOATS else WHOLES))
            constant = True
        if self.chance(0.06) and dtype in FLOATS:
            options.append("regularizer=" + self.pick(FRACTIONS[:3]))
        return shape, Record(shape, dtype, constant, partitioner, False)

    def local_variable(self):
        self.get_variable("get_local_variable")

    def variable(self):
        value, shape, dtype = self.pick([("1.0", "[]", "float32"), ("2", "[]", "int32"),
                                         ("[1.0,2.5]", "[2]", "float32")])
        options = []
        if self.chance(0.7):
            options.append("name=" + self.pick(VARIABLES[:8]))
        if self.chance(0.2) or self.template_body:
            options.append("trainable=false")
        identifier = self.identifier("w")
        if not self.dead:
            self.model.variables[identifier] = Record(shape, dtype, True, None, True)
        self.emit(" ".join(["variable", value, *options, "as=" + identifier]))

    def value(self):
        suitable = [name for name, record in sorted(self.model.variables.items())
                    if record.constant and not record.partitioner]
        if suitable:
            self.emit("value " + self.pick(suitable))

    # Operations

    def operation(self):
        kind = self.random.choices(list(OPERATION_WEIGHTS), list(OPERATION_WEIGHTS.values()))[0]
        arguments, result = self.operands(kind)
        if arguments is None:
            return
        options = []
        if self.chance(0.35):
            options.append("name=" + (self.pick(BAD_SCOPES + ["foo/"]) if self.bad(0.15) else self.pick(OPERATIONS)))
        if self.chance(0.6):
            identifier = self.identifier("t")
            options.append("as=" + identifier)
            if not self.dead:
                self.model.tensors[identifier] = result
        self.emit(" ".join(["op", kind, *arguments, *options]))

    def operands(self, kind):
        """Identifiers of operands that fit the kind, shape and dtype of the result; None where there are none."""
        if kind in ("constant", "placeholder"):
            return [], ("[]" if kind == "constant" else None, "float32")
        values = {name: (record.shape, record.dtype) for name, record in self.model.variables.items()}
        values.update(self.model.tensors)
        names = sorted(values)
        if not names:
            return None, None
        if self.bad(0.1):
            count = 1 if kind in ("identity", "relu", "max_pool") else 2
            return [self.pick(names) for _ in range(count)], (None, "float32")

        def fitting(shapes, dtypes=FLOATS):
            return [name for name in names
                    if values[name][1] in dtypes and (shapes is None or values[name][0] in (None, *shapes))]
        first = {"identity": fitting(None, FLOATS + ("int32", "int64", "uint8", "bool")), "relu": fitting(None),
                 "add": fitting(None, FLOATS + ("int32", "int64")), "matmul": fitting(["[2,3]", "[3,2]", "[4,4]"]),
                 "conv2d": fitting([]), "bias_add": fitting([]), "max_pool": fitting([])}[kind]
        if not first:
            return None, None
        left = self.pick(first)
        shape, dtype = values[left]
        if kind in ("identity", "relu", "max_pool"):
            return [left], (shape, dtype)
        second = {"add": [shape, "[]"] if shape else None,
                  "matmul": {"[2,3]": ["[3,2]"], "[3,2]": ["[2,3]"], "[4,4]": ["[4,4]"], None: ["[2,3]"]}.get(shape),
                  "conv2d": ["[3,3,1,2]"], "bias_add": ["[2]", "[3]"]}[kind]
        right = fitting(second, (dtype,))
        if not right:
            return None, None
        same_shape = kind == "add" and shape is not None
        return [left, self.pick(right)], (shape if same_shape else None, dtype)

    # The rest

    def current(self):
        self.emit("current")

    def collection(self):
        key = self.pick(COLLECTIONS if self.all else COLLECTIONS[:4])
        if self.chance(0.5):
            prefix = self.pick([self.pick(SCOPES[:-1]), self.pick(SCOPES[:-1]) + "/", self.model.frame.name, ".*v",
                                ".*a/", "a.b"])
            if prefix and "+" not in prefix:
                self.emit(f"collection {key} scope={prefix}")
                return
        self.emit(f"collection {key}")

    def graph(self):
        self.emit("graph")
        self.model = Model()

    def undefined(self):
        kind = self.pick(["op", "value", "scope"])
        if kind == "op":
            self.emit("op identity nowhere as=lost")
        elif kind == "value":
            self.emit("value nowhere")
        elif self.depth < MAX_DEPTH:
            self.emit("variable_scope @nowhere")
            self.rows += ["  " * (self.depth + 1) + "op constant", "  " * self.depth + "end"]

    def unique_name(self):
        self.emit(f"unique_name {self.pick(OPERATIONS)}" + (" mark_as_used=false" if self.chance(0.3) else ""))

    def template(self):
        identifier = self.identifier("f")
        options = []
        if self.chance(0.2):
            options.append("unique_name=" + self.pick(["u", "a", "d"]))
        if self.chance(0.3):
            options.append("create_scope_now=true")
        outside, self.model, self.template_body = self.model, Model(), True
        dead, self.dead = self.dead, False
        self.block(" ".join(["template", self.pick(DEFAULTS), *options, "as=" + identifier]), self.statement)
        self.model, self.template_body, self.dead = outside, False, dead
        raising = self.naughty and self.chance(0.15)
        if raising:
            self.rows.insert(len(self.rows) - 1, "  " * (self.depth + 1) + "raise")
        if not self.dead:
            self.model.templates[identifier] = Template(raising)

    def call(self):
        identifier = self.pick(sorted(self.model.templates))
        self.emit("call " + identifier)
        if self.model.templates[identifier].raises:
            self.dead = True

    def raises(self):
        if self.model.in_thread:
            return
        self.emit("raise")
        self.dead = True

    def thread(self):
        outside = self.model
        self.model = outside.for_thread()
        self.block("thread", self.statement)
        self.model = outside

    def with_graph(self):
        outside = self.model
        self.model = outside.for_graph()
        self.block("with_graph", self.statement)
        self.model = outside


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--features", choices=["core", "all", "more"], default="core")
    parser.add_argument("--prefix", help="of the programs' names, the features unless given")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    prefix = arguments.prefix or arguments.features
    programs = []
    kind = Generator
    if arguments.features == "more":
        from generate_more import MoreGenerator as kind
    for number in range(arguments.count):
        source = kind(f"{arguments.seed}/{number}", arguments.features).generate()
        programs.append(StoredProgram(f"{prefix}_{arguments.seed}_{number:04}", source, [], 0))
    text = write_programs(programs)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
