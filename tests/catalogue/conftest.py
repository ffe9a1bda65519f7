"""Enable lists under which a layer runs its op, or native."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ir_runtime.layers import CompilationConfig, set_compilation_config


@pytest.fixture(params=["none", pytest.param("all", marks=pytest.mark.full)])
def custom_ops(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make layers in the test under an enable list."""
    with set_compilation_config(CompilationConfig(custom_ops=request.param)):
        yield request.param
