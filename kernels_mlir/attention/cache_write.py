"""The kernel that writes keys and values into the pages of a cache, on CPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ir_runtime.dtypes import dtype_info
from ir_runtime.op_reg import JinjaTemplateLoader, call_function
from kernels_mlir.attention.decode import decode_form

if TYPE_CHECKING:
    from iree.compiler.ir import Value

    from ir_runtime.op_reg import KernelBuilder

__all__ = ["call_cache_write"]

TEMPLATES = JinjaTemplateLoader(__name__)


def call_cache_write(
    kb: KernelBuilder, key: Tensor, cache: Tensor, slots: Tensor, operands: Sequence[Value]
) -> list[Value]:
    """Call the template.

    Args:
        kb: the builder.
        key: `[T, Hkv, D]`, for its shape and dtype.
        cache: `[N, Hkv, P, D]`, for its shape and dtype.
        slots: for its dtype.
        operands: keys, values, slots, the caches of both, and with int8 the scales of both.

    Returns:
        The changed caches and scales, and the row of the index report for the slots.
    """
    form = decode_form()
    function = TEMPLATES.inline_template_function(
        kb,
        "cache_write",
        "cache_write",
        kv_heads=key.shape[1],
        depth=key.shape[2],
        page=cache.shape[2],
        element=dtype_info(key.dtype).mlir,
        cache=dtype_info(cache.dtype).mlir,
        slot=dtype_info(slots.dtype).mlir,
        scaled=cache.dtype == torch.int8,
        lanes=form.lanes,
        workers=form.workers,
        dfull="true" if key.shape[2] % form.lanes == 0 else "false",
    )
    with kb.context, kb.location, kb.ip:
        return call_function(function, *operands)
