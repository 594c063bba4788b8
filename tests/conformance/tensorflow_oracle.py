# SPDX-License-Identifier: Apache-2.0
"""Runs scope programs under TensorFlow (`tf.compat.v1`, graph mode, reference variables) and says what they print.

    tensorflow_oracle.py PROGRAM               prints the program's lines; `-` reads standard input
    tensorflow_oracle.py --batch FILE          prints FILE with every program's output filled in
    tensorflow_oracle.py --batch FILE --write  the same, into FILE
                    [--traces keep|drop|only]  which programs stay: all, those without, or those with a variable
                                               that was refused but left traces in the graph (a reserved name, an op)
    tensorflow_oracle.py --check FILE...       compares the stored outputs with TensorFlow's; exit status 1: they differ

Exit status 2: the text is not a scope program. It needs the package tensorflow-cpu.
"""

import argparse
import os
import sys
import threading
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import tensorflow  # noqa: E402  (after the settings above, which it reads when it is imported)
from tensorflow.python.framework.ops import prepend_name_scope, strip_name_scope  # noqa: E402  (without public names)
from tensorflow.python.ops.variable_scope import _PartitionInfo  # noqa: E402  (likewise)
from tensorflow.python.ops.variables import PartitionedVariable  # noqa: E402  (likewise)

from scope_program import (  # noqa: E402
    ProgramError, boolean_of, name_of, number_of, parse_program, partitioner_of, read_programs, shape_of, value_of,
    write_programs)

tf = tensorflow.compat.v1


class Raised(KeyError):
    """What the statement `raise` raises; no other statement catches it."""


def reuse_of(text):
    return {"true": True, "false": False, "auto": tf.AUTO_REUSE}[text]


def text_of_reuse(reuse):
    return "auto" if reuse is tf.AUTO_REUSE else str(bool(reuse)).lower()


def text_of_shape(shape):
    if shape.rank is None:
        return "none"
    return "[" + ",".join("?" if size is None else str(size) for size in shape.as_list()) + "]"


def l2_regularizer(text):
    """As `tf.contrib.layers.l2_regularizer` of TensorFlow 1.x, which later versions do not have."""
    if text == "none":
        return tf.no_regularizer
    scale = float(text)

    def regularizer(weights):
        with tf.name_scope(None, "l2_regularizer", [weights]) as name:
            factor = tf.convert_to_tensor(scale, dtype=weights.dtype.base_dtype, name="scale")
            return tf.multiply(factor, tf.nn.l2_loss(weights), name=name)
    return regularizer


def partitioner(text):
    if text == "none":
        return None
    stock, numbers = partitioner_of(text)
    if stock == "fixed_size":
        return tf.fixed_size_partitioner(*numbers)
    if stock == "variable_axis_size":
        names = ("max_shard_bytes", "axis", "max_shards")
        return tf.variable_axis_size_partitioner(**dict(zip(names, numbers)))
    if stock == "min_max":
        return tf.min_max_variable_partitioner(*numbers)
    return lambda shape=None, dtype=None: list(numbers)


def custom_getter(text):
    if text == "none":
        return None

    suffix, _, reuse = text.partition(":")

    def getter_with_suffix(getter, name, *arguments, **keywords):
        if reuse:
            keywords["reuse"] = reuse_of(reuse)
        return getter(name + ("_" + suffix if suffix else ""), *arguments, **keywords)
    return getter_with_suffix


def variable_creator(text, trainable):
    def creator_with_suffix(next_creator, **keywords):
        keywords["name"] = (keywords["name"] or "Variable") + "_" + text
        if not trainable:
            keywords["trainable"] = False
        return next_creator(**keywords)
    return creator_with_suffix


def constraint(text):
    def unchanged(value):
        return value
    unchanged.constraint_name = text
    return unchanged


