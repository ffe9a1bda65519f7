"""The host's side of a row kernel: its bindings, and the function that dispatches it."""

from __future__ import annotations

from collections.abc import Sequence

from ir_runtime.dtypes import dtype_info
from ir_runtime.launch.host_program.dispatch_access import READ, WRITTEN_OVER
from ir_runtime.rows.emit.row import memory_of
from ir_runtime.rows.emit.workload import product, workload
from ir_runtime.rows.value import Graph

__all__ = ["dispatch_facts", "host_function", "index_types", "pipeline_layout", "table_sizes"]


def pipeline_layout(graph: Graph, *, constants: int) -> str:
    """Return the bindings of a kernel: inputs, indices and results."""
    read = sum(i.is_bound for i in graph.inputs) + len(graph.gathers)
    bindings = ["ReadOnly"] * read + [""] * len(graph.results)
    listed = ", ".join(
        f"#hal.pipeline.binding<storage_buffer{', ' if flag else ''}{flag}>" for flag in bindings
    )
    return f"{f'constants = {constants}, ' if constants else ''}bindings = [{listed}]"


def dispatch_facts(graph: Graph, overwritten: Sequence[tuple[int, int]]) -> str:
    """Return what the launcher is told: the bindings that are read, and what may be one memory.

    Args:
        graph: the kernel's function.
        overwritten: pairs of an input and a result, by number, that may be the same memory.
    """
    bound = [i.argument for i in graph.inputs if i.is_bound]
    read = len(bound) + len(graph.gathers)
    pairs = [n for i, o in overwritten for n in (bound.index(i), read + o)]
    listed = f": {', '.join(map(str, pairs))}" if pairs else ""
    return f"{READ} = {read} : i64, {WRITTEN_OVER} = array<i64{listed}>"


def index_types(graph: Graph) -> list[str]:
    """Return shape and element type of the checked indices of each gather."""
    return [f"?x{dtype_info(graph.inputs[g.index].dtype).mlir}" for g in graph.gathers]


def table_sizes(graph: Graph) -> list[str]:
    """Return the names that the host has for the number of rows in the table of each gather."""
    bound = [i.argument for i in graph.inputs if i.is_bound]
    return [f"%size{bound.index(graph.inputs[g.table].argument)}" for g in graph.gathers]


def host_function(graph: Graph, name: str, *, passed: Sequence[str]) -> str:
    """Write the function of the host, which dispatches the kernel.

    Args:
        graph: the kernel's function.
        name: of the function, and of the kernel.
        passed: names of sizes that the kernel is told, among those of `workload`, `table_sizes`,
            and `%rows`.
    """
    inputs = [i for i in graph.inputs if i.is_bound]
    types = [f"tensor<{memory_of(i).removeprefix('memref<')}" for i in inputs]
    roles = [i.role for i in inputs] + ["rows"] * len(graph.gathers)
    types += [f"tensor<{kind}>" for kind in index_types(graph)]
    operands = [f"%x{n}" for n in range(len(types))]
    taken, first = list(types), roles.index("rows")
    if graph.segments:
        taken[first] = types[first].replace("<?", "<" + "x".join("?" * sum(graph.segments)))
        lines = _size_lines(graph, first, taken[first], types[first])
        operands[first] = "%all_rows"
    else:
        lines = [f"%rows = tensor.dim %x{first}, %zero : {types[first]}"]
    sizes = {n: "%rows" for n, role in enumerate(roles) if role == "rows"}
    for n, role in enumerate(roles):
        if role in ("table", "broadcast"):
            sizes[n] = f"%size{n}"
            lines.append(f"%size{n} = tensor.dim %x{n}, %zero : {types[n]}")
    sized = ", ".join(
        kind + (f"{{{sizes[n]}}}" if n in sizes else "") for n, kind in enumerate(types)
    )
    for size in reversed(passed):
        lines.append(f"{size}_i32 = arith.index_castui {size} : index to i32")
        operands, sized = [f"{size}_i32", *operands], f"i32, {sized}"
    outs = [f"tensor<?x{r.width}x{dtype_info(r.dtype).mlir}>" for r in graph.results]
    made = ", ".join(f"{kind}{{%rows}}" for kind in outs)
    parameters = ", ".join(f"%x{n}: {kind}" for n, kind in enumerate(taken))
    several = f":{len(outs)}" if len(outs) > 1 else ""
    returned = ", ".join(f"%y#{n}" for n in range(len(outs))) if several else "%y"
    text = "\n".join(f"  {line}" for line in lines)
    return (
        f"util.func private @{name}({parameters}) -> ({', '.join(outs)}) {{\n"
        f"  %zero = arith.constant 0 : index\n{text}\n"
        f"  %y{several} = flow.dispatch @{name}_rows::@{name}[{', '.join(workload(graph))}]"
        f"({', '.join(operands)}) : ({sized}) -> ({made})\n"
        f"  util.return {returned} : {', '.join(outs)}\n}}"
    )


def _size_lines(graph: Graph, first: int, taken: str, rows: str) -> list[str]:
    """Write the sizes of a tensor's dimensions and segments, and the tensor as rows."""
    rank = sum(graph.segments)
    lines = []
    for d in range(rank):
        lines.append(f"%d{d} = arith.constant {d} : index")
        lines.append(f"%size_{d} = tensor.dim %x{first}, %d{d} : {taken}")
    at = 0
    for n, dims in enumerate(graph.segments):
        sizes = [f"%size_{d}" for d in range(at, at + dims)]
        lines += product(f"%rows{n}", sizes)
        at += dims
    lines += product("%rows", [f"%rows{n}" for n in range(len(graph.segments))])
    listed = ", ".join(f"%size_{d}" for d in range(rank))
    return [
        *lines,
        f"%all_rows = flow.tensor.reshape %x{first} : {taken}{{{listed}}} -> {rows}{{%rows}}",
    ]
