"""The executables of a kernel for GPUs, ready for the C launcher, and what its plans need."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ir_runtime.errors import DeviceError
from ir_runtime.frozen import frozen
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.compile.program_record import stored_gpu_exports
from ir_runtime.launch.direct.gpu.driver_library import open_driver
from ir_runtime.launch.direct.gpu.failure import DriverFailure
from ir_runtime.launch.direct.gpu.gpu_constants import GpuConstants
from ir_runtime.launch.direct.gpu.machine_code import machine_code
from ir_runtime.launch.direct.plan import Plan
from ir_runtime.launch.host_program.program import HostProgram
from ir_runtime.launch.operand.index_fault import IndexReport
from ir_runtime.launch.operand.later_fault import count_faults_later

if TYPE_CHECKING:
    from ir_runtime.launch.direct.native._launcher import GpuDriver, GpuExecutable

__all__ = ["GpuCodes", "load_gpu_code"]

_log = logging.getLogger("ir_runtime.machine_code")


@frozen
class GpuCodes:
    """The executables of a kernel.

    Attributes:
        driver: what launches them.
        executables: in the order of the host program; each GPU loads them at its first launch.
        name: of the op or program.
        label: of the key of the artifact.
        images: the code of each executable, PTX or HSACO.
        constants: of the host program.
        ready: the numbers of the GPUs for which machine code was looked for.
        assembled: those of them that were to load machine code.
        refused: those of them that load PTX after all.
    """

    driver: GpuDriver
    executables: tuple[GpuExecutable, ...]
    name: str
    label: str
    images: tuple[bytes, ...]
    constants: GpuConstants
    ready: set[int] = field(default_factory=set[int])
    assembled: set[int] = field(default_factory=set[int])
    refused: set[int] = field(default_factory=set[int])

    def plan_options(self, plan: Plan, program: HostProgram) -> dict[str, Any]:
        """Return what a plan of the C launcher needs beside its steps."""
        failure = DriverFailure(
            self.name, self.label, plan, program, use_ptx=self.drop_machine_code
        )
        place = self.constants if self.constants.spans else None
        return {"driver": self.driver, "failure": failure, "place": place}

    def reported(self, report: IndexReport | None) -> tuple[int, Callable[[Tensor], None] | None]:
        """Return how many rows a report has, and a function that takes the rows.

        They are read with the counters: to look at them after a launch would stop the stream.
        """
        return (0, None) if report is None else (report.shape[0], count_faults_later)

    def use_machine_code(self, device: int, chip: str, ptxas: str | None) -> None:
        """Let a GPU load machine code in place of PTX; does nothing the second time.

        Args:
            device: number of the GPU.
            chip: of the GPU, such as `sm_90`.
            ptxas: path of the assembler, None if there is none.
        """
        if device in self.ready or self.driver.kind != "cuda":
            return
        self.ready.add(device)
        version = self.driver.version
        for executable, ptx in zip(self.executables, self.images, strict=True):
            made = machine_code(self.name, ptx, chip, version, ptxas)
            if made is not None:
                executable.use_image(device, made)
                self.assembled.add(device)

    def drop_machine_code(self, device: int) -> bool:
        """Let a GPU load PTX again; returns whether it was to load machine code.

        Several threads may find out at once, and each of them is to try again.
        """
        if device not in self.assembled or device in self.refused:
            return device in self.assembled
        self.refused.add(device)
        for executable, ptx in zip(self.executables, self.images, strict=True):
            executable.use_image(device, ptx)
        _log.warning("%s: the driver refuses its machine code, and compiles it itself", self.name)
        return True


def load_gpu_code(artifact: Artifact, program: HostProgram) -> GpuCodes | str:
    """Return the executables of an artifact for a GPU, or why they cannot be launched directly."""
    from ir_runtime.launch.direct.native import _launcher

    if program.loaded:
        return "it has constants that are computed, or too large, which only IREE's VM loads there"
    family = artifact.key.device_type.partition(":")[0]
    try:
        driver = open_driver(family)
    except DeviceError as refusal:
        return "; ".join((refusal.headline, *refusal.facts))
    try:
        exports = stored_gpu_exports(artifact)
        executables = tuple(
            _launcher.GpuExecutable(
                driver,
                name,
                artifact.executables[name],
                [
                    (each.name, each.block, each.shared_bytes, each.constants, each.bindings)
                    for each in exports[name]
                ],
            )
            for name in program.executables
        )
    except (ValueError, TypeError, KeyError) as refusal:
        return f"its code does not load: {refusal}"
    images = tuple(artifact.executables[name] for name in program.executables)
    constants = GpuConstants(artifact.key.name, program.constants)
    return GpuCodes(driver, executables, artifact.key.name, artifact.key.label, images, constants)
