"""paged_attention_decode: one token of each sequence attends to the keys in its pages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.launch.operand.index_fault import refuse_indices
from ir_runtime.op_reg import CustomOp, KernelSelection
from kernels_mlir.attention.decode import Decode, call_decode, decode_form
from kernels_mlir.attention.rules import (
    CACHES,
    INDICES,
    MAX_DEPTH,
    has_channels,
    head_numbers,
    of_rank,
    positive,
    scale_of,
    softmax_with_sink,
    window_of,
)
from kernels_mlir.kernel_call import kernel_call
from kernels_mlir.library import FLOATING, FLOATS, has_tuned_products, register_kernel

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["native_paged_attention_decode", "paged_attention_decode", "paged_attention_decode_op"]

EVEN = 16
"""The kernel takes pages of a multiple of so many keys."""

LENGTH_LIMIT = "the keys of its row of `block_table`"
BLOCK_LIMIT = "the blocks of `key_cache`"


_paged_attention_decode = kernel_call("paged_attention_decode")


def paged_attention_decode(
    query: Tensor,
    key_cache: Tensor,
    value_cache: Tensor,
    block_table: Tensor,
    lengths: Tensor,
    scale: float | None = None,
    window: int | None = None,
    soft_cap: float | None = None,
    sinks: Tensor | None = None,
    key_scale: Tensor | None = None,
    value_scale: Tensor | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Attend from the newest token of each sequence to the keys in the sequence's pages.

    Key `t` of sequence `b` is `key_cache[block_table[b, t // P], :, t % P]`; those with
    `t < lengths[b]` count. Computes `softmax(scores) @ value` for each head, where scores are
    `query @ key.T * scale`, and with `soft_cap` then `soft_cap * tanh(scores / soft_cap)`. Query
    head `h` uses key head `h // (H / Hkv)`.

    Args:
        query: `[B, H, D]` f32, bf16 or f16, one token a sequence; `D` at most 480.
        key_cache: `[N, Hkv, P, D]`, `N` pages of `P` keys, of the dtype of `query`, f32, bf16, or
            int8 with scales; `Hkv` divides `H`.
        value_cache: shaped like `key_cache`, of its dtype.
        block_table: `[B, M]` int32 or int64: the pages of each sequence in order. Only the entries
            that `lengths` and `window` ask for are read.
        lengths: `[B]` int32 or int64, each in `0..M * P`; includes the newest token.
        scale: factor of the scores; default `1 / sqrt(D)`. Compiled in.
        window: number of keys that the token sees, the newest ones; default all. Compiled in.
        soft_cap: bound of the scores, positive; default none. Compiled in.
        sinks: `[H]`, a further score of each head, which has no value.
        key_scale: `[N, Hkv, P]` f32, the factor of each key; with an int8 cache only.
        value_scale: `[N, Hkv, P]` f32, the factor of each value; with an int8 cache only.
        out: the tensor that the result goes into, shaped and typed as it; default a new one.

    Returns:
        `[B, H, D]`, dtype and device of `query`; contiguous. The row of a sequence without keys
        is 0.

    Raises:
        ArgumentError: a dtype, shape or value is not as above.
        IndexOutOfRangeError: a length is beyond the table, or a page that is needed is not in the
            cache; on a CPU.

    Numerics:
        Scores, softmax and sums in float32, rounded once to the dtype of `query`; the bits of a row
        depend on its sequence alone. With an int8 cache, on x86, a bf16 `query` is rounded by at
        most a 65000th of its head's largest channel (a 127th of that channel's own rounding), and a
        weight times its value scale by that part of both their largest ones of 128 keys.

    Source:
        Efficient Memory Management for Large Language Model Serving with PagedAttention,
        arXiv:2309.06180; the merge of parts: Online normalizer calculation for softmax,
        arXiv:1805.02867; sinks: gpt-oss model card, arXiv:2508.10925.

    Example:
        >>> values = torch.arange(32.0).reshape(2, 1, 16, 1).expand(2, 1, 16, 4)
        >>> table = torch.tensor([[1, 0]])  # its first keys are in page 1
        >>> query, lengths = torch.zeros(1, 1, 4), torch.tensor([18])
        >>> paged_attention_decode(query, values, values, table, lengths, window=3)[0, 0, 0]
        tensor(10.6667)
    """
    given = (query, key_cache, value_cache, block_table, lengths, scale, window, soft_cap, sinks)
    return _paged_attention_decode(*given, key_scale, value_scale, out=out)


