"""The overload `out` of an IR op: it writes the results into the caller's tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.ir.choice.op_priority import OpPriority
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.shadow import watch
from ir_runtime.launch.operand.gradient import needs_grad
from ir_runtime.op_reg.call.call_functions import PLAIN_KEYSET
from ir_runtime.op_reg.op.op_arguments import out_names, staged_name
from ir_runtime.op_reg.register.forward_mode import refuse_tangents
from ir_runtime.op_reg.register.registration import out_schema
from ir_runtime.op_reg.select.call_device import check_devices

__all__ = ["register_out"]

_TAGS = (
    torch.Tag.pt2_compliant_tag,
    *([torch.Tag.out] if hasattr(torch.Tag, "out") else []),  # from torch 2.12 on
)


def register_out(
    op: OpFacts[IrOpImpl], priority: OpPriority, run: Callable[..., Any], like: Any
) -> None:
    """Define the overload in the op's library.

    Args:
        op: all its results are tensors.
        priority: chooses its provider.
        run: computes a call of the overload `default`, all arguments by position.
        like: the op as the autograd of `op_reg` sees it.
    """
    library: Any = op.library
    library.define(out_schema(like), tags=_TAGS)
    name, overload = f"{op.name}.out", _OutOverload(op, priority, run, like)
    library._register_fake(name, overload.fake)
    library.impl(name, overload.run, "CompositeExplicitAutograd")
    library.impl(name, overload.autograd, "Autograd", with_keyset=True)


class _OutOverload:
    def __init__(
        self, op: OpFacts[IrOpImpl], priority: OpPriority, run: Callable[..., Any], like: Any
    ) -> None:
        self._op = op
        self._priority = priority
        self._run_default = run
        self._like = like
        self._names = out_names(like)

    def fake(self, *args: Any, **kwargs: Any) -> Any:
        outs, _ = self._given(kwargs)
        self._check_devices(args, kwargs, outs)
        _check_outs(self._op, outs, self._op.fake_call(*args, **kwargs))
        return _one_or_all(outs)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        op = self._op
        outs, staged = self._given(kwargs)
        values = op.normal_arguments(args, kwargs)

        def into(impl: IrOpImpl) -> Any:
            if impl.run_into is None or staged:
                return impl.functional(*values)
            impl.run_into(values, outs)
            return None

        if watch.on:  # a comparison with native needs results outside of `outs`
            results = self._run_default(*values)
        else:
            results = self._priority.current().compute(values, into)
        if results is not None:  # else the provider has written into `outs` itself
            _check_outs(op, outs, results)
            for out, result in zip(outs, _as_sequence(results), strict=True):
                out.copy_(result)
        return _one_or_all(outs)

    def autograd(self, keyset: Any, *args: Any, **kwargs: Any) -> Any:
        op = self._op
        outs = [kwargs[name] for name in self._names]
        refuse_tangents(self._like, args)
        if needs_grad(*args, *outs):
            raise ArgumentError(
                f"{op.name}.out: an argument requires a gradient, must be without one: "
                "out= overloads are not differentiable"
            )
        if keyset.raw_repr() != PLAIN_KEYSET:
            self._check_devices(args, kwargs, outs)
        with torch._C._AutoDispatchBelowAutograd():
            op.packet.out.redispatch(keyset & torch._C._after_autograd_keyset, *args, **kwargs)
        return _one_or_all(outs)

    def _given(self, kwargs: dict[str, Any]) -> tuple[list[Tensor], bool]:
        return [kwargs.pop(name) for name in self._names], kwargs.pop(
            staged_name(self._like), False
        )

    def _check_devices(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], outs: Sequence[Tensor]
    ) -> None:
        op = self._op
        values = op.all_arguments(args, {n: v for n, v in kwargs.items() if n in op.arg_names})
        check_devices(op.name, (*op.arg_names, *self._names), (*values, *outs))


def _check_outs(op: OpFacts[IrOpImpl], outs: Sequence[Tensor], results: Any) -> None:
    for out, result in zip(outs, _as_sequence(results), strict=True):
        if out.shape != result.shape or out.dtype != result.dtype:
            raise ArgumentError(
                f"{op.name}.out: `out` is {format_tensor(out)}, must be {format_tensor(result)}"
            )


def _as_sequence(results: Any) -> Sequence[Any]:
    return results if isinstance(results, list | tuple) else (results,)


def _one_or_all(outs: Sequence[Tensor]) -> Any:
    return outs[0] if len(outs) == 1 else tuple(outs)
