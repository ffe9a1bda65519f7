"""mm_encoder_attn: the attention of an encoder, from each token to all tokens of its segment."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import CustomOp, KernelSelection
from kernels_mlir.attention.kernel import generate_attention, variant_for
from kernels_mlir.attention.rules import MAX_DEPTH, has_channels, of_rank, scale_of
from kernels_mlir.flops import count_flops
from kernels_mlir.kernel_call import kernel_call
from kernels_mlir.library import (
    FLOATING,
    FLOATS,
    INTEGERS,
    by_libraries_on_gpus,
    has_tuned_products,
    make_rows,
    register_kernel,
    same_dtype,
    summed_like,
)
from kernels_mlir.sharding import NO_TENSOR, Sharding, shard_by_rule

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["mm_encoder_attn", "mm_encoder_attn_op", "native_mm_encoder_attn"]


_mm_encoder_attn = kernel_call("mm_encoder_attn")


def mm_encoder_attn(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float | None = None,
    cu_seqlens: Tensor | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Attend from each token to all tokens of its segment; not causal, no mask.

    Computes `softmax(query @ key.T * scale) @ value` for each head. With fewer key heads than
    query heads, query head `h` uses key head `h // (H / Hkv)`.

    Args:
        query: `[B, S, H, D]` f32, bf16 or f16, any strides; `D` at most 480 on CPUs.
        key: `[B, S, Hkv, D]`, dtype of `query`; `Hkv` divides `H`.
        value: `[B, S, Hkv, D]`, dtype of `query`.
        scale: factor of the scores; default `1 / sqrt(D)`. Compiled in.
        cu_seqlens: `[n + 1]` int32, the start of each segment along `S`, and the end of the last
            one: starts at 0, never falls, ends at `S`. Default: one segment.
        out: the tensor that the result goes into, shaped and typed as it; default a new one.

    Returns:
        `[B, S, H, D]`, dtype and device of `query`; contiguous; never aliases an argument.

    Raises:
        ArgumentError: a dtype, shape or value is not as above. Values of `cu_seqlens` are checked
            on the CPU. On other devices segments are clamped to `0..S`, and the result of a token
            outside of all segments is 0.

    Numerics:
        Scores, softmax and sums in float32, rounded once to the dtype of `query`. On a CPU that
        multiplies bf16 (AMX or `vdpbf16ps`) the probabilities of bf16 are rounded to bf16, as torch
        does. The bits of a row do not depend on the number of threads.

    Source:
        Attention Is All You Need, arXiv:1706.03762; grouped heads: arXiv:2305.13245.

    Example:
        >>> q = torch.zeros(1, 2, 1, 4)
        >>> v = torch.tensor([1.0, 3.0]).reshape(1, 2, 1, 1).expand(1, 2, 1, 4)
        >>> mm_encoder_attn(q, q, v)[0, :, 0, 0]
        tensor([2., 2.])
        >>> bounds = torch.tensor([0, 1, 2], dtype=torch.int32)
        >>> mm_encoder_attn(q, q, v, cu_seqlens=bounds)[0, :, 0, 0]
        tensor([1., 3.])
    """
    return _mm_encoder_attn(query, key, value, scale, cu_seqlens, out=out)


def native_mm_encoder_attn(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float | None = None,
    cu_seqlens: Tensor | None = None,
) -> Tensor:
    """Compute `mm_encoder_attn` with torch functions, in float32, or float64 if `query` is.

    On GPUs it is torch's `scaled_dot_product_attention`, in the dtype of `query`.
    """
    if query.device.type == "cuda" and query.dtype == key.dtype == value.dtype:
        return _attend_by_library(query, key, value, scale_of(query, scale), cu_seqlens)
    q, k, v = _widen_heads(query, key, value)
    weights = _attention_weights(q, k, scale_of(query, scale), cu_seqlens)
    return (weights @ v).transpose(1, 2).to(query.dtype).contiguous()


