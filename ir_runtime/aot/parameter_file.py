"""The headers of parameter files, read and checked before any parameter is read.

Three formats are recognised by their first bytes: IREE's archives (`.irpa`), safetensors and GGUF.
IREE reads the parameters themselves later, when a program is loaded.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch

from ir_runtime.dtypes import short_name
from ir_runtime.errors import ArgumentError
from ir_runtime.frozen import frozen

__all__ = ["StoredParameter", "describe", "metadata_of", "open_parameter_file"]

_MOST_HEADER_BYTES = 100 << 20
_SAFETENSORS_DTYPES: dict[str, str] = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
    "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32",
    "U16": "uint16", "U8": "uint8", "BOOL": "bool", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu", "C64": "complex64",
}  # fmt: skip
_GGUF_DTYPES = {
    0: "float32", 1: "float16", 24: "int8", 25: "int16", 26: "int32", 27: "int64", 28: "float64",
    30: "bfloat16",
}  # fmt: skip
_GGUF_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q",
                 12: "d"}  # fmt: skip
_GGUF_TEXT, _GGUF_LIST = 8, 9
_MOST_DEPTH = 4
_METADATA = ("TENSORv0", "PYTORCH")


@frozen
class _Header:
    """The header of one parameter: the name of its dtype, torch's name if known, and its sizes."""

    dtype: str
    shape: tuple[int, ...]


@frozen
class StoredParameter:
    """A parameter in a file.

    Attributes:
        path: the file.
        length: its size in bytes.
        dtype: its torch dtype, or the file's own name for it; None if the file has none.
        shape: its sizes; None if the file has none.
        entry: IREE's entry for it, which keeps the file open.
    """

    path: str
    length: int
    dtype: torch.dtype | str | None
    shape: tuple[int, ...] | None
    entry: Any


class _MalformedError(Exception):
    """A file does not have the format that its first bytes announce; the message says why."""


def describe(dtype: torch.dtype | str, shape: tuple[int, ...]) -> str:
    """Return the type of a parameter as text: `f32[4, 2]`."""
    name = dtype if isinstance(dtype, str) else short_name(dtype)
    return f"{name}{list(shape)}"


