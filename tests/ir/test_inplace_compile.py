"""`maybe_inplace` in compilers and in export: right without any pass of ours."""

from __future__ import annotations

import pytest
import torch

from tests.ir.ops import add_twice, captured, make_add_twice, make_scaled, wrapped
from tests.sampling import covering

pytestmark = [
    pytest.mark.usefixtures("fresh_compiler"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),  # torch.export's own
]
X, Y = torch.arange(6.0).reshape(2, 3), torch.ones(2, 3)
PROVIDERS = ["native", "fresh", "writes"]
BACKENDS = ["eager", "aot_eager", "inductor"]


@pytest.fixture
def op():
    return make_add_twice()


def donating(op):
    """Donate what was computed here, use what was given after the call."""

    def function(x, y):
        one, two = op.maybe_inplace(x + 1, y * 2)
        return one + x, two * y

    return function


def same(found, expected):
    for mine, other in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, other)


def expected_of(x, y):
    one, two = add_twice(x + 1, y * 2)
    return one + x, two * y


@covering(provider=PROVIDERS, backend=BACKENDS, on=(True, False), dynamic=(True, False))
def test_result_and_inputs(op, on, provider, backend, dynamic):
    """IR-65, hazard 15."""
    x, y = X.clone(), Y.clone()
    with op.set_priority([provider]), wrapped(on):
        compiled = torch.compile(donating(op), backend=backend, dynamic=dynamic, fullgraph=True)
        same(compiled(x, y), expected_of(X, Y))
        x, y = torch.cat([x, x]), torch.cat([y, y])
        same(compiled(x, y), expected_of(x.clone(), y.clone()))
    assert torch.equal(x[:2], X)
    assert torch.equal(y[:2], Y)


@covering(provider=PROVIDERS, backend=BACKENDS, on=(True, False))
def test_tensor_read_after_it_was_donated_by_a_clone(op, on, provider, backend):
    """Hazards 1 and 3: clones that others need are kept."""

    def function(x, y):
        view = x.view(-1).view(2, 3)
        clone, kept = view.clone(), x.clone()
        one, _ = op.maybe_inplace(clone, y.clone())
        return one, kept + x, y + 0

    x, y = X.clone(), Y.clone()
    with op.set_priority([provider]), wrapped(on):
        found = torch.compile(function, backend=backend, fullgraph=True)(x, y)
    same(found, ((X + Y) * 2, X * 2, Y))
    assert torch.equal(x, X)
    assert torch.equal(y, Y)


@covering(
    provider=PROVIDERS, backend=BACKENDS, on=(True, False), overload=("default", "maybe_inplace")
)
def test_same_tensor_for_both(op, on, overload, provider, backend):
    """Hazard 2."""
    function = op if overload == "default" else op.maybe_inplace

    def call(x):
        x = x + 1
        return function(x, x)

    with op.set_priority([provider]), wrapped(on):
        found = torch.compile(call, backend=backend, fullgraph=True)(X)
    same(found, ((X + 1) * 4, (X + 1) * 2))


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("dynamic", [True, False])
def test_graph_holds_the_default_overload(op, provider, dynamic):
    """IR-65, hazard 15."""
    with op.set_priority([provider]):
        found, targets = captured(donating(op), X, Y, dynamic=dynamic)
    same(found, expected_of(X, Y))
    assert op.torch_op in targets
    assert op.maybe_inplace.torch_op not in targets
    assert not [t for t in targets if "auto_functionalized" in str(t)]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_graph_inputs_are_not_written(op, provider):
    """Donated by the caller, who does not know of the compiler: they may be, and are not."""
    x, y = X.clone(), Y.clone()
    with op.set_priority([provider]):
        found = torch.compile(op.maybe_inplace, backend="aot_eager", fullgraph=True)(x, y)
    same(found, add_twice(X, Y))
    assert torch.equal(x, X)
    assert torch.equal(y, Y)


@pytest.mark.parametrize("keywords", [True, False])
def test_arguments_by_keyword(op, keywords):
    """Hazard 12."""

    def function(x, y):
        if keywords:
            return op.maybe_inplace(x_residual=y + 0, x=x + 0, bias=x[0])
        return op.maybe_inplace(x + 0, y + 0, bias=x[0])

    found, targets = captured(function, X, Y)
    same(found, add_twice(X, Y, X[0]))
    assert op.torch_op in targets


@covering(provider=PROVIDERS, backend=BACKENDS, on=(True, False))
def test_gradient_arrives(op, on, provider, backend):
    """Hazard 15."""
    x, y = X.clone().requires_grad_(), Y.clone().requires_grad_()
    with op.set_priority([provider]), wrapped(on):
        one, two = torch.compile(donating(op), backend=backend, fullgraph=True)(x, y)
        (one.sum() + two.sum()).backward()
    a, b = X.clone().requires_grad_(), Y.clone().requires_grad_()
    one, two = expected_of(a, b)
    (one.sum() + two.sum()).backward()
    torch.testing.assert_close(x.grad, a.grad)
    torch.testing.assert_close(y.grad, b.grad)


@covering(provider=PROVIDERS, strict=(True, False), dynamic=(True, False))
def test_export(op, provider, strict, dynamic):
    """Hazard 15: after decompositions the program is functional, and holds the default overload."""

    class Module(torch.nn.Module):
        def forward(self, x, y):
            return donating(op)(x, y)

    rows = torch.export.Dim("rows", min=2, max=64)
    shapes = {"x": {0: rows}, "y": {0: rows}} if dynamic else None
    with op.set_priority([provider]):
        program = torch.export.export(Module(), (X, Y), dynamic_shapes=shapes, strict=strict)
        lowered = program.run_decompositions()
        targets = [n.target for n in lowered.graph.nodes if n.op == "call_function"]
        assert op.torch_op in targets
        assert op.maybe_inplace.torch_op not in targets
        x, y = X.clone(), Y.clone()
        same(lowered.module()(x, y), expected_of(X, Y))
        same(program.module()(x, y), expected_of(X, Y))
        if dynamic:
            x, y = torch.cat([x, x]), torch.cat([y, y])
            same(lowered.module()(x, y), expected_of(x.clone(), y.clone()))
    assert torch.equal(x[:2], X)
    assert torch.equal(y[:2], Y)


def test_functionalized_by_torch_func(op):
    x, y = X.clone(), Y.clone()
    with op.set_priority(["writes"]):
        found = torch.func.functionalize(donating(op))(x, y)
    same(found, expected_of(X, Y))
    assert torch.equal(x, X)


@pytest.mark.parametrize("overload", ["default", "maybe_inplace"])
def test_one_result(overload):
    op = make_scaled(allow_inplace=True)
    function = op if overload == "default" else op.maybe_inplace
    found, targets = captured(lambda x: function(x + 1, 3.0), X)
    assert torch.equal(found, (X + 1) * 3)
    assert op.torch_op in targets


def test_ops_survive_a_reset(op):
    compiled = torch.compile(donating(op), backend="aot_eager", fullgraph=True)
    same(compiled(X, Y), expected_of(X, Y))
    torch._dynamo.reset()
    same(compiled(X, Y), expected_of(X, Y))
    same(op(X, Y), add_twice(X, Y))
