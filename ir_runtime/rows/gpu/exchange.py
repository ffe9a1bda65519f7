"""The MLIR of reductions: each thread joins its own numbers, then threads exchange theirs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from ir_runtime.rows.emit.arithmetic import Type, extreme_of
from ir_runtime.rows.emit.block import number
from ir_runtime.rows.gpu.thread_code import NUMBER, Place, ThreadCode
from ir_runtime.rows.value import Value

__all__ = ["Exchange"]

_NEUTRAL = {"sum": 0.0, "most": -math.inf, "least": math.inf, "most_number": -math.inf}
_SHARED = "#gpu.address_space<workgroup>"


class Exchange:
    """Writes the reductions of a kernel.

    Sums are in float32: a thread adds few numbers, and sums of threads are joined in pairs, so
    that no number goes through many roundings.

    Args:
        code: writes the terms.
    """

    def __init__(self, code: ThreadCode) -> None:
        self._code = code
        self._block = code.block
        self._memories: Iterator[int] = itertools.count()
        self._tree = ""
        self.memory: list[str] = []
        """Lines that allocate memory of the workgroup, for the beginning of the kernel."""

    def reduce(self, r: Value) -> None:
        """Write a reduction, for each unit of the thread, and define its result."""
        groups = r.args[0].groups
        for turn in range(self._code.form.division(groups).turns):
            at = Place(groups, turn)
            mine = self._of_thread(r, at)
            self._code.define(r, at, self._of_unit(r.op, mine, groups))

    def _of_thread(self, r: Value, at: Place) -> str:
        """Join the numbers of a thread."""
        term, code = r.args[0], self._code
        joined = ""
        for step in range(code.form.steps(at.groups, term.width)):
            here = at._replace(step=step)
            x = code.lanes(term, here)
            has = code.has_vector(here, term.width)
            if has:
                neutral = self._neutral(r.op)
                x = self._kept_where(has, x, neutral)
            joined = self._join(r.op, joined, x, code.vector) if joined else x
        return self._of_vector(r.op, joined)

    def _kept_where(self, has: str, x: str, other: str) -> str:
        """Choose between vectors; SPIR-V has no choice by one truth value for the whole vector."""
        kind = self._code.vector
        mask = self._block.say(f"vector.broadcast {has}", f"i1 to {kind.mask}")
        return self._block.say(f"arith.select {mask}, {x}, {other}", f"{kind.mask}, {kind.real}")

    def _neutral(self, op: str) -> str:
        text = f"arith.constant dense<{number(_NEUTRAL[op], 32)}>"
        return self._block.once(text, lambda: self._block.say(text, self._code.vector.real))

    def _of_vector(self, op: str, vector: str) -> str:
        """Join the elements of a vector, in pairs."""
        kind = f"f32 from {self._code.vector.real}"
        found = [
            self._block.say(f"vector.extract {vector}[{lane}]", kind)
            for lane in range(self._code.form.lanes)
        ]
        while len(found) > 1:
            half = len(found) // 2
            found = [
                self._join(op, a, b, NUMBER)
                for a, b in zip(found[:half], found[half:], strict=True)
            ]
        return found[0]

    def _join(self, op: str, a: str, b: str, kind: Type) -> str:
        if op == "sum":
            return self._block.say(f"arith.addf {a}, {b}", kind.real)
        return extreme_of(self._block.say, op, b, a, kind)

    # between threads

    def _of_unit(self, op: str, mine: str, groups: int) -> str:
        threads, chip = self._code.form.division(groups).threads, self._code.chip
        if chip.subgroup == 1:
            return self._by_memory(op, mine, threads)
        apart = 1
        while apart < min(threads, chip.subgroup):
            other = self._shuffled(mine, apart)
            mine = self._join(op, mine, other, NUMBER)
            apart *= 2
        return mine if threads <= chip.subgroup else self._by_subgroups(op, mine, threads)

    def _shuffled(self, mine: str, apart: int) -> str:
        """Return the number of the thread whose place differs in one bit."""
        say, block = self._block.say, self._block
        width = self._code.chip.subgroup
        bit, size = (
            block.once(("i32", n), lambda n=n: say(f"arith.constant {n}", "i32"))
            for n in (apart, width)
        )
        name = block.name()
        block.lines.append(f"{name}, {name}_valid = gpu.shuffle xor {mine}, {bit}, {size} : f32")
        return name

    def _by_subgroups(self, op: str, mine: str, threads: int) -> str:
        """Join the numbers of all subgroups of a workgroup, through its memory."""
        block, size = self._block, self._code.chip.subgroup
        count = threads // size
        memory = self._allocate(count)
        kind = f"memref<{count}xf32, {_SHARED}>"
        subgroup = block.once(
            "subgroup", lambda: block.say(f"arith.divui %lane, {block.index(size)}", "index")
        )
        first = block.once("first of subgroup", self._first_of_subgroup)
        block.lines += [
            f"scf.if {first} {{",
            f"  memref.store {mine}, {memory}[{subgroup}] : {kind}",
            "}",
            "gpu.barrier",
        ]
        found = [block.say(f"memref.load {memory}[{block.index(n)}]", kind) for n in range(count)]
        while len(found) > 1:
            pairs = list(zip(found[::2], found[1::2], strict=False))
            rest = found[-1:] if len(found) % 2 else []
            found = [*(self._join(op, a, b, NUMBER) for a, b in pairs), *rest]
        return found[0]

    def _first_of_subgroup(self) -> str:
        block = self._block
        place = block.say(f"arith.remui %lane, {block.index(self._code.chip.subgroup)}", "index")
        return block.say(f"arith.cmpi eq, {place}, {block.index(0)}", "index")

    def _by_memory(self, op: str, mine: str, threads: int) -> str:
        """Join the numbers of a unit in memory of the workgroup, in pairs."""
        if threads == 1:
            return mine
        block, size = self._block, self._code.form.threads
        self._tree = self._tree or self._allocate(size)
        memory, kind = self._tree, f"memref<{size}xf32, {_SHARED}>"
        apart = 1
        while apart < threads:
            other = block.once(
                ("other thread", apart),
                lambda apart=apart: block.say(f"arith.xori %thread, {block.index(apart)}", "index"),
            )
            block.lines += [f"memref.store {mine}, {memory}[%thread] : {kind}", "gpu.barrier"]
            theirs = block.say(f"memref.load {memory}[{other}]", kind)
            block.lines.append("gpu.barrier")
            mine = self._join(op, mine, theirs, NUMBER)
            apart *= 2
        return mine

    def _allocate(self, count: int) -> str:
        name = f"%shared{next(self._memories)}"
        self.memory.append(f"{name} = memref.alloc() : memref<{count}xf32, {_SHARED}>")
        return name
