"""The exceptions of `ir_runtime.optimize`; their root is `ir_runtime.errors.IrRuntimeError`.

::

    IrRuntimeError
    └── OptimizeError              (RuntimeError)  a model cannot be optimised, or not restored
"""

from __future__ import annotations

from ir_runtime.errors import IrRuntimeError

__all__ = ["OptimizeError"]


class OptimizeError(IrRuntimeError, RuntimeError):
    """`optimize` cannot change a model, or its report cannot restore it."""
