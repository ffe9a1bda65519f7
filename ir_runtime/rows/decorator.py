"""`row_kernel`: a torch op made of one function over rows, without an IR op."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ir_runtime.errors import OpDefinitionError
from ir_runtime.op_reg import IR_RUNTIME_LIBRARY
from ir_runtime.op_reg.traced_op import traced_op
from ir_runtime.rows.row_op import RowOp

__all__ = ["row_kernel"]


def row_kernel(
    fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    activations: Sequence[str] | None = None,
    library: torch.library.Library = IR_RUNTIME_LIBRARY,
) -> Any:
    """Register a torch function over rows as an op with a kernel; a decorator.

    Args:
        fn: the function, with an annotation for each parameter and for the result.
        name: of the op; default: the function's name.
        activations: names of the parameters that have rows, whatever their number; default:
            those that begin with `x`.
        library: the op joins the namespace of this library.

    Returns:
        The torch op, `torch.ops.<namespace>.<name>`, in place of the function.

    Raises:
        OpDefinitionError: the annotations make no schema, or an activation is no parameter.
        RegistrationError: the name is taken.
    """
    if fn is None:
        return lambda f: row_kernel(f, name=name, activations=activations, library=library)
    called = name or getattr(fn, "__name__", type(fn).__name__)
    try:
        schema = torch.library.infer_schema(fn, mutates_args=())
    except (ValueError, TypeError, NameError) as error:
        raise OpDefinitionError(
            f"row_kernel {called}: its annotations make no schema: {error}".partition("\n")[0]
        ) from error
    parameters = list(inspect.signature(fn).parameters)
    wanted = [p for p in parameters if p.startswith("x")] if activations is None else activations
    unknown = [p for p in wanted if p not in parameters]
    if unknown:
        raise OpDefinitionError(
            f"row_kernel {called}: activation {unknown[0]!r} is no parameter, must be one of "
            f"{', '.join(parameters)}"
        )
    places = [parameters.index(p) for p in wanted]
    op = traced_op(called, fn, schema=schema, activations=places, library=library, base=RowOp)
    return getattr(getattr(torch.ops, op.library.ns), op.name)
