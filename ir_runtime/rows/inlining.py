"""`inline`: a torch function over rows becomes a kernel inside of `generate`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.errors import GenerateError
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.op_reg import KernelBuilder, MlirTemplate
from ir_runtime.op_reg.select.argument_name import arguments_like
from ir_runtime.rows.emit.grid import COLUMNS, Form, usual_form
from ir_runtime.rows.emit.kernel_text import kernel_text
from ir_runtime.rows.gpu.centre import gpu_plan
from ir_runtime.rows.gpu.chip import CHIPS
from ir_runtime.rows.gpu.form import gpu_form
from ir_runtime.rows.gpu.kernel_text import gpu_kernel_text
from ir_runtime.rows.plan import make_plan
from ir_runtime.rows.row_shape import as_rows, assert_row_sizes, from_rows, one_column
from ir_runtime.rows.trace import trace
from ir_runtime.rows.value import Graph

if TYPE_CHECKING:
    from iree.compiler.ir import Value

__all__ = ["call_graph", "inline"]


def inline(
    kb: KernelBuilder,
    fn: Callable[..., Any],
    *operands: Value,
    like: Sequence[Tensor] = (),
    streamed: bool = False,
    columns: int = COLUMNS,
) -> Any:
    """Write the row kernel of a torch function, and call it.

    All operands with the most dimensions have rows; their leading dimensions must be equal. The
    others are shared by all rows, broadcast to them, have one element for each row, one row for all
    groups of a row, or are tables and indices; see `docs/rows.md`.

    Args:
        kb: the builder.
        fn: takes a tensor for each operand, returns a tensor or several; see `docs/rows.md` for
            what it may do.
        operands: tensors; the last dimension is static.
        like: a tensor for each operand, for shapes and dtypes; default: the call's own tensors,
            if all operands are arguments of the kernel.
        streamed: on a CPU, whether results are written past the cache, where they are whole cache
            lines; only for results that begin one, which those within a program need not.
        columns: on a CPU, how many of a row a workgroup takes, if no number of the whole row is
            needed.

    Returns:
        The result value, or a list if there are several.

    Raises:
        UnsupportedOperatorError: `fn` is beyond row kernels, or beyond those for GPUs; the message
            has operator and line.
        GenerateError: it computes something else with another number of rows, or a size of a row
            is dynamic. A call whose operands do not have the same rows raises an error, too.
    """
    tensors = tuple(like) or arguments_like(kb.ksel, kb.arg_bindings, operands)
    tensors = None if tensors is None else tuple(map(_with_known_sizes, tensors))
    if tensors is None:
        raise GenerateError(
            f"{kb.ksel.op.name}: rows.inline has operands that are no arguments, must know shapes",
            fix="pass `like`, a tensor for each operand",
        )
    graph = trace(fn, tensors, ())
    with_rows = [i.argument for i in graph.inputs if i.role in ("rows", "index")]
    if trace(fn, _with_other_rows(tensors, graph), with_rows).text() != graph.text():
        raise GenerateError(
            f"{kb.ksel.op.name}: the function of rows.inline depends on the number of rows, "
            "must not: one kernel serves all numbers"
        )
    _check_static(kb, graph, tensors, operands)
    assert_row_sizes(kb, graph, tensors, operands)
    form = None
    if kb.ksel.device_family == "local":
        form = dataclasses.replace(usual_form(make_plan(graph), columns), streamed=streamed)
    found = call_graph(kb, graph, operands, form)
    return found[0] if len(found) == 1 else found


def _with_known_sizes(tensor: Tensor) -> Tensor:
    """Return a meta tensor with numbers for open sizes, as the rows of a program have them.

    Equal symbols have equal numbers. A size of 1 would be broadcast, so there is none.
    """
    if all(type(size) is int for size in tensor.shape):
        return tensor
    sizes = [size if type(size) is int else _number_of(size) for size in tensor.shape]
    return torch.empty(sizes, dtype=tensor.dtype, device="meta")


def _number_of(size: Any) -> int:
    known = size.node.hint if size.node.has_hint() else int(digest_of(str(size))[:2], 16)
    return 2 + known


def _check_static(
    kb: KernelBuilder, graph: Graph, tensors: Sequence[Tensor], operands: Sequence[Value]
) -> None:
    """Refuse operands whose sizes of a row are not compiled in."""
    from iree.compiler.ir import RankedTensorType

    for source, tensor in zip(graph.inputs, tensors, strict=True):
        kind = RankedTensorType(operands[source.argument].type)
        for dim in range(tensor.ndim - len(source.inner), tensor.ndim):
            if kind.is_dynamic_dim(dim):
                raise GenerateError(
                    f"{kb.ksel.op.name}: dimension {dim} of operand {source.argument} of "
                    "rows.inline is dynamic, must be static: it is a part of the row",
                    fix=f"specialize_dims({dim}) of the argument in `select`",
                )


def _with_other_rows(tensors: Sequence[Tensor], graph: Graph) -> list[Tensor]:
    """Return meta tensors with more rows."""
    found = []
    for tensor, source in zip(tensors, graph.inputs, strict=True):
        has_rows = source.role in ("rows", "index", "broadcast")
        rank = tensor.ndim - len(source.inner) if has_rows else 0
        lead = (size if size == 1 else 2 * size + 1 for size in tensor.shape[:rank])
        shape = (*lead, *tensor.shape[rank:])
        found.append(torch.empty(shape, dtype=tensor.dtype, device="meta"))
    return found


def call_graph(
    kb: KernelBuilder, graph: Graph, operands: Sequence[Value], form: Form | None = None
) -> list[Value]:
    """Write the kernel of a graph and call it.

    Args:
        kb: the builder.
        graph: the traced function.
        operands: one for each input, of any rank.
        form: what a workgroup of a CPU takes; default: the usual.

    Returns:
        The results, in the shapes of the function.

    Raises:
        UnsupportedOperatorError: there is no such kernel for the device family.
    """
    name, text = _named_text(graph, form, kb.ksel.device_family)
    flat = [
        as_rows(kb, operand, source.inner if source.role != "shared" else ())
        for operand, source in zip(operands, graph.inputs, strict=True)
    ]
    safe = [kb.checked_index(flat[g.index], flat[g.table], wraps=g.wraps) for g in graph.gathers]
    if kb.ksel.device_family != "local":  # the kernel itself moves them into range
        safe = [flat[g.index] for g in graph.gathers]
    leader = graph.leader
    like = one_column(kb, operands[leader.argument], leader.inner)
    if graph.segments:  # the kernel looks at each size
        flat[leader.argument] = like
    bound = [x for x, i in zip(flat, graph.inputs, strict=True) if i.is_bound]
    found = kb.inline_mlir(MlirTemplate(name, text), {}, *bound, *safe, function=name)
    return [
        from_rows(kb, y, result.inner, like)
        for y, result in zip(
            found if isinstance(found, list) else [found], graph.results, strict=True
        )
    ]


def _named_text(graph: Graph, form: Form | None, family: str) -> tuple[str, str]:
    """Return the name and the text of a kernel.

    Names of the executables' functions are the names of a library: each graph has its own.
    """
    if family == "local":
        plan = make_plan(graph)
        form = form or usual_form(plan)
        name = f"rows_{digest_of(graph.text(), repr(form))[:16]}"
        return name, kernel_text(plan, name, form)
    plan = gpu_plan(graph)
    gpu = gpu_form(plan, CHIPS[family])
    name = f"rows_{digest_of(graph.text(), repr(gpu))[:16]}"
    return name, gpu_kernel_text(plan, name, gpu, family)
