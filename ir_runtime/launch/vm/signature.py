"""The signature of an entry function, read from the function itself."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ir_runtime.errors import LaunchError
from ir_runtime.frozen import frozen
from ir_runtime.launch.operand.index_fault import REFLECTION, IndexReport
from ir_runtime.launch.operand.mutation import changed_arguments

if TYPE_CHECKING:
    from iree.runtime import VmFunction

__all__ = ["Signature", "Slot", "signature_of"]

# The types of the VM's own calling convention; only a function's text form shows them.
_CALL = re.compile(r"\(0(\w*)_(\w*)\), reflection = ")
_VM_TYPES = {"i": "i32", "I": "i64", "f": "f32", "F": "f64", "r": "reference"}
# One value of a declaration: `%input0: tensor<?xf32> {iree.abi.affinity = ...}`.
_VALUE = re.compile(r"%[^%]*?[^ ]: ([!\w.]+)([^%]*)")
_AFFINITY = re.compile(r"affinity = #hal\.device\.\w+<@__device_(\d+)")
_FENCE = "!hal.fence"


@frozen
class Slot:
    """One argument or result of a program.

    Attributes:
        kind: its MLIR type without parameters (`tensor`, `f16`, `index`, `!hal.buffer_view`);
            `reference` for a value that is no number and has no declared type.
        device_index: the number of its device, None if it is not declared.
    """

    kind: str
    device_index: int | None = None

    @property
    def is_number(self) -> bool:
        """Whether it is a number, not a tensor or another object."""
        return self.kind[0] in "iufsb"


@frozen
class Signature:
    """The arguments and results of an entry function, without its fences if they are known.

    Attributes:
        inputs: its arguments.
        outputs: its results.
        fenced: whether it takes a wait fence and a signal fence after `inputs`; None if the
            function does not declare it: `inputs` then has the fences, if there are any.
        report: the index report in its last result, None if it has none.
        changed: the arguments that the first results are written to.
    """

    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    fenced: bool | None
    report: IndexReport | None = None
    changed: tuple[int, ...] = ()

    def settled(self, *, is_async: bool, count: int) -> Signature:
        """Return the signature with `fenced` decided for a function that does not declare it.

        Args:
            is_async: whether the caller says that it takes fences.
            count: how many arguments the call has.
        """
        if self.fenced is not None:
            return self
        fenced = is_async and count + 2 == len(self.inputs)
        inputs = self.inputs[:-2] if fenced else self.inputs
        return replace(self, inputs=inputs, fenced=fenced)


def signature_of(function: VmFunction, entry: str) -> Signature:
    """Read the signature of an entry function.

    Args:
        function: exported function.
        entry: its name; one that ends in `$async` takes fences.

    Raises:
        LaunchError: the calling convention of the function is not known.
    """
    found = _called_as(function, entry)
    changed = changed_arguments(entry, function.reflection, len(found.inputs), len(found.outputs))
    return replace(found, changed=changed)


def _called_as(function: VmFunction, entry: str) -> Signature:
    found = _CALL.search(repr(function))
    if found is None or not set(found[1] + found[2]) <= {*_VM_TYPES, "v"}:
        raise LaunchError(
            f"{entry}: its calling convention is not known, must be of numbers and references",
            facts=[repr(function)],
        )
    told = function.reflection.get(REFLECTION)
    report = None if told is None else IndexReport.from_text(told)
    return replace(_values_of(function, entry, found), report=report)


def _values_of(function: VmFunction, entry: str, found: re.Match[str]) -> Signature:
    # Two sources: the calling convention is always there, but knows only numbers and references;
    # the declaration has the MLIR types, and is used only if it has as many values.
    inputs, outputs = (_undeclared(letters) for letters in found.groups())
    reflection = function.reflection
    fenced = reflection.get("iree.abi.model") == "coarse-fences" or (
        entry.endswith("$async") and found[1].endswith("rr")
    )
    declared_inputs, declared_outputs = _declared(reflection.get("iree.abi.declaration", ""))
    if fenced:
        inputs = inputs[:-2]
    if fenced and len(declared_inputs) == len(inputs) + 2:  # the author wrote the fences, too
        declared_inputs = declared_inputs[:-2]
    known = len(declared_inputs) == len(inputs) and len(declared_outputs) == len(outputs)
    if not known or not (declared_inputs or declared_outputs):
        return Signature(inputs, outputs, fenced or None)
    if not fenced and [slot.kind for slot in declared_inputs[-2:]] == [_FENCE, _FENCE]:
        return Signature(declared_inputs[:-2], declared_outputs, fenced=True)
    return Signature(declared_inputs, declared_outputs, fenced)


def _undeclared(letters: str) -> tuple[Slot, ...]:
    return tuple(Slot(_VM_TYPES[letter]) for letter in letters if letter != "v")


def _declared(declaration: str) -> tuple[tuple[Slot, ...], tuple[Slot, ...]]:
    inputs, _, outputs = declaration.partition(") -> (")
    return _slots(inputs), _slots(outputs)


def _slots(values: str) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    for kind, rest in _VALUE.findall(values):
        affinity = _AFFINITY.search(rest)
        slots.append(Slot(kind, int(affinity[1]) if affinity else None))
    return tuple(slots)
