"""Forward-mode derivatives of ops without a torch function, from two runs of their backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ir_runtime.errors import ArgumentError, NotDifferentiableError
from ir_runtime.launch.operand.gradient import needs_grad
from ir_runtime.op_reg.op.tensor_leaves import call_by_schema, flatten_groups, regroup

if TYPE_CHECKING:
    from ir_runtime.op_reg.op.op import Op
    from ir_runtime.op_reg.op.tensor_leaves import TensorArguments

__all__ = ["carries_tangent", "is_forward_mode", "push_forward", "refuse_nested", "refuse_tangents"]


def carries_tangent(args: Sequence[Any]) -> bool:
    """Tell whether an argument of a call has a forward-mode tangent."""
    if forward_ad._current_level < 0:
        return False
    leaves = flatten_groups(args)[0]
    return any(isinstance(t, Tensor) and _tangent(t) is not None for t in leaves)


def is_forward_mode(args: Sequence[Any]) -> bool:
    """Tell whether a call may have tangents, at this level or an outer level of functorch."""
    if forward_ad._current_level < 0:
        return False
    return torch._C._are_functorch_transforms_active() or carries_tangent(args)


def refuse_tangents(op: Op, args: Sequence[Any]) -> None:
    """Refuse forward-mode differentiation: the tangents would silently be lost.

    Raises:
        NotDifferentiableError: an argument carries a tangent.
    """
    if carries_tangent(args):
        raise NotDifferentiableError(
            f"{op.name}: an argument carries a tangent, and this call has no forward-mode "
            "derivative",
            fix="use reverse mode, such as torch.func.vjp or jacrev instead of jvp or jacfwd",
        )


def refuse_nested(op: Op, args: Sequence[Any]) -> None:
    """Refuse nested tensors: their rows are not rows of one plain tensor.

    Raises:
        ArgumentError: an argument is nested.
    """
    for name, value in zip(op.arg_names, args, strict=True):
        if isinstance(value, Tensor) and value.is_nested:
            raise ArgumentError(
                f"{op.name}: `{name}` is a nested tensor, must be a plain one",
                fix="call it on x.values(), and make the result nested again: "
                "torch.nested.nested_tensor_from_jagged(values, x.offsets())",
            )


def push_forward(
    op: Op,
    tensors: TensorArguments,
    args: Sequence[Any],
) -> Any:
    """Compute a call whose arguments carry tangents, by means of the op's backward.

    Args:
        op: the op.
        tensors: the arguments that are tensors.
        args: all arguments in schema order.

    Raises:
        NotDifferentiableError: an argument requires a gradient, too.
    """
    if needs_grad(*args):
        raise NotDifferentiableError(
            f"{op.name}: an argument carries a tangent and requires a gradient, must do one of the "
            "two: the op has no torch function to be differentiated twice",
            fix="detach the argument, or use reverse mode twice",
        )
    leaves, counts = tensors.flatten(args)
    duals = [(t, None) if t is None else forward_ad.unpack_dual(t) for t in leaves]
    return _derivative_by_backward(op, tensors, args, duals, counts)


def _derivative_by_backward(
    op: Op, tensors: TensorArguments, args: Sequence[Any], duals: Sequence[Any], counts: Any
) -> Any:
    """Return the results of a call as dual tensors, by the "double backward trick".

    The backward maps gradients `free` of the results to gradients of the arguments: `free @ J`.
    This is linear in `free`. Its own derivative with respect to `free`, in the direction of the
    arguments' tangents, is `J @ tangents`: the tangents of the results. The values in `free` do not
    matter, so they are zeros.
    """
    with torch.enable_grad():
        primals = [p if tangent is None else p.detach().requires_grad_() for p, tangent in duals]
        results = call_by_schema(op, op.overload, tensors.replace(args, primals, counts))
        several = isinstance(results, list | tuple)
        flat, groups = flatten_groups(results if several else [results])
        # Other results, such as integers, do not depend on the arguments and have no tangent.
        reached = [i for i, r in enumerate(flat) if isinstance(r, Tensor) and r.requires_grad]
        free = [torch.zeros_like(flat[i], requires_grad=True) for i in reached]
        wanted = [p for p, (_, tangent) in zip(primals, duals, strict=True) if tangent is not None]
        gradients = torch.autograd.grad(
            [flat[i] for i in reached], wanted, free, create_graph=True, allow_unused=True
        )
        given = [tangent for _, tangent in duals if tangent is not None]
        # An argument that the backward does not use has no gradient: its tangent changes nothing.
        pairs = [(g, t) for g, t in zip(gradients, given, strict=True) if g is not None]
        found = torch.autograd.grad(
            [g for g, _ in pairs], free, [t.to(g.dtype) for g, t in pairs], allow_unused=True
        )
    values = [r.detach() if isinstance(r, Tensor) else r for r in flat]
    for i, tangent in zip(reached, found, strict=True):
        if tangent is not None:
            values[i] = forward_ad.make_dual(values[i], tangent.detach())
    grouped = regroup(values, groups)
    return tuple(grouped) if several else grouped[0]


def _tangent(tensor: Tensor) -> Tensor | None:
    return forward_ad.unpack_dual(tensor).tangent
