# SPDX-License-Identifier: Apache-2.0
"""Random scope programs with creators, assignments and runs: what `generate_programs.py --features more` adds.

What TensorFlow leaves undefined is left out: a run never reads a variable beside an assignment of it, nor assigns one
twice.
"""

from dataclasses import dataclass

from generate_programs import DEFAULTS, FLOATS, FRACTIONS, MAX_DEPTH, OPERATIONS, SCOPES, Generator
from scope_model import Frame, Record

FUNCTION_VALUES = [("4", "[]", "int32"), ("0.5", "[]", "float32"), ("[1.5,2.0]", "[2]", "float32"),
                   ("[3]", "[1]", "int32")]
SLICINGS = [("[3]", "2"), ("[4]", "3"), ("[3,2]", "2,1"), ("[2,3]", "1,2"), ("[3,1]", "1,1")]
NAMES = ["s/a", "a", "a/b", "a/a/v", "^a/b", "loc:@foo/v", "foo_1/v:0"]


@dataclass(frozen=True)
class Effects:
    """What running a tensor reads and assigns: identities of the records of variables."""
    reads: frozenset = frozenset()
    assigns: frozenset = frozenset()
    twice: bool = False

    def defined(self):
        return not self.twice and self.reads.isdisjoint(self.assigns)

    def joined(self, other):
        twice = self.twice or other.twice or not self.assigns.isdisjoint(other.assigns)
        return Effects(self.reads | other.reads, self.assigns | other.assigns, twice)


class MoreGenerator(Generator):
    def __init__(self, seed, features):
        super().__init__(seed, features)
        self.effects = {}
        self.initializers = []

    def choices(self):
        deep = self.depth >= MAX_DEPTH
        more = [(self.assign, 14), (self.run, 9), (self.value, 5), (self.scope_object, 1.5), (self.strip_or_prepend, 1),
                (self.initializer_op, 2), (self.create_partitioned_variables, 3)]
        if not deep:
            more += [(self.variable_creator_scope, 5), (self.default_name_scope, 1.5)]
        return super().choices() + more

    def graph(self):
        super().graph()
        self.initializers = []

    def variable_creator_scope(self):
        option = " trainable=false" if self.chance(0.2) else ""
        self.block(f"variable_creator_scope {self.pick(['c', 'e', '1'])}{option}", self.statement)

    def default_name_scope(self):
        name = "none" if self.chance(0.8) else self.pick(SCOPES)
        self.block(f"name_scope {name} default={self.pick(DEFAULTS)}", self.statement)

    def scope_object(self):
        identifier = self.identifier("s")
        name = self.pick(SCOPES)
        reuse = self.pick(["false", "false", "auto", "true"])
        self.emit(f"scope_object {name} reuse={reuse} as={identifier}")
        if not self.dead:
            self.model.scopes[identifier] = Frame(name=name, reuse=reuse)

    def strip_or_prepend(self):
        word = self.pick(["strip_name_scope", "prepend_name_scope"])
        self.emit(f"{word} {self.pick(NAMES)}" + (f" scope={self.pick(['a', 'a/', 'foo', 's', 'a/a'])}" if self.chance(0.9) else ""))

    def new_variable(self, frame, options, local):
        if not frame.partitioner and self.chance(0.07):
            value, shape, dtype = self.pick(FUNCTION_VALUES)
            if not frame.regularizer or dtype in FLOATS:
                options.append("initial_value_function=" + value)
                return "none", Record(shape, dtype, True, None, True)
        return super().new_variable(frame, options, local)

    def create_partitioned_variables(self):
        frame = self.model.frame
        if frame.getters and not self.bad(0.2):
            return
        name = self.pick(["", "", "p", "q", "a"])
        inner = self.model.string_scope(name or self.model.unique_default("PartitionedVariable"))
        if (inner.name in self.model.store or frame.reuse == "true") and not self.bad(0.2):
            return
        shape, slicing = self.pick(SLICINGS)
        dtype = self.pick(["float32", "float32", "float64"])
        options = ["initializer=" + self.pick(FRACTIONS), "dtype=" + dtype]
        if name:
            options.append("name=" + name)
        if self.chance(0.2):
            options.append("trainable=false")
        self.emit(" ".join(["create_partitioned_variables", shape, slicing, *options]))
        self.model.enter(inner, False)
        self.model.leave()
        if not self.dead:
            self.model.store[inner.name] = Record(shape, dtype, True, slicing, False)

    # Running

    def effects_of(self, identifier):
        record = self.model.variables.get(identifier)
        return Effects(frozenset([id(record)])) if record is not None else self.effects.get(identifier, Effects())

    def operation(self):
        rows = len(self.rows)
        super().operation()
        if len(self.rows) == rows:
            return
        words = self.rows[-1].split()
        effects = Effects()
        for word in words[2:]:
            key, equals, identifier = word.partition("=")
            if not equals:
                effects = effects.joined(self.effects_of(word))
            elif key == "as":
                self.effects[identifier] = effects

    def assign(self):
        targets = [name for name, record in sorted(self.model.variables.items()) if not record.partitioner]
        if not targets:
            return
        target = self.pick(targets)
        record = self.model.variables[target]
        kind = "assign" if record.dtype == "bool" and not self.bad(0.2) else self.pick(["assign", "assign_add", "assign_sub"])
        values = {name: (other.shape, other.dtype) for name, other in self.model.variables.items() if not other.partitioner}
        values.update(self.model.tensors)
        suitable = [name for name, spec in sorted(values.items()) if spec == (record.shape, record.dtype)
                    and not {id(record)} & (self.effects_of(name).reads | self.effects_of(name).assigns)]
        value = self.pick(sorted(values)) if self.bad(0.2) or not suitable else self.pick(suitable)
        if value not in suitable and not self.bad(0.3):
            return
        identifier = self.identifier("t")
        options = ["as=" + identifier]
        if self.chance(0.3):
            options.append("name=" + self.pick(OPERATIONS))
        self.emit(" ".join(["op", kind, target, value, *options]))
        if self.dead or value not in suitable:
            return
        self.model.tensors[identifier] = (record.shape, record.dtype)
        effects = self.effects_of(value)
        self.effects[identifier] = Effects(effects.reads, effects.assigns | {id(record)}, effects.twice)
        if self.chance(0.5) and self.effects[identifier].defined():
            self.emit(f"run {identifier}")
            if self.chance(0.6):
                self.emit(f"value {target}")

    def run(self):
        suitable = [name for name in sorted(self.model.tensors)
                    if self.effects_of(name).defined() and (self.effects_of(name).assigns or self.chance(0.2))]
        suitable += [identifier for model, identifier in self.initializers if model is self.model]
        if suitable:
            self.emit("run " + self.pick(suitable))

    def initializer_op(self):
        identifier = self.identifier("i")
        self.emit(f"op {self.pick(['global', 'local'])}_variables_initializer as={identifier}")
        if not self.dead:
            self.initializers.append((self.model, identifier))
