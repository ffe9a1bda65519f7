"""Donated tensors: what is refused before autograd, and what is overwritten after it."""

from __future__ import annotations

import pytest
import torch
from torch import fx

from ir_runtime.passes.errors import DonatedInputError
from ir_runtime.passes.inplace.clone_elimination import CloneElimination
from ir_runtime.passes.inplace.donation import donated_arguments
from ir_runtime.passes.inplace.fix_functionalization import FixFunctionalizationPass
from ir_runtime.passes.inplace.inplace_functionalization import InplaceFunctionalization
from ir_runtime.passes.lowering.ir_lowering import IrLowering
from tests.ir.ops import make_add_twice
from tests.passes.captured_graph import captured, results, run
from tests.passes.inplace.last_graph import copies, last_graph

X, Y, Y2 = torch.arange(6.0).reshape(2, 3), torch.ones(2, 3), torch.ones(2, 2)
PASSES = (IrLowering(), CloneElimination(), FixFunctionalizationPass())


def before_autograd(function, *args) -> fx.GraphModule:
    graphs = []

    def keep(module, inputs):
        graphs.append(module)
        return module.forward

    with torch.no_grad():
        torch.compile(function, backend=keep, fullgraph=True)(*args)
    torch._dynamo.reset()
    return graphs[0]


def functionalized(function, *args):
    module = before_autograd(function, *args)
    return module, run(InplaceFunctionalization(), module)


@pytest.fixture
def op():
    return make_add_twice()


def uses():
    """By name, functions of an op that use a donated tensor again."""

    def itself(op, x, y):
        one, _ = op.maybe_inplace(x, y)
        return one + x

    def a_view(op, x, y):
        row = x[0]
        one, _ = op.maybe_inplace(x, y)
        return one + row

    def the_base(op, x, y):
        one, _ = op.maybe_inplace(x[:1], y[:1])
        return one + x

    def a_result(op, x, y):
        op.maybe_inplace(x, y)
        return y

    def a_view_as_result(op, x, y):
        flat = (x + 1).view(-1)
        op.maybe_inplace(flat.view(2, 3), y)
        return flat

    def twice(op, x, y):
        one, two = op.maybe_inplace(x, y)
        return op.maybe_inplace(x, one), two

    def a_part(op, x, y):
        parts = x.chunk(2)
        one, _ = op.maybe_inplace(parts[0], y[:1])
        return one + x[1:]

    return [itself, a_view, the_base, a_result, a_view_as_result, twice, a_part]


@pytest.mark.parametrize("use", uses(), ids=lambda f: f.__name__)
def test_use_after_donation_is_refused(op, use):
    """Hazard 7."""
    module = before_autograd(lambda x, y: use(op, x, y), X.clone(), Y.clone())
    with pytest.raises(DonatedInputError, match="is used again after the node") as raised:
        run(InplaceFunctionalization(), module)
    assert "test_donation.py:" in str(raised.value)
    assert "maybe_inplace(" in str(raised.value)
    assert isinstance(raised.value, ValueError)


def test_refusal_comes_out_of_a_compile(op):
    def f(x, y):
        one, _ = op.maybe_inplace(x, y)
        return one + x

    made = torch.compile(f, options={"pre_grad_custom_pass": InplaceFunctionalization()})
    with pytest.raises(Exception, match="is used again after the node"):
        made(X.clone(), Y.clone())


def test_sizes_of_a_donated_tensor_may_be_asked(op):
    def f(x, y):
        one, two = op.maybe_inplace(x, y)
        return one.view(x.shape[1], x.size(0)), two.to(x.dtype)

    _, record = functionalized(f, X.clone(), Y.clone())
    assert record.counts["functionalized"] == 1


def test_inputs_are_marked_on_the_node(op):
    """Hazard 6: no number of an input is kept."""

    def f(x, y):
        one, two = op.maybe_inplace(x[1:], y + 1)
        return op.maybe_inplace(one, two)

    x, y = X.clone(), torch.ones(1, 3)
    module, record = functionalized(f, x, y)
    assert record.facts["ops"] == {"add_twice": 2}
    assert len(record.facts["donated_inputs"]) == 1
    nodes = [n for n in module.graph.nodes if n.target is op.torch_op]
    assert [donated_arguments(n) for n in nodes] == [["x", "x_residual"]] * 2


