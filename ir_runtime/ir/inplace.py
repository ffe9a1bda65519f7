"""Ops whose activations may be donated: a provider may write its results there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch.autograd import forward_ad

from ir_runtime.errors import OpConflictError
from ir_runtime.ir.choice.plain_call import NOT_PLAIN
from ir_runtime.ir.constraint import Constraint
from ir_runtime.ir.op import IrOp
from ir_runtime.ir.op_facts import Normalize
from ir_runtime.ir.wrap import wrap
from ir_runtime.launch.operand.gradient import needs_grad

__all__ = ["IrOpInplace", "IrOpInplaceOverload"]


class IrOpInplaceOverload:
    """The overload whose activations are donated: a provider may write its results there.

    Args:
        op: the op.
    """

    def __init__(self, op: IrOpInplace) -> None:
        self.op = op
        self.torch_op: torch._ops.OpOverload = op.packet.maybe_inplace

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        op = self.op
        if wrap.on:
            if not kwargs and not torch.compiler.is_dynamo_compiling():
                result = op.priority.current().donated(*args)
                if result is not NOT_PLAIN:
                    return result
            return self.torch_op(*args, **kwargs)
        values = op.all_arguments(args, kwargs)
        donated = [values[i] for i in op.activation_indices]
        if torch.compiler.is_dynamo_compiling() or any(type(a) is torch.fx.Proxy for a in donated):
            return op.priority.run_traced(*values)
        if forward_ad._current_level >= 0 or torch._C._are_functorch_transforms_active():
            return self.torch_op(*values)
        if needs_grad(*values):
            return op(*values)
        return op._functions.run_maybe_inplace(*values)


class IrOpInplace(IrOp):
    """An op whose activations may be donated, by the overload `maybe_inplace`."""

    allow_inplace: ClassVar[bool] = True

    def __init__(
        self,
        name: str,
        native_impl: Callable[..., Any],
        activations: Sequence[str] | None = None,
        registration_stack: Sequence[str] | None = None,
        normalize: Normalize | None = None,
        accepts: Sequence[Constraint] = (),
    ) -> None:
        super().__init__(name, native_impl, activations, registration_stack, normalize, accepts)
        self.maybe_inplace = IrOpInplaceOverload(self)

    def _check(self) -> None:
        schema = torch._C.parse_schema(f"ir_runtime::{self.name}{self.schema}")
        kinds = [str(result.type) for result in schema.returns]
        if any(kind != "Tensor" for kind in kinds):
            raise OpConflictError(
                f"op {self.name}: returns {', '.join(kinds)}, must return only tensors to allow "
                "in-place providers"
            )
        if len(kinds) != len(self.activations):
            raise OpConflictError(
                f"op {self.name}: has {len(kinds)} results and {len(self.activations)} activations "
                f"({', '.join(self.activations) or 'none'}), must have as many to allow in-place "
                "providers",
                fix="name the activations: register_op(activations=[...])",
            )
        types = {a.name: str(a.type) for a in schema.arguments}
        for activation in self.activations:
            if types[activation] != "Tensor":
                raise OpConflictError(
                    f"op {self.name}: activation `{activation}` is of type {types[activation]}, "
                    "must be a Tensor to be written"
                )
