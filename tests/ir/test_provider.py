"""Providers: how they are registered, what must match native, what they tell of themselves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.ir import IrOpImpl
from tests.ir.ops import is_even, make_add_twice, make_scaled, scaled

X = torch.arange(6.0).reshape(2, 3)


def test_register_impl_returns_the_provider():
    """IR-30."""
    op = make_scaled()

    @op.register_impl("mine", supported=True, supports_args=None, inplace=False)
    def mine(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor

    assert isinstance(mine, IrOpImpl)
    assert op.impls["mine"] is mine


def test_duplicate_provider():
    """IR-31."""
    op = make_scaled()
    mine = op.register_impl("mine")(scaled)
    with pytest.raises(AssertionError, match="provider mine is registered already"):
        op.register_impl("mine")(scaled)
    assert op.impls["mine"] is mine


def other_name(y: Tensor, factor: float = 2.0) -> Tensor:
    return y


def other_type(x: Tensor, factor: int = 2) -> Tensor:
    return x


def other_default(x: Tensor, factor: float = 3.0) -> Tensor:
    return x


def no_default(x: Tensor, factor: float) -> Tensor:
    return x


def optional(x: Tensor | None, factor: float = 2.0) -> Tensor:
    return x


def other_result(x: Tensor, factor: float = 2.0) -> tuple[Tensor, Tensor]:
    return x, x


def one_more(x: Tensor, factor: float = 2.0, more: int = 0) -> Tensor:
    return x


@pytest.mark.parametrize(
    "function",
    [other_name, other_type, other_default, no_default, optional, other_result, one_more],
)
def test_schema_must_be_natives(function):
    """IR-32."""
    op = make_scaled()
    with pytest.raises(ValueError, match="does not match native schema") as caught:
        op.register_impl("mine")(function)
    assert "native: (Tensor x, float factor=2.0) -> Tensor" in str(caught.value)
    assert list(op.impls) == ["native", "iree"]


def refuse(supports_args: object, match: str) -> None:
    op = make_scaled()
    with pytest.raises(ValueError, match=match):
        op.register_impl("mine_supports_args", supports_args=supports_args)(scaled)
    assert list(op.impls) == ["native", "iree"]


def test_supports_args_that_is_no_function():
    """IR-33."""
    refuse(True, "supports_args must be a callable")


def test_supports_args_that_is_a_text():
    """IR-33: the whole sentence, too."""
    refuse("even", "supports_args for provider mine_supports_args must be a callable")


def test_supports_args_with_keyword_only_parameters():
    """IR-33."""
    refuse(lambda x, *, factor=2.0: True, "keyword-only parameters")


@pytest.mark.parametrize(
    "function", [lambda: True, lambda x: True, lambda x, factor=2.0, more=1: True]
)
def test_supports_args_of_another_number_of_parameters(function):
    """IR-33."""
    refuse(function, "number of parameters")


def test_supports_args_with_another_name():
    """IR-33."""
    refuse(lambda y, factor=2.0: True, "does not match native parameter")


@pytest.mark.parametrize("function", [lambda x, factor=3.0: True, lambda x, factor: True])
def test_supports_args_with_another_default(function):
    """IR-33."""
    refuse(function, "does not match native default")


def test_inplace_provider_of_an_op_that_does_not_allow_it():
    """IR-34."""
    op = make_scaled()
    with pytest.raises(AssertionError, match="allow_inplace=True"):
        op.register_impl("writes", inplace=True)(scaled)
    assert list(op.impls) == ["native", "iree"]


def test_attributes():
    """IR-35."""
    op = make_scaled(allow_inplace=True)
    impl = op.register_impl("mine", supports_args=is_even, inplace=True)(scaled)
    assert impl.op is op
    assert impl.provider == "mine"
    assert impl.impl_fn is scaled
    assert impl.supported is True
    assert impl.inplace is True
    assert impl.supports_all_args is False
    assert isinstance(impl.uuid(), str)
    assert op.impls["native"].supports_all_args is True


def test_supports_args_takes_what_the_op_takes():
    """IR-35."""
    op = make_scaled()
    impl = op.register_impl("mine", supports_args=is_even)(scaled)
    assert impl.supports_args(X[:, :2]) is True
    assert impl.supports_args(x=X[:, :2], factor=1.0) is True
    assert impl.supports_args(X, 3.0) is False


def test_functional_form_clones_what_is_written():
    """IR-36."""
    op = make_add_twice()
    x, residual = X.clone(), X + 1
    results = op.impls["writes"].func_impl_fn(x, residual)
    assert torch.equal(x, X)
    assert torch.equal(residual, X + 1)
    for mine, other in zip(results, op.native(X, X + 1), strict=True):
        assert torch.equal(mine, other)
    assert torch.equal(op.impls["writes"].func_impl_fn(X, x_residual=X + 1)[0], results[0])


def test_functional_form_of_what_writes_nothing_is_the_function():
    """IR-36."""
    op = make_scaled()
    impl = op.register_impl("mine")(lambda_like)
    assert impl.func_impl_fn(X, 1.0) is X


def lambda_like(x: Tensor, factor: float = 2.0) -> Tensor:
    return x


def test_native_is_always_there():
    """IR-38."""
    op = make_scaled()
    native = op.impls["native"]
    assert native.supported is True
    assert native.supports_all_args
    assert native.impl_fn is scaled
    assert next(iter(op.impls)) == "native"


def test_supported_providers():
    """IR-39: in the order of registration; each op has `iree`."""
    op = make_scaled()
    op.register_impl("second")(scaled)
    op.register_impl("absent", supported=False)(scaled)
    op.register_impl("first", supports_args=is_even)(scaled)
    assert op.supported_providers() == ["native", "iree", "second", "first"]
    assert list(op.impls) == ["native", "iree", "second", "absent", "first"]


def test_enablement_is_by_priority_alone():
    """IR-40: a supported provider does not run until a priority names it."""
    op = make_scaled()
    op.register_impl("mine")(scaled)
    assert op.dispatch(X).provider == "native"
    with op.set_priority(["mine"]):
        assert op.dispatch(X).provider == "mine"


def test_reason_for_not_being_supported():
    """IR-40, with a reason."""
    op = make_scaled()
    reason = ir.Refusal("the library `vendor` is not installed")
    impl = op.register_impl("mine", supported=reason)(scaled)
    assert impl.supported is False
    assert "mine    unsupported: the library `vendor` is not installed" in str(op.explain(X))


def test_native_as_a_provider_is_not_decorated():
    """The user's function is to be had, called and compared with."""
    op = make_scaled()
    assert op.impls["native"].impl_fn is scaled
    assert op.native is scaled
