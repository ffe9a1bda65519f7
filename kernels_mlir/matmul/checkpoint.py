"""Quantised weights from checkpoints of GPTQ and AWQ: words of eight 4-bit numbers, in two orders.

| | GPTQ | AWQ |
|---|---|---|
| `qweight`, int32 | `[k / 8, n]`, words along the input | `[k, n / 8]`, words along the output |
| numbers of a word, from the lowest bits | 0, 1, 2, 3, 4, 5, 6, 7 | 0, 2, 4, 6, 1, 3, 5, 7 |
| `qzeros`, int32 | `[groups, n / 8]`, minus 1 | `[groups, n / 8]`, as they are |
| `scales`, f16 | `[groups, n]` | `[groups, n]` |
| `g_idx` | the group of each input | none: inputs are in the order of groups |

An element is `(number - zero) * scale`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from kernels_mlir.matmul.quantized_weight import QuantizedWeight, is_group_size, pack_int4

__all__ = ["from_awq", "from_gptq"]

IN_TURN = (0, 1, 2, 3, 4, 5, 6, 7)
AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)
SCALES = (torch.float16, torch.bfloat16, torch.float32)
MIDDLE = 8


def from_gptq(
    qweight: Tensor,
    qzeros: Tensor,
    scales: Tensor,
    g_idx: Tensor | None = None,
    *,
    zero_offset: int = 1,
) -> tuple[QuantizedWeight, Tensor | None]:
    """Pack a weight of a GPTQ checkpoint.

    Args:
        qweight: int32 `[k / 8, n]`.
        qzeros: int32 `[groups, n / 8]`.
        scales: `[groups, n]` f16, bf16 or f32.
        g_idx: `[k]` integers, the group of each input; None if they are in the order of groups.
        zero_offset: what is added to the numbers of `qzeros`: 1, or 0 for checkpoints with
            `checkpoint_format` "gptq_v2".

    Returns:
        The packed weight; and which inputs meet its columns, int64 `[k]`, or None if they do so in
        turn: `packed.linear(x[..., order])`.

    Raises:
        ArgumentError: a dtype or size is not as above, or groups differ in size.
    """
    _check_words("from_gptq", qweight, qzeros, scales)
    numbers = _spread(qweight.T, IN_TURN)
    n, k = numbers.shape
    _check_sizes("from_gptq", qzeros, scales, n, k)
    zeros = _spread(qzeros, IN_TURN).T + zero_offset
    order = None if g_idx is None else _order(g_idx, k, scales.shape[0])
    if order is not None:
        numbers = numbers[:, order]
    return _packed(numbers, scales, zeros), order


def from_awq(qweight: Tensor, qzeros: Tensor, scales: Tensor) -> QuantizedWeight:
    """Pack a weight of an AWQ checkpoint.

    Args:
        qweight: int32 `[k, n / 8]`.
        qzeros: int32 `[groups, n / 8]`.
        scales: `[groups, n]` f16, bf16 or f32.

    Returns:
        The packed weight.

    Raises:
        ArgumentError: a dtype or size is not as above.
    """
    _check_words("from_awq", qweight, qzeros, scales)
    numbers = _spread(qweight, AWQ_ORDER).T
    _check_sizes("from_awq", qzeros, scales, *numbers.shape)
    return _packed(numbers, scales, _spread(qzeros, AWQ_ORDER).T)


def _spread(words: Tensor, order: tuple[int, ...]) -> Tensor:
    """Return the numbers of words along the last dimension, int8; place `i` has `order[i]`."""
    places = sorted(range(8), key=order.__getitem__)
    numbers = [((words >> (4 * place)) & 15).to(torch.int8) for place in places]
    return torch.stack(numbers, dim=-1).flatten(1)


def _packed(numbers: Tensor, scales: Tensor, zeros: Tensor) -> QuantizedWeight:
    centred = bool((zeros == MIDDLE).all())
    zero = None if centred else (zeros - MIDDLE).contiguous()
    return pack_int4((numbers - MIDDLE).contiguous(), scales.T.contiguous(), zero)


def _order(g_idx: Tensor, k: int, groups: int) -> Tensor | None:
    """Return the inputs in the order of their groups; None if they are so already."""
    if g_idx.shape != (k,) or g_idx.is_floating_point():
        raise ArgumentError(
            f"from_gptq: `g_idx` is {format_tensor(g_idx)}, must be {k} integers, one an input"
        )
    wide = g_idx.long()
    if k and (int(wide.min()) < 0 or int(wide.max()) >= groups):
        raise ArgumentError(
            f"from_gptq: `g_idx` has groups from {int(wide.min())} to {int(wide.max())}, must be "
            f"in 0..{groups - 1}, the rows of `scales`"
        )
    counts = torch.bincount(wide, minlength=groups)
    if bool((counts != k // groups).any()):
        raise ArgumentError(
            f"from_gptq: `g_idx` has groups of {int(counts.min())} to {int(counts.max())} inputs, "
            f"must have {k // groups} inputs in each of {groups} groups"
        )
    order = torch.sort(wide, stable=True).indices
    return None if torch.equal(order, torch.arange(k, device=order.device)) else order


def _check_words(name: str, qweight: Tensor, qzeros: Tensor, scales: Tensor) -> None:
    for argument, words in (("qweight", qweight), ("qzeros", qzeros)):
        if words.dtype != torch.int32 or words.ndim != 2 or words.numel() == 0:
            raise ArgumentError(
                f"{name}: `{argument}` is {format_tensor(words)}, must be a matrix of i32 words"
            )
    if scales.dtype not in SCALES or scales.ndim != 2 or not scales.isfinite().all():
        raise ArgumentError(
            f"{name}: `scales` is {format_tensor(scales)}, must be a matrix of finite f16, bf16 or "
            "f32"
        )


def _check_sizes(name: str, qzeros: Tensor, scales: Tensor, n: int, k: int) -> None:
    groups = scales.shape[0]
    if scales.shape[1] != n or tuple(qzeros.shape) != (groups, -(-n // 8)) or n % 8:
        raise ArgumentError(
            f"{name}: `scales` is {format_tensor(scales)} and `qzeros` {format_tensor(qzeros)}, "
            f"must be [groups, {n}] and [groups, {n // 8}] for a `qweight` of {n} outputs, "
            "a multiple of 8"
        )
    if k % groups or not is_group_size(k // groups, k):
        raise ArgumentError(
            f"{name}: `scales` has {groups} groups of {k} inputs, must have groups of a multiple "
            "of 32 inputs, or one"
        )
