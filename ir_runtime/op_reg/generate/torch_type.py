"""Types of MLIR's torch dialect, read from their text, because the dialect has no bindings."""

from __future__ import annotations

import re

import torch

from ir_runtime.dtypes import DTYPES, DtypeInfo, dtype_info
from ir_runtime.frozen import frozen
from ir_runtime.op_reg.select.argument import TensorArg

__all__ = ["TorchTensorType", "parse_torch_tensor_type", "torch_tensor_asm"]

_TENSOR = re.compile(r"!torch\.v?tensor<\[(?P<dims>[\d?,]*)\],(?P<element>[^,]+)>")

_SIGNED = re.compile(r"(?P<sign>[iu])(?P<width>\d+)")


def _torch_element(info: DtypeInfo) -> str:
    """Return an element type in the torch dialect, which has signed integers: `si64`, `ui8`."""
    match = _SIGNED.fullmatch(info.short)
    if match is None:
        return info.mlir
    return f"{'s' if match['sign'] == 'i' else 'u'}i{match['width']}"


_DTYPE_BY_ELEMENT = {_torch_element(info): dtype for dtype, info in DTYPES.items()}


@frozen
class TorchTensorType:
    """A `!torch.vtensor` type: dimensions, None for a dynamic one, and dtype."""

    dims: tuple[int | None, ...]
    dtype: torch.dtype

    @property
    def builtin_asm(self) -> str:
        """The corresponding builtin tensor type, such as `tensor<?x4xf32>`."""
        dims = "".join(f"{'?' if dim is None else dim}x" for dim in self.dims)
        return f"tensor<{dims}{dtype_info(self.dtype).mlir}>"


def parse_torch_tensor_type(text: str) -> TorchTensorType | None:
    """Read a tensor type; None if it is no tensor, or its rank or dtype is not known."""
    match = _TENSOR.fullmatch(text)
    dtype = match and _DTYPE_BY_ELEMENT.get(match["element"])
    if match is None or dtype is None:
        return None
    dims = match["dims"].split(",") if match["dims"] else []
    return TorchTensorType(tuple(None if dim == "?" else int(dim) for dim in dims), dtype)


def torch_tensor_asm(desc: TensorArg) -> str:
    """Return the torch dialect's type of a declared tensor: `!torch.vtensor<[?,4],f32>`."""
    dims = ",".join("?" if dim is None else str(int(dim)) for dim in desc.spec_dims)
    return f"!torch.vtensor<[{dims}],{_torch_element(dtype_info(desc.t.dtype))}>"