def metadata_of(tensor: torch.Tensor) -> str:
    """Return the metadata of a parameter in an archive, its dtype and shape, as IREE's tools do."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    content = {"type": "Tensor", "dtype": dtype, "shape": list(tensor.shape)}
    return f"{_METADATA[0]}:{json.dumps(content)}"


def open_parameter_file(name: str, path: str | os.PathLike[str]) -> dict[str, StoredParameter]:
    """Return the parameters of a file, by their keys; only the headers are read.

    Args:
        name: of the program, for messages.
        path: the file.

    Raises:
        ArgumentError: there is no such file, its format is not known, or it is damaged.
    """
    shown = str(path)
    if not Path(path).is_file():
        raise ArgumentError(f"{name}: no file {shown}, must be one of parameters")
    try:
        with Path(path).open("rb") as file:
            kind, headers = _headers(file)
        return _entries(shown, kind, headers)
    except _MalformedError as error:
        raise _damaged(name, shown, str(error)) from None
    except OSError as error:
        raise ArgumentError(
            f"{name}: {shown} cannot be read, must be a file of parameters", facts=[str(error)]
        ) from error


def _headers(file: BinaryIO) -> tuple[str, Mapping[str, _Header] | None]:
    """Return the format of a file, and its headers, None if IREE reads them."""
    size = os.fstat(file.fileno()).st_size
    begin = file.read(9)
    if begin[:4] == b"IRPA":
        return "irpa", None
    if begin[:4] == b"GGUF":
        file.seek(4)
        return "gguf", _GgufReader(file, size).read()
    if len(begin) == 9 and begin[8:] == b"{":
        file.seek(0)
        return "safetensors", _safetensors_headers(file, size)
    raise _UnknownFormatError


class _UnknownFormatError(_MalformedError):
    def __str__(self) -> str:
        return "its first bytes are of no known format: IREE's archive, safetensors or GGUF"


def _damaged(name: str, path: str, reason: str) -> ArgumentError:
    return ArgumentError(
        f"{name}: {path} is no complete file of parameters, must be an archive of IREE (.irpa), "
        "safetensors or GGUF",
        facts=[reason],
        fix="write tensors of another format with safetensors.torch.save_file, or pass them in a "
        "dict: launchable(parameters=torch.load(path))",
    )


def _entries(
    path: str, kind: str, headers: Mapping[str, _Header] | None
) -> dict[str, StoredParameter]:
    from iree.runtime import ParameterIndex

    index = ParameterIndex()
    try:
        # Not mapped: if the file is truncated later, a read fails, but a mapping raises a signal.
        index.load(path, kind, mode="file_async")
        entries = dict(index.items())
    except Exception as error:
        raise _MalformedError(str(error)) from error
    size = Path(path).stat().st_size
    found: dict[str, StoredParameter] = {}
    for key, entry in entries.items():
        if entry.is_file and entry.file_storage[1] + entry.length > size:
            raise _MalformedError(f"`{key}` ends after the end of the file")
        header = _header_in(entry.metadata) if headers is None else headers.get(key)
        if headers is not None and header is None:
            raise _MalformedError(f"`{key}` is not in the header")
        if header is not None:
            _check_length(key, header, entry.length)
        dtype = None if header is None else _torch_dtype(header.dtype)
        shape = None if header is None else header.shape
        found[key] = StoredParameter(path, entry.length, dtype, shape, entry)
    return found


def _torch_dtype(name: str) -> torch.dtype | str:
    found = getattr(torch, name, None)
    return found if isinstance(found, torch.dtype) else name


def _check_length(key: str, header: _Header, length: int) -> None:
    dtype = _torch_dtype(header.dtype)
    if isinstance(dtype, torch.dtype) and _count(header.shape) * dtype.itemsize != length:
        raise _MalformedError(
            f"`{key}` is {describe(dtype, header.shape)} by the header, and {length} bytes"
        )


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _header_in(metadata: bytes) -> _Header | None:
    """Read the metadata of a parameter in an archive; None if it does not describe a tensor."""
    kind, _, text = metadata.decode("utf-8", "replace").partition(":")
    if kind not in _METADATA:
        return None
    try:
        content = json.loads(text)
        return _Header(str(content["dtype"]), _shape(content["shape"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _MalformedError(f"the type of a parameter is not readable: {error}") from None


def _shape(sizes: Any) -> tuple[int, ...]:
    whole = isinstance(sizes, list) and all(type(n) is int and 0 <= n < 1 << 62 for n in sizes)
    if not whole:
        raise _MalformedError(f"a shape is {sizes!r}")
    return tuple(sizes)


def _safetensors_headers(file: BinaryIO, size: int) -> dict[str, _Header]:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(size - 8, _MOST_HEADER_BYTES):
        raise _MalformedError(f"a header of {length} bytes in a file of {size}")
    try:
        content = json.loads(file.read(length))
        content.pop("__metadata__", None)
        found: dict[str, _Header] = {}
        for key, value in content.items():
            begin, end = value["data_offsets"]
            if not 0 <= begin <= end <= size - 8 - length:
                raise _MalformedError(
                    f"`{key}` ends at byte {8 + length + end} of a file of {size}"
                )
            dtype = str(value["dtype"])
            found[key] = _Header(_SAFETENSORS_DTYPES.get(dtype, dtype), _shape(value["shape"]))
            _check_length(key, found[key], end - begin)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _MalformedError(f"the header is not readable: {error}") from None
    return found


class _GgufReader:
    """Reads the header of a GGUF file.

    Args:
        file: the open file, at its fifth byte.
        size: its size in bytes.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def read(self) -> dict[str, _Header]:
        version, tensors, entries = (self._number("I"), self._number("Q"), self._number("Q"))
        if version not in (2, 3):
            raise _MalformedError(f"version {version}")
        if max(tensors, entries) > self._size:
            raise _MalformedError(f"{tensors} parameters and {entries} entries by the header")
        alignment = 32
        for _ in range(entries):
            key, value = self._text(), self._value(self._number("I"), 0)
            if key == "general.alignment":
                alignment = value
        described = [self._tensor() for _ in range(tensors)]
        if type(alignment) is not int or not 0 < alignment < self._size:
            raise _MalformedError(f"an alignment of {alignment}")
        data = -(-self._file.tell() // alignment) * alignment
        for key, header, offset in described:
            dtype = _torch_dtype(header.dtype)
            length = _count(header.shape) * dtype.itemsize if isinstance(dtype, torch.dtype) else 0
            if data + offset + length > self._size:
                end = data + offset + length
                raise _MalformedError(f"`{key}` ends at byte {end} of a file of {self._size}")
        return {key: header for key, header, _ in described}

    def _tensor(self) -> tuple[str, _Header, int]:
        key, rank = self._text(), self._number("I")
        if rank > 64:
            raise _MalformedError(f"`{key}` has {rank} dimensions")
        shape = _shape([self._number("Q") for _ in range(rank)][::-1])
        kind = self._number("I")
        return key, _Header(_GGUF_DTYPES.get(kind, f"GGUF type {kind}"), shape), self._number("Q")

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _GGUF_NUMBERS:
            return self._number(_GGUF_NUMBERS[kind])
        if kind == _GGUF_TEXT:
            return self._text()
        if kind != _GGUF_LIST or depth > _MOST_DEPTH:
            raise _MalformedError(f"an entry of type {kind}")
        inner, count = self._number("I"), self._number("Q")
        if inner in _GGUF_NUMBERS:
            self._bytes(count * struct.calcsize("<" + _GGUF_NUMBERS[inner]))
            return None
        for _ in range(min(count, self._size)):
            self._value(inner, depth + 1)
        return None

    def _number(self, kind: str) -> Any:
        return struct.unpack("<" + kind, self._bytes(struct.calcsize("<" + kind)))[0]

    def _text(self) -> str:
        return self._bytes(self._number("Q")).decode("utf-8", "replace")

    def _bytes(self, count: int) -> bytes:
        if count > self._size - self._file.tell():
            raise _MalformedError("the header ends after the end of the file")
        return self._file.read(count)
