"""Which ops does the catalogue have, and what does each compare to?  One row an op and variant."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import kernels_mlir
from ir_runtime.ir import IrOp
from kernels_mlir.activation.gelu import native_gelu
from kernels_mlir.activation.silu_and_mul import native_silu_and_mul
from kernels_mlir.activation.softmax import native_softmax
from kernels_mlir.attention.mm_encoder_attn import native_mm_encoder_attn
from kernels_mlir.matmul.linear import native_linear
from kernels_mlir.norm.layer_norm import native_layer_norm
from kernels_mlir.norm.rms_norm import native_rms_norm
from kernels_mlir.rope.rotary_embedding import native_rotary_embedding

__all__ = [
    "BY_OP",
    "CASES",
    "DTYPES",
    "EPSILON",
    "WIDTH",
    "Arguments",
    "Draw",
    "OpCase",
    "Ranked",
    "attention_arguments",
    "case_named",
    "ranked",
    "widen",
]

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
WIDTH = 48
"""Feature size of most tests: each size is its own binary, so they share one."""

EPSILON = 1e-5

Arguments = tuple[Any, ...]
Leading = tuple[int, ...]


@dataclass(frozen=True)
class Draw:
    """A source of random tensors: of one dtype, mean and deviation, from one seed."""

    dtype: torch.dtype
    generator: torch.Generator
    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def seeded(
        cls, dtype: torch.dtype, seed: int = 0, mean: float = 0.0, deviation: float = 1.0
    ) -> Draw:
        return cls(dtype, torch.Generator().manual_seed(seed), mean, deviation)

    def activation(self, *shape: int) -> Tensor:
        return (self.normal(*shape) * self.deviation + self.mean).to(self.dtype)

    def weight(self, *shape: int) -> Tensor:
        return self.normal(*shape).to(self.dtype)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator)


Make = Callable[[Draw, Leading, int], Arguments]

ROW_LEADS: tuple[Leading, ...] = ((), (5,), (2, 3), (2, 3, 2))
SAME_RANK_ROWS: tuple[Leading, ...] = ((1,), (2,), (7,), (64,), (333,))
EMPTY_ROWS: tuple[Leading, ...] = ((0,), (3, 0), (0, 3))


@dataclass(frozen=True)
class OpCase:
    """One op with one choice of its arguments.

    Attributes:
        op: name of the op, the same everywhere.
        variant: names the choice of arguments.
        computes: the op in torch functions, in float64 for float64 arguments; all its results.
        torch_own: what torch itself offers, None where it has nothing of the kind.
        make: returns every argument of the schema, for leading dimensions and a feature size.
        batched: positions of the arguments with the leading dimensions.
        differentiable: positions of the arguments that get a gradient.
        leads: leading dimensions, the first of each rank that the op takes.
        same_rank_leads: leading dimensions of one rank, which one binary must serve.
        empty_leads: leading dimensions without an element.
        result: of an op with several results, the one that tests look at, the last that there is.
    """

    op: str
    variant: str
    computes: Callable[..., Any]
    torch_own: Callable[..., Tensor] | None
    make: Make
    batched: tuple[int, ...] = (0,)
    differentiable: tuple[int, ...] = (0,)
    leads: tuple[Leading, ...] = ROW_LEADS
    same_rank_leads: tuple[Leading, ...] = SAME_RANK_ROWS
    empty_leads: tuple[Leading, ...] = EMPTY_ROWS
    result: int | None = None

    @property
    def id(self) -> str:
        return f"{self.op}-{self.variant}"

    @property
    def function(self) -> Callable[..., Tensor]:
        return self.one_result(getattr(kernels_mlir, self.op))

    @property
    def native(self) -> Callable[..., Tensor]:
        """What `computes` gives of the result to look at."""
        return self.one_result(self.computes)

    def one_result(self, op: Callable[..., Any]) -> Callable[..., Tensor]:
        """Return `op`, or of one with several results what gives the one to look at."""
        place = self.result
        if place is None:
            return op
        return lambda *args, **named: op(*args, **named)[place]

    @property
    def packet(self) -> Any:
        return getattr(torch.ops.ir_kernels, self.op)

    @property
    def ir_op(self) -> IrOp:
        return IrOp.registry[self.op]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arguments."""
        return tuple(argument.name for argument in self.packet.default._schema.arguments)

    @property
    def result_count(self) -> int:
        """How many tensors a call of this case returns."""
        return 1 if self.result is None else self.result + 1

    @property
    def lead(self) -> Leading:
        """Leading dimensions for tests that need only one."""
        return self.same_rank_leads[2]

    def arguments(
        self, dtype: torch.dtype = torch.float32, lead: Leading | None = None, seed: int = 0
    ) -> Arguments:
        return self.make(Draw.seeded(dtype, seed), self.lead if lead is None else lead, WIDTH)


