"""Shape classes: calls of an op that are alike, so that one measurement holds for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ir_runtime.device import Device, get_device_from_torch
from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import DeviceError
from ir_runtime.ir.op_facts import OpFacts

__all__ = ["device_type_of", "shape_class"]

_PLAIN = (Tensor, Parameter)


def shape_class(op: OpFacts[Any], values: Sequence[Any], *, traced: bool = False) -> str | None:
    """Return the class of a call as text, such as `x=f32[8,4096], weight=f32[4096], threads=2`.

    The batch size is rounded up to a power of two: the first size of each activation, and of each
    tensor of integers that is as long as the batch. All other sizes, dtypes, integers, strings and
    switches count as they are; floats do not count. On the CPU the number of torch's threads does.

    Args:
        op: the op.
        values: all arguments of the call.
        traced: whether fake tensors count as plain ones, as in a graph that is being compiled.

    Returns:
        None if the call has none: a tensor is not a plain one of a real device, as while a compiler
        traces, or there is no tensor.
    """
    parts: list[str] = []
    devices: set[str] = set()
    batch = _batch_size(op, values)
    plain = (*_PLAIN, torch._subclasses.FakeTensor) if traced else _PLAIN
    for i, (name, value) in enumerate(zip(op.arg_names, values, strict=True)):
        activation = i in op.activation_indices
        text = _in_words(value, batch, devices, plain, activation=activation)
        if text is None:
            return None
        if text:
            parts.append(f"{name}={text}")
    if not devices:
        return None
    if devices == {"cpu"}:
        parts.append(f"threads={torch.get_num_threads()}")
    return ", ".join(parts)


def device_type_of(values: Sequence[Any]) -> str | None:
    """Return the device type that a call runs on, as `Device.type_cache_key`; None if unknown."""
    where = next((t.device for v in values for t in _tensors_of(v)), torch.device("cpu"))
    try:
        chosen = Device.chosen_for(where)
        if chosen is None and where.type == "cpu":
            chosen = Device("local-sync")
        return (chosen or get_device_from_torch(where)).type_cache_key
    except DeviceError:
        return None


def _tensors_of(value: Any) -> list[Tensor]:
    values = value if isinstance(value, list | tuple) else (value,)
    return [v for v in values if isinstance(v, Tensor)]


def _batch_size(op: OpFacts[Any], values: Sequence[Any]) -> int | None:
    if not op.activation_indices:
        return None
    first = _tensors_of(values[op.activation_indices[0]])
    return first[0].shape[0] if first and first[0].ndim else None


def _in_words(
    value: Any,
    batch: int | None,
    devices: set[str],
    plain: tuple[type[Tensor], ...],
    *,
    activation: bool,
) -> str | None:
    """Return a value as text, "" for one that does not count, None for one without a class."""
    if isinstance(value, list | tuple):
        each = [_in_words(v, batch, devices, plain, activation=activation) for v in value]
        return None if None in each else f"({', '.join(t for t in each if t)})"
    if isinstance(value, Tensor):
        # While torch.jit traces, sizes are tensors; elsewhere they may be symbols.
        if (
            type(value) not in plain
            or value.is_meta
            or any(type(n) is not int for n in value.shape)
        ):
            return None
        devices.add(value.device.type)
        return _tensor_in_words(value, batch, activation=activation)
    if value is None or type(value) is float:
        return ""
    if type(value) in (bool, int, str) or isinstance(value, torch.dtype):
        return repr(value)
    return None


def _tensor_in_words(tensor: Tensor, batch: int | None, *, activation: bool) -> str:
    sizes = list(tensor.shape)
    integers = not (tensor.is_floating_point() or tensor.is_complex())
    if sizes and (activation or (integers and sizes[0] == batch)):
        sizes[0] = 1 << (sizes[0] - 1).bit_length() if sizes[0] else 0
    known = DTYPES.get(tensor.dtype)
    dtype = str(tensor.dtype).removeprefix("torch.") if known is None else known.short
    return f"{dtype}[{','.join(map(str, sizes))}]"
