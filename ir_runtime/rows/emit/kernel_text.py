"""The MLIR of a row kernel: its executable, and the function that dispatches it."""

from __future__ import annotations

import dataclasses
import itertools
from contextlib import nullcontext

from ir_runtime.dtypes import dtype_info
from ir_runtime.launch.host_program.dispatch_access import READ, WRITTEN_OVER
from ir_runtime.rows.emit.block import Block
from ir_runtime.rows.emit.grid import Form, Grid, product, usual_form, workload
from ir_runtime.rows.emit.lanes import stack_memory
from ir_runtime.rows.emit.loops import PassCode
from ir_runtime.rows.emit.overwrite import overwritten
from ir_runtime.rows.emit.row import RowCode, memory_of
from ir_runtime.rows.plan import Plan
from ir_runtime.rows.value import Graph, Result
from ir_runtime.rows.vector_functions import vector_functions

__all__ = ["kernel_text"]


def kernel_text(plan: Plan, name: str, form: Form | None = None) -> str:
    """Write the kernel of a plan.

    Args:
        plan: the plan.
        name: of the function, which takes the inputs and returns the results: rows as
            `tensor<?xWIDTHxTYPE>`, shared inputs as `tensor<WIDTHxTYPE>`.
        form: what a workgroup takes; default: the usual.
    """
    form = form or usual_form(plan)
    plan = dataclasses.replace(plan, streamed=form.streamed)
    grid = Grid(plan, form)
    body = Block()
    rows = RowCode(plan.graph, body)
    _bind(plan, body)
    body.lines += grid.columns(body)
    before, body.lines = body.lines, []
    for groups, numbers in itertools.groupby(
        range(len(plan.passes)), lambda number: plan.passes[number].groups
    ):
        with rows.each_group(groups) if groups else nullcontext():
            for number in numbers:
                PassCode(plan, rows, number).write()
    _store_numbers(plan, rows)
    if form.streamed:
        body.lines.append("llvm.fence seq_cst")
    lines = [*grid.rows(), *before, *grid.over_rows(body.lines)]
    return _FORM.format(
        name=name,
        layout=_layout(plan, constants=int(grid.has_loop)),
        facts=_facts(plan),
        workload="".join(f", {size}: index" for size in workload(plan.graph)),
        count=_indented("\n".join(grid.count())),
        functions=_indented(vector_functions(sorted(rows.functions))),
        lines="\n".join(f"      {line}" for line in lines),
        host=_host(plan, name, has_loop=grid.has_loop),
    )


_FORM = """\
#layout = #hal.pipeline.layout<{layout}>
hal.executable.source private @{name}_rows {{
  hal.executable.export public @{name} ordinal(0) layout(#layout) \
count(%device: !hal.device{workload}) -> (index, index, index) {{
{count}
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


def _layout(plan: Plan, *, constants: int) -> str:
    read = sum(i.is_bound for i in plan.graph.inputs) + len(plan.graph.gathers)
    bindings = ["ReadOnly"] * read + [""] * len(plan.graph.results)
    listed = ", ".join(
        f"#hal.pipeline.binding<storage_buffer{', ' if flag else ''}{flag}>" for flag in bindings
    )
    return f"{f'constants = {constants}, ' if constants else ''}bindings = [{listed}]"


def _facts(plan: Plan) -> str:
    """Return what the launcher is told: the bindings that are read, and what may be one memory."""
    bound = [i.argument for i in plan.graph.inputs if i.is_bound]
    read = len(bound) + len(plan.graph.gathers)
    pairs = [n for i, o in overwritten(plan) for n in (bound.index(i), read + o)]
    listed = f": {', '.join(map(str, pairs))}" if pairs else ""
    return f"{READ} = {read} : i64, {WRITTEN_OVER} = array<i64{listed}>"


def _bind(plan: Plan, body: Block) -> None:
    """Name the memory of inputs, results and kept values."""
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


def _host(plan: Plan, name: str, *, has_loop: bool) -> str:
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
    if has_loop:
        lines.append("%rows_i32 = arith.index_castui %rows : index to i32")
        operands, sized = ["%rows_i32", *operands], f"i32, {sized}"
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
