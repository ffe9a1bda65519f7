"""Row kernels from torch functions: rows in, arithmetic and reductions along them, rows out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ir_runtime.late_import import late_names

if TYPE_CHECKING:
    from ir_runtime.rows.decorator import row_kernel
    from ir_runtime.rows.inlining import inline

__all__ = ["inline", "row_kernel"]

__getattr__ = late_names(__name__, {"inline": "inlining", "row_kernel": "decorator"})
