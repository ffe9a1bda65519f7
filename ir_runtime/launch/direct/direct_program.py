"""A kernel that runs without IREE's VM: the C launcher calls its executables in a plan's order."""

from __future__ import annotations

import functools
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.device.storage import refuse_cut_tensors
from ir_runtime.dtypes import short_name
from ir_runtime.errors import LaunchError
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.late_import import late_module
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.compile.program_record import stored_accesses, stored_host_program
from ir_runtime.launch.direct import native
from ir_runtime.launch.direct.copied_operand import (
    bare,
    made_ready,
    record_small_copies,
    refusal_words,
)
from ir_runtime.launch.direct.evaluate import evaluate
from ir_runtime.launch.direct.known_value import KnownValues, result_shapes
from ir_runtime.launch.direct.plan import BoundPlan, Plan
from ir_runtime.launch.host_program.dispatch_access import NO_ACCESSES, DispatchAccesses
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.host_program.program import HostProgram
from ir_runtime.launch.operand.call_key import call_key
from ir_runtime.launch.operand.changed_operand import NOTHING_CHANGED, Changed, copy_back
from ir_runtime.launch.operand.index_fault import COLUMNS, IndexReport, report_of_source
from ir_runtime.launch.operand.launch_type import Launch, Results, in_profiles, launch_failure
from ir_runtime.settings import bound_launches
from ir_runtime.tracing import active_trace

if TYPE_CHECKING:
    from ir_runtime.launch.direct import evaluate_program as programs
    from ir_runtime.launch.direct import number_range as number_ranges
    from ir_runtime.launch.direct.gpu.gpu_code import GpuCodes
    from ir_runtime.launch.direct.native import _launcher
    from ir_runtime.launch.operand.number import NumberRange
else:
    number_ranges = late_module("ir_runtime.launch.direct.number_range")
    programs = late_module("ir_runtime.launch.direct.evaluate_program")

__all__ = ["BoundPlan", "DirectProgram", "bind_direct_launch", "load_direct", "refusal_words"]


def load_direct(
    artifact: Artifact, load_globals: Callable[[], Sequence[Tensor]], *, has_report: bool = True
) -> DirectProgram | str:
    """Load the executables of a program for the C launcher, or return why that is not possible.

    Args:
        artifact: of a kernel or a program.
        load_globals: returns the buffers that the initializers of the program make; called once, if
            the program uses one.
        has_report: whether the C launcher is to read the index report; it must be the last result,
            in a memory of its own.
    """
    program = stored_host_program(artifact)
    if isinstance(program, str):
        return program
    absent = native.why_absent()
    if absent is not None:
        return f"the C launcher is not there: {absent}"
    from ir_runtime.launch.direct.native import _launcher

    try:
        executables = [
            _launcher.Executable(name, artifact.executables[name]) for name in program.executables
        ]
    except ValueError as refusal:
        return f"its executable does not load: {refusal}"
    report = report_of_source(artifact.source) if has_report else None
    made = load_globals() if program.loaded else ()
    loaded = [made[number] for number in program.loaded]
    accesses = stored_accesses(artifact)
    return DirectProgram(artifact.key.name, program, executables, report, loaded, accesses=accesses)


def _aligned(data: bytes) -> Tensor:
    """Return constant bytes where compiled code can read them."""
    memory = torch.empty(len(data), dtype=torch.uint8, device="cpu")
    memory.numpy()[:] = memoryview(data)
    return memory


Fault = Callable[[bytes], None]
"""Raises the error for the rows of an index report, given as bytes."""


def _raise_fault(name: str, report: IndexReport, rows: bytes) -> None:
    numbers = memoryview(rows).cast("q").tolist()
    report.raise_fault(name, [numbers[i : i + COLUMNS] for i in range(0, len(numbers), COLUMNS)])


def _reported(name: str, report: IndexReport | None) -> tuple[int, Fault | None]:
    """Return how many rows a report has, and what raises the error of such rows."""
    if report is None:
        return 0, None
    return report.shape[0], functools.partial(_raise_fault, name, report)


