"""The loaded programs of a `Launchable`, one a device type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from ir_runtime.device import Device, Target
from ir_runtime.device.torch_device import driver_of_torch
from ir_runtime.errors import NoProgramError, UnsupportedTypeError
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.frozen import frozen
from ir_runtime.launch.loaded_program import LoadedProgram
from ir_runtime.trace_lock import hold

if TYPE_CHECKING:
    from iree.runtime import ParameterProvider, VmModule

    Loader = Callable[[Device], LoadedProgram | tuple[str, VmModule] | None]

__all__ = ["ProgramLoader", "TargetsOfGpu"]


@frozen
class TargetsOfGpu:
    """What a loader that asks a device for nothing but its targets needs of a GPU.

    It stands for the device, so that IREE's runtime does not start for a program that runs without.

    Attributes:
        targets: the targets whose code the GPU runs, the best one first.
    """

    targets: tuple[Target, ...]

    def targets_for(self, wanted: Target | None) -> tuple[Target, ...]:
        """Return the targets to look for, best first: the GPU's own, or only the wanted one.

        Raises:
            NoProgramError: whether the GPU runs the wanted one is not known here.
        """
        if wanted is not None and wanted not in self.targets:
            raise NoProgramError(f"target {wanted.name}: unknown for this GPU, IREE must be asked")
        return self.targets if wanted is None else (wanted,)


class ProgramLoader:
    """Loads a program once for each device type; other threads wait.

    Args:
        name: for messages.
        load: returns the program for a device: what is loaded, or the name of an exported function
            and the loaded module. If it is None or returns None, there is no program.
        providers: where the parameters of a module come from.
        by_target: whether `load` asks its device for nothing but targets.
    """

    def __init__(
        self,
        name: str,
        load: Loader | None,
        providers: tuple[ParameterProvider, ...],
        *,
        by_target: bool,
    ) -> None:
        self._name = name
        self._load_for = load
        self._providers = providers
        self._by_target = by_target
        self._programs: dict[str, LoadedProgram] = {}
        self._lock = fork_safe_lock()

    def on(self, device: Device) -> LoadedProgram:
        """Return the program for a device.

        Raises:
            NoProgramError: there is none.
        """
        return self._of_type(device.type_cache_key, device)

    def on_gpu(self, where: torch.device) -> LoadedProgram | None:
        """Return the program for a torch device without IREE's; None if only `on` may know it."""
        if not self._by_target:
            return None
        gpu = TargetsOfGpu(driver_of_torch(where).targets_of(where))
        try:
            return self._of_type(gpu.targets[0].device_type, gpu)
        except NoProgramError:
            return None

    def _of_type(self, device_type: str, device: Device | TargetsOfGpu) -> LoadedProgram:
        ready = self._programs.get(device_type)
        if ready is None:
            with hold(self._lock):
                ready = self._programs.get(device_type)
                if ready is None:
                    ready = self._programs[device_type] = self._load(device, device_type)
        return ready

    def _load(self, device: Any, device_type: str) -> LoadedProgram:
        if self._load_for is None:
            raise NoProgramError(f"{self._name}: has no loader, must have one to run")
        loaded = self._load_for(device)
        if loaded is None:
            raise NoProgramError(
                f"{self._name}: its loader returned None for {device!r}, must return a program",
                facts=[f"device type {device_type}"],
            )
        if isinstance(loaded, LoadedProgram):
            return loaded
        if not _is_loaded(loaded):
            raise UnsupportedTypeError(
                f"{self._name}: its loader returned {loaded!r}, must return (entry point, VmModule)"
            )
        entry, module = loaded
        return LoadedProgram(self._name, module=module, entry=entry, providers=self._providers)


def _is_loaded(value: object) -> bool:
    from iree.runtime import VmModule

    return isinstance(value, tuple) and [type(part) for part in value] == [str, VmModule]
