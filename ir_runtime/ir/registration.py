"""How does torch learn of an IR op?  Overloads `default`, `maybe_inplace` and `out`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ir_runtime.ir.dispatch_source import Dispatch, make_dispatch
from ir_runtime.ir.out_overload import register_out
from ir_runtime.ir.schema import with_mutation
from ir_runtime.launch.operand.gradient import needs_grad
from ir_runtime.op_reg.op.library import lasting_fragment
from ir_runtime.op_reg.register.autograd import make_autograd_slow
from ir_runtime.op_reg.register.forward_mode import carries_tangent

if TYPE_CHECKING:
    from ir_runtime.ir.op import IrOp

__all__ = ["AutogradOp", "define_ops", "register_ops"]

_TAGS = (torch.Tag.pt2_compliant_tag,)


@dataclass(eq=False)
class AutogradOp:
    """An IR op as the autograd of `op_reg` sees it.

    Attributes:
        name: for messages.
        overload: the torch op.
        formula: how it is differentiated.
        like_native: native, which takes the arguments by position and looks at them first.
    """

    name: str
    overload: torch._ops.OpOverload
    formula: Any = None
    like_native: Any = None

    @property
    def schema(self) -> Any:
        """The schema."""
        return self.overload._schema

    @property
    def qualified_name(self) -> str:
        """Namespace and name."""
        return self.schema.name

    @property
    def arg_names(self) -> tuple[str, ...]:
        """Names of the arguments."""
        return tuple(argument.name for argument in self.schema.arguments)

    @property
    def positional_count(self) -> int:
        """How many arguments are not keyword-only: all."""
        return len(self.schema.arguments)

    mutated_args = ()


def define_ops(op: IrOp) -> None:
    """Define the overloads of an op in its library; what torch refuses leaves nothing."""
    library: Any = op.library
    schemas = [(library, f"{op.name}{op.schema}")]
    if op.allow_inplace:
        inplace = f"{op.name}.maybe_inplace{with_mutation(op.schema, op.activations)}"
        schemas.append((lasting_fragment(op.namespace), inplace))
    for _, schema in schemas:  # before anything is defined
        torch._C.parse_schema(f"{op.namespace}::{schema}")
    for where, schema in schemas:
        where.define(schema, tags=_TAGS)


def register_ops(op: IrOp) -> Dispatch:
    """Register what the overloads run, below autograd and above, and their meta functions."""
    library: Any = op.library
    outer = AutogradOp(op.name, op.overload, like_native=op.compute_natively)
    op.autograd = outer
    below = make_autograd_slow(outer)  # pyright: ignore[reportArgumentType]
    functions = make_dispatch(op, below, _make_slow_inplace(op))
    library.impl(op.name, functions.run, "CompositeExplicitAutograd")
    library.impl(op.name, functions.autograd, "Autograd", with_keyset=True)
    library._register_fake(op.name, op._fake_call)
    library.impl(op.name, op.compute_natively, "FuncTorchBatched")
    if op.allow_inplace:
        _register_maybe_inplace(op, functions)
    if _can_have_out(op):
        register_out(op, outer)
    return functions


def _register_maybe_inplace(op: IrOp, functions: Dispatch) -> None:
    library: Any = op.library
    name = f"{op.name}.maybe_inplace"
    library.impl(name, functions.run_maybe_inplace, "CompositeExplicitAutograd")
    library.impl(name, functions.autograd_maybe_inplace, "Autograd", with_keyset=True)
    library.impl(name, op.compute_natively, "FuncTorchBatched")
    library._register_fake(name, op._fake_call)
    overload = op.packet.maybe_inplace

    def functionalize(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute it as the default overload does: what was donated is left as it is."""
        values = op.all_arguments(args, kwargs)
        with ctx.redispatch_to_next():
            results = op.torch_op(*ctx.unwrap_tensors(values))
        return ctx.wrap_tensors(results)

    overload.py_functionalize_impl(functionalize)
    library.impl(name, op.torch_op, "Functionalize")  # torch.func's


def _make_slow_inplace(op: IrOp) -> Callable[[Any, tuple[Any, ...]], Any]:
    def slow(keyset: Any, values: tuple[Any, ...]) -> Any:
        if needs_grad(*values):
            return op.torch_op(*values)  # a donated tensor may be kept
        if carries_tangent(values):
            return op.compute_natively(*values)
        with torch._C._AutoDispatchBelowAutograd():
            below = keyset & torch._C._after_autograd_keyset
            return op.packet.maybe_inplace.redispatch(below, *values)

    return slow


def _can_have_out(op: IrOp) -> bool:
    returns = op.overload._schema.returns
    return bool(returns) and all(str(r.type) == "Tensor" for r in returns)