class DirectProgram:
    """A host program with its executables loaded; remembers the plans of the latest shapes.

    Args:
        name: for messages.
        program: the host program, in destination-passing form.
        executables: in the order of the program.
        report: the index report in its last result, None if it has none.
        loaded: the loaded buffers of the program, in its order, as bytes.
        accesses: the known accesses of its dispatches.
        gpu: the executables of a GPU, None for those of a CPU.

    Attributes:
        constants: the bytes of its constants, then those of its loaded buffers.
    """

    def __init__(
        self,
        name: str,
        program: HostProgram,
        executables: Sequence[_launcher.Executable | _launcher.GpuExecutable],
        report: IndexReport | None = None,
        loaded: Sequence[Tensor] = (),
        *,
        accesses: DispatchAccesses = NO_ACCESSES,
        gpu: GpuCodes | None = None,
    ) -> None:
        self.name = name
        self.gpu = gpu
        self._accesses = accesses
        self._report = _reported(name, report) if gpu is None else gpu.reported(report)
        self.program = program
        self._executables = tuple(executables)
        self.constants = (*map(_aligned, program.constants), *loaded)
        self._loaded_sizes = [tensor.numel() for tensor in loaded]
        self._memories: Sequence[memoryview | tuple[int, int]] = (
            [tensor.numpy().data for tensor in self.constants]
            if gpu is None
            else gpu.constants.spans
        )
        self._plans: OrderedDict[Any, BoundPlan] = OrderedDict()
        self._lock = fork_safe_lock()

    def plan_for(
        self,
        operands: Sequence[Any],
        results: Results,
        changed: Changed = NOTHING_CHANGED,
        number: NumberRange | None = None,
    ) -> BoundPlan:
        """Return the plan for the shapes of some operands.

        Args:
            operands: tensors and numbers, as the kernel takes them.
            results: the declared shapes and dtypes of the results.
            changed: the operands that the last results lie in.
            number: one of the numbers, and for which values of it a call may be like this one.

        Raises:
            LaunchError: the program refuses these shapes, or its results differ from `results`.
            UnreadableProgramError: these shapes need IREE's VM.
        """
        tensors = [value for value in operands if isinstance(value, Tensor)]
        numbers = tuple(value for value in operands if not isinstance(value, Tensor))
        shapes = tuple(tuple(tensor.shape) for tensor in tensors)
        key = (call_key(operands), results, changed)
        with self._lock:
            found = self._plans.get(key)
            if found is not None:
                self._keep(key, found)
                return found
        known = KnownValues(self.program, shapes, numbers)
        self._check_results(shapes, known, results)
        in_place = self._in_place(operands, changed, len(results))
        plan = self._plan(tensors, known, in_place, elementwise=changed.elementwise)
        bound = self._loaded(plan, self._report)
        if number is not None and self.gpu is None and not in_place:
            bound = self._for_range(bound, number, tensors, numbers)
        with self._lock:
            self._keep(key, bound)
        return bound

    def bind_program(
        self,
        tensors: Sequence[Tensor],
        numbers: Sequence[float],
        changed: Sequence[int],
        report: IndexReport | None,
    ) -> tuple[BoundPlan, programs.ProgramPlan]:
        """Return a new plan of a program that allocates its results.

        Args:
            tensors: the operand tensors.
            numbers: the numbers of the call, in order.
            changed: for each of the first results, the operand that it is the new content of.
            report: the index report in the last result, None if it has none.

        Raises:
            LaunchError: the program refuses these shapes.
            UnreadableProgramError: these shapes need IREE's VM.
        """
        try:
            made = programs.evaluate_program(
                self.program,
                [tuple(tensor.shape) for tensor in tensors],
                [tensor.dtype for tensor in tensors],
                numbers,
                effects=programs.ProgramEffects(tuple(changed), has_report=report is not None),
                accesses=self._accesses,
                loaded=self._loaded_sizes,
            )
        except LaunchError as error:
            raise launch_failure(self.name, RuntimeError(str(error)), tensors) from None
        read = report if made.has_report else None
        told = _reported(self.name, read) if self.gpu is None else self.gpu.reported(read)
        return self._loaded(made.plan, told), made

    def _for_range(
        self,
        bound: BoundPlan,
        wanted: NumberRange,
        tensors: Sequence[Tensor],
        numbers: tuple[float, ...],
    ) -> BoundPlan:
        """Return the plan for a range of a number, if there is one; else the plan as it is."""
        shapes = [tuple(tensor.shape) for tensor in tensors]
        found = number_ranges.range_of(self.program, shapes, numbers, wanted)
        if found is None:
            return bound
        own: Any = numbers[found.index]
        try:
            ends = []
            for end in (found.lowest, found.highest):
                given = (*numbers[: found.index], end, *numbers[found.index + 1 :])
                known = KnownValues(self.program, shapes, given)
                ends.append((end, self._plan(tensors, known, (), elementwise=False)))
            places = number_ranges.patched_constants(bound.plan, own, ends)
            if not places:
                return bound
            made = self._loaded(bound.plan, self._report, patched=places)
        except (LaunchError, UnreadableProgramError):  # too many numbers, for example
            return bound
        made.served = found
        return made

    def _plan(
        self,
        tensors: Sequence[Tensor],
        known: KnownValues,
        in_place: Sequence[tuple[int, int]],
        *,
        elementwise: bool,
    ) -> Plan:
        try:
            return evaluate(
                self.program,
                [tuple(tensor.shape) for tensor in tensors],
                [tensor.dtype for tensor in tensors],
                known,
                in_place=in_place,
                elementwise=elementwise,
                accesses=self._accesses,
                has_report=self._report[0] > 0,
                loaded=self._loaded_sizes,
            )
        except LaunchError as error:
            raise launch_failure(self.name, RuntimeError(str(error)), tensors) from None

    def _loaded(
        self, plan: Plan, report: tuple[int, Callable[[Any], None] | None], **options: Any
    ) -> BoundPlan:
        # This executor is only for kernels that keep their operands; `vm` runs the others.
        if plan.written_operands:
            raise UnreadableProgramError("it writes its operands")
        try:
            options |= self.gpu.plan_options(plan, self.program) if self.gpu is not None else {}
            given = (self.program, self._executables, report, self._memories)
            return BoundPlan(plan, *given, **options)
        except ValueError as refusal:
            raise UnreadableProgramError(f"the C launcher refuses it: {refusal}") from refusal

    def _in_place(
        self, operands: Sequence[Any], changed: Changed, results: int
    ) -> list[tuple[int, int]]:
        """Return which result lies in which operand tensor; numbers are no tensors."""
        tensors = [i for i, value in enumerate(operands) if isinstance(value, Tensor)]
        first = results - (self._report[0] > 0) - len(changed.operands)
        return [(first + i, tensors.index(operand)) for i, operand in enumerate(changed.operands)]

    def _keep(self, key: Any, bound: BoundPlan) -> None:
        """Make a plan the latest one; those go that the setting has no place for."""
        self._plans[key] = bound
        self._plans.move_to_end(key)
        while len(self._plans) > bound_launches():
            self._plans.popitem(last=False)

    def take_ran(self) -> bool:
        """Tell whether a plan ran since the last call of this method."""
        with self._lock:
            ran = [bound.native for bound in self._plans.values() if bound.native.used]
        for plan in ran:
            plan.used = False
        return bool(ran)

    def _check_results(self, shapes: Any, known: KnownValues, results: Results) -> None:
        found = result_shapes(self.program, shapes, known)
        for i, ((shape, dtype), (real, _)) in enumerate(zip(results, found, strict=True)):
            if real != shape:
                raise LaunchError(
                    f"{self.name}: result {i} has shape {list(real)}, must be "
                    f"{short_name(dtype)}{list(shape)} as `select` declares"
                )


