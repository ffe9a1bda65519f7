"""The MLIR of one thread: the vectors that it reads, what it computes of them, and its writes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import torch

from ir_runtime.dtypes import dtype_info
from ir_runtime.rows.emit.arithmetic import LIBRARY, Type, operation
from ir_runtime.rows.emit.block import Block, number
from ir_runtime.rows.emit.host import index_types, table_sizes
from ir_runtime.rows.emit.row import joined_index
from ir_runtime.rows.gpu.chip import Chip
from ir_runtime.rows.gpu.form import GpuForm
from ir_runtime.rows.plan import Plan
from ir_runtime.rows.value import REDUCTIONS, Input, Value
from ir_runtime.rows.vector_code import Vector, VectorCode
from ir_runtime.rows.vector_functions import VECTOR_FUNCTIONS

__all__ = ["Place", "ThreadCode", "bits_of", "input_memory"]

NUMBER = Type("f32", "i1", 32, 0)


class Place(NamedTuple):
    """Which vector of its row a thread has.

    Attributes:
        groups: the division of the row, by its number of groups.
        turn: which unit of the thread.
        step: which vector of the unit.
    """

    groups: int
    turn: int = 0
    step: int = 0


class ThreadCode:
    """Writes what a thread computes.

    Args:
        plan: the plan.
        form: what a thread takes.
        chip: what it runs on.
        block: the body of the kernel; `%row` and `%lane`, the number of the thread within its
            row, are there.
    """

    def __init__(self, plan: Plan, form: GpuForm, chip: Chip, block: Block) -> None:
        self.plan = plan
        self.form = form
        self.chip = chip
        self.block = block
        lanes = form.lanes
        self.vector = Type(f"vector<{lanes}xf32>", f"vector<{lanes}xi1>", 32, lanes)

    # values

    def lanes(self, v: Value, at: Place) -> str:
        """Return a vector of a value, or of a number that is the same for the whole vector."""
        if v.op == "spread":
            return self.lanes(v.args[0], at)
        if v.kind == "lanes":
            return self.block.once(("lanes", v, at), lambda: self._make_lanes(v, at))
        key = ("spread", v, at.groups, at.turn if v.kind == "group" else 0)
        return self.block.once(key, lambda: self._spread(v, at))

    def _spread(self, v: Value, at: Place) -> str:
        kind = self.vector
        if v.op == "constant" and not v.is_bool:
            text = f"arith.constant dense<{number(v.number, 32)}>"
            return self.block.say(text, kind.real)
        single, many = ("i1", kind.mask) if v.is_bool else ("f32", kind.real)
        return self.block.say(f"vector.broadcast {self.number(v, at)}", f"{single} to {many}")

    def _make_lanes(self, v: Value, at: Place) -> str:
        if v.op == "input":
            return self._load(self.plan.graph.inputs[v.source], v, at)
        if v.op == "add":
            a, b = v.args
            fused = self._fused(a, b, at) or self._fused(b, a, at)
            if fused is not None:
                return fused
        return self._compute(v, self.vector, [self.lanes(a, at) for a in v.args])

    def _fused(self, product: Value, summand: Value, at: Place) -> str | None:
        """Multiply and add with one rounding, where the sum of two products cannot cancel."""
        if product.op != "multiply" or product.kind != "lanes" or self.plan.uses[product] != 1:
            return None
        if summand.op in ("multiply", "divide", "neg"):
            return None
        a, b, c = (self.lanes(v, at) for v in (*product.args, summand))
        return self.block.say(f"math.fma {a}, {b}, {c}", self.vector.real)

    def number(self, v: Value, at: Place) -> str:
        """Return a number of the row or of a thread's unit: f32, or i1 of a truth value."""
        key = (v, at.groups, at.turn) if v.kind == "group" else (v,)
        return self.block.once(("number", *key), lambda: self._make_number(v, at))

    def define(self, v: Value, at: Place, name: str) -> None:
        """Record the name of a reduction's result."""
        key = (v, at.groups, at.turn) if v.kind == "group" else (v,)
        self.block.once(("number", *key), lambda: name)

    def _make_number(self, v: Value, at: Place) -> str:
        say = self.block.say
        assert v.op not in REDUCTIONS, f"{v} is used before it is computed"
        if v.op == "constant":
            if v.is_bool:
                return say(f"arith.constant {'true' if v.number else 'false'}")
            return say(f"arith.constant {number(v.number, 32)}", "f32")
        if v.op == "input":
            source = self.plan.graph.inputs[v.source]
            place = self._place(source, v, self.number_column(v.at, v.step, at))
            x = say(f"memref.load %in{source.argument}[{place}]", input_memory(source))
            one = f"vector<1x{bits_of(source.dtype)}>"
            x = say(f"vector.broadcast {x}", f"{bits_of(source.dtype)} to {one}")
            return self._first(self.widened(x, source.dtype, 1))
        if v.op in LIBRARY or v.op == "round_to":
            kind = Type("vector<1xf32>", "vector<1xi1>", 32, 1)
            wide = [
                say(f"vector.broadcast {self.number(a, at)}", "f32 to vector<1xf32>")
                for a in v.args
            ]
            return self._first(self._compute(v, kind, wide))
        return self._compute(v, NUMBER, [self.number(a, at) for a in v.args])

    def _first(self, vector: str) -> str:
        return self.block.say(f"vector.extract {vector}[0]", "f32 from vector<1xf32>")

    def _compute(self, v: Value, kind: Type, operands: Sequence[str]) -> str:
        if v.op == "round_to":
            return self.call(self.rounding(v), operands, kind.lanes)
        if v.op in LIBRARY:
            return self.call(v.op, operands, kind.lanes)
        if v.op == "round":  # one instruction, and no driver folds it
            return self.block.say(f"math.roundeven {operands[0]}", kind.real)
        return operation(self.block.say, kind, v, list(operands))

    def rounding(self, v: Value) -> str:
        """Return the vector function of a `round_to`."""
        name = self.plan.graph.rounding(v)
        return name if self.chip.short_nan else name.removesuffix("_short_nan")

    def has_short_nan(self, v: Value) -> bool:
        """Tell whether the low 16 bits of a value's NaNs are clear."""
        return self.chip.short_nan and self.plan.graph.has_short_nan(v)

    def call(self, name: str, operands: Sequence[str], lanes: int) -> str:
        """Write the lines of a vector function here, and return its result."""
        function = VECTOR_FUNCTIONS[name]
        prefix = f"{self.block.name().removeprefix('%')}_"
        code = VectorCode(lanes, prefix=prefix, branches=False, folds_sums=self.chip.folds_sums)
        pairs = zip(operands, function.operands, strict=True)
        result = function.define(*(Vector(code, x, kind) for x, kind in pairs))
        self.block.lines += [line.removeprefix("  ") for line in code.lines()]
        return str(result)

    # memory

    def _load(self, source: Input, v: Value, at: Place) -> str:
        lanes, bits = self.form.lanes, bits_of(source.dtype)
        if v.stride == 1:
            x = self._transfer(source, v, at)
        else:
            pairs = self._transfer(source, dataclasses.replace(v, at=v.at - v.at % 2), at)
            order = list(range(v.at % 2, 2 * lanes, 2))
            kind = f"vector<{2 * lanes}x{bits}>"
            x = self.block.say(f"vector.shuffle {pairs}, {pairs} {order}", f"{kind}, {kind}")
        return self.widened(x, source.dtype, lanes)

    def _transfer(self, source: Input, v: Value, at: Place) -> str:
        """Read a vector; pairs are read together for their even and their odd elements."""
        bits = bits_of(source.dtype)
        column = self.vector_column(at, v.width, v.stride, v.at, v.step)
        pad = self.block.once(
            ("pad", bits),
            lambda: self.block.say(f"arith.constant {'0.0' if bits == 'f32' else '0'}", bits),
        )
        text = (
            f"vector.transfer_read %in{source.argument}[{self._place(source, v, column)}], {pad} "
            "{in_bounds = [true]}"
        )
        kind = f"vector<{v.stride * self.form.lanes}x{bits}>"
        key = ("read", v.source, v.gather, v.at, v.step, v.stride, v.width, at)
        return self.block.once(key, lambda: self.block.say(text, f"{input_memory(source)}, {kind}"))

    def widened(self, x: str, dtype: torch.dtype, lanes: int) -> str:
        """Return bits from memory as float32."""
        if dtype == torch.float32:
            return x
        bits, kind = f"vector<{lanes}x{bits_of(dtype)}>", dtype_info(dtype).mlir
        if dtype == torch.int8:
            return self.block.say(f"arith.sitofp {x}", f"{bits} to vector<{lanes}xf32>")
        x = self.block.say(f"arith.bitcast {x}", f"{bits} to vector<{lanes}x{kind}>")
        return self.call(f"widen_{kind}", [x], lanes)

    def narrowed(self, y: str, dtype: torch.dtype, lanes: int, *, short_nan: bool) -> str:
        """Return float32 as bits for memory."""
        if dtype == torch.float32:
            return y
        bits, kind, say = (
            f"vector<{lanes}x{bits_of(dtype)}>",
            dtype_info(dtype).mlir,
            self.block.say,
        )
        if dtype == torch.int8:
            wide = f"vector<{lanes}xi32>"
            y = say(f"arith.fptosi {y}", f"vector<{lanes}xf32> to {wide}")
            return say(f"arith.trunci {y}", f"{wide} to {bits}")
        short = "_short_nan" if kind == "bf16" and short_nan else ""
        y = self.call(f"narrow_{kind}{short}", [y], lanes)
        return say(f"arith.bitcast {y}", f"vector<{lanes}x{kind}> to {bits}")

    def _place(self, source: Input, v: Value, column: str) -> str:
        """Return the indices of a column of an input."""
        if v.gather >= 0:
            return (
                f"{self.block.once(('row of', v.gather), lambda: self._chosen(v.gather))}, {column}"
            )
        if source.along:
            return f"{self.block.once(('shared', source), lambda: self._shared(source))}, {column}"
        return f"%row, {column}" if source.each_row else column

    def _shared(self, source: Input) -> str:
        has = [n for n, along in enumerate(self.plan.graph.along(source)) if along]
        return joined_index(self.block, has)

    def _chosen(self, gather: int) -> str:
        """Load an index, and move it into the table if it is out of range."""
        graph, say = self.plan.graph, self.block.say
        kind, size = index_types(graph)[gather], table_sizes(graph)[gather]
        element = kind.removeprefix("?x")
        chosen = say(f"memref.load %index{gather}[%row]", f"memref<{kind}>")
        zero = say("arith.constant 0", element)
        rows = say(f"arith.index_cast {size}", f"index to {element}")
        if graph.gathers[gather].wraps:
            below = say(f"arith.cmpi slt, {chosen}, {zero}", element)
            from_end = say(f"arith.addi {chosen}, {rows}", element)
            chosen = say(f"arith.select {below}, {from_end}, {chosen}", element)
        last = say(f"arith.subi {rows}, {say('arith.constant 1', element)}", element)
        chosen = say(f"arith.minsi {chosen}, {last}", element)
        chosen = say(f"arith.maxsi {chosen}, {zero}", element)
        return say(f"arith.index_cast {chosen}", f"{element} to index")

    # columns

    def number_column(self, first: int, step: int, at: Place) -> str:
        """Return the column of a number that each unit has."""
        return self._moved([], first, step, at)

    def vector_column(self, at: Place, width: int, stride: int, first: int, step: int) -> str:
        """Return the first column of a thread's vector, a valid one if it has none.

        It is counted in vectors and then multiplied: the compiler, which looks at no more than a
        few operations, sees that it is a multiple, and reads and writes whole vectors.
        """
        lanes = self.form.lanes
        if self.is_partial(at, width):
            column = self._times(self._vector(at), lanes)
            column = self._once("minui", column, self.block.index(width - lanes))
            return self._moved([self._times(column, stride)], first, step, at)
        vector = self._times(self._vector(at), stride)
        return self._times(self._moved([vector], first // lanes, step // lanes, at), lanes)

    def _moved(self, parts: list[str], first: int, step: int, at: Place) -> str:
        """Return a place in a unit, the sum of the parts, as one in the row."""
        if step:
            parts.append(self._times(self.unit(at), step))
        if first or not parts:
            parts.append(self.block.index(first))
        total = parts[0]
        for part in parts[1:]:
            total = self._once("addi", total, part)
        return total

    def _vector(self, at: Place) -> str:
        """Return which vector of its unit a thread has, even if the unit has none there."""
        vector = self.place_in_unit(at)
        if at.step:
            threads = self.form.division(at.groups).threads
            vector = self._once("addi", vector, self.block.index(at.step * threads))
        return vector

    def is_partial(self, at: Place, width: int) -> bool:
        """Tell whether some threads have no vector at this step."""
        threads = self.form.division(at.groups).threads
        return (at.step + 1) * threads * self.form.lanes > width

    def has_vector(self, at: Place, width: int) -> str:
        """Return whether the thread has a vector at this step; "" if all have."""
        if not self.is_partial(at, width):
            return ""
        column = self._times(self._vector(at), self.form.lanes)
        return self._once("cmpi ult,", column, self.block.index(width))

    def has_unit(self, at: Place) -> str:
        """Return whether the thread has a unit in this turn; "" if all have."""
        division = self.form.division(at.groups)
        end = division.units * division.threads
        if (at.turn + 1) * self.form.team <= end:
            return ""
        return self._once("cmpi ult,", self._slot(at), self.block.index(end))

    def unit(self, at: Place) -> str:
        """Return the number of the thread's group, a valid one if it has none."""
        division = self.form.division(at.groups)
        unit = self._once("divui", self._slot(at), self.block.index(division.threads))
        if self.has_unit(at):
            unit = self._once("minui", unit, self.block.index(division.units - 1))
        return unit

    def place_in_unit(self, at: Place) -> str:
        """Return the number of the thread within its unit."""
        division = self.form.division(at.groups)
        if division.threads == self.form.team:
            return "%lane"
        return self._once("remui", self._slot(at), self.block.index(division.threads))

    def _slot(self, at: Place) -> str:
        if not at.turn:
            return "%lane"
        return self._once("addi", "%lane", self.block.index(at.turn * self.form.team))

    def _times(self, value: str, factor: int) -> str:
        return value if factor == 1 else self._once("muli", value, self.block.index(factor))

    def _once(self, operation: str, a: str, b: str) -> str:
        text = f"arith.{operation} {a}, {b}"
        return self.block.once(text, lambda: self.block.say(text, "index"))


def bits_of(dtype: torch.dtype) -> str:
    """Return the type as which a dtype lies in memory: not all chips have narrow floats."""
    return "f32" if dtype == torch.float32 else f"i{8 * dtype.itemsize}"


def input_memory(source: Input) -> str:
    """Return the type of an input's memory in the kernel."""
    rows = "?x" if source.has_rows else ""
    return f"memref<{rows}{source.width}x{bits_of(source.dtype)}>"
