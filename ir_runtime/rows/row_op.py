"""Ops made from a torch function over rows: a row kernel if there is one, else the traced form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ir_runtime.device.machine_choice import group_elements, streaming_bytes
from ir_runtime.errors import IrRuntimeError, UnsupportedOperatorError
from ir_runtime.late_import import late_module
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.op_reg import KernelBuilder, KernelSelection
from ir_runtime.op_reg.call.kernel import run_select
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.tensor_leaves import flatten_groups
from ir_runtime.op_reg.select.call_selection import CallSelection
from ir_runtime.op_reg.traced_op import TracedOp, declare_arguments, tensor_descs
from ir_runtime.rows.emit.grid import Form, chosen_form, offered_forms
from ir_runtime.rows.plan import make_plan
from ir_runtime.rows.trace import trace
from ir_runtime.rows.value import Graph

if TYPE_CHECKING:
    from ir_runtime.rows import inlining
    from ir_runtime.rows.gpu import centre, chip
    from ir_runtime.rows.gpu import form as gpu
    from ir_runtime.rows.gpu.form import GpuForm
else:  # a stored kernel for a CPU needs none of these
    inlining = late_module("ir_runtime.rows.inlining")
    centre = late_module("ir_runtime.rows.gpu.centre")
    chip = late_module("ir_runtime.rows.gpu.chip")
    gpu = late_module("ir_runtime.rows.gpu.form")

__all__ = ["RowOp", "form_of"]


class RowOp(TracedOp):
    """An op that computes the same as a torch function; made by `traced_op`.

    Each selection traces the function at the sizes of the call. Calls with one graph share a
    kernel, whatever their rows are; a function that the rows kernels cannot compute has the
    kernels of `TracedOp`.

    Attributes:
        graph: the traced function of a selection; None if its kernel is of the traced form.
        why_traced: why it is of the traced form; "" if it is not.
        form: what a workgroup of a CPU takes; None for GPUs.
        gpu_form: what a thread of a GPU takes; None for CPUs.
    """

    graph: Graph | None = None
    why_traced: str = ""
    form: Form | None = None
    gpu_form: GpuForm | None = None

    def select(self, ksel: KernelSelection) -> None:
        """Declare the arguments by their types, and the results as the trace has them."""
        assert isinstance(ksel, CallSelection)
        values = declare_arguments(ksel)
        descs = flatten_groups([tensor_descs(desc) for desc in ksel.arg_descs])[0]
        try:
            self.graph = self._trace(ksel, [d.t for d in descs])
        except UnsupportedOperatorError as error:
            place = f" ({error.place})" if error.place else ""
            self.why_traced = str(error).partition("\n")[0] + place
        except Exception as error:  # noqa: BLE001 - of user code; the traced form tells it better
            self.why_traced = f"no row kernel: {type(error).__name__}: {error}".partition("\n")[0]
        if self.graph is None:
            self.declare_traced(ksel, values)
            return
        for desc, source in zip(descs, self.graph.inputs, strict=True):
            if source.role == "table":
                desc.specialize_dims(-1)
            elif source.role == "broadcast":
                single = [n for n, size in enumerate(desc.t.shape) if size == 1]
                desc.specialize_dims(*single, -1)
            elif source.role in ("rows", "index"):
                _specialize(desc, source.inner, self.graph)
            else:
                desc.specialize_all_dims()
        for result in self.graph.results:
            desc = ksel.return_new_tensor(result.shape, result.dtype)
            _specialize(desc, result.inner, self.graph)
        ksel.variant = f"rows {digest_of(self.graph.text())[:16]}"
        if ksel.device_family == "local":
            self._choose_form(ksel, [d.t for d in descs])

    def _choose_form(self, ksel: CallSelection, tensors: Sequence[Tensor]) -> None:
        """Choose what a workgroup of a CPU takes."""
        assert self.graph is not None
        offered = offered_forms(make_plan(self.graph), group_elements(ksel.machine).size)
        chosen = {
            name: int(ksel.choose_variant(name, [f"{n}" for n in numbers]))
            for name, numbers in offered.items()
        }
        streamed = self._is_large(ksel, tensors)
        self.form = chosen_form(chosen, streamed=streamed)
        ksel.variant += " streamed" if self.form.streamed else ""

    def _is_large(self, ksel: CallSelection, tensors: Sequence[Tensor]) -> bool:
        """Tell whether the last cache cannot hold what the kernel reads and writes.

        Tensors of a call begin a cache line; results within a program may begin anywhere.
        """
        assert self.graph is not None
        plan = make_plan(self.graph)
        if ksel.within_program or plan.by_columns or any(n >= 0 for n in plan.kept.values()):
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
        graph = trace(self.function_of_tensors(ksel), tensors, rows)
        if ksel.device_family != "local":
            self.gpu_form = gpu.gpu_form(centre.gpu_plan(graph), chip.CHIPS[ksel.device_family])
        return graph

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Write the row kernel, or trace the function."""
        if self.graph is None:
            super().generate(ksel, kb)
            return
        operands = flatten_groups(
            [kb.arg_value(i) for i, d in enumerate(ksel.arg_descs) if tensor_descs(d)]
        )[0]
        kb.yield_results(*inlining.call_graph(kb, self.graph, operands, self.form))


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
    except IrRuntimeError:
        return ""  # the call itself would raise this error
    made = ksel.own_op
    if not isinstance(made, RowOp):
        return "" if ksel.device_family == "local" else _form_on_gpu(made, ksel)
    if made.why_traced:
        return f"traced, {made.why_traced}"
    return f"a row kernel: {made.gpu_form.words()}" if made.gpu_form else "a row kernel"


def _form_on_gpu(op: Any, ksel: KernelSelection) -> str:
    """Return in words of which form a kernel for GPUs is."""
    descs = flatten_groups([tensor_descs(desc) for desc in ksel.arg_descs])[0]
    try:
        graph = trace(op.row_function(ksel), [d.t for d in descs], ())
        form = gpu.gpu_form(centre.gpu_plan(graph), chip.CHIPS[ksel.device_family])
        return f"a row kernel: {form.words()}"
    except UnsupportedOperatorError as error:
        return f"traced, {error}".partition("\n")[0]
