"""The dtypes of results as in the trace: the runtime returns unsigned integers as signed ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

__all__ = ["as_traced", "result_dtypes"]


def result_dtypes(program: Any) -> tuple[torch.dtype | None, ...]:
    """Return the dtype of each result of an exported program, None for one that is no tensor."""
    nodes = {node.name: node for node in program.graph.nodes}
    values = [
        nodes[spec.arg.name].meta.get("val") if getattr(spec.arg, "name", None) in nodes else None
        for spec in program.graph_signature.output_specs
    ]
    return tuple(v.dtype if isinstance(v, torch.Tensor) else None for v in values)


def as_traced(results: Sequence[Any], dtypes: Sequence[torch.dtype | None]) -> list[Any]:
    """Return results as views with the dtypes of the trace, if only the integers' sign differs."""
    if len(results) != len(dtypes):
        return list(results)
    return [
        result.view(dtype)
        if isinstance(result, torch.Tensor)
        and dtype is not None
        and result.dtype != dtype
        and result.element_size() == dtype.itemsize
        else result
        for result, dtype in zip(results, dtypes, strict=True)
    ]
