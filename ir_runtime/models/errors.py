"""The exceptions of `ir_runtime.models`; their root is `ir_runtime.errors.IrRuntimeError`.

::

    IrRuntimeError
    ├── OptimizeError              (RuntimeError)  a model cannot be optimised, or not restored
    └── KernelsMissingError        (ImportError)   the package `kernels` is not installed
"""

from __future__ import annotations

from ir_runtime.errors import IrRuntimeError

__all__ = ["KernelsMissingError", "OptimizeError"]


class OptimizeError(IrRuntimeError, RuntimeError):
    """`optimize` cannot change a model, or its report cannot restore it."""


class KernelsMissingError(IrRuntimeError, ImportError):
    """The optional package `kernels` of HuggingFace is not installed."""
