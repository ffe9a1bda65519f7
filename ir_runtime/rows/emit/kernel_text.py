"""The MLIR of a row kernel: its executable, and the function that dispatches it."""

from __future__ import annotations

import itertools
from contextlib import nullcontext

from ir_runtime.dtypes import dtype_info
from ir_runtime.launch.host_program.dispatch_access import READ, WRITTEN_OVER
from ir_runtime.rows.emit.block import Block
from ir_runtime.rows.emit.lanes import stack_memory
from ir_runtime.rows.emit.loops import PassCode
from ir_runtime.rows.emit.overwrite import overwritten
from ir_runtime.rows.emit.row import RowCode, joined_index, memory_of
from ir_runtime.rows.plan import LANES, Plan
from ir_runtime.rows.value import Graph, Result
from ir_runtime.rows.vector_functions import vector_functions

__all__ = ["COLUMNS", "has_blocks", "kernel_text"]

COLUMNS = (2048, 1024, 4096)
"""Columns that a workgroup may take, if no number of the whole row is needed; the usual first."""


def kernel_text(plan: Plan, name: str, columns: int = COLUMNS[0]) -> str:
    """Write the kernel of a plan.

    Args:
        plan: the plan.
        name: of the function, which takes the inputs and returns the results: rows as
            `tensor<?xWIDTHxTYPE>`, shared inputs as `tensor<WIDTHxTYPE>`.
        columns: how many columns a workgroup takes at most, where `has_blocks`.
    """
    count = max(-(-plan.passes[0].width // columns), 1) if plan.by_columns else 1
    body = Block()
    rows = RowCode(plan.graph, body)
    _bind(plan, body, count)
    for groups, numbers in itertools.groupby(
        range(len(plan.passes)), lambda number: plan.passes[number].groups
    ):
        with rows.each_group(groups) if groups else nullcontext():
            for number in numbers:
                PassCode(plan, rows, number).write()
    _store_numbers(plan, rows)
    lines = "\n".join(f"      {line}" for line in body.lines)
    functions = _indented(vector_functions(sorted(rows.functions)))
    return _FORM.format(
        name=name,
        layout=_layout(plan),
        facts=_facts(plan),
        grid=_grid(plan),
        workload="".join(f", {size}: index" for size in _workload(plan.graph)),
        groups=count,
        functions=functions,
        lines="\n".join([*_row_lines(plan), lines]),
        host=_host(plan, name),
    )


_FORM = """\
#layout = #hal.pipeline.layout<bindings = [{layout}]>
hal.executable.source private @{name}_rows {{
  hal.executable.export public @{name} ordinal(0) layout(#layout) \
count(%device: !hal.device{workload}) -> (index, index, index) {{
    %one = arith.constant 1 : index
    %groups = arith.constant {groups} : index
    hal.return {grid} : index, index, index
  }} attributes {{{facts}}}
  builtin.module {{
{functions}
    func.func @{name}() {{
{lines}
      return
    }}
  }}
}}

{host}
"""


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.split("\n"))


def _workload(graph: Graph) -> list[str]:
    """Return the names of what the grid is computed from."""
    return [f"%rows{n}" for n in range(len(graph.segments))] or ["%rows"]


def _grid(plan: Plan) -> str:
    if plan.by_columns:
        return "%groups, %rows, %one"
    sizes = [*reversed(_workload(plan.graph)), "%one", "%one"]
    return ", ".join(sizes[:3])


def _row_lines(plan: Plan) -> list[str]:
    """Write which row a workgroup has, and how many there are."""
    segments = len(plan.graph.segments)
    id_of, count_of = "hal.interface.workgroup.id", "hal.interface.workgroup.count"
    if not segments:
        axis = 1 if plan.by_columns else 0
        return [
            f"      %row = {id_of}[{axis}] : index",
            f"      %all = {count_of}[{axis}] : index",
        ]
    lines = []
    for n in range(segments):
        axis = segments - 1 - n
        lines += [f"%id{n} = {id_of}[{axis}] : index", f"%count{n} = {count_of}[{axis}] : index"]
    block = Block()
    row = joined_index(block, range(segments))
    lines += [line.replace("%v", "%of_grid") for line in block.lines]
    row = row.replace("%v", "%of_grid")
    lines += _product("%row", [row])
    lines += _product("%all", [f"%count{n}" for n in range(segments)])
    return [f"      {line}" for line in lines]


def has_blocks(plan: Plan) -> bool:
    """Tell whether several workgroups may take a row, each a block of columns."""
    return plan.by_columns and plan.passes[0].width > min(COLUMNS)


def _columns(plan: Plan, groups: int) -> int:
    """Return the columns of a workgroup, whole vectors."""
    return -(-plan.passes[0].width // (groups * LANES)) * LANES


def _layout(plan: Plan) -> str:
    read = sum(i.is_bound for i in plan.graph.inputs) + len(plan.graph.gathers)
    bindings = ["ReadOnly"] * read + [""] * len(plan.graph.results)
    return ", ".join(
        f"#hal.pipeline.binding<storage_buffer{', ' if flag else ''}{flag}>" for flag in bindings
    )


def _facts(plan: Plan) -> str:
    """Return what the launcher is told: the bindings that are read, and what may be one memory."""
    bound = [i.argument for i in plan.graph.inputs if i.is_bound]
    read = len(bound) + len(plan.graph.gathers)
    pairs = [n for i, o in overwritten(plan) for n in (bound.index(i), read + o)]
    listed = f": {', '.join(map(str, pairs))}" if pairs else ""
    return f"{READ} = {read} : i64, {WRITTEN_OVER} = array<i64{listed}>"


def _bind(plan: Plan, body: Block, groups: int) -> None:
    """Name the memory of inputs, results and kept values, and the columns of the workgroup."""
    zero = body.index(0)
    graph = plan.graph
    names = [(f"%in{i.argument}", memory_of(i), i.has_rows) for i in graph.inputs if i.is_bound]
    names += [(f"%index{n}", f"memref<{t}>", True) for n, t in enumerate(_index_types(graph))]
    names += [(f"%out{n}", _memory(r), True) for n, r in enumerate(plan.graph.results)]
    for number, (name, memory, has_rows) in enumerate(names):
        sizes = "{%all}" if has_rows else ""  # of a table, too: nothing looks at the size
        body.lines.append(
            f"{name} = hal.interface.binding.subspan layout(#layout) binding({number}) "
            f"offset({zero}) : {memory}{sizes}"
        )
    for v, number in plan.stack.items():
        body.lines.append(f"%stack{number} = memref.alloca() : {stack_memory(v)}")
    if plan.by_columns:
        columns = body.index(_columns(plan, groups))
        end = body.index(plan.passes[0].width)
        body.lines += [
            "%group = hal.interface.workgroup.id[0] : index",
            f"%from = arith.muli %group, {columns} : index",
            f"%past = arith.addi %from, {columns} : index",
            f"%to = arith.minui %past, {end} : index",
        ]


def _memory(result: Result) -> str:
    return f"memref<?x{result.width}x{dtype_info(result.dtype).mlir}>"


def _store_numbers(plan: Plan, rows: RowCode) -> None:
    """Write the results that are one number a row."""
    for number, result in enumerate(plan.graph.results):
        if result.width != 1:
            continue
        y = rows.narrow(result.parts[0], result.dtype)
        place = f"%out{number}[%row, {rows.block.index(0)}]"
        rows.block.lines.append(f"memref.store {y}, {place} : {_memory(result)}")


def _index_types(graph: Graph) -> list[str]:
    """Return shape and element type of the checked indices of each gather."""
    return [f"?x{dtype_info(graph.inputs[g.index].dtype).mlir}" for g in graph.gathers]


def _host(plan: Plan, name: str) -> str:
    """Write the function of the host, which starts a workgroup for each row."""
    graph = plan.graph
    inputs = [i for i in graph.inputs if i.is_bound]
    types = [f"tensor<{memory_of(i).removeprefix('memref<')}" for i in inputs]
    roles = [i.role for i in inputs] + ["rows"] * len(graph.gathers)
    types += [f"tensor<{kind}>" for kind in _index_types(graph)]
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
    outs = [f"tensor<?x{r.width}x{dtype_info(r.dtype).mlir}>" for r in graph.results]
    made = ", ".join(f"{kind}{{%rows}}" for kind in outs)
    parameters = ", ".join(f"%x{n}: {kind}" for n, kind in enumerate(taken))
    several = f":{len(outs)}" if len(outs) > 1 else ""
    returned = ", ".join(f"%y#{n}" for n in range(len(outs))) if several else "%y"
    text = "\n".join(f"  {line}" for line in lines)
    return (
        f"util.func private @{name}({parameters}) -> ({', '.join(outs)}) {{\n"
        f"  %zero = arith.constant 0 : index\n{text}\n"
        f"  %y{several} = flow.dispatch @{name}_rows::@{name}[{', '.join(_workload(graph))}]"
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
        lines += _product(f"%rows{n}", sizes)
        at += dims
    lines += _product("%rows", [f"%rows{n}" for n in range(len(graph.segments))])
    listed = ", ".join(f"%size_{d}" for d in range(rank))
    return [
        *lines,
        f"%all_rows = flow.tensor.reshape %x{first} : {taken}{{{listed}}} -> {rows}{{%rows}}",
    ]


def _product(name: str, sizes: list[str]) -> list[str]:
    """Write the product of sizes, or a single one under another name."""
    lines, so_far = [f"{name}_0 = arith.constant 1 : index"], f"{name}_0"
    for n, size in enumerate(sizes):
        result = name if n == len(sizes) - 1 else f"{name}_{n + 1}"
        lines.append(f"{result} = arith.muli {so_far}, {size} : index")
        so_far = result
    return lines
