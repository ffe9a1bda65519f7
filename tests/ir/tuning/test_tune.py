"""`ir.tune`: what is measured, what becomes of it, and what a user's priority makes of that."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.errors import ArgumentError
from ir_runtime.settings import override_settings
from tests.ir.tuning.clock import noisy

X = torch.arange(8.0).reshape(2, 4)
SHAPES = ({"x": (2, 4)},)


def used(op, clock, *args) -> str:
    """Return the provider that computes a call."""
    clock.calls.clear()
    assert torch.equal(op(*args), args[0] + 1)
    (provider,) = clock.calls
    return provider


@pytest.mark.parametrize("wrap", [True, False])
def test_a_table_reorders_an_auto_priority_and_no_other(op, clock, wrap):
    with ir.enable_torch_wrap(wrap):
        assert used(op, clock, X) == "native"
        report = ir.tune(op, shapes=SHAPES, clock=clock)
        assert report.measured[0].ranking.order == ("quick", "even", "native")
        assert used(op, clock, X) == "quick"
        assert used(op, clock, torch.ones(3, 4)) == "native"  # of another class: batch 4
        assert used(op, clock, torch.ones(2, 6)) == "native"
        assert used(op, clock, X.double()) == "native"
        assert op.get_priority() == ["native"]
        with op.set_priority(["native"]):
            assert used(op, clock, X) == "native"
        with op.set_priority(["auto", "native", "even"]):
            assert used(op, clock, X) == "even"  # the first that was measured, of those
        op.set_default(["even", "native"])
        assert used(op, clock, X) == "even"


def test_auto_alone_stands_for_all_providers(op, clock):
    with op.set_priority(["auto"]):
        assert used(op, clock, X) == "native"
        ir.tune(op, shapes=SHAPES, clock=clock)
        assert used(op, clock, X) == "quick"


def test_calls_of_one_class_share_what_was_measured(op, clock):
    ir.tune(op, shapes=[{"x": (5, 4)}], clock=clock)
    assert [used(op, clock, torch.ones(n, 4)) for n in (5, 6, 8)] == ["quick"] * 3
    assert [used(op, clock, torch.ones(n, 4)) for n in (4, 9)] == ["native"] * 2
    assert used(op, clock, torch.ones(6, 4), None, 1.0) == "quick"  # floats do not count


def test_the_number_of_threads_counts(op, clock):
    before = torch.get_num_threads()
    ir.tune(op, shapes=SHAPES, clock=clock)
    try:
        assert used(op, clock, X) == "quick"
        torch.set_num_threads(before + 1)
        assert used(op, clock, X) == "native"
    finally:
        torch.set_num_threads(before)
    assert used(op, clock, X) == "quick"


def test_noise_does_not_flip_a_choice(op, clock):
    clock.costs.update(native=noisy(1000, 1040), quick=noisy(990, 1020), even=5000)
    assert ir.tune(op, shapes=SHAPES, clock=clock).measured[0].ranking.order[0] == "native"
    clock.costs.update(native=1000, quick=900)
    assert ir.tune(op, shapes=SHAPES, clock=clock).measured[0].ranking.order[0] == "quick"
    clock.costs.update(native=noisy(890, 910), quick=noisy(905, 925))
    assert ir.tune(op, shapes=SHAPES, clock=clock).measured[0].ranking.order[0] == "quick"
    assert used(op, clock, X) == "quick"


def test_a_wrong_provider_is_not_ranked_and_is_reported(op, clock):
    @op.register_impl("wrong")
    def wrong(x: Tensor, weight: Tensor | None = None, by: float = 1.0) -> Tensor:
        return x + by + 1

    @op.register_impl("broken")
    def broken(x: Tensor, weight: Tensor | None = None, by: float = 1.0) -> Tensor:
        raise KeyError("broken here")

    op.set_default(["auto", "wrong", "broken", "native"])
    report = ir.tune(op, shapes=SHAPES, clock=clock)
    left_out = report.measured[0].ranking.left_out
    assert left_out["wrong"].startswith("MismatchError: op shifted: provider wrong differs")
    assert left_out["broken"] == "KeyError: 'broken here'"
    assert left_out["iree"] == "the tests compile nothing"
    assert "left out  broken: KeyError" in str(report)
    assert used(op, clock, X) == "native"  # though `wrong` is first in the list
    assert "broken left out: KeyError: 'broken here'" in str(op.explain(X))


def test_explain_shows_the_times(op, clock):
    assert "measured" not in str(op.explain(X))
    ir.tune(op, shapes=SHAPES, clock=clock)
    words = str(op.explain(X))
    assert "measured  quick 0.50 us, even 0.80 us, native 1.00 us" in words
    assert f"order, for x=f32[2,4], threads={torch.get_num_threads()}, from " in words
    assert op.explain(X).chosen == "quick"
    with op.set_priority(["native"]):
        assert "not the order, which the priority sets" in str(op.explain(X))
    assert "tuned     no: not measured" in str(op.explain(torch.ones(2, 6)))


def test_a_function_is_measured_by_its_calls(op, clock):
    def model(x: Tensor) -> Tensor:
        return op(op(x)).sum() + op(torch.cat((x, x))).sum()

    report = ir.tune(model, shapes=[(2, 4)], clock=clock)
    assert [m.shape_class.split(", ")[0] for m in report.measured] == ["x=f32[2,4]", "x=f32[4,4]"]
    assert used(op, clock, X) == "quick"
    assert str(ir.tune(lambda: None)) == "no call of an IR op was seen"


def test_changed_code_of_a_provider_makes_its_times_void(op, clock):
    ir.tune(op, shapes=SHAPES, clock=clock)

    def other(x: Tensor, weight: Tensor | None = None, by: float = 1.0) -> Tensor:
        clock.spend("quick")
        return by + x

    del op.impls["quick"]
    op.register_impl("quick")(other)
    op.set_default(["auto", "native", "quick"])
    assert used(op, clock, X) == "native"
    assert "measured with other code of provider quick" in str(op.explain(X))


def test_shadow_mode_compares_the_measured_choice(op, clock):
    ir.tune(op, shapes=SHAPES, clock=clock)
    with override_settings(check="shadow"):
        clock.calls.clear()
        op(X)
    assert set(clock.calls) == {"quick", "native"}


def test_batch_sizes_of_a_user_come_first(op, clock):
    ir.tune(op, shapes=[{"x": (2, 4)}, {"x": (8, 4)}], clock=clock)
    with op.set_priority(["even", "native"], batch_sizes=(1, 4)):
        assert used(op, clock, X) == "even"
        assert used(op, clock, torch.ones(8, 4)) == "quick"


def test_a_pinned_table_is_not_measured_into(op, clock, tmp_path):
    with (
        override_settings(tuned_table=tmp_path / "pinned.json"),
        pytest.raises(ArgumentError, match="must be unset to measure"),
    ):
        ir.tune(op, shapes=SHAPES, clock=clock)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((1, 2, 3), "has 3 numbers, must have 2"), ({"weight": (4,)}, "must be given by name")],
)
def test_shapes_that_do_not_fit(op, clock, shape, message):
    with pytest.raises(ArgumentError, match=message):
        ir.tune(op, shapes=[shape], clock=clock)


def test_traced_calls_keep_the_list(op, clock):
    """A compiler that traces through the op sees the order of the list."""
    ir.tune(op, shapes=SHAPES, clock=clock)
    for wrap, provider in ((False, "native"), (True, "quick")):
        graphs = []

        def backend(module, inputs, graphs=graphs):
            graphs.append(module.code)
            return module.forward

        with ir.enable_torch_wrap(wrap):
            compiled = torch.compile(lambda x: op(x) * 1, backend=backend, fullgraph=wrap)
            clock.calls.clear()
            assert torch.equal(compiled(X), X + 1)
        assert len(graphs) > 0
        assert provider in clock.calls
        torch._dynamo.reset()