def _attend_by_library(
    query: Tensor, key: Tensor, value: Tensor, scale: float, cu_seqlens: Tensor | None
) -> Tensor:
    q, k, v = (t.transpose(1, 2) for t in (query, key, value))
    group = query.shape[2] // key.shape[2]
    if group > 1:
        k, v = (t.repeat_interleave(group, dim=1) for t in (k, v))
    attend = torch.nn.functional.scaled_dot_product_attention
    if cu_seqlens is None:
        return attend(q, k, v, scale=scale).transpose(1, 2).contiguous()
    same, inside = _same_segment(query.shape[1], cu_seqlens)
    y = attend(q, k, v, attn_mask=same, scale=scale)
    return y.masked_fill(~inside[:, None], 0.0).transpose(1, 2).contiguous()


def _same_segment(tokens: int, cu_seqlens: Tensor) -> tuple[Tensor, Tensor]:
    """Return which pairs of tokens are in one segment `[S, S]`, and which tokens are in any."""
    position = torch.arange(tokens, device=cu_seqlens.device)
    segment = torch.bucketize(position, cu_seqlens.to(position.dtype), right=True)
    inside = (segment > 0) & (segment < cu_seqlens.shape[0])
    return (segment[:, None] == segment[None, :]) & inside[:, None], inside


