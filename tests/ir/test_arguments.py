"""What an op itself refuses, and what its kernel leaves to another provider."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError, MixedDeviceError, NotTakenError
from ir_runtime.op_reg import CustomOp, def_library
from tests.ir.ops import wrapped
from tests.op_reg.ops import scaled as build_scaled

LIBRARY = def_library("ir_tests_arguments")
X = torch.arange(6.0).reshape(2, 3)


def make_product(**options):
    @ir.register_op(name="product_of_tests", **options)
    def product(x: Tensor, y: Tensor, factor: float = 1.0) -> Tensor:
        return x * y * factor

    return product


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("provider", ["native", "mine", "iree"])
def test_mixed_devices_are_refused_by_default(provider, on):
    op = make_product()

    @op.register_impl("mine")
    def mine(x: Tensor, y: Tensor, factor: float = 1.0) -> Tensor:
        return torch.empty_like(x)

    said = "product_of_tests: `x` on cpu, `y` on meta, must all be on one device"
    with op.set_priority([provider, "native"]), wrapped(on):
        with pytest.raises(MixedDeviceError) as caught:
            op(X, X.to("meta"))
        assert str(caught.value) == said
        with pytest.raises(MixedDeviceError, match="`y` on meta"):
            op(X.clone().requires_grad_(), X.to("meta"))
        with pytest.raises(MixedDeviceError, match="`x` on cpu, `out` on meta"):
            op.packet.out(X, X, out=X.to("meta"))


def test_number_on_the_cpu_goes_with_tensors_elsewhere():
    """A 0-d tensor stands for a number, as torch has it."""
    op = make_product()
    with op.set_priority(["native"]):
        assert op(X.to("meta"), torch.tensor(2.0)).device.type == "meta"
        with pytest.raises(MixedDeviceError):
            op(X, torch.tensor(2.0, device="meta"))


@pytest.mark.parametrize("provider", ["native", "mine"])
def test_what_the_op_accepts_is_asked_before_any_provider(provider):
    op = make_product(
        accepts=[
            ir.dtypes("x", torch.float32),
            ir.broadcastable("y", "x", lambda y, x: f"fit {list(x.shape)}"),
            ir.number("factor", "positive", lambda v: v > 0),
        ]
    )
    op.register_impl("mine")(op.native)
    with op.set_priority([provider]):
        for bad, said in (
            ((X.double(), X), "`x` is f64, must be f32"),
            ((X, torch.ones(2)), "`y` is f32[2], must fit [2, 3]"),
            ((X, X, -1.0), "`factor` is -1.0, must be positive"),
        ):
            with pytest.raises(ArgumentError) as caught:
                op(*bad)
            assert str(caught.value) == f"product_of_tests: {said}"
        assert torch.equal(op(X, torch.ones(3)), X)
        decision = op.explain(X.double(), X)
        assert decision.chosen is None
        assert decision.verdicts[0].reason == "by the op: `x` is f64, must be f32"


def test_constraint_on_another_argument_names_one_that_exists():
    with pytest.raises(ValueError, match="a constraint is about `z`, must be about one of"):
        make_product(accepts=[ir.broadcastable("y", "z", lambda *_: "fit")])


@pytest.mark.parametrize("on", [True, False])
def test_what_select_refuses_beyond_the_constraints_goes_on(on):
    """A kernel whose constraints do not say all it refuses: the next provider computes."""

    @ir.register_op(name="scaled_of_tests")
    def scaled(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor

    @ir.register_kernel(scaled, library=LIBRARY, constraints=[ir.dtypes("x", torch.float32)])
    class Kernel(CustomOp):
        signature = "scaled_of_tests_@UNIQUE@(Tensor x, float factor=2.0) -> Tensor"

        def select(self, ksel):
            x = ksel.arg_tensor(0).require(rank=2)
            ksel.attr_float(1)
            ksel.return_new_tensor(x.t.shape, x.t.dtype)

        def generate(self, ksel, kb):
            kb.yield_results(build_scaled(kb, kb.arg(0), ksel.arg_descs[1].v))

    with scaled.set_priority(["iree", "native"]), wrapped(on):
        for _ in range(2):
            assert torch.equal(scaled(X[0], 3.0), X[0] * 3)
        with count_since() as counts:
            assert torch.equal(scaled(X[0], 3.0), X[0] * 3)
        assert counts[0].selects == 0, "what was declined is remembered"
        out = torch.empty(3)
        assert torch.equal(scaled.packet.out(X[0], 3.0, out=out), X[0] * 3)
        assert torch.equal(scaled(X, 3.0), X * 3)
    with pytest.raises(NotTakenError, match="must have 2 dimensions"):
        scaled.impls["iree"].func_impl_fn(X[0], 3.0)


def one_optional(x: Tensor | None, y: float) -> Tensor:
    return torch.full((2,), y) if x is None else x * y


def two_optional(x: Tensor | None, y: Tensor | None) -> Tensor:
    found = [t for t in (x, y) if t is not None]
    return torch.stack(found).sum(0)


def of_a_list(xs: list[Tensor], y: float) -> Tensor:
    return torch.stack(xs).sum(0) * y


@pytest.mark.parametrize(
    ("native", "call"),
    [
        (one_optional, (None, 2.0)),
        (one_optional, (X, 2.0)),
        (two_optional, (None, X)),
        (two_optional, (X, X)),
        (of_a_list, ([X, X], 2.0)),
    ],
)
def test_any_tensors_of_a_signature_can_be_looked_at(native, call):
    op = ir.register_op(name=f"{native.__name__}_{len(ir.IrOp.registry)}", activations=[])(native)
    with op.set_priority(["native"]):
        assert torch.equal(op(*call), native(*call))
