"""The tensors of a call as a kernel sees them that merges dimensions; see `merge_rows`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ir_runtime.launch.operand.launch_type import Launch, Results
from ir_runtime.op_reg.select.argument import TensorArg
from ir_runtime.op_reg.select.result import written_descs
from ir_runtime.op_reg.select.selection import KernelSelection

__all__ = ["MergedRows"]


class MergedRows:
    """Turns operands and results into those of the kernel.

    Args:
        ksel: the selection of the call.
        operands: positions of the arguments that are operands of the kernel.

    Attributes:
        is_needed: whether a tensor of the call has another shape for the kernel.
        written: shape and dtype of each result of the kernel.
    """

    def __init__(self, ksel: KernelSelection, operands: Sequence[int]) -> None:
        self._operands = [desc for i in operands for desc in _listed(ksel.arg_descs[i])]
        self._results = [
            *written_descs(ksel.result_descs),
            *written_descs(ksel.inplace_tied_arg_descs),
        ]
        described = [d for d in (*self._operands, *self._results) if isinstance(d, TensorArg)]
        self.is_needed = any(d.merged_shape != tuple(d.t.shape) for d in described)
        self.written: Results = tuple(
            (d.merged_shape if isinstance(d, TensorArg) else tuple(d.t.shape), d.t.dtype)
            for d in self._results
        )

    def operands(self, values: Sequence[Any]) -> list[Any]:
        """Return the kernel's operands."""
        return [
            desc.merged(value) if isinstance(desc, TensorArg) else value
            for desc, value in zip(self._operands, values, strict=True)
        ]

    def launch(self, launch: Launch) -> Launch:
        """Return a launch that takes the tensors of the call."""
        if not self.is_needed:
            return launch

        def merged(values: Sequence[Any], outs: Sequence[Tensor]) -> None:
            seen = [
                desc.merged(out) if isinstance(desc, TensorArg) else out
                for desc, out in zip(self._results, outs, strict=False)
            ]
            launch(self.operands(values), [*seen, *outs[len(seen) :]])

        return merged


def _listed(desc: Any) -> list[Any]:
    return list(desc.ts) if desc.is_list else [desc]
