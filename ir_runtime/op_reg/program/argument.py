"""The arguments of an op's call in a program, read from the IR that FxImporter makes."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from ir_runtime.errors import ArgumentError
from ir_runtime.frozen import frozen
from ir_runtime.op_reg.generate.torch_type import parse_torch_tensor_type
from ir_runtime.op_reg.program.symbolic_size import SizeTable

if TYPE_CHECKING:
    from iree.compiler.ir import Value

    from ir_runtime.op_reg.op.op import Op

__all__ = ["NotConstant", "ProgramArgument", "python_location", "read_arguments", "static_sizes"]

_LOCATION = re.compile(r'"(?P<file>[^"]+)":(?P<line>\d+)')
_TORCH_FILES = re.compile(r"(?:^|/)(?:torch/|ir_runtime/aot/|ir_runtime/op_reg/)")


@frozen
class NotConstant:
    """A value that the program computes, in the place of an argument that must be constant."""

    made_by: str

    def __repr__(self) -> str:
        return f"computed by {self.made_by}"


@frozen
class ProgramArgument:
    """An argument of an op in a program.

    Attributes:
        value: the value for `select`: a fake tensor, a list of them, a constant, a symbolic
            integer, None, or `NotConstant`.
        binding: its value in the IR, or a list of values; None for a default.
    """

    value: Any
    binding: Any = None


def read_arguments(op: Op, operands: Sequence[Value], sizes: SizeTable) -> list[ProgramArgument]:
    """Read the operands of a `torch.operator` as the arguments of `op`, with its defaults.

    Call it in the fake tensor mode in which `select` runs.

    Raises:
        ArgumentError: an operand is a tensor of unknown rank or dtype.
    """
    arguments: list[ProgramArgument] = []
    for i, schema in enumerate(op.schema.arguments):
        if i >= len(operands):
            arguments.append(ProgramArgument(schema.default_value))
            continue
        read = _Reader(op.name, schema.name, sizes).read(operands[i])
        value = _as_declared(read.value, str(schema.real_type))
        arguments.append(ProgramArgument(value, read.binding))
    return arguments


def static_sizes(operands: Sequence[Value]) -> set[int]:
    """Return the static sizes in the types of the operands."""
    found: set[int] = set()
    for operand in operands:
        made_by = _made_by(operand)
        if made_by is not None and made_by.name == "torch.prim.ListConstruct":
            values = list(made_by.operands)
        else:
            values = [operand]
        for value in values:
            kind = parse_torch_tensor_type(str(value.type))
            found.update(dim for dim in (kind.dims if kind else ()) if dim is not None)
    return found


def python_location(location: Any) -> str | None:
    """Return `file:line` of the user's code behind an MLIR location, None if it has none."""
    places = [(m["file"], m["line"]) for m in _LOCATION.finditer(str(location))]
    own = [place for place in places if not _TORCH_FILES.search(place[0])] or places
    return f"{own[0][0]}:{own[0][1]}" if own else None


@frozen
class _Reader:
    op_name: str
    label: str
    sizes: SizeTable

    def read(self, value: Value) -> ProgramArgument:
        text = str(value.type)
        made_by = _made_by(value)
        name = made_by.name if made_by is not None else "an argument of the program"
        if made_by is not None and name == "torch.derefine":
            return self.read(made_by.operands[0])
        if made_by is not None and name == "torch.prim.ListConstruct":
            return self._read_list(list(made_by.operands))
        if made_by is not None and name.startswith("torch.constant."):
            return ProgramArgument(_constant(made_by, name), value)
        if text.startswith(("!torch.vtensor", "!torch.tensor")):
            return ProgramArgument(self._tensor(value, text), value)
        if text == "!torch.int":
            return ProgramArgument(self.sizes.integer(value, self.label), value)
        return ProgramArgument(NotConstant(f"{name} : {text}"), value)

    def _read_list(self, elements: list[Value]) -> ProgramArgument:
        read = [
            _Reader(self.op_name, f"{self.label}[{i}]", self.sizes).read(element)
            for i, element in enumerate(elements)
        ]
        return ProgramArgument([r.value for r in read], [r.binding for r in read])

    def _tensor(self, value: Value, text: str) -> torch.Tensor:
        kind = parse_torch_tensor_type(text)
        if kind is None:
            raise ArgumentError(
                f"{self.op_name}: `{self.label}` is {text}, "
                "must be a tensor of known rank and dtype"
            )
        shape = self.sizes.shape_of(value, kind, self.label)
        return torch.empty(shape, dtype=kind.dtype)


def _made_by(value: Value) -> Any:
    """Return the operation that makes a value, None for an argument of a block."""
    owner: Any = value.owner
    return getattr(owner, "operation", owner) if hasattr(owner, "results") else None


def _constant(operation: Any, name: str) -> Any:
    if name == "torch.constant.none":
        return None
    value = operation.attributes["value"].value
    return torch.device(value) if name == "torch.constant.device" else value


def _as_declared(value: Any, declared: str) -> Any:
    """Convert a constant as torch's dispatcher does: integers to floats, numbers to dtypes."""
    if "float" in declared:
        if isinstance(value, list):
            return [float(v) if type(v) is int else v for v in value]
        return float(value) if type(value) is int else value
    if "ScalarType" in declared and isinstance(value, int):
        return _dtypes()[value]
    return value


@functools.cache
def _dtypes() -> dict[int, torch.dtype]:
    """Return the dtypes by the numbers that torch and FxImporter use for them."""
    from iree.compiler.extras.fx_importer import TORCH_DTYPE_TO_INT

    return {number: dtype for dtype, number in TORCH_DTYPE_TO_INT.items()}
