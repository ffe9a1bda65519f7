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
from ir_runtime.launch.link import Place, open_context
from ir_runtime.launch.signature import Signature, signature_of
from ir_runtime.settings import current_settings

if TYPE_CHECKING:
    from iree.runtime import ParameterProvider, VmContext, VmFunction, VmModule

__all__ = [
    "Launch",
    "Results",
    "VmProgram",
    "bind_launch",
    "exports_of",
    "launch_failure",
    "load_module",
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
        transfers: whether it may write results by copies and fills.
    """

    def __init__(
        self,
        name: str,
        module: VmModule,
        *,
        providers: Sequence[ParameterProvider] = (),
        transfers: bool = True,
    ) -> None:
        self.name = name
        self.module = module
        self.transfers = transfers
        self._providers = tuple(providers)
        self._contexts = _Contexts()
        self._signatures: dict[str, Signature] = {}
        _programs.add(self)

    @classmethod
    def from_vmfb(
        cls, name: str, vmfb: bytes, *, providers: Sequence[ParameterProvider] = ()
    ) -> VmProgram:
        """Load a VMFB.

        Raises:
            LaunchError: the bytes are no VMFB that this runtime loads.
        """
        transfers = any(function in vmfb for function in _TRANSFERS)
        return cls(name, load_module(name, vmfb), providers=providers, transfers=transfers)

    def function(self, place: Place, entry: str) -> tuple[VmContext, VmFunction]:
        """Return the calling thread's context at `place`, and the entry function.

        Raises:
            EntryPointError: the program exports no such function.
            LinkError: it needs a module, such as `io_parameters`, or a parameter that is not there.
            DeviceError: it is compiled for more or other devices.
        """
        function = self.module.lookup_function(entry)
        if function is None:
            raise EntryPointError(
                f"{self.name}: no entry point {entry!r}, "
                f"must be one of {', '.join(exports_of(self.module))}"
            )
        cached = self._contexts.by_uri.get(place.instance_cache_key)
        if cached is None:
            cached = self._contexts.by_uri[place.instance_cache_key] = open_context(
                self.name, place, self.module, self._providers
            )
        return cached[0], function

    def signature(self, function: VmFunction, entry: str) -> Signature:
        """Return what the exported function named `entry` takes and gives.

        Raises:
            LaunchError: its calling convention is not known.
        """
        found = self._signatures.get(entry)
        if found is None:
            found = self._signatures[entry] = signature_of(function, entry)
        return found

    def close(self) -> None:
        """Let go of IREE's objects; the program cannot run after this."""
        self._contexts = _Contexts()
        del self.module


def load_module(name: str, vmfb: bytes) -> VmModule:
    """Load a VMFB.

    Raises:
        LaunchError: the bytes are no VMFB that this runtime loads.
    """
    from iree.runtime import VmModule

    try:
        return VmModule.copy_buffer(get_vm_instance(), vmfb)
    except Exception as error:
        raise LaunchError(f"{name}: the VMFB does not load", facts=[str(error)]) from error


def exports_of(module: VmModule) -> list[str]:
    """Return the functions that a module offers to callers, sorted."""
    return sorted(name for name in module.function_names if not name.startswith("__"))


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
        uri: the device to run on.
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
        thread.ready = (context.invoke, function, hal.from_dlpack_capsule, hal, driver, write)
        return thread.ready

    def launch(operands: Sequence[Any], outs: Sequence[Tensor]) -> None:
        nonlocal unchecked
        try:
            invoke, function, from_capsule, hal, driver, write = thread.ready
        except AttributeError:
            invoke, function, from_capsule, hal, driver, write = prepare()
        arguments = VmVariantList(len(operands) + len(outs))
        for operand in operands:
            if isinstance(operand, int):
                arguments.push_int(operand)
                continue
            try:
                view = from_capsule(_to_dlpack(operand))
            except Exception:  # noqa: BLE001 - strides, alignment, dtype: this copes or says why
                view = driver.import_tensor(hal, operand)
            arguments.push_ref(view)
        for out in outs:
            arguments.push_ref(from_capsule(_to_dlpack(out)) if write is None else write(hal, out))
        returned = VmVariantList(len(outs))
        try:
            invoke(function, arguments, returned)
        except Exception as error:
            raise launch_failure(program.name, error) from error
        if unchecked:
            _check_results(program.name, returned, results)
            unchecked = False

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
    return LaunchError(f"{name}: failed while running", facts=[str(error)])
