"""Where are the weights of a program compiled without them?  In files, or in this process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg.import_program import literal_hooks
from ir_runtime.op_reg.torch_type import parse_torch_tensor_type

if TYPE_CHECKING:
    from iree.runtime import ParameterProvider

__all__ = ["ExternalParameters"]


class ExternalParameters:
    """The parameters and buffers that a program loads instead of holding them.

    Args:
        scope: of all of them; the program names each as `scope::key`.

    Attributes:
        tensors: by key, their names in the state dict.
    """

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self.tensors: dict[str, Tensor] = {}

    def import_hooks(self, program: Any) -> Any:
        """Return what tells FxImporter to load the parameters of a program, collected here."""
        hooks = literal_hooks()
        inline, load = hooks.resolve_literal, self._load_global
        first_names = _first_names(program.state_dict)

        def resolve_literal(gni: Any, literal: Any, info: Any) -> Any:
            if info is None or not isinstance(literal, Tensor):
                return inline(gni, literal, info)
            key: str = info.input_spec.target
            return load(gni, first_names.get(key, key), literal)

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

        self.tensors[key] = tensor
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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write them into an IREE parameter archive, `.irpa`."""
        self._index().create_archive_file(str(path))

    def provider(self, name: str, paths: Sequence[str | os.PathLike[str]]) -> ParameterProvider:
        """Return a provider of the parameters, from files if there are any, else from memory.

        Raises:
            ArgumentError: a file is missing, or the files do not hold each parameter at its size.
        """
        from iree.runtime import ParameterIndex

        index = ParameterIndex() if paths else self._index()
        for path in paths:
            if not Path(path).is_file():
                raise ArgumentError(f"{name}: no file {path}, must be one of parameters")
            index.load(str(path))
        self._check(name, index, paths)
        return index.create_provider(scope=self.scope)

    def _index(self) -> Any:
        from iree.runtime import ParameterIndex

        index = ParameterIndex()
        for key, tensor in self.tensors.items():
            index.add_buffer(key, _bytes_of(tensor))
        return index

    def _check(self, name: str, index: Any, paths: Sequence[Any]) -> None:
        found = {key: entry.length for key, entry in index.items()}
        for key, tensor in self.tensors.items():
            size = tensor.numel() * tensor.element_size()
            if found.get(key) != size:
                got = f"{found[key]} bytes" if key in found else "missing"
                raise ArgumentError(
                    f"{name}: parameter `{key}` is {got}, must be {size} bytes",
                    facts=[f"in {path}" for path in paths],
                )


def _first_names(state_dict: Mapping[str, Tensor]) -> dict[str, str]:
    """Map each name to the first one that the same tensor has; files keep shared ones once."""
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
