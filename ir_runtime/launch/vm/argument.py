"""The conversion of Python arguments into arguments of a VM call."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError, IrRuntimeError, UnsupportedTypeError
from ir_runtime.launch.operand.number import encode_number, plain_number
from ir_runtime.launch.vm.signature import Slot

if TYPE_CHECKING:
    from iree.runtime import HalBufferView

__all__ = ["ImportTensor", "pack_arguments"]

ImportTensor = Callable[[Slot, Tensor], "HalBufferView"]
"""Makes the VM argument of a tensor, for its slot."""


def pack_arguments(
    name: str,
    slots: Sequence[Slot],
    values: Sequence[Any],
    import_tensor: ImportTensor,
    import_scratch: ImportTensor,
    keeps_operand: Callable[[int], bool] = lambda _: True,
) -> Any:
    """Return the `VmVariantList` for the arguments of a call.

    Args:
        name: the program, for messages.
        slots: the arguments that the program takes.
        values: tensors, and numbers: int, bool, float, NumPy scalars, 0-d tensors.
        import_tensor: brings a tensor to the device.
        import_scratch: brings a copy of a tensor to the device; the program may change the copy.
        keeps_operand: whether the program leaves the n-th tensor unchanged; else it gets a copy.

    Raises:
        ArgumentError: one does not fit its slot.
        UnsupportedTypeError: one is neither a tensor nor a number, or of an unknown dtype.
    """
    from iree.runtime import VmVariantList

    packed: Any = VmVariantList(len(values) + 2)  # its stub lacks the element types
    place = itertools.count()
    for i, (slot, value) in enumerate(zip(slots, values, strict=True)):
        label = f"{name}: argument {i}"
        if slot.is_number:
            number = encode_number(_number(value, slot, label), slot.kind, label)
            push = packed.push_int if isinstance(number, int) else packed.push_float
            push(number)
        elif isinstance(value, Tensor):
            bring = import_tensor if keeps_operand(next(place)) else import_scratch
            packed.push_ref(_imported(slot, value, bring, label))
        else:
            raise _refusal(value, slot, label)
    return packed


def _imported(slot: Slot, value: Tensor, import_tensor: ImportTensor, label: str) -> HalBufferView:
    try:
        return import_tensor(slot, value)
    except IrRuntimeError as error:
        error.headline = f"{label}: {error.headline}"
        raise


def _number(value: Any, slot: Slot, label: str) -> float:
    number = plain_number(value)
    if number is not None:
        return number
    if isinstance(value, Tensor) and value.dim():
        raise ArgumentError(
            f"{label} is the tensor {format_tensor(value)}, must be a number ({slot.kind})",
            fix="pass tensor.item()" if value.numel() == 1 else None,
        )
    raise _refusal(value, slot, label)


def _refusal(value: Any, slot: Slot, label: str) -> IrRuntimeError:
    if isinstance(value, int | float | np.integer | np.floating | np.bool_):
        return ArgumentError(f"{label} is the number {value}, must be a tensor")
    wanted = f"a number ({slot.kind})" if slot.is_number else "a tensor, an int or a float"
    return UnsupportedTypeError(f"{label} is a {type(value).__name__}, must be {wanted}")