def _widen_heads(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return all three as `[B, H, S, D]` in float32 or wider, key heads repeated."""
    dtype = torch.promote_types(query.dtype, torch.float32)
    group = query.shape[2] // key.shape[2]
    q, k, v = (t.transpose(1, 2).to(dtype) for t in (query, key, value))
    return q, k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)


def _attention_weights(q: Tensor, k: Tensor, scale: float, cu_seqlens: Tensor | None) -> Tensor:
    """Return the softmax `[B, H, S, S]`; a row without a segment is 0."""
    scores = q @ k.transpose(-1, -2) * scale
    if cu_seqlens is None:
        return torch.softmax(scores, dim=-1)
    same, _ = _same_segment(q.shape[2], cu_seqlens)
    weights = torch.softmax(scores.masked_fill(~same, float("-inf")), dim=-1)
    return weights.masked_fill(~same, 0.0)


def _key_fits(key: Tensor, query: Tensor) -> bool:
    if ir.differ(key.shape[0], 1) and ir.differ(key.shape[0], query.shape[0]):
        return False
    heads = key.shape[2]
    return not ir.differ(key.shape[3], query.shape[3]) and heads > 0 and query.shape[2] % heads == 0


def _value_fits(value: Tensor, key: Tensor) -> bool:
    return not any(ir.differ(value.shape[i], key.shape[i]) for i in range(3))


mm_encoder_attn_op = ir.register_op(
    name="mm_encoder_attn",
    activations=["query", "key", "value"],
    accepts=[
        *(ir.dtypes(name, *FLOATING) for name in ("query", "key", "value")),
        *(of_rank(name, 4) for name in ("query", "key", "value")),
        has_channels("query"),
        ir.fits(
            "key",
            "of the batch and channels of `query`, heads that divide those of `query`, any length",
            _key_fits,
            beside=("query",),
            expected=lambda _, query: (
                f"agree with `query` {format_tensor(query)} but for its length and its heads, "
                "which must divide those of `query`"
            ),
        ),
        ir.fits(
            "value",
            "of the batch, length and heads of `key`",
            _value_fits,
            beside=("key",),
            expected=lambda _, key: f"agree with `key` {format_tensor(key)} but for its channels",
        ),
        ir.number("scale", "finite", lambda scale: abs(scale) < float("inf")),
        ir.dtypes("cu_seqlens", *INTEGERS),
        of_rank("cu_seqlens", 1),
        ir.fits(
            "cu_seqlens",
            "of at least 1 element, with a `key` as long as `query`",
            lambda bounds, query, key: (
                ir.differ(bounds.shape[0], 0) and not ir.differ(query.shape[1], key.shape[1])
            ),
            beside=("query", "key"),
            expected=lambda *_: "have an element, and `key` the length of `query`",
        ),
    ],
)(native_mm_encoder_attn)


# The probabilities of bf16 may be rounded to bf16.
mm_encoder_attn_op.override_tolerance(torch.bfloat16, atol=5e-3, rtol=1.6e-2)


@mm_encoder_attn_op.register_fake
def mm_encoder_attn_fake(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float | None = None,
    cu_seqlens: Tensor | None = None,
) -> Tensor:
    """Return a tensor with the result's shape and dtype; `cu_seqlens` is not read."""
    del key, scale, cu_seqlens
    return query.new_empty((*query.shape[:3], value.shape[3]))


@mm_encoder_attn_op.register_input_generator
def mm_encoder_attn_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    num_heads: int = 16,
) -> tuple[Any, ...]:
    """Make query, key and value of one sequence of `num_tokens`; `num_heads` divides the size."""
    heads = (1, num_tokens, num_heads, hidden_size // num_heads)
    q, k, v = (make_rows(num_tokens, hidden_size, dtype, device).view(heads) for _ in range(3))
    return q, k, v


def _as_long_as_query(argument: str) -> ir.Constraint:
    return ir.fits(
        argument,
        "of the batch, length and channels of `query`",
        lambda t, query: not any(ir.differ(t.shape[i], query.shape[i]) for i in (0, 1, 3)),
        beside=("query",),
    )


def _fits_scratch(query: Tensor) -> bool:
    depth = query.shape[-1]
    return query.device.type != "cpu" or (type(depth) is int and depth <= MAX_DEPTH)


@register_kernel(
    mm_encoder_attn_op,
    constraints=[
        by_libraries_on_gpus("query", "scaled_dot_product_attention"),
        *(ir.dtypes(name, *FLOATS) for name in ("query", "key", "value")),
        ir.Constraint(
            "query",
            f"of at most {MAX_DEPTH} channels a head on a CPU",
            _fits_scratch,
            format_tensor,
        ),
        ir.dtypes("cu_seqlens", torch.int32),
        *(same_dtype(name, "query") for name in ("key", "value")),
        *(_as_long_as_query(name) for name in ("key", "value")),
    ],
    tuned=has_tuned_products,
)
class MmEncoderAttnKernel(CustomOp):
    """The MLIR kernel of `mm_encoder_attn`: one binary for all batch and sequence sizes."""

    signature = (
        "mm_encoder_attn(Tensor query, Tensor key, Tensor value, float? scale=None, "
        "Tensor? cu_seqlens=None) -> Tensor"
    )
    work_per_byte = 32.0

    def select(self, ksel: KernelSelection) -> None:
        """Take any batch and sequence size of one arrangement of heads."""
        query = ksel.arg_tensor(0).require(dtypes=FLOATS, rank=4)
        query.specialize_dims(2, 3)
        self._check_depth(ksel.device_family, query.t)
        for i, name in ((1, "key"), (2, "value")):
            other = ksel.arg_tensor(i).require(dtypes=(query.t.dtype,), rank=4)
            other.specialize_dims(2, 3)
            self._check_shape(name, query.t, other.t)
        ksel.attr_float(3)
        bounds = ksel.arg_optional_tensor(4)
        if bounds is not None:
            bounds.require(dtypes=(torch.int32,))
        ksel.variant = variant_for(ksel, query.t.dtype, packed=bounds is not None)
        ksel.return_new_tensor(query.t.shape, query.t.dtype).specialize_dims(2, 3)

    def _check_depth(self, device_family: str, query: Tensor) -> None:
        depth = query.shape[3]
        if depth < 1 or (device_family == "local" and depth > MAX_DEPTH):
            raise ArgumentError(
                f"{self.name}: `query` is {format_tensor(query)}, its last dimension must be "
                + (f"in 1..{MAX_DEPTH}" if device_family == "local" else "at least 1")
            )

    def _check_shape(self, name: str, query: Tensor, other: Tensor) -> None:
        fits = (
            other.shape[0] == query.shape[0]
            and other.shape[1] == query.shape[1]
            and other.shape[3] == query.shape[3]
            and other.shape[2] > 0
            and query.shape[2] % other.shape[2] == 0
        )
        if not fits:
            raise ArgumentError(
                f"{self.name}: `{name}` is {format_tensor(other)}, must agree with `query` "
                f"{format_tensor(query)} but for its heads, which must divide those of `query`"
            )

    def check(self, *args: Any) -> None:
        """Refuse values of `cu_seqlens` that do not divide the sequence into segments."""
        query, bounds = args[0], args[4]
        if bounds is None or bounds.ndim != 1 or query.ndim != 4:
            return
        values = bounds.tolist()
        rises = all(a <= b for a, b in itertools.pairwise(values))
        if not values or values[0] != 0 or values[-1] != query.shape[1] or not rises:
            shown = values if len(values) <= 16 else [*values[:8], "...", *values[-7:]]
            raise ArgumentError(
                f"{self.name}: `cu_seqlens` is [{', '.join(map(str, shown))}], "
                "must start at 0, never fall, "
                f"and end at {query.shape[1]}, the sequence length"
            )

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Compute in float32, or in products of bfloat16 with float32 sums."""
        query = ksel.arg_descs[0].t
        generate_attention(ksel, kb, scale=scale_of(query, ksel.arg_descs[3].v))

    def setup_context(self, ctx: Any, inputs: Sequence[Any], output: Any) -> None:
        """Keep the inputs."""
        del output
        query, key, value, ctx.scale, cu_seqlens = inputs
        ctx.save_for_backward(query, key, value, cu_seqlens)

    def backward(self, ctx: Any, *gradients: Any) -> Any:
        """Compute the gradients by formula, in float32, with the weights of all pairs in memory."""
        query, key, value, cu_seqlens = ctx.saved_tensors
        scale, kv_heads = scale_of(query, ctx.scale), key.shape[2]
        q, k, v = _widen_heads(query, key, value)
        weights = _attention_weights(q, k, scale, cu_seqlens)
        grad_out = gradients[0].transpose(1, 2).to(weights.dtype)
        grad_weights = (grad_out @ v.transpose(-1, -2)).masked_fill(weights == 0, 0.0)
        grad_scores = torch._softmax_backward_data(grad_weights, weights, -1, weights.dtype)
        grad_scores = grad_scores * scale
        grads = (
            (grad_scores @ k),
            _sum_groups(grad_scores.transpose(-1, -2) @ q, kv_heads),
            _sum_groups(weights.transpose(-1, -2) @ grad_out, kv_heads),
        )
        pairs = zip(grads, (query, key, value), strict=True)
        return (*(summed_like(g.transpose(1, 2), t) for g, t in pairs), None, None)


def _sum_groups(gradient: Tensor, kv_heads: int) -> Tensor:
    """Add up `[B, H, S, D]` over the query heads of each key head."""
    return gradient.unflatten(1, (kv_heads, -1)).sum(2)


def _shardings(
    query: Any, key: Any, value: Any, scale: Any = None, cu_seqlens: Any = None
) -> list[Sharding]:
    """Split the batch, or the heads if each has its own key."""
    del value, scale
    bounds = NO_TENSOR if cu_seqlens is None else None
    dims = [0] if query.shape[0] == key.shape[0] else []
    dims += [2] if query.shape[2] == key.shape[2] else []
    return [([dim], [dim, dim, dim, NO_TENSOR, bounds]) for dim in dims]


shard_by_rule("mm_encoder_attn", _shardings)


@count_flops("mm_encoder_attn")
def _flops(
    query: Tensor, key: Tensor, value: Tensor, _: Any = None, cu_seqlens: Tensor | None = None
) -> int:
    batch, length, heads, depth = query.shape
    pairs: int = length * key.shape[1]
    if cu_seqlens is not None and cu_seqlens.device.type != "meta":
        pairs = int(cu_seqlens.diff().square().sum())
    return 2 * batch * heads * pairs * (depth + value.shape[3])
