"""What torch knows of an op: library, schema, dispatch key, meta function, nodes in graphs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from ir_runtime import ir
from tests.ir.ops import (
    add_twice,
    make_add_twice,
    make_scaled,
    nodes_of,
    register_recorded,
    scaled,
    wrapped,
)

X = torch.arange(6.0).reshape(2, 3)


def test_wrap_is_restored():
    """IR-08."""
    from ir_runtime.ir.wrap import wrap

    assert wrap.on
    with ir.enable_torch_wrap(False):
        assert not wrap.on
        with ir.enable_torch_wrap():
            assert wrap.on
        assert not wrap.on
    assert wrap.on


def test_wrap_is_restored_after_an_exception():
    """IR-08."""
    from ir_runtime.ir.wrap import wrap

    with pytest.raises(KeyError), ir.enable_torch_wrap(False):
        raise KeyError
    assert wrap.on


def test_wrap_set_for_good():
    """IR-08."""
    op = make_scaled()
    ir.set_default_torch_wrap(False)
    assert nodes_of(make_fx(op)(X).graph, op) == []
    ir.set_default_torch_wrap(True)
    assert nodes_of(make_fx(op)(X).graph, op) == [op.torch_op]


def test_ops_join_the_library_of_the_module(library):
    """IR-20."""
    op = make_scaled()
    assert op.torch_op is getattr(torch.ops, library.ns).scaled.default
    assert op.qualified_name == f"{library.ns}::scaled"


def test_library_without_a_namespace(monkeypatch):
    """IR-20: as mocked by what builds documentation; the op is then one of this package's."""
    own = torch.library.Library("ir_runtime", "FRAGMENT")

    class Mocked:
        ns = object()

        def __getattr__(self, name):
            return getattr(own, name)

    monkeypatch.setattr("ir_runtime.ir.op.ir_torch_lib", Mocked())
    op = make_scaled(name="scaled_in_a_mocked_library")
    assert op.torch_op is torch.ops.ir_runtime.scaled_in_a_mocked_library.default
    assert torch.equal(op(X), X * 2)


def test_library_of_this_package(monkeypatch):
    """IR-20."""
    assert ir.ir_torch_lib.ns == "ir_runtime"
    assert ir.ir_torch_lib.kind == "FRAGMENT"


def test_schema_is_inferred():
    """IR-21."""
    op = make_scaled()
    assert op.schema == torch.library.infer_schema(scaled, mutates_args=[])
    assert str(op.torch_op._schema).endswith("::scaled(Tensor x, float factor=2.) -> Tensor")


@pytest.mark.parametrize("overload", ["default", "maybe_inplace"])
def test_dispatch_key_serves_all_backends(overload):
    """IR-22."""
    op = make_scaled(allow_inplace=True)
    has = torch._C._dispatch_has_kernel_for_dispatch_key
    name = op.qualified_name + ("" if overload == "default" else f".{overload}")
    assert has(name, "CompositeExplicitAutograd")
    assert not has(name, "CompositeImplicitAutograd")
    assert not has(name, "CPU")


def test_graphs_of_aot_autograd_keep_the_op():
    """IR-22."""
    from tests.ir.ops import captured

    op = make_scaled()
    found, targets = captured(op, X)
    assert targets == [op.torch_op]
    assert torch.equal(found, X * 2)


def test_shapes_come_from_native():
    """IR-23."""
    op = make_scaled()
    calls: list[str] = []
    register_recorded(op, "mine", calls)
    with op.set_priority(["mine"]):
        assert op(X.to("meta")).shape == X.shape
        with torch._subclasses.FakeTensorMode():
            assert op(torch.empty(4, 5)).shape == (4, 5)
    assert calls == []


def test_shapes_come_from_a_registered_fake():
    """IR-23."""
    op = make_scaled()

    @op.register_fake
    def fake(x: Tensor, factor: float = 2.0) -> Tensor:
        return x.new_empty(7)

    assert callable(fake)
    assert fake.__name__ == "fake"
    with torch._subclasses.FakeTensorMode():
        assert op(torch.empty(4, 5)).shape == (7,)
    assert torch.equal(op(X), X * 2)


