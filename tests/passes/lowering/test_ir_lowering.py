"""Lowering of graphs: the provider of each node, by which way it gets into the graph."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.errors import PriorityError
from ir_runtime.ir.choice.strict import strict_priority
from ir_runtime.passes.errors import LoweringError
from ir_runtime.passes.inplace.effects import changes_anything
from ir_runtime.passes.lowering.ir_lowering import IrLowering
from tests.ir.ops import make_add_twice, make_scaled
from tests.passes.captured_graph import captured, results, run, targets

X = torch.arange(12.0).reshape(4, 3)


def lowered(function, *args, **options):
    module = captured(function, *args, **options)
    record = run(IrLowering(), module)
    return module, record


def test_native_is_traced_once_for_100_nodes():
    op = make_scaled()

    def f(x):
        for _ in range(100):
            x = op(x, 1.01)
        return x

    with op.set_priority(["native"]):
        module, record = lowered(f, X)
        expected = f(X)
    assert targets(module) == [torch.ops.aten.mul.Tensor] * 100
    assert record.counts["traces"] == 1
    assert len(record.selected_impls["scaled"]) == record.matched_count == 100
    assert torch.equal(results(module, X)[0], expected)


def test_each_kind_of_call_is_traced_by_itself():
    op = make_scaled()

    def f(x):
        return op(x), op(x, 3.0), op(x.double()), op(x[:2]), op(x.t()), op(x, 3)

    with op.set_priority(["native"]):
        module, record = lowered(f, X)
        expected = f(X)
    assert record.counts["traces"] == 6 - 1  # a float argument takes 3 as 3.0
    for mine, other in zip(results(module, X), expected, strict=True):
        assert torch.equal(mine, other)


def test_kernel_is_retargeted_and_not_traced():
    op = make_scaled()

    def f(x):
        return op(x) + op(x, 3.0)

    with op.set_priority(["iree"]):
        module, record = lowered(f, X)
    kernel = op.impls["iree"].kernel_packet.default
    assert targets(module) == [kernel, kernel, torch.ops.aten.add.Tensor]
    assert record.counts["traces"] == 0
    assert record.selected_impls == {"scaled": {"scaled": "iree", "scaled_1": "iree"}}
    assert torch.equal(results(module, X)[0], X * 5)


def test_provider_that_refuses_one_node():
    """The case of `variance_size`: one of three nodes goes to native."""
    op = make_scaled()

    @op.register_impl("doubles", supports_args=lambda x, factor=2.0: factor == 2.0)
    def doubles(x: Tensor, factor: float = 2.0) -> Tensor:
        return x + x

    def f(x):
        return op(op(op(x), 3.0))

    with op.set_priority(["doubles", "native"]):
        module, record = lowered(f, X)
    chosen = {"scaled": "doubles", "scaled_1": "native", "scaled_2": "doubles"}
    assert record.selected_impls == {"scaled": chosen}
    add, mul = torch.ops.aten.add.Tensor, torch.ops.aten.mul.Tensor
    assert targets(module) == [add, mul, add]


def test_op_registered_after_the_pass_was_made():
    """Hazard 8."""
    pass_ = IrLowering()
    op = make_scaled()
    module = captured(op, X)
    run(pass_, module)
    assert targets(module) == [torch.ops.aten.mul.Tensor]


def test_unset_priority_is_native_and_strict_mode_refuses():
    op = make_scaled()
    module = captured(op, X)
    with strict_priority(), pytest.raises(PriorityError, match="has no priority"):
        run(IrLowering(), module)
    assert run(IrLowering(), module).selected_impls == {"scaled": {"scaled": "native"}}


def test_untraceable_provider_names_itself_and_the_node():
    """Hazard 8: the report of a failure fails itself there."""
    op = make_scaled()

    @op.register_impl("numpy")
    def numpy(x: Tensor, factor: float = 2.0) -> Tensor:
        return torch.from_numpy(x.numpy() * factor)

    def f(x):
        return op(x)

    with op.set_priority(["numpy"]), pytest.raises(LoweringError) as raised:
        lowered(f, X)
    assert "provider numpy cannot be traced for node scaled" in str(raised.value)
    assert "return op(x)" in str(raised.value)


def test_native_that_calls_other_ops_and_makes_constants():
    inner = make_scaled()

    @ir.register_op
    def outer(x: Tensor) -> Tensor:
        return inner(x) + torch.tensor([1.0, 2.0, 3.0])

    with inner.set_priority(["iree"]):
        module, record = lowered(lambda x: outer(x) + outer(x), X)
    assert record.selected_impls["outer"] == {"outer": "native", "outer_1": "native"}
    assert set(record.selected_impls["scaled"].values()) == {"iree"}
    assert torch.equal(results(module, X)[0], 2 * (2 * X + torch.tensor([1.0, 2.0, 3.0])))


def test_normalised_arguments():
    @ir.register_op(normalize=lambda x, weight: (x, torch.ones(3) if weight is None else weight))
    def weighted(x: Tensor, weight: Tensor | None) -> Tensor:
        return x * weight

    def f(x):
        return weighted(x, None) + weighted(x, x[0])

    for provider in ("native", "iree"):
        with weighted.set_priority([provider]):
            module, record = lowered(f, X)
        assert set(record.selected_impls["weighted"].values()) == {provider}
        assert torch.equal(results(module, X)[0], X + X * X[0])
    kernel = weighted.impls["iree"].kernel_packet.default
    assert targets(module).count(kernel) == 2


def test_result_that_is_an_argument_gets_memory_of_its_own():
    """Hazard 28: a functional op that returns a view of its input."""

    @ir.register_op
    def turned(x: Tensor) -> Tensor:
        return x.t().clone()

    @turned.register_impl("view")
    def view(x: Tensor) -> Tensor:
        return x.t()

    def f(x):
        return turned(x + 0), turned(x), turned(x)

    module = captured(f, X)
    with turned.set_priority(["view"]):
        run(IrLowering(), module)
    x = X.clone()
    one, two, three = results(module, x)
    for each in (one, two, three):
        assert torch.equal(each, X.t())
        assert each.stride() == X.t().stride()
    assert len({x.data_ptr(), one.data_ptr(), two.data_ptr(), three.data_ptr()}) == 4


@pytest.mark.parametrize("provider", ["contiguous", "iree"])
def test_strides_are_those_that_later_nodes_were_traced_with(provider):
    op = make_scaled()

    @op.register_impl("contiguous")
    def contiguous(x: Tensor, factor: float = 2.0) -> Tensor:
        return (x * factor).contiguous()

    def f(x):
        y = op(x.t())
        return y.as_strided((12,), (1,)), y + 1

    with op.set_priority([provider]):
        module, record = lowered(f, X)
    assert record.selected_impls == {"scaled": {"scaled": provider}}
    flat, more = results(module, X)
    assert torch.equal(flat, (2 * X).reshape(12))
    assert torch.equal(more, 2 * X.t() + 1)


def test_in_place_provider_becomes_functional():
    """Inductor would let `x` be `x_residual` after the provider has copied it there."""
    op = make_add_twice()

    def f(x, y):
        return (*op(x, y), *op(x, x))

    module = captured(f, X, X + 1)
    with op.set_priority(["writes"]):
        record = run(IrLowering(), module)
    assert not changes_anything(module.graph)
    assert record.selected_impls["add_twice"] == dict.fromkeys(
        ("add_twice", "add_twice_1"), "writes"
    )
    x, y = X.clone(), X + 1
    for mine, other in zip(results(module, x, y), f(X, X + 1), strict=True):
        assert torch.equal(mine, other)
    assert torch.equal(x, X)
    assert torch.equal(y, X + 1)


def test_arguments_by_name():
    """Hazard 12: an activation given by name."""
    op = make_add_twice()

    def f(x, y):
        return op(x_residual=y, x=x)[0] + op(x, bias=y, x_residual=x)[1]

    for provider in ("writes", "fresh", "iree"):
        module = captured(f, X, X + 1)
        with op.set_priority([provider]):
            run(IrLowering(), module)
        assert torch.equal(results(module, X, X + 1)[0], f(X, X + 1))


def test_fake_of_its_own():
    """Hazard 18: native cannot run on fake tensors, and its kernel is lowered all the same."""

    @ir.register_op
    def by_value(x: Tensor) -> Tensor:
        return x * x.flatten()[1].item()

    by_value.register_fake(torch.empty_like)

    @by_value.register_impl("mine")
    def mine(x: Tensor) -> Tensor:
        return x * x.flatten()[1]

    module = captured(by_value, X)
    with by_value.set_priority(["mine"]):
        record = run(IrLowering(), module)
    assert record.selected_impls == {"by_value": {"by_value": "mine"}}
    assert torch.equal(results(module, X)[0], X)


def test_native_that_writes_what_it_made():
    @ir.register_op
    def shifted(x: Tensor) -> Tensor:
        y = torch.zeros_like(x)
        y[1:].copy_(x[:-1])
        y.mul_(2)
        return y

    module, _ = lowered(lambda x: shifted(x) + shifted(x), X)
    assert not changes_anything(module.graph)
    assert torch.equal(results(module, X)[0], 2 * shifted(X))


@pytest.mark.parametrize("provider", ["native", "listed"])
def test_lists_and_results_that_may_be_none(provider):
    """Hazard 16: neither a list nor an optional tensor counts as one result."""

    @ir.register_op
    def sums(x: Tensor, others: list[Tensor], last: Tensor | None) -> list[Tensor]:
        return [x + each for each in others] + ([] if last is None else [last * 2])

    @sums.register_impl("listed")
    def listed(x: Tensor, others: list[Tensor], last: Tensor | None) -> list[Tensor]:
        found = [torch.add(each, x) for each in others]
        return found if last is None else [*found, last + last]

    @ir.register_op
    def halved(x: Tensor, both: bool) -> tuple[Tensor, Tensor | None]:
        return x / 2, x * 2 if both else None

    def f(x, y):
        one, two, three = sums(x, [x, y], y)
        (four,) = sums(y, [x], None)
        half, none = halved(x, False)
        return one, two, three, four, half, halved(y, True)[1], none is None

    module = captured(f, X, X + 1)
    with sums.set_priority([provider]):
        record = run(IrLowering(), module)
    assert set(record.selected_impls["sums"].values()) == {provider}
    assert not [target for target in targets(module) if "sums" in str(target)]
    for mine, other in zip(results(module, X, X + 1), f(X, X + 1)[:6], strict=True):
        assert torch.equal(mine, other)


def test_same_names_in_two_graphs_do_not_mix():
    op = make_scaled()
    with op.set_priority(["native"]):
        _, one = lowered(op, X)
        _, two = lowered(lambda x: op(op(x)), X)
    assert len(one.selected_impls["scaled"]) == 1
    assert len(two.selected_impls["scaled"]) == 2
