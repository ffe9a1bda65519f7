"""The MLIR of a row kernel: its executable, and the function that dispatches it."""

from __future__ import annotations

import dataclasses
import itertools
from contextlib import nullcontext

from ir_runtime.dtypes import dtype_info
from ir_runtime.rows.emit.block import Block
from ir_runtime.rows.emit.grid import Form, Grid, usual_form
from ir_runtime.rows.emit.host import dispatch_facts, host_function, index_types, pipeline_layout
from ir_runtime.rows.emit.lanes import stack_memory
from ir_runtime.rows.emit.loops import PassCode
from ir_runtime.rows.emit.overwrite import overwritten
from ir_runtime.rows.emit.row import RowCode, memory_of
from ir_runtime.rows.emit.shifted import shifted_plan
from ir_runtime.rows.emit.workload import workload
from ir_runtime.rows.plan import Plan
from ir_runtime.rows.value import Result
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
    plan = dataclasses.replace(shifted_plan(plan), streamed=form.streamed)
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
        layout=pipeline_layout(plan.graph, constants=int(grid.has_loop)),
        facts=dispatch_facts(plan.graph, overwritten(plan)),
        workload="".join(f", {size}: index" for size in workload(plan.graph)),
        count=_indented("\n".join(grid.count())),
        functions=_indented(vector_functions(sorted(rows.functions))),
        lines="\n".join(f"      {line}" for line in lines),
        host=host_function(plan.graph, name, passed=["%rows"] if grid.has_loop else []),
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


def _bind(plan: Plan, body: Block) -> None:
    """Name the memory of inputs, results and kept values."""
    zero = body.index(0)
    graph = plan.graph
    names = [(f"%in{i.argument}", memory_of(i), i.has_rows) for i in graph.inputs if i.is_bound]
    names += [(f"%index{n}", f"memref<{t}>", True) for n, t in enumerate(index_types(graph))]
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
