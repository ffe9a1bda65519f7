"""The MLIR of a pass: the loops over a row, their sums, and the sums once more in float64."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ir_runtime.rows.bounds import lowest
from ir_runtime.rows.emit.arithmetic import LIBRARY, extreme_of, most_of_sizes
from ir_runtime.rows.emit.block import F64, LANE, MASK, Block, number, vector_of
from ir_runtime.rows.emit.lanes import Body, Tail
from ir_runtime.rows.emit.row import RowCode
from ir_runtime.rows.emit.shifted import shift_of
from ir_runtime.rows.plan import LANES, Pass, Plan, lanes_of
from ir_runtime.rows.value import Value

__all__ = ["PassCode", "may_overflow"]

BLOCK = 8 * LANES
"""Columns whose terms are added in float32 before their sum joins the others'."""

LEAST, MOST = 1e-28, 1e30
"""Sums of products within these bounds have no term that overflowed, or vanished and mattered."""

_NEUTRAL = {"sum": 0.0, "most": -math.inf, "least": math.inf, "most_number": -math.inf}
_JOIN = {"most": "maximumf", "least": "minimumf", "most_number": "maxnumf"}


class PassCode:
    """Writes the loops of one pass.

    Args:
        plan: the plan.
        rows: writes in front of the loops.
        number: the number of the pass.
    """

    def __init__(self, plan: Plan, rows: RowCode, number: int) -> None:
        self._plan = plan
        self._rows = rows
        self._pass: Pass = plan.passes[number]
        earlier = lanes_of(r for p in plan.passes[:number] for r in p.roots())
        self._ready = {v for v in plan.kept if v in earlier}
        self._reductions = self._pass.reductions
        stored = [a for s in self._pass.stores for a in (s.value, *s.value.args)]
        read = lanes_of([*self._pass.roots(), *stored])
        self._has_pairs = any(v.stride > 1 or v.op == "interleave" for v in read)
        self._wide = [r.op == "sum" and _is_signed(r.args[0]) for r in self._reductions]

    def write(self) -> None:
        """Write the pass, and define its reductions."""
        width = self._pass.width
        full = width // LANES * LANES
        if self._plan.by_columns:
            self._by_columns(full)
            return
        outer = [
            self._constant(_NEUTRAL[r.op], wide=wide)
            for r, wide in zip(self._reductions, self._wide, strict=True)
        ]
        first = 0
        if any(r.op == "sum" for r in self._reductions) and width >= BLOCK:
            first = width // BLOCK * BLOCK
            outer = self._blocks(outer, first)
        if first < width:
            outer = self._rest(outer, first, full)
        found = [self._reduced(r, acc, w) for r, acc, w in self._each(outer)]
        for r, name in zip(self._reductions, self._exact(found), strict=True):
            self._rows.define(r, name)

    def _each(self, accs: Sequence[str]) -> list[tuple[Value, str, bool]]:
        return list(zip(self._reductions, accs, self._wide, strict=True))

    def _constant(self, value: float, *, wide: bool = False) -> str:
        block = self._rows.block
        text = f"arith.constant dense<{number(value, 64 if wide else 32)}>"
        key = ("neutral", value, wide)
        return block.once(key, lambda: block.say(text, F64 if wide else LANE))

    # loops

    def _by_columns(self, full: int) -> None:
        block = self._rows.block
        last = block.say(f"arith.minui %to, {block.index(full)}", "index")
        self._loop([], "%from", last)
        if full < self._pass.width:
            # The group that has the row's end has it all: groups are whole vectors.
            self._loop([], last, "%to", tail=self._tail())

    def _blocks(self, outer: list[str], end: int) -> list[str]:
        """Add up blocks of eight vectors, then the sums of the blocks."""
        block = self._rows.block
        index, names = block.name(), [block.name() for _ in outer]
        inside = Block(block)
        past = inside.say(f"arith.addi {index}, {block.index(BLOCK)}", "index")
        start = [self._constant(0.0) if r.op == "sum" else name for r, name, _ in self._each(names)]
        found = self._loop(start, index, past, into=inside)
        nexts = self._joined(names, found, inside)
        return _loop(
            block,
            index,
            block.index(0),
            block.index(end),
            block.index(BLOCK),
            names,
            outer,
            inside.lines,
            nexts,
            self._types(wide=True),
        )

    def _rest(self, outer: list[str], first: int, full: int) -> list[str]:
        """Add what is left: whole vectors, then one that is not."""
        block = self._rows.block
        accs = [self._constant(0.0) if r.op == "sum" else a for r, a, _ in self._each(outer)]
        if first < full:
            accs = self._loop(accs, block.index(first), block.index(full))
        if full < self._pass.width:
            end = block.index(self._pass.width)
            accs = self._loop(accs, block.index(full), end, tail=self._tail())
        return self._joined(outer, accs, block)

    def _joined(self, outer: Sequence[str], inner: Sequence[str], block: Block) -> list[str]:
        joined = []
        for (r, total, wide), part in zip(self._each(outer), inner, strict=True):
            if r.op != "sum":
                joined.append(part)
            elif wide:
                extended = block.say(f"arith.extf {part}", f"{LANE} to {F64}")
                joined.append(block.say(f"arith.addf {total}, {extended}", F64))
            else:
                joined.append(block.say(f"arith.addf {total}, {part}", LANE))
        return joined

    def _types(self, *, wide: bool) -> list[str]:
        return [F64 if w and wide else LANE for w in self._wide]

    def _loop(
        self,
        start: Sequence[str],
        first: str,
        last: str,
        *,
        tail: Tail | None = None,
        into: Block | None = None,
    ) -> list[str]:
        """Write a loop of single vectors; return its sums and extremes."""
        block = self._rows.block
        index, names = block.name(), [block.name() for _ in start]
        body = Body(
            self._plan,
            self._rows,
            index,
            self._pass.width,
            tail=tail,
            ready=self._ready.__contains__,
        )
        nexts = [self._next(body, r, acc) for r, acc, _ in self._each(names)] if start else []
        stores = [(store, body.parts_of(store)) for store in self._pass.stores]
        body.keep()
        for store, vectors in stores:
            body.write(store, vectors)
        return _loop(
            into or block,
            index,
            first,
            last,
            block.index(LANES),
            names,
            start,
            body.block.lines,
            nexts,
            self._types(wide=False),
        )

    def _next(self, body: Body, r: Value, acc: str) -> str:
        term, say = r.args[0], body.block.say
        product = term.op == "multiply" and term not in self._plan.kept
        if r.op == "sum" and product and body.tail is None and self._plan.uses[term] == 1:
            a, b = (body.value(v) for v in term.args)
            return say(f"math.fma {a}, {b}, {acc}", LANE)
        y = body.value(term)
        if body.tail is not None:
            neutral = self._constant(_NEUTRAL[r.op])
            y = say(f"arith.select {body.tail.lanes}, {y}, {neutral}", f"{MASK}, {LANE}")
        if r.op == "sum":
            return say(f"arith.addf {acc}, {y}", LANE)
        if r.op == "most" and term.op == "abs":
            return most_of_sizes(say, y, acc)
        return extreme_of(say, r.op, y, acc)

    def _tail(self, *, order: str | None = None) -> Tail:
        rest = self._pass.width % LANES
        order = self._plan.order if order is None else order
        memory = self._mask(list(range(LANES)), rest)
        split = [*range(0, LANES, 2), *range(1, LANES, 2)]
        pairs = self._mask(list(range(2 * LANES)), 2 * rest) if self._has_pairs else ""
        return Tail(memory, self._mask(split, rest) if order else memory, pairs)

    def _mask(self, places: Sequence[int], rest: int) -> str:
        bits = ", ".join("true" if place < rest else "false" for place in places)
        block = self._rows.block
        text = f"arith.constant dense<[{bits}]>"
        kind = vector_of("i1", len(places) // LANES)
        return block.once(("mask", bits), lambda: block.say(text, kind))

    # reductions

    def _reduced(self, r: Value, acc: str, wide: bool) -> str:  # noqa: FBT001
        say = self._rows.block.say
        if r.op != "sum":
            found = say(f"vector.reduction <{_JOIN[r.op]}>, {acc}", f"{LANE} into f32")
            return say(f"arith.extf {found}", "f32 to f64")
        if not wide:
            acc = say(f"arith.extf {acc}", f"{LANE} to {F64}")
        return say(f"vector.reduction <add>, {acc} fastmath<reassoc>", f"{F64} into f64")

    def _exact(self, found: list[str]) -> list[str]:
        """Sum once more in float64 where terms of float32 overflow or vanish."""
        products = [i for i, r in enumerate(self._reductions) if may_overflow(r)]
        if not products:
            return found
        block, rows = self._rows.block, self._rows
        usual = self._in_range([found[i] for i in products])
        shifts = self._shifts(products)
        for squares, total in shifts.items():
            usual = self._near(usual, found[total], found[squares])
        again = sorted({*products, *shifts.values()})
        other = Block(block)
        rows.block = other
        sums = self._wide_sums([self._reductions[i] for i in again])
        rows.block = block
        types = ", ".join(["f64"] * len(again))
        name = block.name()
        block.lines += [
            f"{name}:{len(again)} = scf.if {usual} -> ({types}) {{",
            f"  scf.yield {', '.join(found[i] for i in again)} : {types}",
            "} else {",
            *(f"  {line}" for line in other.lines),
            f"  scf.yield {', '.join(sums)} : {types}",
            "}",
        ]
        better = dict(zip(again, (f"{name}#{k}" for k in range(len(again))), strict=True))
        return [better.get(i, one) for i, one in enumerate(found)]

    def _shifts(self, products: Sequence[int]) -> dict[int, int]:
        """Return, for sums of squares around a shift, the number of the sum of the differences."""
        found = {i: shift_of(self._reductions[i], self._reductions) for i in products}
        return {i: self._reductions.index(s) for i, s in found.items() if s is not None}

    def _near(self, usual: str, total: str, squares: str) -> str:
        """Test whether the shift is within a standard deviation of the mean: no digit is lost."""
        say = self._rows.block.say
        square = say(f"arith.mulf {total}, {total}", "f64")
        half = say(f"arith.constant {number(self._pass.width / 2, 64)}", "f64")
        most = say(f"arith.mulf {squares}, {half}", "f64")
        is_near = say(f"arith.cmpf ole, {square}, {most}", "f64")
        return say(f"arith.andi {usual}, {is_near}", "i1")

    def _in_range(self, sums: Sequence[str]) -> str:
        say = self._rows.block.say
        low = say(f"arith.constant {number(LEAST, 64)}", "f64")
        high = say(f"arith.constant {number(MOST, 64)}", "f64")
        usual = ""
        for total in sums:
            size = say(f"math.absf {total}", "f64")
            above = say(f"arith.cmpf ogt, {size}, {low}", "f64")
            below = say(f"arith.cmpf olt, {size}, {high}", "f64")
            both = say(f"arith.andi {above}, {below}", "i1")
            usual = say(f"arith.andi {usual}, {both}", "i1") if usual else both
        return usual

    def _wide_sums(self, reductions: Sequence[Value]) -> list[str]:
        block, width = self._rows.block, self._pass.width
        full = width // LANES * LANES
        accs = [self._constant(0.0, wide=True) for _ in reductions]
        for first, last, tail in ((0, full, None), (full, width, self._tail(order=""))):
            if first == last:
                continue
            index, names = block.name(), [block.name() for _ in accs]
            body = Body(self._plan, self._rows, index, width, tail=tail, wide=True)
            nexts = []
            for r, acc in zip(reductions, names, strict=True):
                y = body.value(r.args[0])
                if tail is not None:
                    none = self._constant(0.0, wide=True)
                    y = body.block.say(f"arith.select {tail.lanes}, {y}, {none}", f"{MASK}, {F64}")
                nexts.append(body.block.say(f"arith.addf {acc}, {y}", F64))
            accs = _loop(
                block,
                index,
                block.index(first),
                block.index(last),
                block.index(LANES),
                names,
                accs,
                body.block.lines,
                nexts,
                [F64] * len(accs),
            )
        reduce = "vector.reduction <add>, {} fastmath<reassoc>"
        return [block.say(reduce.format(acc), f"{F64} into f64") for acc in accs]


def _loop(
    into: Block,
    index: str,
    first: str,
    last: str,
    step: str,
    names: Sequence[str],
    start: Sequence[str],
    body: Sequence[str],
    nexts: Sequence[str],
    types: Sequence[str],
) -> list[str]:
    """Add a loop whose body is written; return the final values of what it carries."""
    head = f"scf.for {index} = {first} to {last} step {step}"
    if not names:
        into.lines += [f"{head} {{", *(f"  {line}" for line in body), "}"]
        return []
    name, kinds = into.name(), ", ".join(types)
    pairs = ", ".join(f"{n} = {s}" for n, s in zip(names, start, strict=True))
    into.lines += [
        f"{name}:{len(names)} = {head} iter_args({pairs}) -> ({kinds}) {{",
        *(f"  {line}" for line in body),
        f"  scf.yield {', '.join(nexts)} : {kinds}",
        "}",
    ]
    return [f"{name}#{i}" for i in range(len(names))]


def _is_signed(term: Value) -> bool:
    """Tell whether terms may cancel each other, so that their sum needs more digits."""
    return not lowest(term) >= 0


def may_overflow(r: Value) -> bool:
    """Tell whether a sum has products, and only operations that float64 repeats at little cost."""
    if r.op != "sum":
        return False
    values = lanes_of([r.args[0]])
    products = any(v.op == "multiply" and all(a.kind == "lanes" for a in v.args) for v in values)
    return products and not any(v.op in LIBRARY for v in values)
