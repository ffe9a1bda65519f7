"""Row kernels of functions, as torch ops."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime import rows
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, CustomOp, def_library
from ir_runtime.op_reg.op.op_arguments import fill_example
from ir_runtime.rows.row_op import form_of

LIBRARY = def_library("row_kernel_tests")


@functools.cache
def kernel_of(fn: Callable[..., Any]) -> Any:
    """Return the torch op of a function; one for all tests."""
    return rows.row_kernel(fn, name=f"{fn.__name__}_@UNIQUE@", library=LIBRARY)


def form(op: Any, *args: Any) -> str:
    """Return in words of which form the kernel of a call is."""
    found = ALL_CUSTOM_OP_REGS[op.default._schema.name]
    return form_of(found, fill_example(found, args))


def as_tuple(results: Any) -> tuple[Tensor, ...]:
    return tuple(results) if isinstance(results, list | tuple) else (results,)


def joined(
    functions: Sequence[Callable[..., Any]],
    example: Sequence[Tensor],
    taken_by: Sequence[Sequence[int]] | None = None,
) -> Any:
    """Return an op of one kernel that computes several functions of the same tensors.

    Its result is one list, of all results in order.

    Args:
        functions: take tensors.
        example: the tensors.
        taken_by: for each function the numbers of its tensors; default: it takes all.
    """
    numbers = taken_by or [range(len(example))] * len(functions)
    taken = ", ".join(f"Tensor x{i}" for i in range(len(example)))

    class joined_op(CustomOp):
        signature = f"joined_@UNIQUE@({taken}) -> Tensor[]"

        def select(self, ksel):
            for i in range(len(example)):
                ksel.arg_tensor(i).specialize_all_dims()
            ts = [torch.empty_like(t, device="meta") for t in example]
            pairs = zip(functions, numbers, strict=True)
            made = [r for fn, own in pairs for r in as_tuple(fn(*(ts[i] for i in own)))]
            ksel.return_tensor_list(made)

        def generate(self, ksel, kb):
            operands = [kb.arg_value(i) for i in range(len(example))]
            found = []
            for fn, own in zip(functions, numbers, strict=True):
                y = rows.inline(kb, fn, *(operands[i] for i in own))
                found += y if isinstance(y, list) else [y]
            kb.yield_results(*found)

    return CustomOp.register(joined_op, library=LIBRARY)
