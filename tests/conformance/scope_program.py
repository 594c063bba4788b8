# SPDX-License-Identifier: Apache-2.0
"""Scope programs as text: parses one into nested statements; reads and writes files of many with their outputs.

A file of many programs is a sequence of

    program NAME
    ...statements...
    expect
    ...lines that running it prints...
    done

Comments and blank lines may stand between programs; they are kept when the file is written again.
"""

import json
from dataclasses import dataclass, field

DTYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")
ARITY = {"constant": 0, "placeholder": 0, "identity": 1, "add": 2, "relu": 1, "matmul": 2, "conv2d": 2, "bias_add": 2,
         "max_pool": 1, "assign": 2, "assign_add": 2, "assign_sub": 2, "global_variables_initializer": 0,
         "local_variables_initializer": 0}
BLOCKS = {"variable_scope", "name_scope", "variable_creator_scope", "template", "thread", "with_graph"}

SETTINGS = {"initializer", "regularizer", "dtype", "partitioner", "custom_getter", "constraint", "as"}
VARIABLE_OPTIONS = SETTINGS | {"trainable", "initial_value", "initial_value_function", "collections"}
# Each statement: how many words follow it, and its options. `op` is checked by its kind.
FORMS = {
    "graph": (0, set()),
    "variable_scope": (1, SETTINGS | {"reuse", "default", "auxiliary_name_scope"}),
    "scope_object": (1, {"reuse", "as"}),
    "name_scope": (1, {"default"}),
    "variable_creator_scope": (1, {"trainable"}),
    "reuse_variables": (0, set()),
    "set_initializer": (1, set()),
    "set_dtype": (1, set()),
    "set_regularizer": (1, set()),
    "set_partitioner": (1, set()),
    "set_custom_getter": (1, set()),
    "get_variable": (2, VARIABLE_OPTIONS),
    "get_local_variable": (2, VARIABLE_OPTIONS),
    "variable": (1, {"name", "trainable", "as"}),
    "create_partitioned_variables": (2, {"initializer", "dtype", "trainable", "collections", "name", "reuse"}),
    "partition_info": (2, {"part"}),
    "op": (None, {"name", "as"}),
    "run": (1, set()),
    "current": (0, set()),
    "value": (1, set()),
    "collection": (1, {"scope"}),
    "unique_name": (1, {"mark_as_used"}),
    "strip_name_scope": (1, {"scope"}),
    "prepend_name_scope": (1, {"scope"}),
    "template": (1, {"unique_name", "create_scope_now", "as"}),
    "call": (1, set()),
    "raise": (0, set()),
    "thread": (0, set()),
    "with_graph": (0, set()),
}


class ProgramError(Exception):
    """A text that is no scope program, with the line that says so."""

    def __init__(self, line, problem):
        super().__init__(f"line {line}: {problem}")


@dataclass
class Statement:
    line: int
    word: str
    arguments: list
    options: dict
    body: list = field(default_factory=list)


@dataclass
class StoredProgram:
    name: str
    source: list
    expected: list
    first_line: int
    before: list = field(default_factory=list)


def name_of(text):
    """A name as Python sees it: `none` is None, `""` the empty string."""
    if text == "none":
        return None
    return "" if text == '""' else text


def shape_of(text):
    """`[2,?,3]` is [2, None, 3]; `none` is None."""
    if text == "none":
        return None
    inside = text[1:-1]
    return [None if size == "?" else int(size) for size in inside.split(",")] if inside else []


def boolean_of(text):
    return {"true": True, "false": False}[text]


def number_of(text):
    """An int where it is written as one, so that integer variables accept it."""
    return float(text) if any(letter in text for letter in ".e") else int(text)


def value_of(text):
    return json.loads(text)


def _well_formed_reuse(text):
    if text not in ("true", "false", "auto"):
        raise ValueError(text)


def _well_formed_dtype(text):
    if text not in DTYPES and not text.startswith("@"):
        raise ValueError(text)


def _well_formed_shape(text):
    if text != "none" and not (text.startswith("[") and text.endswith("]")):
        raise ValueError(text)
    shape_of(text)


def _number_or_none(text):
    if text != "none":
        float(text)


def partitioner_of(text):
    """`2,1` are the numbers that it always gives; `fixed_size:2:1` is TensorFlow's, told its arguments."""
    stock, *numbers = text.split(":")
    if not numbers:
        return None, [int(number) for number in text.split(",")]
    if stock not in ("fixed_size", "variable_axis_size", "min_max") or len(numbers) > (2 if stock == "fixed_size" else 3):
        raise ValueError(text)
    return stock, [int(number) for number in numbers]


def _partitioner_or_none(text):
    if text != "none":
        partitioner_of(text)


