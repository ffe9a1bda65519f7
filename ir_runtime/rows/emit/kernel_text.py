"""The MLIR of a row kernel: its executable, and the function that dispatches it."""

from __future__ import annotations

import itertools
from contextlib import nullcontext

from ir_runtime.dtypes import dtype_info
from ir_runtime.rows.emit.block import Block
from ir_runtime.rows.emit.lanes import stack_memory
from ir_runtime.rows.emit.loops import PassCode
from ir_runtime.rows.emit.row import RowCode, memory_of
from ir_runtime.rows.plan import LANES, Plan
from ir_runtime.rows.value import Graph, Result
from ir_runtime.rows.vector_functions import vector_functions

__all__ = ["kernel_text"]

GROUP = 2048
"""Columns that a workgroup takes, where no number of the whole row is needed."""


def kernel_text(plan: Plan, name: str) -> str:
    """Write the kernel of a plan.

    Args:
        plan: the plan.
        name: of the function, which takes the inputs and returns the results: rows as
            `tensor<?xWIDTHxTYPE>`, shared inputs as `tensor<WIDTHxTYPE>`.
    """
    body = Block()
    rows = RowCode(plan.graph, body)
    _bind(plan, body)
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
        grid="%groups, %rows, %one" if plan.by_columns else "%rows, %one, %one",
        groups=_groups(plan),
        functions=functions,
        row=1 if plan.by_columns else 0,
        lines=lines,
        host=_host(plan, name),
    )


_FORM = """\
#layout = #hal.pipeline.layout<bindings = [{layout}]>
hal.executable.source private @{name}_rows {{
  hal.executable.export public @{name} ordinal(0) layout(#layout) \
count(%device: !hal.device, %rows: index) -> (index, index, index) {{
    %one = arith.constant 1 : index
    %groups = arith.constant {groups} : index
    hal.return {grid} : index, index, index
  }}
  builtin.module {{
{functions}
    func.func @{name}() {{
      %row = hal.interface.workgroup.id[{row}] : index
      %all = hal.interface.workgroup.count[{row}] : index
{lines}
      return
    }}
  }}
}}

{host}
"""


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.split("\n"))


def _groups(plan: Plan) -> int:
    return max(-(-plan.passes[0].width // GROUP), 1) if plan.by_columns else 1


def _columns(plan: Plan) -> int:
    """Return the columns of a workgroup, whole vectors."""
    return -(-plan.passes[0].width // (_groups(plan) * LANES)) * LANES


def _layout(plan: Plan) -> str:
    read = sum(i.is_bound for i in plan.graph.inputs) + len(plan.graph.gathers)
    bindings = ["ReadOnly"] * read + [""] * len(plan.graph.results)
    return ", ".join(
        f"#hal.pipeline.binding<storage_buffer{', ' if flag else ''}{flag}>" for flag in bindings
    )


def _bind(plan: Plan, body: Block) -> None:
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
        columns = body.index(_columns(plan))
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
    outs = [f"tensor<?x{r.width}x{dtype_info(r.dtype).mlir}>" for r in graph.results]
    taken = ", ".join(f"%x{n}: {kind}" for n, kind in enumerate(types))
    first = roles.index("rows")
    sizes = {n: f"%size{n}" for n, role in enumerate(roles) if role == "table"}
    sizes |= {n: "%rows" for n, role in enumerate(roles) if role == "rows"}
    sized = ", ".join(
        kind + (f"{{{sizes[n]}}}" if n in sizes else "") for n, kind in enumerate(types)
    )
    dims = "".join(
        f"  %size{n} = tensor.dim %x{n}, %zero : {types[n]}\n"
        for n, role in enumerate(roles)
        if role == "table"
    )
    made = ", ".join(f"{kind}{{%rows}}" for kind in outs)
    operands = ", ".join(f"%x{n}" for n in range(len(types)))
    several = f":{len(outs)}" if len(outs) > 1 else ""
    returned = ", ".join(f"%y#{n}" for n in range(len(outs))) if several else "%y"
    return (
        f"util.func private @{name}({taken}) -> ({', '.join(outs)}) {{\n"
        "  %zero = arith.constant 0 : index\n"
        f"  %rows = tensor.dim %x{first}, %zero : {types[first]}\n{dims}"
        f"  %y{several} = flow.dispatch @{name}_rows::@{name}[%rows]({operands}) : "
        f"({sized}) -> ({made})\n"
        f"  util.return {returned} : {', '.join(outs)}\n}}"
    )
