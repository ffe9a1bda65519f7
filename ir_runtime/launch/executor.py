"""The choice of the executor for a kernel, with its reason: `direct` if possible, else `vm`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.device import Device
from ir_runtime.fork_lock import cached_property
from ir_runtime.frozen import frozen
from ir_runtime.late_import import late_module
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.direct.direct_program import (
    BoundPlan,
    DirectProgram,
    bind_direct_launch,
    load_direct,
)
from ir_runtime.launch.explanation import UNDERSTOOD
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.operand.changed_operand import NOTHING_CHANGED, Changed, writing_back
from ir_runtime.launch.operand.index_fault import report_of_source
from ir_runtime.launch.operand.later_fault import count_faults_later
from ir_runtime.launch.operand.launch_type import Launch, Results, not_direct
from ir_runtime.launch.operand.number import NumberRange
from ir_runtime.settings import current_settings

if TYPE_CHECKING:
    from ir_runtime.launch.direct import gpu_launch
    from ir_runtime.launch.vm import destination, loaded_global, vm_program
else:
    gpu_launch = late_module("ir_runtime.launch.direct.gpu_launch")
    destination = late_module("ir_runtime.launch.vm.destination")
    loaded_global = late_module("ir_runtime.launch.vm.loaded_global")
    vm_program = late_module("ir_runtime.launch.vm.vm_program")

__all__ = [
    "BoundKernel",
    "LoadedKernel",
    "bind_gpu_kernel",
    "bind_kernel",
    "counting",
    "raising",
    "with_report",
]


class LoadedKernel:
    """An artifact of an op; each executor loads it before its first run.

    Args:
        artifact: from the store or the compiler.
        wanted_type: the device type that was looked for first; None for that of the artifact.

    Attributes:
        report: the index report in its last result, None if it has none.
        dropped: whether it was removed to make room for others; launches bound to it are not kept.
    """

    def __init__(self, artifact: Artifact, wanted_type: str | None = None) -> None:
        self.artifact = artifact
        self.wanted_type = wanted_type or artifact.key.device_type
        self.name = artifact.key.name
        self.label = artifact.key.label
        self.report = report_of_source(artifact.source)
        self.dropped = False

    @property
    def executable_count(self) -> int:
        """The number of its shared objects, at least one."""
        return max(1, len(self.artifact.executables))

    def take_ran(self) -> bool:
        """Tell whether `direct` has run it since the last call of this method."""
        direct = self.__dict__.get("direct")
        return isinstance(direct, DirectProgram) and direct.take_ran()

    @cached_property
    def vm(self) -> vm_program.VmProgram:
        """The kernel as a module of IREE's VM."""
        return vm_program.VmProgram.from_artifact(self.artifact)

    @cached_property
    def direct(self) -> DirectProgram | str:
        """The kernel as a host program, or the reason why `direct` cannot run it."""
        if not self.artifact.key.device_type.startswith("local:"):
            return gpu_launch.load_gpu_direct(self.artifact)
        return load_direct(
            self.artifact, lambda: loaded_global.load_globals(self.vm, Device("local-sync"))
        )


@frozen
class BoundKernel:
    """A kernel bound to the shapes of a call.

    Attributes:
        kernel: the kernel.
        launch: runs it.
        executor: `direct` or `vm`.
        place: the URI of the device; `direct` for the executor without one.
        reason: why this executor was chosen.
        plan: the plan that `direct` runs, None for `vm`.
    """

    kernel: LoadedKernel
    launch: Launch
    executor: str
    place: str
    reason: str
    plan: BoundPlan | None = None


