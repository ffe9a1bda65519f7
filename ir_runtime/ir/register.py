"""How does a torch function become an IR op?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

from ir_runtime.errors import OpConflictError
from ir_runtime.ir.constraint import Constraint
from ir_runtime.ir.inplace import IrOpInplace
from ir_runtime.ir.op import IrOp, Normalize, registering
from ir_runtime.ir.schema import check_name
from ir_runtime.ir.stack import caller_stack

__all__ = ["register_op"]


@overload
def register_op(f: Callable[..., Any]) -> IrOp: ...
@overload
def register_op(
    *,
    name: str | None = None,
    activations: Sequence[str] | None = None,
    allow_inplace: Literal[False] = False,
    normalize: Normalize | None = None,
    accepts: Sequence[Constraint] = (),
) -> Callable[[Callable[..., Any]], IrOp]: ...
@overload
def register_op(
    *,
    name: str | None = None,
    activations: Sequence[str] | None = None,
    allow_inplace: Literal[True],
    normalize: Normalize | None = None,
    accepts: Sequence[Constraint] = (),
) -> Callable[[Callable[..., Any]], IrOpInplace]: ...


def register_op(
    f: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    activations: Sequence[str] | None = None,
    allow_inplace: bool = False,
    normalize: Normalize | None = None,
    accepts: Sequence[Constraint] = (),
) -> Any:
    """Register an IR op: a decorator of its native function, with or without arguments.

    Args:
        f: the native function.
        name: of the op; default: the function's.
        activations: names of the parameters that are activations; default: those that begin with
            `x`.
        allow_inplace: add an overload whose activations are donated, `op.maybe_inplace`.
        normalize: takes all arguments and returns what providers, native too, get in their place;
            such as a tensor of ones for a weight that is None.
        accepts: what the arguments must be for the op to be defined, such as
            `ir.dtypes("x", torch.float32)`; a call that is not so raises `ArgumentError`, whatever
            provider would compute it. Tensors on several devices are always refused.

    Returns:
        The `IrOp`, in place of the function.

    Raises:
        OpConflictError: an op of this name is registered already.
        OpDefinitionError: the name or signature is not well formed.

    Example:
        >>> @ir.register_op
        ... def scaled(x: Tensor, factor: float = 2.0) -> Tensor:
        ...     return x * factor
    """

    def register(native: Callable[..., Any]) -> IrOp:
        op_name: str = native.__name__ if name is None else name
        check_name(op_name, "Op")
        stack = caller_stack(1 if f is None else 2)
        with registering:
            if op_name in IrOp.registry:
                raise OpConflictError(
                    f"Op '{op_name}' is already registered.",
                    facts=IrOp.registry[op_name]._registration_stack[-1:],
                )
            kind = IrOpInplace if allow_inplace else IrOp
            op = kind(op_name, native, activations, stack, normalize, accepts)
            IrOp.registry[op_name] = op
        return op

    return register if f is None else register(f)
