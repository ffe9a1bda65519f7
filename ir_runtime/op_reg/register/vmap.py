"""The `torch.vmap` rule of an op; without one, vmap over the op raises an error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._functorch.autograd_function import custom_function_call_vmap_helper
from torch._functorch.pyfunctorch import retrieve_current_functorch_interpreter

from ir_runtime.errors import NoVmapRuleError, RegistrationError
from ir_runtime.op_reg.op.find_op import registered_op
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.tensor_leaves import TensorArguments, call_by_schema

__all__ = ["class_vmap_rule", "make_vmap_kernel", "register_vmap"]

LOOP = "loop"

Rule = Callable[..., Any]
"""`rule(info, in_dims, *args, **keyword_only_args) -> (results, out_dims)`."""


def register_vmap(op: Any, rule: Rule | str) -> None:
    """Register the rule that `torch.vmap` runs for an op.

    Args:
        op: the op from `CustomOp.register`, its default overload, or `namespace::name`.
        rule: `rule(info, in_dims, *args)`, as for `torch.library.register_vmap`. It returns the
            results and, in the same structure, the mapped dimension of each, or None. `in_dims`
            has an entry for each argument of the signature, also for keyword-only ones; the
            tensors have their mapped dimension. `info` has `batch_size` and `randomness`.
            `"loop"` calls the op for each element and stacks the results.

    Raises:
        RegistrationError: the op has a rule already, or `rule` is neither a function nor "loop".
    """
    found = registered_op(op)
    if found.vmap_rule is not None:
        raise RegistrationError(
            f"{found.qualified_name}: it has a vmap rule already, must be given one once"
        )
    found.vmap_rule = _checked_rule(found, rule)


def class_vmap_rule(op: Op) -> Rule | None:
    """Return the rule that the class of an op defines, None if it has none."""
    return None if op.vmap is None else _checked_rule(op, op.vmap)


def make_vmap_kernel(op: Op) -> Callable[[Sequence[Any]], Any]:
    """Return the kernel for tensors of `torch.vmap`; it takes all arguments."""

    def kernel(values: Sequence[Any]) -> Any:
        if op.vmap_rule is None and op.like_native is not None:
            return call_by_schema(op, op.like_native, values)

        def below(*every: Any) -> Any:
            return call_by_schema(op, op.overload, every)

        def rule(info: Any, in_dims: Any, *every: Any) -> Any:
            if op.vmap_rule is None:
                raise NoVmapRuleError(
                    f"{op.name}: torch.vmap reached it, and it has no vmap rule",
                    fix="ir_runtime.op_reg.register_vmap(op, rule), or register_vmap(op, 'loop') "
                    "to call it for each element",
                )
            function = op.vmap_rule
            return call_by_schema(op, lambda *a, **k: function(info, in_dims, *a, **k), every)

        interpreter: Any = retrieve_current_functorch_interpreter()
        return custom_function_call_vmap_helper(interpreter, rule, below, *values)

    return kernel


def _checked_rule(op: Op, rule: Any) -> Rule:
    if rule == LOOP:
        return _make_loop(op)
    if callable(rule):
        return rule
    raise RegistrationError(f"{op.name}: its vmap rule is {rule!r}, must be a function or 'loop'")


def _make_loop(op: Op) -> Rule:
    """Return a rule that calls the op for each element."""
    tensors = TensorArguments(op)
    names = op.arg_names[op.positional_count :]

    def loop(info: Any, in_dims: Any, *args: Any, **kwargs: Any) -> Any:
        values = [*args, *(kwargs[name] for name in names)]
        leaves, counts = tensors.flatten(values)
        dims, _ = tensors.flatten(in_dims)
        pairs = list(zip(leaves, dims, strict=True))
        _refuse_unmapped_change(op, in_dims)

        def call(parts: Sequence[Any]) -> Any:
            return call_by_schema(op, op.overload, tensors.replace(values, parts, counts))

        if info.batch_size == 0 and not op.mutated_args:
            device = next(t.device for t in leaves if isinstance(t, Tensor))
            return _without_elements(op, call([_like_element(t, dim) for t, dim in pairs]), device)
        results = [
            call([t if dim is None else t.select(dim, k) for t, dim in pairs])
            for k in range(info.batch_size)
        ]
        if not op.mutated_args:
            return _stacked(op, results)
        changed = op.returned_arg
        return (None, None) if changed is None else (values[changed], in_dims[changed])

    return loop


def _refuse_unmapped_change(op: Op, in_dims: Any) -> None:
    for i in op.mutated_args:
        if in_dims[i] is None:
            raise NoVmapRuleError(
                f"{op.name}: `{op.arg_names[i]}` is changed in place and not mapped, "
                "must be mapped where another argument is"
            )


def _stacked(op: Op, results: Sequence[Any]) -> tuple[Any, Any]:
    """Stack the results of several calls; return them with their mapped dimensions."""
    return _each_result(op, results, lambda tensors: torch.stack(list(tensors)))


def _without_elements(op: Op, result: Any, device: torch.device) -> tuple[Any, Any]:
    """Return empty stacks of results like this one, for a mapped dimension of size 0."""

    def stack(tensors: Sequence[Tensor]) -> Tensor:
        (like,) = tensors
        return torch.empty((0, *like.shape), dtype=like.dtype, device=device)

    return _each_result(op, [result], stack)


def _each_result(
    op: Op, results: Sequence[Any], stack: Callable[[Sequence[Tensor]], Tensor]
) -> tuple[Any, Any]:
    first = results[0]
    if isinstance(first, Tensor):
        return stack(results), 0
    if isinstance(first, list | tuple):
        each = [_each_result(op, column, stack) for column in zip(*results, strict=True)]
        kind = type(first)
        return kind(value for value, _ in each), kind(dim for _, dim in each)
    if all(r == first for r in results):
        return first, None
    raise NoVmapRuleError(
        f"{op.name}: its results for the elements are {results}, must be tensors to be stacked"
    )


def _like_element(tensor: Any, dim: int | None) -> Any:
    """Return a meta tensor for one element of a mapped dimension, whose size may be 0."""
    if not isinstance(tensor, Tensor):
        return tensor
    shape = [size for i, size in enumerate(tensor.shape) if i != dim]
    return torch.empty(shape, dtype=tensor.dtype, device="meta")
