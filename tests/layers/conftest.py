"""What does each test of layers start from?  The registries as they were, and no config."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ir_runtime.layers import name as names
from ir_runtime.layers import set_default_compilation_config
from ir_runtime.settings import override_settings


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """Undo what the test registers, and what it warned of."""
    before = [(known, dict(known)) for known in (names.op_registry, names.op_registry_oot)]
    names.forget_warnings()
    with override_settings(custom_ops=None):
        yield
    for known, content in before:
        known.clear()
        known.update(content)
    set_default_compilation_config(None)
