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

__all__ = ["SLOT_LIMIT", "CacheWrite"]

SLOT_LIMIT = "the slots of `key_cache`, or -1 for a token that is left out"
TEMPLATES = JinjaTemplateLoader(__name__)


class CacheWrite:
    """The functions of the template for caches of one arrangement.

    Args:
        kb: the builder.
        key: `[T, Hkv, D]`, for its shape and dtype.
        cache: `[N, Hkv, P, D]`, for its shape and dtype.
        slots: for its dtype.
    """

    def __init__(self, kb: KernelBuilder, key: Tensor, cache: Tensor, slots: Tensor) -> None:
        form = decode_form()
        self._kb = kb
        self._numbers = {
            "kv_heads": key.shape[1],
            "depth": key.shape[2],
            "page": cache.shape[2],
            "element": dtype_info(key.dtype).mlir,
            "cache": dtype_info(cache.dtype).mlir,
            "slot": dtype_info(slots.dtype).mlir,
            "scaled": cache.dtype == torch.int8,
            "lanes": form.lanes,
            "workers": form.workers,
            "dfull": "true" if key.shape[2] % form.lanes == 0 else "false",
        }

    def report_slots(self, slots: Value, key_cache: Value) -> None:
        """Let the call refuse slots that the cache does not have; comes before `write`."""
        (row,) = self._call("cache_check_slots", [slots, key_cache])
        self._kb.report_index_bounds(row, "slot_mapping", limit=SLOT_LIMIT)

    def write(self, operands: Sequence[Value]) -> list[Value]:
        """Write keys and values.

        Args:
            operands: keys, values, slots, the caches of both, and with int8 the scales of both.

        Returns:
            The changed caches and scales.
        """
        return self._call("cache_write", operands)

    def _call(self, name: str, operands: Sequence[Value]) -> list[Value]:
        kb = self._kb
        function = TEMPLATES.inline_template_function(kb, "cache_write", name, **self._numbers)
        with kb.context, kb.location, kb.ip:
            return call_function(function, *operands)
