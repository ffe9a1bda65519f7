"""An argument of an op may have any name that torch takes, keyword-only too."""

from __future__ import annotations

import keyword

import pytest
import torch
from torch import Tensor

import kernels_mlir  # noqa: F401 - registers gelu
from ir_runtime import CustomOp, ir
from ir_runtime.errors import ArgumentError, OpDefinitionError
from ir_runtime.op_reg.op.free_name import own_prefix
from tests.op_reg.ops import LIBRARY, make_op, scaled
from tests.sampling import sampled

X = torch.arange(4.0)
NAMES = (
    "lambda",
    "out",
    "self",
    "args",
    "staged",
    "keyset",
    "a0",
    "_op",
    "await",
    "outs",
    "torch",
    "kb",
    "key",
    "bound",
    "eager",
    "t",
    "func",
    "op",
    "cls",
    "_keyset",
    "inputs",
    "output",
    "ctx",
    "result",
    "any",
    "tuple",
    "type",
    "repr",
    "_miss",
    "call",
    "autograd",
    "slow",
    "fn",
    "info",
    "name",
    "_d0",
    "print",
    "async",
    "yield",
    "out0",
    "AttributeError",
    "NotImplemented",
    "ir_args",
    "ir_a0",
    "_ir_d1",
    "ir_odd",
    "kwargs",
)
FORMS = (
    "named_@UNIQUE@(Tensor {0}, float y_) -> Tensor",
    "named_@UNIQUE@(Tensor x_, *, float {0}=2.0) -> Tensor",
    "named_@UNIQUE@(*, Tensor {0}, float y_=2.0) -> Tensor",
)


def select(self, ksel):
    x = ksel.arg_tensor(0)
    ksel.attr_float(1)
    ksel.return_new_tensor(x.t.shape, x.t.dtype)


def generate(self, ksel, kb):
    kb.yield_results(scaled(kb, kb.arg(0), ksel.arg_descs[1].v))


@sampled(8, name=NAMES)
def test_an_argument_of_any_name(name: str) -> None:
    first, second, third = (make_op(form.format(name), select, generate) for form in FORMS)
    free = "out_" if name == "out" else "out"
    for _ in range(2):  # the second time the C launcher serves
        for call in (
            lambda **more: first(X, 3.0, **more),
            lambda **more: second(X, **{name: 3.0}, **more),
            lambda **more: third(**{name: X, "y_": 3.0}, **more),
        ):
            assert torch.equal(call(), X * 3)
            out = torch.empty(4)
            assert call(**{free: out}) is out
            assert torch.equal(out, X * 3)
        assert torch.equal(second(X), X * 2)
        assert torch.equal(third(**{name: X}), X * 2)
    assert third(**{name: X.to("meta")}).device.type == "meta"
    with pytest.raises(RuntimeError, match="no backward"):
        third(**{name: X.clone().requires_grad_()}).sum().backward()


@sampled(4, name=[n for n in NAMES if not keyword.iskeyword(n) and n != "self"])
def test_an_argument_of_an_ir_op_of_any_name(name: str) -> None:
    scope: dict[str, object] = {"Tensor": Tensor}
    exec(f"def native({name}: Tensor, y_: float = 2.0) -> Tensor: return {name} * y_", scope)
    op = ir.register_op(name=f"named_{NAMES.index(name)}", activations=[name])(scope["native"])
    exec(f"def mine({name}: Tensor, y_: float = 2.0) -> Tensor: return {name} * y_ + 0", scope)
    op.register_impl("mine", constraints=[ir.dtypes(name, torch.float32), ir.rank(name, 1)])(
        scope["mine"]
    )
    with op.set_priority(["mine", "native"]):
        for wrapped in (True, False):
            with ir.enable_torch_wrap(wrapped):
                assert torch.equal(op(X), X * 2)
                assert torch.equal(op(**{name: X}, y_=3.0), X * 3)
                assert torch.equal(op(X.double()), X.double() * 2)


def test_the_prefix_of_generated_names_begins_no_argument() -> None:
    assert own_prefix(("x", "ir")) == "ir_"
    assert own_prefix(("ir_x", "_ir_y")) == "__ir_"


def test_an_argument_that_the_signature_has_not_is_refused_with_those_it_has() -> None:
    def beyond(self, ksel):
        ksel.arg_tensor(3)

    packet = make_op("beyond_@UNIQUE@(Tensor x) -> Tensor", beyond, generate)
    for declare in ("arg_tensor", "attr_int", "attr_list_int", "arg_int", "arg_optional_tensor"):
        op = make_op(
            "beyond_@UNIQUE@(Tensor x) -> Tensor",
            lambda self, ksel, declare=declare: getattr(ksel, declare)(3),
            generate,
        )
        with pytest.raises(ArgumentError, match="it has no argument 3, must be one of 0 `x`"):
            op(X)
    with pytest.raises(IndexError):
        packet(X)


def test_declarations_of_sizes_chain() -> None:
    seen = []

    def chained(self, ksel):
        x = ksel.arg_tensor(0).specialize_dims(-1).require(rank=1).specialize_all_dims()
        seen.append(x.spec_dims)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)
        ksel.attr_float(1)

    packet = make_op("chained_@UNIQUE@(Tensor x, float y) -> Tensor", chained, generate)
    packet(X.to("meta"), 2.0)
    assert seen == [[4]]

    def beyond(self, ksel):
        ksel.arg_tensor(0).specialize_dims(1)

    packet = make_op("chained_@UNIQUE@(Tensor x) -> Tensor", beyond, generate)
    with pytest.raises(ArgumentError, match=r"`x` is f32.4., must have a dimension 1"):
        packet(X)


def test_a_class_derives_from_a_registered_op() -> None:
    base = make_op("base_@UNIQUE@(Tensor x, float y) -> Tensor", select, generate)

    class derived(base):
        signature = "derived_@UNIQUE@(Tensor x, float y) -> Tensor"

        def select(self, ksel):
            super().select(ksel)
            ksel.variant = "derived"

    packet = CustomOp.register(library=LIBRARY)(derived)
    assert torch.equal(packet(X, 2.0), X * 2)


def test_a_class_cannot_derive_from_an_ir_op_and_says_what_to_do() -> None:
    with pytest.raises(OpDefinitionError) as refused:

        class other(ir.ops.gelu):
            pass

    assert str(refused.value) == (
        "op gelu: is no class, a base must be one\n"
        "  fix: add a provider with gelu.register_impl, or a kernel with ir.register_kernel(gelu)"
    )
