"""External parameters: the weights of a program compiled without them, from files or tensors."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.aot.parameter_file import (
    StoredParameter,
    describe,
    metadata_of,
    open_parameter_file,
)
from ir_runtime.errors import ArgumentError
from ir_runtime.frozen import frozen
from ir_runtime.op_reg.generate.torch_type import parse_torch_tensor_type
from ir_runtime.op_reg.trace.import_program import literal_hooks

if TYPE_CHECKING:
    from iree.runtime import ParameterProvider

__all__ = ["ExternalParameters"]


@frozen
class _Wanted:
    """The dtype and shape that the program was compiled for, and all names of the parameter."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        return describe(self.dtype, self.shape)


class ExternalParameters:
    """The parameters and persistent buffers that a program loads; they are not part of it.

    Args:
        scope: the scope of all parameters; each is `scope::key` in the program.

    Attributes:
        tensors: the tensors of the exported module, by key, which is the name in its state dict.
    """

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self.tensors: dict[str, Tensor] = {}
        self._wanted: dict[str, _Wanted] = {}

    def import_hooks(self, program: Any) -> Any:
        """Return hooks with which FxImporter loads parameters; they are collected here.

        Buffers that are not persistent are in no state dict, so they stay in the program.
        """
        hooks = literal_hooks()
        inline, load = hooks.resolve_literal, self._load_global
        first_names = _first_names(program.state_dict)

        def resolve_literal(gni: Any, literal: Any, info: Any) -> Any:
            spec: Any = None if info is None else info.input_spec
            if spec is None or spec.persistent is False or not isinstance(literal, Tensor):
                return inline(gni, literal, info)
            key: Any = first_names.get(spec.target, spec.target)
            names = (key, *(name for name, first in first_names.items() if first == key != name))
            tensor = program.state_dict[key]  # `literal` may have another dtype by now
            self.tensors[key] = tensor
            self._wanted[key] = _Wanted(tensor.dtype, tuple(tensor.shape), names)
            return load(gni, key, literal)

        hooks.resolve_literal = resolve_literal
        return hooks

    def _load_global(self, gni: Any, key: str, tensor: Tensor) -> Any:
        """Emit a load of the global of a parameter; FxImporter asks once for each."""
        from iree.compiler.ir import (
            Attribute,
            FlatSymbolRefAttr,
            InsertionPoint,
            Operation,
            StringAttr,
            Type,
            TypeAttr,
        )

        wanted = gni._cc.tensor_to_vtensor_type(tensor)
        kind = parse_torch_tensor_type(str(wanted))
        assert kind is not None, "a parameter has rank and dtype"
        builtin = Type.parse(kind.builtin_asm)
        symbol = StringAttr.get(f"parameter_{len(self.tensors)}")
        name = f"{StringAttr.get(self.scope)}::{StringAttr.get(key)}"
        importer = gni.fx_importer
        with InsertionPoint.at_block_begin(importer.module.body):
            Operation.create(
                "util.global",
                attributes={
                    "sym_name": symbol,
                    "sym_visibility": StringAttr.get("private"),
                    "type": TypeAttr.get(builtin),
                    "initial_value": Attribute.parse(f"#flow.parameter.named<{name}> : {builtin}"),
                },
            )
        loaded = Operation.create(
            "util.global.load",
            results=[builtin],
            attributes={"global": FlatSymbolRefAttr.get(symbol.value)},
        ).result
        return Operation.create(
            "torch_c.from_builtin_tensor", results=[wanted], operands=[loaded]
        ).result

    def save(self, name: str, path: str | os.PathLike[str]) -> None:
        """Write the parameters into an IREE archive, `.irpa`, with their dtypes and shapes.

        Raises:
            ArgumentError: a parameter has another dtype or shape than at the export, or the file
                cannot be written.
        """
        index = self._index_of_tensors(name, self.tensors, "the exported module")
        try:
            index.create_archive_file(str(path))
        except Exception as error:
            raise ArgumentError(
                f"{name}: {path} cannot be written, must be a place for a file",
                facts=[str(error)],
            ) from error

    def provider(
        self,
        name: str,
        source: Mapping[str, Tensor] | Sequence[str | os.PathLike[str]],
    ) -> ParameterProvider:
        """Return a provider of the parameters; the dtype and shape of each are checked.

        Args:
            name: of the program, for messages.
            source: tensors by their names in the state dict, or files; if empty, the tensors of
                the exported module.

        Raises:
            ArgumentError: a parameter is missing or of another dtype or shape; a file is missing
                or damaged.
        """
        if isinstance(source, Mapping):
            index = self._index_of_tensors(name, source, "the dict")
        elif source:
            index = self._index_of_files(name, source)
        else:
            index = self._index_of_tensors(name, self.tensors, "the exported module")
        return index.create_provider(scope=self.scope)

    def _index_of_tensors(self, name: str, tensors: Mapping[str, Any], place: str) -> Any:
        from iree.runtime import ParameterIndex

        index = ParameterIndex()
        for key, wanted in self._wanted.items():
            tensor = _first_present(tensors, wanted)
            if tensor is None:
                raise _refusal(name, key, "missing", wanted, [place])
            if not isinstance(tensor, Tensor):
                raise _refusal(name, key, f"a {type(tensor).__name__}", wanted, [place])
            if (tensor.dtype, tuple(tensor.shape)) != (wanted.dtype, wanted.shape):
                found = describe(tensor.dtype, tuple(tensor.shape))
                raise _refusal(name, key, found, wanted, [place])
            if tensor.is_meta:
                raise _refusal(name, key, "without values, on meta", wanted, [place])
            index.add_buffer(key, _bytes_of(tensor), metadata=metadata_of(tensor))
        return index

    def _index_of_files(self, name: str, paths: Sequence[str | os.PathLike[str]]) -> Any:
        from iree.runtime import ParameterIndex

        stored: dict[str, StoredParameter] = {}
        for path in paths:
            for key, parameter in open_parameter_file(name, path).items():
                stored.setdefault(key, parameter)
        index = ParameterIndex()
        for key, wanted in self._wanted.items():
            parameter = _first_present(stored, wanted)
            if parameter is None:
                raise _refusal(name, key, "missing", wanted, map(str, paths))
            _check_stored(name, key, parameter, wanted)
            entry = parameter.entry
            if entry.is_file:
                handle, offset = entry.file_storage
                index.add_from_file_handle(key, handle, entry.length, offset=offset)
            else:
                index.add_splat(key, entry.splat_pattern, entry.length)
        return index


