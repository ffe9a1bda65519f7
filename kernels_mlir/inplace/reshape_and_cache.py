"""ir_inplace::reshape_and_cache: keys and values of tokens go into the pages of a cache."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.launch.operand.index_fault import refuse_indices
from ir_runtime.op_reg import CustomOp, KernelBuilder, KernelSelection, fragment
from kernels_mlir.attention.cache_write import SLOT_LIMIT, CacheWrite
from kernels_mlir.attention.decode import decode_form
from kernels_mlir.attention.rules import INDICES
from kernels_mlir.inplace.register import NAMESPACE
from kernels_mlir.library import FLOATS

__all__ = [
    "native_reshape_and_cache",
    "refuse_slots",
    "reshape_and_cache",
    "select_cache",
]

NAME = "reshape_and_cache"
LEAST = 2.0**-33
LIBRARY = fragment(NAMESPACE)


def native_reshape_and_cache(
    key: Tensor,
    value: Tensor,
    key_cache: Tensor,
    value_cache: Tensor,
    slot_mapping: Tensor,
    key_scale: Tensor | None = None,
    value_scale: Tensor | None = None,
) -> None:
    """Write `reshape_and_cache` with torch functions; the slots are not checked."""
    kept = slot_mapping >= 0
    slots, page = slot_mapping[kept].to(torch.int64), key_cache.shape[2]
    block, within = slots // page, slots % page
    pairs = ((key, key_cache, key_scale), (value, value_cache, value_scale))
    for rows, cache, scales in pairs:
        new = rows[kept]
        if scales is not None:
            wide = new.float()
            scale = wide.abs().nan_to_num(0.0, posinf=math.inf).amax(-1).clamp(min=LEAST) / 127
            scales[block, :, within] = scale
            new = (wide / scale.unsqueeze(-1)).nan_to_num(0.0).round().clamp(-127, 127)
        cache[block, :, within] = new.to(cache.dtype)


def _native_on_gpu(*args: Any) -> None:
    refuse_slots(NAME, args[4], args[2])
    native_reshape_and_cache(*args)


def select_cache(
    ksel: KernelSelection,
    key: Tensor,
    *,
    caches: tuple[int, int],
    slots: int,
    scales: tuple[int, int],
) -> None:
    """Take the pages that keys and values are written into, and their slots.

    Args:
        ksel: of an op whose arguments have the names of those of `reshape_and_cache`.
        key: `[T, Hkv, D]`.
        caches: places of the caches of keys and values among the arguments.
        slots: place of the slots.
        scales: places of the scales of both.

    Raises:
        ArgumentError: a dtype or shape is not as in `reshape_and_cache`.
    """
    dtypes = tuple(dict.fromkeys((key.dtype, torch.float32, torch.bfloat16, torch.int8)))
    cache = ksel.arg_tensor(caches[0], inplace_tied=True).require(dtypes=dtypes, rank=4)
    cache.specialize_dims(1, 2, 3)
    other = ksel.arg_tensor(caches[1], inplace_tied=True).require(dtypes=(cache.t.dtype,))
    other.require_shape(cache).specialize_dims(1, 2, 3)
    op = ksel.op.name
    if cache.t.shape[1::2] != key.shape[1:] or cache.t.shape[2] < 1:
        raise ArgumentError(
            f"{op}: `key_cache` is {format_tensor(cache.t)}, must have the heads and "
            f"channels of `key` {format_tensor(key)}, and pages of at least 1 key"
        )
    found = ksel.arg_tensor(slots).require(dtypes=INDICES, rank=1).t
    if found.shape[0] != key.shape[0]:
        raise ArgumentError(
            f"{op}: `slot_mapping` is {format_tensor(found)}, must have "
            f"{key.shape[0]} elements, one a token of `key`"
        )
    for i, name in zip(scales, ("key_scale", "value_scale"), strict=True):
        _select_scale(ksel, i, name, cache.t)


def _select_scale(ksel: KernelSelection, i: int, name: str, cache: Tensor) -> None:
    scale = ksel.arg_optional_tensor(i, inplace_tied=True)
    wanted = cache.dtype == torch.int8
    if (scale is not None) != wanted:
        found = "None" if scale is None else format_tensor(scale.t)
        raise ArgumentError(
            f"{ksel.op.name}: `{name}` is {found}, must be "
            + (f"f32{list(cache.shape[:3])}, as the cache is int8" if wanted else
               "None, as the cache is not int8")
        )  # fmt: skip
    if scale is None:
        return
    scale.require(dtypes=(torch.float32,))
    if scale.t.shape != cache.shape[:3]:
        raise ArgumentError(
            f"{ksel.op.name}: `{name}` is {format_tensor(scale.t)}, must be "
            f"f32{list(cache.shape[:3])}, one number a key"
        )
    scale.specialize_dims(1, 2)


def refuse_slots(op: str, slots: Tensor, key_cache: Tensor) -> None:
    """Refuse slots that are not in the cache, on the host."""
    size = key_cache.shape[0] * key_cache.shape[2]
    refuse_indices(op, "slot_mapping", slots, size, lowest=-1, limit=SLOT_LIMIT)


@CustomOp.register(library=LIBRARY, dispatch_key="CPU")
class reshape_and_cache(CustomOp):
    """Write the keys and values of tokens into the pages of a cache, where they lie.

    Slot `s` is key `s % P` of page `s // P`. A slot must occur once: threads share the tokens, so
    one that occurs twice may get parts of both. With an int8 cache each key and each value is
    divided by its scale, its largest magnitude / 127, and rounded; the scales are written, too. A
    NaN becomes 0, and a row with an infinity gets an infinite scale.

    Args:
        key: `[T, Hkv, D]` f32, bf16 or f16.
        value: like `key`.
        key_cache: `[N, Hkv, P, D]` of the dtype of `key`, f32, bf16 or int8; written.
        value_cache: like `key_cache`; written.
        slot_mapping: `[T]` int32 or int64, each in `-1..N * P - 1`; -1 leaves the token out.
        key_scale: `[N, Hkv, P]` f32, with an int8 cache only; written.
        value_scale: like `key_scale`; written.

    Raises:
        ArgumentError: a dtype or shape is not as above.
        IndexOutOfRangeError: a slot is not in the cache; nothing was written then.

    Source:
        PagedAttention, arXiv:2309.06180; the scales: KIVI, arXiv:2402.02750, "per-token".
    """

    signature = (
        "reshape_and_cache(Tensor key, Tensor value, Tensor(a!) key_cache, "
        "Tensor(b!) value_cache, Tensor slot_mapping, Tensor(c!)? key_scale=None, "
        "Tensor(d!)? value_scale=None) -> ()"
    )

    def select(self, ksel: KernelSelection) -> None:
        """Take any tokens, and a cache of any number of pages."""
        key = ksel.arg_tensor(0).require(dtypes=FLOATS, rank=3).specialize_dims(1, 2)
        ksel.arg_tensor(1).require(dtypes=(key.t.dtype,)).specialize_dims(1, 2).require_shape(key)
        select_cache(ksel, key.t, caches=(2, 3), slots=4, scales=(5, 6))
        ksel.variant = decode_form().name

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Check the slots, then write."""
        key, cache, slots = (ksel.arg_descs[i].t for i in (0, 2, 4))
        cache_write = CacheWrite(kb, key, cache, slots)
        cache_write.report_slots(kb.arg_value(4), kb.arg_value(2))
        operands = [kb.arg_value(i) for i in (0, 1, 4, 2, 3)]
        operands += [v for v in (kb.arg_value(5), kb.arg_value(6)) if v is not None]
        kb.yield_results(*cache_write.write(operands))


LIBRARY.impl(NAME, _native_on_gpu, "CUDA")
