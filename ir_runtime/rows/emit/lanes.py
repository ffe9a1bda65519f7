"""The MLIR of lanes: the inside of a loop over the columns of a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from ir_runtime.rows.emit.row import RowCode, is_single, memory_of
from ir_runtime.rows.plan import LANES, Plan, Store, unrounded
from ir_runtime.rows.value import Input, Value

__all__ = ["Body", "Tail", "stack_memory"]


CACHE_LINE = 64


@dataclass(frozen=True, slots=True)
class Tail:
    """The masks of a last, incomplete vector.

    Attributes:
        memory: which elements it has in memory.
        lanes: which lanes they are in.
        pairs: which elements a vector of pairs has; empty if there are none.
    """

    memory: str
    lanes: str
    pairs: str = ""


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
            return self._load(self._plan.graph.inputs[v.source], v)
        if v.op == "subtract" and not self._wide:
            return self._difference(*v.args)
        if v.op == "add":
            fused = self._fused(*v.args) or self._fused(*v.args[::-1])
            if fused is not None:
                return fused
        operands = [self.value(a) for a in v.args]
        if v.op == "round_to":
            return self._call(self._plan.graph.rounding(v), operands)
        if v.op in LIBRARY:
            return self._call(v.op, operands)
        return operation(self.block.say, self._kind, v, operands)

    def _difference(self, a: Value, b: Value) -> str:
        """Subtract; a row's number that float32 lacks digits of is subtracted as a pair."""
        say, x, y = self.block.say, self.value(a), self.value(b)
        difference = say(f"arith.subf {x}, {y}", LANE)
        if b.kind in ("row", "group") and a.kind == "lanes" and not is_single(b):
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

    def column(self, at: int, step: int = 0, stride: int = 1) -> str:
        """Return the index of the loop's column in memory, from the group's column `at` on."""
        block = self.block
        column = self._column
        if stride > 1:
            two = self._rows.block.index(stride)
            column = block.once(
                ("column", stride), lambda: block.say(f"arith.muli {column}, {two}", "index")
            )
        if not at and not step:
            return column
        first = self._rows.first_column(at, step)
        return block.once(
            ("column", at, step, stride),
            lambda: block.say(f"arith.addi {column}, {first}", "index"),
        )

    def _load(self, source: Input, v: Value) -> str:
        kind = dtype_info(source.dtype).mlir
        x = self._read(source, v) if v.stride == 1 else self._read_half(source, v)
        if source.dtype == torch.int8:
            x = self.block.say(f"arith.sitofp {x}", f"{vector_of('i8')} to {LANE}")
            kind = "f32"
        return self._widened(kind, x)

    def _read(self, source: Input, v: Value) -> str:
        kind = dtype_info(source.dtype).mlir
        mask = self.tail.memory if self.tail else ""
        return self._transfer(source, v, self.column(v.at, v.step), vector_of(kind), mask)

    def _read_half(self, source: Input, v: Value) -> str:
        """Read pairs, and return the even or the odd elements; the others are kept, too."""
        kind, odd = dtype_info(source.dtype).mlir, v.at % 2
        key = ("pairs", v.source, v.gather, v.at - odd, v.step)
        column = self.column(v.at - odd, v.step, 2)
        mask = self.tail.pairs if self.tail else ""
        pairs = vector_of(kind, 2)

        def make() -> str:
            x = self._transfer(source, v, column, pairs, mask)
            name = self.block.name()
            text = f"vector.deinterleave {x} : {pairs} -> {vector_of(kind)}"
            self.block.lines.append(f"{name}:2 = {text}")
            return name

        return f"{self.block.once(key, make)}#{odd}"

    def _transfer(self, source: Input, v: Value, column: str, vector: str, mask: str) -> str:
        kind, rows = dtype_info(source.dtype).mlir, self._rows.block
        zero = "0" if source.dtype == torch.int8 else "0.0"
        pad = rows.once(("pad", kind), lambda: rows.say(f"arith.constant {zero}", kind))
        masked = f", {mask}" if mask else ""
        return self.block.say(
            f"vector.transfer_read %in{source.argument}[{self._rows.place(v, column)}], {pad}"
            f"{masked} {{in_bounds = [true]}}",
            f"{memory_of(source)}, {vector}",
        )

    def _widened(self, kind: str, x: str) -> str:
        if kind != "f32" or self._order:
            name = f"widen_{kind}{self._order}"
            self._rows.functions.add(name)
            x = self.block.say(f"func.call @row_{name}({x})", f"({vector_of(kind)}) -> {LANE}")
        return self.block.say(f"arith.extf {x}", f"{LANE} to {F64}") if self._wide else x

    def write(self, store: Store, vectors: Sequence[str]) -> None:
        """Write the vector of a store, or two by turns, before their last rounding."""
        result = self._plan.graph.results[store.result]
        kind = dtype_info(result.dtype).mlir
        short = self._plan.graph.has_short_nan(store.value)
        narrow = [self._narrowed(y, result.dtype, short_nan=short) for y in vectors]
        column = self.column(store.at, store.step, len(narrow))
        place = f"%out{store.result}[%row, {column}]"
        memory = f"memref<?x{result.width}x{kind}>"
        if len(narrow) == 1:
            if self._is_streamed(store, result.dtype.itemsize, result.width):
                self.block.lines.append(
                    f"vector.store {narrow[0]}, {place} alignment = {CACHE_LINE} "
                    f"nontemporal = true : {memory}, {vector_of(kind)}"
                )
                return
            mask = self.tail.memory if self.tail else ""
            self._write(narrow[0], vector_of(kind), place, memory, mask)
            return
        pairs, mask = vector_of(kind, 2), self.tail.pairs if self.tail else ""
        text = f"vector.interleave {', '.join(narrow)}"
        y = self.block.say(text, f"{vector_of(kind)} -> {pairs}")
        self._write(y, pairs, place, memory, mask)

    def _is_streamed(self, store: Store, itemsize: int, width: int) -> bool:
        """Tell whether a store writes whole cache lines, past the cache."""
        sizes = (LANES, store.at, store.step, width)
        whole = all(size * itemsize % CACHE_LINE == 0 for size in sizes)
        return self._plan.streamed and self.tail is None and whole

    def _narrowed(self, y: str, dtype: torch.dtype, *, short_nan: bool) -> str:
        """Return a vector in a dtype, in the order of memory."""
        kind, say = dtype_info(dtype).mlir, self.block.say
        if dtype == torch.int8:
            if self._order:
                self._rows.functions.add("narrow_f32_split")
                y = say(f"func.call @row_narrow_f32_split({y})", f"({LANE}) -> {LANE}")
            wide = say(f"arith.fptosi {y}", f"{LANE} to {INDICES}")
            return say(f"arith.trunci {wide}", f"{INDICES} to {vector_of('i8')}")
        if kind == "f32" and not self._order:
            return y
        short = "_short_nan" if kind == "bf16" and short_nan else ""
        name = f"narrow_{kind}{short}{self._order}"
        self._rows.functions.add(name)
        return say(f"func.call @row_{name}({y})", f"({LANE}) -> {vector_of(kind)}")

    def parts_of(self, store: Store) -> list[str]:
        """Return the vectors of a store."""
        pair = store.value.op == "interleave"
        dtype = self._plan.graph.results[store.result].dtype
        parts = store.value.args if pair else (store.value,)
        return [self.value(self.stored(part, dtype)) for part in parts]

    def stored(self, part: Value, dtype: torch.dtype) -> Value:
        """Return the value whose vector is stored for a part of a result."""
        narrow = part.op == "to_int8" or (part.op == "round_to" and part.dtype == dtype)
        return unrounded(part) if narrow else part

    def _write(self, y: str, vector: str, place: str, memory: str, mask: str) -> None:
        masked = f", {mask}" if mask else ""
        types = f"{vector}, {memory}"
        self.block.lines.append(
            f"vector.transfer_write {y}, {place}{masked} {{in_bounds = [true]}} : {types}"
        )

    def keep(self) -> None:
        """Write the values that a later pass needs; after everything was computed."""
        for v in self.kept:
            place, memory, masked = self._place(v)
            mask = self.tail.memory if self.tail and masked else ""
            self._write(self.value(v), LANE, place, memory, mask)

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
