"""What does one call launch?  A host program evaluated for concrete shapes.

Memory is named by slots, numbered in this order: the tensors given as operands, the tensors that
results go into, the transients, the constants.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Binding", "Copy", "Dispatch", "Fill", "Plan", "Step"]


@dataclass(frozen=True)
class Binding:
    """A span of memory that a dispatch reads or writes.

    Attributes:
        slot: which memory.
        offset: in bytes from its start, a multiple of 64 unless `length` is 0.
        length: in bytes.
    """

    slot: int
    offset: int
    length: int


@dataclass(frozen=True)
class Dispatch:
    """One run of an executable's function over a grid of workgroups.

    Attributes:
        executable: index into the executables of the host program.
        function: index into the names of the functions that the host program runs of that
            executable, `HostProgram.functions`; in the library it is found by name.
        workgroups: the grid, `(x, y, z)`; nothing runs if one of them is 0.
        constants: what the function is given beside memory, each an unsigned 32-bit number.
        bindings: its memory, in its own order.
    """

    executable: int
    function: int
    workgroups: tuple[int, int, int]
    constants: tuple[int, ...]
    bindings: tuple[Binding, ...]


@dataclass(frozen=True)
class Fill:
    """Write a pattern of 1, 2 or 4 bytes over and over.

    Attributes:
        target: the memory to fill; its length is a multiple of the pattern's.
        pattern: in memory order.
    """

    target: Binding
    pattern: bytes


@dataclass(frozen=True)
class Copy:
    """Copy bytes; source and target have the same length, and do not overlap."""

    source: Binding
    target: Binding


Step = Dispatch | Fill | Copy


@dataclass(frozen=True)
class Plan:
    """The launches of one call, in the order in which they run: each sees the last one's writes.

    Attributes:
        steps: the launches.
        minimum_sizes: bytes that each operand and each result tensor must have, in slot order.
        transients: bytes of each transient, 0 of one that is not used; their contents are
            undefined before and after.
        touched_bytes: how much memory the steps read and write, the sum of all their spans.
        written_operands: operands that copies or fills write; dispatches may write others.
    """

    steps: tuple[Step, ...]
    minimum_sizes: tuple[int, ...]
    transients: tuple[int, ...]
    touched_bytes: int
    written_operands: tuple[int, ...] = ()
