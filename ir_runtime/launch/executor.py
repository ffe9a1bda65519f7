"""What runs a kernel, and why?  The executor `direct` where it can, else `vm`."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from ir_runtime.errors import LaunchError
from ir_runtime.launch.destination import Launch
from ir_runtime.launch.direct import BoundPlan, DirectProgram, load_direct
from ir_runtime.launch.store import Artifact
from ir_runtime.launch.vm import VmProgram
from ir_runtime.settings import current_settings

__all__ = ["BoundKernel", "LoadedKernel", "choose_executor"]


class LoadedKernel:
    """An artifact of an op, loaded by each executor when that first runs it.

    Args:
        artifact: from the store or the compiler.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.name = artifact.key.name
        self.label = artifact.key.label

    @functools.cached_property
    def vm(self) -> VmProgram:
        """The kernel as a module of IREE's VM."""
        return VmProgram.from_vmfb(self.name, self.artifact.vmfb, label=self.label)

    @functools.cached_property
    def direct(self) -> DirectProgram | str:
        """The kernel as a host program, or why it cannot be launched directly."""
        return load_direct(self.artifact)


@dataclass(frozen=True)
class BoundKernel:
    """A kernel bound to the shapes of a call.

    Attributes:
        kernel: the kernel.
        launch: runs it.
        executor: `direct` or `vm`.
        place: the URI of the device, `direct` without one.
        reason: why this executor.
        plan: what `direct` runs, else None.
    """

    kernel: LoadedKernel
    launch: Launch
    executor: str
    place: str
    reason: str
    plan: BoundPlan | None = None


def choose_executor(kernel: LoadedKernel) -> tuple[DirectProgram | None, str]:
    """Choose what runs a kernel on the CPU: the program for `direct` or None for `vm`, and why.

    Raises:
        LaunchError: `IR_RUNTIME_LAUNCH=direct`, and it cannot be.
    """
    wanted = current_settings().launch
    if wanted == "vm":
        return None, "IR_RUNTIME_LAUNCH=vm"
    direct = kernel.direct
    if not isinstance(direct, str):
        return direct, "its host program is understood"
    if wanted == "direct":
        raise LaunchError(
            f"{kernel.name}: cannot be launched directly, and IR_RUNTIME_LAUNCH=direct",
            facts=[direct, f"key {kernel.label}"],
            fix="set IR_RUNTIME_LAUNCH=auto to run it in IREE's VM",
        )
    return None, direct
