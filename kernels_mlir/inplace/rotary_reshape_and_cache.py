"""ir_inplace::rotary_reshape_and_cache: queries and keys rotated, the keys put into a cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.launch.operand.index_fault import refuse_indices
from ir_runtime.op_reg import CustomOp, KernelSelection
from kernels_mlir.attention.cache_write import CacheWrite
from kernels_mlir.attention.decode import decode_form
from kernels_mlir.inplace.reshape_and_cache import (
    LIBRARY,
    native_reshape_and_cache,
    refuse_slots,
    select_cache,
)
from kernels_mlir.library import FLOATS
from kernels_mlir.rope.rotary_embedding import turning

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["native_rotary_reshape_and_cache", "rotary_reshape_and_cache"]

NAME = "rotary_reshape_and_cache"


def native_rotary_reshape_and_cache(
    positions: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cos_sin_cache: Tensor,
    key_cache: Tensor,
    value_cache: Tensor,
    slot_mapping: Tensor,
    is_neox_style: bool = True,  # noqa: FBT001, FBT002 - the order of the op's arguments
    key_scale: Tensor | None = None,
    value_scale: Tensor | None = None,
) -> Tensor:
    """Compute `rotary_reshape_and_cache` with torch functions; indices are not checked."""
    angles = cos_sin_cache[positions].to(query.dtype)
    turn = turning(angles, query.shape[-1], angles.shape[-1], is_neox_style=is_neox_style)
    caches = key_cache, value_cache, slot_mapping
    native_reshape_and_cache(turn(key), value, *caches, key_scale, value_scale)
    return turn(query)


def _native_on_gpu(*args: Any) -> Tensor:
    positions, cos_sin_cache, key_cache, slots = (args[i] for i in (0, 4, 5, 7))
    refuse_indices(NAME, "positions", positions, cos_sin_cache.shape[0])
    refuse_slots(NAME, slots, key_cache)
    return native_rotary_reshape_and_cache(*args)


@CustomOp.register(library=LIBRARY, dispatch_key="CPU")
class rotary_reshape_and_cache(CustomOp):
    """Rotate the queries and keys of tokens, and write keys and values into the pages of a cache.

    One launch for `rotary_embedding` and `reshape_and_cache`, with the results of both.

    Args:
        positions: `[T]` int32 or int64, each a row of `cos_sin_cache`.
        query: `[T, H, D]` f32, bf16 or f16.
        key: `[T, Hkv, D]` of the dtype of `query`.
        value: like `key`.
        cos_sin_cache: `[max_position, rotary_dim]` f32, bf16 or f16: the cosines of a position,
            then its sines; `rotary_dim` is even and in `2..D`.
        key_cache: `[N, Hkv, P, D]` of the dtype of `key`, f32, bf16 or int8; written.
        value_cache: like `key_cache`; written.
        slot_mapping: `[T]` int32 or int64, each in `-1..N * P - 1`; -1 leaves the token out of the
            cache, its query is rotated.
        is_neox_style: whether halves of a head are paired, and not neighbours.
        key_scale: `[N, Hkv, P]` f32, with an int8 cache only; written.
        value_scale: like `key_scale`; written.

    Returns:
        The rotated queries, shaped like `query`.

    Raises:
        ArgumentError: a dtype or shape is not as above.
        IndexOutOfRangeError: a position or a slot is out of range; nothing was written then.

    Source:
        RoFormer, arXiv:2104.09864, section 3.4.2; PagedAttention, arXiv:2309.06180.
    """

    signature = (
        "rotary_reshape_and_cache(Tensor positions, Tensor query, Tensor key, Tensor value, "
        "Tensor cos_sin_cache, Tensor(a!) key_cache, Tensor(b!) value_cache, Tensor slot_mapping, "
        "bool is_neox_style=True, Tensor(c!)? key_scale=None, Tensor(d!)? value_scale=None) "
        "-> Tensor"
    )

    def select(self, ksel: KernelSelection) -> None:
        """Take any tokens of one arrangement of heads, and a cache of any number of pages."""
        positions = ksel.arg_tensor(0).require(dtypes=(torch.int32, torch.int64), rank=1)
        query = ksel.arg_tensor(1).require(dtypes=FLOATS, rank=3).specialize_dims(1, 2)
        dtypes = (query.t.dtype,)
        key = ksel.arg_tensor(2).require(dtypes=dtypes, rank=3).specialize_dims(1, 2)
        ksel.arg_tensor(3).require(dtypes=dtypes).specialize_dims(1, 2).require_shape(key)
        angles = ksel.arg_tensor(4).require(dtypes=FLOATS, rank=2).specialize_dims(-1)
        ksel.attr_bool(8)
        self._check_heads(positions.t, query.t, key.t, angles.t)
        ksel.return_new_tensor(query.t.shape, query.t.dtype).specialize_dims(1, 2)
        select_cache(ksel, key.t, caches=(5, 6), slots=7, scales=(9, 10))
        ksel.variant = decode_form().name

    def _check_heads(self, positions: Tensor, query: Tensor, key: Tensor, angles: Tensor) -> None:
        tokens, _, size = query.shape
        if key.shape[0] != tokens or key.shape[2] != size:
            raise ArgumentError(
                f"{self.name}: `key` is {format_tensor(key)}, must have the tokens and channels of "
                f"`query` {format_tensor(query)}"
            )
        if positions.shape[0] != tokens:
            raise ArgumentError(
                f"{self.name}: `positions` is {format_tensor(positions)}, must have {tokens} "
                "elements, one a token of `query`"
            )
        rows, dim = angles.shape
        if rows < 1 or dim % 2 or not 2 <= dim <= size:
            raise ArgumentError(
                f"{self.name}: `cos_sin_cache` is {format_tensor(angles)}, must have at least one "
                f"row, of an even number of elements in 2..{size}, the channels of `query`"
            )

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Check positions and slots, rotate, then write."""
        from ir_runtime.rows import inline  # a stored kernel needs none of it

        key, angles, cache, slots = (ksel.arg_descs[i].t for i in (2, 4, 5, 7))
        is_neox = bool(ksel.arg_descs[8].v)

        def turn(positions: Tensor, query: Tensor, key: Tensor, table: Tensor) -> tuple[Any, ...]:
            rows = torch.nn.functional.embedding(positions, table).to(query.dtype)
            turned = turning(rows, query.shape[-1], angles.shape[-1], is_neox_style=is_neox)
            return turned(query), turned(key)

        cache_write = CacheWrite(kb, key, cache, slots)
        cache_write.report_slots(kb.arg_value(7), kb.arg_value(5))
        like = [_with_tokens(ksel.arg_descs[i].t) for i in (0, 1, 2)]
        turned, kept = inline(
            kb, turn, *(kb.arg_value(i) for i in (0, 1, 2, 4)), like=[*like, angles]
        )
        operands = [kept, *(kb.arg_value(i) for i in (3, 7, 5, 6))]
        operands += [v for v in (kb.arg_value(9), kb.arg_value(10)) if v is not None]
        kb.yield_results(turned, *cache_write.write(operands))


def _with_tokens(tensor: Tensor) -> Tensor:
    """Return a tensor with some tokens, as a row kernel is not made from a call without rows."""
    return torch.empty((2, *tensor.shape[1:]), dtype=tensor.dtype, device="meta")


LIBRARY.impl(NAME, _native_on_gpu, "CUDA")
