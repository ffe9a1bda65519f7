"""Our ops in models of transformers: `ir_runtime.optimize` and its report."""

from __future__ import annotations

from ir_runtime.models.optimize import optimize
from ir_runtime.models.report import Left, Replaced, Report

__all__ = ["Left", "Replaced", "Report", "optimize"]
