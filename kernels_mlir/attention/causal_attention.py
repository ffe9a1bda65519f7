"""causal_attention: the last tokens of a sequence attend to the keys up to their own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import CustomOp, KernelSelection, derive_backward
from kernels_mlir.attention.causal_kernel import causal_variant, generate_causal_attention
from kernels_mlir.attention.rules import (
    MAX_DEPTH,
    has_channels,
    head_numbers,
    of_rank,
    positive,
    scale_of,
    softmax_with_sink,
)
from kernels_mlir.flops import count_flops
from kernels_mlir.kernel_call import kernel_call
from kernels_mlir.library import (
    FLOATING,
    FLOATS,
    has_tuned_products,
    make_rows,
    register_kernel,
    same_dtype,
)
from kernels_mlir.sharding import NO_TENSOR, Sharding, shard_by_rule

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder
    from ir_runtime.op_reg.select.argument import IntArg

__all__ = ["causal_attention", "causal_attention_op", "native_causal_attention"]


_causal_attention = kernel_call("causal_attention")


def causal_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float | None = None,
    window: int | None = None,
    soft_cap: float | None = None,
    sinks: Tensor | None = None,
    mask: Tensor | None = None,
    heads_first: bool = False,  # noqa: FBT001, FBT002 - arguments of ops are positional
    length: int | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Attend from the last `S` tokens of a sequence to all its tokens up to their own.

    Query `i` is the token at position `L - S + i` of the `L` keys, and sees the keys up to that
    position. Computes `softmax(scores) @ value` for each head, where scores are
    `query @ key.T * scale`, with `soft_cap` then `soft_cap * tanh(scores / soft_cap)`, and with
    `mask` then `scores + mask`. Query head `h` uses key head `h // (H / Hkv)`.

    Args:
        query: `[B, S, H, D]` f32, bf16 or f16, any strides; `D` at most 480 in the kernel.
        key: `[B, L, Hkv, D]`, dtype of `query`; `L >= S`, and `Hkv` divides `H`.
        value: shaped like `key`, dtype of `query`.
        scale: factor of the scores; default `1 / sqrt(D)`. Compiled in.
        window: number of keys that a token sees, the newest ones and its own; default all.
            Compiled in.
        soft_cap: bound of the scores, positive; default none. Compiled in.
        sinks: `[H]`, a further score of each head, which has no value.
        mask: `[B or 1, H or 1, S or 1, L]` f32 or the dtype of `query`, added to the scores; -inf
            hides a key.
        heads_first: whether key and value are `[B, Hkv, L, D]`, as in caches of transformers. Query
            and result are as above.
        length: the number of keys that are there, at least `S`; default `L`. Key and value may
            have memory for more, as a cache that grows: `L` above is `length` then, and what lies
            behind is not read. Any value runs in one kernel.
        out: the tensor that the result goes into, shaped and typed as it; default a new one.

    Returns:
        `[B, S, H, D]`, dtype and device of `query`; contiguous. The row of a token that sees no
        key, because of `mask`, is 0.

    Raises:
        ArgumentError: a dtype, shape or value is not as above.

    Numerics:
        Scores, softmax and sums in float32, rounded once to the dtype of `query`. On a CPU that
        multiplies bf16 (AMX or `vdpbf16ps`) the probabilities of bf16 are rounded to bf16, as torch
        does; not those of one token. The bits of a row do not depend on the number of threads.

    Source:
        Attention Is All You Need, arXiv:1706.03762; grouped heads: arXiv:2305.13245; window:
        Mistral 7B, arXiv:2310.06825; soft cap: Gemma 2, arXiv:2408.00118; sinks: gpt-oss model
        card, arXiv:2508.10925.

    Example:
        >>> q = torch.zeros(1, 2, 1, 4)
        >>> v = torch.tensor([1.0, 2.0, 6.0]).reshape(1, 3, 1, 1).expand(1, 3, 1, 4)
        >>> causal_attention(q, v, v)[0, :, 0, 0]
        tensor([1.5000, 3.0000])
    """
    return _causal_attention(
        query, key, value, scale, window, soft_cap, sinks, mask, heads_first, length, out=out
    )


