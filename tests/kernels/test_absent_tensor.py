"""What an op does not define is refused before a provider is asked."""

from __future__ import annotations

import pytest

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime import ir
from ir_runtime.errors import ArgumentError


@pytest.mark.parametrize("wrap", [True, False])
def test_none_for_a_tensor_is_refused_before_a_provider_is_asked(wrap):
    """Torch takes None for a tensor; providers' constraints read its dtype."""
    with ir.enable_torch_wrap(wrap), pytest.raises(ArgumentError) as caught:
        ir.ops.gelu(None)
    assert caught.value.headline == "gelu: `x` is None, must be a tensor"