def test_parameters_are_not_given_away(op):
    weight = torch.nn.Parameter(Y.clone())
    module, record = functionalized(lambda x: op.maybe_inplace(x, weight), X.clone())
    assert len(record.facts["donated_inputs"]) == 1
    (node,) = (n for n in module.graph.nodes if n.target is op.torch_op)
    assert donated_arguments(node) == ["x"]


@torch.library.custom_op("ir_runtime_tests::add_in_place", mutates_args=("x", "rest"))
def add_in_place(x: torch.Tensor, rest: torch.Tensor) -> None:
    """Leave twice the sum in `x`, and the sum in `rest`."""
    rest.add_(x)
    x.copy_(rest).mul_(2)


@pytest.fixture
def by_kernel(op):
    """The op with a provider that calls an op which writes its arguments."""

    @op.register_impl("kernel", inplace=True)
    def kernel(
        x: torch.Tensor, x_residual: torch.Tensor, bias: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        add_in_place(x, x_residual)
        return x, x_residual

    return op


def compiled(function, *args, finish=True):
    """Compile with all passes; return the number of copies that are left, and the results."""
    options = {"pre_grad_custom_pass": InplaceFunctionalization()}
    graph, found = last_graph(function, *args, passes=PASSES, finish=finish, **options)
    return copies(graph), found


@pytest.mark.parametrize("donated", [False, True])
def test_donated_inputs_are_written_where_they_lie(by_kernel, donated):
    """The donation gets through autograd and lowering, by the op's node."""
    op = by_kernel

    def f(x, y):
        return (op.maybe_inplace if donated else op)(torch.mm(x, x), y)

    x, y = torch.rand(3, 3), torch.rand(3, 3)
    before = y.clone()
    wanted = op(torch.mm(x, x), y)
    with op.set_priority(["kernel"]):
        left, found = compiled(f, x, y, finish=donated)
    assert left == (0 if donated else 1)
    if donated:
        for mine, theirs in zip(found, wanted, strict=True):
            torch.testing.assert_close(mine, theirs)
        assert not torch.equal(y, before)
        assert found[1].data_ptr() == y.data_ptr()


@pytest.mark.parametrize("provider", ["kernel", "writes"])
def test_nothing_is_donated_without_the_pass_before_autograd(by_kernel, provider):
    """Hazard 15: the providers return their arguments, though the schema says new tensors."""
    op = by_kernel
    module = captured(lambda x, y: (*op.maybe_inplace(torch.mm(x, x), y), x * y), X.mm(X.t()), Y2)
    with op.set_priority([provider]):
        for each in PASSES:
            each(module.graph)
    module.graph.lint()
    module.recompile()
    x, y = X.mm(X.t()), Y2.clone()
    for mine, theirs in zip(results(module, x, y), (*op(x.mm(x), Y2), x * Y2), strict=True):
        torch.testing.assert_close(mine, theirs)
    assert torch.equal(y, Y2)


@pytest.mark.full
@pytest.mark.parametrize("provider", ["kernel", "writes"])
def test_same_tensor_donated_twice(by_kernel, provider):
    """Hazard 2."""
    op = by_kernel
    with op.set_priority([provider]):
        _, found = compiled(lambda x: op.maybe_inplace(x, x), X.clone())
    for mine, theirs in zip(found, op(X, X), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.full
def test_input_that_is_not_donated_stays(by_kernel):
    x, y = torch.rand(3, 3), torch.rand(3, 3)
    before, wanted = y.clone(), by_kernel(torch.mm(x, x), y)
    with by_kernel.set_priority(["kernel"]):
        _, found = compiled(lambda x, y: by_kernel(torch.mm(x, x), y), x, y)
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs)
    assert torch.equal(y, before)


@pytest.mark.full
def test_provider_of_torch_operators(by_kernel):
    op, x, y = by_kernel, torch.rand(3, 3), torch.rand(3, 3)
    wanted = op(torch.mm(x, x), y)
    with op.set_priority(["writes"]):
        _, found = compiled(lambda x, y: op.maybe_inplace(torch.mm(x, x), y), x, y)
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs)
