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
from kernels_mlir.attention.cache_write import call_cache_write
from kernels_mlir.attention.decode import decode_form
from kernels_mlir.attention.rules import INDICES
from kernels_mlir.inplace.register import NAMESPACE
from kernels_mlir.library import FLOATS

__all__ = ["native_reshape_and_cache", "reshape_and_cache"]

NAME = "reshape_and_cache"
SLOT_LIMIT = "the slots of `key_cache`, or -1 for a token that is left out"
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
    slots, cache = args[4], args[2]
    size = cache.shape[0] * cache.shape[2]
    refuse_indices(NAME, "slot_mapping", slots, size, lowest=-1, limit=SLOT_LIMIT)
    native_reshape_and_cache(*args)


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
        caches = tuple(dict.fromkeys((key.t.dtype, torch.float32, torch.bfloat16, torch.int8)))
        cache = ksel.arg_tensor(2, inplace_tied=True).require(dtypes=caches, rank=4)
        cache.specialize_dims(1, 2, 3)
        other = ksel.arg_tensor(3, inplace_tied=True).require(dtypes=(cache.t.dtype,))
        other.require_shape(cache).specialize_dims(1, 2, 3)
        self._check_cache(key.t, cache.t)
        slots = ksel.arg_tensor(4).require(dtypes=INDICES, rank=1)
        if slots.t.shape[0] != key.t.shape[0]:
            raise ArgumentError(
                f"{self.name}: `slot_mapping` is {format_tensor(slots.t)}, must have "
                f"{key.t.shape[0]} elements, one a token of `key`"
            )
        for i, name in ((5, "key_scale"), (6, "value_scale")):
            self._check_scale(ksel, i, name, cache.t)
        ksel.variant = decode_form().name

    def _check_cache(self, key: Tensor, cache: Tensor) -> None:
        heads = cache.shape[1] == key.shape[1] and cache.shape[3] == key.shape[2]
        if not heads or cache.shape[2] < 1:
            raise ArgumentError(
                f"{self.name}: `key_cache` is {format_tensor(cache)}, must have the heads and "
                f"channels of `key` {format_tensor(key)}, and pages of at least 1 key"
            )

    def _check_scale(self, ksel: KernelSelection, i: int, name: str, cache: Tensor) -> None:
        scale = ksel.arg_optional_tensor(i, inplace_tied=True)
        wanted = cache.dtype == torch.int8
        if (scale is not None) != wanted:
            found = "None" if scale is None else format_tensor(scale.t)
            raise ArgumentError(
                f"{self.name}: `{name}` is {found}, must be "
                + (f"f32{list(cache.shape[:3])}, as the cache is int8" if wanted else
                   "None, as the cache is not int8")
            )  # fmt: skip
        if scale is None:
            return
        scale.require(dtypes=(torch.float32,))
        if scale.t.shape != cache.shape[:3]:
            raise ArgumentError(
                f"{self.name}: `{name}` is {format_tensor(scale.t)}, must be "
                f"f32{list(cache.shape[:3])}, one number a key"
            )
        scale.specialize_dims(1, 2)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Check the slots, then write."""
        key, cache, slots = (ksel.arg_descs[i].t for i in (0, 2, 4))
        operands = [kb.arg_value(i) for i in (0, 1, 4, 2, 3)]
        operands += [v for v in (kb.arg_value(5), kb.arg_value(6)) if v is not None]
        *changed, row = call_cache_write(kb, key, cache, slots, operands)
        kb.report_index_bounds(row, "slot_mapping", limit=SLOT_LIMIT)
        kb.yield_results(*changed)


LIBRARY.impl(NAME, _native_on_gpu, "CUDA")
