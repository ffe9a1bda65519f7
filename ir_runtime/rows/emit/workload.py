"""The sizes from which the grid of a row kernel is computed."""

from __future__ import annotations

from ir_runtime.rows.value import Graph

__all__ = ["product", "workload"]


def workload(graph: Graph) -> list[str]:
    """Return the names of what the grid is computed from."""
    return [f"%rows{n}" for n in range(len(graph.segments))] or ["%rows"]


def product(name: str, sizes: list[str]) -> list[str]:
    """Write the product of sizes, or a single one under another name."""
    lines, so_far = [f"{name}_0 = arith.constant 1 : index"], f"{name}_0"
    for n, size in enumerate(sizes):
        result = name if n == len(sizes) - 1 else f"{name}_{n + 1}"
        lines.append(f"{result} = arith.muli {so_far}, {size} : index")
        so_far = result
    return lines
