"""Ops under `torch.vmap`: the mapped dimensions, loops, rules, and refusals."""

from __future__ import annotations

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.errors import NoVmapRuleError, RegistrationError
from ir_runtime.op_reg import register_vmap
from tests.op_reg import ops
from tests.op_reg.differentiable import calls_below, native_op
from tests.op_reg.mapped_product import LOOPED, PRODUCTS, X, Y, each_product
from tests.op_reg.ops import CustomOp, like_first, make_op, op_of, yield_first


@each_product
@pytest.mark.parametrize("in_dims", [(0, 0), (0, None), (None, 0), (1, 0), (0, 1), (-1, -1)])
@pytest.mark.parametrize("out_dims", [0, 1])
def test_every_mapped_dimension(product, in_dims, out_dims):
    size = 4
    x, y = torch.randn(4, 4), torch.randn(4, 4)
    args = [t[0] if d is None else t for t, d in zip((x, y), in_dims, strict=True)]
    found = torch.vmap(product, in_dims, out_dims)(*args)
    assert found.shape == (size, size)
    assert torch.equal(found, torch.vmap(torch.mul, in_dims, out_dims)(*args))


@each_product
def test_vmap_of_vmap(product):
    assert torch.equal(torch.vmap(torch.vmap(product))(X, Y), X * Y)
    found = torch.vmap(torch.vmap(product, (0, None)), (None, 0))(X, Y)
    assert torch.equal(found, X[None] * Y[:, None])


@each_product
def test_inner_argument_of_the_outer_map(product):
    """The inner map has nothing to map in this op."""
    found = torch.vmap(lambda x, y: torch.vmap(lambda k: product(x, y) + k)(torch.arange(2.0)))
    assert torch.equal(found(X, Y), (X * Y)[:, None] + torch.arange(2.0)[None, :, None])


def test_rule_runs_one_kernel_and_the_loop_one_an_element():
    for name, launches in (("native, rule", 1), ("native, loop", 3)):
        with calls_below(PRODUCTS[name]) as seen:
            torch.vmap(PRODUCTS[name])(X.clone().requires_grad_(), Y)
        assert len(seen) == launches


def test_loop_over_nothing():
    assert torch.vmap(LOOPED)(torch.empty(0, 4), torch.empty(0, 4)).shape == (0, 4)
    columns = torch.empty(4, 0)
    assert torch.vmap(LOOPED, 1)(columns, columns).shape == (0, 4)


def test_loop_with_a_list():
    packet = native_op("sum_@UNIQUE@(Tensor[] xs) -> Tensor", lambda xs: xs[0] + xs[1], vmap="loop")
    assert torch.equal(torch.vmap(lambda x, y: packet([x, y]), (0, None))(X, Y[0]), X + Y[0])


def test_loop_with_two_results():
    packet = native_op(
        "both_@UNIQUE@(Tensor x, Tensor y) -> (Tensor, Tensor)",
        lambda x, y: (x + y, x * y),
        vmap="loop",
    )
    for rows in (3, 0):
        total, product = torch.vmap(packet)(X[:rows], Y[:rows])
        assert torch.equal(total, X[:rows] + Y[:rows])
        assert torch.equal(product, X[:rows] * Y[:rows])


def test_loop_with_keyword_only_and_absent_arguments():
    packet = native_op(
        "affine_@UNIQUE@(Tensor x, Tensor? w=None, *, Tensor? b=None, float scale=1.0) -> Tensor",
        lambda x, w=None, *, b=None, scale=1.0: x * scale if b is None else x * scale + b,
        vmap="loop",
    )
    assert torch.equal(torch.vmap(lambda x: packet(x, scale=2.0))(X), X * 2)
    assert torch.equal(torch.vmap(lambda x, b: packet(x, b=b))(X, Y), X + Y)
    assert torch.equal(torch.vmap(lambda x, b: packet(x, b=b), (0, None))(X, Y[0]), X + Y[0])


def in_place_op():
    return make_op(
        "twice_@UNIQUE@_(Tensor(a!) x, Tensor y) -> Tensor(a!)",
        lambda self, ksel: (ksel.arg_tensor(0, inplace_tied=True), ksel.arg_tensor(1)),
        ops.yield_sum,
        vmap="loop",
    )


def test_loop_changes_mapped_arguments_in_place():
    x, packet = X.clone(), in_place_op()
    found = torch.vmap(packet, (1, None))(x, Y[:, 0].contiguous())
    assert torch.equal(x, X + Y[:, :1])
    assert torch.equal(found, x.t())


def test_loop_refuses_to_change_what_is_not_mapped():
    packet = in_place_op()
    with pytest.raises(NoVmapRuleError) as caught:
        torch.vmap(packet, (None, 0))(X[0].clone(), Y)
    assert str(caught.value) == (
        f"{op_of(packet).name}: `x` is changed in place and not mapped, "
        "must be mapped where another argument is"
    )


def test_rule_is_told_of_the_map():
    seen = []

    def rule(info, in_dims, x, factor, *, y):
        seen.append((info.batch_size, info.randomness, in_dims, tuple(x.shape), factor))
        return x * factor, in_dims[0]

    packet = make_op("told_@UNIQUE@(Tensor x, float factor, *, Tensor y) -> Tensor", None, None)
    register_vmap(packet, rule)
    found = torch.vmap(lambda x, y: packet(x, 2.0, y=y), (1, None), randomness="same")(X, Y)
    assert torch.equal(found, X.t() * 2)
    assert seen == [(4, "same", (1, None, None), (3, 4), 2.0)]


def test_method_of_the_class_is_the_rule():
    def vmap(self, info, in_dims, x):
        assert isinstance(self, CustomOp)
        return x * 10, in_dims[0]

    packet = make_op("method_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first, vmap=vmap)
    assert torch.equal(torch.vmap(packet)(X), X * 10)


def test_calls_outside_of_a_map_do_not_run_the_rule():
    with count_since() as counts:
        assert torch.equal(LOOPED(X, Y), X * Y)
    assert counts[0].compiles <= 1


# --- refusals -----------------------------------------------------------------------------------


def test_op_without_a_rule_is_refused():
    with pytest.raises(NoVmapRuleError) as caught:
        torch.vmap(ops.add)(X, Y)
    assert str(caught.value) == (
        f"{op_of(ops.add).name}: torch.vmap reached it, and it has no vmap rule\n"
        "  fix: ir_runtime.op_reg.register_vmap(op, rule), or register_vmap(op, 'loop') "
        "to call it for each element"
    )


def test_op_without_a_rule_runs_where_nothing_is_mapped():
    found = torch.vmap(lambda k: ops.add(X, Y) + k)(torch.arange(2.0))
    assert torch.equal(found, (X + Y) + torch.arange(2.0)[:, None, None])


def test_second_rule_is_refused():
    with pytest.raises(RegistrationError) as caught:
        register_vmap(LOOPED, "loop")
    assert str(caught.value) == (
        f"{op_of(LOOPED).qualified_name}: it has a vmap rule already, must be given one once"
    )


def test_rule_of_another_kind_is_refused():
    with pytest.raises(RegistrationError) as caught:
        register_vmap(ops.add, "map")
    assert str(caught.value) == (
        f"{op_of(ops.add).name}: its vmap rule is 'map', must be a function or 'loop'"
    )


def test_rule_that_returns_no_dimensions_is_torchs_own_error():
    packet = make_op("bare_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first)
    register_vmap(packet, lambda info, in_dims, x: x)
    with pytest.raises(RuntimeError, match="to have two returns"):
        torch.vmap(packet)(X)
