"""What IREE launches for known sizes, as its own compiler computes it.

The sizes of a call take the place of the dimensions in the host function, and the compiler folds
what depends on them. So grids, numbers and spans come from IREE's arithmetic, and not from our
reader of host programs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["FoldedLaunch", "FoldedSpan", "folded_launches"]

_DIMENSION = re.compile(
    r"(%\w+) = hal\.buffer_view\.dim<%arg(\d+) : !hal\.buffer_view>\[(\d+)\] : index"
)
_PASSES = "builtin.module(util.func(canonicalize,cse))"


@dataclass(frozen=True)
class FoldedSpan:
    """A span of memory: of an argument by its number, of scratch memory by None."""

    argument: int | None
    offset: int
    length: int


@dataclass(frozen=True)
class FoldedLaunch:
    """A launch of a kernel with all numbers known."""

    kernel: str
    grid: tuple[int, int, int]
    numbers: tuple[int, ...]
    spans: tuple[FoldedSpan, ...]


def folded_launches(
    host_text: bytes, entry: str, shapes: Sequence[Sequence[int]]
) -> list[FoldedLaunch]:
    """Return the launches of a host function for sizes, in their order.

    Args:
        host_text: the module after IREE's HAL phase, without its executables.
        entry: the function; all of its arguments are tensors.
        shapes: of its arguments, those for results included.
    """
    from iree.compiler import ir
    from iree.compiler.passmanager import PassManager

    def size(found: re.Match[str]) -> str:
        return f"{found[1]} = arith.constant {shapes[int(found[2])][int(found[3])]} : index"

    text = _DIMENSION.sub(size, host_text.decode())
    with ir.Context():
        module = ir.Module.parse(text)
        PassManager.parse(_PASSES).run(module.operation)
        (function,) = [
            op
            for op in module.body.operations
            if op.operation.name == "util.func" and op.attributes["sym_name"].value == entry
        ]
        (block,) = function.regions[0].blocks
        others = {op.operation.name for op in block.operations} & {
            "hal.command_buffer.fill_buffer",
            "hal.command_buffer.copy_buffer",
            "hal.command_buffer.update_buffer",
        }
        assert not others, f"the host function has {others}, too"
        return [
            _launch(op.operation)
            for op in block.operations
            if op.operation.name == "hal.command_buffer.dispatch"
        ]


def _launch(op: Any) -> FoldedLaunch:
    """Read a dispatch; its operands come in groups, whose sizes an attribute has."""
    groups: list[list[Any]] = []
    at = 0
    for size in op.attributes["operandSegmentSizes"]:
        groups.append([op.operands[at + i] for i in range(size)])
        at += size
    _, _, (function,), x, y, z, numbers, buffers, offsets, lengths = groups
    lookup = str(function.owner.attributes["entry_point"])
    return FoldedLaunch(
        lookup.rpartition("@")[2].strip('"'),
        (_number(x[0]), _number(y[0]), _number(z[0])),
        tuple(_number(value) % (1 << 32) for value in numbers),
        tuple(
            FoldedSpan(_argument(buffer), _number(offset), _number(length))
            for buffer, offset, length in zip(buffers, offsets, lengths, strict=True)
        ),
    )


def _number(value: Any) -> int:
    owner = value.owner
    assert owner.name == "arith.constant", f"not folded: {value}"
    return int(owner.attributes["value"].value)


def _argument(buffer: Any) -> int | None:
    """Return the number of the argument that a buffer is of; None for one made in the function."""
    from iree.compiler import ir

    owner = buffer.owner
    if owner.name != "hal.buffer_view.buffer":
        return None
    return ir.BlockArgument(owner.operands[0]).arg_number
