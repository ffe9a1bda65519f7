"""The launch of a whole program: the caller allocates what IREE's VM would, and takes the results.

A program that was not compiled in destination-passing form allocates the memory of its results. It
may pack several results into one allocation, and return arguments, constants and numbers. The new
contents of an argument that it changes are a result, too, which lies in the argument if it can.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ir_runtime.counters import add_count
from ir_runtime.device.local import importable
from ir_runtime.device.storage import refuse_cut_tensors
from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import IrRuntimeError, LaunchError
from ir_runtime.frozen import frozen
from ir_runtime.late_import import late_module
from ir_runtime.launch.direct.copied_operand import record_small_copies, refusal_words
from ir_runtime.launch.direct.direct_program import BoundPlan, DirectProgram
from ir_runtime.launch.direct.evaluate_program import ProgramPlan
from ir_runtime.launch.direct.result_place import ResultPlace
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.operand.changed_operand import copy_back, place_in_words
from ir_runtime.launch.operand.index_fault import IndexReport
from ir_runtime.launch.operand.launch_type import launch_failure
from ir_runtime.launch.operand.number import plain_number
from ir_runtime.tracing import active_trace, record_event

if TYPE_CHECKING:
    from ir_runtime.launch.direct import gpu_launch
else:
    gpu_launch = late_module("ir_runtime.launch.direct.gpu_launch")

__all__ = ["ProgramLaunch", "bind_program_launch"]

_PLAIN = (Tensor, Parameter)
_to_dlpack, _from_dlpack = torch._C._to_dlpack, torch._C._from_dlpack

Memory = tuple[tuple[int, ...], torch.dtype]
"""Shape and dtype of the tensor that is allocated for a result memory."""
Take = Callable[[Sequence[Tensor], Sequence[Tensor]], Any]
"""Makes a result from the operands and the tensors of the result memories."""


@frozen
class ProgramLaunch:
    """A program bound to the shapes, dtypes and numbers of a call.

    Attributes:
        name: of the program, for messages.
        bound: the plan.
        operands: positions of the tensors among the arguments.
        memories: the tensors to allocate for the result memories, the index report last; results
            that lie in arguments have none.
        takes: make the results, in order; None for one that lies in an argument.
        whole: whether each memory is one result, in order, and each changed argument is written
            where it lies; then the C launcher can run the call.
        has_report: whether the last memory is the index report, and nothing else.
        changes: for each changed argument its position, and why it is computed aside; "" if it is
            not.
        where: the torch device of the tensors.
        on_gpu: whether the launch is only enqueued, on torch's current stream of a GPU.
    """

    name: str
    bound: BoundPlan
    operands: tuple[int, ...]
    memories: tuple[Memory, ...]
    takes: tuple[Take | None, ...]
    whole: bool
    has_report: bool
    changes: tuple[tuple[int, str], ...]
    where: torch.device
    on_gpu: bool

    def explain_changes(self, args: Sequence[Any]) -> Iterator[tuple[int, str]]:
        """Yield the position of each changed argument, and where its new contents are computed."""
        for place, why in sorted(self.changes):
            others = [args[i] for i in self.operands if i != place]
            yield place, place_in_words(args[place], others, why)

    @property
    def returned(self) -> tuple[Memory, ...]:
        """The memories of results, without that of the index report."""
        return self.memories[: len(self.memories) - self.has_report]

    def run(self, args: Sequence[Any], into: Sequence[Tensor] | None = None) -> list[Any]:
        """Run the program and return its results; None for one that lies in an argument.

        Args:
            args: all arguments of the call.
            into: the tensors of the result memories; None allocates them.

        Raises:
            ArgumentError, UnsupportedTypeError: a tensor cannot be read.
            LaunchError: the program failed.
        """
        try:
            with gpu_launch.current_gpu(self.where) if self.on_gpu else nullcontext():
                tensors, into = self._run(args, into)
        except (IrRuntimeError, torch.OutOfMemoryError):
            raise
        except RuntimeError as error:
            raise launch_failure(self.name, error, args) from error
        return [None if take is None else take(tensors, into) for take in self.takes]

    def _run(
        self, args: Sequence[Any], into: Sequence[Tensor] | None
    ) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """Run the program; returns the tensors that it read, and those of the result memories."""
        tensors, run = [args[i] for i in self.operands], self.bound.native.run
        if into is None:
            into = _allocated(self.memories, self.where)
        started_ns = time.perf_counter_ns()
        refused = run(tensors, into)
        if not refused and not self.on_gpu and active_trace() is not None:
            record_small_copies(self.name, started_ns, tensors)
        # The C launcher refuses before it runs anything, so the call can be repeated.
        if refused:
            given, tensors = tensors, self._made_ready(refused, args)
            refused = run(tensors, into)
            if not refused and self.bound.plan.changed:
                self._copy_back(given, tensors, into)
        if refused:
            raise LaunchError(
                f"{self.name}: the C launcher refuses a tensor: {refusal_words(refused)}"
            )
        return tensors, into

    def _copy_back(
        self, given: Sequence[Tensor], ready: Sequence[Tensor], into: Sequence[Tensor]
    ) -> None:
        """Copy new contents into arguments that were changed elsewhere, unless an index is bad.

        On a GPU the host does not wait to know that.
        """
        rows = into[-1].tolist() if self.has_report and not self.on_gpu else ()
        if all(least >= lowest and most < size for least, most, lowest, size in rows):
            with torch.no_grad():
                copy_back(given, ready, self.bound.plan.changed)

    def _made_ready(self, refused: int, args: Sequence[Any]) -> list[Tensor]:
        """Copy the tensors that cannot be read in place, and record the copies."""
        started_ns = time.perf_counter_ns()
        refuse_cut_tensors(self.name, "argument", args)
        make = gpu_launch.ready_on_gpu if self.on_gpu else importable
        ready = [_ready(f"{self.name}: argument {i}", args[i], make) for i in self.operands]
        pairs = zip(ready, self.operands, strict=True)
        copied = sum(tensor.data_ptr() != args[i].data_ptr() for tensor, i in pairs)
        if copied:
            add_count("copies", copied)
        if copied and active_trace() is not None:
            why = refusal_words(refused)
            record_event("copy", self.name, started_ns, why=why, tensors=copied)
        return ready


def _allocated(memories: Sequence[Memory], where: torch.device) -> list[Tensor]:
    return [torch.empty(shape, dtype=dtype, device=where) for shape, dtype in memories]


def _ready(label: str, tensor: Tensor, make: Callable[[Tensor], Tensor]) -> Tensor:
    try:
        return make(tensor.detach())
    except IrRuntimeError as error:
        error.headline = f"{label}: {error.headline}"
        raise


def bind_program_launch(
    direct: DirectProgram,
    args: Sequence[Any],
    changed: Sequence[int] = (),
    report: IndexReport | None = None,
) -> ProgramLaunch:
    """Bind a program to the shapes, dtypes and numbers of a call.

    Args:
        direct: the program; it allocates its results.
        args: all arguments, as many as the program takes.
        changed: for each of the first results, the position of the argument that it is the new
            content of.
        report: the index report in its last result, None if it has none.

    Raises:
        ArgumentError: a number does not fit.
        LaunchError: the program refuses the arguments.
        UnreadableProgramError: this call needs IREE's VM.
    """
    where = _place_of(direct, args)
    operands, numbers = _operands_and_numbers(direct, args, where)
    tensors: list[Tensor] = [args[i] for i in operands]
    for i, tensor in zip(operands, tensors, strict=True):
        if tensor.dtype not in DTYPES:
            raise UnreadableProgramError(f"argument {i} is of {tensor.dtype}, which IREE has not")
    for i in changed:
        if i not in operands:
            raise UnreadableProgramError(f"argument {i}, which it changes, is no tensor")
    written = [operands.index(i) for i in changed]
    bound, made = direct.bind_program(tensors, numbers, written, report)
    results = _Results(made, len(operands), direct, where)
    if direct.gpu is not None:
        gpu_launch.use_machine_code(direct, where)
    mine = range(len(changed), len(made.places) - (report is not None))
    return ProgramLaunch(
        direct.name,
        bound,
        tuple(operands),
        tuple(results.memory(slot) for slot in results.slots),
        tuple(results.take(i) for i in range(len(made.places))),
        results.are_whole(mine) and len(made.in_place) == len(changed),
        made.has_report,
        tuple((i, results.why_aside(number, written[number])) for number, i in enumerate(changed)),
        where,
        direct.gpu is not None,
    )


def _place_of(direct: DirectProgram, args: Sequence[Any]) -> torch.device:
    """Return where all tensors of a call must be."""
    if direct.gpu is None:
        return torch.device("cpu")
    kinds = zip(direct.program.arguments, args, strict=True)
    found = [a.device for kind, a in kinds if kind == "tensor" and isinstance(a, Tensor)]
    if not found:
        raise UnreadableProgramError("no tensor among its arguments tells the GPU")
    return found[0]


def _operands_and_numbers(
    direct: DirectProgram, args: Sequence[Any], where: torch.device
) -> tuple[list[int], list[float]]:
    """Return the positions of the tensors among the arguments, and the other arguments."""
    operands: list[int] = []
    numbers: list[float] = []
    for i, (kind, value) in enumerate(zip(direct.program.arguments, args, strict=True)):
        number = None if kind == "tensor" else plain_number(value)
        if kind == "tensor" and type(value) in _PLAIN and value.device == where:
            operands.append(i)
        elif number is not None:
            numbers.append(number)
        else:
            place = "the CPU" if direct.gpu is None else where
            wanted = f"plain tensor on {place}" if kind == "tensor" else "number"
            raise UnreadableProgramError(f"argument {i} is no {wanted}")
    return operands, numbers


class _Results:
    """The making of a program's results.

    Args:
        made: the plan, and where the results are.
        operands: the number of operands; the slots of result memories come next.
        direct: the program.
        where: the torch device of the results.

    Attributes:
        slots: of the result memories to allocate.
    """

    def __init__(
        self, made: ProgramPlan, operands: int, direct: DirectProgram, where: torch.device
    ) -> None:
        self._made = made
        self._where = where
        self._on_gpu = direct.gpu is not None
        self._places = made.places
        self._operands = operands
        self._sizes = dict(enumerate(made.plan.minimum_sizes[operands:], operands))
        self._constants = direct.constants
        self._first_constant = operands + len(self._sizes) + len(direct.program.transients)
        first = operands + len(self._sizes) - len(made.in_place) - made.has_report
        self._lying = {
            first + i: operand for i, operand in enumerate(made.plan.changed)
        }  # memory that is an operand's
        self.slots = [slot for slot in self._sizes if slot not in self._lying]

    def memory(self, slot: int) -> Memory:
        """Return the tensor to allocate for a result memory."""
        for place in self._places:
            if isinstance(place, ResultPlace) and self._is_whole(place, slot):
                return place.shape, place.dtype
        return (self._sizes[slot],), torch.uint8

    def are_whole(self, numbers: Sequence[int]) -> bool:
        """Tell whether some results are the memories to allocate, the report apart, in order."""
        slots = self.slots[: len(self.slots) - self._made.has_report]
        places = [self._places[number] for number in numbers]
        return len(places) == len(slots) and all(
            isinstance(place, ResultPlace) and self._is_whole(place, slot)
            for place, slot in zip(places, slots, strict=True)
        )

    def why_aside(self, number: int, operand: int) -> str:
        """Return why a result is not computed in the operand that it belongs to; "" if it is."""
        if operand in self._made.plan.staged:
            return "it is read after its first element is written"
        if number in self._made.in_place:
            return ""
        slots = [place.slot for place in self._places if isinstance(place, ResultPlace)]
        if operand in slots:
            return "its old contents are a result, too"
        return "its new contents have no memory of their own"

    def take(self, number: int) -> Take | None:
        """Return the function that makes a result; None if it lies in an operand."""
        place = self._places[number]
        if number in self._made.in_place:
            return None
        if not isinstance(place, ResultPlace):
            return lambda _operands, _memories: place
        slot = place.slot
        if not place.size_bytes:
            empty: Memory = (place.shape, place.dtype)
            return lambda _operands, _memories: _allocated([empty], self._where)[0]
        if (operand := self._lying.get(slot, slot)) < self._operands:
            return lambda operands, _memories: _copied(_bytes_of(operands[operand]), place)
        if slot >= self._first_constant:
            if self._on_gpu:
                raise UnreadableProgramError(f"result {number} is a constant, which a GPU lacks")
            data = self._constants[slot - self._first_constant]
            return lambda _operands, _memories: _copied(data, place)
        memory = self.slots.index(slot)
        if self._is_whole(place, slot):
            return lambda _operands, memories: memories[memory]
        # IREE's VM returns equal values twice; each result gets memory of its own.
        earlier = [p for p in self._places[:number] if isinstance(p, ResultPlace)]
        # A part that torch's allocator of a GPU does not know would be nothing to `record_stream`.
        if self._on_gpu or any(place.overlaps(other) for other in earlier):
            return lambda _operands, memories: _copied(_bytes_of(memories[memory]), place)
        return lambda _operands, memories: _part(memories[memory], place)

    def _is_whole(self, place: ResultPlace, slot: int) -> bool:
        if (place.slot, place.offset, place.size_bytes) != (slot, 0, self._sizes[slot]):
            return False
        tensors = [p for p in self._places if isinstance(p, ResultPlace)]
        return sum(other.slot == slot for other in tensors) == 1


def _bytes_of(tensor: Tensor) -> Tensor:
    return tensor.detach().reshape(-1).view(torch.uint8)


def _copied(data: Tensor, place: ResultPlace) -> Tensor:
    """Return a result that must not share memory with the argument or constant that it is."""
    add_count("copies")
    part = data[place.offset : place.offset + place.size_bytes].clone()
    return part.view(place.dtype).view(place.shape)


def _part(memory: Tensor, place: ResultPlace) -> Tensor:
    """Return one of several results in a memory, as a tensor with a storage of its own."""
    part = memory[place.offset : place.offset + place.size_bytes]
    return _from_dlpack(_to_dlpack(part)).view(place.dtype).view(place.shape)
