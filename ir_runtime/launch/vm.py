"""How does a VMFB run?  In IREE's VM and HAL, in one context a thread."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.device.device import Device
from ir_runtime.device.instance import get_vm_instance, is_forked, on_exit
from ir_runtime.dtypes import DTYPES, short_name
from ir_runtime.errors import EntryPointError, IrRuntimeError, LaunchError
from ir_runtime.settings import current_settings

if TYPE_CHECKING:
    from iree.runtime import ParameterProvider, VmContext, VmFunction, VmModule

__all__ = [
    "Launch",
    "Results",
    "VmProgram",
    "bind_device_launch",
    "bind_launch",
    "launch_failure",
    "local_uri_for_work",
]

# Functions of IREE's HAL module that write a buffer other than by a dispatch. A VMFB imports by
# name just what it calls.
_TRANSFERS = (
    b"hal.command_buffer.copy_buffer",
    b"hal.command_buffer.fill_buffer",
    b"hal.command_buffer.update_buffer",
    b"hal.device.queue.copy",
    b"hal.device.queue.fill",
    b"hal.device.queue.update",
)
_to_dlpack = torch._C._to_dlpack


class _Contexts(threading.local):
    def __init__(self) -> None:
        self.by_uri: dict[str, tuple[VmContext, Any]] = {}


class VmProgram:
    """A compiled module, loaded; opens a context on each thread and device that runs it.

    Args:
        name: for messages.
        module: a loaded VM module.
        providers: parameter providers that it links against.
        label: of the key of the artifact that it came from, None for one from elsewhere.
        transfers: whether it may write results by copies and fills.
    """

    def __init__(
        self,
        name: str,
        module: VmModule,
        *,
        providers: Sequence[ParameterProvider] = (),
        label: str | None = None,
        transfers: bool = True,
    ) -> None:
        self.name = name
        self.module = module
        self.label = label
        self.transfers = transfers
        self._providers = tuple(providers)
        self._contexts = _Contexts()
        _programs.add(self)

    @classmethod
    def from_vmfb(
        cls,
        name: str,
        vmfb: bytes,
        *,
        providers: Sequence[ParameterProvider] = (),
        label: str | None = None,
    ) -> VmProgram:
        """Load a VMFB.

        Raises:
            LaunchError: the bytes are no VMFB that this runtime loads.
        """
        from iree.runtime import VmModule

        try:
            module = VmModule.copy_buffer(get_vm_instance(), vmfb)
        except Exception as error:
            raise LaunchError(f"{name}: the VMFB does not load", facts=[str(error)]) from error
        transfers = any(function in vmfb for function in _TRANSFERS)
        return cls(name, module, providers=providers, label=label, transfers=transfers)

    def function(self, device: Device, entry: str) -> tuple[VmContext, VmFunction]:
        """Return the calling thread's context on `device`, and the entry function.

        Raises:
            EntryPointError: the program exports no such function.
            ValueError: it needs a module that is not linked, such as `io_parameters`.
        """
        function = self.module.lookup_function(entry)
        if function is None:
            exports = [n for n in self.module.function_names if not n.startswith("__")]
            raise EntryPointError(
                f"{self.name}: no entry point {entry!r}, must be one of {', '.join(exports)}"
            )
        cached = self._contexts.by_uri.get(device.instance_cache_key)
        if cached is None:
            cached = self._contexts.by_uri[device.instance_cache_key] = self._open(device)
        return cached[0], function

    def _open(self, device: Device) -> tuple[VmContext, Any]:
        from iree.runtime import VmContext, create_io_parameters_module

        modules = [device.create_hal_module(), self.module]
        if self._providers:
            linked = create_io_parameters_module(device.vm_instance, *self._providers)
            modules.insert(1, linked)
        return VmContext(device.vm_instance, modules), modules

    def close(self) -> None:
        """Let go of IREE's objects; the program cannot run after this."""
        self._contexts = _Contexts()
        del self.module


_programs: weakref.WeakSet[VmProgram] = weakref.WeakSet()


@on_exit
def _close_programs() -> None:
    for program in tuple(_programs):
        program.close()


def local_uri_for_work(size_bytes: int, *, has_empty: bool = False) -> str:
    """Choose the local driver for a launch.

    Args:
        size_bytes: how much memory it touches.
        has_empty: whether a tensor of it has no elements. IREE 3.13's worker pool dies of SIGSEGV
            in a dispatch over an empty grid; the calling thread runs it.
    """
    large = size_bytes >= current_settings().task_min_bytes
    return "local-task" if large and not has_empty and not is_forked() else "local-sync"


