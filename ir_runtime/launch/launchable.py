"""`Launchable`: a compiled program as a function of torch tensors."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.device import Device, Target, parse_target
from ir_runtime.device.target_name import fleet_targets, parse_targets, type_name
from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import (
    NoProgramError,
    StoreError,
)
from ir_runtime.launch.artifact.find_artifact import choose_artifact
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.launch.compile.build import default_store
from ir_runtime.launch.compile.compiler import require_back_end
from ir_runtime.launch.compile.source import source_bytes
from ir_runtime.launch.explanation import UNDERSTOOD, Explanation
from ir_runtime.launch.loaded_program import LoadedProgram, entry_of
from ir_runtime.launch.operand.launch_type import launch_failure
from ir_runtime.launch.program_calls import DirectCall, ProgramCalls, choose_call
from ir_runtime.launch.program_device import device_of, device_of_call, gpu_of_call
from ir_runtime.launch.program_loader import ProgramLoader
from ir_runtime.launch.program_source import ProgramSource
from ir_runtime.launch.vm.call import call_program
from ir_runtime.settings import current_settings

if TYPE_CHECKING:
    from iree.runtime import ParameterProvider, VmModule

    Loader = Callable[[Device], LoadedProgram | tuple[str, VmModule] | None]

__all__ = ["Launchable"]

_NONE: tuple[Tensor, ...] = ()


class Launchable:
    """A program that runs on the device of its tensors.

    Make one with `jit_compile`, `from_file_cache_only` or `from_vm_module`, or from a loader. It
    is compiled or loaded once per device type. On the CPU and on torch's GPUs it is launched
    directly if its host program is understood; else IREE's VM runs it. Each thread has its own VM
    context, so the state in a program's globals belongs to one thread and one device.

    Args:
        loader: returns the program for a device: the name of an exported function, and the loaded
            module. If it is None or returns None, the first use of the program raises an error.
        parameter_providers: where the program's parameters come from.
        is_async: whether the function takes a wait and a signal fence at the end. Used only if the
            function does not declare it, by its reflection or by a name that ends in `$async`.
        name: for messages.
        state: tensors that follow the arguments of each call.
        names: of all arguments, for `explain`; default: their numbers.
        by_target: whether the loader asks its device for nothing but `targets` and `targets_for`.
            A program on a GPU can then run without IREE's device.
    """

    def __init__(
        self,
        loader: Loader | None,
        parameter_providers: Sequence[ParameterProvider] = (),
        is_async: bool = True,  # noqa: FBT001, FBT002 - positional in the seed's signature
        *,
        name: str = "program",
        state: Sequence[Tensor] = (),
        names: Sequence[str] = (),
        by_target: bool = False,
    ) -> None:
        self.name = name
        self._names = tuple(names)
        self._state = tuple(state)
        self._is_async = is_async
        self._source: ProgramSource | None = None
        providers = tuple(parameter_providers)
        self._programs = ProgramLoader(name, loader, providers, by_target=by_target)
        self._calls = ProgramCalls(_call_through(weakref.ref(self)), len(self._state))

    @staticmethod
    def jit_compile(
        source: Any,
        *,
        parameter_providers: Sequence[ParameterProvider] = (),
        entry_point: str | None = None,
        file_cache_dir: str | os.PathLike[str] | None = None,
        name: str = "program",
        flags: Sequence[str] = (),
        target: str | Target | None = None,
    ) -> Launchable:
        """Compile a program when it is first needed on a device type.

        Args:
            source: MLIR as text or bytecode (`str`, `bytes`), a `Path` of a file of either, a
                module of the compiler's Python bindings, or an `iree.compiler.api.Source`. It is
                read at once and not changed.
            parameter_providers: where its parameters come from.
            entry_point: the exported function; None means `main$async` if there is one, else
                `main`. `preload` and the first call refuse a name that the program lacks.
            file_cache_dir: root of the store; default the process's store.
            name: its name in messages and in the store.
            flags: compiler flags beyond those of the device type.
            target: what to compile for, such as `cpu:x86-64-v3`; default what is best on the
                device. Calls on a device that does not run its code raise DeviceError.

        Raises:
            UnsupportedTypeError: `source` is none of the above.
            ArgumentError: the target is unknown.
        """
        wanted = parse_target(target) if isinstance(target, str) else target
        store = default_store() if file_cache_dir is None else DirectoryStore(file_cache_dir)
        program = ProgramSource(name, source_bytes(source), store, tuple(flags), entry_point)

        def load(device: Device) -> LoadedProgram:
            return program.load(device.targets_for(wanted), parameter_providers)

        made = Launchable(load, parameter_providers, is_async=False, name=name, by_target=True)
        made._source = program
        return made

    @staticmethod
    def from_file_cache_only(
        file_cache_dir: str | os.PathLike[str],
        *,
        parameter_providers: Sequence[ParameterProvider] = (),
        entry_point: str | None = None,
        selector: str | None = None,
        target: str | Target | None = None,
    ) -> Launchable:
        """Load a program that `jit_compile` stored; never compiles.

        Args:
            file_cache_dir: root of the store.
            parameter_providers: where its parameters come from.
            entry_point: the function it was compiled for; default any.
            selector: chooses one of several programs: the name, a prefix of the digest, or the
                MLIR source.
            target: use only code for this target, such as `cpu:x86-64-v3`; default the best that
                is stored and runs on the device.

        Raises:
            ArgumentError: the target is unknown.
            StoreError: the directory does not exist. Its contents are read later, by `preload` or
                the first call; these raise `ArtifactNotFoundError` or `AmbiguousArtifactError`.
        """
        root = Path(file_cache_dir)
        if not root.is_dir():
            raise StoreError(f"{root}: not a directory, must be the store of earlier compiles")
        store = DirectoryStore(root)
        wanted = parse_target(target) if isinstance(target, str) else target

        def load(device: Device) -> LoadedProgram:
            targets = device.targets_for(wanted)
            artifact = choose_artifact(store, targets, entry_point, selector)
            return LoadedProgram(
                artifact.key.name,
                artifact=artifact,
                wanted_type=targets[0].device_type,
                entry=entry_point,
                providers=parameter_providers,
            )

        return Launchable(load, parameter_providers, is_async=False, name=root.name, by_target=True)

    @staticmethod
    def from_vm_module(
        vm_module_callback: Callable[[Device], VmModule],
        *,
        parameter_providers: Sequence[ParameterProvider] = (),
        entry_point: str | None = None,
    ) -> Launchable:
        """Run a VM module; the callback gets the device and returns the loaded module."""

        def load(device: Device) -> tuple[str, VmModule] | None:
            module = vm_module_callback(device)
            if module is None:
                return None
            return entry_of("program", module, entry_point), module

        return Launchable(load, parameter_providers, is_async=False)

    def build(
        self, target: str | Target | Sequence[str | Target] | None = None
    ) -> dict[str, bytes]:
        """Compile the program for targets into its store, without a device; stored ones stay.

        Args:
            target: names such as `cpu:x86-64-v3`, several or with commas between; default: those
                in `IR_RUNTIME_CPU`, else this machine's CPU.

        Returns:
            The VMFB of each target, by its name.

        Raises:
            NoProgramError: it was not made from source, so there is nothing to compile.
            ArgumentError: a target is unknown.
            CompileError, StoreError: it cannot be compiled for a target, or stored.
        """
        if self._source is None:
            raise NoProgramError(f"{self.name}: is loaded, must be made from source to be compiled")
        built: dict[str, bytes] = {}
        for each in fleet_targets() if target is None else parse_targets(target):
            require_back_end(each)
            built[each.name] = self._source.obtain(each).vmfb
        return built

    def preload(self, device: torch.device | str | Device) -> None:
        """Compile or load the program for a device, and link it, before the first call.

        Raises:
            NoProgramError: there is no loader, or it makes no program for this device.
            EntryPointError: the program exports no such function; the message lists all exports.
            CompileError, StoreError: it cannot be compiled or loaded.
            LinkError: it needs parameters that it was not given.
        """
        where = None if isinstance(device, Device) else gpu_of_call(self.name, (), device)
        ready = None if where is None else self._programs.on_gpu(where)
        if ready is not None and not isinstance(ready.direct, str):
            return
        target = device_of(device)
        program = self._programs.on(target)
        here = target.driver.family == "local" and current_settings().launch != "vm"
        if here and not isinstance(program.direct, str):
            return
        loaded, entry = program.vm
        loaded.function(target, entry)

    def explain(
        self, *args: Tensor | float, device: torch.device | str | Device | None = None
    ) -> Explanation:
        """Explain a call without running it; compiles the program if it is not stored.

        Args:
            args: as in a call.
            device: as in a call.

        Raises:
            IrRuntimeError: the same errors as the call itself.
        """
        every = (*args, *self._state)
        program, found, place = self._choose(every, device)
        shown = [format_tensor(a) if isinstance(a, Tensor) else repr(a) for a in args]
        direct = not isinstance(found, str)
        artifact = program.artifact
        return Explanation(
            f"{self.name}({', '.join(shown)})",
            "direct" if direct else "vm",
            UNDERSTOOD if direct else found,
            place.uri if isinstance(place, Device) else str(place),
            program.label,
            _type_of(place) if artifact is None else artifact.key.device_type,
            found.launch.bound.plan if direct else None,
            None if artifact is None else type_name(artifact.key.device_type),
            None if artifact is None else type_name(program.wanted_type),
            tuple(self._changes(found, every)) if direct else (),
        )

    def _changes(self, found: DirectCall, args: Sequence[Any]) -> Iterator[str]:
        for place, where in found.launch.explain_changes(args):
            yield f"{self._names[place] if self._names else f'argument {place}'}: {where}"

    def __call__(
        self,
        *args: Tensor | float,
        device: torch.device | str | Device | None = None,
        outputs: Sequence[Tensor] = _NONE,
    ) -> Any:
        """Run the program.

        Args:
            args: tensors, all of one device, and numbers, in the program's order. A number may
                be an int, a bool, a float, a NumPy scalar or a 0-d tensor.
            device: where to run; default: where the tensors are.
            outputs: tensors to write the results into, one each.

        Returns:
            None, the result, or a list of results. With `outputs`, the same, made of `outputs`.

        Raises:
            ArgumentError: the device is not known, arguments or `outputs` do not fit, or an
                argument that the program changes shares memory with another one.
            MixedDeviceError: the tensors live on different devices.
            UnsupportedTypeError: an argument or a result is neither tensor nor number, or has a
                dtype that IREE or torch does not know.
            LaunchError: the program failed while running; or `IR_RUNTIME_LAUNCH=direct`, and only
                `vm` can run it.
        """
        fast = self._calls.fast
        if fast is None or device is not None or outputs is not _NONE:
            result = self._run(args, device, outputs)
        else:
            try:
                result = fast(*args, *self._state)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                self._calls.refuse_unwritable((*args, *self._state))
                raise launch_failure(self.name, error, args) from error
            if type(result) is tuple:  # the C launcher's form of several results
                result = list(result)
        add_count("launches")
        return result

    def _run(
        self,
        args: Sequence[Any],
        device: torch.device | str | Device | None,
        outputs: Sequence[Tensor],
    ) -> Any:
        args = (*args, *self._state)
        found = self._calls.find(args) if device is None else None
        if found is None:
            program, chosen, place = self._choose(args, device)
            if isinstance(chosen, str):
                assert isinstance(place, Device)
                return self._run_in_vm(program, place, args, outputs)
            found = chosen
        values = found.run(args, outputs)
        if not values:
            return None
        return values[0] if len(values) == 1 else values

    def _choose(
        self, args: Sequence[Any], device: torch.device | str | Device | None
    ) -> tuple[LoadedProgram, DirectCall | str, Device | str]:
        """Return the program of a call, what runs it, and where: IREE's device for the VM.

        Args:
            args: all operands.
            device: the one that the caller asks for.
        """
        where = gpu_of_call(self.name, args, device)
        program = None if where is None else self._programs.on_gpu(where)
        if program is not None:
            found = choose_call(self._calls, program, args, None)
            if not isinstance(found, str):
                return program, found, str(where)
            return program, found, device_of_call(self.name, args, device)[0]
        target, is_default = device_of_call(self.name, args, device)
        program = self._programs.on(target)
        found = choose_call(self._calls, program, args, None if is_default else target.uri)
        return program, found, target if isinstance(found, str) else "direct"

    def _run_in_vm(
        self,
        loaded: LoadedProgram,
        target: Device,
        args: Sequence[Any],
        outputs: Sequence[Tensor],
    ) -> Any:
        program, entry = loaded.vm
        with target.driver.current(target.device_state):
            return call_program(
                program,
                entry,
                target,
                args,
                outputs,
                hidden=len(self._state),
                is_async=self._is_async,
                raises=target.driver.family == "local",
                import_tensor=lambda _, tensor: target.import_torch_tensor(tensor),
                import_scratch=lambda _, tensor: target.import_scratch(tensor),
                export_tensor=lambda _, view, like: target.export_torch_tensor(view, like),
            )


def _type_of(place: Device | str) -> str:
    """Return the device type of a program without an artifact, which the VM runs."""
    assert isinstance(place, Device)
    return place.type_cache_key


def _call_through(launchable: weakref.ref[Launchable]) -> Callable[..., Any]:
    """Return a function that runs calls which the C launcher does not serve.

    The C launcher holds it, so it must not keep the `Launchable` alive.
    """

    def call(*args: Any) -> Any:
        alive = launchable()
        assert alive is not None, "its caller holds it"
        return alive._run(args[: len(args) - len(alive._state)], None, ())

    return call