def test_native_that_looks_at_values_needs_a_fake():
    """Hazard 18."""

    @ir.register_op
    def first_rows(x: Tensor, lengths: Tensor) -> Tensor:
        return torch.cat([part[:1] for part in x.split(lengths.tolist())])

    first_rows.register_fake(lambda x, lengths: x.new_empty(lengths.shape[0], *x.shape[1:]))
    x, lengths = torch.arange(12.0).reshape(6, 2), torch.tensor([1, 3, 2])
    expected = x[[0, 1, 4]]
    assert torch.equal(first_rows(x, lengths), expected)
    compiled = torch.compile(first_rows, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(x, lengths), expected)
    torch.library.opcheck(first_rows.torch_op, (x, lengths))


def test_torch_op_is_the_default_overload():
    """IR-24."""
    op = make_scaled(allow_inplace=True)
    assert isinstance(op.torch_op, torch._ops.OpOverload)
    assert op.torch_op._overloadname == "default"
    assert op.maybe_inplace.torch_op._overloadname == "maybe_inplace"


@pytest.mark.parametrize("on", [True, False])
def test_call_goes_through_torch_or_not(on):
    """IR-25."""
    from torch.utils._python_dispatch import TorchDispatchMode

    op = make_scaled()
    seen = []

    class Record(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.append(func)
            return func(*args, **(kwargs or {}))

    with wrapped(on), Record():
        assert torch.equal(op(X), X * 2)
    assert (op.torch_op in seen) is on


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("tracer", [torch.fx.symbolic_trace, lambda f: make_fx(f)(X)])
def test_trace_sees_one_node_or_none(on, tracer):
    """IR-26."""
    op = make_scaled()
    with wrapped(on):
        graph = tracer(lambda x: op(x * 1)).graph
    assert nodes_of(graph, op) == ([op.torch_op] if on else [])
    assert torch.equal(torch.fx.GraphModule(torch.nn.Module(), graph)(X), X * 2)


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("provider", ["writes", "fresh", "native"])
@pytest.mark.parametrize(
    "tracer", [torch.fx.symbolic_trace, lambda f: make_fx(f)(X.clone(), X.clone())]
)
def test_trace_sees_one_node_of_maybe_inplace_or_none(on, tracer, provider):
    """IR-26."""
    op = make_add_twice()
    with wrapped(on), op.set_priority([provider]):
        graph = tracer(lambda a, b: op.maybe_inplace(a * 1, b * 1)).graph
    assert nodes_of(graph, op) == ([op.maybe_inplace.torch_op] if on else [])
    found = torch.fx.GraphModule(torch.nn.Module(), graph)(X.clone(), X.clone())
    for mine, other in zip(found, add_twice(X, X), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("on", [True, False])
def test_dynamo_sees_one_node_or_none(on, fresh_compiler):
    """IR-25, IR-26."""
    op = make_scaled()
    graphs = []

    def backend(module, _):
        graphs.append(module.graph)
        return module

    with wrapped(on):
        compiled = torch.compile(lambda x: op(x, 3.0), backend=backend, fullgraph=True)
        assert torch.equal(compiled(X), X * 3)
    assert nodes_of(graphs[0], op) == ([op.torch_op] if on else [])


@pytest.mark.parametrize("provider", ["native", "mine", "writes"])
@pytest.mark.parametrize("gradient", [False, True])
def test_opcheck_of_each_provider(provider, gradient):
    """IR-27."""
    op = make_scaled(allow_inplace=True)
    op.register_impl("mine")(scaled)

    @op.register_impl("writes", inplace=True)
    def writes(x: Tensor, factor: float = 2.0) -> Tensor:
        return x.mul_(factor)

    with op.set_priority([provider, "native"]):
        x = X.clone().requires_grad_(gradient)
        torch.library.opcheck(op.torch_op, (x,), {"factor": 0.5})
        torch.library.opcheck(op.torch_op, (x, 0.5))


@pytest.mark.parametrize("provider", ["native", "mine"])
def test_opcheck_of_out(provider):
    """IR-27."""
    op = make_scaled()
    op.register_impl("mine")(scaled)
    with op.set_priority([provider, "native"]):
        torch.library.opcheck(op.packet.out, (X, 0.5), {"out": torch.empty_like(X)})


@pytest.mark.parametrize("provider", ["native", "writes", "fresh"])
def test_opcheck_with_two_results(provider):
    """IR-27."""
    op = make_add_twice()
    with op.set_priority([provider, "native"]):
        torch.library.opcheck(op.torch_op, (X, X + 1, X[0]))
        outs = {"out0": torch.empty_like(X), "out1": torch.empty_like(X)}
        torch.library.opcheck(op.packet.out, (X, X + 1), outs)
