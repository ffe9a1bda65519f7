"""The launch of a kernel that writes its results into given tensors.

Kernels of ops are compiled in destination-passing form: operands first, then a buffer per result.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.device.device import Device
from ir_runtime.device.storage import refuse_cut_tensors
from ir_runtime.device.torch_device import get_device_from_torch
from ir_runtime.dtypes import DTYPES, short_name
from ir_runtime.errors import LaunchError
from ir_runtime.frozen import frozen
from ir_runtime.launch.operand.launch_type import Launch, Results, in_profiles, launch_failure
from ir_runtime.launch.vm.gpu_memory import again_without_cache
from ir_runtime.launch.vm.vm_program import VmProgram

if TYPE_CHECKING:
    from ir_runtime.device.driver import Driver
    from ir_runtime.device.state import DeviceState

__all__ = ["bind_device_launch", "bind_launch", "bind_torch_launch"]

_to_dlpack = torch._C._to_dlpack


def bind_launch(program: VmProgram, entry: str, uri: str, results: Results) -> Launch:
    """Return a function that runs a kernel on tensors, writing its results into given tensors.

    The kernel is in destination-passing form: operands first, then a buffer per result.

    Args:
        program: the kernel.
        entry: its exported function, of the synchronous ABI.
        uri: the CPU device to run on.
        results: shape and dtype of each result; the first launch checks the shapes.

    Returns:
        `launch(operands, results)`. Operands are dense CPU tensors of any layout, or ints for
        `i64` operands. Results must be importable without a copy. Raises `LaunchError`.
    """
    from iree.runtime import VmVariantList

    thread = threading.local()
    unchecked, keeps_all = True, program.keeps_operands(entry)
    # A DLPack import may not be the target of copies and fills, and has no narrow float types.
    by_dlpack = not program.transfers and all(DTYPES[d].carrier is None for _, d in results)

    # A VM context belongs to one thread, so each thread prepares its own.
    def prepare() -> tuple[Any, ...]:
        thread.ready = _ready(program, entry, Device(uri), by_dlpack=by_dlpack)
        return thread.ready

    def invoke_on(operands: Sequence[Any], outs: Sequence[Tensor]) -> None:
        nonlocal unchecked
        refuse_cut_tensors(program.name, "operand", operands)
        refuse_cut_tensors(program.name, "result", outs)
        try:
            invoke, function, *imports = thread.ready
        except AttributeError:
            invoke, function, *imports = prepare()
        spared = operands if keeps_all else _spared(program, entry, operands)
        arguments = _pushed(spared, outs, *imports)
        returned = VmVariantList(len(outs))
        try:
            invoke(function, arguments, returned)
        except Exception as error:
            raise launch_failure(program.name, error, operands) from error
        if unchecked:
            _check_results(program.name, returned, results)
            unchecked = False

    return in_profiles(f"{program.name} (vm, {uri})", invoke_on)


def _ready(program: VmProgram, entry: str, device: Device, *, by_dlpack: bool) -> tuple[Any, ...]:
    """Return what launches on the calling thread need: functions, the device's state, its driver.

    The last one imports a result; it is None if results are imported by DLPack.
    """
    context, function = program.function(device, entry)
    from_capsule, driver = device.hal_device.from_dlpack_capsule, device.driver
    write = None if by_dlpack else driver.import_destination
    return context.invoke, function, from_capsule, device.device_state, driver, write


def _pushed(
    operands: Sequence[Any],
    outs: Sequence[Tensor],
    from_capsule: Callable[[Any], Any],
    state: DeviceState,
    driver: Driver,
    write: Callable[..., Any] | None,
) -> Any:
    """Return the arguments of a launch: operands, then the buffers of results."""
    from iree.runtime import VmVariantList

    arguments = VmVariantList(len(operands) + len(outs))
    for operand in operands:
        if isinstance(operand, int):
            arguments.push_int(operand)
            continue
        try:
            view = from_capsule(_to_dlpack(operand))
        except Exception:  # noqa: BLE001 - strides, alignment, dtype: it copies or fails
            view = _imported(driver, state, operand)
        arguments.push_ref(view)
    for out in outs:
        by_dlpack = write is None
        view = from_capsule(_to_dlpack(out)) if by_dlpack else write(state, out, transfers=True)
        arguments.push_ref(view)
    return arguments


def bind_device_launch(program: VmProgram, entry: str, device: Device, results: Results) -> Launch:
    """Return a launch as `bind_launch` does, for any device: its driver imports each tensor.

    The launch runs after all work that torch has enqueued, and has ended when the call returns.
    """
    from iree.runtime import VmVariantList

    unchecked = True
    state, driver = device.device_state, device.driver

    def invoke_on(operands: Sequence[Any], outs: Sequence[Tensor]) -> None:
        nonlocal unchecked
        refuse_cut_tensors(program.name, "operand", operands)
        refuse_cut_tensors(program.name, "result", outs)
        context, function = program.function(device, entry)
        arguments: Any = VmVariantList(len(operands) + len(outs))
        for operand in _spared(program, entry, operands):
            if isinstance(operand, int):
                arguments.push_int(operand)
            else:
                arguments.push_ref(_imported(driver, state, operand))
        views = [driver.import_destination(state, out, transfers=program.transfers) for out in outs]
        for view in views:
            arguments.push_ref(view)
        returned = VmVariantList(len(outs))
        device.setup_iree_action()  # now: the copies of operands are torch's work, too
        try:
            context.invoke(function, arguments, returned)
        except Exception as error:
            raise launch_failure(program.name, error, operands) from error
        if unchecked:
            _check_results(program.name, returned, results)
            unchecked = False
        device.finalize_iree_action()
        for view, out in zip(views, outs, strict=True):
            driver.finish_destination(state, view, out)

    def invoke_there(operands: Sequence[Any], outs: Sequence[Tensor]) -> None:
        with driver.current(state):
            again_without_cache(lambda: invoke_on(operands, outs))

    return in_profiles(f"{program.name} (vm, {device.uri})", invoke_there)


def bind_torch_launch(
    program: VmProgram, entry: str, where: torch.device, results: Results
) -> Launch:
    """Return a launch as `bind_device_launch` does, on the GPU of a torch device.

    The device is found for each launch: it may depend on the thread and on torch's current stream.
    """
    launches: dict[str, Launch] = {}

    def launch(operands: Sequence[Any], outs: Sequence[Tensor]) -> None:
        device = get_device_from_torch(where)
        bound = launches.get(device.instance_cache_key)
        if bound is None:
            bound = bind_device_launch(program, entry, device, results)
            launches[device.instance_cache_key] = bound
        bound(operands, outs)

    return launch


@frozen
class _Scratch:
    """An operand that the kernel overwrites, so it gets a copy."""

    tensor: Tensor


def _spared(program: VmProgram, entry: str, operands: Sequence[Any]) -> list[Any]:
    """Return the operands; those that the kernel overwrites are wrapped in `_Scratch`."""
    place = itertools.count()
    return [
        _Scratch(value)
        if isinstance(value, Tensor) and not program.keeps_operand(entry, next(place))
        else value
        for value in operands
    ]


def _imported(driver: Driver, state: DeviceState, operand: Any) -> Any:
    if isinstance(operand, _Scratch):
        return driver.import_scratch(state, operand.tensor)
    return driver.import_tensor(state, operand)


def _check_results(name: str, returned: Any, results: Results) -> None:
    """Refuse a kernel with results of other shapes than declared: memory would stay unwritten."""
    from iree.runtime import HalBufferView

    for i, (shape, dtype) in enumerate(results):
        view = returned.get_as_object(i, HalBufferView)
        if tuple(view.shape) != shape:
            raise LaunchError(
                f"{name}: result {i} has shape {list(view.shape)}, must be "
                f"{short_name(dtype)}{list(shape)} as `select` declares"
            )
