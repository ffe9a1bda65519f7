"""The counts of `torch.utils.flop_counter` for ops that multiply matrices.

Their backwards use torch's own products, which the counter knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ir_runtime.op_reg.digest.when_imported import when_imported

__all__ = ["count_flops"]

Formula = Callable[..., int]
"""Takes the arguments of a call, returns its number of operations."""


def count_flops(op: str) -> Callable[[Formula], Formula]:
    """Register a formula for an op and its kernel with torch's counter, once it is imported."""

    def register(formula: Formula) -> Formula:
        when_imported("torch.utils.flop_counter", lambda: _register(op, formula))
        return formula

    return register


def _register(op: str, formula: Formula) -> None:
    from torch.utils.flop_counter import register_flop_formula

    def count(*args: Any, out_val: Any = None, **kwargs: Any) -> int:
        del out_val
        return formula(*args, **kwargs)

    for namespace in ("ir_runtime", "ir_kernels"):
        register_flop_formula(getattr(getattr(torch.ops, namespace), op), get_raw=True)(count)