def widen(arguments: Arguments) -> Arguments:
    """Return the arguments with each floating-point tensor detached and in float64."""
    return tuple(
        a.detach().double() if isinstance(a, Tensor) and a.is_floating_point() else a
        for a in arguments
    )


def _gelu(approximate: str) -> Make:
    return lambda draw, lead, width: (draw.activation(*lead, width), approximate)


def _silu_and_mul(draw: Draw, lead: Leading, width: int) -> Arguments:
    return (draw.activation(*lead, 2 * width),)


def _softmax(draw: Draw, lead: Leading, width: int) -> Arguments:
    return (draw.activation(*lead, width),)


def _layer_norm(draw: Draw, lead: Leading, width: int) -> Arguments:
    return draw.activation(*lead, width), draw.weight(width), draw.weight(width), EPSILON


def _layer_norm_mixed(draw: Draw, lead: Leading, width: int) -> Arguments:
    """Weights wider than, or for float32 narrower than, the activations."""
    x, weight, bias, epsilon = _layer_norm(draw, lead, width)
    other = torch.bfloat16 if draw.dtype == torch.float32 else torch.float32
    return x, weight.to(other), bias.to(other), epsilon


def _rms_norm(*, weighted: bool = True, head: float | None = None) -> Make:
    def make(draw: Draw, lead: Leading, width: int) -> Arguments:
        x = draw.activation(*lead, width)
        weight = draw.weight(width) if weighted else None
        return x, weight, EPSILON, None if head is None else int(width * head)

    return make


def _linear(*, biased: bool) -> Make:
    """The products of a row sum up to the size of `x`."""

    def make(draw: Draw, lead: Leading, width: int) -> Arguments:
        x = draw.activation(*lead, width)
        weight = (draw.normal(width, width) / width**0.5).to(draw.dtype)
        return x, weight, draw.weight(width) if biased else None

    return make


def _rotary_embedding(
    *, neox: bool, rotary: float = 1.0, keyed: bool = False, apart: bool = False
) -> Make:
    """Four heads of a query, one of a key; of each, `rotary` is the part that is turned."""

    def make(draw: Draw, lead: Leading, width: int) -> Arguments:
        size, length = width // 4, 50
        dim = 2 * int(size * rotary / 2)
        positions = torch.randint(0, length, lead, generator=draw.generator)
        query = draw.activation(*lead, *((4, size) if apart else (width,)))
        key = draw.activation(*lead, size) if keyed else None
        angles = draw.normal(length, dim // 2) * torch.pi
        cache = torch.cat((angles.cos(), angles.sin()), dim=-1).to(draw.dtype)
        return positions, query, key, size, dim, cache, neox

    return make


def attention_arguments(heads: int, kv_heads: int, *, packed: bool) -> Make:
    """Return a maker of attention arguments; the leading dimensions are batch and sequence."""

    def make(draw: Draw, lead: Leading, width: int) -> Arguments:
        batch, sequence = lead
        query = draw.activation(batch, sequence, heads, width)
        key = draw.activation(batch, sequence, kv_heads, width)
        value = draw.activation(batch, sequence, kv_heads, width)
        bounds = [0, sequence // 3, sequence // 3, sequence]
        cu_seqlens = torch.tensor(bounds, dtype=torch.int32) if packed else None
        return query, key, value, None, cu_seqlens

    return make


def _torch_layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], weight, bias, epsilon)


def _torch_rms_norm(x: Tensor, weight: Tensor | None, epsilon: float, _: None) -> Tensor:
    return F.rms_norm(x, x.shape[-1:], weight, epsilon)


def _torch_silu_and_mul(x: Tensor) -> Tensor:
    gate, up = x.chunk(2, dim=-1)
    return F.silu(gate) * up


def _torch_softmax(x: Tensor) -> Tensor:
    return F.softmax(x, dim=-1)


def _torch_rotary_embedding(
    positions: Tensor,
    query: Tensor,
    key: Tensor | None,
    head_size: int,
    rotary_dim: int,
    cos_sin_cache: Tensor,
    is_neox_style: bool,
) -> Tensor:
    """Turn the query as models do, in its own dtype: of torch's functions, not of one."""
    cos, sin = (a.unsqueeze(-2) for a in cos_sin_cache[positions].chunk(2, dim=-1))
    heads = query.reshape(*positions.shape, -1, head_size)
    part, rest = heads.split((rotary_dim, head_size - rotary_dim), dim=-1)
    a, b = part.chunk(2, dim=-1) if is_neox_style else (part[..., 0::2], part[..., 1::2])
    pair = (a * cos - b * sin, b * cos + a * sin)
    both = torch.cat(pair, dim=-1) if is_neox_style else torch.stack(pair, dim=-1).flatten(-2)
    return torch.cat((both, rest), dim=-1).reshape(query.shape)


