"""A plan: the steps that one call runs, a host program evaluated for concrete shapes.

Memory is identified by slots, numbered in this order: operand tensors, result tensors, transients
(scratch buffers), constants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ir_runtime.frozen import frozen
from ir_runtime.launch.host_program.program import HostProgram
from ir_runtime.launch.operand.number import NumberRange

if TYPE_CHECKING:
    from ir_runtime.launch.direct.native import _launcher

__all__ = ["Binding", "BoundPlan", "Copy", "Dispatch", "Fill", "Plan", "Step"]


@frozen
class Binding:
    """A span of memory that a dispatch reads or writes.

    Attributes:
        slot: the number of the memory.
        offset: in bytes from its start, a multiple of 64 unless `length` is 0.
        length: in bytes.
        lead: how far before the span the address lies that a dispatch gets, a multiple of 64. Its
            code adds this distance itself, because the compiler put the span into larger memory.
    """

    slot: int
    offset: int
    length: int
    lead: int = 0


@frozen
class Dispatch:
    """One run of an executable's function over a grid of workgroups.

    Attributes:
        executable: index into the executables of the host program.
        function: index into `HostProgram.functions[executable]`; the library is searched by name.
        workgroups: the grid, `(x, y, z)`; nothing runs if one of them is 0.
        constants: the numbers that the function takes, each an unsigned 32-bit number.
        bindings: the memory that the function takes, in its order.
    """

    executable: int
    function: int
    workgroups: tuple[int, int, int]
    constants: tuple[int, ...]
    bindings: tuple[Binding, ...]


@frozen
class Fill:
    """Write a pattern of 1, 2 or 4 bytes over and over.

    Attributes:
        target: the memory to fill; its length is a multiple of the pattern's length.
        pattern: in memory order.
    """

    target: Binding
    pattern: bytes


@frozen
class Copy:
    """Copy bytes; source and target have the same length, and do not overlap."""

    source: Binding
    target: Binding


Step = Dispatch | Fill | Copy


@frozen
class Plan:
    """The steps of one call, in the order they run in: each sees the writes of the earlier ones.

    Attributes:
        steps: dispatches, fills and copies.
        minimum_sizes: bytes that each operand and each result tensor must have, in slot order.
        transients: bytes of each transient, 0 for an unused one; their contents are undefined
            before and after the call.
        touched_bytes: the sum of the lengths of all spans that the steps read or write.
        written_operands: operands that copies or fills write; dispatches may write others.
        changed: the operand that each of the last results lies in, the index report apart.
        staged: those of them whose new contents are computed in a transient and copied.
        checked_at: how many steps run before the index report is looked at; a fault ends the run.
    """

    steps: tuple[Step, ...]
    minimum_sizes: tuple[int, ...]
    transients: tuple[int, ...]
    touched_bytes: int
    written_operands: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    staged: tuple[int, ...] = ()
    checked_at: int | None = None


class BoundPlan:
    """A plan in both forms: for people, and for the C launcher.

    Attributes:
        plan: the steps, as data.
        native: the same steps, checked and loaded into the C launcher.
        served: a number of the call, and the values of it that the plan serves; None without one.
    """

    served: NumberRange | None = None

    def __init__(
        self,
        plan: Plan,
        program: HostProgram,
        executables: Sequence[_launcher.Executable | _launcher.GpuExecutable],
        report: tuple[int, Callable[[Any], None] | None] = (0, None),
        constants: Sequence[memoryview | tuple[int, int]] = (),
        **options: Any,
    ) -> None:
        from ir_runtime.launch.direct.native import _launcher

        # The host program numbers the functions that it uses; the library has its own order.
        ordinals = [
            [executable.functions.index(name) for name in names]
            for executable, names in zip(executables, program.functions, strict=True)
        ]
        self.plan = plan
        self.native = _launcher.Plan(
            executables,
            program.operands,
            len(plan.minimum_sizes) - program.operands,
            plan.minimum_sizes,
            plan.transients,
            [_step(step, ordinals) for step in plan.steps],
            plan.touched_bytes,
            constants,
            report[0],
            report[1],
            plan.changed,
            len(plan.staged),
            len(plan.steps) if plan.checked_at is None else plan.checked_at,
            **options,
        )


def _step(step: Step, ordinals: Sequence[Sequence[int]]) -> Any:
    if isinstance(step, Dispatch):
        ordinal = ordinals[step.executable][step.function]
        bindings = tuple(map(_span, step.bindings))
        return "dispatch", step.executable, ordinal, step.workgroups, step.constants, bindings
    if isinstance(step, Fill):
        return "fill", _span(step.target), step.pattern
    return "copy", _span(step.source), _span(step.target)


def _span(binding: Binding) -> tuple[int, int, int, int]:
    return binding.slot, binding.offset, binding.length, binding.lead
