"""Whether the row generator makes one kernel of a program, at the shapes of a graph."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import IrRuntimeError
from ir_runtime.passes.fusion.program import Program, program_of
from ir_runtime.passes.graph.storage import is_in_rows
from ir_runtime.rows.trace import trace

__all__ = ["like_concrete", "refusal"]

_STEP = 64
_FIRST = 1009
"""Symbolic sizes are tried as large multiples of 64: unlike sizes of a row, and divisible."""


def refusal(program: Program, inputs: Sequence[Tensor], results: Sequence[Tensor]) -> str | None:
    """Return why a program does not become one row kernel, None if it does.

    Args:
        program: the program.
        inputs: fake tensors of its arguments.
        results: fake tensors of what the graph has in the place of its results.
    """
    for tensor in (*inputs, *results):
        if tensor.device.type != "cpu":
            return f"a tensor is on {tensor.device}, must be on the CPU"
        if tensor.layout != torch.strided or tensor.is_conj() or tensor.is_neg():
            return "a tensor is not a plain one"
    for tensor in results:
        if not is_in_rows(tensor):
            return "a result is not contiguous in the graph, must be: the kernel's are"
    shapes = _concrete((*inputs, *results))
    given, wanted = shapes[: len(inputs)], shapes[len(inputs) :]
    return _refusal(program.text, given, wanted)


Facts = tuple[tuple[int, ...], torch.dtype]


@functools.lru_cache(maxsize=4096)
def _refusal(text: str, given: tuple[Facts, ...], wanted: tuple[Facts, ...]) -> str | None:
    """Trace the program; the same groups are in each layer of a model."""
    program = program_of(text)
    tensors = _on_meta(given)
    try:
        graph = trace(program.function(), tensors, program.rows)
    except IrRuntimeError as error:
        return str(error).partition("\n")[0]
    except Exception as error:  # noqa: BLE001 - shapes that fit only in the graph
        return f"its trace fails: {type(error).__name__}: {error}".partition("\n")[0]
    for made, (shape, dtype) in zip(graph.results, wanted, strict=True):
        if tuple(made.shape) != shape or made.dtype != dtype:
            return (
                f"a result would be {made.dtype} {list(made.shape)}, in the graph it is "
                f"{dtype} {list(shape)}"
            )
    return None


def like_concrete(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return meta tensors of the same shapes, with numbers in the place of symbols."""
    return _on_meta(_concrete(tensors))


def _on_meta(facts: Sequence[Facts]) -> list[Tensor]:
    return [torch.empty(shape, dtype=dtype, device="meta") for shape, dtype in facts]


def _concrete(tensors: Sequence[Tensor]) -> tuple[Facts, ...]:
    """Return shapes and dtypes, with numbers in the place of symbols."""
    symbols = sorted({s for t in tensors for size in t.shape for s in _symbols_of(size)}, key=str)
    numbers = {s: _STEP * (_FIRST + 2 * at) for at, s in enumerate(symbols)}
    return tuple((tuple(_number(size, numbers) for size in t.shape), t.dtype) for t in tensors)


def _symbols_of(size: Any) -> set[Any]:
    return set() if type(size) is int else set(size.node.expr.free_symbols)


def _number(size: Any, numbers: dict[Any, int]) -> int:
    return size if type(size) is int else int(size.node.expr.xreplace(numbers))
