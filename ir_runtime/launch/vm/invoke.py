"""The call of one VM function, with the fences that it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ir_runtime.tracing import active_trace, launch_span

if TYPE_CHECKING:
    from iree.runtime import VmContext, VmFunction, VmVariantList

    from ir_runtime.device import Device
    from ir_runtime.launch.vm.link import Place

__all__ = ["invoke_vm_function", "invoker_for"]


def invoke_vm_function(
    device: Device | Place,
    is_async: bool,  # noqa: FBT001 - positional in the seed's signature
    vm_context: VmContext,
    vm_function: VmFunction,
    arg_list: Any,  # a VmVariantList, whose stub forgets what it takes
    ret_list: VmVariantList,
    *,
    timer: Callable[[], float] = time.perf_counter,
) -> float:
    """Call a VM function after the work that torch has enqueued, and wait for its results.

    Args:
        device: the device that the function runs on; this is not checked.
        is_async: whether the function takes a wait fence and a signal fence at the end.
        vm_context: a context of the calling thread.
        vm_function: a function of that context.
        arg_list: its arguments; the fences are added to it.
        ret_list: receives its results.
        timer: the clock of the returned time.

    Returns:
        How long the call took, in the unit of `timer`.
    """
    started = timer()
    device.setup_iree_action()
    if not is_async:
        vm_context.invoke(vm_function, arg_list, ret_list)
        device.finalize_iree_action()
        return timer() - started
    from iree.runtime import HalFence

    # Each call has its own semaphore: a semaphore that has failed once stays failed.
    semaphore = device.hal_device.create_semaphore(0)
    signal = HalFence.create_at(semaphore, 1)
    arg_list.push_ref(HalFence(0))
    arg_list.push_ref(signal)
    vm_context.invoke(vm_function, arg_list, ret_list)
    signal.wait()
    device.finalize_iree_action()
    return timer() - started


def invoker_for(name: str, label: str | None, args: Sequence[Any]) -> Callable[..., float]:
    """Return `invoke_vm_function`, or, with tracing on, a function that also records the launch.

    Args:
        name: of the program.
        label: the label of its key, None if it is not stored.
        args: the arguments of the call.
    """
    if active_trace() is None:
        return invoke_vm_function

    def invoke(device: Device | Place, *rest: Any) -> float:
        with launch_span(name, label, args, device.uri):
            return invoke_vm_function(device, *rest)

    return invoke
