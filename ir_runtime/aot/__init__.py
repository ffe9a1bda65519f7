"""Whole torch programs, exported and compiled ahead of time.

Open `export.py` for the way from a module to a program, and `program.py` for its methods.
"""

from ir_runtime.aot.export import export
from ir_runtime.aot.program import Program

__all__ = ["Program", "export"]
