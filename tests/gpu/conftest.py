"""The device of these tests: `--device cuda` on a machine with a GPU, else the CPU.

They need torch, this package and pytest; neither IREE's compiler nor the other tests' set-up. A
kernel that the store lacks fails where there is no compiler.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="cpu or cuda")


@pytest.fixture
def device(request: pytest.FixtureRequest) -> str:
    return request.config.getoption("--device", default="cpu")


@pytest.fixture
def gpu(device: str) -> str:
    """The device, for tests of what only a GPU has."""
    if device == "cpu":
        pytest.skip("the device is the CPU")
    return device
