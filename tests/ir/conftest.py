"""What does each test of IR ops start from?  No ops, a library of its own, warnings not given."""

from __future__ import annotations

import itertools

import pytest
import torch

import kernels_mlir  # noqa: F401 - announces the catalogue
from ir_runtime.ir import IrOp, set_default_torch_wrap
from ir_runtime.ir.log import forget_warnings
from ir_runtime.late_table import LateTable

assert list(IrOp.registry)  # the catalogue registers itself now, not within a test's namespace
_counter = itertools.count()
_libraries: list[torch.library.Library] = []


@pytest.fixture(autouse=True)
def library(monkeypatch) -> torch.library.Library:
    """Let ops of the test join a namespace that no other test has, and be forgotten after it."""
    own = torch.library.Library(f"ir_op_tests_{next(_counter)}", "FRAGMENT")
    _libraries.append(own)
    monkeypatch.setattr("ir_runtime.ir.op.ir_torch_lib", own)
    monkeypatch.setattr(IrOp, "registry", LateTable())
    forget_warnings()
    yield own
    set_default_torch_wrap(True)


@pytest.fixture
def fresh_compiler():
    """Compile anew, and leave nothing compiled."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()
