"""Arguments that a program changes: the checks before a call, and the write after it.

Such a program returns the new contents of these arguments as its first results. The reflection of
its entry function lists them, and a VMFB keeps it: with `ir_runtime.changed = "2,0"`, result 0 is
the new content of argument 2, and result 1 the new content of argument 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError, LaunchError
from ir_runtime.launch.operand.gradient import needs_grad
from ir_runtime.launch.operand.overlap import shared_pairs

__all__ = ["CHANGED", "changed_arguments", "refuse_unwritable", "write_changed"]

CHANGED = "ir_runtime.changed"
"""The key in the reflection of an entry function."""


def changed_arguments(
    entry: str, reflection: Mapping[str, str], arguments: int, results: int
) -> tuple[int, ...]:
    """Return the arguments that receive the first results of an entry function.

    Args:
        entry: its name.
        reflection: its reflection.
        arguments: its number of arguments.
        results: its number of results.

    Raises:
        LaunchError: the reflection lists an argument twice or one that does not exist.
    """
    text = reflection.get(CHANGED, "")
    numbers = [int(n) if n.isascii() and n.isdigit() else -1 for n in text.split(",") if n]
    distinct = len(set(numbers)) == len(numbers) <= results
    if not distinct or any(not 0 <= n < arguments for n in numbers):
        raise LaunchError(
            f"{entry}: says that it changes the arguments {text!r}, must name some of its "
            f"{arguments}, each with a result",
        )
    return tuple(numbers)


def refuse_unwritable(name: str, changed: Sequence[int], args: Sequence[Any]) -> None:
    """Refuse arguments that the program changes, if the change would affect other tensors.

    Args:
        name: the program, for messages.
        changed: positions of the arguments that it changes.
        args: all arguments.

    Raises:
        ArgumentError: one is no tensor, shares memory with another one or within itself, or torch
            would refuse to write it.
    """
    for place in changed:
        value, label = args[place], f"{name}: argument {place}, which the program changes,"
        if not isinstance(value, Tensor):
            raise ArgumentError(f"{label} is a {type(value).__name__}, must be a tensor")
        if needs_grad(value):
            raise ArgumentError(
                f"{label} requires a gradient, must not: the change would have none",
                fix="call the program in `with torch.no_grad():`",
            )
        if value.is_inference() and not torch.is_inference_mode_enabled():
            raise ArgumentError(
                f"{label} is an inference tensor, must be one only in inference mode",
                fix="pass a clone of it",
            )
        if torch._debug_has_internal_overlap(value) == 1:
            raise ArgumentError(
                f"{label} is {format_tensor(value)} with elements that share memory, must have "
                "memory for each",
                fix="pass tensor.contiguous()",
            )
    # The program has read all arguments before its results are written, as if they were separate.
    # With shared memory, torch's answer would depend on the order of reads and writes.
    tensors = {i: value for i, value in enumerate(args) if isinstance(value, Tensor)}
    for pair in shared_pairs(tensors):
        place = next((i for i in pair if i in changed), None)
        if place is not None:
            other = pair[pair[0] == place]
            raise ArgumentError(
                f"{name}: argument {place}, which the program changes, shares memory with argument "
                f"{other}, must have memory of its own",
                fix="pass a clone of one of them",
            )


def write_changed(
    name: str, changed: Sequence[int], args: Sequence[Any], values: Sequence[Any]
) -> list[Any]:
    """Write the first results of a call into the arguments, and return the other results.

    Args:
        name: the program, for messages.
        changed: positions of the arguments that it changes.
        args: all arguments.
        values: the results; None for new contents that lie in their argument already.

    Raises:
        LaunchError: new contents do not have the shape of their argument.
    """
    # All are checked before one is written: an error leaves every argument unchanged.
    aside = [pair for pair in zip(changed, values, strict=False) if pair[1] is not None]
    for place, value in aside:
        argument = args[place]
        if not isinstance(value, Tensor) or value.shape != argument.shape:
            shown = format_tensor(value) if isinstance(value, Tensor) else repr(value)
            raise LaunchError(
                f"{name}: the new content of argument {place} is {shown}, must be "
                f"{format_tensor(argument)}"
            )
    for place, value in aside:
        add_count("copies")
        argument = args[place]
        same_size = value.dtype.itemsize == argument.dtype.itemsize
        # IREE's integers may have lost their sign: the same bits, viewed as the argument's dtype.
        argument.copy_(value.view(argument.dtype) if same_size else value)
    return list(values[len(changed) :])
