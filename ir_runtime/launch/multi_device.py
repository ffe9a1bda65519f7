"""`MultiDeviceLaunchable`: a program compiled for several devices as a function of tensors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.device import Device
from ir_runtime.device.instance import is_forked
from ir_runtime.errors import ArgumentError, UnsupportedTypeError
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.launch.compile.build import default_store, obtain_artifact, program_key
from ir_runtime.launch.compile.program_record import WrittenOperands, stored_written_operands
from ir_runtime.launch.compile.source import source_bytes
from ir_runtime.launch.device_group import DeviceGroup, open_devices
from ir_runtime.launch.vm.call import call_program
from ir_runtime.launch.vm.vm_program import VmProgram

if TYPE_CHECKING:
    from iree.runtime import ParameterProvider

__all__ = ["MultiDeviceLaunchable"]


class MultiDeviceLaunchable:
    """A program that was compiled for several devices and runs on all of them.

    The program assigns work to devices (`flow.tensor.transfer`, `iree.abi.affinity`); the list
    gives its devices `@__device_0`, `@__device_1`, ... in that order. Devices that it does not use
    stay idle. Arguments may always be on the CPU; a result is on the torch device of its device.
    Each thread has its own VM context, and with it its own globals.

    Args:
        vmfb: the compiled program: its bytes, or the path of its file.
        devices: URIs or devices, at least one. A URI that repeats means one more such device.
        function_name: the exported function.
        runtime_flags: flags of IREE's runtime, such as `--task_topology_group_count=2`. They hold
            for the whole process from here on; `devices` must be URIs then.
        is_async: whether the function takes a wait and a signal fence at the end. Used only if the
            function does not declare it, by its reflection or by a name that ends in `$async`.
        parameter_providers: where the program's parameters come from.
        name: for messages.
        written: operands that the program overwrites as scratch memory; it gets copies of them.

    Raises:
        ArgumentError: the file cannot be read, there are no devices, or a flag is not known.
        UnsupportedTypeError: `vmfb` or a device is of another type.
        LaunchError: the bytes are not a VMFB that this runtime can load.
        EntryPointError: the program exports no such function.
        DeviceError: a device does not exist, or the program is compiled for more or other devices.
        LinkError: the program needs parameters that it was not given.
    """

    def __init__(
        self,
        vmfb: str | os.PathLike[str] | bytes,
        devices: Sequence[str | Device],
        function_name: str = "main",
        runtime_flags: Sequence[str] = (),
        is_async: bool = False,  # noqa: FBT001, FBT002 - as in `Launchable`
        *,
        parameter_providers: Sequence[ParameterProvider] = (),
        name: str = "program",
        written: WrittenOperands | None = None,
    ) -> None:
        self.name = name
        self._entry = function_name
        self._is_async = is_async
        self._program = VmProgram.from_vmfb(
            name, _vmfb_bytes(vmfb), providers=parameter_providers, written=written
        )
        self._group = DeviceGroup(open_devices(devices, runtime_flags))
        self._program.function(self._group, function_name)

    @staticmethod
    def from_vmfb(
        vmfb: str | os.PathLike[str] | bytes,
        devices: Sequence[str | Device],
        function_name: str = "main",
        runtime_flags: Sequence[str] = (),
        is_async: bool = False,  # noqa: FBT001, FBT002 - as in `Launchable`
        *,
        parameter_providers: Sequence[ParameterProvider] = (),
        name: str = "program",
    ) -> MultiDeviceLaunchable:
        """Run a compiled program; the arguments are those of the class."""
        return MultiDeviceLaunchable(
            vmfb,
            devices,
            function_name,
            runtime_flags,
            is_async,
            parameter_providers=parameter_providers,
            name=name,
        )

    @staticmethod
    def jit_compile(
        source: Any,
        devices: Sequence[str | Device],
        *,
        parameter_providers: Sequence[ParameterProvider] = (),
        function_name: str = "main",
        file_cache_dir: str | os.PathLike[str] | None = None,
        runtime_flags: Sequence[str] = (),
        name: str = "program",
        flags: Sequence[str] = (),
    ) -> MultiDeviceLaunchable:
        """Compile a program for these devices now, or load it from the store.

        Args:
            source: MLIR, as for `Launchable.jit_compile`. It refers to the devices as
                `#hal.device.promise<@__device_0>` and so on.
            devices: the devices that it is compiled for and runs on.
            parameter_providers: where its parameters come from.
            function_name: the exported function.
            file_cache_dir: root of the store; default the process's store.
            runtime_flags: flags of IREE's runtime.
            name: its name in messages and in the store.
            flags: compiler flags beyond those of the devices.

        Raises:
            CompileError: the compiler refused the program.
            StoreError: it cannot be stored or loaded.
        """
        text = source_bytes(source)
        opened = open_devices(devices, runtime_flags)
        group = DeviceGroup(opened)
        store = default_store() if file_cache_dir is None else DirectoryStore(file_cache_dir)
        key = program_key(name, text, group.type_cache_key, flags, function_name)
        weaker = [replace(key, device_type=other) for other in group.weaker_types]
        artifact = obtain_artifact(
            store, key, group.compile_target_flags, lambda: text, lambda: weaker
        )
        return MultiDeviceLaunchable(
            artifact.vmfb,
            opened,
            function_name,
            parameter_providers=parameter_providers,
            name=name,
            written=stored_written_operands(artifact),
        )

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices, in the program's order."""
        return self._group.devices

    def __call__(self, *args: Tensor | float, outputs: Sequence[Tensor] = ()) -> Any:
        """Run the program.

        Args:
            args: tensors and numbers, in the program's order.
            outputs: tensors to write the results into, one each.

        Returns:
            None, the result, or a list of results. With `outputs`, the same, made of `outputs`.

        Raises:
            ArgumentError: arguments or `outputs` do not fit.
            UnsupportedTypeError: an argument or a result is neither tensor nor number, or has a
                dtype that IREE or torch does not know.
            LaunchError: the program failed while running.
        """
        empty = any(isinstance(a, Tensor) and a.numel() == 0 for a in args)
        # IREE 3.13's worker pool crashes on an empty grid, and does not survive a fork.
        group = self._group.on_calling_thread() if empty or is_forked() else self._group
        result = call_program(
            self._program,
            self._entry,
            group,
            args,
            outputs,
            is_async=self._is_async,
            raises=all(device.driver.family == "local" for device in self.devices),
            import_tensor=group.import_tensor,
            import_scratch=group.import_scratch,
            export_tensor=group.export_tensor,
        )
        add_count("launches")
        return result

    def __repr__(self) -> str:
        return f"<MultiDeviceLaunchable {self.name} on {self._group.uri}>"


def _vmfb_bytes(vmfb: object) -> bytes:
    if isinstance(vmfb, bytes):
        return vmfb
    if not isinstance(vmfb, str | os.PathLike):
        raise UnsupportedTypeError(f"vmfb: a {type(vmfb).__name__}, must be bytes or a path")
    try:
        return Path(vmfb).read_bytes()
    except OSError as error:
        raise ArgumentError(
            f"vmfb: {vmfb} cannot be read, must be a compiled program", facts=[str(error)]
        ) from error
