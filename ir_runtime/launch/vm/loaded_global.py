"""The buffers that a program's initializers make, read from IREE's VM as tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ir_runtime.errors import LaunchError
from ir_runtime.launch.host_program.global_getter import GETTER
from ir_runtime.launch.operand.launch_type import launch_failure
from ir_runtime.launch.vm.vm_program import VmProgram

if TYPE_CHECKING:
    from ir_runtime.device import Device

__all__ = ["load_globals"]


def load_globals(program: VmProgram, device: Device) -> list[Tensor]:
    """Run the initializers of a program, which loads its parameters, and return their buffers.

    Args:
        program: the program, with the getter of `global_getter`.
        device: of the CPU.

    Returns:
        The bytes of each buffer, where they lie; the tensors keep them.

    Raises:
        LinkError: a parameter is missing.
        LaunchError: a buffer is not there.
    """
    from iree.runtime import HalBufferView, VmVariantList

    context, function = program.function(device, GETTER)
    found: Any = VmVariantList(0)
    try:
        context.invoke(function, VmVariantList(0), found)
    except Exception as error:
        raise launch_failure(program.name, error) from error
    tensors: list[Tensor] = []
    for i in range(found.size):
        view = found.get_as_object(i, HalBufferView)
        if view is None:
            raise LaunchError(f"{program.name}: the buffer {i} of its initializers is missing")
        # Not by DLPack: torch would release the buffer without the GIL, and the memory of a
        # parameter may belong to a Python object.
        tensors.append(torch.from_numpy(view.map().asarray(view.shape, np.dtype(np.uint8))))
    return tensors
