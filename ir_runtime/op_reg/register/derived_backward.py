"""A backward that torch derives from a torch function which computes the same as the op."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import RegistrationError
from ir_runtime.frozen import frozen
from ir_runtime.op_reg.op.tensor_leaves import (
    TensorArguments,
    as_results,
    call_by_schema,
    flatten_groups,
    regroup,
    save_values,
    saved_values,
)

if TYPE_CHECKING:
    from ir_runtime.op_reg.op.op import Op

__all__ = ["DerivedBackward", "NativeFormula", "derive_backward"]


@frozen
class DerivedBackward:
    """A backward that torch derives from a function; made by `derive_backward`.

    Attributes:
        native: the function.
    """

    native: Callable[..., Any]


def derive_backward(native: Callable[..., Any]) -> DerivedBackward:
    """Derive the backward of an op from a torch function that computes the same.

    The backward runs `native` again on the inputs of the call, records it, and differentiates the
    record. It is exact for `native`, can be differentiated again, and costs one more forward. It
    runs in the dtypes of the call; an autocast region around the backward does not change them.

    Args:
        native: takes the arguments of the op's signature, keyword-only ones by name, and returns
            the op's results; deterministic, without side effects.

    Returns:
        A value for `backward` of a `CustomOp` class or of `register_autograd`.

    Example:
        >>> from ir_runtime.op_reg import derive_backward
        >>> backward = derive_backward(lambda x, y: x * y)
    """
    return DerivedBackward(native)


class NativeFormula:
    """The formula of a derived backward.

    Attributes:
        native: the function.

    Raises:
        RegistrationError: the function cannot be called with the op's arguments.
    """

    def __init__(self, op: Op, native: Callable[..., Any]) -> None:
        self._op = op
        self.native = native
        self._tensors = TensorArguments(op)
        _check_parameters(op, native)

    @property
    def code(self) -> Sequence[Any]:
        return (self.native,)

    def save(self, ctx: Any, args: Sequence[Any], output: Any) -> None:
        """Save all inputs."""
        del output
        ctx.set_materialize_grads(False)
        save_values(ctx, args)

    def gradients(self, ctx: Any, given: Sequence[Any]) -> Mapping[int, Any]:
        """Run the function again and differentiate it."""
        args = saved_values(ctx)
        leaves, counts = self._tensors.flatten(args)
        needs = self._tensors.flatten(ctx.needs_input_grad)[0]
        chosen = [k for k, need in enumerate(needs) if need]
        wanted = [j for j, g in enumerate(flatten_groups(given)[0]) if g is not None]
        if not wanted:
            return {}

        def function(*tensors: Tensor) -> tuple[Tensor, ...]:
            values = list(leaves)
            for k, tensor in zip(chosen, tensors, strict=True):
                values[k] = tensor
            results = self._run_native(self._tensors.replace(args, values, counts), given)
            return tuple(results[j] for j in wanted)

        cotangents = [flatten_groups(given)[0][j] for j in wanted]
        every: list[Any] = [None] * len(leaves)
        with torch._C._DisableAutocast():
            found = pull_back(function, [leaves[k] for k in chosen], cotangents)
        for k, gradient in zip(chosen, found, strict=True):
            every[k] = gradient
        return dict(zip(self._tensors.positions, regroup(every, counts), strict=True))

    def _run_native(self, args: Sequence[Any], given: Sequence[Any]) -> list[Any]:
        """Return its results; their shapes and dtypes must be those of the given gradients."""
        returned = call_by_schema(self._op, self.native, args)
        results, counts = flatten_groups(as_results(self._op, returned, "its native"))
        expected, expected_counts = flatten_groups(given)
        fits = counts == expected_counts and all(
            g is None or (isinstance(r, Tensor) and (r.shape, r.dtype) == (g.shape, g.dtype))
            for r, g in zip(results, expected, strict=True)
        )
        if not fits:
            raise RegistrationError(
                f"{self._op.name}: its native returns {_listed(results)}, "
                f"must be {_listed(expected)} as the op does"
            )
        return results


def pull_back(
    function: Callable[..., tuple[Tensor, ...]],
    tensors: Sequence[Tensor],
    cotangents: Sequence[Tensor],
) -> Sequence[Tensor | None]:
    """Return the gradients of `function` at `tensors` for gradients of its results.

    They can be differentiated again if grad mode is on.
    """
    again = torch.is_grad_enabled()
    if torch._C._are_functorch_transforms_active():
        with torch.enable_grad():
            return torch.func.vjp(function, *tensors)[1](tuple(cotangents))
    with torch.enable_grad():
        # Each input is an alias: gradients stop there, and a tensor passed twice is two inputs.
        inputs = [_differentiable_alias(t) for t in tensors]
        pairs = [
            (y, g)
            for y, g in zip(function(*inputs), cotangents, strict=True)
            if y.requires_grad  # others do not depend on the inputs
        ]
        if not pairs:
            return [None] * len(inputs)
        return torch.autograd.grad(
            [y for y, _ in pairs],
            inputs,
            [g for _, g in pairs],
            create_graph=again,
            allow_unused=True,
        )


def _differentiable_alias(tensor: Tensor) -> Tensor:
    alias = tensor.view_as(tensor)
    return alias if alias.requires_grad else alias.detach().requires_grad_()


def _listed(values: Sequence[Any]) -> str:
    texts = [format_tensor(v) if isinstance(v, Tensor) else repr(v) for v in values]
    return ", ".join(texts)


def _check_parameters(op: Op, native: Callable[..., Any]) -> None:
    try:
        signature = inspect.signature(native)
    except (TypeError, ValueError):  # a builtin of torch has none
        return
    try:
        call_by_schema(op, signature.bind, [None] * len(op.arg_names))
    except TypeError as error:
        raise RegistrationError(
            f"{op.name}: its native takes {signature}, must take the arguments of the signature",
            facts=[str(op.schema), str(error)],
        ) from error
