"""Selections of row kernels on record: a stored kernel is found without a trace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from ir_runtime.device.machine import code_for, this_machine
from ir_runtime.errors import GenerateError, UndescribedStateError
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.call.kernel import kernel_source, run_select
from ir_runtime.op_reg.digest.op_digest import trace_digest
from ir_runtime.op_reg.op.op_arguments import fill_example
from ir_runtime.op_reg.select.call_selection import CallSelection, use_variants
from ir_runtime.rows import trace as tracer
from ir_runtime.settings import override_settings
from tests.row_kernels import natives
from tests.row_kernels.kernel import form, kernel_of

X = torch.randn(2, 3, 8)


def cumulative(x: Tensor) -> Tensor:
    return x.cumsum(-1)


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was traced, from now on."""
    found, trace = [], tracer.trace
    monkeypatch.setattr(tracer, "trace", lambda *args: found.append(args) or trace(*args))
    return found


def select(op: Any, *args: Any) -> CallSelection:
    found = ALL_CUSTOM_OP_REGS[op.default._schema.name]
    return run_select(found, fill_example(found, args))


def records(root: Path) -> list[Path]:
    return sorted((root / "v1" / ".selections").glob("*"))


@pytest.mark.parametrize(
    ("fn", "args"),
    [
        (natives.statistics, (X,)),
        (natives.rms_norm, (X, torch.randn(8), 1e-5)),
        (natives.softmax, (torch.randn(64, 8),)),
        (cumulative, (X,)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_selection_from_the_record_is_the_same(fn, args, store, traces):
    op = kernel_of(fn)
    traced = select(op, *args)
    assert len(traces) == 1
    found = select(op, *args)
    assert len(traces) == 1
    assert found.spec_key == traced.spec_key
    assert found.offered_variants == traced.offered_variants
    for one, other in zip(found.result_descs, traced.result_descs, strict=True):
        assert one.t.shape == other.t.shape
        assert one.mlir_type_asm == other.mlir_type_asm
    assert form(op, *args).startswith("traced" if fn is cumulative else "a row kernel")
    assert len(traces) == 2  # words are of a trace
    if fn is not cumulative:
        assert kernel_source(found.op, found) == kernel_source(traced.op, traced)


def test_whatever_the_trace_depends_on_has_a_record_of_its_own(store, traces):
    op, x, weight = kernel_of(natives.rms_norm), torch.randn(64, 8), torch.randn(8)
    select(op, x, weight)
    for other in (x[:2], x.double(), x[0], x.view(2, 32, 8)):
        select(op, other, weight)
    select(op, x, weight, 1e-5)
    with use_variants({"rows": "1"}):
        assert select(op, x, weight).variants == {"rows": "1"}
    torch.set_default_dtype(torch.float64)
    try:
        select(op, x, weight)
    finally:
        torch.set_default_dtype(torch.float32)
    with code_for(replace(this_machine(), l3_bytes=256)):
        assert select(op, x, weight).variant.endswith("streamed")
    select(kernel_of(natives.gelu), x)
    assert len(traces) == len(records(store.root)) == 10


@pytest.mark.parametrize("damage", ["cut", "other bytes", "of another call", "a directory"])
def test_damaged_record_is_not_used(damage, store, traces):
    op = kernel_of(natives.softmax)
    expected = select(op, X).spec_key
    (path,) = records(store.root)
    data = path.read_bytes()
    if damage == "a directory":
        path.unlink()
        path.mkdir()
    elif damage == "of another call":
        select(op, X[0])
        (other,) = set(records(store.root)) - {path}
        other.replace(path)
    else:
        path.write_bytes(data[:40] if damage == "cut" else data.replace(b"rows", b"rows "))
    before = len(traces)
    assert select(op, X).spec_key == expected
    assert len(traces) == before + 1
    if damage != "a directory":
        assert path.read_bytes() == data  # it is written anew


def test_base_store_has_records_that_nobody_writes(tmp_path, store, traces):
    op = kernel_of(natives.softmax)
    select(op, X)
    with override_settings(store=tmp_path / "mine", base_stores=(store.root,)):
        select(op, X)
    assert len(traces) == 1
    assert not (tmp_path / "mine").exists()
    (path,) = records(store.root)
    path.parent.chmod(0o777)  # others could change it now
    select(op, X)
    assert len(traces) == 2


def test_store_that_cannot_be_written_keeps_nothing(tmp_path, traces):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with override_settings(store=blocked):
        for _ in range(2):
            select(kernel_of(natives.softmax), X)
    assert len(traces) == 2


def test_fake_tensors_and_failures_of_user_code_leave_no_record(store):
    with FakeTensorMode() as mode:
        select(kernel_of(natives.softmax), mode.from_tensor(X))
    select(kernel_of(natives.softmax), X.to("meta"))

    def broken(x: Tensor) -> Tensor:
        if type(x) is not Tensor and "RowTensor" in type(x).__name__:
            raise RuntimeError("today only")
        return x * 2

    assert "today only" in form(kernel_of(broken), X)
    assert records(store.root) == []


def test_state_that_changes_has_a_record_for_each_value(store, traces):
    state = {"factor": 2.0}

    def scaled(x: Tensor) -> Tensor:
        return x * state["factor"]

    op = kernel_of(scaled)
    first = select(op, X).variant
    state["factor"] = 5.0
    assert select(op, X).variant != first
    state["factor"] = 2.0
    assert select(op, X).variant == first
    assert (len(traces), len(records(store.root))) == (2, 2)


def test_torch_op_of_others_leaves_no_record(store):
    """Its code is not described, and a trace goes through it."""
    library = torch.library.Library("tests_strange", "FRAGMENT")
    library.define("twice(Tensor x) -> Tensor")
    library.impl("twice", lambda x: x * 2.0, "CompositeImplicitAutograd")
    held = torch.ops.tests_strange.twice

    def named(x: Tensor) -> Tensor:
        return torch.ops.tests_strange.twice(x) + 1

    def from_outside(x: Tensor) -> Tensor:
        return held(x) + 1

    for function in (named, from_outside):
        assert form(kernel_of(function), X) == "a row kernel"
    assert records(store.root) == []


def test_record_of_another_trace_is_removed(store):
    op = kernel_of(natives.softmax)
    select(op, X)
    found = select(op, X)
    found.variant = "rows 0123456789abcdef"
    with pytest.raises(GenerateError, match="call it again: the record is removed"):
        kernel_source(found.op, found)
    assert records(store.root) == []


def test_code_without_a_digest_has_no_record(store):
    class Held:
        def __reduce__(self):
            raise TypeError

    held = Held()
    held.file = Path(__file__).open()  # noqa: SIM115 - no key can hold it

    def scaled(x: Tensor) -> Tensor:
        return x * (2.0 if held.file.closed else 3.0)

    held.file.close()
    with pytest.raises(UndescribedStateError):
        kernel_of(scaled)
    found = ALL_CUSTOM_OP_REGS[kernel_of(natives.softmax).default._schema.name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(found), "native", staticmethod(scaled))
        assert trace_digest(type(found)) is None
