"""Register a torch function as an IR op, and the kernel that is its provider; announce ops."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, overload

import torch

from ir_runtime.errors import OpConflictError
from ir_runtime.ir.constraint import Constraint
from ir_runtime.ir.inplace import IrOpInplace
from ir_runtime.ir.iree import KERNEL_LIBRARY, IreeImpl
from ir_runtime.ir.op import IrOp, ir_torch_lib, registering
from ir_runtime.ir.op_facts import Normalize
from ir_runtime.ir.schema import check_name, check_same_schema
from ir_runtime.ir.stack import caller_stack
from ir_runtime.ir.tuning.tables import tables, wanted_variants
from ir_runtime.late_table import promise_torch_ops
from ir_runtime.op_reg.custom_op import CustomOp
from ir_runtime.op_reg.op.registry import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.op.stand_in import promise_stand_ins

__all__ = ["limit_kernel", "promise_ops", "register_kernel", "register_op"]


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
        normalize: takes all arguments and returns the arguments for the providers, native too;
            for example, it replaces a weight that is None by a tensor of ones.
        accepts: constraints on the arguments of every call, such as
            `ir.dtypes("x", torch.float32)`; other calls raise `ArgumentError`, whichever provider
            would compute them. Tensors on several devices are always refused.

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
        _refuse_known(op_name)  # may import the op's module, so no lock is held
        with registering:
            _refuse_known(op_name)
            kind = IrOpInplace if allow_inplace else IrOp
            op = kind(op_name, native, activations, stack, normalize, accepts)
            IrOp.registry[op_name] = op
        return op

    return register if f is None else register(f)


def _refuse_known(name: str) -> None:
    if name in IrOp.registry:
        raise OpConflictError(
            f"Op '{name}' is already registered.",
            facts=IrOp.registry[name]._registration_stack[-1:],
        )


def register_kernel(
    op: IrOp,
    op_class: type[CustomOp] | None = None,
    *,
    constraints: Sequence[Constraint] = (),
    library: torch.library.Library = KERNEL_LIBRARY,
) -> Callable[[type[CustomOp]], Any] | Any:
    """Register a `CustomOp` as the provider `iree` of an op; a class decorator.

    The class is registered with torch as `torch.ops.ir_kernels.<op>`. Its backward, if it has one,
    becomes the op's.

    Args:
        op: the op.
        op_class: the class, whose signature has the name and schema of the op.
        constraints: the conditions of the kernel, such as `ir.dtypes("x", torch.float32)`.
        library: the library of the kernel's torch op.

    Returns:
        The kernel's torch op.

    Raises:
        OpDefinitionError: the schemas differ.
        OpConflictError: the op has a kernel already.
    """

    def register(cls: type[CustomOp]) -> Any:
        _refuse_written(op)
        written = torch._C.parse_schema(cls.signature.replace("@UNIQUE@", "0"))
        text = str(written)
        check_same_schema(op.name, "iree", text[text.index("(") :], op.schema)
        packet: Any = CustomOp.register(cls, library=library)
        kernel = ALL_CUSTOM_OP_REGS[str(packet._qualified_op_name)]
        impl = IreeImpl(op, kernel, constraints, caller_stack(1 if op_class is None else 2))
        op._add(impl)
        kernel.before_select = tables.poll
        kernel.variant_source = functools.partial(wanted_variants, op)
        if kernel.has_check:
            op.register_value_check(kernel.check)
        op.set_formula(kernel.formula)
        return packet

    return register if op_class is None else register(op_class)


def promise_ops(homes: Mapping[str, str]) -> None:
    """Announce IR ops with kernels; the module of each is imported when the op is first used.

    That is when it is looked up in `ir.ops` or `torch.ops`, by its name in a priority, or with all
    others, as `ir-runtime ops` and `IrOpPriorityConfig().with_default` do.

    Args:
        homes: by name of the op, the full name of the module that registers it and its kernel.

    Example:
        >>> ir.promise_ops({"scaled_sum": "my_kernels.scaled_sum"})
    """
    IrOp.registry.promise(homes)
    ALL_CUSTOM_OP_REGS.promise({f"{KERNEL_LIBRARY.ns}::{name}": homes[name] for name in homes})
    promise_stand_ins({f"{ir_torch_lib.ns}::{name}": homes[name] for name in homes})
    for namespace in (ir_torch_lib.ns, KERNEL_LIBRARY.ns):
        promise_torch_ops(namespace, homes)


def limit_kernel(op: IrOp, constraints: Sequence[Constraint]) -> None:
    """Limit the calls that a kernel made from native takes; the next provider computes the others.

    Args:
        op: an op without a kernel of its own.
        constraints: such as `ir.dtypes("x", torch.float32)`; they replace those given before.

    Raises:
        OpConflictError: the op has a kernel that was written for it.
        OpDefinitionError: a constraint is about an argument that the op does not have.
    """
    _refuse_written(op)
    with registering:
        op._add(IreeImpl(op, None, constraints, caller_stack(1)))
    op.providers_changed()


def _refuse_written(op: IrOp) -> None:
    known = op.impls["iree"]
    if not (isinstance(known, IreeImpl) and known.is_traced):
        raise OpConflictError(
            f"op {op.name}: provider iree is registered already, must be registered only once"
        )
