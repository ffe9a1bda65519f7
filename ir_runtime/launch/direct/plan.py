"""A plan: the steps that one call runs, a host program evaluated for concrete shapes.

Memory is identified by slots, numbered in this order: operand tensors, result tensors, transients
(scratch buffers), constants.
"""

from __future__ import annotations

from ir_runtime.frozen import frozen

__all__ = ["Binding", "Copy", "Dispatch", "Fill", "Plan", "Step"]


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
