"""What the code that Inductor generates calls for our ops: the launcher, without the dispatcher.

Generated code makes these functions when it is loaded, from names and text alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ir_runtime.errors import RegistrationError
from ir_runtime.ir.choice.frozen_priority import restore_priority
from ir_runtime.ir.choice.plain_call import NOT_PLAIN
from ir_runtime.ir.op import IrOp
from ir_runtime.op_reg.call.entrance import direct_entrance, out_entrance
from ir_runtime.op_reg.op.find_op import registered_op

__all__ = ["kernel_call", "kernel_out_call", "provider_call"]


def kernel_call(name: str) -> Callable[..., Any]:
    """Return a function that runs the kernel of an op.

    Args:
        name: of the kernel's torch op, such as `ir_kernels::rms_norm`.
    """
    return direct_entrance(registered_op(name))


def kernel_out_call(name: str) -> Callable[..., Any]:
    """Return a function that runs the kernel of an op into given tensors.

    Args:
        name: as for `kernel_call`.
    """
    return out_entrance(registered_op(name))


def provider_call(name: str, described: str) -> Callable[..., Any]:
    """Return a function that asks the providers of an op in each call.

    Args:
        name: of the op.
        described: its priority when the graph was compiled, as JSON of `describe_priority`.

    Raises:
        RegistrationError: the op, or a provider of that priority, is not registered here.
    """
    op = IrOp.registry.get(name)
    if op is None:
        raise RegistrationError(
            f"op {name}: is not registered, and a compiled graph calls it",
            fix="import the module that registers it before the graph is loaded",
        )
    try:
        priority = restore_priority(op, op.priority, json.loads(described))
    except KeyError as error:
        raise RegistrationError(
            f"op {name}: has no provider {error}, and a compiled graph may call it",
            fix="import the module that registers the provider before the graph is loaded",
        ) from error
    normalize = op.normalize

    def call(*given: Any) -> Any:
        values = given if normalize is None else normalize(*given)
        below = priority.below  # not a method: it may be replaced
        result = below(*values)
        if result is not NOT_PLAIN:
            return result
        run = priority.run
        return run(*values)

    return call