def bind_direct_launch(
    direct: DirectProgram,
    operands: Sequence[Any],
    results: Results,
    changed: Changed = NOTHING_CHANGED,
    number: NumberRange | None = None,
) -> tuple[Launch, BoundPlan]:
    """Return a function that runs a kernel on tensors of known shapes, and its plan.

    Args:
        direct: the kernel.
        operands: tensors and numbers of one call; the function takes tensors of the same shapes
            and dtypes, and the same numbers.
        results: shape and dtype of each result.
        changed: the operands that the last results lie in; `launch` takes no tensors for these.
        number: as for `DirectProgram.plan_for`.

    Returns:
        `launch(operands, results)`, with the interface of `bind_launch`, and the plan.

    Raises:
        LaunchError: the kernel refuses these shapes.
        UnreadableProgramError: these shapes need IREE's VM.
    """
    bound = direct.plan_for(operands, results, changed, number)
    run, name, written = bound.native.run, direct.name, bound.plan.changed
    only_tensors = all(isinstance(value, Tensor) for value in operands)

    def launch(operands: Sequence[Any], outs: Sequence[Tensor]) -> None:
        tensors = operands if only_tensors else [v for v in operands if isinstance(v, Tensor)]
        started_ns = time.perf_counter_ns()
        refused = run(tensors, outs)
        if not refused and active_trace() is not None:
            record_small_copies(name, started_ns, tensors)
        # The C launcher refuses before it runs anything, so the call can be repeated.
        if refused:
            refuse_cut_tensors(name, "operand", tensors)
            refuse_cut_tensors(name, "result", outs)
            ready = made_ready(name, refused, tensors, written)
            refused = run(ready, bare(outs))
            if not refused:
                copy_back(tensors, ready, written)
        if refused:
            raise LaunchError(f"{name}: the C launcher refuses a tensor: {refusal_words(refused)}")

    return in_profiles(f"{name} (direct)", launch), bound
