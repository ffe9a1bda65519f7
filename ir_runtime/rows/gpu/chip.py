"""The facts of a device family that the text of a GPU kernel depends on."""

from __future__ import annotations

from dataclasses import dataclass

from ir_runtime.rows.value import Graph

__all__ = ["CHIPS", "Chip"]

_ROUNDING = ("expm1", "log", "log1p", "softplus", "sin", "cos")
"""Functions that are exact only where `(a + b) - b` is computed as it is written."""


@dataclass(frozen=True)
class Chip:
    """A device family as code for it sees it.

    Attributes:
        pipeline: IREE's attribute for code that is already distributed over threads.
        subgroup: threads that exchange numbers without memory; 1 if it is not the same number on
            all devices of the family.
        threads: most threads of a workgroup.
        lanes: most elements of a vector.
        workgroups: most workgroups in the first dimension of a grid.
        numbers: most numbers of one value that a thread keeps.
        short_nan: whether the low 16 bits of a NaN that arithmetic makes are clear, if those of its
            operands are. NVIDIA makes 0x7FFFFFFF, and Vulkan promises nothing.
        folds_sums: whether drivers compute `(a + b) - b` as `a`.
    """

    pipeline: str
    subgroup: int
    threads: int
    lanes: int
    workgroups: int
    numbers: int
    short_nan: bool = False
    folds_sums: bool = False

    def refusal(self, graph: Graph) -> str:
        """Return in words why a function has no kernel here, "" if it may have one."""
        ops = {v.op for v in graph.values()}
        inexact = sorted(ops.intersection(_ROUNDING)) if self.folds_sums else []
        return f"{inexact[0]} needs sums that drivers of Vulkan change" if inexact else ""


_GPU = "#iree_gpu.pipeline<BaseLowering>"
_SPIRV = "#iree_gpu.spirv_pipeline<BaseLowering>"

CHIPS = {
    "cuda": Chip(_GPU, subgroup=32, threads=1024, lanes=16, workgroups=2**31 - 1, numbers=64),
    "hip": Chip(_GPU, subgroup=32, threads=1024, lanes=16, workgroups=2**31 - 1, numbers=64),
    "vulkan": Chip(
        _SPIRV,
        subgroup=1,
        threads=128,
        lanes=4,
        workgroups=65535,
        numbers=256,
        folds_sums=True,
    ),
}
"""By device family. The 128 threads and 65535 workgroups are what each Vulkan device has."""
