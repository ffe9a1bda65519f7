"""Ops that cannot be the backward of another op are refused when they are registered."""

from __future__ import annotations

import pytest
import torch

from ir_runtime.errors import RegistrationError
from ir_runtime.op_reg import CustomOp, register_autograd
from tests.op_reg.differentiable import native_op
from tests.op_reg.ops import LIBRARY, make_op, op_of


def refusal(signature: str, backward_signature: str) -> str:
    """Return what registering one as the backward of the other says, without its facts."""
    forward = make_op(signature, None, None)
    backward = make_op(backward_signature, None, None)
    with pytest.raises(RegistrationError) as caught:
        register_autograd(forward, backward)
    text = caught.value.headline
    start = f"{op_of(forward).name}: {op_of(backward).name} cannot be its backward: "
    assert text.startswith(start)
    assert caught.value.facts == (str(op_of(forward).schema), str(op_of(backward).schema))
    return text.removeprefix(start)


# --- schemas that do not fit --------------------------------------------------------------------

FORWARD = "forward_@UNIQUE@(Tensor x, Tensor? w, float factor) -> Tensor"


def test_argument_that_nothing_fills():
    assert refusal(FORWARD, "of_@UNIQUE@(Tensor grad, Tensor z) -> (Tensor grad_x)") == (
        "nothing fills its argument `z`, must be one of `x`, `w`, `factor`, `result`, "
        "`grad_result`, `grad`, `needs_grad`"
    )


def test_argument_of_another_type():
    assert refusal(FORWARD, "of_@UNIQUE@(Tensor grad, int factor) -> (Tensor grad_x)") == (
        "its argument `factor` is int, must be float"
    )


def test_optional_argument_that_is_taken_as_present():
    assert refusal(FORWARD, "of_@UNIQUE@(Tensor grad, Tensor w) -> (Tensor grad_x)") == (
        "its argument `w` is Tensor, must be Optional[Tensor]"
    )


def test_needs_grad_of_another_type():
    assert refusal(FORWARD, "of_@UNIQUE@(Tensor grad, int[] needs_grad) -> (Tensor grad_x)") == (
        "its argument `needs_grad` is List[int], must be List[bool]"
    )


def test_name_that_means_two_things():
    assert refusal(
        "forward_@UNIQUE@(Tensor grad) -> Tensor", "of_@UNIQUE@(Tensor grad) -> Tensor"
    ) == ("its argument `grad` may mean two things here")


def test_result_that_is_no_gradient():
    assert refusal(FORWARD, "of_@UNIQUE@(Tensor grad) -> (Tensor grad_z)") == (
        "its result `grad_z` is no gradient of a tensor argument, must be one of `grad_x`, `grad_w`"
    )


def test_result_without_a_name_among_named_ones():
    assert refusal(FORWARD, "of_@UNIQUE@(Tensor grad) -> (Tensor grad_x, Tensor)") == (
        "its result `` is no gradient of a tensor argument, must be one of `grad_x`, `grad_w`"
    )


def test_too_few_unnamed_results():
    assert refusal(FORWARD, "of_@UNIQUE@(Tensor grad) -> Tensor") == (
        "it returns 1 unnamed results, must be 2, one for each of `x`, `w`, "
        "or named `grad_<argument>`"
    )


def test_result_that_is_no_list_for_a_list():
    forward = "forward_@UNIQUE@(Tensor[] xs) -> Tensor"
    assert refusal(forward, "of_@UNIQUE@(Tensor grad) -> (Tensor grad_xs)") == (
        "its result `grad_xs` is Tensor, must be a list of tensors"
    )


def test_backward_that_changes_an_argument():
    assert refusal(FORWARD, "of_@UNIQUE@_(Tensor(a!) grad) -> Tensor(a!)") == (
        "it changes its arguments, must be functional"
    )


def test_op_of_another_library_is_no_backward():
    packet = make_op(FORWARD, None, None)
    with pytest.raises(RegistrationError) as caught:
        register_autograd(packet, torch.ops.aten.mul)
    assert str(caught.value) == (
        "aten.mul: not an op of ir_runtime, must be what CustomOp.register returned, "
        "its default overload, or its name as 'namespace::name'"
    )


def test_setup_context_beside_an_op_is_refused():
    class Both(CustomOp):
        signature = "both_ways_@UNIQUE@(Tensor x) -> Tensor"
        backward = native_op("of_@UNIQUE@(Tensor grad) -> Tensor", lambda grad: grad)
        select = generate = None

        def setup_context(self, ctx, inputs, output):
            pass

    with pytest.raises(RegistrationError, match="setup_context is given, must be omitted"):
        CustomOp.register(library=LIBRARY)(Both)
