"""How does a user run any compiled program on torch tensors?"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.device import Device, get_device_from_torch
from ir_runtime.device.instance import on_fork
from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import (
    ArgumentError,
    EntryPointError,
    MixedDeviceError,
    StoreError,
    UnsupportedTypeError,
)
from ir_runtime.launch.build import default_store, obtain_artifact
from ir_runtime.launch.choice import choose_artifact
from ir_runtime.launch.compiler import BASE_FLAGS
from ir_runtime.launch.invoke import invoker_for, is_fenced, push_number
from ir_runtime.launch.key import KernelKey, compiler_version, digest_of, runtime_version
from ir_runtime.launch.store import DirectoryStore
from ir_runtime.launch.vm import VmProgram, launch_failure, local_uri_for_work

if TYPE_CHECKING:
    from iree.runtime import ParameterProvider, VmFunction, VmModule, VmVariantList

__all__ = ["Launchable"]

_DEFAULT_ENTRIES = ("main$async", "main")
_INTEGERS = frozenset(
    d for d in DTYPES if not (d.is_floating_point or d.is_complex or d == torch.bool)
)

Loader = Callable[[Device], VmProgram]


class Launchable:
    """A program that runs on whatever device its tensors live on.

    Make one with `jit_compile`, `from_file_cache_only` or `from_vm_module`. It is compiled or
    loaded once a device type; a thread gets its own VM context, so state that a program keeps in
    globals belongs to one thread and one device.

    Args:
        loader: makes the program for a device.
        name: for messages.
        entry_point: the exported function; None means `main$async` if there is one, else `main`.
    """

    def __init__(
        self, loader: Loader, *, name: str = "program", entry_point: str | None = None
    ) -> None:
        self.name = name
        self._loader = loader
        self._entry_point = entry_point
        self._programs: dict[str, tuple[VmProgram, str]] = {}
        self._lock = threading.Lock()
        _launchables.add(self)

    @staticmethod
    def jit_compile(
        source: Any,
        *,
        parameter_providers: Sequence[ParameterProvider] = (),
        entry_point: str | None = None,
        file_cache_dir: str | os.PathLike[str] | None = None,
        name: str = "program",
        flags: Sequence[str] = (),
    ) -> Launchable:
        """Compile a program when it is first needed on a device type.

        Args:
            source: MLIR as text or bytecode (`str`, `bytes`), a `Path` of a file of either, or a
                module of the compiler's Python bindings.
            parameter_providers: where its parameters come from.
            entry_point: the exported function; default `main$async` if there is one, else `main`.
            file_cache_dir: root of the store; default the process's store.
            name: what messages and the store call it.
            flags: compiler flags beyond those of the device type.

        Raises:
            UnsupportedTypeError: `source` is none of the above.
        """
        text = _source_bytes(source)
        store = default_store() if file_cache_dir is None else DirectoryStore(file_cache_dir)

        def load(device: Device) -> VmProgram:
            key = _program_key(name, text, device, flags, entry_point)
            artifact = obtain_artifact(store, key, device.compile_target_flags, lambda: text)
            return VmProgram.from_vmfb(
                name, artifact.vmfb, providers=parameter_providers, label=artifact.key.label
            )

        return Launchable(load, name=name, entry_point=entry_point)

    @staticmethod
    def from_file_cache_only(
        file_cache_dir: str | os.PathLike[str],
        *,
        parameter_providers: Sequence[ParameterProvider] = (),
        entry_point: str | None = None,
        selector: str | None = None,
    ) -> Launchable:
        """Load a program that `jit_compile` stored; never compiles.

        Args:
            file_cache_dir: root of the store.
            parameter_providers: where its parameters come from.
            entry_point: the function it was compiled for; default any.
            selector: settles which of several is meant: the name, a prefix of the digest, or
                the MLIR source.

        Raises:
            StoreError: the directory does not exist. What it holds is judged when the program
                is first needed, at the latest by `preload`: `ArtifactNotFoundError` or
                `AmbiguousArtifactError`.
        """
        root = Path(file_cache_dir)
        if not root.is_dir():
            raise StoreError(f"{root}: not a directory, must be the store of earlier compiles")
        store = DirectoryStore(root)

        def load(device: Device) -> VmProgram:
            artifact = choose_artifact(store, device, entry_point, selector)
            key, providers = artifact.key, parameter_providers
            return VmProgram.from_vmfb(
                key.name, artifact.vmfb, providers=providers, label=key.label
            )

        return Launchable(load, name=root.name, entry_point=entry_point)

    @staticmethod
    def from_vm_module(
        vm_module_callback: Callable[[Device], VmModule],
        *,
        parameter_providers: Sequence[ParameterProvider] = (),
        entry_point: str | None = None,
    ) -> Launchable:
        """Run a VM module that the caller loads, given the device it is for."""

        def load(device: Device) -> VmProgram:
            return VmProgram("program", vm_module_callback(device), providers=parameter_providers)

        return Launchable(load, entry_point=entry_point)

    def preload(self, device: torch.device | str | Device) -> None:
        """Compile or load the program for a device, and link it, before the first call.

        Raises:
            EntryPointError: the program exports no such function; lists those it does.
            CompileError, StoreError: it cannot be compiled or loaded.
        """
        target = _device_of(device)
        program, entry = self._program(target)
        program.function(target, entry)

    def __call__(
        self,
        *args: Tensor | float,
        device: torch.device | str | Device | None = None,
        outputs: Sequence[Tensor] = (),
    ) -> Any:
        """Run the program.

        Args:
            args: tensors, all of one device, and numbers, in the program's order.
            device: where to run; default: where the tensors are.
            outputs: tensors to write the results into, one each.

        Returns:
            None, the result, or a list of results; `outputs`, if given, likewise.

        Raises:
            ArgumentError: no device can be told, or `outputs` do not fit the results.
            MixedDeviceError: the tensors live on different devices.
            UnsupportedTypeError: an argument is neither tensor nor number.
            LaunchError: the program failed while running.
        """
        if isinstance(outputs, Tensor):
            raise ArgumentError(
                f"{self.name}: `outputs` is a tensor, must be a sequence of them",
                fix="pass outputs=[tensor]",
            )
        target = self._target(args, device)
        program, entry = self._program(target)
        context, function = program.function(target, entry)
        with torch.no_grad():
            arguments, results = self._variants(target, function, args)
            fenced = entry.endswith("$async") or is_fenced(function)
            invoke = invoker_for(program.name, program.label, args)
            try:
                invoke(target, fenced, context, function, arguments, results)
            except Exception as error:
                raise launch_failure(program.name, error) from error
            add_count("launches")
            values: list[Any] = []
            for i in range(results.size):
                values.append(self._result(target, results, i, (*args, *values)))
            if outputs:
                values = self._write_outputs(outputs, values)
        if not values:
            return None
        return values[0] if len(values) == 1 else values

    def _program(self, device: Device) -> tuple[VmProgram, str]:
        ready = self._programs.get(device.type_cache_key)
        if ready is None:
            with self._lock:
                ready = self._programs.get(device.type_cache_key)
                if ready is None:
                    program = self._loader(device)
                    ready = program, self._resolve_entry(program)
                    self._programs[device.type_cache_key] = ready
        return ready

    def _resolve_entry(self, program: VmProgram) -> str:
        exports = [n for n in program.module.function_names if not n.startswith("__")]
        wanted = (self._entry_point,) if self._entry_point else _DEFAULT_ENTRIES
        for entry in wanted:
            if entry in exports:
                return entry
        raise EntryPointError(
            f"{program.name}: no entry point {' or '.join(map(repr, wanted))}, "
            f"must be one of {', '.join(sorted(exports))}"
        )

    def _target(self, args: Sequence[Any], device: torch.device | str | Device | None) -> Device:
        tensors = [a for a in args if isinstance(a, Tensor)]
        if device is None:
            device = self._common_device(tensors)
        if not isinstance(device, Device):
            where = torch.device(device)
            if where.type == "cpu":
                empty = any(t.numel() == 0 for t in tensors)
                return Device(local_uri_for_work(_size_bytes(args), has_empty=empty))
            return get_device_from_torch(where)
        if device.driver_id == "local-task" and any(t.numel() == 0 for t in tensors):
            return Device("local-sync")  # the worker pool dies of empty grids
        return device

    def _common_device(self, tensors: Sequence[Tensor]) -> torch.device | Device:
        """Return where the tensors live, or the current device if it takes them."""
        places = {tensor.device for tensor in tensors}
        if len(places) > 1:
            found = ", ".join(sorted(str(place) for place in places))
            raise MixedDeviceError(f"{self.name}: tensors on {found}, must be on one device")
        where = places.pop() if places else torch.device("cpu")
        chosen = Device.chosen_for(where)
        if chosen is not None:
            return chosen
        if not tensors:
            raise ArgumentError(
                f"{self.name}: no tensor among the arguments, must have one to tell the device",
                fix="pass device=, or call it in `with Device(...):`",
            )
        return where

    def _variants(
        self, device: Device, function: VmFunction, args: Sequence[Any]
    ) -> tuple[VmVariantList, VmVariantList]:
        from iree.runtime import VmVariantList

        arguments: Any = VmVariantList(len(args) + 2)  # its stub forgets what it takes
        for i, value in enumerate(args):
            if isinstance(value, Tensor):
                arguments.push_ref(device.import_torch_tensor(value))
            elif isinstance(value, int | float):
                push_number(arguments, function, i, value, f"{self.name}: argument {i}")
            else:
                raise UnsupportedTypeError(
                    f"{self.name}: argument {i} is a {type(value).__name__}, "
                    "must be a tensor, an int or a float"
                )
        return arguments, VmVariantList(1)

    def _result(
        self, device: Device, results: VmVariantList, index: int, others: Sequence[Any]
    ) -> Any:
        from iree.runtime import HalBufferView

        value = results.get_variant(index)
        if isinstance(value, int | float):
            return value
        try:
            view: Any = results.get_as_object(index, HalBufferView)
        except Exception as error:
            raise UnsupportedTypeError(
                f"{self.name}: result {index} is neither a tensor nor a number",
                facts=[str(error)],
            ) from error
        like = torch.empty(view.shape, dtype=_dtype_of(int(view.element_type)), device="meta")
        tensor = device.export_torch_tensor(view, like)
        if any(_overlap(tensor, a) for a in others if isinstance(a, Tensor)):
            add_count("copies")  # the program returned an argument, or one value twice
            tensor = tensor.clone()
        return tensor

    def _write_outputs(self, outputs: Sequence[Tensor], values: Sequence[Any]) -> list[Any]:
        if len(outputs) != len(values):
            raise ArgumentError(
                f"{self.name}: {len(outputs)} outputs, must be {len(values)} as the results"
            )
        fitting = [self._fit(i, *pair) for i, pair in enumerate(zip(outputs, values, strict=True))]
        for output, value in zip(outputs, fitting, strict=True):
            output.copy_(value)
        return list(outputs)

    def _fit(self, index: int, output: Any, value: Any) -> Tensor:
        if not isinstance(value, Tensor) or not isinstance(output, Tensor):
            got, must = (type(x).__name__ for x in (output, value))
        elif output.shape != value.shape:
            got, must = list(output.shape), list(value.shape)
        elif output.device != value.device:
            got, must = f"on {output.device}", f"on {value.device}"
        else:
            return _reinterpreted(self.name, index, value, output.dtype)
        raise ArgumentError(
            f"{self.name}: output {index} is {got}, must be {must} as result {index}"
        )


_launchables: weakref.WeakSet[Launchable] = weakref.WeakSet()


@on_fork
def _reset_locks() -> None:
    for launchable in tuple(_launchables):
        launchable._lock = threading.Lock()


def _reinterpreted(name: str, index: int, value: Tensor, dtype: torch.dtype) -> Tensor:
    """Take a result for an unsigned one: IREE's own element types have no sign."""
    if value.dtype == dtype:
        return value
    if all(d in _INTEGERS for d in (value.dtype, dtype)) and dtype.itemsize == value.itemsize:
        return value.view(dtype)
    raise ArgumentError(
        f"{name}: output {index} is of {dtype}, must be of {value.dtype} as result {index}"
    )


