"""How Inductor compiles `fused_rows`: the kernel writes into buffers of Inductor's memory plan."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from torch._inductor import lowering
from torch._inductor.virtualized import V

from ir_runtime.ir.log import logger
from ir_runtime.passes.fusion.acceptance import like_concrete
from ir_runtime.passes.fusion.fused_call import fused_out_call, kernel_of
from ir_runtime.passes.fusion.fused_rows import FUSED_ROWS, FUSED_ROWS_SINGLE, fused_op
from ir_runtime.passes.lowering.inductor_call import kernel_in_code

__all__ = ["register_lowerings"]


@functools.cache
def register_lowerings() -> None:
    """Tell Inductor how to compile the op; without it, the op is called through the dispatcher."""
    for target in (FUSED_ROWS, FUSED_ROWS_SINGLE):
        lowering.add_needs_realized_inputs(target)
        lowering.lowerings[target] = functools.partial(
            _lower, lowering.fallback_handler(target), target
        )


def _lower(plain: Any, target: Any, program: str, inputs: Sequence[Any]) -> Any:
    found = None
    if _has_kernel(program):
        found = kernel_in_code(kernel_of(program), inputs, fused_out_call, program)
    if found is None:
        return plain(program, inputs)
    return list(found) if target is FUSED_ROWS and isinstance(found, tuple) else found


def _has_kernel(program: str) -> bool:
    """Compile the kernel, or take it from the store; tell whether there is one.

    A call of the op through the dispatcher would compute natively what has none.
    """
    given: Any = V.graph.current_node.args[1]
    tensors = like_concrete([node.meta["val"] for node in given])
    op = fused_op(program)
    why = op.impls["iree"].refusal(*tensors)
    if why is not None:
        logger.warning("%s has no kernel, so native computes it: %s", op.name, why)
    return why is None
