"""What does torch know of an op besides its schema?"""

from __future__ import annotations

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.errors import RegistrationError
from ir_runtime.op_reg import CustomOp, def_library, forward_op
from tests.op_reg import ops
from tests.op_reg.ops import LIBRARY, like_first, make_op, op_of, yield_first

X = torch.randn(3)


def tagged(signature="tagged_@UNIQUE@(Tensor x) -> Tensor", **members):
    return make_op(signature, like_first, yield_first, **members)


@pytest.mark.parametrize("packet", [ops.add, ops.twice, ops.exchange])
def test_every_op_is_marked_as_fit_for_torch_compile(packet):
    assert all(
        torch.Tag.pt2_compliant_tag in getattr(packet, name).tags for name in packet.overloads()
    )


def test_op_without_a_meta_function_is_not_marked_so():
    cls = type("made", (CustomOp,), {"signature": "unfit_@UNIQUE@(Tensor x) -> Tensor",
               "select": like_first, "generate": yield_first, "__module__": __name__})  # fmt: skip
    packet = CustomOp.register(library=LIBRARY, register_meta=False)(cls)
    assert torch.Tag.pt2_compliant_tag not in packet.default.tags


def test_tags_of_the_class_are_torchs_tags():
    packet = tagged(tags=(torch.Tag.pointwise, torch.Tag.needs_exact_strides))
    for overload in (packet.default, packet.out):
        assert {torch.Tag.pointwise, torch.Tag.needs_exact_strides} <= set(overload.tags)
    assert torch.Tag.pointwise not in tagged().default.tags


def test_tag_that_all_have_may_be_given_again():
    packet = tagged(tags=[torch.Tag.pt2_compliant_tag])
    assert packet.default.tags.count(torch.Tag.pt2_compliant_tag) == 1


def test_in_place_op_keeps_its_own_tag_beside_those_of_the_class():
    packet = make_op(
        "tagged_@UNIQUE@_(Tensor(a!) x) -> Tensor(a!)",
        lambda self, ksel: ksel.arg_tensor(0, inplace_tied=True),
        yield_first,
        tags=(torch.Tag.pointwise,),
    )
    assert {torch.Tag.inplace, torch.Tag.pointwise} <= set(packet.default.tags)


def layout_of(overload):
    return torch._library.utils.get_layout_constraint_tag(overload, with_default=False)


def test_functional_op_wants_contiguous_tensors():
    assert layout_of(ops.add.default) == torch.Tag.needs_contiguous_strides


@pytest.mark.parametrize("overload", [ops.twice.default, ops.exchange.default, ops.add.out])
def test_op_that_writes_into_tensors_leaves_their_layout_to_torch(overload):
    assert layout_of(overload) is None


def test_layout_tag_of_the_class_counts():
    assert layout_of(tagged(tags=(torch.Tag.flexible_layout,)).default) == torch.Tag.flexible_layout


def test_inductor_writes_contiguous_inputs_so_that_no_call_copies():
    compiled = torch.compile(lambda x, y: ops.add((x * 2).t(), y), fullgraph=True)
    x, y = torch.randn(30, 40), torch.randn(40, 30)
    compiled(x, y)
    with count_since() as counts:
        torch.testing.assert_close(compiled(x, y), (x * 2).t() + y)
    assert counts[0].copies == 0


def test_no_tag_of_randomness():
    assert torch.Tag.nondeterministic_seeded not in ops.add.default.tags


ONLY_FIT = torch._dynamo.config.patch(only_allow_pt2_compliant_ops=True)


@ONLY_FIT
def test_compiles_where_only_fit_ops_may():
    torch._dynamo.reset()
    compiled = torch.compile(lambda x: ops.add(x, x) + 1, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(X), X + X + 1)


@ONLY_FIT
def test_gradient_compiles_where_only_fit_ops_may():
    torch._dynamo.reset()
    x = X.clone().requires_grad_()
    torch.compile(ops.add, backend="aot_eager", fullgraph=True)(x, x).sum().backward()
    assert torch.equal(x.grad, torch.full((3,), 2.0))


@ONLY_FIT
def test_forwarded_op_bears_the_same_tags():
    packet = tagged(tags=(torch.Tag.pointwise,))
    forward_op(packet, def_library("ir_tests_tagged"))
    forwarded = getattr(torch.ops.ir_tests_tagged, op_of(packet).name)
    assert set(forwarded.default.tags) == set(packet.default.tags)
    assert torch.equal(torch.compile(forwarded, backend="aot_eager", fullgraph=True)(X), X)


def test_opcheck_of_a_tagged_op():
    torch.library.opcheck(tagged(tags=(torch.Tag.pointwise,)).default, (X,))


def test_what_is_no_tag_is_refused():
    with pytest.raises(RegistrationError) as caught:
        tagged("odd_tag(Tensor x) -> Tensor", tags=("pointwise",))
    assert str(caught.value) == "odd_tag: its tag is 'pointwise', must be one of torch.Tag"
    assert torch.equal(tagged("odd_tag(Tensor x) -> Tensor")(X), X)
