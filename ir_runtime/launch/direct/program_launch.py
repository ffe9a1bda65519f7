"""The launch of a whole program: the caller allocates what IREE's VM would, and takes the results.

A program that was not compiled in destination-passing form allocates the memory of its results. It
may pack several results into one allocation, and return arguments, constants and numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ir_runtime.counters import add_count
from ir_runtime.device.local import importable
from ir_runtime.device.storage import refuse_cut_tensors
from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import IrRuntimeError, LaunchError
from ir_runtime.frozen import frozen
from ir_runtime.launch.direct.direct_program import BoundPlan, DirectProgram, refusal_words
from ir_runtime.launch.direct.result_place import ResultPlace, result_places
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.operand.launch_type import launch_failure
from ir_runtime.launch.operand.number import plain_number
from ir_runtime.tracing import active_trace, record_event

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
        memories: the tensors to allocate for the result memories.
        takes: make the results, in order.
        whole: whether each memory is one result, in order; then the C launcher can run the call,
            and the results can be written into given tensors.
    """

    name: str
    bound: BoundPlan
    operands: tuple[int, ...]
    memories: tuple[Memory, ...]
    takes: tuple[Take, ...]
    whole: bool

    def run(self, args: Sequence[Any], into: Sequence[Tensor] | None = None) -> list[Any]:
        """Run the program and return its results.

        Args:
            args: all arguments of the call.
            into: the tensors of the result memories; None allocates them.

        Raises:
            ArgumentError, UnsupportedTypeError: a tensor cannot be read.
            LaunchError: the program failed.
        """
        tensors, run = [args[i] for i in self.operands], self.bound.native.run
        try:
            if into is None:
                into = [torch.empty(s, dtype=t, device="cpu") for s, t in self.memories]
            refused = run(tensors, into)
            # The C launcher refuses before it runs anything, so the call can be repeated.
            if refused:
                tensors = self._made_ready(refused, args)
                refused = run(tensors, into)
        except RuntimeError as error:
            raise launch_failure(self.name, error, args) from error
        if refused:
            raise LaunchError(
                f"{self.name}: the C launcher refuses a tensor: {refusal_words(refused)}"
            )
        return [take(tensors, into) for take in self.takes]

    def _made_ready(self, refused: int, args: Sequence[Any]) -> list[Tensor]:
        """Copy the tensors that cannot be read in place, and record the copies."""
        started_ns = time.perf_counter_ns()
        refuse_cut_tensors(self.name, "argument", args)
        ready = [_ready(f"{self.name}: argument {i}", args[i]) for i in self.operands]
        pairs = zip(ready, self.operands, strict=True)
        copied = sum(tensor.data_ptr() != args[i].data_ptr() for tensor, i in pairs)
        if copied:
            add_count("copies", copied)
        if copied and active_trace() is not None:
            why = refusal_words(refused)
            record_event("copy", self.name, started_ns, why=why, tensors=copied)
        return ready


def _ready(label: str, tensor: Tensor) -> Tensor:
    try:
        return importable(tensor.detach())
    except IrRuntimeError as error:
        error.headline = f"{label}: {error.headline}"
        raise


def bind_program_launch(direct: DirectProgram, args: Sequence[Any]) -> ProgramLaunch:
    """Bind a program to the shapes, dtypes and numbers of a call.

    Args:
        direct: the program; it allocates its results.
        args: all arguments, as many as the program takes.

    Raises:
        ArgumentError: a number does not fit.
        LaunchError: the program refuses the arguments.
        UnreadableProgramError: this call needs IREE's VM.
    """
    program = direct.program
    operands: list[int] = []
    numbers: list[float] = []
    for i, (kind, value) in enumerate(zip(program.arguments, args, strict=True)):
        number = None if kind == "tensor" else plain_number(value)
        if kind == "tensor" and type(value) in _PLAIN and value.device.type == "cpu":
            operands.append(i)
        elif number is not None:
            numbers.append(number)
        else:
            wanted = "plain tensor on the CPU" if kind == "tensor" else "number"
            raise UnreadableProgramError(f"argument {i} is no {wanted}")
    tensors: list[Tensor] = [args[i] for i in operands]
    for i, tensor in zip(operands, tensors, strict=True):
        if tensor.dtype not in DTYPES:
            raise UnreadableProgramError(f"argument {i} is of {tensor.dtype}, which IREE has not")
    bound = direct.bind(tensors, numbers)
    shapes, dtypes = [tuple(t.shape) for t in tensors], [t.dtype for t in tensors]
    places = result_places(program, shapes, dtypes, numbers)
    results = _Results(places, bound, len(operands), direct.constants)
    return ProgramLaunch(
        direct.name,
        bound,
        tuple(operands),
        tuple(results.memory(i) for i in range(len(results.sizes))),
        tuple(results.take(i) for i in range(len(places))),
        results.are_whole(),
    )


class _Results:
    """The making of a program's results.

    Args:
        places: where the results are.
        bound: the plan of the call.
        operands: the number of operands; the slots of result memories come next.
        constants: of the program; their slots come last.
    """

    def __init__(
        self,
        places: Sequence[ResultPlace | float],
        bound: BoundPlan,
        operands: int,
        constants: Sequence[Tensor],
    ) -> None:
        self.sizes = bound.plan.minimum_sizes[operands:]
        self._places = places
        self._operands = operands
        self._constants = constants
        self._first_constant = operands + len(self.sizes) + len(bound.plan.transients)

    def memory(self, number: int) -> Memory:
        """Return the tensor to allocate for a result memory."""
        for place in self._places:
            if isinstance(place, ResultPlace) and self._is_whole(place, number):
                return place.shape, place.dtype
        return (self.sizes[number],), torch.uint8

    def are_whole(self) -> bool:
        """Tell whether each memory is one result, in their order."""
        return len(self._places) == len(self.sizes) and all(
            isinstance(place, ResultPlace) and self._is_whole(place, i)
            for i, place in enumerate(self._places)
        )

    def take(self, number: int) -> Take:
        """Return the function that makes a result."""
        place = self._places[number]
        if not isinstance(place, ResultPlace):
            return lambda _operands, _memories: place
        slot, memory = place.slot, place.slot - self._operands
        if 0 <= memory < len(self.sizes) and self._is_whole(place, memory):
            return lambda _operands, memories: memories[memory]
        if not place.size_bytes:
            return lambda _operands, _memories: torch.empty(place.shape, dtype=place.dtype)
        if slot < self._operands:
            return lambda operands, _memories: _copied(_bytes_of(operands[slot]), place)
        if slot >= self._first_constant:
            data = self._constants[slot - self._first_constant]
            return lambda _operands, _memories: _copied(data, place)
        # IREE's VM returns equal values twice; each result gets memory of its own.
        earlier = [p for p in self._places[:number] if isinstance(p, ResultPlace)]
        if any(place.overlaps(other) for other in earlier):
            return lambda _operands, memories: _copied(_bytes_of(memories[memory]), place)
        return lambda _operands, memories: _part(memories[memory], place)

    def _is_whole(self, place: ResultPlace, memory: int) -> bool:
        slot = self._operands + memory
        if (place.slot, place.offset, place.size_bytes) != (slot, 0, self.sizes[memory]):
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
