"""Register an IR op with torch: its overloads `default`, `maybe_inplace` and `out`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ir_runtime.errors import RegistrationError
from ir_runtime.ir.choice.op_priority import OpPriority
from ir_runtime.ir.dispatch_source import Dispatch, make_dispatch
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.out_overload import register_out
from ir_runtime.ir.schema import with_mutation
from ir_runtime.launch.operand.gradient import needs_grad
from ir_runtime.op_reg.op.library import lasting_fragment
from ir_runtime.op_reg.register.autograd import make_autograd_slow
from ir_runtime.op_reg.register.derived_backward import NativeFormula
from ir_runtime.op_reg.register.forward_mode import carries_tangent

__all__ = ["AutogradOp", "register_with_torch"]

_TAGS = (torch.Tag.pt2_compliant_tag,)


@dataclass(eq=False)
class AutogradOp:
    """An IR op as the autograd of `op_reg` sees it.

    Attributes:
        name: for messages.
        overload: the torch op.
        formula: the gradient formula.
        like_native: checks the arguments and calls native; takes all arguments by position.
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
        """The number of arguments that are not keyword-only: all of them."""
        return len(self.schema.arguments)

    mutated_args = ()


def register_with_torch(op: OpFacts[IrOpImpl], priority: OpPriority) -> tuple[Dispatch, AutogradOp]:
    """Define the overloads of an op, and register their functions and meta functions.

    Args:
        op: the op; its `torch_op` is set here.
        priority: chooses its provider.

    Returns:
        The functions that its calls run, and the op as autograd sees it.

    Raises:
        RegistrationError: torch refuses the schema, or the name is taken there.
    """
    try:
        _define(op)
    except RegistrationError:
        raise
    except RuntimeError as error:
        raise RegistrationError(
            f"op {op.name}: torch refuses it", facts=[*str(error).split("\n"), op.schema]
        ) from error
    op.find_torch_op()
    outer = AutogradOp(op.name, op.overload, like_native=op.compute_natively)
    return _register_functions(op, priority, outer), outer


def _define(op: OpFacts[IrOpImpl]) -> None:
    """Define the overloads in the op's library; if torch refuses one, none is defined."""
    library: Any = op.library
    schemas = [(library, f"{op.name}{op.schema}")]
    if op.allow_inplace:
        inplace = f"{op.name}.maybe_inplace{with_mutation(op.schema, op.activations)}"
        schemas.append((lasting_fragment(op.namespace), inplace))
    for _, schema in schemas:  # before anything is defined
        torch._C.parse_schema(f"{op.namespace}::{schema}")
    for where, schema in schemas:
        where.define(schema, tags=_TAGS)


def _register_functions(op: OpFacts[IrOpImpl], priority: OpPriority, outer: AutogradOp) -> Dispatch:
    library: Any = op.library
    like: Any = outer
    functions = make_dispatch(op, priority, make_autograd_slow(like), _make_slow_inplace(op))
    library.impl(op.name, functions.run, "CompositeExplicitAutograd")
    library.impl(op.name, functions.autograd, "Autograd", with_keyset=True)
    library._register_fake(op.name, op.fake_call)
    library.impl(op.name, op.compute_natively, "FuncTorchBatched")
    if op.allow_inplace:
        _register_maybe_inplace(op, functions)
    if _can_have_out(op):
        register_out(op, priority, functions.run, outer)
    outer.formula = NativeFormula(like, op.run_native)
    return functions


def _register_maybe_inplace(op: OpFacts[IrOpImpl], functions: Dispatch) -> None:
    library: Any = op.library
    name = f"{op.name}.maybe_inplace"
    library.impl(name, functions.run_maybe_inplace, "CompositeExplicitAutograd")
    library.impl(name, functions.autograd_maybe_inplace, "Autograd", with_keyset=True)
    library.impl(name, op.compute_natively, "FuncTorchBatched")
    library._register_fake(name, op.fake_call)
    overload = op.packet.maybe_inplace

    def functionalize(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the call by the default overload, which leaves donated tensors unchanged."""
        values = op.all_arguments(args, kwargs)
        with ctx.redispatch_to_next():
            results = op.torch_op(*ctx.unwrap_tensors(values))
        return ctx.wrap_tensors(results)

    overload.py_functionalize_impl(functionalize)
    library.impl(name, op.torch_op, "Functionalize")  # for torch.func.functionalize


def _make_slow_inplace(op: OpFacts[IrOpImpl]) -> Callable[[Any, tuple[Any, ...]], Any]:
    def slow(keyset: Any, values: tuple[Any, ...]) -> Any:
        if needs_grad(*values):
            return op.torch_op(*values)  # the backward may need the donated tensors
        if carries_tangent(values):
            return op.compute_natively(*values)
        with torch._C._AutoDispatchBelowAutograd():
            below = keyset & torch._C._after_autograd_keyset
            return op.packet.maybe_inplace.redispatch(below, *values)

    return slow


def _can_have_out(op: OpFacts[IrOpImpl]) -> bool:
    returns = op.overload._schema.returns
    return bool(returns) and all(str(r.type) == "Tensor" for r in returns)