def native_paged_attention_decode(
    query: Tensor,
    key_cache: Tensor,
    value_cache: Tensor,
    block_table: Tensor,
    lengths: Tensor,
    scale: float | None = None,
    window: int | None = None,
    soft_cap: float | None = None,
    sinks: Tensor | None = None,
    key_scale: Tensor | None = None,
    value_scale: Tensor | None = None,
) -> Tensor:
    """Compute `paged_attention_decode` with torch functions, in float32, or float64 if `query` is.

    All pages of a table are gathered, and widened, also those that no key is read of.
    """
    wide = torch.promote_types(query.dtype, torch.float32)
    page = key_cache.shape[2]
    position = torch.arange(block_table.shape[1] * page, device=query.device)
    length = lengths.to(torch.int64).unsqueeze(1)
    seen = position < length
    if window is not None:
        seen = seen & (position >= length - window)
    used = seen.unflatten(1, (block_table.shape[1], page)).any(2)
    table = torch.where(used, block_table.to(torch.int64), 0)

    def gathered(cache: Tensor, factor: Tensor | None) -> Tensor:
        """Return `[B, Hkv, M * P, D]`, zeros where no key counts: memory there may hold NaN."""
        rows = cache[table].to(wide)
        if factor is not None:
            rows = rows * factor[table].unsqueeze(-1)
        rows = rows.transpose(1, 2).flatten(2, 3)
        return torch.where(seen[:, None, :, None], rows, 0.0)

    key, value = gathered(key_cache, key_scale), gathered(value_cache, value_scale)
    heads = query.to(wide).unflatten(1, (key.shape[1], -1))
    scores = heads @ key.transpose(-1, -2) * scale_of(query, scale)
    if soft_cap is not None:
        scores = soft_cap * torch.tanh(scores / soft_cap)
    scores = scores.masked_fill(~seen[:, None, None, :], float("-inf"))
    weights = softmax_with_sink(scores, None if sinks is None else sinks.view(heads.shape[1:3]))
    return (weights @ value).flatten(1, 2).to(query.dtype).contiguous()


def _caches_fit(key_cache: Tensor, query: Tensor) -> bool:
    heads, page = key_cache.shape[1:3]
    fits = not ir.differ(key_cache.shape[3], query.shape[2])
    return fits and heads > 0 and page > 0 and query.shape[1] % heads == 0


def _dtype_fits(key_cache: Tensor, query: Tensor) -> bool:
    return key_cache.dtype in (*CACHES, query.dtype)


def _like_cache(argument: str) -> ir.Constraint:
    return ir.fits(
        argument,
        "of the shape and dtype of `key_cache`",
        lambda t, key: t.dtype == key.dtype and not any(map(ir.differ, t.shape, key.shape)),
        beside=("key_cache",),
        expected=lambda _, key: f"be like `key_cache` {format_tensor(key)}",
    )


def _is_scale(argument: str) -> list[ir.Constraint]:
    def test(t: Tensor | None, key: Tensor) -> bool:
        if t is None or key.dtype != torch.int8:
            return t is None and key.dtype != torch.int8
        return t.dtype == torch.float32 and not any(map(ir.differ, t.shape, key.shape[:3]))

    return [
        of_rank(argument, 3),
        ir.Constraint(
            argument,
            "f32, one number a key, if the cache is int8, else None",
            test,
            lambda t: "None" if t is None else format_tensor(t),
            others=("key_cache",),
        ),
    ]