Results = tuple[tuple[tuple[int, ...], torch.dtype], ...]
"""Shape and dtype of each result of a kernel."""
Launch = Callable[[Sequence[Any], Sequence[Tensor]], None]
"""Runs a kernel: operands, then the tensors that its results go into."""


def bind_launch(program: VmProgram, entry: str, uri: str, results: Results) -> Launch:
    """Return a function that runs a kernel on tensors, writing its results into given tensors.

    The kernel is in destination-passing form: operands first, then one buffer a result.

    Args:
        program: the kernel.
        entry: its exported function, of the synchronous ABI.
        uri: the CPU device to run on.
        results: what the results are; the first launch checks it.

    Returns:
        `launch(operands, results)`. Operands are dense CPU tensors of any layout, or ints for
        `i64` operands. Results must be importable as they are. Raises `LaunchError`.
    """
    from iree.runtime import VmVariantList

    thread = threading.local()
    unchecked = True
    # DLPack gives neither the right to copy and fill, nor the narrow float types.
    by_dlpack = not program.transfers and all(DTYPES[d].carrier is None for _, d in results)

    def prepare() -> tuple[Any, ...]:
        device = Device(uri)
        context, function = program.function(device, entry)
        hal, driver = device.hal_device, device.driver
        write = None if by_dlpack else driver.import_destination
        state = device.device_state
        thread.ready = (context.invoke, function, hal.from_dlpack_capsule, state, driver, write)
        return thread.ready

    def launch(operands: Sequence[Any], outs: Sequence[Tensor]) -> None:
        nonlocal unchecked
        try:
            invoke, function, from_capsule, state, driver, write = thread.ready
        except AttributeError:
            invoke, function, from_capsule, state, driver, write = prepare()
        arguments = VmVariantList(len(operands) + len(outs))
        for operand in operands:
            if isinstance(operand, int):
                arguments.push_int(operand)
                continue
            try:
                view = from_capsule(_to_dlpack(operand))
            except Exception:  # noqa: BLE001 - strides, alignment, dtype: this copes or says why
                view = driver.import_tensor(state, operand)
            arguments.push_ref(view)
        for out in outs:
            arguments.push_ref(
                from_capsule(_to_dlpack(out))
                if write is None
                else write(state, out, transfers=True)
            )
        returned = VmVariantList(len(outs))
        try:
            invoke(function, arguments, returned)
        except Exception as error:
            raise launch_failure(program.name, error) from error
        if unchecked:
            _check_results(program.name, returned, results)
            unchecked = False

    return launch


def bind_device_launch(program: VmProgram, entry: str, device: Device, results: Results) -> Launch:
    """Return what `bind_launch` does, for any device: each tensor crosses as its driver says.

    The launch comes after all that torch has enqueued, and has ended when the call returns.
    """
    from iree.runtime import VmVariantList

    unchecked = True
    state, driver = device.device_state, device.driver

    def launch(operands: Sequence[Any], outs: Sequence[Tensor]) -> None:
        nonlocal unchecked
        context, function = program.function(device, entry)
        device.setup_iree_action()
        arguments: Any = VmVariantList(len(operands) + len(outs))
        for operand in operands:
            if isinstance(operand, int):
                arguments.push_int(operand)
            else:
                arguments.push_ref(driver.import_tensor(state, operand))
        views = [driver.import_destination(state, out, transfers=program.transfers) for out in outs]
        for view in views:
            arguments.push_ref(view)
        returned = VmVariantList(len(outs))
        try:
            context.invoke(function, arguments, returned)
        except Exception as error:
            raise launch_failure(program.name, error) from error
        if unchecked:
            _check_results(program.name, returned, results)
            unchecked = False
        device.finalize_iree_action()
        for view, out in zip(views, outs, strict=True):
            driver.finish_destination(state, view, out)

    return launch


def _check_results(name: str, returned: Any, results: Results) -> None:
    """Refuse a kernel whose results are not what was declared: memory would stay unwritten."""
    from iree.runtime import HalBufferView

    for i, (shape, dtype) in enumerate(results):
        view = returned.get_as_object(i, HalBufferView)
        if tuple(view.shape) != shape:
            raise LaunchError(
                f"{name}: result {i} has shape {list(view.shape)}, must be "
                f"{short_name(dtype)}{list(shape)} as `select` declares"
            )


def launch_failure(name: str, error: Exception) -> IrRuntimeError:
    """Describe an exception of IREE's runtime as one of ours."""
    if isinstance(error, IrRuntimeError):
        return error
    fix = None
    if "empty buffer range" in str(error):  # what IREE's Vulkan driver says of an empty dispatch
        fix = "run calls with tensors without elements on the CPU: Vulkan has no empty buffers"
    return LaunchError(f"{name}: failed while running", facts=[str(error)], fix=fix)
