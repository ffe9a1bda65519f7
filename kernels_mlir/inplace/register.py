"""Register functions that change their arguments as ops of `torch.ops.ir_inplace`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError, NotDifferentiableError
from ir_runtime.launch.operand.gradient import needs_grad
from ir_runtime.op_reg.digest.sink import Sink
from ir_runtime.op_reg.digest.torch_cache import show_code_to_torch
from ir_runtime.op_reg.op.library import fragment

__all__ = ["NAMESPACE", "inplace_op", "put", "refuse_other_shape"]

NAMESPACE = "ir_inplace"


def inplace_op(*changes: str) -> Callable[[Callable[..., None]], Any]:
    """Register a function under its name; a decorator.

    Args:
        changes: names of the arguments that the function writes.

    Returns:
        A decorator that returns `torch.ops.ir_inplace.<name>`.
    """

    def register(function: Callable[..., None]) -> Any:
        name, library = function.__name__, fragment(NAMESPACE)
        schema = torch.library.infer_schema(function, mutates_args=changes)
        library.define(name + schema, tags=(torch.Tag.pt2_compliant_tag,))
        packet = getattr(getattr(torch.ops, NAMESPACE), name)
        library.impl(name, function, "CompositeExplicitAutograd")
        library.impl(name, _make_autograd(name, packet), "Autograd", with_keyset=True)
        torch.library.register_fake(f"{NAMESPACE}::{name}", _fake, lib=library)

        def describe(into: Sink) -> None:
            into.add(schema)

        show_code_to_torch(f"{NAMESPACE}::{name}", describe)
        return packet

    return register


def _fake(*args: Any, **kwargs: Any) -> None:
    """Return nothing: the op has no results."""


def _make_autograd(name: str, packet: Any) -> Callable[..., None]:
    def autograd(keyset: Any, *args: Any, **kwargs: Any) -> None:
        if needs_grad(*args, *kwargs.values()):
            raise NotDifferentiableError(
                f"{NAMESPACE}::{name}: an argument requires a gradient, must be without one: the "
                "old values are lost",
                fix="use the functional op, or torch.no_grad()",
            )
        with torch._C._AutoDispatchBelowAutograd():
            below = keyset & torch._C._after_autograd_keyset
            packet.default.redispatch(below, *args, **kwargs)

    return autograd


def refuse_other_shape(op: str, name: str, given: Tensor, like: Tensor) -> None:
    """Refuse a tensor to write to whose shape is not that of the result.

    Raises:
        ArgumentError: it is not.
    """
    if given.shape != like.shape:
        raise ArgumentError(
            f"{NAMESPACE}::{op}: `{name}` is {format_tensor(given)}, must have the shape "
            f"{list(like.shape)}"
        )


def put(op: str, pairs: Sequence[tuple[str, Tensor, Tensor]]) -> None:
    """Copy results into the tensors of a caller, because no kernel writes them there; counted.

    Args:
        op: its name.
        pairs: name of an argument, the argument, and what goes into it.

    Raises:
        ArgumentError: a shape is not that of the result.
    """
    for name, into, result in pairs:
        refuse_other_shape(op, name, into, result)
    for _, into, result in pairs:
        add_count("copies")
        into.copy_(result)
