"""The table of dtypes: torch's dtypes in MLIR and IREE, and the tolerance of results."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch

from ir_runtime.errors import UnsupportedTypeError
from ir_runtime.frozen import frozen

__all__ = ["DTYPES", "DtypeInfo", "dtype_info", "format_tensor", "short_name"]


@frozen
class DtypeInfo:
    """One row of the table.

    Attributes:
        short: the name in messages and keys, such as `f32`.
        mlir: the MLIR element type of builtin tensors (integers are signless there).
        element_type: name of the `iree.runtime.HalElementType` member.
        carrier: the dtype with which DLPack passes the tensor to IREE, if IREE's importer does not
            know the dtype itself; same item size.
        atol, rtol: tolerance for results of this dtype.
    """

    short: str
    mlir: str
    element_type: str
    carrier: torch.dtype | None = None
    atol: float = 0.0
    rtol: float = 0.0


_BY_NAME: dict[str, DtypeInfo] = {
    "float64": DtypeInfo("f64", "f64", "FLOAT_64", atol=1e-8, rtol=1e-8),
    "float32": DtypeInfo("f32", "f32", "FLOAT_32", atol=1e-5, rtol=1.3e-6),
    "float16": DtypeInfo("f16", "f16", "FLOAT_16", atol=1e-3, rtol=1e-3),
    "bfloat16": DtypeInfo("bf16", "bf16", "BFLOAT_16", atol=1e-3, rtol=1.6e-2),
    "float8_e4m3fn": DtypeInfo("f8e4m3fn", "f8E4M3FN", "FLOAT_8_E4M3_FN", torch.int8, 0.1, 0.1),
    "float8_e4m3fnuz": DtypeInfo(
        "f8e4m3fnuz", "f8E4M3FNUZ", "FLOAT_8_E4M3_FNUZ", torch.int8, 0.1, 0.1
    ),
    "float8_e5m2": DtypeInfo("f8e5m2", "f8E5M2", "FLOAT_8_E5M2", torch.int8, 0.2, 0.2),
    "float8_e5m2fnuz": DtypeInfo(
        "f8e5m2fnuz", "f8E5M2FNUZ", "FLOAT_8_E5M2_FNUZ", torch.int8, 0.2, 0.2
    ),
    "float8_e8m0fnu": DtypeInfo("f8e8m0fnu", "f8E8M0FNU", "FLOAT_8_E8M0_FNU", torch.int8, 0.5, 0.5),
    "int8": DtypeInfo("i8", "i8", "SINT_8"),
    "int16": DtypeInfo("i16", "i16", "SINT_16"),
    "int32": DtypeInfo("i32", "i32", "SINT_32"),
    "int64": DtypeInfo("i64", "i64", "SINT_64"),
    "uint8": DtypeInfo("u8", "i8", "UINT_8"),
    "uint16": DtypeInfo("u16", "i16", "UINT_16"),
    "uint32": DtypeInfo("u32", "i32", "UINT_32"),
    "uint64": DtypeInfo("u64", "i64", "UINT_64"),
    "bool": DtypeInfo("bool", "i1", "BOOL_8"),
    "complex64": DtypeInfo("c64", "complex<f32>", "COMPLEX_64", atol=1e-5, rtol=1.3e-6),
    "complex128": DtypeInfo("c128", "complex<f64>", "COMPLEX_128", atol=1e-8, rtol=1e-8),
}

DTYPES: Mapping[torch.dtype, DtypeInfo] = MappingProxyType(
    {getattr(torch, name): info for name, info in _BY_NAME.items() if hasattr(torch, name)}
)
"""Every dtype that compiled programs support."""


def dtype_info(dtype: torch.dtype) -> DtypeInfo:
    """Return the table row of `dtype`.

    Raises:
        UnsupportedTypeError: the dtype has no counterpart in IREE.
    """
    try:
        return DTYPES[dtype]
    except KeyError:
        raise UnsupportedTypeError(
            f"{dtype}: not a dtype that compiled programs take, must be one of "
            + ", ".join(info.short for info in DTYPES.values())
        ) from None


def short_name(dtype: torch.dtype) -> str:
    """Return the name for messages, such as `f32`; torch's name for a dtype outside the table."""
    info = DTYPES.get(dtype)
    return info.short if info else str(dtype).removeprefix("torch.")


def format_tensor(tensor: torch.Tensor) -> str:
    """Return dtype and shape as text for a message: `f32[4, 256]`."""
    return f"{short_name(tensor.dtype)}[{', '.join(str(d) for d in tensor.shape)}]"
