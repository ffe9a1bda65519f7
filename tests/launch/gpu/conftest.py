"""Where the launcher was not built, its tests cannot even be imported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ir_runtime.launch.direct.native import why_absent

if TYPE_CHECKING:
    from tests.launch.gpu.fake_gpu import FakeGpu

collect_ignore_glob = [] if why_absent() is None else ["test_*.py"]


@pytest.fixture(params=["cuda", "hip"])
def gpu(request: pytest.FixtureRequest) -> Iterator[FakeGpu]:
    """Let the launcher see GPUs of both kinds of driver, one after the other."""
    from tests.launch.gpu.fake_gpu import fake_gpu

    with fake_gpu(request.param) as made:
        yield made


@pytest.fixture
def cuda() -> Iterator[FakeGpu]:
    """Let the launcher see GPUs of CUDA's driver."""
    from tests.launch.gpu.fake_gpu import fake_gpu

    with fake_gpu("cuda") as made:
        yield made
