"""The description of tensors and arrays that code reads: traced kernels contain their elements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ir_runtime.launch.artifact.key import digest_of

__all__ = ["describe_array", "describe_tensor"]


def describe_tensor(value: Tensor) -> Iterator[Any]:
    """Yield a tensor's type, dtype, shape, and its elements or the tensors that it consists of."""
    yield f"{type(value).__name__} {value.dtype} {tuple(value.shape)} {value.requires_grad}"
    if hasattr(value, "__tensor_flatten__"):
        names, context = value.__tensor_flatten__()
        yield context
        yield from (getattr(value, name) for name in names)
    elif value.is_meta or not value.numel() or isinstance(value, _FAKE):
        return
    elif value.layout == torch.sparse_coo:
        found = value.detach().coalesce()
        yield from (found.indices(), found.values())
    elif value.layout in (torch.sparse_csr, torch.sparse_bsr):
        yield from (value.crow_indices(), value.col_indices(), value.values())
    elif value.layout in (torch.sparse_csc, torch.sparse_bsc):
        yield from (value.ccol_indices(), value.row_indices(), value.values())
    elif value.is_quantized or value.is_mkldnn:
        yield from (str(value.qscheme()) if value.is_quantized else "", value.to_dense().tolist())
    else:
        yield digest_of(_bytes_of(value))


def _bytes_of(value: Tensor) -> bytes:
    with torch._C._DisableTorchDispatch(), torch.no_grad():
        plain = value.detach().as_subclass(Tensor).cpu().resolve_conj().resolve_neg().contiguous()
        return plain.reshape(-1).view(torch.uint8).numpy().tobytes()


def describe_array(value: np.ndarray[Any, Any] | np.generic) -> Iterator[Any]:
    """Yield an array's dtype, shape and elements."""
    yield f"{type(value).__name__} {value.dtype.descr} {value.shape}"
    if value.dtype.hasobject:
        yield value.tolist()
    else:
        yield digest_of(np.ascontiguousarray(value).tobytes())


_FAKE = torch._subclasses.FakeTensor if hasattr(torch, "_subclasses") else ()
