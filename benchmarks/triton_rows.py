"""Triton kernels of row ops, as peers; they are there where torch was built for CUDA or ROCm."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["triton_kernel"]


def triton_kernel(name: str) -> Callable[..., Tensor] | None:
    """Return a function with the arguments of an op that launches a Triton kernel, else None."""
    if importlib.util.find_spec("triton") is None or not torch.cuda.is_available():
        return None
    return _kernels().get(name)


def _jitted() -> tuple[Any, Any, Any]:
    """Return the kernels of rms_norm, softmax and silu_and_mul."""
    import triton
    import triton.language as tl

    @triton.jit
    def rms_norm_kernel(x, w, y, n, epsilon, BLOCK: tl.constexpr):  # noqa: N803
        row, columns = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
        mask = columns < n
        v = tl.load(x + row * n + columns, mask=mask, other=0.0).to(tl.float32)
        scale = tl.rsqrt(tl.sum(v * v, 0) / n + epsilon)
        weight = tl.load(w + columns, mask=mask, other=0.0).to(tl.float32)
        tl.store(y + row * n + columns, v * scale * weight, mask=mask)

    @triton.jit
    def softmax_kernel(x, y, n, BLOCK: tl.constexpr):  # noqa: N803
        row, columns = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
        mask = columns < n
        v = tl.load(x + row * n + columns, mask=mask, other=-float("inf")).to(tl.float32)
        e = tl.exp(v - tl.max(v, 0))
        tl.store(y + row * n + columns, e / tl.sum(e, 0), mask=mask)

    @triton.jit
    def silu_and_mul_kernel(x, y, n, BLOCK: tl.constexpr):  # noqa: N803
        row = tl.program_id(0).to(tl.int64)
        columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        mask = columns < n
        gate = tl.load(x + row * 2 * n + columns, mask=mask).to(tl.float32)
        up = tl.load(x + row * 2 * n + n + columns, mask=mask).to(tl.float32)
        tl.store(y + row * n + columns, gate * tl.sigmoid(gate) * up, mask=mask)

    return rms_norm_kernel, softmax_kernel, silu_and_mul_kernel


def _kernels() -> dict[str, Callable[..., Tensor]]:
    import triton

    rms_norm_kernel, softmax_kernel, silu_and_mul_kernel = _jitted()

    def warps(block: int) -> int:
        return min(max(block // 512, 4), 16)

    def rms_norm(x: Tensor, weight: Tensor, epsilon: float, _: Any = None) -> Tensor:
        y, n = torch.empty_like(x), x.shape[-1]
        block = triton.next_power_of_2(n)
        grid = (x.numel() // n,)
        rms_norm_kernel[grid](x, weight, y, n, epsilon, BLOCK=block, num_warps=warps(block))
        return y

    def softmax(x: Tensor) -> Tensor:
        y, n = torch.empty_like(x), x.shape[-1]
        block = triton.next_power_of_2(n)
        softmax_kernel[(x.numel() // n,)](x, y, n, BLOCK=block, num_warps=warps(block))
        return y

    def silu_and_mul(x: Tensor) -> Tensor:
        n = x.shape[-1] // 2
        y = x.new_empty((*x.shape[:-1], n))
        grid = (y.numel() // n, triton.cdiv(n, 1024))
        silu_and_mul_kernel[grid](x, y, n, BLOCK=1024, num_warps=4)
        return y

    return {"rms_norm": rms_norm, "softmax": softmax, "silu_and_mul": silu_and_mul}
