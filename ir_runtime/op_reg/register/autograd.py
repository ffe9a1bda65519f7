"""Calls that need a gradient: the op's backward runs, or an error says that the op has none."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor
from torch._functorch.utils import enable_single_level_autograd_function

from ir_runtime.errors import NotDifferentiableError, RegistrationError
from ir_runtime.frozen import frozen
from ir_runtime.launch.direct.quick_gradient import quick_needs_grad
from ir_runtime.op_reg.op.library import IR_RUNTIME_LIBRARY
from ir_runtime.op_reg.op.tensor_leaves import (
    Counts,
    TensorArguments,
    call_by_schema,
    flatten_groups,
    regroup,
)
from ir_runtime.op_reg.register.forward_mode import (
    carries_tangent,
    is_forward_mode,
    push_forward,
    refuse_nested,
    refuse_tangents,
)

if TYPE_CHECKING:
    from ir_runtime.op_reg.op.op import Op

__all__ = ["Formula", "NoFormula", "make_autograd_slow", "redispatch_of", "refuse_tangents"]


def redispatch_of(op: Op, overload: Any) -> Callable[..., Any]:
    """Return a function that calls an overload with a key set, followed by the arguments.

    `OpOverload.redispatch` has its own parameter `keyset`, so it cannot pass an argument of that
    name.
    """
    return overload._handle.redispatch_boxed if "keyset" in op.arg_names else overload.redispatch


class Formula(Protocol):
    """The backward of an op.

    `args` are all arguments in schema order. `ctx` is the context of a `torch.autograd.Function`;
    its `needs_input_grad` has an entry for each argument, a list for a list of tensors.
    """

    def save(self, ctx: Any, args: Sequence[Any], output: Any) -> None:
        """Save the values that `gradients` needs."""
        ...

    def gradients(self, ctx: Any, given: Sequence[Any]) -> Mapping[int, Any]:
        """Return gradients by argument position; a gradient of a missing argument is refused."""
        ...

    @property
    def code(self) -> Sequence[Any]:
        """Its functions and ops, for digests; None for a part that is absent."""
        ...


class NoFormula:
    """An op that cannot be differentiated."""

    def save(self, ctx: Any, args: Sequence[Any], output: Any) -> None:
        """Save nothing."""
        del ctx, args, output

    def gradients(self, ctx: Any, given: Sequence[Any]) -> Mapping[int, Any]:
        """Return no gradients."""
        del ctx, given
        return {}

    @property
    def code(self) -> Sequence[Any]:
        return ()


_REFUSE = "_refuse_gradient"
IR_RUNTIME_LIBRARY.define(
    f"{_REFUSE}(Tensor gradient, str op, str argument, SymInt[] size) -> Tensor",
    tags=(torch.Tag.pt2_compliant_tag,),
)


def _refuse_gradient(gradient: Tensor, op: str, argument: str, size: Sequence[int]) -> Tensor:
    del gradient, size
    raise not_differentiable(op, argument)


def _refuse_gradient_fake(gradient: Tensor, op: str, argument: str, size: Sequence[int]) -> Tensor:
    del op, argument
    return gradient.new_empty(size)


IR_RUNTIME_LIBRARY.impl(_REFUSE, _refuse_gradient, "CompositeExplicitAutograd")
torch.library.register_fake(f"ir_runtime::{_REFUSE}", _refuse_gradient_fake, lib=IR_RUNTIME_LIBRARY)


def not_differentiable(op: str, argument: str = "") -> NotDifferentiableError:
    """Make the error for a gradient that reaches `op`, or an argument without a gradient."""
    if argument:
        return NotDifferentiableError(
            f"{op}: a gradient reached `{argument}`, and its backward gives none for that argument",
            fix="return one, or None for zero, or detach the argument",
        )
    return NotDifferentiableError(
        f"{op}: a gradient reached it, and it has no backward",
        fix="give it one by ir_runtime.op_reg.register_autograd or in its CustomOp class, or call "
        "it under torch.no_grad() or on detached tensors",
    )


class _Call:
    """One call inside `torch.autograd.Function.apply`, with the counts of its results."""

    def __init__(self, keyset: Any, args: Sequence[Any], counts: Counts) -> None:
        self.keyset = keyset
        self.args = args
        self.counts = counts
        self.result_counts: Counts = ()


@frozen
class _Record:
    """The record of a call for its backward, besides the values that its formula saves."""

    formula: Formula
    counts: Counts
    result_counts: Counts
    needs: Sequence[bool]
    sizes: Sequence[Any]


def make_autograd_slow(op: Op) -> Callable[..., Any]:
    """Return the slow path: for calls that may need a gradient, or whose tensors are not plain.

    It takes the key set and the tuple of all arguments, and continues below autograd.
    """
    tensors = TensorArguments(op)
    make_apply = functools.cache(functools.partial(_make_function, op, tensors))
    mutates, needs_grad = bool(op.mutated_args), quick_needs_grad()

    def slow(keyset: Any, args: Sequence[Any]) -> Any:
        refuse_nested(op, args)
        # Forward mode, in this order: an op that changes arguments has no derivative; a native
        # torch function has one; else the backward gives it, but not under functorch.
        if is_forward_mode(args):
            if mutates:
                refuse_tangents(op, args)
            native = op.like_native or getattr(op.formula, "native", None)
            if native is not None:
                return call_by_schema(op, native, args)
            if isinstance(op.formula, NoFormula) or torch._C._are_functorch_transforms_active():
                refuse_tangents(op, args)
            if carries_tangent(args):
                return push_forward(op, tensors, args)
        if not needs_grad(*args) or not (op.schema.returns or mutates):
            return _run_below(op, keyset, args)
        if mutates:
            raise NotDifferentiableError(
                f"{op.name}: an argument requires a gradient, must be without one: "
                "ops that change an argument are not differentiable",
                fix="call it under torch.no_grad() or on detached tensors",
            )
        return make_apply()(keyset, args)

    return slow


def _run_below(op: Op, keyset: Any, args: Sequence[Any]) -> Any:
    keys = keyset & torch._C._after_autograd_keyset
    below = functools.partial(redispatch_of(op, op.overload), keys)
    with torch._C._AutoDispatchBelowAutograd():
        return call_by_schema(op, below, args)


def _make_function(op: Op, tensors: TensorArguments) -> Callable[[Any, Sequence[Any]], Any]:
    """Return a function that runs a call and records it for its backward.

    Each tensor is a separate input, also if it is in a list. One level of functorch is enough: the
    call continues below this level's autograd, and reaches the other levels by dispatch.
    """
    several = len(op.schema.returns) > 1

    def forward(ctx: Any, *inputs: Any) -> Any:
        call: _Call = inputs[-1]
        leaves, needs = inputs[:-1], ctx.needs_input_grad[:-1]
        # torch turns grad mode off in a function's forward. This must hold only for this level:
        # an outer functorch level may have to record the call.
        with torch.enable_grad() if torch._C._are_functorch_transforms_active() else nullcontext():
            result = _run_below(op, call.keyset, call.args)
        flat, call.result_counts = flatten_groups(result if several else [result])
        sizes = [None if t is None else t.shape for t in leaves]
        formula: Formula = op.formula
        ctx.ir_runtime = _Record(formula, call.counts, call.result_counts, needs, sizes)
        ctx.needs_input_grad = tuple(tensors.replace([False] * len(call.args), needs, call.counts))
        formula.save(ctx, call.args, result)
        return tuple(flat)

    def backward(ctx: Any, *gradients: Any) -> Any:
        given = regroup(gradients, ctx.ir_runtime.result_counts)
        return (*_gradient_of_each_leaf(op, tensors, ctx, given), None)

    function = type(
        op.name,
        (torch.autograd.Function,),
        {"forward": staticmethod(forward), "backward": staticmethod(backward)},
    )
    one_level = super(torch.autograd.Function, function).apply

    def apply(keyset: Any, args: Sequence[Any]) -> Any:
        leaves, counts = tensors.flatten(args)
        call = _Call(keyset, args, counts)
        active = torch._C._are_functorch_transforms_active()
        with enable_single_level_autograd_function() if active else nullcontext():
            flat = one_level(*leaves, call)
        results = regroup(flat, call.result_counts)
        return tuple(results) if several else results[0]

    return apply


def _gradient_of_each_leaf(
    op: Op, tensors: TensorArguments, ctx: Any, given: Sequence[Any]
) -> list[Any]:
    """Return the formula's gradients per tensor; refuse those of arguments that it leaves out."""
    record: _Record = ctx.ir_runtime
    found = record.formula.gradients(ctx, given)
    leaves: list[Any] = []
    for i, count in zip(tensors.positions, record.counts, strict=True):
        if i in found:
            leaves.extend(_spread(op, op.arg_names[i], found[i], count))
        else:
            end = len(leaves) + (1 if count is None else count)
            leaves.extend(_refused(op, i, record, given, k) for k in range(len(leaves), end))
    return leaves


def _refused(op: Op, position: int, record: _Record, given: Sequence[Any], leaf: int) -> Any:
    """Return None for a tensor that needs no gradient, else a gradient that raises when computed.

    An op makes the refusal, so that a traced graph contains it and raises only when it runs.
    """
    first = next((g for g in flatten_groups(given)[0] if g is not None), None)
    if first is None or not record.needs[leaf]:
        return None
    argument = "" if isinstance(record.formula, NoFormula) else op.arg_names[position]
    refuse = torch.ops.ir_runtime._refuse_gradient
    return refuse(first, op.name, argument, list(record.sizes[leaf]))


def _spread(op: Op, name: str, gradient: Any, count: int | None) -> list[Any]:
    """Return the gradients of the tensors of one argument."""
    listed = isinstance(gradient, list | tuple)
    if count is None and not listed:
        return [gradient]
    if count is not None and gradient is None:
        return [None] * count
    if count is not None and listed and len(gradient) == count:
        return list(gradient)
    found = f"{len(gradient)} values" if listed else "one value"
    wanted = "a tensor or None" if count is None else f"a list of {count} or None"
    raise RegistrationError(
        f"{op.name}: the gradient that its backward returns for `{name}` is {found}, "
        f"must be {wanted}"
    )
