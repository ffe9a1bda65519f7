"""What `torch.utils.flop_counter` counts for the ops that multiply matrices.

Their backwards are made of torch's products, which it knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ir_runtime.op_reg.digest.when_imported import when_imported

__all__ = ["count_flops"]

Formula = Callable[..., int]
"""Takes the arguments of a call."""


def count_flops(op: str) -> Callable[[Formula], Formula]:
    """Let torch count an op and its kernel by a formula, once its counter is imported."""

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