def native_causal_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float | None = None,
    window: int | None = None,
    soft_cap: float | None = None,
    sinks: Tensor | None = None,
    mask: Tensor | None = None,
    heads_first: bool = False,  # noqa: FBT001, FBT002
    length: int | None = None,
) -> Tensor:
    """Compute `causal_attention` with torch functions, in float32, or float64 if `query` is."""
    wide = torch.promote_types(query.dtype, torch.float32)
    if length is not None:
        key, value = (t.narrow(2 if heads_first else 1, 0, length) for t in (key, value))
    k, v = (t.to(wide) if heads_first else t.to(wide).transpose(1, 2) for t in (key, value))
    q = query.to(wide).transpose(1, 2).unflatten(1, (k.shape[1], -1))  # [B, Hkv, group, S, D]
    scores = q @ k.unsqueeze(2).transpose(-1, -2) * scale_of(query, scale)
    if soft_cap is not None:
        scores = soft_cap * torch.tanh(scores / soft_cap)
    if mask is not None:
        scores = (scores.flatten(1, 2) + mask.to(wide)).unflatten(1, q.shape[1:3])
    at = torch.arange(k.shape[2], device=query.device)
    own = torch.arange(query.shape[1], device=query.device).unsqueeze(1)
    own = own + (k.shape[2] - query.shape[1])
    seen = at <= own
    if window is not None:
        seen = seen & (at > own - window)
    scores = scores.masked_fill(~seen, float("-inf"))
    weights = softmax_with_sink(scores, None if sinks is None else sinks.view(q.shape[1:3]))
    out = (weights @ v.unsqueeze(2)).flatten(1, 2)
    return out.transpose(1, 2).to(query.dtype).contiguous()


def _room_of(key: Tensor, heads_first: bool) -> Any:  # noqa: FBT001
    return key.shape[2 if heads_first else 1]


def _length_of(key: Tensor, heads_first: bool, length: Any) -> Any:  # noqa: FBT001
    return _room_of(key, heads_first) if length is None else length


def _key_fits(key: Tensor, query: Tensor, heads_first: bool) -> bool:  # noqa: FBT001
    heads = key.shape[1 if heads_first else 2]
    same = not (ir.differ(key.shape[0], query.shape[0]) or ir.differ(key.shape[3], query.shape[3]))
    return same and heads > 0 and query.shape[2] % heads == 0


def _as_long(key: Tensor, query: Tensor, heads_first: bool) -> bool:  # noqa: FBT001
    return _at_least(_room_of(key, heads_first), query.shape[1])


def _at_least(length: Any, least: Any) -> bool:
    if type(length) is int and type(least) is int:
        return length >= least
    if torch.compiler.is_dynamo_compiling():
        return bool(length >= least)
    from torch.fx.experimental.symbolic_shapes import guard_or_true

    return guard_or_true(length >= least)


def _is_there(length: Any, query: Tensor, key: Tensor, heads_first: bool) -> bool:  # noqa: FBT001
    if length is None:
        return True
    return _at_least(length, query.shape[1]) and _at_least(_room_of(key, heads_first), length)


def _mask_fits(
    mask: Tensor,
    query: Tensor,
    key: Tensor,
    heads_first: bool,  # noqa: FBT001
    length: Any,
) -> bool:
    wanted = (query.shape[0], query.shape[2], query.shape[1])
    for mine, full in zip(mask.shape[:3], wanted, strict=True):
        if ir.differ(mine, 1) and ir.differ(mine, full):
            return False
    return not ir.differ(mask.shape[3], _length_of(key, heads_first, length))


