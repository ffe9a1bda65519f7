"""The MLIR of a row's numbers: computed in float64 between the loops, and spread over lanes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import torch

from ir_runtime.dtypes import dtype_info
from ir_runtime.rows.emit.arithmetic import LIBRARY, ROW_TYPE, operation
from ir_runtime.rows.emit.block import F64, LANE, MASK, Block, number, vector_of
from ir_runtime.rows.value import EXTREMES, REDUCTIONS, Graph, Input, Value

__all__ = ["RowCode", "joined_index"]


class RowCode:
    """Computes numbers of a row where they are needed first, in front of the loops.

    Args:
        graph: the kernel's function.
        block: the body of the kernel.

    Attributes:
        block: the block that lines go into; also constants of the loops that follow.
        functions: names of the vector functions that the kernel calls.
        group: the name of the group's index, within a loop over groups.
    """

    def __init__(self, graph: Graph, block: Block) -> None:
        self.graph = graph
        self.block = block
        self.functions: set[str] = set()
        self.group = ""

    @contextmanager
    def each_group(self, groups: int) -> Generator[None]:
        """Write a loop over groups: lines go into it, until the context ends."""
        outer, self.block, self.group = self.block, Block(self.block), self.block.name()
        yield
        lines = [f"  {line}" for line in self.block.lines]
        zero, one, end = (outer.index(n) for n in (0, 1, groups))
        outer.lines += [f"scf.for {self.group} = {zero} to {end} step {one} {{", *lines, "}"]
        self.block, self.group = outer, ""

    def first_column(self, at: int, step: int) -> str:
        """Return the index of column `at` of the group, or of the row if `step` is 0."""
        if not step:
            return self.block.index(at)
        start = self.block.once(("group", step), lambda: self._start(step))
        if not at:
            return start
        first = self.block.index(at)
        return self.block.once(
            ("group", step, at), lambda: self.block.say(f"arith.addi {start}, {first}", "index")
        )

    def _start(self, step: int) -> str:
        if step == 1:
            return self.group
        return self.block.say(f"arith.muli {self.group}, {self.block.index(step)}", "index")

    def place(self, v: Value, column: str) -> str:
        """Return the indices of a column of an input."""
        if v.gather >= 0:
            return f"{self.block.once(('row of', v.gather), lambda: self._row(v.gather))}, {column}"
        source = self.graph.inputs[v.source]
        if source.along:
            return f"{self.block.once(('shared', source), lambda: self._shared(source))}, {column}"
        return f"%row, {column}" if source.each_row else column

    def _shared(self, source: Input) -> str:
        """Return the row of an input that some rows share."""
        has = [n for n, along in enumerate(self.graph.along(source)) if along]
        return joined_index(self.block, has)

    def _row(self, gather: int) -> str:
        """Load an index, which was checked."""
        dtype = self.graph.inputs[self.graph.gathers[gather].index].dtype
        kind = dtype_info(dtype).mlir
        chosen = self.block.say(f"memref.load %index{gather}[%row]", f"memref<?x{kind}>")
        return self.block.say(f"arith.index_cast {chosen}", f"{kind} to index")

    def define(self, reduction: Value, name: str) -> None:
        """Record the name of a reduction's result."""
        self.block.once(("row", reduction), lambda: name)

    def value(self, v: Value) -> str:
        """Return a row's number, f64, or i1 if it is a truth value."""
        return self.block.once(("row", v), lambda: self._make(v))

    def _make(self, v: Value) -> str:
        say = self.block.say
        assert v.op not in REDUCTIONS, f"{v} is used before its loop"
        if v.op == "constant":
            if v.is_bool:
                return say(f"arith.constant {'true' if v.number else 'false'}")
            return say(f"arith.constant {number(v.number, 64)}", "f64")
        if v.op == "input":
            return self._load(self.graph.inputs[v.source], v)
        if v.op == "round_to":
            return self._call(self.graph.rounding(v), v)
        if v.op in LIBRARY and v.op != "rsqrt":
            return self._call(v.op, v)
        if v.op == "single":
            return say(f"arith.extf {self._single(v.args[0])}", "f32 to f64")
        operands = [self.value(a) for a in v.args]
        if v.op == "rsqrt":
            root = say(f"math.sqrt {operands[0]}", "f64")
            one = say(f"arith.constant {number(1.0, 64)}", "f64")
            return say(f"arith.divf {one}, {root}", "f64")
        return operation(say, ROW_TYPE, v, operands)

    def _load(self, source: Input, v: Value) -> str:
        kind = dtype_info(source.dtype).mlir
        place = self.place(v, self.first_column(v.at, v.step))
        text = f"memref.load %in{source.argument}[{place}]"
        x = self.block.say(text, memory_of(source))
        if source.dtype == torch.int8:
            return self.block.say(f"arith.sitofp {x}", "i8 to f64")
        if kind != "f32":
            name = f"widen_{kind}"
            self.functions.add(name)
            lanes = self.block.say(f"vector.broadcast {x}", f"{kind} to {vector_of(kind)}")
            types = f"({vector_of(kind)}) -> {LANE}"
            lanes = self.block.say(f"func.call @row_{name}({lanes})", types)
            x = self.block.say(f"vector.extract {lanes}[0]", f"f32 from {LANE}")
        return self.block.say(f"arith.extf {x}", "f32 to f64")

    def narrow(self, v: Value, dtype: torch.dtype) -> str:
        """Return a row's number in the dtype of a result."""
        kind, say = dtype_info(dtype).mlir, self.block.say
        if dtype == torch.int8:
            return say(f"arith.fptosi {self.value(v)}", "f64 to i8")
        if kind == "f32":
            return self._single(v)
        name = f"narrow_{kind}"
        self.functions.add(name)
        types = f"({LANE}) -> {vector_of(kind)}"
        lanes = say(f"func.call @row_{name}({self.lanes(v)})", types)
        return say(f"vector.extract {lanes}[0]", f"{kind} from {vector_of(kind)}")

    def _call(self, name: str, v: Value) -> str:
        """Call a vector function on lanes of which one is used."""
        self.functions.add(name)
        operands = ", ".join(self.lanes(a) for a in v.args)
        types = ", ".join([LANE] * len(v.args))
        lanes = self.block.say(f"func.call @row_{name}({operands})", f"({types}) -> {LANE}")
        one = self.block.say(f"vector.extract {lanes}[0]", f"f32 from {LANE}")
        return self.block.say(f"arith.extf {one}", "f32 to f64")

    def lanes(self, v: Value, *, wide: bool = False) -> str:
        """Return a vector of a row's number or of a constant, f64 if `wide`."""
        return self.block.once(("lanes", v, wide), lambda: self._spread(v, wide=wide))

    def _spread(self, v: Value, *, wide: bool) -> str:
        say = self.block.say
        if v.is_bool:
            return say(f"vector.broadcast {self.value(v)}", f"i1 to {MASK}")
        if v.op == "constant":
            text = number(v.number, 64 if wide else 32)
            return say(f"arith.constant dense<{text}>", F64 if wide else LANE)
        if wide:
            return say(f"vector.broadcast {self.value(v)}", f"f64 to {F64}")
        return say(f"vector.broadcast {self._single(v)}", f"f32 to {LANE}")

    def _single(self, v: Value) -> str:
        return self.block.once(
            ("f32", v), lambda: self.block.say(f"arith.truncf {self.value(v)}", "f64 to f32")
        )

    def rest(self, v: Value) -> str:
        """Return lanes of what float32 lacks of a row's number, 0 if the number is not finite."""
        return self.block.once(("rest", v), lambda: self._rest(v))

    def _rest(self, v: Value) -> str:
        say = self.block.say
        back = say(f"arith.extf {self._single(v)}", "f32 to f64")
        rest = say(f"arith.subf {self.value(v)}, {back}", "f64")
        size = say(f"math.absf {rest}", "f64")
        limit = say(f"arith.constant {number(3e38, 64)}", "f64")
        none = say(f"arith.constant {number(0.0, 64)}", "f64")
        usual = say(f"arith.cmpf olt, {size}, {limit}", "f64")
        rest = say(f"arith.select {usual}, {rest}, {none}", "f64")
        return say(
            f"vector.broadcast {say(f'arith.truncf {rest}', 'f64 to f32')}", f"f32 to {LANE}"
        )


def joined_index(block: Block, segments: Sequence[int]) -> str:
    """Return the number of a row among those that some segments of the dimensions have."""
    number = ""
    for n in segments:
        if number:
            start = block.say(f"arith.muli {number}, %count{n}", "index")
            number = block.say(f"arith.addi {start}, %id{n}", "index")
        else:
            number = f"%id{n}"
    return number or block.index(0)


def memory_of(source: Input) -> str:
    """Return the type of an input's memory in the kernel."""
    rows = "?x" if source.has_rows else ""
    return f"memref<{rows}{source.width}x{dtype_info(source.dtype).mlir}>"


def is_single(v: Value) -> bool:
    """Tell whether float32 has a row's number exactly."""
    if v.op in ("input", *EXTREMES, "round_to", "to_int8", "single") or v.kind == "constant":
        return True
    return v.op in ("neg", "abs", "max", "min", "select") and all(
        a.is_bool or is_single(a) for a in v.args
    )
