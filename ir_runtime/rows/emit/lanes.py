"""The MLIR of lanes: the inside of a loop over the columns of a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ir_runtime.dtypes import dtype_info
from ir_runtime.rows.emit.arithmetic import (
    LANE_TYPE,
    LIBRARY,
    WIDE_TYPE,
    operation,
)
from ir_runtime.rows.emit.block import F64, INDICES, LANE, Block, vector_of
from ir_runtime.rows.emit.row import RowCode, is_single, memory_of, rounding
from ir_runtime.rows.plan import LANES, Plan, unrounded
from ir_runtime.rows.value import Input, Value

__all__ = ["Body", "Tail", "stack_memory"]


@dataclass(frozen=True, slots=True)
class Tail:
    """The masks of a last, incomplete vector.

    Attributes:
        memory: which elements it has in memory.
        lanes: which lanes they are in.
    """

    memory: str
    lanes: str


class Body:
    """The inside of a loop.

    Args:
        plan: the plan.
        rows: computes what is the same for the whole row, in front of the loop.
        column: the name of the loop's index.
        width: columns of the pass.
        tail: the masks of a vector that is not whole.
        ready: values that an earlier pass has kept.
        wide: whether lanes are f64, in memory order, and read nothing that was kept.
    """

    def __init__(
        self,
        plan: Plan,
        rows: RowCode,
        column: str,
        width: int,
        *,
        tail: Tail | None = None,
        ready: Callable[[Value], bool] = lambda _: False,
        wide: bool = False,
    ) -> None:
        self.block = Block(rows.block)
        self._plan = plan
        self._rows = rows
        self._column = column
        self._width = width
        self.tail = tail
        self._ready = ready
        self._wide = wide
        self._order = "" if wide else plan.order
        self._kind = WIDE_TYPE if wide else LANE_TYPE
        self.kept: list[Value] = []

    def value(self, v: Value) -> str:
        """Return the vector of a value at the loop's columns."""
        if v.kind != "lanes":
            return self._rows.lanes(v, wide=self._wide)
        if v.op == "spread":
            return self._rows.lanes(v.args[0], wide=self._wide)
        return self.block.once(("value", v), lambda: self._make(v))

    def _make(self, v: Value) -> str:
        if v in self._plan.kept and not self._wide:
            if self._ready(v):
                return self._read_kept(v)
            self.kept.append(v)
        if v.op == "input":
            return self._load(self._plan.graph.inputs[v.source], v.at)
        if v.op == "subtract" and not self._wide:
            return self._difference(*v.args)
        if v.op == "add":
            fused = self._fused(*v.args) or self._fused(*v.args[::-1])
            if fused is not None:
                return fused
        operands = [self.value(a) for a in v.args]
        if v.op == "round_to":
            return self._call(rounding(v), operands)
        if v.op in LIBRARY:
            return self._call(v.op, operands)
        return operation(self.block.say, self._kind, v.op, operands)

    def _difference(self, a: Value, b: Value) -> str:
        """Subtract; a row's number that float32 lacks digits of is subtracted as a pair."""
        say, x, y = self.block.say, self.value(a), self.value(b)
        difference = say(f"arith.subf {x}, {y}", LANE)
        if b.kind == "row" and a.kind == "lanes" and not is_single(b):
            return say(f"arith.subf {difference}, {self._rows.rest(b)}", LANE)
        return difference

    def _fused(self, product: Value, summand: Value) -> str | None:
        """Multiply and add with one rounding, if nothing can cancel and nothing else is computed.

        A difference of two products is left alone: torch gives 0 for equal ones.
        """
        is_product = product.op == "multiply" and product.kind == "lanes"
        if not is_product or _is_product(summand) or product in self._plan.kept:
            return None
        if self._plan.uses[product] != 1:
            return None
        a, b, c = (self.value(v) for v in (*product.args, summand))
        return self.block.say(f"math.fma {a}, {b}, {c}", self._kind.real)

    def _call(self, name: str, operands: list[str]) -> str:
        self._rows.functions.add(name)
        say = self.block.say
        if self._wide:
            operands = [say(f"arith.truncf {x}", f"{F64} to {LANE}") for x in operands]
        types = ", ".join([LANE] * len(operands))
        y = say(f"func.call @row_{name}({', '.join(operands)})", f"({types}) -> {LANE}")
        return say(f"arith.extf {y}", f"{LANE} to {F64}") if self._wide else y

    # memory

    def column(self, at: int) -> str:
        """Return the index of the column `at` beyond the loop's."""
        if not at:
            return self._column
        first = self._rows.block.index(at)
        return self.block.once(
            ("column", at), lambda: self.block.say(f"arith.addi {self._column}, {first}", "index")
        )

    def _load(self, source: Input, at: int) -> str:
        kind, say = dtype_info(source.dtype).mlir, self.block.say
        zero = "0" if source.dtype == torch.int8 else "0.0"
        pad = self._rows.block.once(
            ("pad", kind), lambda: self._rows.block.say(f"arith.constant {zero}", kind)
        )
        place = f"%row, {self.column(at)}" if source.each_row else self.column(at)
        mask = f", {self.tail.memory}" if self.tail else ""
        x = say(
            f"vector.transfer_read %in{source.argument}[{place}], {pad}{mask} "
            "{in_bounds = [true]}",
            f"{memory_of(source)}, {vector_of(kind)}",
        )
        if source.dtype == torch.int8:
            x = say(f"arith.sitofp {x}", f"{vector_of('i8')} to {LANE}")
            kind = "f32"
        return self._widened(kind, x)

    def _widened(self, kind: str, x: str) -> str:
        if kind != "f32" or self._order:
            name = f"widen_{kind}{self._order}"
            self._rows.functions.add(name)
            x = self.block.say(f"func.call @row_{name}({x})", f"({vector_of(kind)}) -> {LANE}")
        return self.block.say(f"arith.extf {x}", f"{LANE} to {F64}") if self._wide else x

    def store(self, result: int, at: int, y: str) -> None:
        """Write the vector `y` of a part of a result, before its last rounding."""
        dtype = self._plan.graph.results[result].dtype
        kind, say = dtype_info(dtype).mlir, self.block.say
        if dtype == torch.int8:
            if self._order:
                self._rows.functions.add("narrow_f32_split")
                y = say(f"func.call @row_narrow_f32_split({y})", f"({LANE}) -> {LANE}")
            wide = say(f"arith.fptosi {y}", f"{LANE} to {INDICES}")
            y = say(f"arith.trunci {wide}", f"{INDICES} to {vector_of('i8')}")
        elif kind != "f32" or self._order:
            name = f"narrow_{kind}{self._order}"
            self._rows.functions.add(name)
            y = say(f"func.call @row_{name}({y})", f"({LANE}) -> {vector_of(kind)}")
        width = self._plan.graph.results[result].width
        self._write(y, kind, f"%out{result}[%row, {self.column(at)}]", f"memref<?x{width}x{kind}>")

    def stored(self, part: Value, dtype: torch.dtype) -> Value:
        """Return the value whose vector is stored for a part of a result."""
        narrow = part.op == "to_int8" or (part.op == "round_to" and part.dtype == dtype)
        return unrounded(part) if narrow else part

    def _write(self, y: str, kind: str, place: str, memory: str) -> None:
        mask = f", {self.tail.memory}" if self.tail else ""
        types = f"{vector_of(kind)}, {memory}"
        self.block.lines.append(
            f"vector.transfer_write {y}, {place}{mask} {{in_bounds = [true]}} : {types}"
        )

    def keep(self) -> None:
        """Write the values that a later pass needs; after everything was computed."""
        for v in self.kept:
            place, memory, masked = self._place(v)
            mask = f", {self.tail.memory}" if self.tail and masked else ""
            self.block.lines.append(
                f"vector.transfer_write {self.value(v)}, {place}{mask} {{in_bounds = [true]}} : "
                f"{LANE}, {memory}"
            )

    def _read_kept(self, v: Value) -> str:
        place, memory, masked = self._place(v)
        mask = f", {self.tail.memory}" if self.tail and masked else ""
        pad = self._rows.block.once(
            ("pad", "f32"), lambda: self._rows.block.say("arith.constant 0.0", "f32")
        )
        text = f"vector.transfer_read {place}, {pad}{mask} {{in_bounds = [true]}}"
        return self.block.say(text, f"{memory}, {LANE}")

    def _place(self, v: Value) -> tuple[str, str, bool]:
        """Return where a kept value lies, the type of that memory, and if its end is the row's."""
        result = self._plan.kept[v]
        if result >= 0:
            return f"%out{result}[%row, {self._column}]", f"memref<?x{v.width}xf32>", True
        return f"%stack{self._plan.stack[v]}[{self._column}]", stack_memory(v), False


def stack_memory(v: Value) -> str:
    """Return the type of the memory in which a value is kept; whole vectors fit."""
    return f"memref<{-(-v.width // LANES) * LANES}xf32>"


def _is_product(v: Value) -> bool:
    return v.op in ("multiply", "divide") or (v.op == "neg" and _is_product(v.args[0]))