causal_attention_op = ir.register_op(
    name="causal_attention",
    activations=["query", "key", "value"],
    accepts=[
        *(ir.dtypes(name, *FLOATING) for name in ("query", "key", "value", "mask")),
        *(of_rank(name, 4) for name in ("query", "key", "value", "mask")),
        of_rank("sinks", 1),
        has_channels("query"),
        ir.fits(
            "key",
            "of the batch and channels of `query`, and heads that divide those of `query`",
            _key_fits,
            beside=("query", "heads_first"),
            expected=lambda _, query, __: (
                f"agree with `query` {format_tensor(query)} but for its length and its heads, "
                "which must divide those of `query`"
            ),
        ),
        ir.fits(
            "key",
            "at least as long as `query`",
            _as_long,
            beside=("query", "heads_first"),
            expected=lambda _, query, __: f"have at least the {query.shape[1]} tokens of `query`",
        ),
        ir.fits(
            "value",
            "of the shape of `key`",
            lambda value, key: not any(map(ir.differ, value.shape, key.shape)),
            beside=("key",),
            expected=lambda _, key: f"have the shape of `key` {format_tensor(key)}",
        ),
        *(same_dtype(name, "query") for name in ("key", "value")),
        *head_numbers("sinks", 2),
        ir.fits(
            "mask",
            "of the batch, heads, tokens and keys, of which the first three may be 1",
            _mask_fits,
            beside=("query", "key", "heads_first", "length"),
            expected=lambda _, query, key, first, length: (
                f"be [{query.shape[0]}, {query.shape[2]}, {query.shape[1]}, "
                f"{_length_of(key, first, length)}], of which the first three may be 1"
            ),
        ),
        ir.Constraint(
            "length",
            "at least the tokens of `query` and at most the keys of `key`",
            _is_there,
            repr,
            others=("query", "key", "heads_first"),
            expected=lambda _, query, key, first: (
                f"be at least {query.shape[1]}, the tokens of `query`, and at most "
                f"{_room_of(key, first)}, the keys of `key`"
            ),
            reads=ir.Reads.CALL,
        ),
        ir.number("scale", "finite", math.isfinite),
        ir.number("window", "at least 1", lambda n: n >= 1),
        positive("soft_cap"),
    ],
)(native_causal_attention)

# The probabilities of bf16 may be rounded to bf16.
causal_attention_op.override_tolerance(torch.bfloat16, atol=1e-2, rtol=1.6e-2)


@causal_attention_op.register_fake
def causal_attention_fake(query: Tensor, *others: Any) -> Tensor:
    """Return a tensor like `query`; nothing else is read."""
    del others
    return torch.empty_like(query, memory_format=torch.contiguous_format)


