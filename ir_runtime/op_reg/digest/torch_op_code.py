"""The table of functions that describe torch ops, for the keys of `torch.compile`'s caches."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ir_runtime.op_reg.digest.sink import Sink

__all__ = ["DESCRIBED_OPS", "Describe", "describe_op", "is_foreign_op"]

Describe = Callable[[Sink], None]

DESCRIBED_OPS: dict[str, Describe] = {}
"""By qualified name of an op, the function that describes it with all of its overloads."""


_OF_TORCH = ("aten", "prim", "prims", "quantized", "inductor")
"""Namespaces of torch's own ops, whose version is in every record."""


def is_foreign_op(name: str) -> bool:
    """Tell whether a qualified name is that of an op which is neither torch's nor ours."""
    namespace = name.partition("::")[0]
    if namespace in _OF_TORCH or namespace.startswith("ir_"):
        return False
    return bool(torch._C._jit_get_schemas_for_operator(name))


def describe_op(into: Sink, name: str) -> None:
    """Add an op's functions that torch compiles to a description, if the op is one of ours."""
    if name in DESCRIBED_OPS:
        DESCRIBED_OPS[name](into)
