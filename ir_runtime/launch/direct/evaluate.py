"""The evaluation of a host program for concrete shapes and numbers; the result is a plan."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from ir_runtime.dtypes import dtype_info, short_name
from ir_runtime.errors import LaunchError
from ir_runtime.launch.direct.known_value import (
    KnownValues,
    Shape,
    expect_count,
    known_values,
)
from ir_runtime.launch.direct.plan import Binding, Copy, Dispatch, Fill, Plan, Step
from ir_runtime.launch.direct.plan_in_place import (
    Access,
    Placement,
    PlanMemory,
    place_in_operands,
)
from ir_runtime.launch.direct.plan_rewrite import rewrite_steps, spans_of
from ir_runtime.launch.host_program.dispatch_access import (
    NO_ACCESSES,
    UNKNOWN_ACCESS,
    DispatchAccess,
    DispatchAccesses,
)
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.host_program.expression import width_of
from ir_runtime.launch.host_program.program import (
    Check,
    HostProgram,
    LengthCheck,
    ProgramDispatch,
    ProgramFill,
    ProgramStep,
    ShapeCheck,
    Span,
)

__all__ = ["Evaluation", "evaluate", "known_access"]

_ALIGNMENT = 64
_GRID_LIMITS = (1 << 32, 1 << 32, 1 << 16)  # IREE passes x and y in 32 bits, z in 16


def evaluate(
    program: HostProgram,
    shapes: Sequence[Shape],
    dtypes: Sequence[torch.dtype],
    numbers: Sequence[float] | KnownValues = (),
    *,
    in_place: Sequence[tuple[int, int]] = (),
    accesses: DispatchAccesses = NO_ACCESSES,
    elementwise: bool = False,
    has_report: bool = False,
    loaded: Sequence[int] = (),
) -> Plan:
    """Compute the launches of a call.

    Args:
        program: the program to launch.
        shapes: of the operand tensors, which are dense.
        dtypes: of the operand tensors.
        numbers: the numbers of the call, in order; or the values of the program for them.
        in_place: pairs `(result, operand)` that share one memory, numbered within their kind. No
            other operand may overlap these.
        accesses: what is known of the dispatches.
        elementwise: whether each element of those results depends only on the elements at the
            same place.
        has_report: whether the last result is an index report.
        loaded: bytes of each loaded buffer.

    Returns:
        The plan.

    Raises:
        ArgumentError: a number does not fit its type.
        LaunchError: the arguments do not fit the program; the message is the program's own.
        UnreadableProgramError: only IREE's VM can run it for these arguments.
    """
    evaluation = Evaluation(program, shapes, dtypes, numbers, loaded)
    access = _any_over_any if elementwise else known_access(program, accesses)
    steps, memory = evaluation.steps()
    if has_report:
        memory = replace(memory, report=memory.visible - 1)
    return evaluation.plan(steps, memory, in_place, access)


def known_access(program: HostProgram, accesses: DispatchAccesses) -> Access:
    """Return a function that tells what is known of a dispatch."""

    def access(step: Dispatch) -> DispatchAccess:
        name = program.functions[step.executable][step.function]
        return accesses.get(name, UNKNOWN_ACCESS)

    return access


@dataclass
class Evaluation:
    """The making of a plan.

    Args:
        program: the program to launch.
        shapes: of the operand tensors, which are dense.
        dtypes: of the operand tensors.
        numbers: the numbers of the call, in order; or the values of the program for them.
        loaded: bytes of each loaded buffer.
    """

    program: HostProgram
    shapes: Sequence[Shape]
    dtypes: Sequence[torch.dtype]
    numbers: Sequence[float] | KnownValues
    loaded: Sequence[int] = ()

    def steps(self) -> tuple[list[Step], PlanMemory]:
        """Check the call, and return its steps as the program has them, and their memory.

        Raises:
            ArgumentError, LaunchError, UnreadableProgramError: as `evaluate` does.
        """
        program = self.program
        expect_count("tensors", len(self.shapes), program.operands)
        expect_count("dtypes", len(self.dtypes), program.operands)
        expect_count("loaded buffers", len(self.loaded), len(program.loaded))
        # Ranks first: a value may read a dimension that only a tensor of the right rank has.
        self._check_operands()
        self.known = known_values(program, self.shapes, self.numbers)
        operands = [
            math.prod(shape) * dtype.itemsize
            for shape, dtype in zip(self.shapes, self.dtypes, strict=True)
        ]
        results = [self.known[size] for size in program.result_sizes]
        transients = [self.known[size] for size in program.transients]
        # `sizes` says how many bytes each slot has, `needed` how many the steps use of it. Callers
        # check real tensors against `needed`, so a step never leaves the memory of a slot.
        constants = (*map(len, program.constants), *self.loaded)
        self.sizes = (*operands, *results, *transients, *constants)
        self.needed = [0] * len(operands) + results
        for check in program.checks:
            self._check(check)
        steps = [made for step in program.steps for made in self._step(step)]
        return steps, PlanMemory(len(operands), results, transients)

    def plan(
        self,
        steps: Sequence[Step],
        memory: PlanMemory,
        in_place: Sequence[tuple[int, int]],
        access: Access,
    ) -> Plan:
        """Return the plan of steps.

        Args:
            steps: what `steps` returned; their result memories may be other ones.
            memory: of these steps.
            in_place: as for `evaluate`.
            access: tells what is known of a dispatch.

        Raises:
            UnreadableProgramError: only IREE's VM can run them.
        """
        # From numbers within a kind to slots: results come right after the operands.
        pairs = {memory.operands + result: operand for result, operand in in_place}
        if pairs:
            placed = place_in_operands(steps, memory, pairs, access)
        else:
            sizes, scratch = memory.result_sizes, memory.transient_sizes
            kept = rewrite_steps(steps, memory.operands, sizes, transients=len(scratch))
            placed = Placement(kept, tuple(scratch), (), len(kept))
        return self._made(placed, memory, pairs, access)

    def _made(
        self,
        placed: Placement,
        memory: PlanMemory,
        pairs: Mapping[int, int],
        access: Access,
    ) -> Plan:
        steps = placed.steps
        # The rewrite may leave a transient unused; it then needs no memory.
        used = {span.slot for step in steps for span in spans_of(step)}
        sizes = enumerate(placed.transient_sizes, memory.visible)
        return Plan(
            steps=tuple(steps),
            minimum_sizes=tuple(self.needed),
            transients=tuple(size if slot in used else 0 for slot, size in sizes),
            touched_bytes=sum(_touched(step, access) for step in steps),
            written_operands=tuple(sorted(_targets(steps) & set(range(memory.operands)))),
            changed=tuple(pairs.values()),
            staged=tuple(pairs[slot] for slot in placed.staged),
            checked_at=placed.checked_at,
        )

    def _check_operands(self) -> None:
        """Check ranks and dtypes; sizes are computed later, from dimensions that then exist."""
        for check in self.program.checks:
            if not isinstance(check, ShapeCheck):
                continue
            shape, dtype = self.shapes[check.operand], self.dtypes[check.operand]
            if dtype_info(dtype).mlir != check.element_type:
                raise LaunchError(
                    f"{check.label}: dtype is {short_name(dtype)}, must be {check.element_type}"
                )
            if len(shape) != len(check.shape):
                raise LaunchError(
                    f"{check.label}: shape is {list(shape)}, must have {len(check.shape)} "
                    "dimensions"
                )

    def _check(self, check: Check) -> None:
        if isinstance(check, ShapeCheck):
            shape, wanted = self.shapes[check.operand], [self.known[dim] for dim in check.shape]
            if list(shape) != wanted:
                raise LaunchError(f"{check.label}: shape is {list(shape)}, must be {wanted}")
        elif isinstance(check, LengthCheck):
            length = self.known[check.length]
            self.needed[check.slot] = max(self.needed[check.slot], length)
            if check.slot < self.program.operands and length > self.sizes[check.slot]:
                raise LaunchError(
                    f"{check.label}: operand {check.slot} has {self.sizes[check.slot]} bytes, "
                    f"must have {length}"
                )
        elif not self.known[check.condition]:
            raise LaunchError(f"{check.message}, must hold for shapes {_listed(self.shapes)}")

    def _step(self, step: ProgramStep) -> Sequence[Step]:
        """Return the launch of a step; none if it does nothing for these sizes."""
        if isinstance(step, ProgramDispatch):
            x, y, z = (self.known[count] for count in step.workgroups)
            # Bindings are checked even if the grid is empty: a wrong size is always an error.
            bindings = tuple(self._binding(span) for span in step.bindings)
            if not (x and y and z):
                return ()
            if any(n >= limit for n, limit in zip((x, y, z), _GRID_LIMITS, strict=True)):
                raise LaunchError(
                    f"program: a grid of {x} x {y} x {z} workgroups, "
                    f"must be below {' x '.join(map(str, _GRID_LIMITS))}"
                )
            # IREE compiles dispatches for aligned bindings; they may crash on others.
            if any(b.offset % _ALIGNMENT and b.length for b in bindings):
                raise UnreadableProgramError(f"a binding that is not {_ALIGNMENT}-byte aligned")
            constants = tuple(self.known[constant] for constant in step.constants)
            return (Dispatch(step.executable, step.function, (x, y, z), constants, bindings),)
        target = self._binding(step.target)
        if isinstance(step, ProgramFill):
            size = (width_of(self.program.values[step.pattern].type) or 0) // 8
            if target.length % size or target.offset % size:
                raise LaunchError(
                    f"program: a fill of {target.length} bytes from {target.offset} on, "
                    f"must be multiples of {size}"
                )
            pattern = self.known[step.pattern].to_bytes(size, "little")
            return (Fill(target, pattern),) if target.length else ()
        return (Copy(self._binding(step.source), target),) if target.length else ()

    def _binding(self, span: Span) -> Binding:
        # Both are unsigned: a size that is negative in the program is a huge number here.
        offset, length = self.known[span.offset], self.known[span.length]
        if offset + length > self.sizes[span.slot]:
            raise LaunchError(
                f"{self._slot_name(span.slot)}: {length} bytes from {offset} on are used, "
                f"must be within its {self.sizes[span.slot]}"
            )
        if span.slot < len(self.needed):
            self.needed[span.slot] = max(self.needed[span.slot], offset + length)
        return Binding(span.slot, offset, length, 0)

    def _slot_name(self, slot: int) -> str:
        counts = (
            ("operand", self.program.operands),
            ("result", len(self.program.result_sizes)),
            ("transient", len(self.program.transients)),
        )
        for kind, count in counts:
            if slot < count:
                return f"{kind} {slot}"
            slot -= count
        return f"constant {slot}"


def _any_over_any(step: Dispatch) -> DispatchAccess:
    pairs = itertools.permutations(range(len(step.bindings)), 2)
    return DispatchAccess(written_over=frozenset(pairs))


def _touched(step: Step, access: Access) -> int:
    """Return how many bytes a step reads or writes, which is an estimate.

    A dispatch that changes some places of a binding is bound to all of it.
    """
    partly = access(step).partly if isinstance(step, Dispatch) else frozenset[int]()
    lengths = [span.length for span in spans_of(step)]
    rest = sum(length for i, length in enumerate(lengths) if i not in partly)
    return rest + sum(min(lengths[i], 2 * rest) for i in partly)


def _targets(steps: Sequence[Step]) -> set[int]:
    """Return the slots that copies and fills write; dispatches may write others."""
    return {step.target.slot for step in steps if not isinstance(step, Dispatch)}


def _listed(shapes: Sequence[Shape]) -> str:
    return ", ".join(str(list(shape)) for shape in shapes)
