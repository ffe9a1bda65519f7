"""rotary_embedding: rotate pairs of elements in each head by angles that grow with the position."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.launch.operand.index_fault import refuse_indices
from ir_runtime.op_reg import (
    CustomOp,
    KernelSelection,
    TensorArg,
    derive_backward,
    flatten,
    unflatten,
)
from kernels_mlir.kernel_call import kernel_call
from kernels_mlir.library import (
    FLOATING,
    FLOATS,
    choose_stores,
    make_rows,
    register_kernel,
    same_dtype,
)
from kernels_mlir.row_function import generate_rows
from kernels_mlir.sharding import NO_TENSOR, Sharding, shard_by_rule

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["native_rotary_embedding", "rotary_embedding", "rotary_embedding_op", "turning"]


_rotary_embedding = kernel_call("rotary_embedding")


def rotary_embedding(
    positions: Tensor,
    query: Tensor,
    key: Tensor | None,
    head_size: int,
    rotary_dim: int,
    cos_sin_cache: Tensor,
    is_neox_style: bool,  # noqa: FBT001 - the order of arguments that callers of this op know
) -> tuple[Tensor, Tensor | None]:
    """Rotate pairs of elements in each head of `query` and `key` by the angles of their positions.

    A pair `(a, b)` becomes `(a cos - b sin, b cos + a sin)`. Pair `j` is elements `j` and
    `j + rotary_dim / 2` of a head in neox style, elements `2j` and `2j + 1` in gptj style.

    Args:
        positions: `[*]` int64, the first dimensions of `query`; each in `0..max_position - 1`.
        query: `[*, H * head_size]` or `[*, H, head_size]` f32, bf16 or f16, any strides.
        key: shaped like `query`, with its own number of heads and the dtype of `query`; or None.
        head_size: number of elements of a head.
        rotary_dim: number of elements, from the first on, that are rotated; even, in
            `2..head_size`.
        cos_sin_cache: `[max_position, rotary_dim]` floating point: the cosines of a position, then
            its sines; rounded to the dtype of `query` before use.
        is_neox_style: how elements are paired.

    Returns:
        The rotated `query` and the rotated `key` (None without one), each with the shape, dtype
        and device of the argument; contiguous; never aliases an argument.

    Raises:
        ArgumentError: a dtype or shape is not as above.
        IndexOutOfRangeError: the cache has no row for a position. On devices other than a CPU, such
            a position is clamped to the first or the last one, and counted.

    Numerics:
        Evaluated in float32 and rounded once to the dtype of `query`.

    Source:
        RoFormer, arXiv:2104.09864, section 3.4.2.

    Example:
        >>> cache = torch.tensor([[1.0, 0.0], [0.0, 1.0]])  # no turn, a quarter turn
        >>> q = torch.tensor([[1.0, 2.0], [1.0, 2.0]])
        >>> rotary_embedding(torch.tensor([0, 1]), q, None, 2, 2, cache, True)[0]
        tensor([[ 1.,  2.],
                [-2.,  1.]])
    """
    return _rotary_embedding(
        positions, query, key, head_size, rotary_dim, cos_sin_cache, is_neox_style
    )


def native_rotary_embedding(
    positions: Tensor,
    query: Tensor,
    key: Tensor | None,
    head_size: int,
    rotary_dim: int,
    cos_sin_cache: Tensor,
    is_neox_style: bool,  # noqa: FBT001
) -> tuple[Tensor, Tensor | None]:
    """Compute `rotary_embedding` with torch functions, in float32, or float64 if `query` is."""
    angles = cos_sin_cache[positions].to(query.dtype)
    turn = turning(angles, head_size, rotary_dim, is_neox_style=is_neox_style)
    return turn(query), None if key is None else turn(key)


def turning(
    angles: Tensor, head_size: int, rotary_dim: int, *, is_neox_style: bool
) -> Callable[[Tensor], Tensor]:
    """Return the function that turns heads by angles `[*, rotary_dim]`."""
    lead, wide = angles.shape[:-1], torch.promote_types(angles.dtype, torch.float32)
    cos, sin = (a.unsqueeze(-2) for a in angles.to(wide).chunk(2, dim=-1))

    def turned(x: Tensor) -> Tensor:
        count = math.prod(x.shape[len(lead) :]) // head_size
        heads = x.to(wide).reshape(*lead, count, head_size)
        part, rest = heads[..., :rotary_dim], heads[..., rotary_dim:]
        a, b = part.chunk(2, dim=-1) if is_neox_style else (part[..., 0::2], part[..., 1::2])
        pair = (a * cos - b * sin, b * cos + a * sin)
        both = torch.cat(pair, dim=-1) if is_neox_style else torch.stack(pair, dim=-1).flatten(-2)
        return torch.cat((both, rest), dim=-1).reshape(x.shape).to(x.dtype)

    return turned


def _turnable(argument: str) -> ir.Constraint:
    """Return the constraint that the dimensions of `positions` are followed by heads."""

    def test(x: Tensor, positions: Tensor, size: int) -> bool:
        rank = positions.ndim
        pairs = zip(x.shape, positions.shape, strict=False)
        same = x.ndim > rank and not any(ir.differ(mine, other) for mine, other in pairs)
        return same and math.prod(x.shape[rank:]) % size == 0

    return ir.fits(
        argument,
        "of the shape of `positions` and heads of `head_size`",
        test,
        beside=("positions", "head_size"),
        expected=lambda _, positions, size: (
            f"have the dimensions of `positions` {format_tensor(positions)}, "
            f"and then heads of {size}"
        ),
    )


def _in_heads(argument: str) -> ir.Constraint:
    """Return the constraint that the heads are in one dimension, or in two."""

    def test(x: Tensor, positions: Tensor, size: int) -> bool:
        heads = x.shape[positions.ndim :]
        apart = len(heads) == 2 and heads[1] == size
        return math.prod(heads) > 0 and (len(heads) == 1 or apart)

    return ir.fits(
        argument,
        "of heads in one dimension, or in two: how many, and `head_size`",
        test,
        beside=("positions", "head_size"),
    )


def _has_rows_of(cache: Tensor, dim: int) -> bool:
    return cache.ndim == 2 and not ir.differ(cache.shape[1], dim) and ir.differ(cache.shape[0], 0)


rotary_embedding_op = ir.register_op(
    name="rotary_embedding",
    activations=["query", "key"],
    accepts=[
        ir.dtypes("positions", torch.int64, torch.int32),
        *(ir.dtypes(name, *FLOATING) for name in ("query", "key", "cos_sin_cache")),
        ir.number("head_size", "at least 1", lambda size: size >= 1),
        ir.Constraint(
            "rotary_dim",
            "even and in 2..`head_size`",
            lambda dim, size: 2 <= dim <= size and dim % 2 == 0,
            repr,
            others=("head_size",),
            expected=lambda _, size: f"be even and in 2..{size}, the head size",
        ),
        ir.fits(
            "cos_sin_cache",
            "at least one row of `rotary_dim`",
            _has_rows_of,
            beside=("rotary_dim",),
            expected=lambda _, dim: f"have rows of {dim}, as `rotary_dim`, and at least one",
        ),
        _turnable("query"),
        _turnable("key"),
    ],
)(native_rotary_embedding)


@rotary_embedding_op.register_value_check
def _refuse_positions(positions: Tensor, *others: Any) -> None:
    cache = others[4]
    refuse_indices("rotary_embedding", "positions", positions, cache.shape[0])


@rotary_embedding_op.register_input_generator
def rotary_embedding_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    head_size: int = 128,
    max_position: int = 2048,
) -> tuple[Any, ...]:
    """Make query and key of `num_tokens`; their heads of `head_size` are rotated completely."""
    head_size = math.gcd(hidden_size, head_size)
    positions = torch.arange(num_tokens, device=device) % max_position
    query, key = (make_rows(num_tokens, hidden_size, dtype, device) for _ in range(2))
    steps = torch.arange(head_size // 2, device=device) * (2 / head_size)
    angles = torch.arange(max_position, device=device)[:, None] / 10000.0**steps
    cache = torch.cat((angles.cos(), angles.sin()), dim=-1).to(dtype)
    return positions, query, key, head_size, head_size, cache, True


@register_kernel(
    rotary_embedding_op,
    constraints=[
        ir.dtypes("positions", torch.int64),
        *(ir.dtypes(name, *FLOATS) for name in ("query", "key", "cos_sin_cache")),
        _in_heads("query"),
        same_dtype("key", "query"),
        _in_heads("key"),
    ],
)
class RotaryEmbeddingKernel(CustomOp):
    """The MLIR kernel of `rotary_embedding`: one binary for any number of tokens and positions."""

    signature = (
        "rotary_embedding(Tensor positions, Tensor query, Tensor? key, int head_size, "
        "int rotary_dim, Tensor cos_sin_cache, bool is_neox_style) -> (Tensor, Tensor?)"
    )
    backward: Any = derive_backward(native_rotary_embedding)

    def select(self, ksel: KernelSelection) -> None:
        """Take any tokens of one arrangement of heads."""
        positions = ksel.arg_tensor(0).require(dtypes=(torch.int64,))
        query = ksel.arg_tensor(1).require(dtypes=FLOATS)
        key = ksel.arg_optional_tensor(2)
        size = int(ksel.attr_int(3).v or 0)
        ksel.attr_int(4)
        cache = ksel.arg_tensor(5).require(dtypes=FLOATS, rank=2)
        ksel.attr_bool(6)
        cache.specialize_dims(-1)
        self._return_turned(ksel, "query", query, positions.t, size)
        if key is None:
            ksel.maybe_return_tensor(None)
        else:
            key.require(dtypes=(query.t.dtype,))
            self._return_turned(ksel, "key", key, positions.t, size)
        choose_stores(ksel, query.t)

    def _return_turned(
        self, ksel: KernelSelection, name: str, x: TensorArg, positions: Tensor, size: int
    ) -> None:
        """Declare a result like `x`, whose heads are compiled in."""
        shape, rank = x.t.shape, positions.ndim
        heads = shape[rank:]
        fits = (
            len(heads) in (1, 2)
            and shape[:rank] == positions.shape
            and heads[-1] % size == 0
            and (len(heads) == 1 or heads[-1] == size)
            and math.prod(heads) > 0
        )
        if not fits:
            raise ArgumentError(
                f"{self.name}: `{name}` is {format_tensor(x.t)}, must have the dimensions of "
                f"`positions` {format_tensor(positions)}, and then heads of {size}"
            )
        compiled_in = range(rank, x.t.ndim)
        x.specialize_dims(*compiled_in)
        ksel.return_new_tensor(shape, x.t.dtype).specialize_dims(*compiled_in)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Rotate query and key in one dispatch, by the row kernel of native."""
        if ksel.arg_descs[0].t.ndim or ksel.device_family != "local":
            generate_rows(self, ksel, kb)
            return
        from ir_runtime.rows import inline  # a stored kernel needs none of it

        # One token without a dimension of tokens: it gets one.
        operands = {i: v for i in (0, 1, 2, 5) if (v := kb.arg_value(i)) is not None}
        tensors = {i: ksel.arg_descs[i].t for i in operands}
        keep = {i: t.ndim - (i == 5) for i, t in tensors.items()}  # the cache has rows
        rows = [flatten(kb, v, keep=keep[i]) for i, v in operands.items()]
        like = [t if i == 5 else t.unsqueeze(0) for i, t in tensors.items()]
        turned = inline(kb, self.row_function(ksel), *rows, like=like)
        found = turned if isinstance(turned, list) else [turned]
        kb.yield_results(
            *(unflatten(kb, y, operands[i], keep=keep[i]) for i, y in enumerate(found, 1))
        )

    def row_function(self, ksel: KernelSelection) -> Callable[..., Any]:
        """Return the rotation of query and key, of tensors alone."""
        size, dim, neox = (ksel.arg_descs[i].v for i in (3, 4, 6))

        def turn(positions: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
            *heads, cache = others
            angles = torch.nn.functional.embedding(positions, cache).to(heads[0].dtype)
            return tuple(map(turning(angles, size, dim, is_neox_style=neox), heads))

        return turn


def _shardings(positions: Any, query: Any, key: Any, *rest: Any) -> list[Sharding]:
    """Split the tokens of results and arguments."""
    del query, rest
    found: list[Sharding] = []
    for dim in range(positions.ndim):
        keyed = NO_TENSOR if key is None else dim
        arguments = [dim, dim, keyed, NO_TENSOR, NO_TENSOR, None, NO_TENSOR]
        found.append(([dim, keyed], arguments))
    return found


shard_by_rule("rotary_embedding", _shardings)