def _first_present(values: Mapping[str, Any], wanted: _Wanted) -> Any:
    """Return the value under the first known name; a shared parameter has several names."""
    return next((values[name] for name in wanted.names if name in values), None)


def _check_stored(name: str, key: str, stored: StoredParameter, wanted: _Wanted) -> None:
    if stored.dtype is None or stored.shape is None:  # an archive without types
        if stored.length != wanted.size_bytes:
            found = f"{stored.length} bytes"
            raise _refusal(name, key, found, wanted, [stored.path], f" ({wanted.size_bytes} bytes)")
    elif (stored.dtype, stored.shape) != (wanted.dtype, wanted.shape):
        found = describe(stored.dtype, stored.shape)
        raise _refusal(name, key, found, wanted, [stored.path])


def _refusal(
    name: str, key: str, found: str, wanted: _Wanted, places: Iterable[str], more: str = ""
) -> ArgumentError:
    return ArgumentError(
        f"{name}: parameter `{key}` is {found}, must be {wanted}{more} as in the export",
        facts=[f"in {place}" for place in places],
    )


def _first_names(state_dict: Mapping[str, Tensor]) -> dict[str, str]:
    """Map each name to the first name of the same tensor; files store a shared tensor once."""
    first: dict[tuple[Any, ...], str] = {}
    return {
        name: first.setdefault((t.data_ptr(), t.shape, t.stride(), t.dtype), name)
        if t.numel()
        else name
        for name, t in state_dict.items()
    }


def _bytes_of(tensor: Tensor) -> Any:
    """Return the memory of a tensor; keeps it alive."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy()