@causal_attention_op.register_input_generator
def causal_attention_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    num_heads: int = 16,
    group: int = 1,
) -> tuple[Any, ...]:
    """Make query, key and value of one sequence of `num_tokens`, `group` query heads a key head."""
    depth = hidden_size // num_heads
    q = make_rows(num_tokens, hidden_size, dtype, device).view(1, num_tokens, num_heads, depth)
    kv = (make_rows(num_tokens, hidden_size // group, dtype, device) for _ in range(2))
    k, v = (t.view(1, num_tokens, num_heads // group, depth) for t in kv)
    return q, k, v


@register_kernel(
    causal_attention_op,
    constraints=[
        ir.devices("query", "cpu"),
        *(ir.dtypes(name, *FLOATS) for name in ("query", "sinks")),
        ir.fits(
            "mask",
            "f32 or of the dtype of `query`",
            lambda mask, query: mask.dtype in (torch.float32, query.dtype),
            beside=("query",),
        ),
        ir.static("query", 2, 3),
        ir.fits(
            "query",
            f"of at most {MAX_DEPTH} channels a head",
            lambda query: query.shape[3] <= MAX_DEPTH,
        ),
    ],
    tuned=has_tuned_products,
)
class CausalAttentionKernel(CustomOp):
    """The MLIR kernel of `causal_attention`: one binary for one token, one for more."""

    signature = (
        "causal_attention(Tensor query, Tensor key, Tensor value, float? scale=None, "
        "int? window=None, float? soft_cap=None, Tensor? sinks=None, Tensor? mask=None, "
        "bool heads_first=False, SymInt? length=None) -> Tensor"
    )
    work_per_byte = 32.0
    backward: Any = derive_backward(native_causal_attention)

    def select(self, ksel: KernelSelection) -> None:
        """Take any batch, number of tokens and of keys of one arrangement of heads."""
        query = ksel.arg_tensor(0).require(dtypes=FLOATS, rank=4).specialize_dims(2, 3)
        if ksel.device_family != "local" or not 1 <= query.t.shape[3] <= MAX_DEPTH:
            raise ArgumentError(
                f"{self.name}: `query` is {format_tensor(query.t)}, must be on a CPU and have "
                f"1 to {MAX_DEPTH} channels"
            )
        ksel.attr_float(3)
        window = ksel.attr_int(4)
        ksel.attr_float(5)
        heads_first = bool(ksel.attr_bool(8).v)
        for i in (1, 2):
            other = ksel.arg_tensor(i).require(dtypes=(query.t.dtype,), rank=4)
            other.specialize_dims(1 if heads_first else 2, 3)
            self._check_key(other.name, query.t, other.t, heads_first=heads_first)
        length = ksel.arg_optional_int(9)
        self._check_length(length, query.t, ksel.arg_descs[1].t, heads_first)
        if ksel.arg_descs[1].t.shape != ksel.arg_descs[2].t.shape:
            raise ArgumentError(f"{self.name}: `value` must have the shape of `key`")
        sinks = ksel.arg_optional_tensor(6)
        if sinks is not None:
            sinks.require(dtypes=FLOATS, rank=1).specialize_all_dims()
        mask = ksel.arg_optional_tensor(7)
        if mask is not None:
            mask.require(dtypes=(torch.float32, query.t.dtype), rank=4)
        if length is not None and mask is None:
            room = _room_of(ksel.arg_descs[1].t, heads_first)
            if all(type(size) is int for size in (room, query.t.shape[1])):
                length.alike = (query.t.shape[1], room)
        if query.t.shape[1] == 1:
            query.specialize_dims(1)
            if mask is not None:
                mask.specialize_dims(1, 2)
        ksel.variant = causal_variant(query.t, None if mask is None else mask.t, window.v)
        ksel.return_new_tensor(query.t.shape, query.t.dtype).specialize_dims(2, 3)

    def _check_key(self, name: str, query: Tensor, key: Tensor, *, heads_first: bool) -> None:
        heads, length = key.shape[1 if heads_first else 2], key.shape[2 if heads_first else 1]
        same = key.shape[0] == query.shape[0] and key.shape[3] == query.shape[3]
        if not same or heads < 1 or query.shape[2] % heads or length < query.shape[1]:
            raise ArgumentError(
                f"{self.name}: `{name}` is {format_tensor(key)}, must agree with `query` "
                f"{format_tensor(query)} but for its length and its heads"
            )

    def _check_length(self, arg: IntArg | None, query: Tensor, key: Tensor, first: bool) -> None:  # noqa: FBT001
        if arg is not None and not _is_there(arg.v, query, key, first):
            raise ArgumentError(
                f"{self.name}: `length` is {arg.v}, must be at least {query.shape[1]}, the tokens "
                f"of `query`, and at most {_room_of(key, first)}, the keys of `key`"
            )

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Compute in float32, or in products of bfloat16 with float32 sums."""
        generate_causal_attention(ksel, kb)


def _shardings(query: Any, key: Any, value: Any, *others: Any) -> list[Sharding]:
    """Split the batch, if there is no mask."""
    del query, key, value
    sinks, mask = (*others, *[None] * 5)[3:5]
    if mask is not None:
        return []
    rest = [NO_TENSOR, NO_TENSOR, NO_TENSOR, NO_TENSOR if sinks is None else None, NO_TENSOR]
    return [([0], [0, 0, 0, *rest, NO_TENSOR, NO_TENSOR])]


shard_by_rule("causal_attention", _shardings)


@count_flops("causal_attention")
def _flops(query: Tensor, key: Tensor, *others: Any) -> int:
    batch, tokens, heads, depth = query.shape
    heads_first = bool(others[6]) if len(others) > 6 else False
    length = others[7] if len(others) > 7 else None
    before = _length_of(key, heads_first, length) - tokens
    pairs = tokens * before + tokens * (tokens + 1) // 2
    return 4 * batch * heads * pairs * depth