def _numbers(text):
    [int(number) for number in text.split(",")]


CHECKS = {"reuse": _well_formed_reuse, "dtype": _well_formed_dtype, "initializer": float,
          "regularizer": _number_or_none, "partitioner": _partitioner_or_none, "trainable": boolean_of,
          "auxiliary_name_scope": boolean_of, "mark_as_used": boolean_of, "create_scope_now": boolean_of,
          "part": _well_formed_shape, "initial_value": value_of, "initial_value_function": value_of}
ARGUMENT_CHECKS = {"set_initializer": (float,), "set_dtype": (_well_formed_dtype,),
                   "set_regularizer": (_number_or_none,), "set_partitioner": (_partitioner_or_none,),
                   "get_variable": (str, _well_formed_shape), "get_local_variable": (str, _well_formed_shape),
                   "variable": (value_of,), "create_partitioned_variables": (_well_formed_shape, _numbers),
                   "partition_info": (_well_formed_shape, _numbers)}


def _check(line, check, text):
    try:
        check(text)
    except (ValueError, KeyError):
        raise ProgramError(line, f"{text} has no meaning here") from None


def _check_count(line, word, arguments):
    count = FORMS[word][0]
    if word == "op":
        if not arguments or arguments[0] not in ARITY:
            raise ProgramError(line, f"op needs one of {', '.join(ARITY)}")
        count = 1 + ARITY[arguments[0]]
    if len(arguments) != count:
        raise ProgramError(line, f"{word} takes {count} argument(s), not {len(arguments)}")


def parse_statement(line, text):
    word, *rest = text.split()
    if word not in FORMS:
        raise ProgramError(line, f"unknown statement {word}")
    arguments = []
    options = {}
    for position, part in enumerate(rest):
        key, equals, setting = part.partition("=")
        if not equals:
            if options:
                raise ProgramError(line, f"{part} comes behind an option")
            arguments.append(part)
            continue
        if key not in FORMS[word][1]:
            raise ProgramError(line, f"{word} has no option {key}")
        if key in options:
            raise ProgramError(line, f"{key} is given twice")
        if key in CHECKS:
            _check(line, CHECKS[key], setting)
        options[key] = setting
    _check_count(line, word, arguments)
    for check, argument in zip(ARGUMENT_CHECKS.get(word, ()), arguments):
        _check(line, check, argument)
    if len({"initializer", "initial_value", "initial_value_function"} & set(options)) > 1:
        raise ProgramError(line, "initializer, initial_value and initial_value_function exclude each other")
    dtype = arguments[0] if word == "set_dtype" else options.get("dtype", "")
    if dtype.startswith("@") and word not in ("get_variable", "get_local_variable"):
        raise ProgramError(line, f"{word} takes no dtype of a variable")
    if word == "template" and "as" not in options:
        raise ProgramError(line, "template needs as=ID")
    return Statement(line, word, arguments, options)


def parse_program(lines, first_line=1):
    """The statements of a program, blocks with their bodies. Throws ProgramError."""
    top = []
    open_blocks = []
    for line, text in enumerate(lines, first_line):
        text = text.strip()
        if not text or text.startswith("#"):
            continue
        if text == "end":
            if not open_blocks:
                raise ProgramError(line, "end without a block")
            open_blocks.pop()
            continue
        statement = parse_statement(line, text)
        if statement.word == "graph" and open_blocks:
            raise ProgramError(line, "graph inside a block")
        (open_blocks[-1].body if open_blocks else top).append(statement)
        if statement.word in BLOCKS:
            open_blocks.append(statement)
    if open_blocks:
        raise ProgramError(open_blocks[-1].line, f"{open_blocks[-1].word} has no end")
    return top


def read_programs(text):
    """The programs of a file and the lines behind the last one. Throws ProgramError."""
    programs = []
    between = []
    current = None
    part = None
    for line, row in enumerate(text.splitlines(), 1):
        if current is None:
            if row.startswith("program "):
                current = StoredProgram(row[len("program "):].strip(), [], [], line + 1, between)
                between = []
                part = current.source
            elif row.strip() and not row.startswith("#"):
                raise ProgramError(line, f"expected program NAME, not {row}")
            else:
                between.append(row)
        elif row == "expect" and part is current.source:
            part = current.expected
        elif row == "done" and part is current.expected:
            programs.append(current)
            current = None
        else:
            part.append(row)
    if current is not None:
        raise ProgramError(current.first_line - 1, f"program {current.name} has no done")
    return programs, between


def write_programs(programs, behind=()):
    rows = []
    for program in programs:
        rows += [*program.before, f"program {program.name}", *program.source, "expect", *program.expected, "done"]
    return "".join(row.rstrip() + "\n" for row in [*rows, *behind])