def _in_batch(argument: str) -> ir.Constraint:
    return ir.fits(
        argument,
        "of the batch of `query`",
        lambda t, query: not ir.differ(t.shape[0], query.shape[0]),
        beside=("query",),
        expected=lambda _, query: f"have a first dimension of {query.shape[0]} as `query`",
    )


paged_attention_decode_op = ir.register_op(
    name="paged_attention_decode",
    activations=["query"],
    accepts=[
        ir.dtypes("query", *FLOATING),
        of_rank("query", 3),
        has_channels("query"),
        of_rank("key_cache", 4),
        of_rank("value_cache", 4),
        of_rank("block_table", 2),
        of_rank("lengths", 1),
        of_rank("sinks", 1),
        ir.fits(
            "key_cache",
            "f32, bf16, int8 or of the dtype of `query`",
            _dtype_fits,
            beside=("query",),
        ),
        ir.fits(
            "key_cache",
            "of the channels of `query`, heads that divide those of `query`, and pages of keys",
            _caches_fit,
            beside=("query",),
            expected=lambda _, query: (
                f"have pages of at least 1 key, the channels of `query` {format_tensor(query)}, "
                "and heads that divide its heads"
            ),
        ),
        _like_cache("value_cache"),
        *(ir.dtypes(name, *INDICES) for name in ("block_table", "lengths")),
        *(_in_batch(name) for name in ("block_table", "lengths")),
        *head_numbers("sinks", 1),
        ir.number("scale", "finite", math.isfinite),
        ir.number("window", "at least 1", lambda n: n >= 1),
        positive("soft_cap"),
        *_is_scale("key_scale"),
        *_is_scale("value_scale"),
    ],
)(native_paged_attention_decode)


@paged_attention_decode_op.register_value_check
def _refuse_values(
    query: Tensor,
    key_cache: Tensor,
    value_cache: Tensor,
    block_table: Tensor,
    lengths: Tensor,
    scale: float | None,
    window: int | None,
    *others: Any,
) -> None:
    del query, value_cache, scale, others
    if not lengths.numel():
        return
    page, width = key_cache.shape[2], block_table.shape[1]
    known = lengths.clamp(0, width * page).unsqueeze(1)
    first = torch.zeros_like(known) if window is None else (known - window).clamp(min=0)
    at = torch.arange(width).unsqueeze(0)
    used = block_table[(at * page < known) & ((at + 1) * page > first)]
    op, blocks = "paged_attention_decode", key_cache.shape[0]
    refuse_indices(op, "lengths", lengths, width * page + 1, limit=LENGTH_LIMIT)
    refuse_indices(op, "block_table", used, blocks, limit=BLOCK_LIMIT)


@paged_attention_decode_op.register_fake
def paged_attention_decode_fake(query: Tensor, *others: Any) -> Tensor:
    """Return a tensor like `query`; nothing else is read."""
    del others
    return torch.empty_like(query, memory_format=torch.contiguous_format)


