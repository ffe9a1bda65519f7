"""Ops made from a torch function over rows: a row kernel if there is one, else the traced form."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ir_runtime.device.machine_choice import group_elements, streaming_bytes
from ir_runtime.errors import GenerateError, IrRuntimeError, UnsupportedOperatorError
from ir_runtime.late_import import late_module
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.op_reg.call.kernel import run_select
from ir_runtime.op_reg.digest.op_digest import trace_digest
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.tensor_leaves import flatten_groups
from ir_runtime.op_reg.select.call_selection import CallSelection
from ir_runtime.op_reg.select.recorded_selection import (
    declare_recorded,
    forget_recorded,
    record_name,
    record_selection,
)
from ir_runtime.op_reg.select.selection import KernelSelection
from ir_runtime.op_reg.traced_op import TracedOp, declare_arguments, tensor_descs

if TYPE_CHECKING:
    from ir_runtime.op_reg.generate.builder import KernelBuilder
    from ir_runtime.rows import inlining, plan
    from ir_runtime.rows import trace as tracer
    from ir_runtime.rows.emit import grid
    from ir_runtime.rows.emit.grid import Form
    from ir_runtime.rows.gpu import centre, chip
    from ir_runtime.rows.gpu import form as gpu
    from ir_runtime.rows.gpu.form import GpuForm
    from ir_runtime.rows.value import Graph
else:  # a stored kernel whose selection is on record needs none of these
    inlining = late_module("ir_runtime.rows.inlining")
    plan = late_module("ir_runtime.rows.plan")
    tracer = late_module("ir_runtime.rows.trace")
    grid = late_module("ir_runtime.rows.emit.grid")
    centre = late_module("ir_runtime.rows.gpu.centre")
    chip = late_module("ir_runtime.rows.gpu.chip")
    gpu = late_module("ir_runtime.rows.gpu.form")

__all__ = ["RowOp", "form_of"]

_STREAMED = " streamed"


class RowOp(TracedOp):
    """An op that computes the same as a torch function; made by `traced_op`.

    Each selection traces the function at the sizes of the call, unless it is on record in the
    store. Calls with one graph share a kernel, whatever their rows are; a function that the rows
    kernels cannot compute has the kernels of `TracedOp`.

    Attributes:
        graph: the traced function of a selection; None if its kernel is of the traced form.
        why_traced: why it is of the traced form; "" if it is not.
        form: what a workgroup of a CPU takes; None for GPUs.
        gpu_form: what a thread of a GPU takes; None for CPUs.
        is_recorded: whether the selection was on record: the four above are not known then, until
            `trace_recorded` is called.
        record: the name of this record.
        is_broken: whether the function failed in a way of its own, which it may not do again.
    """

    graph: Graph | None = None
    why_traced: str = ""
    form: Form | None = None
    gpu_form: GpuForm | None = None
    is_recorded: bool = False
    record: str = ""
    is_broken: bool = False

    def select(self, ksel: KernelSelection) -> None:
        """Declare the arguments by their types, and the results as the trace has them."""
        assert isinstance(ksel, CallSelection)
        values = declare_arguments(ksel)
        name = self._record_name(ksel)
        if name is not None and declare_recorded(ksel, name):
            self.is_recorded, self.record = True, name
            return
        self._trace_call(ksel)
        if self.graph is None:
            self.declare_traced(ksel, values)
        else:
            self._declare_rows(ksel, self.graph)
        if name is not None and not self.is_broken:
            record_selection(ksel, name)

    def _record_name(self, ksel: CallSelection) -> str | None:
        """Return the name of the selection's record; state that the function reads may change."""
        if not all(type(size) is int for t in _tensors(ksel) for size in t.shape):
            return None
        traced = trace_digest(type(ksel.op))
        return None if traced is None else record_name(ksel, digest_of(_code(), traced))

    def _trace_call(self, ksel: CallSelection) -> None:
        try:
            self.graph = self._trace(ksel, _tensors(ksel))
        except UnsupportedOperatorError as error:
            place = f" ({error.place})" if error.place else ""
            self.why_traced = str(error).partition("\n")[0] + place
        except Exception as error:  # noqa: BLE001 - of user code; the traced form tells it better
            self.is_broken = True
            self.why_traced = f"no row kernel: {type(error).__name__}: {error}".partition("\n")[0]

    def trace_recorded(self, ksel: CallSelection) -> None:
        """Find out what a selection on record does not say: how the kernel is generated.

        Raises:
            GenerateError: the trace is not the one that was recorded.
        """
        if not self.is_recorded:
            return
        self.is_recorded = False
        self._trace_call(ksel)
        traced = "default" if self.graph is None else _variant(self.graph)
        if ksel.variant.removesuffix(_STREAMED) != traced:
            forget_recorded(self.record)
            raise GenerateError(
                f"{self.name}: its selection on record is of another kernel ({ksel.variant}, now "
                f"{traced}), must be of the same in each process",
                fix="call it again: the record is removed; if this comes back, let the function "
                "not depend on the order of sets or on other chance",
            )
        if self.graph is not None and ksel.device_family == "local":
            chosen = {name: int(form) for name, form in ksel.variants.items()}
            self.form = grid.chosen_form(chosen, streamed=ksel.variant.endswith(_STREAMED))

    def _declare_rows(self, ksel: CallSelection, graph: Graph) -> None:
        """Declare the sizes that are compiled in, the results, and the form of the kernel."""
        descs = flatten_groups([tensor_descs(desc) for desc in ksel.arg_descs])[0]
        for desc, source in zip(descs, graph.inputs, strict=True):
            if source.role == "table":
                desc.specialize_dims(-1)
            elif source.role == "broadcast":
                single = [n for n, size in enumerate(desc.t.shape) if size == 1]
                desc.specialize_dims(*single, -1)
            elif source.role in ("rows", "index"):
                _specialize(desc, source.inner, graph)
            else:
                desc.specialize_all_dims()
        for result in graph.results:
            desc = ksel.return_new_tensor(result.shape, result.dtype)
            _specialize(desc, result.inner, graph)
        ksel.variant = _variant(graph)
        if ksel.device_family == "local":
            self._choose_form(ksel, [d.t for d in descs])

    def _choose_form(self, ksel: CallSelection, tensors: Sequence[Tensor]) -> None:
        """Choose what a workgroup of a CPU takes."""
        assert self.graph is not None
        offered = grid.offered_forms(plan.make_plan(self.graph), group_elements(ksel.machine).size)
        chosen = {
            name: int(ksel.choose_variant(name, [f"{n}" for n in numbers]))
            for name, numbers in offered.items()
        }
        streamed = self._is_large(ksel, tensors)
        self.form = grid.chosen_form(chosen, streamed=streamed)
        ksel.variant += _STREAMED if self.form.streamed else ""

    def _is_large(self, ksel: CallSelection, tensors: Sequence[Tensor]) -> bool:
        """Tell whether the last cache cannot hold what the kernel reads and writes.

        Tensors of a call begin a cache line; results within a program may begin anywhere.
        """
        assert self.graph is not None
        made = plan.make_plan(self.graph)
        if ksel.within_program or made.by_columns or any(n >= 0 for n in made.kept.values()):
            return False  # a fence for few columns costs more; what is kept there is in the cache
        written = sum(math.prod(r.shape) * r.dtype.itemsize for r in self.graph.results)
        read = sum(t.nbytes for t in tensors)
        return read + written >= streaming_bytes(ksel.machine).size

    def _trace(self, ksel: CallSelection, tensors: Sequence[Tensor]) -> Graph:
        if not all(type(size) is int for t in tensors for size in t.shape):
            raise UnsupportedOperatorError("no row kernel: it has symbolic sizes")
        if any("[]" in str(r.type) for r in self.schema.returns):
            raise UnsupportedOperatorError("no row kernel: it returns a list")
        activations = flatten_groups(
            [[i in self.activations] * len(tensor_descs(d)) for i, d in enumerate(ksel.arg_descs)]
        )[0]
        rows = [number for number, is_row in enumerate(activations) if is_row]
        graph = tracer.trace(self.function_of_tensors(ksel), tensors, rows)
        if ksel.device_family != "local":
            self.gpu_form = gpu.gpu_form(centre.gpu_plan(graph), chip.CHIPS[ksel.device_family])
        return graph

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Write the row kernel, or trace the function."""
        assert isinstance(ksel, CallSelection)
        self.trace_recorded(ksel)
        if self.graph is None:
            super().generate(ksel, kb)
            return
        operands = flatten_groups(
            [kb.arg_value(i) for i, d in enumerate(ksel.arg_descs) if tensor_descs(d)]
        )[0]
        kb.yield_results(*inlining.call_graph(kb, self.graph, operands, self.form))


def _tensors(ksel: CallSelection) -> list[Tensor]:
    descs = flatten_groups([tensor_descs(desc) for desc in ksel.arg_descs])[0]
    return [desc.t for desc in descs]


@functools.cache
def _code() -> str:
    """Digest the code that selects: another version of it finds none of the records."""
    here = Path(__file__).parent
    beside = here.parent / "op_reg"
    others = (*beside.glob("traced_*.py"), *(beside / "select").glob("*.py"))
    files = [*sorted(here.rglob("*.py")), *sorted(others)]
    return digest_of(*(path.read_bytes() for path in files))


def _variant(graph: Graph) -> str:
    return f"rows {digest_of(graph.text())[:16]}"


def _specialize(desc: Any, inner: Sequence[int], graph: Graph) -> None:
    """Compile in the sizes that follow those of the rows, which are merged if none counts."""
    desc.specialize_dims(*range(-len(inner), 0))
    if not graph.segments:
        desc.merge_rows(keep=len(inner))


def form_of(op: Op, args: Sequence[Any]) -> str:
    """Return in words of which form the kernel of a call is.

    It is "" for an op that is neither, and on CPUs for one with `row_function`, whose kernel has
    no other form there.

    Args:
        op: a `RowOp`, or an op with a function `row_function(ksel)` that returns what its row
            kernels compute.
        args: all arguments in schema order.
    """
    if not (isinstance(op, RowOp) or hasattr(op, "row_function")):
        return ""
    try:
        ksel = run_select(op, args)
        made = ksel.own_op
        if isinstance(made, RowOp):
            made.trace_recorded(ksel)
    except IrRuntimeError:
        return ""  # the call itself would raise this error
    if not isinstance(made, RowOp):
        return "" if ksel.device_family == "local" else _form_on_gpu(made, ksel)
    if made.why_traced:
        return f"traced, {made.why_traced}"
    return f"a row kernel: {made.gpu_form.words()}" if made.gpu_form else "a row kernel"


def _form_on_gpu(op: Any, ksel: KernelSelection) -> str:
    """Return in words of which form a kernel for GPUs is."""
    descs = flatten_groups([tensor_descs(desc) for desc in ksel.arg_descs])[0]
    try:
        graph = tracer.trace(op.row_function(ksel), [d.t for d in descs], ())
        form = gpu.gpu_form(centre.gpu_plan(graph), chip.CHIPS[ksel.device_family])
        return f"a row kernel: {form.words()}"
    except UnsupportedOperatorError as error:
        return f"traced, {error}".partition("\n")[0]
