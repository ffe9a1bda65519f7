"""Reciprocals: rsqrt."""

from __future__ import annotations

from ir_runtime.rows.vector_code import Vector

__all__ = ["rsqrt"]


def rsqrt(x: Vector) -> Vector:
    """Return 1 / sqrt(x), both rounded to nearest: error 1.48."""
    return 1.0 / x.sqrt()
