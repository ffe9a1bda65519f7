"""What does a call that is bound to one layout take, and how does it refuse the rest?"""

from __future__ import annotations

import functools
import inspect
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ir_runtime.launch.direct.native._launcher import BoundCall, Plan
from tests.launch.native.libraries import square_plan

RESULT = [((8, 64), torch.float32)]


def _bound(*more: Any) -> BoundCall:
    return BoundCall("square", (torch.zeros(8, 64), *more), square_plan(8), (0,), RESULT)


def test_tensors_of_the_layout_are_served() -> None:
    bound, x = _bound(), torch.randn(8, 64)
    assert torch.equal(bound(x), x * x)
    assert bound.name == "square"


def test_other_arguments_must_be_those_it_was_bound_to() -> None:
    bound, x = _bound(0.5, "a"), torch.randn(8, 64)
    assert torch.equal(bound(x, 0.5, "a"), x * x)
    with pytest.raises(ValueError, match=r"\(value\)"):
        bound(x, 0.25, "a")
    with pytest.raises(ValueError, match=r"\(number of arguments\)"):
        bound(x)
    with pytest.raises(ValueError, match=r"\(number of arguments\)"):
        bound(x, 0.5, b="a")


def _complex() -> BoundCall:
    x = torch.zeros(8, 32, dtype=torch.complex64)
    return BoundCall("square", (x,), square_plan(8), (0,), RESULT)


@pytest.mark.parametrize(
    ("x", "word"),
    [
        (lambda: torch.zeros(8, 64, requires_grad=True), "requires grad"),
        (lambda: torch.nn.Parameter(torch.zeros(8, 64)), "requires grad"),
        (lambda: FakeTensorMode().from_tensor(torch.zeros(8, 64)), "subclass"),
        (lambda: torch._neg_view(torch.zeros(8, 64)), "neg"),
        (lambda: torch.zeros(64, 8).T, "strides"),
        (lambda: torch.zeros(9 * 64)[1:513].view(8, 64), "alignment"),
        (lambda: torch.zeros(8, 64, dtype=torch.int32), "dtype"),
        (lambda: torch.zeros(64, 8), "shape"),
        (lambda: torch.zeros(8, 64, device="meta"), "no plain memory"),
        (lambda: torch._to_functional_tensor(torch.zeros(8, 64)), "null data"),
        (lambda: None, "kind of argument"),
    ],
)
def test_anything_else_is_refused_with_a_word(x: Any, word: str) -> None:
    message = (
        rf"^square: refuses these arguments \({word}\), must be plain CPU tensors and values "
        "exactly like those it was bound to$"
    )
    with pytest.raises(ValueError, match=message):
        _bound()(x())


def test_conj_views_are_refused() -> None:
    bound, x = _complex(), torch.randn(8, 32, dtype=torch.complex64)
    assert bound(x).shape == (8, 64)
    with pytest.raises(ValueError, match=r"\(conj\)"):
        bound(x.conj())


def test_a_gradient_that_is_not_recorded_does_not_matter() -> None:
    x = torch.randn(8, 64, requires_grad=True)
    with torch.no_grad():
        assert torch.equal(_bound()(x), x * x)


class _FunctionMode(TorchFunctionMode):
    pass


class _DispatchMode(TorchDispatchMode):
    pass


@pytest.mark.parametrize("mode", [_FunctionMode, _DispatchMode, FakeTensorMode])
def test_an_active_mode_is_refused(mode: Any) -> None:
    bound, x = _bound(), torch.zeros(8, 64)
    with mode(), pytest.raises(ValueError, match=r"\(active mode\)"):
        bound(x)
    assert torch.equal(bound(x), x)


def test_forward_mode_gradients_are_refused() -> None:
    bound, x = _bound(), torch.zeros(8, 64)
    with torch.autograd.forward_ad.dual_level(), pytest.raises(ValueError, match="forward-mode"):
        bound(x)


def test_functorch_is_refused() -> None:
    bound, plain = _bound(), torch.zeros(8, 64)
    words: list[str] = []

    def inside(x: Tensor) -> Tensor:
        for value in (x, plain):
            with pytest.raises(ValueError, match="active mode"):
                bound(value)
            words.append("refused")
        return x.sum()

    torch.vmap(inside)(torch.zeros(2, 8, 64))
    torch.func.grad(inside)(torch.zeros(8, 64))
    torch.func.functionalize(inside)(torch.zeros(8, 64))
    assert len(words) == 6


def test_what_cannot_be_recognised_cannot_be_bound() -> None:
    with pytest.raises(ValueError, match=r"^square: cannot be bound to these arguments"):
        _bound(object())


def test_an_object_that_is_no_plan_cannot_be_bound() -> None:
    with pytest.raises(TypeError):
        BoundCall("square", (torch.zeros(8, 64),), object(), (0,), RESULT)


def test_no_result_is_none() -> None:
    assert BoundCall("nothing", (), Plan([], 0, 0, [], [], [], 0), (), [])() is None


def _named() -> BoundCall:
    signature = inspect.Signature([inspect.Parameter("from", inspect.Parameter.POSITIONAL_ONLY)])
    example = (torch.zeros(8, 64),)
    return BoundCall("tests::square", example, square_plan(8), (0,), RESULT, signature)


def test_it_says_of_itself_what_functions_say() -> None:
    bound = _named()
    assert (bound.name, bound.__name__, bound.__qualname__) == ("tests::square", "square", "square")
    assert bound.__text_signature__ == "(from, /)"
    assert str(inspect.signature(bound)) == "(from, /)"
    assert repr(bound) == "<ir_runtime BoundCall: tests::square>"
    assert functools.wraps(bound)(lambda x: x).__name__ == "square"
    assert str(inspect.signature(functools.partial(bound, None))) == "()"


def test_its_signature_may_be_unknown() -> None:
    bound = _bound()
    assert bound.__text_signature__ is None
    with pytest.raises(ValueError, match="signature"):
        inspect.signature(bound)
    assert "plan" in inspect.signature(BoundCall).parameters


def test_it_has_weak_references() -> None:
    bound, said = _named(), []
    alive = weakref.ref(bound, said.append)
    assert alive() is bound
    del bound
    assert alive() is None
    assert said == [alive]
