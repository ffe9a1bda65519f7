"""The compared calls of kernels and of torch: rows of model sizes, in f32 and bf16."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

import kernels_mlir

__all__ = ["FEATURES", "OPS", "ROWS", "KernelCase", "call_arguments", "kernel_cases"]

ROWS = (1, 16, 64, 256, 2048)
FEATURES = (4096, 11008)
HEAD = 128
EPSILON = 1e-6

Function = Callable[..., Any]


@dataclass(frozen=True)
class KernelCase:
    """One call, as a function of each side.

    All functions take `arguments`; those with `into` take `out` first.

    Attributes:
        op: name of the op.
        dtype: dtype of the tensors.
        rows: number of rows or tokens.
        features: number of features of a row.
        arguments: the arguments of the call.
        ours: calls our kernel.
        eager: calls torch.
        ours_into: like `ours`, into a given output; None if this form is not compared.
        eager_into: like `eager`, into a given output; None if this form is not compared.
        moved_bytes: the least number of bytes that must be read and written.
    """

    op: str
    dtype: torch.dtype
    rows: int
    features: int
    arguments: tuple[Any, ...]
    ours: Function
    eager: Function
    ours_into: Function | None
    eager_into: Function | None
    moved_bytes: int


def _rms_norm(rows: int, n: int, dtype: torch.dtype) -> dict[str, Any]:
    x, weight = torch.randn(rows, n).to(dtype), torch.randn(n).to(dtype)
    op = kernels_mlir.rms_norm

    def into(out: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        scale = torch.rsqrt(x.float().square().mean(-1, keepdim=True) + EPSILON)
        return torch.mul(x * scale.to(x.dtype), weight, out=out)

    return {
        "arguments": (x, weight),
        "ours": lambda x, w: op(x, w, EPSILON),
        "eager": lambda x, w: functional.rms_norm(x, (n,), w, EPSILON),
        "ours_into": lambda out, x, w: op(x, w, EPSILON, out=out),
        "eager_into": into,
    }


def _layer_norm(rows: int, n: int, dtype: torch.dtype) -> dict[str, Any]:
    x = torch.randn(rows, n).to(dtype)
    weight, bias = torch.randn(n).to(dtype), torch.randn(n).to(dtype)
    op = kernels_mlir.layer_norm
    mean, scale = torch.empty(rows, 1, dtype=dtype), torch.empty(rows, 1, dtype=dtype)
    native = torch.ops.aten.native_layer_norm.out
    return {
        "arguments": (x, weight, bias),
        "ours": lambda x, w, b: op(x, w, b, EPSILON),
        "eager": lambda x, w, b: functional.layer_norm(x, (n,), w, b, EPSILON),
        "ours_into": lambda out, x, w, b: op(x, w, b, EPSILON, out=out),
        "eager_into": lambda out, x, w, b: native(
            x, [n], w, b, EPSILON, out0=out, out1=mean, out2=scale
        )[0],
    }


def _gelu(rows: int, n: int, dtype: torch.dtype) -> dict[str, Any]:
    op = kernels_mlir.gelu
    return {
        "arguments": (torch.randn(rows, n).to(dtype),),
        "ours": op,
        "eager": functional.gelu,
        "ours_into": lambda out, x: op(x, out=out),
        "eager_into": lambda out, x: torch.ops.aten.gelu.out(x, out=out),
    }


def _silu_and_mul(rows: int, n: int, dtype: torch.dtype) -> dict[str, Any]:
    op = kernels_mlir.silu_and_mul
    return {
        "arguments": (torch.randn(rows, 2 * n).to(dtype),),
        "ours": op,
        "eager": lambda x: functional.silu(x[..., :n]) * x[..., n:],
        "ours_into": lambda out, x: op(x, out=out),
        "eager_into": lambda out, x: torch.mul(functional.silu(x[..., :n]), x[..., n:], out=out),
    }


def _softmax(rows: int, n: int, dtype: torch.dtype) -> dict[str, Any]:
    op = kernels_mlir.softmax
    return {
        "arguments": (torch.randn(rows, n).to(dtype),),
        "ours": op,
        "eager": lambda x: torch.softmax(x, -1),
        "ours_into": lambda out, x: op(x, out=out),
        "eager_into": lambda out, x: torch.softmax(x, -1, out=out),
    }


def _rotary_embedding(rows: int, n: int, dtype: torch.dtype) -> dict[str, Any]:
    query, key = torch.randn(rows, n).to(dtype), torch.randn(rows, 8 * HEAD).to(dtype)
    positions = torch.arange(rows)
    inverse = 10000.0 ** (-torch.arange(0, HEAD, 2) / HEAD)
    angles = torch.arange(4096)[:, None] * inverse
    cache = torch.cat((angles.cos(), angles.sin()), -1).to(dtype)
    op = kernels_mlir.rotary_embedding

    def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        left, right = x.view(x.shape[0], -1, HEAD).chunk(2, -1)
        both = (left * cos - right * sin, right * cos + left * sin)
        return torch.cat(both, -1).view(x.shape)

    def eager(positions: Tensor, query: Tensor, key: Tensor, cache: Tensor) -> Any:
        cos, sin = cache[positions].unsqueeze(1).chunk(2, -1)
        return turn(query, cos, sin), turn(key, cos, sin)

    return {
        "arguments": (positions, query, key, cache),
        "ours": lambda p, q, k, c: op(p, q, k, HEAD, HEAD, c, True),
        "eager": eager,
    }


def _linear(rows: int, n: int, dtype: torch.dtype) -> dict[str, Any]:
    x = torch.randn(rows, 4096).to(dtype)
    weight = torch.nn.Parameter(torch.randn(n, 4096).to(dtype) / 64, requires_grad=False)
    return {"arguments": (x, weight), "ours": kernels_mlir.linear, "eager": functional.linear}


def _mm_encoder_attn(rows: int, n: int, dtype: torch.dtype) -> dict[str, Any]:
    heads = n // HEAD
    shape = (1, rows, heads, HEAD)
    tensors = tuple(torch.randn(shape).to(dtype) for _ in range(3))

    def eager(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))
        y = functional.scaled_dot_product_attention(q, k, v)
        return y.transpose(1, 2).contiguous()

    return {
        "arguments": tensors,
        "ours": kernels_mlir.mm_encoder_attn,
        "eager": eager,
    }


OPS: dict[str, Callable[[int, int, torch.dtype], dict[str, Any]]] = {
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "gelu": _gelu,
    "silu_and_mul": _silu_and_mul,
    "softmax": _softmax,
    "rotary_embedding": _rotary_embedding,
    "linear": _linear,
    "mm_encoder_attn": _mm_encoder_attn,
}


def call_arguments(case: KernelCase) -> tuple[Any, ...]:
    """Return the arguments of `ir.ops.<op>` for the call that `ours` makes."""
    if case.op in ("rms_norm", "layer_norm"):
        return (*case.arguments, EPSILON)
    if case.op == "rotary_embedding":
        positions, query, key, cache = case.arguments
        return positions, query, key, HEAD, HEAD, cache, True
    return case.arguments


def kernel_cases(
    ops: Iterable[str], rows: Iterable[int], features: Iterable[int], dtypes: Iterable[torch.dtype]
) -> Iterable[KernelCase]:
    """Make the cases, one at a time: their tensors are large."""
    for op in ops:
        for dtype in dtypes:
            for n in features:
                for count in rows:
                    torch.manual_seed(0)
                    sides = {"ours_into": None, "eager_into": None} | OPS[op](count, n, dtype)
                    tensors = [t for t in sides["arguments"] if isinstance(t, Tensor)]
                    results = sides["eager"](*sides["arguments"])
                    tensors += results if isinstance(results, tuple) else (results,)
                    moved = sum(t.numel() * t.element_size() for t in tensors)
                    yield KernelCase(op, dtype, count, n, moved_bytes=moved, **sides)