@paged_attention_decode_op.register_input_generator
def paged_attention_decode_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    num_heads: int = 16,
    page: int = 16,
    batch: int = 1,
) -> tuple[Any, ...]:
    """Make a token of each sequence, and a cache of `num_tokens` keys of each, pages shuffled."""
    depth, pages = hidden_size // num_heads, -(-num_tokens // page)
    query = torch.randn(batch, num_heads, depth, device=device).to(dtype)
    shape = (batch * pages, max(1, num_heads // 4), page, depth)
    key, value = (torch.randn(shape, device=device).to(dtype) for _ in range(2))
    table = torch.randperm(batch * pages, dtype=torch.int32, device=device).view(batch, pages)
    lengths = torch.full((batch,), num_tokens, dtype=torch.int32, device=device)
    return query, key, value, table, lengths


@register_kernel(
    paged_attention_decode_op,
    constraints=[
        ir.devices("query", "cpu"),
        ir.dtypes("query", *FLOATS),
        ir.static("query", 1, 2),
        ir.static("key_cache", 1, 2),
        ir.fits(
            "query",
            f"of at most {MAX_DEPTH} channels a head",
            lambda query: query.shape[2] <= MAX_DEPTH,
        ),
        ir.fits(
            "key_cache",
            f"of pages of a multiple of {EVEN} keys",
            lambda cache: cache.shape[2] % EVEN == 0,
        ),
    ],
    tuned=has_tuned_products,
)
class PagedAttentionDecodeKernel(CustomOp):
    """The MLIR kernel of `paged_attention_decode`: one binary for all lengths and tables."""

    signature = (
        "paged_attention_decode(Tensor query, Tensor key_cache, Tensor value_cache, "
        "Tensor block_table, Tensor lengths, float? scale=None, int? window=None, "
        "float? soft_cap=None, Tensor? sinks=None, Tensor? key_scale=None, "
        "Tensor? value_scale=None) -> Tensor"
    )
    work_per_byte = 2.0

    def select(self, ksel: KernelSelection) -> None:
        """Take any batch, table and cache of one arrangement of heads and pages."""
        query = ksel.arg_tensor(0).require(dtypes=FLOATS, rank=3).specialize_dims(1, 2)
        key = ksel.arg_tensor(1).require(rank=4).specialize_dims(1, 2, 3)
        value = ksel.arg_tensor(2).require(dtypes=(key.t.dtype,), rank=4)
        value.specialize_dims(1, 2, 3).require_shape(key)
        self._check(ksel.device_family, query.t, key.t)
        for i, rank in ((3, 2), (4, 1)):
            index = ksel.arg_tensor(i).require(dtypes=INDICES, rank=rank)
            if index.t.shape[0] != query.t.shape[0]:
                raise ArgumentError(
                    f"{self.name}: `{index.name}` is {format_tensor(index.t)}, must have a first "
                    f"dimension of {query.t.shape[0]} as `query`"
                )
        ksel.attr_float(5)
        ksel.attr_int(6)
        ksel.attr_float(7)
        sinks = ksel.arg_optional_tensor(8)
        if sinks is not None:
            sinks.require(dtypes=FLOATS, rank=1).specialize_all_dims()
        for i in (9, 10):
            scale = ksel.arg_optional_tensor(i)
            if scale is not None:
                scale.require(dtypes=(torch.float32,), rank=3).specialize_dims(1, 2)
        ksel.variant = decode_form().name if ksel.device_family == "local" else "native"
        ksel.return_new_tensor(query.t.shape, query.t.dtype).specialize_dims(1, 2)

    def _check(self, family: str, query: Tensor, key: Tensor) -> None:
        if family != "local":
            raise ArgumentError(
                f"{self.name}: `query` is on a device of family {family}, must be on a CPU"
            )
        if query.shape[2] > MAX_DEPTH or key.shape[2] % EVEN:
            raise ArgumentError(
                f"{self.name}: `key_cache` is {format_tensor(key)}, must have pages of a multiple "
                f"of {EVEN} keys, and at most {MAX_DEPTH} channels"
            )

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Compute in float32; the pages and lengths are checked as they are read."""
        args = ksel.arg_descs
        query, key = args[0].t, args[1].t
        sinks = kb.arg_value(8)
        what = Decode(
            heads=query.shape[1],
            kv_heads=key.shape[1],
            depth=query.shape[2],
            dtype=query.dtype,
            cache=key.dtype,
            place="pages",
            scale=scale_of(query, args[5].v),
            page=key.shape[2],
            index_dtypes=(args[3].t.dtype, args[4].t.dtype),
            window=window_of(args[6].v),
            soft_cap=args[7].v,
            sinks=None if sinks is None else args[8].t.dtype,
        )
        scales = [kb.arg_value(i) for i in (9, 10) if key.dtype == torch.int8]
        operands = [kb.arg_value(i) for i in range(3)] + scales
        operands += [kb.arg_value(3), kb.arg_value(4)] + [v for v in (sinks,) if v is not None]
        out, lengths, pages = call_decode(kb, what, operands)
        kb.report_index_bounds(lengths, "lengths", limit=LENGTH_LIMIT)
        kb.report_index_bounds(pages, "block_table", limit=BLOCK_LIMIT)
        kb.yield_results(out)
