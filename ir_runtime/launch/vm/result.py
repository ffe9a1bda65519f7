"""The conversion of the results of a VM call into tensors and numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import UnsupportedTypeError
from ir_runtime.launch.operand.number import decode_number
from ir_runtime.launch.operand.overlap import share_storage
from ir_runtime.launch.vm.signature import Slot

if TYPE_CHECKING:
    from iree.runtime import HalBufferView, VmVariantList

__all__ = ["ExportTensor", "torch_dtype_of", "unpack_results"]

ExportTensor = Callable[[Slot, "HalBufferView", Tensor], Tensor]
"""Makes the tensor for the result in a slot; the meta tensor gives its shape and dtype."""


def unpack_results(
    name: str,
    slots: Sequence[Slot],
    results: VmVariantList,
    export_tensor: ExportTensor,
    arguments: Sequence[Any],
) -> list[Any]:
    """Return the results of a call in their order, tensors and numbers.

    Args:
        name: the program, for messages.
        slots: the results that the program declares.
        results: the results of the call.
        export_tensor: takes a tensor from the device.
        arguments: the arguments of the call; a result that shares memory with one is cloned.

    Raises:
        UnsupportedTypeError: a result is neither a tensor nor a number, or torch has no such dtype.
    """
    values: list[Any] = []
    for i, slot in enumerate(slots):
        label = f"{name}: result {i}"
        if slot.is_number:
            values.append(decode_number(results.get_variant(i), slot.kind))
            continue
        view = _view_of(results, i, label)
        dtype = torch_dtype_of(int(view.element_type), label)
        tensor = export_tensor(slot, view, torch.empty(view.shape, dtype=dtype, device="meta"))
        if any(share_storage(tensor, other) for other in (*arguments, *values)):
            add_count("copies")  # the program returned an argument, or one value twice
            tensor = tensor.clone()
        values.append(tensor)
    return values


def torch_dtype_of(element_type: int, label: str) -> torch.dtype:
    """Return the torch dtype of an IREE element type; a signless integer is signed.

    Raises:
        UnsupportedTypeError: torch has no such dtype.
    """
    from iree.runtime import HalElementType

    try:
        found: str = HalElementType(element_type).name  # pyright: ignore[reportCallIssue]
    except ValueError:
        found = f"{element_type:#010x}"
    wanted = found.replace("INT_", "SINT_") if found.startswith("INT_") else found
    for dtype, row in DTYPES.items():
        if row.element_type == wanted:
            return dtype
    raise UnsupportedTypeError(f"{label} has element type {found}, must be one that torch has")


def _view_of(results: VmVariantList, index: int, label: str) -> Any:
    from iree.runtime import HalBufferView

    view = results.get_as_object(index, HalBufferView)
    if view is None:
        raise UnsupportedTypeError(
            f"{label} is neither a tensor nor a number, must be one of them",
            facts=[repr(results)],
        )
    return view
