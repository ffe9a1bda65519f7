"""The call of a whole program on torch tensors, on one device or a group of devices."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import torch
from torch import Tensor

from ir_runtime.counters import add_pending_count
from ir_runtime.device.storage import refuse_cut_tensors
from ir_runtime.errors import ArgumentError
from ir_runtime.launch.operand.index_fault import IndexReport, count_faults
from ir_runtime.launch.operand.launch_type import launch_failure
from ir_runtime.launch.operand.mutation import refuse_unwritable, write_changed
from ir_runtime.launch.operand.output import refuse_one_output, write_outputs
from ir_runtime.launch.vm.argument import ImportTensor, pack_arguments
from ir_runtime.launch.vm.invoke import invoker_for
from ir_runtime.launch.vm.link import Place
from ir_runtime.launch.vm.result import ExportTensor, unpack_results
from ir_runtime.launch.vm.signature import Signature
from ir_runtime.launch.vm.vm_program import VmProgram

if TYPE_CHECKING:
    from iree.runtime import VmContext, VmFunction, VmVariantList

__all__ = ["Crossing", "call_program"]


class Crossing(TypedDict):
    """How tensors get to a place and back.

    Attributes:
        import_tensor: brings an argument to the place.
        import_scratch: brings a copy of an argument to the place; the program may change the copy.
        export_tensor: takes a result from the place.
    """

    import_tensor: ImportTensor
    import_scratch: ImportTensor
    export_tensor: ExportTensor


def call_program(
    program: VmProgram,
    entry: str,
    place: Place,
    args: Sequence[Any],
    outputs: Sequence[Tensor],
    *,
    hidden: int = 0,
    is_async: bool,
    raises: bool,
    **crossing: Unpack[Crossing],
) -> Any:
    """Run a program and wait for it.

    Args:
        program: the program to run.
        entry: its exported function.
        place: the device or devices to run on.
        args: tensors and numbers.
        outputs: tensors to write the results into, one each, or none.
        hidden: how many of the last arguments are not the user's; messages do not count them.
        is_async: whether the function takes fences, if it does not declare it.
        raises: whether an index out of range is an error; else it is counted.
        crossing: how tensors get to `place` and back.

    Returns:
        None, the result, or a list of results. With `outputs`, the same, made of `outputs`.

    Raises:
        ArgumentError: arguments or outputs do not fit.
        IndexOutOfRangeError: an index of the program is out of range.
        UnsupportedTypeError: a value cannot be an argument or a result.
        LaunchError: the program failed.
    """
    linked, signature = _linked(program, entry, place, args, outputs, hidden, is_async=is_async)
    with torch.no_grad():
        results = _invoke(program, entry, place, linked, signature, args, crossing)
        export = crossing["export_tensor"]
        values = unpack_results(program.name, signature.outputs, results, export, args)
        if signature.report is not None:
            # It is read first: after a fault, the results are not written anywhere.
            _read_report(program.name, signature.report, values.pop(), raises=raises)
        if signature.changed:
            values = write_changed(program.name, signature.changed, args, values)
        if outputs:
            values = write_outputs(program.name, outputs, values)
    if not values:
        return None
    return values[0] if len(values) == 1 else values


def _linked(
    program: VmProgram,
    entry: str,
    place: Place,
    args: Sequence[Any],
    outputs: Sequence[Tensor],
    hidden: int,
    *,
    is_async: bool,
) -> tuple[tuple[VmContext, VmFunction], Signature]:
    """Return the function of a program and its signature; refuse arguments that do not fit it."""
    name = program.name
    refuse_one_output(name, outputs)
    refuse_cut_tensors(name, "argument", args)
    refuse_cut_tensors(name, "output", outputs)
    linked = program.function(place, entry)
    signature = program.signature(linked[1], entry).settled(is_async=is_async, count=len(args))
    if len(args) != len(signature.inputs):
        given, wanted = len(args) - hidden, len(signature.inputs) - hidden
        raise ArgumentError(f"{name}: {given} arguments, must be {wanted}")
    if signature.changed:
        refuse_unwritable(name, signature.changed, args)
    return linked, signature


def _invoke(
    program: VmProgram,
    entry: str,
    place: Place,
    linked: tuple[VmContext, VmFunction],
    signature: Signature,
    args: Sequence[Any],
    crossing: Crossing,
) -> VmVariantList:
    """Bring the arguments to a place, and run the function on them there."""
    from iree.runtime import VmVariantList

    arguments = pack_arguments(
        program.name,
        signature.inputs,
        args,
        crossing["import_tensor"],
        crossing["import_scratch"],
        lambda place: program.keeps_operand(entry, place),
    )
    results = VmVariantList(len(signature.outputs))
    invoke = invoker_for(program.name, program.label, args)
    try:
        invoke(place, bool(signature.fenced), *linked, arguments, results)
    except Exception as error:
        raise launch_failure(program.name, error, args) from error
    return results


def _read_report(name: str, report: IndexReport, rows: Tensor, *, raises: bool) -> None:
    if raises:
        report.raise_fault(name, rows.tolist())
    else:
        add_pending_count("index_faults", functools.partial(count_faults, rows))
