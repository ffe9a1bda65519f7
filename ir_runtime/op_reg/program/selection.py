"""The run of `select` for a call in a program, on fake tensors and constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ir_runtime.errors import ArgumentError, IrRuntimeError
from ir_runtime.frozen import frozen
from ir_runtime.op_reg.program.argument import (
    NotConstant,
    ProgramArgument,
    read_arguments,
    static_sizes,
)
from ir_runtime.op_reg.program.symbolic_size import Choose, SizeTable, example_choices
from ir_runtime.op_reg.select.argument import AttrArg, IntArg, TensorArg, TensorListArg
from ir_runtime.op_reg.select.call_selection import CallSelection
from ir_runtime.op_reg.select.result import check_mutations, check_results, written_descs

if TYPE_CHECKING:
    from iree.compiler.ir import Value

    from ir_runtime.op_reg.op.op import Op

__all__ = ["ProgramCall", "ProgramSelection", "select_for_program"]


class ProgramSelection(CallSelection):
    """The selection of a call in a program."""

    within_program: ClassVar[bool] = True

    def __init__(self, op: Op, args: Sequence[Any], *, family: str) -> None:
        super().__init__(op, args)
        self.device_family = family

    def _refusal(self, arg: int, expected: str) -> ArgumentError:
        value = self._value(arg)
        values = value if isinstance(value, list) else [value]
        computed = next((v for v in values if isinstance(v, NotConstant | torch.SymInt)), None)
        if computed is None:
            return super()._refusal(arg, expected)
        made_by = computed.made_by if isinstance(computed, NotConstant) else "the program"
        return ArgumentError(
            f"{self.op.name}: `{self._name(arg)}` is computed by {made_by}, "
            f"must be {expected} that is constant in the program",
        )

    def _attr(self, arg: int, kind: type, expected: str) -> AttrArg:
        if isinstance(self._value(arg), torch.SymInt):
            raise self._refusal(arg, expected)
        return super()._attr(arg, kind, expected)

    def _attr_list(self, arg: int, kind: type, expected: str) -> AttrArg:
        values = self._value(arg)
        if isinstance(values, list) and any(isinstance(v, torch.SymInt) for v in values):
            raise self._refusal(arg, expected)
        return super()._attr_list(arg, kind, expected)


@frozen
class ProgramCall:
    """A call of an op in a program, after `select`.

    Attributes:
        ksel: the selection.
        bindings: the value in the program of each argument that is an operand.
        sizes: the open sizes of the call, and the conclusions of `select` about them.
    """

    ksel: ProgramSelection
    bindings: list[Any]
    sizes: SizeTable


def select_for_program(
    op: Op,
    operands: Sequence[Value],
    *,
    family: str,
    hints: Mapping[str, int],
    place: str,
) -> ProgramCall:
    """Run `select` on a call in a program.

    For an open size of the program, `select` sees a symbol with a representative value. If it
    refuses the first values, others with equal sizes are tried.

    Args:
        op: the op.
        operands: of the call, in schema order.
        family: the device family of the kernel.
        hints: representative values of the program's symbols, if known.
        place: the place of the call in the user's code.

    Raises:
        ArgumentError: the call does not fit the op; the message has the place.
        RegistrationError: `select` contradicts the signature.
    """
    failures: list[IrRuntimeError] = []
    for choose in example_choices(hints, static_sizes(operands)):
        try:
            call = _select(op, operands, choose, family)
            _refuse_fixed(call)
        except ArgumentError as error:
            failures.append(error)
            continue
        return call
    error = failures[0]
    error.facts = (*error.facts, f"called at {place}")
    raise error


def _select(op: Op, operands: Sequence[Value], choose: Choose, family: str) -> ProgramCall:
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental import _config

    sizes = SizeTable(choose)
    # "Oblivious": torch concludes nothing from the fact that a representative value is not 0 or 1.
    with _config.patch(backed_size_oblivious=True), FakeTensorMode(shape_env=sizes.env):
        arguments = read_arguments(op, operands, sizes)
        ksel = ProgramSelection(op, [a.value for a in arguments], family=family)
        ksel.own_op.select(ksel)
    check_results(ksel)
    check_mutations(ksel)
    _check_specialised(ksel)
    return ProgramCall(ksel, _bindings(ksel, arguments), sizes)


def _bindings(ksel: ProgramSelection, arguments: Sequence[ProgramArgument]) -> list[Any]:
    return [
        argument.binding if desc is not None and desc.ir_arity else None
        for desc, argument in zip(ksel.arg_descs, arguments, strict=True)
    ]


def _check_specialised(ksel: ProgramSelection) -> None:
    """Refuse sizes and integers that `select` compiles in, but that are open in the program."""
    for name, desc in zip(ksel.op.arg_names, ksel.arg_descs, strict=True):
        if isinstance(desc, IntArg) and desc.spec_value is not None:
            _check_integer(ksel, name, desc)
        listed = desc.ts if isinstance(desc, TensorListArg) else [desc]
        for tensor in listed:
            if isinstance(tensor, TensorArg):
                _check_dimensions(ksel, f"argument `{tensor.name}`", tensor)
    for i, desc in enumerate(written_descs(ksel.result_descs)):
        if isinstance(desc, TensorArg):
            _check_dimensions(ksel, f"result {i}", desc)


def _check_dimensions(ksel: ProgramSelection, what: str, desc: TensorArg) -> None:
    for dim, (spec, size) in enumerate(zip(desc.spec_dims, desc.t.shape, strict=True)):
        if isinstance(spec, torch.SymInt):
            raise ArgumentError(
                f"{ksel.op.name}: dimension {dim} of {what} is dynamic in the program, "
                "must be static, because `select` specialises it",
                fix="make the dimension static in the export",
            )
        if spec is not None and spec != size:
            raise ArgumentError(
                f"{ksel.op.name}: dimension {dim} of {what} is {size} in the program, "
                f"must be {spec} as `select` specialises it"
            )


def _check_integer(ksel: ProgramSelection, name: str, desc: IntArg) -> None:
    if isinstance(desc.v, torch.SymInt) or desc.v != desc.spec_value:
        shown = "computed by the program" if isinstance(desc.v, torch.SymInt) else desc.v
        raise ArgumentError(
            f"{ksel.op.name}: `{name}` is {shown}, must be the constant {desc.spec_value} "
            "that `select` compiles in"
        )


def _refuse_fixed(call: ProgramCall) -> None:
    for label, number in call.sizes.fixed():
        raise ArgumentError(
            f"{call.ksel.op.name}: `select` needs {label} to be {number}, and it is open in the "
            "program, must be static there",
            fix="make the dimension static in the export, or write a `select` that takes any size",
        )
