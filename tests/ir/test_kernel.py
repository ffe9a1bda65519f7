"""A `CustomOp` as the provider `iree` of an op: how it is tied to it, and what is refused."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.counters import count_since
from ir_runtime.op_reg import CustomOp, def_library
from tests.ir.ops import captured, make_scaled, scaled, wrapped
from tests.op_reg.ops import scaled as build_scaled

LIBRARY = def_library("ir_tests_kernels")
X = torch.arange(6.0).reshape(2, 3)


def kernel_class(
    signature: str = "scaled_@UNIQUE@(Tensor x, float factor=2.0) -> Tensor", times: float = 1.0
):
    """Make a kernel; one with `times` computes something else, so that it shows that it ran."""

    class scaled_kernel(CustomOp):
        def select(self, ksel):
            x = ksel.arg_tensor(0).require(dtypes=[torch.float32])
            ksel.attr_float(1)
            ksel.return_new_tensor(x.t.shape, x.t.dtype)

        def generate(self, ksel, kb):
            kb.yield_results(build_scaled(kb, kb.arg(0), times * ksel.arg_descs[1].v))

    scaled_kernel.signature = signature
    return scaled_kernel


@pytest.mark.parametrize("on", [True, False])
def test_kernel_runs_where_the_priority_names_it(on):
    op = make_scaled()
    ir.register_kernel(op, kernel_class(times=2.0), library=LIBRARY)
    with wrapped(on):
        with op.set_priority(["iree", "native"]):
            assert torch.equal(op(X, 3.0), X * 6)
        with op.set_priority(["native"]):
            assert torch.equal(op(X, 3.0), X * 3)


def test_dtype_that_its_select_refuses_goes_to_native():
    op = make_scaled()
    ir.register_kernel(op, kernel_class(), library=LIBRARY)
    with op.set_priority(["iree", "native"]):
        assert op.dispatch(X).provider == "iree"
        assert op.dispatch(X.double()).provider == "native"
        assert torch.equal(op(X.double()), X.double() * 2)
        assert "iree    refused" in str(op.explain(X.double()))


def test_constraints_are_asked_first():
    op = make_scaled()
    constraints = [ir.dtypes("x", torch.float32), ir.rank("x", 2)]
    ir.register_kernel(op, kernel_class(), library=LIBRARY, constraints=constraints)
    with op.set_priority(["iree", "native"]):
        assert op.dispatch(X).provider == "iree"
        assert "`x` is of rank 1, must be of rank 2" in str(op.explain(X[0]))


def test_stack_ends_in_the_users_line_for_each_form():
    """IR-10."""
    op, other = make_scaled(), ir.register_op(name="other")(scaled)
    ir.register_kernel(op, kernel_class(), library=LIBRARY)

    @ir.register_kernel(other, library=LIBRARY)
    class named(kernel_class()):
        pass

    assert "ir.register_kernel(op, kernel_class()" in op.impls["iree"]._registration_stack[-1]
    assert "@ir.register_kernel(other" in other.impls["iree"]._registration_stack[-1]


@pytest.mark.parametrize(
    "signature",
    [
        "scaled_@UNIQUE@(Tensor y, float factor=2.0) -> Tensor",
        "scaled_@UNIQUE@(Tensor x, float factor=3.0) -> Tensor",
        "scaled_@UNIQUE@(Tensor x, float factor) -> Tensor",
        "scaled_@UNIQUE@(Tensor x, *, float factor=2.0) -> Tensor",
        "scaled_@UNIQUE@(Tensor x, float factor=2.0) -> (Tensor, Tensor)",
    ],
)
def test_schema_must_be_natives(signature):
    op = make_scaled()
    known = op.impls["iree"]
    with pytest.raises(ValueError, match="does not match native schema"):
        ir.register_kernel(op, kernel_class(signature), library=LIBRARY)
    assert op.impls["iree"] is known


def test_second_kernel_is_refused():
    op = make_scaled()
    ir.register_kernel(op, kernel_class(), library=LIBRARY)
    known = op.impls["iree"]
    with pytest.raises(AssertionError, match="provider iree is registered already"):
        ir.register_kernel(op, kernel_class(), library=LIBRARY)
    assert op.impls["iree"] is known


def test_provider_of_ones_own_may_be_iree():
    op = make_scaled()

    @op.register_impl("iree")
    def mine(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor + 1

    with op.set_priority(["iree"]):
        assert torch.equal(op(X), X * 2 + 1)
    with pytest.raises(AssertionError, match="provider iree is registered already"):
        ir.register_kernel(op, kernel_class(), library=LIBRARY)


def test_gradient_is_that_of_native():
    op = make_scaled()
    ir.register_kernel(op, kernel_class(times=2.0), library=LIBRARY)
    x = X.clone().requires_grad_()
    with op.set_priority(["iree"]):
        result = op(x, 3.0)
        result.sum().backward()
    assert torch.equal(result.detach(), X * 6), "the kernel ran"
    assert torch.equal(x.grad, torch.full_like(X, 3.0))


def test_out_is_written_by_the_kernel():
    op = make_scaled()
    ir.register_kernel(op, kernel_class(times=2.0), library=LIBRARY)
    out = torch.empty_like(X)
    with op.set_priority(["iree"]), count_since() as counts:
        assert op.packet.out(X, 3.0, out=out) is out
    assert counts[0].copies == 0
    assert torch.equal(out, X * 6)


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("constraints", [(), (ir.dtypes("x", torch.float32),)])
def test_compiled(constraints, on, fresh_compiler):
    """Past torch, too: what only `select` can tell is asked in each call."""
    op = make_scaled()
    kernel = kernel_class(times=2.0)
    ir.register_kernel(op, kernel, library=LIBRARY, constraints=constraints)
    compiled = torch.compile(lambda x: op(x) + 1, backend="aot_eager", fullgraph=True)
    with op.set_priority(["iree", "native"]), wrapped(on):
        assert torch.equal(compiled(X), X * 4 + 1)
        assert torch.equal(compiled(X.double()), X.double() * 2 + 1)


@pytest.mark.parametrize("constraints", [(), (ir.dtypes("x", torch.float32),)])
def test_node_of_a_graph_past_torch(constraints, fresh_compiler):
    """With constraints the kernel itself is in the graph."""
    op = make_scaled()
    packet = ir.register_kernel(op, kernel_class(), library=LIBRARY, constraints=constraints)
    with op.set_priority(["iree", "native"]), wrapped(False):
        _, targets = captured(lambda x: op(x) + 1, X)
    assert targets[0] is (packet.default if constraints else op.torch_op)


def test_opcheck():
    """IR-27."""
    op = make_scaled()
    ir.register_kernel(op, kernel_class(), library=LIBRARY)
    with op.set_priority(["iree", "native"]):
        torch.library.opcheck(op.torch_op, (X, 3.0))
        torch.library.opcheck(op.packet.out, (X, 3.0), {"out": torch.empty_like(X)})


def test_uuid_is_that_of_the_kernels_code():
    """IR-37."""
    op, other = make_scaled(), ir.register_op(name="other")(scaled)
    before = op.impls["iree"].uuid()
    ir.register_kernel(op, kernel_class(), library=LIBRARY)
    ir.register_kernel(other, kernel_class(), library=LIBRARY)
    assert op.impls["iree"].uuid() != before
    assert op.impls["iree"].uuid() == other.impls["iree"].uuid()


def test_arguments_of_the_decorator():
    assert [*inspect.signature(ir.register_kernel).parameters] == [
        "op",
        "op_class",
        "constraints",
        "library",
    ]
