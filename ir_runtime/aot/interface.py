"""The conversion of an exported program into a plain function from operands to results.

Other facts of torch's graph signature become data: which arguments and buffers a call changes, and
which results the program does not compute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.export.graph_signature import (
    ConstantArgument,
    ExportGraphSignature,
    InputKind,
    InputSpec,
    OutputKind,
    OutputSpec,
    SymBoolArgument,
    SymFloatArgument,
    SymIntArgument,
)

from ir_runtime.dtypes import format_tensor, short_name
from ir_runtime.errors import ExportError
from ir_runtime.frozen import frozen
from ir_runtime.launch.operand.mutation import CHANGED
from ir_runtime.launch.operand.overlap import shared_pairs
from ir_runtime.op_reg.trace.view_rewrite import written_nodes

__all__ = [
    "Interface",
    "ProgramInput",
    "ProgramResult",
    "StateTensor",
    "declare_changes",
    "plain_interface",
    "refuse_shared_state",
]


@frozen
class ProgramInput:
    """An argument of the traced module, in the order of its flattened arguments.

    Attributes:
        name: torch's name for it.
        value: the only accepted value, if it is no operand.
        is_operand: whether the program takes it; else it was a constant of the trace.
        dtype: dtype of a tensor, None for a number.
        shape: shape of a tensor, None for each open dimension.
    """

    name: str
    value: Any = None
    is_operand: bool = True
    dtype: torch.dtype | None = None
    shape: tuple[int | None, ...] = ()

    def refusal(self, value: Any) -> str | None:
        """Return why a value is refused, None if it is accepted; open sizes are not checked."""
        if not self.is_operand:
            return (
                None
                if value == self.value
                else f"is {value!r}, must be {self.value!r}, a constant of the export"
            )
        if self.dtype is None:
            return (
                None
                if not isinstance(value, Tensor)
                else f"is {format_tensor(value)}, must be a number"
            )
        dims = ", ".join("?" if size is None else str(size) for size in self.shape)
        wanted = f"must be {short_name(self.dtype)}[{dims}]"
        if not isinstance(value, Tensor):
            return f"is a {type(value).__name__}, {wanted}"
        same = value.dtype == self.dtype and value.ndim == len(self.shape)
        if same and all(w in (None, n) for w, n in zip(self.shape, value.shape, strict=True)):
            return None
        return f"is {format_tensor(value)}, {wanted}"


@frozen
class ProgramResult:
    """One of the flattened results of the traced module.

    Attributes:
        value: the result, if the program does not compute it.
        is_computed: whether the program computes it; else it was a constant of the trace.
        is_bool: whether it is a `bool`, which programs return as an integer.
    """

    value: Any = None
    is_computed: bool = True
    is_bool: bool = False


@frozen
class StateTensor:
    """A buffer or parameter that the program changes.

    Attributes:
        name: its name in the module.
        tensor: the module's own tensor.
    """

    name: str
    tensor: Tensor


@frozen
class Interface:
    """The relation between a program's operands and results and those of the traced module.

    Attributes:
        inputs: the flattened arguments of the module.
        results: its flattened results.
        state: the tensors that follow the arguments as operands of the program.
        changed: for each of the program's first results, the operand that it is written to; the
            module's results follow them.
    """

    inputs: tuple[ProgramInput, ...]
    results: tuple[ProgramResult, ...]
    state: tuple[StateTensor, ...]
    changed: tuple[int, ...]

    def operand_names(self) -> list[str]:
        """Return the name of each operand of the program."""
        arguments = [i.name for i in self.inputs if i.is_operand]
        return [*arguments, *(state.name for state in self.state)]

    def regroup(self, computed: Sequence[Any]) -> list[Any]:
        """Return the module's flattened results, from the results that the program computed."""
        rest: Iterator[Any] = iter(computed)
        values = [next(rest) if r.is_computed else r.value for r in self.results]
        return [
            bool(value) if result.is_bool else value
            for value, result in zip(values, self.results, strict=True)
        ]


