"""`ir-runtime explain OP SHAPES`: the provider or kernel that a call would use, and why."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from ir_runtime.cli.ops import custom_ops, import_ops
from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import ArgumentError, OpConflictError, RegistrationError
from ir_runtime.ir import Decision, IrOp, IrOpPriorityConfig, registered_op
from ir_runtime.op_reg import Explanation
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.schema import default_value

__all__ = ["arguments_of", "op_of", "parse_value", "run"]

_USAGE = 2
_TENSOR = re.compile(r"(?P<dtype>\w+)\[(?P<sizes>\s*|\s*\d+(\s*,\s*\d+)*\s*)\]")
_NUMBERS: dict[str, Callable[[str], Any]] = {"int": int, "float": float}
_SWITCH = {"true": True, "1": True, "false": False, "0": False}
_WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation of a call; the status is 0, or 2 if the words describe no call.

    Raises:
        ArgumentError: the words describe no call, and `--traceback` was given.
        RegistrationError: an op or provider is unknown, and `--traceback` was given.
    """
    try:
        import_ops(arguments.modules)
        op = op_of(arguments.op)
        values = arguments_of(op, arguments.values)
        config = _config(op, arguments.priority)
    except (ArgumentError, RegistrationError) as error:
        if arguments.traceback:
            raise
        print(f"error: {error}", file=sys.stderr)
        return _USAGE
    with nullcontext() if config is None else config.set_priority():
        decision = op.explain(*values)
    print(json.dumps(_record(decision)) if arguments.json else decision)
    return 0


def op_of(name: str) -> IrOp | Op:
    """Return an IR op, or an op with only MLIR kernels, by its name; the namespace is optional.

    Raises:
        RegistrationError: there is no such op, or there are several.
    """
    if name in IrOp.registry:
        return IrOp.registry[name]
    named = [op for full, op in custom_ops().items() if name in (full, op.name)]
    if len(named) > 1:
        raise OpConflictError(
            f"op {name!r}: {len(named)} ops have this name, "
            f"must be one of {', '.join(op.qualified_name for op in named)}"
        )
    return named[0] if named else registered_op(name)


def _config(op: IrOp | Op, priority: str | None) -> IrOpPriorityConfig | None:
    if priority is None:
        return None
    if isinstance(op, Op):
        raise ArgumentError(
            f"{op.qualified_name}: is written as MLIR and has no providers, "
            "must be an IR op to have a priority"
        )
    return IrOpPriorityConfig({op.name: priority})


def arguments_of(op: IrOp | Op, words: Sequence[str]) -> list[Any]:
    """Return all arguments of a call from words: `f32[4,4096]`, or by name `epsilon=1e-6`.

    A word without a name is for the first argument without a value. Floating-point and complex
    tensors are uninitialised, others are zeros.

    Raises:
        ArgumentError: a word is no value of its argument, or an argument is missing, unknown or
            given twice.
    """
    given: dict[str, Any] = {}
    arguments = op.schema.arguments if isinstance(op, Op) else op.torch_op._schema.arguments
    types = {argument.name: str(argument.type) for argument in arguments}
    for word in words:
        # A value may contain "=", too, so only an identifier before it is a name.
        name, equals, text = word.partition("=")
        if not (equals and name.isidentifier()):
            free = [name for name in types if name not in given]
            if not free:
                raise ArgumentError(
                    f"{op.name}: {word!r} is one argument too many, "
                    f"must be at most {len(types)}: {_schema_text(op)}"
                )
            name, text = free[0], word
        if name not in types:
            raise ArgumentError(
                f"{op.name}: it has no argument `{name}`, must be one of {', '.join(types)}"
            )
        if name in given:
            raise ArgumentError(f"{op.name}: `{name}` is given twice, must be once")
        given[name] = parse_value(f"{op.name}: `{name}`", types[name], text)
    missing = [a.name for a in arguments if a.name not in given and not a.has_default_value()]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        raise ArgumentError(
            f"{op.name}: {names} {'is' if len(missing) == 1 else 'are'} missing, "
            f"must be given: {_schema_text(op)}"
        )
    return [given[a.name] if a.name in given else default_value(a) for a in arguments]


def _schema_text(op: IrOp | Op) -> str:
    text = str(op.schema)
    return text[text.index("(") :]


def parse_value(subject: str, kind: str, text: str) -> Any:
    """Return the value of a word for a type of a schema, such as `Optional[Tensor]`.

    Raises:
        ArgumentError: the word is no value of this type.
    """
    optional = kind.startswith("Optional[")
    inner = kind.removeprefix("Optional[").removesuffix("]") if optional else kind
    if optional and text.lower() == "none":
        return None
    if inner == "Tensor":
        return _parse_tensor(subject, text)
    if inner == "str":
        return text
    if inner == "bool" and text.lower() in _SWITCH:
        return _SWITCH[text.lower()]
    if inner in _NUMBERS:
        try:
            return _NUMBERS[inner](text)
        except ValueError:
            pass
    wanted = _WORDS.get(inner)
    if wanted is None:
        raise ArgumentError(f"{subject} is of type {kind}, must be one that can be written here")
    raise ArgumentError(f"{subject} is {text!r}, must be {wanted}{' or none' if optional else ''}")


def _parse_tensor(subject: str, text: str) -> Tensor:
    found = _TENSOR.fullmatch(text)
    if found is None:
        raise ArgumentError(f"{subject} is {text!r}, must be a tensor such as f32[4,4096]")
    dtypes = {info.short: dtype for dtype, info in DTYPES.items()}
    dtype = dtypes.get(found["dtype"])
    if dtype is None:
        raise ArgumentError(
            f"{subject} is {text!r}, must have one of the dtypes {', '.join(dtypes)}"
        )
    sizes = [int(size) for size in found["sizes"].split(",") if size.strip()]
    make = torch.empty if dtype.is_floating_point or dtype.is_complex else torch.zeros
    try:
        return make(sizes, dtype=dtype)
    except (RuntimeError, OverflowError) as error:
        raise ArgumentError(
            f"{subject} is {text!r}, {math.prod(sizes) * dtype.itemsize} bytes, must fit the memory"
        ) from error


def _record(decision: Decision | Explanation) -> dict[str, Any]:
    if isinstance(decision, Explanation):
        return {"call": decision.call, "kernel": _kernel_record(decision)}
    return {
        "call": decision.call,
        "source": decision.source,
        "priority": decision.priority,
        "chosen": decision.chosen,
        "ranking": None if decision.ranking is None else asdict(decision.ranking),
        "tuned": decision.tuned,
        "verdicts": [asdict(verdict) for verdict in decision.verdicts],
        "kernel": None if decision.kernel is None else _kernel_record(decision.kernel),
    }


def _kernel_record(kernel: Explanation) -> dict[str, Any]:
    names = ("executor", "reason", "place", "kernel", "device_type", "target", "wanted_target")
    return {name: getattr(kernel, name) for name in names}
