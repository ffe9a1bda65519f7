"""Whole torch programs, exported and compiled ahead of time."""

from ir_runtime.aot.export import export
from ir_runtime.aot.program import Program

__all__ = ["Program", "export"]
