"""Inputs for tests, and how close providers must come to native."""

from __future__ import annotations

import pytest
import torch

from ir_runtime import ir
from tests.ir.ops import is_even, make_scaled, scaled, wrapped

X = torch.arange(8.0).reshape(2, 4)


def test_input_generator():
    """IR-70."""
    op = make_scaled()
    assert op.has_input_generator is False

    @op.register_input_generator
    def inputs(rows: int = 2, device: str = "cpu"):
        return torch.ones(rows, 3, device=device), 2.0

    assert callable(inputs)
    assert inputs.__name__ == "inputs"
    assert op.has_input_generator is True
    x, factor = op.generate_inputs(rows=5)
    assert x.shape == (5, 3)
    assert factor == 2.0
    assert op.generate_inputs(device="meta")[0].is_meta


def test_no_input_generator():
    """IR-70."""
    with pytest.raises(RuntimeError, match="No input generator"):
        make_scaled().generate_inputs()


def test_default_tolerances():
    """IR-71."""
    assert {
        torch.float64: {"atol": 1e-8, "rtol": 1e-8},
        torch.float32: {"atol": 1e-5, "rtol": 1.3e-6},
        torch.float16: {"atol": 1e-3, "rtol": 1e-3},
        torch.bfloat16: {"atol": 1e-3, "rtol": 1.6e-2},
        torch.float8_e4m3fn: {"atol": 1e-1, "rtol": 1e-1},
        torch.float8_e5m2: {"atol": 2e-1, "rtol": 2e-1},
        torch.float4_e2m1fn_x2: {"atol": 3e-1, "rtol": 3e-1},
        torch.int8: {"atol": 1, "rtol": 0},
    } == ir.DEFAULT_TOLERANCES


def test_override_of_one_op():
    """IR-72."""
    op, other = make_scaled(), make_scaled(name="other")
    op.override_tolerance(torch.float16, atol=1e-2, rtol=2e-3)
    assert op.get_tolerance(torch.float16) == {"atol": 1e-2, "rtol": 2e-3}
    assert op.get_tolerance(torch.float32) == {"atol": 1e-5, "rtol": 1.3e-6}
    assert other.get_tolerance(torch.float16) == {"atol": 1e-3, "rtol": 1e-3}


def test_tolerance_that_is_returned_is_a_copy():
    op = make_scaled()
    op.get_tolerance(torch.float32)["atol"] = 100.0
    assert op.get_tolerance(torch.float32)["atol"] == 1e-5
    assert ir.DEFAULT_TOLERANCES[torch.float32]["atol"] == 1e-5


def test_dtype_without_a_tolerance():
    """IR-72."""
    op = make_scaled()
    with pytest.raises(ValueError, match="No tolerance defined"):
        op.get_tolerance(torch.complex64)
    op.override_tolerance(torch.complex64, atol=1e-5, rtol=0.0)
    assert op.get_tolerance(torch.complex64) == {"atol": 1e-5, "rtol": 0.0}


# --- what a generic test of providers needs -----------------------------------------------------


@pytest.fixture
def op():
    op = make_scaled(allow_inplace=True)
    op.register_impl("mine")(scaled)
    op.register_impl("even", supports_args=is_even)(scaled)
    op.register_impl("writes", inplace=True)(writes)
    op.register_input_generator(lambda: (X.clone(), 3.0))
    return op


def writes(x: torch.Tensor, factor: float = 2.0) -> torch.Tensor:
    return x.mul_(factor)


@pytest.mark.parametrize("provider", ["native", "mine", "even", "writes"])
def test_provider_against_native(op, provider):
    """IR-73."""
    inputs = op.generate_inputs()
    found = op.impls[provider].func_impl_fn(*inputs)
    torch.testing.assert_close(found, op.native(*inputs), **op.get_tolerance(found.dtype))


@pytest.mark.parametrize("provider", ["native", "mine", "even", "writes"])
@pytest.mark.parametrize("on", [True, False])
def test_dispatch_is_the_provider_to_the_bit(op, provider, on):
    """IR-73."""
    inputs = op.generate_inputs()
    with op.set_priority([provider, "native"]), wrapped(on):
        assert torch.equal(op(*inputs), op.impls[provider].func_impl_fn(*inputs))


@pytest.mark.parametrize("provider", ["native", "mine", "even", "writes"])
def test_three_ways_to_run_agree(op, provider, fresh_compiler):
    """IR-73: as one node, traced through, and eager."""
    inputs = op.generate_inputs()
    with op.set_priority([provider, "native"]):
        eager = op(*inputs)
        node = torch.compile(op, backend="aot_eager", fullgraph=True)(*inputs)
        torch._dynamo.reset()
        with wrapped(False):
            traced = torch.compile(op, backend="aot_eager", fullgraph=True)(*inputs)
    assert torch.equal(node, eager)
    assert torch.equal(traced, eager)


def test_supports_args_is_a_bool_for_a_batch_of_unknown_size(op):
    """IR-73."""
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    shapes = ShapeEnv()
    with FakeTensorMode(shape_env=shapes):
        x = torch.empty(shapes.create_unbacked_symint(), 4)
        for provider in ("native", "mine", "even", "writes"):
            assert op.impls[provider].supports_args(x) is True
    assert not shapes.guards
