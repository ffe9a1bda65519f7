"""Plots of the kernels' times, as ratios to the peers: one small plot per op and dtype."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.kernels import Result

__all__ = ["draw_ratios"]


def draw_ratios(results: Sequence[Result], path: Path) -> None:
    """Draw the ratio of our time to each peer's, over the number of rows, into a PNG file."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    ops = list(dict.fromkeys(result.op for result in results))
    dtypes = list(dict.fromkeys(result.dtype for result in results))
    size = (3.4 * len(ops), 3.0 * len(dtypes) + 0.8)
    figure, grid = plt.subplots(len(dtypes), len(ops), figsize=size, sharey=True, squeeze=False)
    for line, dtype in zip(grid, dtypes, strict=True):
        for axes, op in zip(line, ops, strict=True):
            _draw_op(axes, [r for r in results if r.op == op and r.dtype == dtype])
            axes.set_title(f"{op}, {dtype}", fontsize=10)
        line[0].set_ylabel("our time / theirs")
    for axes in grid[-1]:
        axes.set_xlabel("rows")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=4, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.93))
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _draw_op(axes: object, results: Sequence[Result]) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    axes.axhline(1.0, color="black", linewidth=0.8)
    for features, style in zip(sorted({r.features for r in results}), ("-", "--"), strict=False):
        mine = sorted((r for r in results if r.features == features and not r.kept), key=_rows)
        rows = [r.rows for r in mine]
        to_eager = [r.ours_us / r.eager_us for r in mine]
        axes.plot(rows, to_eager, f"C0o{style}", markersize=3, label=f"eager, {features}")
        to_compiled = [r.ours_us / r.compiled_us for r in mine if r.compiled_us]
        if len(to_compiled) == len(rows):
            label = f"torch.compile, {features}"
            axes.plot(rows, to_compiled, f"C1s{style}", markersize=3, label=label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.grid(visible=True, alpha=0.3)


def _rows(result: Result) -> int:
    return result.rows
