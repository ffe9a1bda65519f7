"""Shadow mode: each call runs native, too, and a provider that differs from native is named."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.settings import override_settings
from tests.ir.ops import add_twice, make_add_twice, make_scaled, wrapped

X = torch.arange(1.0, 7.0).reshape(2, 3)


@pytest.fixture(autouse=True)
def shadow():
    with override_settings(check="shadow"):
        yield


def register(result, **options):
    """Register `scaled` with a provider that changes what native gives."""
    op = make_scaled(**options)

    @op.register_impl("mine")
    def mine(x: Tensor, factor: float = 2.0) -> Tensor:
        return result(x * factor)

    return op


@pytest.mark.parametrize("on", [True, False])
def test_wrong_provider_is_named(on):
    def wrong(result: Tensor) -> Tensor:
        result[1, 2] += 0.5
        return result

    op = register(wrong)
    with op.set_priority(["mine"]), wrapped(on), pytest.raises(AssertionError) as caught:
        op(X)
    assert str(caught.value) == (
        "op scaled: provider mine differs from native, must agree within the op's "
        "tolerance\n"
        "    result 0 differs in 1 of 6 elements, the largest error is 0.5 at flat index 5: 12.5, "
        "native 12; allowed: atol 1e-05, rtol 1.3e-06\n"
        "    called with x=f32[2, 3], factor=2.0"
    )


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize(
    "result", [lambda r: r, lambda r: r * (1 + 1e-6), lambda r: r.t().contiguous().t()]
)
def test_right_provider_passes(result, on):
    op = register(result)
    with op.set_priority(["mine"]), wrapped(on):
        torch.testing.assert_close(op(X), X * 2)


def test_tolerance_is_the_ops():
    op = register(lambda r: r + 0.1)
    op.override_tolerance(torch.float32, atol=0.2, rtol=0.0)
    with op.set_priority(["mine"]):
        assert torch.equal(op(X), X * 2 + 0.1)


def test_result_is_the_providers():
    op = register(lambda r: r * (1 + 1e-6))
    with op.set_priority(["mine"]):
        assert torch.equal(op(X), X * 2 * (1 + 1e-6))


def test_nan_equals_nan():
    op = register(lambda r: r)
    x = torch.tensor([1.0, float("nan"), float("inf"), -float("inf")])
    with op.set_priority(["mine"]):
        assert torch.equal(op(x), x * 2) is False
        assert torch.equal(op(x).isnan(), x.isnan())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_where_native_has_a_number(value):
    def wrong(result: Tensor) -> Tensor:
        result[0, 1] = value
        return result

    op = register(wrong)
    with op.set_priority(["mine"]), pytest.raises(AssertionError, match="flat index 1"):
        op(X)


@pytest.mark.parametrize("dtype", [torch.int16, torch.int64, torch.bool])
def test_whole_numbers_are_exact(dtype):
    @ir.register_op
    def kept(x: Tensor) -> Tensor:
        return x.clone()

    @kept.register_impl("mine")
    def mine(x: Tensor) -> Tensor:
        result = x.clone()
        result[-1] = not result[-1] if x.dtype == torch.bool else result[-1] + 1
        return result

    x = torch.tensor([0, 1, 1]).to(dtype)
    with kept.set_priority(["mine"]), pytest.raises(AssertionError, match="1 of 3 elements"):
        kept(x)


def test_large_whole_numbers_are_exact():
    """A difference that doubles do not see."""

    @ir.register_op
    def kept(x: Tensor) -> Tensor:
        return x.clone()

    @kept.register_impl("mine")
    def mine(x: Tensor) -> Tensor:
        return x + 1

    with kept.set_priority(["mine"]), pytest.raises(AssertionError, match="differs"):
        kept(torch.tensor([1 << 60]))


def test_quantised_numbers_may_be_one_off():
    @ir.register_op
    def kept(x: Tensor, more: int) -> Tensor:
        return x.clone()

    @kept.register_impl("mine")
    def mine(x: Tensor, more: int) -> Tensor:
        return x + more

    x = torch.tensor([-128, 0, 100], dtype=torch.int8)
    with kept.set_priority(["mine"]):
        assert torch.equal(kept(x, 1), x + 1)
        with pytest.raises(AssertionError, match="largest error is 2 at flat index 0: -126"):
            kept(x, 2)


def test_complex_numbers():
    @ir.register_op
    def kept(x: Tensor) -> Tensor:
        return x.clone()

    @kept.register_impl("mine")
    def mine(x: Tensor) -> Tensor:
        return x + 1j

    kept.override_tolerance(torch.complex64, atol=1e-5, rtol=0.0)
    with (
        kept.set_priority(["mine"]),
        pytest.raises(AssertionError, match="the largest error is 1 "),
    ):
        kept(torch.ones(2, dtype=torch.complex64))


@pytest.mark.parametrize(
    ("result", "match"),
    [
        (lambda r: r[:1], r"result 0 is f32\[1, 3\], native's f32\[2, 3\]"),
        (lambda r: r.double(), r"result 0 is f64\[2, 3\], native's f32\[2, 3\]"),
    ],
)
def test_other_shape_or_dtype(result, match):
    op = register(result)
    with op.set_priority(["mine"]), pytest.raises(AssertionError, match=match):
        op(X)


def test_empty_result():
    op = register(lambda r: r)
    with op.set_priority(["mine"]):
        assert op(X[:0]).shape == (0, 3)


@pytest.mark.parametrize("overload", ["default", "maybe_inplace"])
@pytest.mark.parametrize("on", [True, False])
def test_second_result_of_an_inplace_provider(overload, on):
    op = make_add_twice()

    @op.register_impl("wrong", inplace=True)
    def wrong(x: Tensor, x_residual: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        one, two = add_twice(x, x_residual, bias)
        return x.copy_(one), x_residual.copy_(two).add_(1)

    function = op if overload == "default" else op.maybe_inplace
    with wrapped(on):
        with op.set_priority(["writes"]):
            for mine, other in zip(function(X.clone(), X.clone()), add_twice(X, X), strict=True):
                assert torch.equal(mine, other)
        with op.set_priority(["wrong"]), pytest.raises(AssertionError, match="result 1 differs"):
            function(X.clone(), X.clone())


def test_out_is_compared():
    op = register(lambda r: r + 1)
    with op.set_priority(["mine"]), pytest.raises(AssertionError, match="provider mine"):
        op.packet.out(X, out=torch.empty_like(X))


def test_compiled_graph_is_compared(fresh_compiler):
    op = register(lambda r: r + 1)
    compiled = torch.compile(op, backend="aot_eager", fullgraph=True)
    with op.set_priority(["mine"]), pytest.raises(AssertionError, match="provider mine"):
        compiled(X)


def test_gradients_still_work():
    op = register(lambda r: r)
    x = X.clone().requires_grad_()
    with op.set_priority(["mine"]):
        op(x).sum().backward()
    assert torch.equal(x.grad, torch.full_like(X, 2.0))


def test_off_again_afterwards():
    op = register(lambda r: r + 1)
    with override_settings(check="none"), op.set_priority(["mine"]):
        assert torch.equal(op(X), X * 2 + 1)


def test_environment_variable():
    text = """
import torch
from torch import Tensor
from ir_runtime import ir
@ir.register_op
def kept(x: Tensor) -> Tensor: return x.clone()
@kept.register_impl("mine")
def mine(x: Tensor) -> Tensor: return x + 1
with kept.set_priority(["mine"]): kept(torch.zeros(2))
"""
    import os

    done = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, "IR_RUNTIME_CHECK": "shadow"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "MismatchError: op kept: provider mine differs from native" in done.stderr