def plain_interface(program: Any) -> tuple[Any, Interface]:
    """Return a functional program without effects, and its interface.

    State that the program changes becomes operands, after the arguments. The new values of changed
    tensors become results, before the others. Results that are constants of the trace are left out.

    Args:
        program: a functional `torch.export.ExportedProgram`; its graph is changed.
    """
    # In torch's signature, an output spec with a target is the new value of a buffer, a parameter
    # or an argument; an input spec that is no user input is state that the module stores.
    signature = program.graph_signature
    mutations = [s for s in signature.output_specs if s.kind is not OutputKind.USER_OUTPUT]
    outputs = [s for s in signature.output_specs if s.kind is OutputKind.USER_OUTPUT]
    written = {s.target for s in mutations if s.kind is not OutputKind.USER_INPUT_MUTATION}
    arguments = [s for s in signature.input_specs if s.kind is InputKind.USER_INPUT]
    stored = [s for s in signature.input_specs if s.kind is not InputKind.USER_INPUT]
    state = [s for s in stored if s.target in written]

    # Constants of the trace have no node, so they are neither operands nor results. Only state that
    # is written becomes an operand; other state stays, and is imported as constants or parameters.
    traced = {node.name: node.meta.get("val") for node in program.graph.nodes}
    operands = [s for s in arguments if not isinstance(s.arg, ConstantArgument)] + state
    places = {s.target or s.arg.name: i for i, s in enumerate(operands)}
    interface = Interface(
        inputs=tuple(_input_of(spec, traced) for spec in arguments),
        results=tuple(_result_of(spec) for spec in outputs),
        state=tuple(StateTensor(s.target, _tensor_of(program, s)) for s in state),
        changed=tuple(places[s.target] for s in mutations),
    )
    computed = [s for s in outputs if not isinstance(s.arg, ConstantArgument)]
    held = [s for s in stored if s.target not in written]
    as_arguments = [InputSpec(InputKind.USER_INPUT, s.arg, target=None) for s in state]
    program = _with_specs(program, [*held, *arguments, *as_arguments], [*mutations, *computed])
    return program, interface


def _tensor_of(program: Any, spec: Any) -> Any:
    found = program.state_dict.get(spec.target)
    return program.constants.get(spec.target) if found is None else found


def _input_of(spec: Any, traced: Mapping[str, Any]) -> ProgramInput:
    if isinstance(spec.arg, ConstantArgument):
        return ProgramInput(spec.arg.name, spec.arg.value, is_operand=False)
    value = traced[spec.arg.name]
    if not isinstance(value, Tensor):
        return ProgramInput(spec.arg.name)
    shape = tuple(_static(size) for size in value.shape)
    return ProgramInput(spec.arg.name, dtype=value.dtype, shape=shape)


def _static(size: Any) -> int | None:
    """Return a static size as an int, None for an open size."""
    if isinstance(size, torch.SymInt):
        return int(size.node.expr) if size.node.expr.is_Integer else None
    return size


def _result_of(spec: Any) -> ProgramResult:
    if isinstance(spec.arg, ConstantArgument):
        return ProgramResult(spec.arg.value, is_computed=False)
    return ProgramResult(is_bool=isinstance(spec.arg, SymBoolArgument))


def _with_specs(program: Any, inputs: list[Any], results: list[Any]) -> Any:
    """Return a program that takes `inputs` in this order, and returns `results`."""
    graph = program.graph
    nodes = {node.name: node for node in graph.nodes}
    begin = graph._root
    for spec in reversed(inputs):
        begin.append(nodes[spec.arg.name])
    output = graph.output_node()
    output.args = (tuple(nodes[spec.arg.name] for spec in results),)
    program.graph_module.recompile()
    outputs = [OutputSpec(OutputKind.USER_OUTPUT, _as_value(spec.arg), None) for spec in results]
    return program._update(
        program.graph_module, ExportGraphSignature(input_specs=inputs, output_specs=outputs)
    )


def _as_value(argument: Any) -> Any:
    """Return the output spec of a number as an int, for FxImporter; the node has the real type."""
    if isinstance(argument, SymFloatArgument | SymBoolArgument):
        return SymIntArgument(argument.name)
    return argument


def refuse_shared_state(name: str, program: Any) -> None:
    """Refuse a program that changes a tensor of its module if another tensor shares its memory.

    Args:
        name: for messages.
        program: a `torch.export.ExportedProgram`, functional or not.

    Raises:
        ExportError: the changed tensor shares memory with another tensor of the module.
    """
    signature = program.graph_signature
    written = {node.name for node in written_nodes(program.graph)}
    changed = {spec.target for spec in signature.output_specs if spec.target is not None}
    stored = [spec for spec in signature.input_specs if spec.target is not None]
    changed |= {spec.target for spec in stored if spec.arg.name in written}
    if not changed:
        return
    tensors = {spec.target: _tensor_of(program, spec) for spec in stored}
    tensors = {name: found for name, found in tensors.items() if isinstance(found, Tensor)}
    for pair in shared_pairs(tensors):
        first, second = sorted(pair, key=lambda target: (target not in changed, target))
        if first in changed:
            raise ExportError(
                f"{name}: changes `{first}`, which shares memory with `{second}`, must have "
                "memory of its own",
                fix="clone one of them in the module",
            )


def declare_changes(module: Any, changed: Sequence[int]) -> None:
    """Write the operands that an imported program changes into its entry's reflection."""
    from iree.compiler.ir import DictAttr, StringAttr, SymbolTable

    if changed:
        entry = SymbolTable(module.operation)["main"].operation
        with module.context:
            text = StringAttr.get(",".join(map(str, changed)))
            entry.attributes["iree.reflection"] = DictAttr.get({CHANGED: text})
