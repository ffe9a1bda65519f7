"""Packed weights: packed once, kept with their parameter, and multiplied in that form.

A packed weight has its elements in the order in which the kernel reads them. It takes the memory of
the weight a second time. Results have the same bits with and without packing.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.parameter import Parameter

from ir_runtime.counters import add_count
from ir_runtime.device import Target
from ir_runtime.device.device import set_devices
from ir_runtime.device.machine import code_for
from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.op_reg import CustomOp, KernelSelection
from ir_runtime.op_reg.call.stored import target_to_use
from ir_runtime.settings import Settings, on_change
from ir_runtime.trace_lock import hold
from kernels_mlir.large_pages import empty_in_large_pages
from kernels_mlir.library import FLOATS, packed_entrance, register_packed_kernel
from kernels_mlir.matmul.kernel import CPU_FLAGS, check_bias, generate_product, select_rows
from kernels_mlir.matmul.quantized_layout import HALF, interleave_gate
from kernels_mlir.matmul.tile import tile_for, tile_of_packed

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = [
    "forget_packed",
    "multiply_packed",
    "pack_weight",
    "packed_bytes",
    "packed_call",
    "packed_for",
    "packed_pair",
    "packed_shape",
]


@dataclass(frozen=True, slots=True)
class _Source:
    """A parameter, and facts that show if it has changed since it was packed.

    Attributes:
        parameter: the parameter.
        version: torch's count of its changes.
        address: the address of its elements.
        layout: its shape, strides and dtype.
        probe: a view of 64 of its elements, spread over it.
        sample: the values of these elements when it was packed.
    """

    parameter: weakref.ref[Tensor]
    version: int
    address: int
    layout: tuple[Any, ...]
    probe: Tensor
    sample: Tensor

    @classmethod
    def of(cls, weight: Tensor, gone: Callable[[weakref.ref[Tensor]], None]) -> _Source:
        """Return the facts of today; `gone` is called when the parameter is."""
        version, address, plain = weight._version, weight.data_ptr(), weight.detach()
        probe = plain[:: max(1, plain.shape[0] // 8), :: max(1, plain.shape[1] // 8)][:8, :8]
        layout = (weight.shape, weight.stride(), weight.dtype)
        return cls(weakref.ref(weight, gone), version, address, layout, probe, probe.clone())

    def is_true_to(self, weight: Tensor) -> bool:
        """Tell whether a parameter is this one, and has not changed."""
        return (
            self.parameter() is weight
            and self.version == weight._version
            and self.address == weight.data_ptr()
            and self.layout == (weight.shape, weight.stride(), weight.dtype)
            and torch.equal(self.probe, self.sample)
        )


_Key = tuple[int, int]
"""The id of a parameter, and whether it has the rows of a gate; of a pair both ids."""

_kept: dict[_Key, tuple[tuple[_Source, ...], Tensor]] = {}
"""What was packed, and its packed form."""
_lock = fork_safe_lock()


def packed_bytes() -> int:
    """Return the memory of all packed weights, in bytes."""
    return sum(packed.nbytes for _, packed in tuple(_kept.values()))


def forget_packed() -> None:
    """Drop all packed weights; the next call packs again."""
    _kept.clear()


@on_change
def _follow(before: Settings, now: Settings) -> None:
    """Pack again for the CPUs, or for the stored kernels, that are used from now on."""
    names = ("cpu", "compile", "store", "base_stores")
    if any(getattr(before, name) != getattr(now, name) for name in names):
        forget_packed()


Call = tuple[str, Callable[[Tensor], tuple[Any, ...]]]
"""The name of a kernel's op, and a function from an empty packed weight to its arguments."""


def packed_for(
    weight: Tensor, call: Callable[[], Call] | None = None, *, gated: bool = False
) -> Tensor | None:
    """Return the packed form of a parameter's current values; None to use the weight in place.

    A parameter is packed in its first call, and again after a change. A change is one that torch
    counts, new memory (`parameter.data = ...`), or an uncounted write (`parameter.data.copy_`,
    NumPy) that changes one of 64 elements spread over the weight. Other tensors are not packed,
    because they may be gone after the call.

    Args:
        weight: the parameter.
        call: makes the call that needs it. Where nothing can be compiled, the weight is packed for
            the best CPU whose kernel of this call is stored; without a call for the best CPU.
        gated: whether its first half has the rows of a gate, which are packed beside those of the
            factor.
    """
    return _packed((id(weight), gated), (weight,), call)


def packed_pair(gate: Tensor, factor: Tensor, call: Callable[[], Call]) -> Tensor | None:
    """Return the packed form of two parameters, as that of one that has the rows of both.

    Args:
        gate: the parameter of the gate.
        factor: that of its factor, of the same shape and dtype.
        call: as for `packed_for`.
    """
    return _packed((id(gate), id(factor)), (gate, factor), call)


def _packed(
    key: _Key, weights: tuple[Tensor, ...], call: Callable[[], Call] | None
) -> Tensor | None:
    found = _find(key, weights)
    if found is not None:
        return None if set_devices else found  # the current device may not be a CPU
    return _pack_again(key, weights, call) if all(map(_is_packable, weights)) else None


def _find(key: _Key, weights: tuple[Tensor, ...]) -> Tensor | None:
    kept = _kept.get(key)
    if kept is None:
        return None
    for source, weight in zip(kept[0], weights, strict=True):
        if not source.is_true_to(weight):
            return None
    return kept[1]