def bind_kernel(
    kernel: LoadedKernel,
    entry: str,
    uri: str,
    operands: Sequence[Any],
    results: Results,
    changed: Changed = NOTHING_CHANGED,
    number: NumberRange | None = None,
) -> BoundKernel:
    """Choose the executor of a kernel on the CPU, and bind the kernel to the shapes of a call.

    Args:
        kernel: the kernel, in destination-passing form.
        entry: its exported function.
        uri: the device on which `vm` would run it.
        operands: tensors and numbers of one call.
        results: shape and dtype of each result.
        changed: the operands that the last results are the new contents of. The launch takes no
            tensors for these, and changes the operands.
        number: one of the numbers, and the values of it for which a call may be like this one.

    Raises:
        LaunchError: `IR_RUNTIME_LAUNCH=direct`, but only `vm` can run it; or the kernel refuses
            the call.
    """
    wanted = current_settings().launch
    reason = "IR_RUNTIME_LAUNCH=vm"
    if wanted != "vm":
        direct = kernel.direct
        try:
            if isinstance(direct, str):
                raise UnreadableProgramError(direct)
            told = with_report(kernel, results)
            launch, plan = bind_direct_launch(direct, operands, told, changed, number)
        except UnreadableProgramError as refusal:
            reason = str(refusal)
        else:
            return BoundKernel(
                kernel, raising(kernel, launch), "direct", "direct", UNDERSTOOD, plan
            )
    if wanted == "direct":
        raise not_direct(kernel.name, kernel.label, reason)
    launch = destination.bind_launch(kernel.vm, entry, uri, with_report(kernel, results))
    launch = writing_back(raising(kernel, launch), changed)
    return BoundKernel(kernel, launch, "vm", uri, reason)


def bind_gpu_kernel(
    kernel: LoadedKernel,
    where: torch.device,
    operands: Sequence[Any],
    results: Results,
    changed: Changed = NOTHING_CHANGED,
) -> BoundKernel | str:
    """Bind a kernel for a GPU to the shapes of a call, or return why only `vm` can run it.

    Args:
        kernel: the kernel, in destination-passing form.
        where: the torch device of the call's tensors.
        operands: tensors and numbers of one call.
        results: shape and dtype of each result.
        changed: the operands that the last results are the new contents of.

    Raises:
        LaunchError: `IR_RUNTIME_LAUNCH=direct`, but only `vm` can run it; or the kernel refuses
            the call.
    """
    wanted = current_settings().launch
    if wanted == "vm":
        return "IR_RUNTIME_LAUNCH=vm"
    try:
        direct = kernel.direct
        if isinstance(direct, str):
            raise UnreadableProgramError(direct)
        told = with_report(kernel, results)
        launch, plan = gpu_launch.bind_gpu_launch(direct, operands, told, changed, where=where)
    except UnreadableProgramError as refusal:
        if wanted == "direct":
            raise not_direct(kernel.name, kernel.label, str(refusal)) from None
        return str(refusal)
    launch = counting(kernel, launch, where)
    return BoundKernel(kernel, launch, "direct", str(where), UNDERSTOOD, plan)


def with_report(kernel: LoadedKernel, results: Results) -> Results:
    """Return the results of a kernel, followed by its index report if it has one."""
    return results if kernel.report is None else (*results, (kernel.report.shape, torch.int64))


def raising(kernel: LoadedKernel, launch: Launch) -> Launch:
    """Return a launch that raises IndexOutOfRangeError if the index report has a fault."""
    report, name = kernel.report, kernel.name
    if report is None:
        return launch

    def checked(operands: Sequence[Any], outs: Sequence[Tensor]) -> None:
        rows = report.tensor()
        launch(operands, (*outs, rows))
        report.raise_fault(name, rows.tolist())

    return checked


def counting(kernel: LoadedKernel, launch: Launch, where: torch.device) -> Launch:
    """Return a launch that counts the faults of the index report, once the counters are read.

    Args:
        kernel: the kernel.
        launch: takes the report as its last result.
        where: the torch device of the report.
    """
    report = kernel.report
    if report is None:
        return launch

    def counted(operands: Sequence[Any], outs: Sequence[Tensor]) -> None:
        rows = report.tensor(where)
        launch(operands, (*outs, rows))
        count_faults_later(rows)

    return counted
