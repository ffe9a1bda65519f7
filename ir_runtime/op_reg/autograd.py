"""What happens when a gradient is needed?  The op's backward runs, or it says that it has none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch._library.autograd import make_autograd_impl

from ir_runtime.errors import NotDifferentiableError
from ir_runtime.op_reg.library import IR_RUNTIME_LIBRARY

if TYPE_CHECKING:
    from ir_runtime.op_reg.custom_op import CustomOp

__all__ = ["make_autograd_slow"]

_REFUSE = "_refuse_gradient"
IR_RUNTIME_LIBRARY.define(f"{_REFUSE}(Tensor gradient, str op, SymInt[] size) -> Tensor")


def _refuse_gradient(gradient: Tensor, op: str, size: Sequence[int]) -> Tensor:
    del gradient, size
    raise not_differentiable(op)


def _refuse_gradient_fake(gradient: Tensor, op: str, size: Sequence[int]) -> Tensor:
    del op
    return gradient.new_empty(size)


IR_RUNTIME_LIBRARY.impl(_REFUSE, _refuse_gradient, "CompositeExplicitAutograd")
torch.library.register_fake(f"ir_runtime::{_REFUSE}", _refuse_gradient_fake, lib=IR_RUNTIME_LIBRARY)


def not_differentiable(op: str) -> NotDifferentiableError:
    """Make the error for a gradient that reaches `op`."""
    return NotDifferentiableError(
        f"{op}: a gradient reached it, and it has no backward",
        fix="define setup_context and backward on its CustomOp class, or call it under "
        "torch.no_grad() or on detached tensors",
    )


@dataclass(frozen=True)
class _Formula:
    _setup_context_fn: Callable[..., None] | None
    _backward_fn: Callable[..., Any] | None


def make_autograd_slow(op: CustomOp, overload: Any) -> Callable[..., Any]:
    """Return what runs a call that may need a gradient, or whose tensors are not plain.

    It takes the key set and the tuple of all arguments, and goes on below autograd.
    """
    formula = _Formula(op.setup_context, op.backward) if op.has_backward else _refusal(op.name)
    impl = make_autograd_impl(overload, formula)  # pyright: ignore[reportArgumentType]
    positional = sum(not a.kwarg_only for a in op.schema.arguments)
    keywords = tuple(a.name for a in op.schema.arguments[positional:])
    mutates = bool(op.mutated_args)

    def slow(keyset: Any, args: Sequence[Any]) -> Any:
        if mutates and torch.is_grad_enabled() and torch._C._any_requires_grad(*args):
            raise not_differentiable(op.name)
        named = dict(zip(keywords, args[positional:], strict=True))
        return impl(keyset, *args[:positional], **named)

    return slow


def _refusal(name: str) -> _Formula:
    """Return a backward that raises when it runs.

    Not when it is traced: the op may be in a graph whose gradient nobody asks for.
    """

    def setup_context(ctx: Any, inputs: Sequence[Any], output: Any, **_: Any) -> None:
        del output
        ctx.sizes = [
            [t.shape for t in value] if _is_list(value) else getattr(value, "shape", None)
            for value in inputs
        ]
        ctx.mark = [_is_list(value) for value in inputs]

    def backward(ctx: Any, *gradients: Any) -> Any:
        given = next(g for g in _flat(gradients) if g is not None)
        refuse = torch.ops.ir_runtime._refuse_gradient

        def of(size: Any, needed: Any) -> Any:
            return refuse(given, name, list(size)) if needed and size is not None else None

        return tuple(
            [of(s, n) for s, n in zip(size, need, strict=True)] if listed else of(size, need)
            for size, need, listed in zip(ctx.sizes, ctx.needs_input_grad, ctx.mark, strict=True)
        )

    return _Formula(setup_context, backward)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(v, Tensor) for v in value)


def _flat(values: Any) -> list[Any]:
    flat: list[Any] = []
    for value in values:
        flat.extend(value) if isinstance(value, list | tuple) else flat.append(value)
    return flat