def _is_packable(weight: Tensor) -> bool:
    return (
        type(weight) is Parameter
        and not set_devices
        and not weight.is_inference()  # its changes are not counted
        and weight.ndim == 2
        and weight.dtype in FLOATS
        and weight.device.type == "cpu"
        and weight.layout is torch.strided
        and weight.numel() > 0
    )


def _pack_again(key: _Key, weights: tuple[Tensor, ...], call: Callable[[], Call] | None) -> Tensor:
    first, is_pair = next(iter(weights)), len(weights) > 1
    gated = is_pair or bool(key[1])
    shape = (first.shape[0] * len(weights), first.shape[1])
    machine = None
    if call is not None:
        machine = _target_for(call(), first.dtype, shape, gated=gated).machine
    with hold(_lock), code_for(machine):
        found = _find(key, weights)
        if found is not None:  # another thread was first
            return found
        gone = functools.partial(_forget, key)
        sources = tuple(_Source.of(weight, gone) for weight in weights)
        halves = [weight.detach() for weight in weights] if is_pair else first.detach().chunk(2)
        packed = pack_weight(interleave_gate(*halves) if gated else first.detach())
        _kept[key] = sources, packed
    add_count("packs")
    return packed


def _target_for(call: Call, dtype: torch.dtype, shape: tuple[int, int], *, gated: bool) -> Target:
    op, arguments = call

    def for_this_code() -> tuple[Any, ...]:
        return arguments(torch.empty(packed_shape(dtype, *shape, gated=gated), dtype=dtype))

    return target_to_use(op, for_this_code)


def packed_shape(
    dtype: torch.dtype, rows: int, in_features: int, *, gated: bool = False
) -> tuple[int, int, int]:
    """Return the shape of a packed weight `[rows, in_features]`."""
    packed_rows = 2 * HALF * -(-rows // (2 * HALF)) if gated else rows
    return tile_for(dtype).packed_shape(packed_rows, in_features)


def _forget(key: _Key, gone: weakref.ref[Tensor]) -> None:
    """Drop the packed form of a dead parameter, unless a new parameter has its id already."""
    kept = _kept.get(key)
    if kept is not None and any(source.parameter is gone for source in kept[0]):
        _kept.pop(key, None)  # the other one of a pair may die at the same time


def pack_weight(weight: Tensor) -> Tensor:
    """Return a weight `[n, k]` in panels of columns: `[panels, steps, columns]`, padded with 0.

    The columns of a panel are rows of the weight. The CPU decides the number of columns, and
    whether two neighbours of a row are side by side in them.
    """
    tile = tile_for(weight.dtype)
    n, k = weight.shape
    panels, steps, width = tile.packed_shape(n, k)
    padded = pad(weight, (0, steps * tile.per - k, 0, panels * tile.columns - n))
    split = padded.view(panels, tile.columns, steps, tile.per).transpose(1, 2)
    packed = empty_in_large_pages((panels, steps, width), weight.dtype)
    packed.view(split.shape).copy_(split)
    return packed


def packed_call(x: Tensor, bias: Tensor | None, weight: Tensor) -> Call:
    """Return the call of `multiply_packed`."""
    n, k = weight.shape
    return "ir_packed::linear", lambda packed: (x, packed, bias, n, k)


def multiply_packed(x: Tensor, packed: Tensor, bias: Tensor | None, weight: Tensor) -> Tensor:
    """Compute `linear(x, weight, bias)` from the packed form of the weight."""
    return _multiply(x, packed, bias, weight.shape[0], weight.shape[1])


@register_packed_kernel
class PackedLinearKernel(CustomOp):
    """The MLIR kernel of `linear` for a weight packed by `pack_weight`."""

    signature = (
        "linear(Tensor x, Tensor packed, Tensor? bias, int out_features, int in_features) -> Tensor"
    )
    work_per_byte = 8.0
    compile_flags = CPU_FLAGS

    def select(self, ksel: KernelSelection) -> None:
        """Take any rows of one size, and a weight that was packed for this CPU or a weaker one."""
        x = select_rows(ksel)
        packed = ksel.arg_tensor(1).require(dtypes=(x.dtype,), rank=3)
        packed.specialize_all_dims()
        n, k = ksel.attr_int(3).v, ksel.attr_int(4).v
        if ksel.device_family != "local":
            raise ArgumentError(f"{self.name}: on {ksel.device_family}, must be on a CPU")
        if x.shape[-1] != k:
            raise ArgumentError(
                f"{self.name}: `x` is {format_tensor(x)}, its last dimension must be {k}"
            )
        tile = tile_of_packed(tuple(packed.t.shape), x.dtype, n, k)
        if tile is None:
            wanted = tile_for(x.dtype).packed_shape(n, k)
            raise ArgumentError(
                f"{self.name}: `packed` is {format_tensor(packed.t)}, must be {list(wanted)} "
                f"as a weight of {n} x {k} is packed on this CPU"
            )
        bias = ksel.arg_optional_tensor(2)
        if bias is not None:
            bias.require(dtypes=(x.dtype,), rank=1).specialize_all_dims()
            check_bias(self.name, bias.t, n)
        ksel.variant = tile.name
        ksel.return_new_tensor((*x.shape[:-1], n), x.dtype).specialize_dims(-1)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Sum in float32."""
        x, packed = ksel.arg_descs[0].t, ksel.arg_descs[1].t
        n, k = ksel.arg_descs[3].v, ksel.arg_descs[4].v
        tile = tile_of_packed(tuple(packed.shape), x.dtype, n, k)
        generate_product(ksel, kb, out_features=n, packed_for=tile)


_multiply = packed_entrance("linear")
