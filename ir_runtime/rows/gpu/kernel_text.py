"""The MLIR of a row kernel for GPUs: its executable, and the function that dispatches it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ir_runtime.rows.emit.block import Block
from ir_runtime.rows.emit.host import (
    dispatch_facts,
    host_function,
    index_types,
    pipeline_layout,
    table_sizes,
)
from ir_runtime.rows.emit.workload import product, workload
from ir_runtime.rows.gpu.chip import CHIPS, Chip
from ir_runtime.rows.gpu.exchange import Exchange
from ir_runtime.rows.gpu.form import GpuForm
from ir_runtime.rows.gpu.overwrite import overwritten
from ir_runtime.rows.gpu.stores import Stores, result_memory
from ir_runtime.rows.gpu.thread_code import ThreadCode, input_memory
from ir_runtime.rows.plan import Plan
from ir_runtime.rows.value import REDUCTIONS, Graph

__all__ = ["gpu_kernel_text"]

FOLDED_GRID = 2**31 - 1
"""With fewer workgroups in the first dimension than this, a grid has two dimensions."""


def gpu_kernel_text(plan: Plan, name: str, form: GpuForm, family: str) -> str:
    """Write the kernel of a plan for GPUs.

    Args:
        plan: the plan.
        name: of the function, as for a CPU.
        form: what a thread takes.
        family: the device family.
    """
    chip, graph = CHIPS[family], plan.graph
    sizes = workload(graph)
    block = Block()
    passed = [*sizes, *dict.fromkeys(table_sizes(graph))]
    block.lines += _constants(graph, passed)
    _grid(form, chip, block)
    block.lines += _segments(graph)
    bindings = _bindings(graph, block)
    inside = Block(block)
    code = ThreadCode(plan, form, chip, inside)
    exchange = Exchange(code)
    for v in graph.values():
        if v.op in REDUCTIONS:
            exchange.reduce(v)
    Stores(code).write()
    body = inside.lines
    if form.flat or chip.workgroups < FOLDED_GRID:  # it may have more than there are rows
        body = ["scf.if %any {", *(f"  {line}" for line in body), "}"]
    lines = [*exchange.memory, *block.lines, *bindings, *body]
    return _FORM.format(
        name=name,
        layout=pipeline_layout(graph, constants=len(passed)),
        facts=dispatch_facts(graph, overwritten(plan)),
        workload="".join(f", {size}: index" for size in sizes),
        count="\n".join(f"    {line}" for line in _count(graph, form, chip)),
        pipeline=chip.pipeline,
        threads=form.threads,
        lines="\n".join(f"      {line}" for line in lines),
        host=host_function(graph, name, passed=passed),
    )


_SIZE = re.compile(r"^%rows(\d+)$")

_FORM = """\
#layout = #hal.pipeline.layout<{layout}>
#threads = #iree_codegen.translation_info<pipeline = {pipeline} \
workgroup_size = [{threads}, 1, 1]>
hal.executable.source private @{name}_rows {{
  hal.executable.export public @{name} ordinal(0) layout(#layout) \
count(%device: !hal.device{workload}) -> (index, index, index) {{
{count}
  }} attributes {{{facts}}}
  builtin.module {{
    func.func @{name}() attributes {{translation_info = #threads}} {{
{lines}
      return
    }}
  }}
}}

{host}
"""


def _vectors(form: GpuForm) -> tuple[int, int]:
    """Return how many threads a row has, and how many of them a workgroup, if it is flat."""
    return (form.team, form.threads) if form.flat else (1, form.rows)


def _count(graph: Graph, form: GpuForm, chip: Chip) -> list[str]:
    """Write the numbers of workgroups."""
    each, taken = _vectors(form)
    sizes = workload(graph)
    return [
        "%one = arith.constant 1 : index",
        *(product("%rows", sizes) if graph.segments else []),
        f"%each = arith.constant {each} : index",
        f"%taken = arith.constant {taken} : index",
        "%parts = arith.muli %rows, %each : index",
        "%needed = arith.ceildivui %parts, %taken : index",
        f"%most = arith.constant {chip.workgroups} : index",
        "%first = arith.minui %needed, %most : index",
        "%second = arith.ceildivui %needed, %most : index",
        "hal.return %first, %second, %one : index, index, index",
    ]


def _constants(graph: Graph, passed: Sequence[str]) -> list[str]:
    """Write how many rows there are, and the other sizes that the host passes."""
    names = [_SIZE.sub(r"%count\1", name).replace("%rows", "%all") for name in passed]
    lines: list[str] = []
    for n, name in enumerate(names):
        load = f"hal.interface.constant.load layout(#layout) ordinal({n})"
        lines += [
            f"{name}_i32 = {load} : i32",
            f"{name} = arith.index_castui {name}_i32 : i32 to index",
        ]
    segments = len(graph.segments)
    return [*lines, *(product("%all", names[:segments]) if segments else [])]


def _segments(graph: Graph) -> list[str]:
    """Write the number of the row in each segment of the rows' dimensions."""
    lines: list[str] = []
    rest = "%row"
    for n in reversed(range(len(graph.segments))):
        lines.append(f"%id{n} = arith.remui {rest}, %count{n} : index")
        lines.append(f"%row_before{n} = arith.divui {rest}, %count{n} : index")
        rest = f"%row_before{n}"
    return lines


def _grid(form: GpuForm, chip: Chip, block: Block) -> None:
    """Write which row a thread has, and its number among those of the row.

    `%any` tells if the workgroup, or the thread of a flat form, has a row at all. Of a workgroup
    with several rows, a thread without one has the last row, and writes nothing.
    """

    def define(name: str, text: str, kind: str = "index") -> None:
        block.lines.append(f"{name} = {text}" + (f" : {kind}" if kind else ""))

    define("%thread", "gpu.thread_id x", "")
    define("%group", "hal.interface.workgroup.id[0]")
    group = "%group"
    if chip.workgroups < FOLDED_GRID:
        define("%second", "hal.interface.workgroup.id[1]")
        define("%before", f"arith.muli %second, {block.index(chip.workgroups)}")
        define("%number", "arith.addi %before, %group")
        group = "%number"
    team = block.index(form.team)
    if form.flat:
        define("%first", f"arith.muli {group}, {block.index(form.threads)}")
        define("%vector", "arith.addi %first, %thread")
        define("%row", f"arith.divui %vector, {team}")
        define("%lane", f"arith.remui %vector, {team}")
        define("%any", "arith.cmpi ult, %row, %all")
        return
    define("%first_row", f"arith.muli {group}, {block.index(form.rows)}")
    define("%any", "arith.cmpi ult, %first_row, %all")
    define("%team", f"arith.divui %thread, {team}")
    define("%lane", f"arith.remui %thread, {team}")
    define("%any_row", "arith.addi %first_row, %team")
    define("%is_row", "arith.cmpi ult, %any_row, %all")
    define("%last_row", f"arith.subi %all, {block.index(1)}")
    define("%row", "arith.minui %any_row, %last_row")


def _bindings(graph: Graph, block: Block) -> list[str]:
    """Name the memory of inputs and results."""
    zero = block.index(0)
    names = [(f"%in{i.argument}", input_memory(i), i.has_rows) for i in graph.inputs if i.is_bound]
    names += [(f"%index{n}", f"memref<{t}>", True) for n, t in enumerate(index_types(graph))]
    names += [(f"%out{n}", result_memory(r), True) for n, r in enumerate(graph.results)]
    return [
        f"{name} = hal.interface.binding.subspan layout(#layout) binding({number}) "
        f"offset({zero}) : {memory}{'{%all}' if has_rows else ''}"
        for number, (name, memory, has_rows) in enumerate(names)
    ]