# How the text of an option becomes the keyword argument of that name.
CONVERSIONS = {
    "reuse": reuse_of,
    "initializer": lambda text: tf.constant_initializer(number_of(text)),
    "regularizer": l2_regularizer,
    "dtype": lambda text: None if text.startswith("@") else tf.as_dtype(text),
    "partitioner": partitioner,
    "custom_getter": custom_getter,
    "constraint": constraint,
    "trainable": boolean_of,
    "auxiliary_name_scope": boolean_of,
    "collections": lambda text: text.split(","),
}


def keywords_of(options):
    keywords = {key: CONVERSIONS[key](text) for key, text in options.items() if key in CONVERSIONS}
    if "initial_value" in options:
        keywords["initializer"] = value_of(options["initial_value"])
    if "initial_value_function" in options:
        keywords["initializer"] = lambda: value_of(options["initial_value_function"])
    return keywords


class Run:
    """One run of a program; `random`: it printed a random value, `traces`: a refused variable left traces."""

    def __init__(self):
        self.lines = []
        self.identifiers = {}
        self.got = []
        self.sessions = {}      # of each graph that runs: its session, and the variables that have a value there
        self.random_variables = set()   # operations of variables whose values depend on random ones
        self.random = False
        self.traces = False

    def run(self, statements):
        tf.reset_default_graph()
        for statement in statements:
            try:
                self.execute([statement])
            except Raised:
                pass

        for session, _ in self.sessions.values():
            session.close()

    def execute(self, statements):
        for statement in statements:
            if any(identifier not in self.identifiers for identifier in self.used(statement)):
                self.lines.append("skipped")
                continue
            graph = tf.get_default_graph()
            before = self.state(graph)
            printed = len(self.lines)
            try:
                getattr(self, "do_" + statement.word)(statement)
            except Raised:
                raise
            except Exception as error:      # whatever TensorFlow refuses with is what the line has to say
                self.lines.append(f"error {type(error).__name__}")
                # A refused operation's name is used up in varscope too; a refused variable leaves nothing there.
                of_variable = statement.word in ("get_variable", "get_local_variable", "variable",
                                                 "create_partitioned_variables")
                if of_variable and len(self.lines) == printed + 1 and self.state(graph) != before:
                    self.traces = True

    @staticmethod
    def used(statement):
        if statement.word == "op":
            return statement.arguments[1:]
        if statement.options.get("dtype", "").startswith("@"):
            return [statement.options["dtype"][1:]]
        if statement.word in ("value", "run", "call"):
            return statement.arguments
        if statement.word in ("variable_scope", "name_scope") and statement.arguments[0].startswith("@"):
            return [statement.arguments[0][1:]]
        return []

    @staticmethod
    def state(graph):
        keys = sorted(key for key in graph.collections if isinstance(key, str))
        collections = [(key, len(graph.get_collection_ref(key))) for key in keys]
        return graph.version, dict(graph._names_in_use), collections   # there is no public way to see reserved names

    def define(self, statement, what):
        if "as" in statement.options:
            self.identifiers[statement.options["as"]] = what

    def novelty(self, what):
        known = any(what is other for other in self.got)
        if not known:
            self.got.append(what)
        return "shared" if known else "new"

    def block(self, manager, statement, opened=lambda value: None):
        """Opens `manager` and runs the block's body. Only the opening may be refused: the body answers for itself."""
        value = manager.__enter__()
        try:
            opened(value)
            self.execute(statement.body)
        except BaseException:
            manager.__exit__(*sys.exc_info())
            raise
        manager.__exit__(None, None, None)

    def print_scope(self, scope):
        self.lines.append(f"scope {scope.name} reuse={text_of_reuse(scope.reuse)} ops={scope.original_name_scope}")

    def print_variable(self, variable, statement):
        dtype = variable.dtype.base_dtype.name
        shape = text_of_shape(tensorflow.TensorShape(variable.get_shape()))
        if isinstance(variable, PartitionedVariable):
            novelty = self.novelty(variable)
            parts = ",".join(part.name + text_of_shape(part.get_shape()) for part in variable)
            for part in variable:
                self.novelty(part)
            self.lines.append(f"partitioned {variable.name} {dtype} {shape} {novelty} parts={parts}")
        else:
            function = getattr(variable, "constraint", None)
            suffix = f" constraint={function.constraint_name}" if function is not None else ""
            self.lines.append(f"variable {variable.name} {dtype} {shape} {self.novelty(variable)}{suffix}")
        self.define(statement, variable)

    def do_graph(self, _):
        tf.reset_default_graph()
        self.identifiers = {}

    def do_variable_scope(self, statement):
        name = statement.arguments[0]
        keywords = keywords_of(statement.options)
        if name.startswith("@"):
            target = self.identifiers[name[1:]]
            keywords.setdefault("auxiliary_name_scope", False)
        else:
            target = name_of(name)
        default = name_of(statement.options["default"]) if "default" in statement.options else None

        def opened(scope):
            self.define(statement, scope)
            self.print_scope(scope)
        self.block(tf.variable_scope(target, default, **keywords), statement, opened)

    def do_scope_object(self, statement):
        reuse = reuse_of(statement.options.get("reuse", "false"))
        self.define(statement, tf.VariableScope(reuse, name=name_of(statement.arguments[0])))

    def do_name_scope(self, statement):
        name = statement.arguments[0]
        target = self.identifiers[name[1:]].original_name_scope if name.startswith("@") else name_of(name)
        default = name_of(statement.options["default"]) if "default" in statement.options else None
        self.block(tf.name_scope(target, default), statement, lambda prefix: self.lines.append(f"ops {prefix}"))

    def do_variable_creator_scope(self, statement):
        trainable = boolean_of(statement.options.get("trainable", "true"))
        self.block(tf.variable_creator_scope(variable_creator(statement.arguments[0], trainable)), statement)

    def do_reuse_variables(self, _):
        tf.get_variable_scope().reuse_variables()

    def do_set_initializer(self, statement):
        tf.get_variable_scope().set_initializer(tf.constant_initializer(number_of(statement.arguments[0])))

    def do_set_dtype(self, statement):
        tf.get_variable_scope().set_dtype(tf.as_dtype(statement.arguments[0]))

    def do_set_regularizer(self, statement):
        tf.get_variable_scope().set_regularizer(l2_regularizer(statement.arguments[0]))

    def do_set_partitioner(self, statement):
        tf.get_variable_scope().set_partitioner(partitioner(statement.arguments[0]))

    def do_set_custom_getter(self, statement):
        tf.get_variable_scope().set_custom_getter(custom_getter(statement.arguments[0]))

    def do_get_variable(self, statement, get=tf.get_variable):
        name, shape = statement.arguments
        name = "" if name == '""' else name
        keywords = keywords_of(statement.options)
        if keywords.get("dtype", True) is None:
            keywords["dtype"] = self.identifiers[statement.options["dtype"][1:]].dtype
        self.print_variable(get(name, shape_of(shape), **keywords), statement)

    def do_get_local_variable(self, statement):
        self.do_get_variable(statement, tf.get_local_variable)

    def do_variable(self, statement):
        name = name_of(statement.options["name"]) if "name" in statement.options else None
        self.print_variable(tf.Variable(value_of(statement.arguments[0]), name=name, **keywords_of(statement.options)),
                            statement)

    def do_create_partitioned_variables(self, statement):
        shape, slicing = statement.arguments
        keywords = keywords_of(statement.options)
        keywords.setdefault("initializer", None)
        if "name" in statement.options:
            keywords["name"] = name_of(statement.options["name"])
        slicing = [int(number) for number in slicing.split(",")]
        for part in tf.create_partitioned_variables(shape_of(shape), slicing, **keywords):
            self.print_variable(part, statement)

    def do_partition_info(self, statement):
        full, offset = statement.arguments
        info = _PartitionInfo(shape_of(full), [int(number) for number in offset.split(",")])
        line = "partition"
        if "part" in statement.options:
            part = shape_of(statement.options["part"])
            axis = info.single_slice_dim(part)
            line += f" axis={'none' if axis is None else axis} offset={info.single_offset(part)}"
        self.lines.append(line)

    def do_op(self, statement):
        kind = statement.arguments[0]
        inputs = [self.identifiers[identifier] for identifier in statement.arguments[1:]]
        no_value = any(isinstance(value, tf.Operation) for value in inputs)
        if no_value or (kind.startswith("assign") and not isinstance(inputs[0], (tf.Variable, PartitionedVariable))):
            self.lines.append("skipped")    # another kind of thing
            return
        inputs = [value.as_tensor() if isinstance(value, PartitionedVariable) else value for value in inputs]
        name = name_of(statement.options["name"]) if "name" in statement.options else None
        output = getattr(self, "op_" + kind)(*inputs, name)
        self.define(statement, output)
        self.lines.append(f"op {(output if isinstance(output, tf.Operation) else output.op).name}")

    @staticmethod
    def op_constant(name):
        return tf.constant(1.0, name=name or "Const")

    @staticmethod
    def op_placeholder(name):
        return tf.placeholder(tf.float32, name=name)

    @staticmethod
    def op_identity(value, name):
        return tf.identity(value, name=name)

    @staticmethod
    def op_add(left, right, name):
        return left + right if name is None else tf.add(left, right, name=name)

    @staticmethod
    def op_relu(value, name):
        return tf.nn.relu(value, name=name)

    @staticmethod
    def op_matmul(left, right, name):
        return tf.matmul(left, right, name=name)

    @staticmethod
    def op_conv2d(value, filters, name):
        return tf.nn.conv2d(value, filters, strides=[1, 1, 1, 1], padding="SAME", name=name)

    @staticmethod
    def op_bias_add(value, bias, name):
        return tf.nn.bias_add(value, bias, name=name)

    @staticmethod
    def op_max_pool(value, name):
        return tf.nn.max_pool(value, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME", name=name)

    @staticmethod
    def op_assign(variable, value, name):
        return tf.assign(variable, value, name=name)

    @staticmethod
    def op_assign_add(variable, value, name):
        return tf.assign_add(variable, value, name=name)

    @staticmethod
    def op_assign_sub(variable, value, name):
        return tf.assign_sub(variable, value, name=name)

    @staticmethod
    def op_global_variables_initializer(_):
        return tf.global_variables_initializer()

    @staticmethod
    def op_local_variables_initializer(_):
        return tf.local_variables_initializer()

    def session_with(self, graph, variables):
        """The session of a graph, in which these variables of it have values from now on."""
        if graph not in self.sessions:
            self.sessions[graph] = (tf.Session(graph=graph), [])
        session, initialized = self.sessions[graph]
        for variable in variables:
            if any(variable is other for other in initialized):
                continue
            if "random_uniform" in variable.initializer.inputs[1].op.name:
                self.random_variables.add(variable.op)
            session.run(variable.initializer)
            initialized.append(variable)
        return session

    @staticmethod
    def needed_by(operation):
        """The operations that it is computed from, itself included."""
        needed = {operation}
        pending = [operation]
        while pending:
            current = pending.pop()
            for other in [*(tensor.op for tensor in current.inputs), *current.control_inputs]:
                if other not in needed:
                    needed.add(other)
                    pending.append(other)
        return needed

    def do_run(self, statement):
        """Everything that was got so far is initialized first: in varscope variables are so on first use."""
        what = self.identifiers[statement.arguments[0]]
        if not isinstance(what, (tensorflow.Tensor, tf.Operation)):
            self.lines.append("skipped")
            return
        variables = [variable for variable in self.got
                     if not isinstance(variable, PartitionedVariable) and variable.graph is what.graph]
        session = self.session_with(what.graph, variables)
        needed = self.needed_by(what if isinstance(what, tf.Operation) else what.op)
        if not self.random_variables.isdisjoint(needed):
            self.random = self.random or isinstance(what, tensorflow.Tensor)
            self.random_variables.update(operation.inputs[0].op for operation in needed if operation.type.startswith("Assign"))
        result = session.run(what)
        self.lines.append("ran" if result is None else f"result {float(result.flat[0]):.6g}")

    def do_current(self, _):
        self.print_scope(tf.get_variable_scope())

    def do_value(self, statement):
        variable = self.identifiers[statement.arguments[0]]
        if isinstance(variable, PartitionedVariable):
            variable = next(iter(variable))
        value = self.session_with(variable.graph, [variable]).run(variable)
        self.random = self.random or variable.op in self.random_variables
        self.lines.append(f"value {float(value.flat[0]):.6g}")

    def do_collection(self, statement):
        prefix = statement.options.get("scope")
        items = tf.get_collection(statement.arguments[0], prefix)
        self.lines.append(" ".join(["collection", *(item.name for item in items)]))

    def do_unique_name(self, statement):
        mark_as_used = boolean_of(statement.options.get("mark_as_used", "true"))
        self.lines.append(f"name {tf.get_default_graph().unique_name(statement.arguments[0], mark_as_used)}")

    def do_strip_name_scope(self, statement):
        self.lines.append(f"name {strip_name_scope(statement.arguments[0], statement.options.get('scope'))}")

    def do_prepend_name_scope(self, statement):
        self.lines.append(f"name {prepend_name_scope(statement.arguments[0], statement.options.get('scope'))}")

    def do_template(self, statement):
        keywords = {}
        if "unique_name" in statement.options:
            keywords["unique_name_"] = statement.options["unique_name"]
        if "create_scope_now" in statement.options:
            keywords["create_scope_now_"] = boolean_of(statement.options["create_scope_now"])
        name = name_of(statement.arguments[0])
        self.define(statement, tf.make_template(name, lambda: self.execute(statement.body), **keywords))

    def do_call(self, statement):
        self.identifiers[statement.arguments[0]]()

    def do_raise(self, _):
        self.lines.append("raised")
        raise Raised("raised by the program")

    def do_thread(self, statement):
        graph = tf.get_default_graph()
        left = []

        def work():
            with graph.as_default():
                try:
                    self.execute(statement.body)
                except Raised as error:
                    left.append(error)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if left:
            raise left[0]

    def do_with_graph(self, statement):
        self.block(tf.Graph().as_default(), statement)


def run_program(lines, first_line=1):
    """Runs a program in a fresh graph. Throws ProgramError."""
    run = Run()
    run.run(parse_program(lines, first_line))
    return run


def prepare():
    tf.logging.set_verbosity(tf.logging.FATAL)
    tf.disable_eager_execution()
    tf.disable_resource_variables()


def fill(path, write, traces):
    programs, behind = read_programs(path.read_text(encoding="utf-8"))
    kept = []
    for program in programs:
        run = run_program(program.source, program.first_line)
        program.expected = run.lines
        if run.random:
            print(f"{program.name}: left out, it prints a random value", file=sys.stderr)
        elif traces == "keep" or run.traces == (traces == "only"):
            kept.append(program)
    text = write_programs(kept, behind)
    if write:
        path.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def differing(path):
    programs, _ = read_programs(path.read_text(encoding="utf-8"))
    for program in programs:
        lines = [line.rstrip() for line in run_program(program.source, program.first_line).lines]
        if lines != program.expected:
            print(f"{path}: {program.name}: TensorFlow says\n  " + "\n  ".join(lines))
            yield program


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="*", help="a file with one program, or -; with --check many files")
    parser.add_argument("--batch", type=Path, metavar="FILE")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--traces", choices=["keep", "drop", "only"], default="keep")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    prepare()
    try:
        if arguments.batch:
            fill(arguments.batch, arguments.write, arguments.traces)
        elif arguments.check:
            sys.exit(1 if [program for name in arguments.program for program in differing(Path(name))] else 0)
        elif len(arguments.program) == 1:
            name = arguments.program[0]
            text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
            sys.stdout.write("".join(line + "\n" for line in run_program(text.splitlines()).lines))
        else:
            parser.error("one program, or --batch or --check with files")
    except ProgramError as error:
        print(f"tensorflow_oracle.py: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
