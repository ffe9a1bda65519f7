"""A priority for a range of batch sizes; it holds in compiled graphs."""

from __future__ import annotations

import pytest
import torch
import torch._dynamo.testing
from torch import Tensor

from ir_runtime import ir
from tests.ir.ops import make_scaled, wrapped


@pytest.fixture
def op():
    op = make_scaled()

    @op.register_impl("small")
    def small(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor + 1

    @op.register_impl("large")
    def large(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor + 2

    return op


def rows(n: int) -> Tensor:
    return torch.zeros(n, 3)


@pytest.mark.parametrize("on", [True, False])
def test_provider_by_batch_size(op, on):
    with op.set_priority(["large"]), op.set_priority(["small"], batch_sizes=(1, 64)), wrapped(on):
        assert [op(rows(n))[0, 0].item() for n in (1, 64, 65, 1000)] == [1, 1, 2, 2]
        assert op(rows(0)).shape == (0, 3)
        assert op.dispatch(rows(0)).provider == "large"
        assert op.dispatch(rows(64)).provider == "small"


def test_outside_the_range_is_as_before(op):
    with op.set_priority(["small"], batch_sizes=(1, 64)):
        assert op.dispatch(rows(1)).provider == "small"
        assert op.dispatch(rows(65)).provider == "native"
    assert op.get_priority() == []


def test_open_range(op):
    with op.set_priority(["small"]), op.set_priority(["large"], batch_sizes=(65, None)):
        assert op.dispatch(rows(64)).provider == "small"
        assert op.dispatch(rows(1 << 20)).provider == "large"


def test_latest_range_comes_first(op):
    with (
        op.set_priority(["small"], batch_sizes=(1, 64)),
        op.set_priority(["large"], batch_sizes=(8, 8)),
    ):
        assert [op.dispatch(rows(n)).provider for n in (7, 8, 9, 65)] == [
            "small",
            "large",
            "small",
            "native",
        ]


def test_default_by_batch_size(op):
    op.set_default(["large"])
    op.set_default(["small"], batch_sizes=(1, 64))
    assert op.dispatch(rows(64)).provider == "small"
    assert op.dispatch(rows(65)).provider == "large"
    op.set_default(["native"])
    assert op.dispatch(rows(64)).provider == "native", "a list for all sizes replaces it"


def test_batch_is_that_of_the_first_activation():
    @ir.register_op
    def weighed(weight: Tensor, x: Tensor) -> Tensor:
        return weight * x

    @weighed.register_impl("mine")
    def mine(weight: Tensor, x: Tensor) -> Tensor:
        return weight * x

    with weighed.set_priority(["mine"], batch_sizes=(4, 4)):
        assert weighed.dispatch(torch.ones(3), torch.ones(4, 3)).provider == "mine"
        assert weighed.dispatch(torch.ones(4), torch.ones(3, 4)).provider == "native"
        assert weighed.dispatch(torch.ones(4), torch.ones(())).provider == "native"


def test_batch_of_a_list():
    """That of its first tensor."""

    @ir.register_op
    def total(xs: list[Tensor], last: Tensor) -> Tensor:
        return sum(xs, last)

    @total.register_impl("mine")
    def mine(xs: list[Tensor], last: Tensor) -> Tensor:
        return sum(xs, last)

    with total.set_priority(["mine"], batch_sizes=(4, 4)):
        assert total.dispatch([rows(4), rows(1)], rows(1)).provider == "mine"
        assert total.dispatch([rows(1), rows(4)], rows(1)).provider == "native"
        assert torch.equal(total([], rows(1)), rows(1))


@pytest.mark.parametrize("sizes", [(5, 4), (-1, 4)])
def test_sizes_that_are_no_range(op, sizes):
    with pytest.raises(AssertionError, match=r"must be \(first, last\)"):
        op.set_default(["small"], batch_sizes=sizes)
    assert op.get_priority() == []


def test_op_without_activations():
    @ir.register_op
    def doubled(a: Tensor) -> Tensor:
        return a * 2

    with pytest.raises(AssertionError, match="it has no activation"):
        doubled.set_default(["native"], batch_sizes=(1, 2))


def test_explained(op):
    with op.set_priority(["large"]), op.set_priority(["small"], batch_sizes=(1, 64)):
        inside, outside = op.explain(rows(4)), op.explain(rows(65))
    assert (inside.chosen, inside.batch_sizes) == ("small", (1, 64))
    assert "small (context for batch sizes 1 to 64)" in str(inside)
    assert (outside.chosen, outside.batch_sizes) == ("large", None)


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_holds_in_a_compiled_graph(op, backend, fresh_compiler):
    """Dynamic shapes, one graph."""
    graphs = torch._dynamo.testing.CompileCounterWithBackend(backend)
    compiled = torch.compile(lambda x: op(x) * 10, backend=graphs, dynamic=True, fullgraph=True)
    with op.set_priority(["large"]), op.set_priority(["small"], batch_sizes=(1, 64)):
        assert compiled(rows(2))[0, 0].item() == 10
        once = graphs.frame_count
        assert [compiled(rows(n))[0, 0].item() for n in (64, 65, 200)] == [10, 20, 20]
    assert compiled(rows(2))[0, 0].item() == 0, "no priority is set: native"
    assert graphs.frame_count == once


def test_another_priority_after_compile(op, fresh_compiler):
    """With wrap on the graph holds the op, which asks at each call."""
    graphs = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(lambda x: op(x), backend=graphs, fullgraph=True)
    for provider, value in [("small", 1), ("large", 2), ("native", 0)]:
        with op.set_priority([provider]):
            assert compiled(rows(3))[0, 0].item() == value
    assert graphs.frame_count == 1


def test_another_priority_after_compile_past_torch(op, fresh_compiler):
    """With wrap off the provider is in the graph: another list, another graph."""
    graphs = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(lambda x: op(x), backend=graphs, fullgraph=True)
    with wrapped(False):
        for provider, value in [("small", 1), ("large", 2), ("small", 1), ("native", 0)]:
            with op.set_priority([provider]):
                assert compiled(rows(3))[0, 0].item() == value


def test_range_past_torch_in_a_compiled_graph(op, fresh_compiler):
    compiled = torch.compile(lambda x: op(x), backend="aot_eager", fullgraph=True)
    with (
        wrapped(False),
        op.set_priority(["large"]),
        op.set_priority(["small"], batch_sizes=(1, 64)),
    ):
        assert [compiled(rows(n))[0, 0].item() for n in (3, 64, 65, 100, 3)] == [1, 1, 2, 2, 1]
