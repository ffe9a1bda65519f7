"""The MLIR of results: each thread writes its vectors, and the first one of a unit its numbers."""

from __future__ import annotations

from ir_runtime.rows.gpu.thread_code import Place, ThreadCode, bits_of
from ir_runtime.rows.plan import Store, unrounded
from ir_runtime.rows.value import Result, Value

__all__ = ["Stores", "result_memory"]


class Stores:
    """Writes the results of a kernel.

    All vectors are computed before the first one is written: so all reads are on their way early.

    Args:
        code: writes the values.
    """

    def __init__(self, code: ThreadCode) -> None:
        self._code = code
        self._lines: list[str] = []

    def write(self) -> None:
        """Write all results."""
        code = self._code
        for p in code.plan.passes:
            turns = code.form.division(p.groups).turns if p.stores else 0
            for store in p.stores:
                for turn in range(turns):
                    self._write_unit(store, Place(p.groups, turn))
        for number, result in enumerate(code.plan.graph.results):
            if result.width == 1:
                self._write_number(Store(number, 0, 0, result.parts[0]), Place(0))
        code.block.lines += self._lines

    def _write_unit(self, store: Store, at: Place) -> None:
        if store.value.width == 1:
            self._write_number(store, at)
            return
        for step in range(self._code.form.steps(at.groups, store.width)):
            self._write_vector(store, at._replace(step=step))

    def _write_vector(self, store: Store, at: Place) -> None:
        code, result = self._code, self._code.plan.graph.results[store.result]
        pair = store.value.op == "interleave"
        parts = store.value.args if pair else (store.value,)
        lanes, bits = code.form.lanes, bits_of(result.dtype)
        short = code.has_short_nan(store.value)
        narrow = [
            code.narrowed(
                code.lanes(stored(part, result), at), result.dtype, lanes, short_nan=short
            )
            for part in parts
        ]
        y = narrow[0]
        if pair:
            order = [lane + half for lane in range(lanes) for half in (0, lanes)]
            kind = f"vector<{lanes}x{bits}>"
            y = code.block.say(f"vector.shuffle {y}, {narrow[1]} {order}", f"{kind}, {kind}")
        column = code.vector_column(at, store.width, len(parts), store.at, store.step)
        kinds = f"vector<{len(parts) * lanes}x{bits}>, {result_memory(result)}"
        self._guarded(
            f"vector.transfer_write {y}, %out{store.result}[%row, {column}] "
            f"{{in_bounds = [true]}} : {kinds}",
            [code.has_unit(at), code.has_vector(at, store.width)],
        )

    def _write_number(self, store: Store, at: Place) -> None:
        code, result = self._code, self._code.plan.graph.results[store.result]
        say = code.block.say
        y = code.number(stored(store.value, result), at)
        bits = bits_of(result.dtype)
        if bits != "f32":
            y = say(f"vector.broadcast {y}", "f32 to vector<1xf32>")
            short = code.has_short_nan(store.value)
            y = code.narrowed(y, result.dtype, 1, short_nan=short)
            y = say(f"vector.extract {y}[0]", f"{bits} from vector<1x{bits}>")
        column = code.number_column(store.at, store.step, at)
        is_first = code.block.once(
            ("first", at),
            lambda: say(f"arith.cmpi eq, {code.place_in_unit(at)}, {code.block.index(0)}", "index"),
        )
        self._guarded(
            f"memref.store {y}, %out{store.result}[%row, {column}] : {result_memory(result)}",
            [code.has_unit(at), is_first],
        )

    def _guarded(self, line: str, conditions: list[str]) -> None:
        """Write a line for the threads that meet all conditions; "" is one that all meet."""
        block = self._code.block
        form = self._code.form
        needed = [c for c in conditions if c]
        if not form.flat and form.rows > 1:
            needed.append("%is_row")
        if not needed:
            self._lines.append(line)
            return
        joined = needed[0]
        for condition in needed[1:]:
            joined = block.once(
                ("both", joined, condition),
                lambda a=joined, b=condition: block.say(f"arith.andi {a}, {b}", "i1"),
            )
        self._lines += [f"scf.if {joined} {{", f"  {line}", "}"]


def stored(part: Value, result: Result) -> Value:
    """Return the value whose conversion is what is stored of a part."""
    narrow = part.op == "to_int8" or (part.op == "round_to" and part.dtype == result.dtype)
    return unrounded(part) if narrow else part


def result_memory(result: Result) -> str:
    """Return the type of a result's memory in the kernel."""
    return f"memref<?x{result.width}x{bits_of(result.dtype)}>"