def _torch_gelu(x: Tensor, approximate: str) -> Tensor:
    return F.gelu(x, approximate=approximate)


def _torch_attention(
    query: Tensor, key: Tensor, value: Tensor, scale: float | None, cu_seqlens: Tensor | None
) -> Tensor:
    bounds = [0, query.shape[1]] if cu_seqlens is None else cu_seqlens.tolist()
    parts = [
        F.scaled_dot_product_attention(
            *(t[:, start:end].transpose(1, 2) for t in (query, key, value)),
            scale=scale,
            enable_gqa=query.shape[2] != key.shape[2],
        ).transpose(1, 2)
        for start, end in itertools.pairwise(bounds)
        if end > start
    ]
    return torch.cat(parts, dim=1)


def _rotary(variant: str, result: int, **choices: Any) -> OpCase:
    return OpCase(
        op="rotary_embedding",
        variant=variant,
        computes=native_rotary_embedding,
        torch_own=None if result else _torch_rotary_embedding,
        make=_rotary_embedding(keyed=bool(result), **choices),
        batched=(0, 1, 2) if result else (0, 1),
        differentiable=(1 + result,),
        result=result,
    )


def _attention(variant: str, kv_heads: int, *, packed: bool) -> OpCase:
    return OpCase(
        op="mm_encoder_attn",
        variant=variant,
        computes=native_mm_encoder_attn,
        torch_own=_torch_attention,
        make=attention_arguments(4, kv_heads, packed=packed),
        batched=(0, 1, 2),
        differentiable=(0, 1, 2),
        leads=((2, 7),),
        same_rank_leads=((1, 1), (1, 9), (3, 7), (2, 70)),
        empty_leads=((0, 7), (2, 0), (0, 0)),
    )


CASES = (
    OpCase("gelu", "erf", native_gelu, _torch_gelu, _gelu("none")),
    OpCase("gelu", "tanh", native_gelu, _torch_gelu, _gelu("tanh")),
    OpCase("silu_and_mul", "rows", native_silu_and_mul, _torch_silu_and_mul, _silu_and_mul),
    OpCase("softmax", "rows", native_softmax, _torch_softmax, _softmax),
    OpCase(
        "layer_norm", "affine", native_layer_norm, _torch_layer_norm, _layer_norm,
        differentiable=(0, 1, 2),
    ),
    OpCase(
        "layer_norm", "mixed", native_layer_norm, None, _layer_norm_mixed,
        differentiable=(0, 1, 2),
    ),
    OpCase(
        "rms_norm", "weighted", native_rms_norm, _torch_rms_norm, _rms_norm(),
        differentiable=(0, 1),
    ),
    OpCase(
        "rms_norm", "weightless", native_rms_norm, _torch_rms_norm, _rms_norm(weighted=False)
    ),
    OpCase(
        "rms_norm", "partial", native_rms_norm, None, _rms_norm(head=0.25), differentiable=(0, 1)
    ),
    OpCase(
        "linear", "biased", native_linear, F.linear, _linear(biased=True),
        differentiable=(0, 1, 2),
    ),
    OpCase(
        "linear", "biasless", native_linear, F.linear, _linear(biased=False),
        differentiable=(0, 1),
    ),
    _rotary("neox", 0, neox=True),
    _rotary("gptj", 0, neox=False),
    _rotary("partial", 0, neox=True, rotary=2 / 3, apart=True),
    _rotary("key", 1, neox=False, rotary=1 / 3),
    _attention("dense", 4, packed=False),
    _attention("grouped", 2, packed=False),
    _attention("packed", 2, packed=True),
)  # fmt: skip


BY_OP = {"case": lambda case: case.op}
"""For `covering`: cases of one op stand for each other."""


@dataclass(frozen=True)
class Ranked:
    """A case with leading dimensions of one rank."""

    case: OpCase
    lead: Leading

    @property
    def id(self) -> str:
        return f"{self.case.id}-rank{len(self.lead) + 1}"


def ranked() -> list[Ranked]:
    """Return each case with leading dimensions of each rank that it takes."""
    return [Ranked(case, lead) for case in CASES for lead in case.leads]


def case_named(name: str) -> OpCase:
    """Return the case with this id, `<op>-<variant>`."""
    return next(case for case in CASES if case.id == name)
