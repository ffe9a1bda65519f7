"""The launch of a kernel on a GPU by the C launcher, on torch's current stream."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.device.plain_tensor import GPU_ALIGNMENT, plain
from ir_runtime.device.storage import refuse_cut_tensors
from ir_runtime.errors import LaunchError
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.compile.program_record import stored_host_program
from ir_runtime.launch.direct import native
from ir_runtime.launch.direct.copied_operand import refusal_words
from ir_runtime.launch.direct.direct_program import BoundPlan, DirectProgram
from ir_runtime.launch.direct.gpu.gpu_code import load_gpu_code
from ir_runtime.launch.direct.gpu.machine_code import find_ptxas
from ir_runtime.launch.operand.changed_operand import NOTHING_CHANGED, Changed, apart, copy_back
from ir_runtime.launch.operand.index_fault import report_of_source
from ir_runtime.launch.operand.launch_type import Launch, Results, in_profiles
from ir_runtime.tracing import active_trace, record_event

__all__ = ["bind_gpu_launch", "current_gpu", "load_gpu_direct", "ready_on_gpu", "use_machine_code"]


def load_gpu_direct(artifact: Artifact, *, has_report: bool = True) -> DirectProgram | str:
    """Load an artifact for the C launcher on GPUs, or return why that is not possible.

    Args:
        artifact: of a kernel or a program.
        has_report: whether its index report is the last result, in a memory of its own.
    """
    program = stored_host_program(artifact)
    if isinstance(program, str):
        return program
    absent = native.why_absent()
    if absent is not None:
        return f"the C launcher is not there: {absent}"
    codes = load_gpu_code(artifact, program)
    if isinstance(codes, str):
        return codes
    report = report_of_source(artifact.source) if has_report else None
    return DirectProgram(artifact.key.name, program, codes.executables, report, gpu=codes)


def bind_gpu_launch(
    direct: DirectProgram,
    operands: Sequence[Any],
    results: Results,
    changed: Changed = NOTHING_CHANGED,
    *,
    where: torch.device,
) -> tuple[Launch, BoundPlan]:
    """Return a function that enqueues a kernel on tensors of known shapes, and its plan.

    Args:
        direct: the kernel.
        operands: tensors and numbers of one call.
        results: shape and dtype of each result.
        changed: the operands that the last results lie in; `launch` takes no tensors for these.
        where: the GPU of the tensors.

    Returns:
        `launch(operands, results)`, and the plan. The launch is part of the thread's current stream
        on `where`; the host waits for nothing.

    Raises:
        LaunchError: the kernel refuses these shapes.
        UnreadableProgramError: these shapes need IREE's VM.
    """
    bound = direct.plan_for(operands, results, changed)
    use_machine_code(direct, where)
    run, name, written = bound.native.run, direct.name, bound.plan.changed

    def launch(operands: Sequence[Any], outs: Sequence[Tensor]) -> None:
        tensors = [value for value in operands if isinstance(value, Tensor)]
        with current_gpu(where):  # the launcher allocates transients on the current device
            refused = run(tensors, outs)
            if refused:
                refuse_cut_tensors(name, "operand", tensors)
                refuse_cut_tensors(name, "result", outs)
                ready = _made_ready(name, refused, tensors, written)
                refused = run(ready, [out.detach() for out in outs])
                if not refused:
                    copy_back(tensors, ready, written)
        if refused:
            raise LaunchError(f"{name}: the C launcher refuses a tensor: {refusal_words(refused)}")

    return in_profiles(f"{name} (direct)", launch), bound


def use_machine_code(direct: DirectProgram, where: torch.device) -> None:
    """Let a GPU load machine code made for it, where that can be had."""
    if direct.gpu is not None and where.type == "cuda" and torch.version.hip is None:
        major, minor = torch.cuda.get_device_capability(where)
        direct.gpu.use_machine_code(where.index, f"sm_{major}{minor}", find_ptxas())


def current_gpu(where: torch.device) -> AbstractContextManager[Any]:
    """Make a GPU torch's current device in a `with` block."""
    return torch.cuda.device(where) if where.type == "cuda" else contextlib.nullcontext()


def _made_ready(
    name: str, refused: int, tensors: Sequence[Tensor], written: Sequence[int]
) -> list[Tensor]:
    """Copy the tensors that cannot be used in place, on torch's stream, and record the copies."""
    started_ns = time.perf_counter_ns()
    with torch._C.DisableTorchFunctionSubclass():  # else `detach` would return the subclass again
        bare = [tensor.detach() for tensor in tensors]
    ready = apart(bare, [ready_on_gpu(tensor) for tensor in bare], written)
    copied = sum(a.data_ptr() != b.data_ptr() for a, b in zip(ready, tensors, strict=True))
    if copied:
        add_count("copies", copied)
    if copied and active_trace() is not None:
        record_event("copy", name, started_ns, why=refusal_words(refused), tensors=copied)
    return ready


def ready_on_gpu(tensor: Tensor) -> Tensor:
    """Return a tensor that the launcher takes where it lies, a copy if need be."""
    ready = plain(tensor).contiguous()
    return ready if ready.data_ptr() % GPU_ALIGNMENT == 0 else ready.clone()
