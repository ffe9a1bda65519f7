"""Symbolic sizes: one provider for all of them is lowered, else each call asks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.passes import pass_context
from ir_runtime.passes.lowering.compiled_call import provider_call
from ir_runtime.passes.lowering.ir_lowering import IrLowering
from tests.ir.ops import make_scaled
from tests.passes.captured_graph import captured, results, run, targets

X = torch.arange(12.0).reshape(4, 3)


@pytest.fixture
def op():
    op = make_scaled()

    @op.register_impl("even", supports_args=lambda x, factor=2.0: x.shape[0] % 2 == 0)
    def even(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor + 0

    @op.register_impl("even_rows", constraints=[ir.divisible("x", 0, 2)])
    def even_rows(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor + 0

    @op.register_impl("known", constraints=[ir.static("x", 0)])
    def known(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor + 0

    @op.register_impl("wide", constraints=[ir.rank("x", 3), ir.static("x", 0)])
    def wide(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor + 0

    return op


def chosen(op, *, rows=4, twice=False):
    def f(x):
        return op(torch.cat([x, x]) if twice else x)

    x = X[:rows].clone()
    torch._dynamo.mark_dynamic(x, 0)
    module = captured(f, x)
    before = _guards(module)
    record = run(IrLowering(), module)
    assert _guards(module) == before  # no question became a guard
    (provider,) = record.selected_impls["scaled"].values()
    return provider, record, module


def _guards(module):
    vals = [n.meta["val"] for n in module.graph.nodes if n.op == "placeholder"]
    return [len(v.node.shape_env.guards) for v in vals if isinstance(v, torch.SymInt)]


@pytest.mark.parametrize("provider", ["even", "even_rows"])
def test_condition_on_a_size(op, provider):
    with op.set_priority([provider, "native"]):
        assert chosen(op)[0] == "by size"
        assert chosen(op, twice=True)[0] == provider  # 2 * s0 is even for each s0


def test_condition_on_a_known_size_depends_on_the_call(op):
    """A call has numbers for sizes, so the provider takes what the symbol is refused for."""
    with op.set_priority(["known", "native"]):
        _, record, _ = chosen(op)
    assert record.facts["asks"] == {"scaled": "whether known takes a call depends on its sizes"}


def test_refusal_that_no_size_changes(op):
    with op.set_priority(["wide", "native"]):
        assert chosen(op)[0] == "native"


def test_kernel_takes_all_sizes(op):
    with op.set_priority(["iree", "native"]):
        provider, _, module = chosen(op)
    assert provider == "iree"
    assert torch.equal(results(module, 4, X)[-1], 2 * X)


def test_batch_sizes_inside_and_outside_of_the_range(op):
    """Symbols of Dynamo begin at 2."""
    with op.set_priority(["native"]):
        with op.set_priority(["iree"], batch_sizes=(0, 1)):
            assert chosen(op)[0] == "native"
        with op.set_priority(["iree"], batch_sizes=(2, None)):
            assert chosen(op)[0] == "iree"
        with op.set_priority(["iree"], batch_sizes=(0, 100)):
            provider, record, module = chosen(op)
    assert provider == "by size"
    assert record.facts["asks"]["scaled"] == "the priority depends on the batch size"
    assert targets(module) == [op.torch_op]


@pytest.mark.parametrize(
    ("sizes", "provider"), [((2, 9), "iree"), ((9, 20), "by size"), (50, "native")]
)
def test_batch_sizes_of_the_compile(op, sizes, provider):
    """The compile's own range decides what the symbol's range leaves open."""
    small = op.set_priority(["iree"], batch_sizes=(0, 10))
    with op.set_priority(["native"]), small, pass_context(sizes):
        assert chosen(op)[0] == provider


def test_static_size_in_a_range(op):
    module = captured(op, X)
    with op.set_priority(["native"]), op.set_priority(["iree"], batch_sizes=(4, 4)):
        record = run(IrLowering(), module)
    assert record.selected_impls == {"scaled": {"scaled": "iree"}}


def test_node_that_asks_keeps_the_priority_of_its_compile(op):
    calls = []

    @op.register_impl("large")
    def large(x: Tensor, factor: float = 2.0) -> Tensor:
        calls.append(len(x))
        return x * factor

    with op.set_priority(["native"]), op.set_priority(["large"], batch_sizes=(10, None)):
        _, _, module = chosen(op)
    (node,) = module.graph.find_nodes(op="call_function", target=op.torch_op)
    _, text, _ = node.meta["ir_runtime_call"]
    call = eval(text, {"provider_call": provider_call})
    for priority in (["native"], ["iree"], ["large"]):
        with op.set_priority(priority):
            assert torch.equal(call(X, 2.0), 2 * X)
            assert torch.equal(call(torch.ones(10, 3), 2.0), torch.full((10, 3), 2.0))
    assert calls == [10, 10, 10]


def test_symbolic_number_as_an_argument():
    @ir.register_op
    def tail(x: Tensor, n: int) -> Tensor:
        return x[n:] * 1

    def f(x):
        return tail(x, x.shape[0] // 2)

    x = X.clone()
    torch._dynamo.mark_dynamic(x, 0)
    module = captured(f, x)
    record = run(IrLowering(), module)
    assert record.selected_impls == {"tail": {"tail": "native"}}
    assert torch.equal(results(module, 4, X)[-1], X[2:])
