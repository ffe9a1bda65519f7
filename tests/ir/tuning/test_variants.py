"""Forms of a kernel that `select` offers: part of the selection, measured, chosen by the table."""

from __future__ import annotations

import shutil

import pytest
import torch
from torch import Tensor

from ir_runtime import CustomOp, MlirTemplate, ir
from ir_runtime.errors import RegistrationError
from ir_runtime.ir.tuning.ranking import Ranking
from ir_runtime.ir.tuning.table_file import table_files
from ir_runtime.ir.tuning.tables import tables
from ir_runtime.launch.artifact.entry_files import write_own_file
from ir_runtime.op_reg.call.kernel import run_select
from ir_runtime.settings import override_settings

ADD = """
!x = tensor<?xf32>
#id = affine_map<(i) -> (i)>

util.func private @plus(%x: !x) -> !x {
  %one = arith.constant 1.0 : f32
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : !x) outs(%x : !x) {
  ^bb0(%v: f32, %_: f32):
    %r = arith.addf %v, %one : f32
    linalg.yield %r : f32
  } -> !x
  util.return %y : !x
}
"""
X = torch.arange(4.0)


@pytest.fixture
def op(store, library):
    @ir.register_op
    def plus(x: Tensor) -> Tensor:
        return x + 1

    own = torch.library.Library(f"{library.ns}_kernels", "FRAGMENT")

    @ir.register_kernel(plus, constraints=[ir.dtypes("x", torch.float32)], library=own)
    class PlusKernel(CustomOp):
        signature = "plus(Tensor x) -> Tensor"

        def select(self, ksel):
            x = ksel.arg_tensor(0)
            ksel.choose_variant("order", ("forward", "swapped"))
            ksel.return_new_tensor(x.t.shape, x.t.dtype)

        def generate(self, ksel, kb):
            forward = ksel.variants["order"] == "forward"
            text = ADD if forward else ADD.replace("%v, %one", "%one, %v")
            template = MlirTemplate("plus", text)
            kb.yield_results(kb.inline_mlir(template, {"!x": ksel.arg_descs[0]}, kb.arg_value(0)))

    plus.set_default(["auto", "iree", "native"])
    plus.kept = own
    yield plus
    tables.forget()


def kernel_of(op):
    return op.impls["iree"].written_kernel


def form(op, x=X) -> dict[str, str]:
    return run_select(kernel_of(op), [x]).variants


def test_the_table_chooses_a_form_and_a_provider(op):
    assert form(op) == {"order": "forward"}
    before = op.explain(X).kernel.kernel
    report = ir.tune(op, shapes=[{"x": (4,)}], rounds=3)
    (measured,) = report.measured
    assert set(measured.ranking.order) == {"iree:order=forward", "iree:order=swapped", "native"}
    for choice, provider in (("iree:order=swapped", "iree"), ("native", "native")):
        times = {choice: 1.0, "iree:order=forward": 2.0}
        tables.record(op, (X,), Ranking(tuple(times), times))
        assert op.dispatch(X).provider == provider
        assert torch.equal(op(X), X + 1)
    tables.record(op, (X,), Ranking(("iree:order=swapped",), {"iree:order=swapped": 1.0}))
    assert form(op) == {"order": "swapped"}
    assert form(op, torch.ones(5)) == {"order": "forward"}  # of another class
    assert op.explain(X).kernel.kernel != before
    with op.set_priority(["iree"]):  # whose form is the table's, too
        assert torch.equal(op(X), X + 1)
        assert op.explain(X).kernel.kernel != before


def test_a_table_that_another_process_made_is_seen_at_the_next_new_call(op, store, monkeypatch):
    tables.record(op, (X,), Ranking(("native",), {"native": 1.0}))
    (path,) = table_files(store.root)
    data, seconds = path.read_bytes(), [tables._looked_s]
    shutil.rmtree(path.parent)
    tables.forget()
    monkeypatch.setattr(tables, "_clock", lambda: seconds[0])
    op(X)
    assert not tables.active
    path.parent.mkdir(mode=0o700)
    write_own_file(path, data)
    seconds[0] += 2
    op(X)  # remembered: nobody looks
    assert op.dispatch(X).provider == "iree"
    op(torch.ones(6))
    assert op.dispatch(X).provider == "native"


def test_a_form_that_is_offered_no_more_is_the_default(op):
    choice = "iree:order=gone"
    tables.record(op, (X,), Ranking((choice,), {choice: 1.0}))
    assert form(op) == {"order": "forward"}
    assert torch.equal(op(X), X + 1)


def test_forms_tell_selections_apart(op):
    def key() -> str:
        return run_select(kernel_of(op), [X]).spec_key

    assert key().endswith(" order=forward")
    tables.record(op, (X,), Ranking(("iree:order=swapped",), {"iree:order=swapped": 1.0}))
    assert key().endswith(" order=swapped")
    with override_settings(store=tables_store()):
        assert key().endswith(" order=forward")


def tables_store():
    from pathlib import Path

    return Path("/nonexistent/store")


@pytest.mark.parametrize(
    ("name", "choices", "problem"),
    [
        ("a b", ("x",), "is no identifier"),
        ("a", (), "must be one or more words"),
        ("a", ("x", "x"), "each once"),
        ("a", ("x,y",), "must be one or more words"),
        ("order", ("x",), "is offered twice"),
    ],
)
def test_forms_that_are_not_well_formed(op, name, choices, problem):
    ksel = run_select(kernel_of(op), [X])
    with pytest.raises(RegistrationError, match=problem):
        ksel.choose_variant(name, choices)