def _overlap(one: Tensor, other: Tensor) -> bool:
    """Tell whether two tensors share memory, the tensors' own or that of their storages."""
    a, b = one.untyped_storage(), other.untyped_storage()
    begin = max(a.data_ptr(), b.data_ptr())
    return begin < min(a.data_ptr() + a.nbytes(), b.data_ptr() + b.nbytes())


def _size_bytes(args: Sequence[Any]) -> int:
    return sum(a.numel() * a.element_size() for a in args if isinstance(a, Tensor))


def _device_of(device: torch.device | str | Device) -> Device:
    if isinstance(device, Device):
        return device
    where = torch.device(device)
    return Device("local-sync") if where.type == "cpu" else get_device_from_torch(where)


def _source_bytes(source: Any) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str):
        return source.encode()
    if isinstance(source, Path):
        return source.read_bytes()
    operation = getattr(source, "operation", source)
    with contextlib.suppress(AttributeError):
        return operation.get_asm(enable_debug_info=False).encode()
    raise UnsupportedTypeError(
        f"source: a {type(source).__name__}, must be MLIR as str, bytes, Path or module"
    )


def _program_key(
    name: str, text: bytes, device: Device, flags: Sequence[str], entry_point: str | None
) -> KernelKey:
    return KernelKey(
        name=name,
        source_digest=digest_of(text),
        device_type=device.type_cache_key,
        compiler=compiler_version() or runtime_version(),
        flags=(*BASE_FLAGS, *flags),
        entry=entry_point or "",
    )


def _dtype_of(element_type: int) -> torch.dtype:
    """Return the torch dtype of an IREE element type; an integer without sign is signed."""
    from iree.runtime import HalElementType

    wanted: str = HalElementType(element_type).name  # pyright: ignore[reportCallIssue]
    wanted = wanted.replace("INT_", "SINT_") if wanted.startswith("INT_") else wanted
    for dtype, info in DTYPES.items():
        if info.element_type == wanted:
            return dtype
    raise UnsupportedTypeError(f"result: element type {wanted}, must be one that torch has")
