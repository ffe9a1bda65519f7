from __future__ import annotations

import pytest
import torch

from ir_runtime.errors import ArgumentError, NotDifferentiableError, RegistrationError
from ir_runtime.op_reg import derive_backward, register_autograd
from tests.op_reg import ops
from tests.op_reg.ops import like_first, like_first_of_two, make_op, op_of, yield_first

FIX = (
    "\n  fix: give it one by ir_runtime.op_reg.register_autograd or in its CustomOp class, or call "
    "it under torch.no_grad() or on detached tensors"
)


def refusal_of(packet) -> str:
    return f"{op_of(packet).name}: a gradient reached it, and it has no backward{FIX}"


def leaf(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, requires_grad=True)


def product():
    """An op whose backward needs what setup_context saves."""

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        kb.yield_results(arith.mulf(kb.arg(0), kb.arg(1)))

    def setup_context(self, ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    def backward(self, ctx, gradient):
        x, y = ctx.saved_tensors
        return gradient * y, gradient * x

    return make_op(
        "product_@UNIQUE@(Tensor x, Tensor y) -> Tensor",
        like_first_of_two,
        generate,
        setup_context=setup_context,
        backward=backward,
    )


PRODUCT = product()


def test_gradient_is_right_in_eager():
    x, y = leaf(3, 4), leaf(3, 4)
    PRODUCT(x, y).sum().backward()
    assert torch.equal(x.grad, y)
    assert torch.equal(y.grad, x)


def test_gradient_agrees_with_finite_differences():
    x, y = leaf(3).double().detach().requires_grad_(), torch.randn(3, dtype=torch.float64)
    assert torch.autograd.gradcheck(PRODUCT, (x, y))


def test_gradient_of_an_op_with_keyword_arguments():
    x = leaf(4)
    ops.keyed(x, factor=5.0, bias=torch.ones(4)).sum().backward()
    assert torch.equal(x.grad, torch.full((4,), 5.0))


def test_only_what_asks_gets_a_gradient():
    x, y = leaf(4), torch.randn(4)
    PRODUCT(x, y).sum().backward()
    assert torch.equal(x.grad, y)
    assert y.grad is None


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_gradient_is_right_compiled(backend):
    x, y = leaf(3, 4), leaf(3, 4)
    call = torch.compile(lambda x, y: PRODUCT(x, y) * 2, backend=backend, fullgraph=True)
    call(x, y).sum().backward()
    assert torch.equal(x.grad, y * 2)
    assert torch.equal(y.grad, x * 2)


def test_gradient_is_right_compiled_for_dynamic_shapes():
    call = torch.compile(PRODUCT, backend="aot_eager", fullgraph=True, dynamic=True)
    for n in (3, 5, 9):
        x, y = leaf(n, 2), leaf(n, 2)
        call(x, y).sum().backward()
        assert torch.equal(x.grad, y)


def test_op_without_a_backward_refuses_a_gradient():
    with pytest.raises(NotDifferentiableError) as caught:
        ops.scale(leaf(4)).sum().backward()
    assert str(caught.value) == refusal_of(ops.scale)


def test_op_without_a_backward_runs_while_no_gradient_is_asked_for():
    x = leaf(4)
    y = ops.scale(x)
    assert y.requires_grad
    assert torch.equal(y.detach(), x.detach() * 2)


def test_refusal_through_a_list():
    with pytest.raises(NotDifferentiableError) as caught:
        ops.list_sum([torch.randn(4), leaf(4)]).sum().backward()
    assert str(caught.value) == refusal_of(ops.list_sum)


def test_refusal_through_two_results_of_which_one_is_used():
    with pytest.raises(NotDifferentiableError) as caught:
        ops.sum_and_difference(leaf(4), torch.randn(4))[1].sum().backward()
    assert str(caught.value) == refusal_of(ops.sum_and_difference)


def test_refusal_through_an_optional_argument():
    with pytest.raises(NotDifferentiableError) as caught:
        ops.affine(torch.randn(4), None, leaf(4)).sum().backward()
    assert str(caught.value) == refusal_of(ops.affine)


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiled_op_without_a_backward_refuses_a_gradient(backend):
    call = torch.compile(lambda x: ops.scale(x) * 3, backend=backend, fullgraph=True)
    x = leaf(4)
    loss = call(x).sum()
    assert torch.allclose(loss, (x * 6).sum())
    with pytest.raises(NotDifferentiableError) as caught:
        loss.backward()
    assert str(caught.value) == refusal_of(ops.scale)
    assert x.grad is None


def test_out_overload_refuses_what_requires_a_gradient():
    with pytest.raises(ArgumentError, match="not differentiable"):
        ops.add.out(leaf(4), leaf(4), out=torch.empty(4))


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoint_recomputes(reentrant):
    from torch.utils.checkpoint import checkpoint

    x, y = leaf(4), leaf(4)
    checkpoint(lambda x, y: PRODUCT(x, y).sin(), x, y, use_reentrant=reentrant).sum().backward()
    expected = (x * y).cos() * y
    assert torch.allclose(x.grad, expected)


def test_second_use_of_one_result_adds_up():
    x = leaf(4)
    y = PRODUCT(x, x)
    (y + y).sum().backward()
    assert torch.allclose(x.grad, 4 * x)


# --- register_autograd --------------------------------------------------------------------------


def identity(signature="identity_@UNIQUE@(Tensor x) -> Tensor", **members):
    return make_op(signature, like_first, yield_first, **members)


def passed_on(ctx, gradient):
    return gradient


@pytest.mark.parametrize(
    "named",
    [lambda p: p, lambda p: p.default, lambda p: op_of(p).qualified_name],
    ids=["packet", "overload", "name"],
)
def test_op_is_named_in_three_ways(named):
    packet = identity()
    register_autograd(named(packet), passed_on)
    x = leaf(4)
    packet(x).sum().backward()
    assert torch.equal(x.grad, torch.ones(4))


@pytest.mark.parametrize("what", ["ir_tests::absent", torch.ops.aten.add, ops.add.out, 3])
def test_what_is_no_op_of_ours_is_refused(what):
    with pytest.raises(RegistrationError) as caught:
        register_autograd(what, passed_on)
    assert str(caught.value) == (
        f"{what}: not an op of ir_runtime, must be what CustomOp.register returned, "
        "its default overload, or its name as 'namespace::name'"
    )


def test_op_that_was_called_before_becomes_differentiable():
    packet, x = identity(), leaf(4)
    packet(x)
    register_autograd(packet, passed_on)
    packet(x).sum().backward()
    assert torch.equal(x.grad, torch.ones(4))


@pytest.mark.parametrize("packet", [PRODUCT, ops.add])
def test_backward_of_the_class_is_not_replaced(packet):
    with pytest.raises(RegistrationError) as caught:
        register_autograd(packet, passed_on)
    assert str(caught.value) == (
        f"{op_of(packet).qualified_name}: it has a backward already, must be given one once"
    )


def test_second_registration_is_refused():
    packet = identity()
    register_autograd(packet, passed_on)
    with pytest.raises(RegistrationError, match="it has a backward already"):
        register_autograd(packet, derive_backward(lambda x: x))


def test_op_that_changes_an_argument_is_refused():
    with pytest.raises(RegistrationError) as caught:
        register_autograd(ops.twice, passed_on)
    assert str(caught.value) == (
        f"{op_of(ops.twice).name}: it changes an argument, must be functional to have a backward"
    )


def test_in_place_op_refuses_what_requires_a_gradient():
    with pytest.raises(NotDifferentiableError) as caught:
        ops.twice(leaf(4) * 1)
    assert str(caught.value) == (
        f"{op_of(ops.twice).name}: an argument requires a gradient, must be without one: "
        "ops that change an argument are not differentiable\n"
        "  fix: call it under torch.no_grad() or on detached tensors"
    )


def test_backward_that_is_nothing_of_the_kind_is_refused():
    packet = identity()
    with pytest.raises(RegistrationError) as caught:
        register_autograd(packet, 3)
    assert str(caught.value) == (
        f"{op_of(packet).name}: its backward is 3, must be a function, an op, "
        "or derive_backward(function)"
    )


def test_setup_context_beside_a_derived_backward_is_refused():
    packet = identity()
    with pytest.raises(RegistrationError) as caught:
        register_autograd(packet, derive_backward(lambda x: x), setup_context=print)
    assert str(caught.value) == (
        f"{op_of(packet).name}: setup_context is given, must be omitted for a backward that "
        "keeps its inputs itself"
    )


def test_setup_context_without_a_backward_is_refused():
    with pytest.raises(RegistrationError) as caught:
        identity("alone(Tensor x) -> Tensor", setup_context=lambda self, ctx, inputs, output: None)
    assert str(caught.value) == "alone: it has setup_context, must have backward too"


KEYED = "keyed_@UNIQUE@(Tensor x, float scale=1.0, *, Tensor? bias=None) -> Tensor"


def keyed(backward):
    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.attr_float(1)
        ksel.arg_optional_tensor(2)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    packet = make_op(KEYED, select, yield_first)
    register_autograd(packet, backward)
    return packet


@pytest.mark.parametrize(
    "backward",
    [lambda ctx, g: {"x": g, "bias": 2 * g}, lambda ctx, g: (g, None, 2 * g)],
    ids=["by name", "for all arguments"],
)
def test_keyword_only_argument_gets_its_gradient(backward):
    """`torch.library` takes none: the gradient would be lost."""
    packet, x, b = keyed(backward), leaf(4), leaf(4)
    packet(x, bias=b).sum().backward()
    assert torch.equal(x.grad, torch.ones(4))
    assert torch.equal(b.grad, torch.full((4,), 2.0))


def test_keyword_only_argument_without_a_gradient_is_refused_not_dropped():
    packet, b = keyed(lambda ctx, g: (g, None)), leaf(4)
    packet(leaf(4), bias=b.detach()).sum().backward()
    with pytest.raises(NotDifferentiableError) as caught:
        packet(leaf(4), bias=b).sum().backward()
    assert str(caught.value) == (
        f"{op_of(packet).name}: a gradient reached `bias`, and its backward gives none for that "
        "argument\n  fix: return one, or None for zero, or detach the argument"
    )


def test_context_sees_all_arguments():
    seen = []

    def setup_context(ctx, inputs, keyword_only_inputs, output):
        seen.append((len(inputs), inputs[1], sorted(keyword_only_inputs)))
        ctx.mark_non_differentiable()

    def backward(ctx, gradient):
        seen.append(ctx.needs_input_grad)
        return {"x": gradient}

    packet = make_op(KEYED, op_of(keyed(backward)).select.__func__, yield_first)
    register_autograd(packet, backward, setup_context=setup_context)
    packet(leaf(4)).sum().backward()
    assert seen == [(2, 1.0, ["bias"]), (True, False, False)]


MISTAKES = {
    "too few": (
        lambda ctx, g: (g,),
        "its backward returns 1 gradients, must be 2, one for each positional argument",
    ),
    "unknown name": (
        lambda ctx, g: {"z": g},
        "its backward returns a gradient for `z`, must be for one of `x`, `scale`, `bias`",
    ),
    "for a number": (
        lambda ctx, g: (g, g),
        "its backward returns a gradient for `scale`, must be None: it is no tensor",
    ),
    "a list": (
        lambda ctx, g: ([g], None),
        "the gradient that its backward returns for `x` is 1 values, must be a tensor or None",
    ),
}


@pytest.mark.parametrize(("backward", "problem"), MISTAKES.values(), ids=MISTAKES)
def test_backward_that_returns_something_else_is_refused(backward, problem):
    packet = keyed(backward)
    with pytest.raises(RegistrationError) as caught:
        packet(leaf(4)).sum().backward()
    assert str(caught.value) == f"{op_of(packet).name}: {problem}"


def listed(backward):
    packet = make_op(
        "listed_@UNIQUE@(Tensor[] xs) -> Tensor",
        op_of(ops.list_sum).select.__func__,
        op_of(ops.list_sum).generate.__func__,
    )
    register_autograd(packet, backward)
    return packet


def test_list_gets_a_list_of_gradients_of_which_some_are_none():
    seen, xs = [], [leaf(4), torch.randn(4), leaf(4)]

    def backward(ctx, gradient):
        seen.append(ctx.needs_input_grad)
        return [gradient * 2, None, None]

    listed(backward)(xs).sum().backward()
    assert seen == [([True, False, True],)]
    assert torch.equal(xs[0].grad, torch.full((4,), 2.0))
    assert xs[2].grad is None or not xs[2].grad.any()


def test_list_may_get_no_gradient_at_all():
    x = leaf(4)
    listed(lambda ctx, gradient: None)([x, x]).sum().backward()
    assert x.grad is None or not x.grad.any()


def test_list_of_gradients_of_another_length_is_refused():
    packet = listed(lambda ctx, gradient: [gradient])
    with pytest.raises(RegistrationError) as caught:
        packet([leaf(4), leaf(4)]).sum().backward()
    assert str(caught.value) == (
        f"{op_of(packet).name}: the gradient that its backward returns for `xs` is 1 values, "
        "must be a list of 2 or None"
    )


def test_exception_of_a_backward_arrives_as_it_is():
    def backward(ctx, gradient):
        raise KeyError("mine")

    packet = identity()
    register_autograd(packet, backward)
    with pytest.raises(KeyError, match="mine"):
        packet(leaf(4)).sum().backward()
