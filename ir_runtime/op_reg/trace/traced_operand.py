"""The operands of a traced function: their dtypes and dimensions, read from MLIR types."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch

from ir_runtime.dtypes import DTYPES, dtype_info, format_tensor
from ir_runtime.errors import GenerateError
from ir_runtime.frozen import frozen
from ir_runtime.op_reg.trace.lower_program import Place

__all__ = ["Operand", "Sizes", "read_operands", "type_of"]

_TENSOR_TYPE = re.compile(r"tensor<(?P<dims>(?:(?:\?|\d+)x)*)(?P<element>[A-Za-z]\w*(?:<f\d+>)?)>")

_DTYPE_BY_ELEMENT: dict[str, torch.dtype] = {}
for _dtype, _info in DTYPES.items():
    _DTYPE_BY_ELEMENT.setdefault(_info.mlir, _dtype)  # signed stands before unsigned

Sizes = Mapping[Place, int]
"""A size for each dynamic dimension."""


@frozen
class Operand:
    """Dtype and dimensions of an operand; None is a dynamic dimension."""

    dims: tuple[int | None, ...]
    dtype: torch.dtype

    def shape(self, index: int, sizes: Sizes) -> list[int]:
        """Return the sizes of a tensor for operand `index`, given those of dynamic dimensions."""
        return [sizes[index, i] if dim is None else dim for i, dim in enumerate(self.dims)]


def read_operands(types: Sequence[str], like: tuple[torch.Tensor, ...] | None) -> list[Operand]:
    """Read the types of operands, with the dtypes of `like`.

    Raises:
        GenerateError: a type is no tensor of a dtype that torch has, or `like` does not fit it.
    """
    if like is not None and len(like) != len(types):
        raise GenerateError(
            f"inline_torch: `like` has {len(like)} tensors, must have one for each of the "
            f"{len(types)} operands"
        )
    operands: list[Operand] = []
    for index, text in enumerate(types):
        match = _TENSOR_TYPE.fullmatch(text)
        dtype = match and _DTYPE_BY_ELEMENT.get(match["element"])
        if match is None or dtype is None:
            raise GenerateError(
                f"inline_torch: operand {index} is {text}, must be a builtin tensor of a dtype "
                "that torch has"
            )
        dims = tuple(None if d == "?" else int(d) for d in match["dims"].split("x")[:-1])
        if like is not None:
            dtype = _dtype_like(index, text, dims, match["element"], like[index])
        operands.append(Operand(dims, dtype))
    return operands


def _dtype_like(
    index: int, text: str, dims: tuple[int | None, ...], element: str, like: torch.Tensor
) -> torch.dtype:
    fits = dtype_info(like.dtype).mlir == element and len(dims) == like.ndim
    if not fits or any(d not in (None, s) for d, s in zip(dims, like.shape, strict=True)):
        raise GenerateError(
            f"inline_torch: `like` {index} is {format_tensor(like)}, must fit operand type {text}"
        )
    return like.dtype


def type_of(operand: Operand) -> str:
    """Return the MLIR type of an operand."""
    dims = "".join(f"{'?' if dim is None else dim}x" for dim in operand.dims)
    return f"tensor<{dims}{dtype_info(operand.dtype).mlir}>"
