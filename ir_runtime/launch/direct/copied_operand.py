"""The operands of a direct launch that cannot be used where they lie: copies of them."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.device.local import ALIGNMENT, importable
from ir_runtime.launch.operand.changed_operand import apart
from ir_runtime.tracing import active_trace, record_event

__all__ = ["bare", "made_ready", "record_small_copies", "refusal_words"]


def record_small_copies(name: str, started_ns: int, tensors: Sequence[Tensor]) -> None:
    """Record the operands that the C launcher copied, since they are small and not aligned."""
    on_cpu = [t for t in bare(tensors) if t.device.type == "cpu" and t.numel()]
    copied = sum(t.data_ptr() % ALIGNMENT != 0 for t in on_cpu)
    if copied:
        record_event("copy", name, started_ns, why="alignment", tensors=copied)


def made_ready(
    name: str, refused: int, tensors: Sequence[Tensor], written: Sequence[int]
) -> list[Tensor]:
    """Copy the tensors that cannot be used in place, and record the copies."""
    started_ns = time.perf_counter_ns()
    plain = bare(tensors)
    ready = apart(plain, [importable(tensor) for tensor in plain], written)
    pairs = zip(ready, tensors, strict=True)
    copied = sum(one.data_ptr() != other.data_ptr() for one, other in pairs)
    if copied:
        add_count("copies", copied)
    if copied and active_trace() is not None:
        record_event("copy", name, started_ns, why=refusal_words(refused), tensors=copied)
    return ready


def bare(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return plain tensors of the same memory, since the C launcher may refuse subclasses."""
    with torch._C.DisableTorchFunctionSubclass():  # else `detach` would return the subclass again
        return [tensor.detach() for tensor in tensors]


def refusal_words(refused: int) -> str:
    """Return why the C launcher refused a call, in words."""
    from ir_runtime.launch.direct.native import _launcher

    return _launcher.REFUSALS[refused]
