"""The plot of `python -m benchmarks models`: our time as a part of the better peer's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.models import Result

__all__ = ["draw_models"]


def draw_models(results: Sequence[Result], path: Path, machine: str) -> None:
    """Draw a bar for each case, with a line at its promise, into a PNG file."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9.0, 1.2 + 0.32 * len(results)))
    places = range(len(results))
    colours = ["C0" if result.kept else "C3" for result in results]
    axes.barh(places, [result.ratio for result in results], color=colours)
    for place, result in zip(places, results, strict=True):
        if result.limit is not None:
            line = (place - 0.4, place + 0.4)
            axes.plot((result.limit, result.limit), line, color="black", linewidth=1.2)
        axes.text(result.ratio, place, f" {result.ratio:.2f} of {result.peer}", va="center")
    axes.set_yticks(places, [result.case.name for result in results])
    axes.invert_yaxis()
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xlabel("our time / that of the fastest peer (black: the promise)")
    axes.set_title(machine, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)
