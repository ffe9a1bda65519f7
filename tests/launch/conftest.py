"""What do tests of the launch layer share?  Small programs, and processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from ir_runtime.launch import DirectoryStore

RunPython = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def doubling() -> Callable[..., str]:
    """Make the text of a program that adds its argument to itself."""

    def text(kind: str = "tensor<?xf32>", op: str = "arith.addf") -> str:
        return (
            f"func.func @main(%a: {kind}) -> {kind} {{\n"
            f"  %0 = {op} %a, %a : {kind}\n"
            f"  return %0 : {kind}\n"
            "}\n"
        )

    return text


@pytest.fixture
def directory(tmp_path: Path) -> DirectoryStore:
    """Make an empty store in a directory."""
    return DirectoryStore(tmp_path / "s")


@pytest.fixture
def run_python() -> RunPython:
    """Run code in a Python process of its own, which must end by itself."""

    def run(
        code: str, *arguments: object, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def in_the_vm() -> Iterator[None]:
    """Run programs in IREE's VM."""
    from ir_runtime.settings import override_settings

    with override_settings(launch="vm"):
        yield


@pytest.fixture(scope="session")
def vmfb(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Compile a program for two local devices: `tests.launch.programs.pipeline`."""
    from ir_runtime.launch import MultiDeviceLaunchable
    from tests.launch.programs import TWO, pipeline

    store = DirectoryStore(tmp_path_factory.mktemp("store"))
    MultiDeviceLaunchable.jit_compile(pipeline(), TWO, file_cache_dir=store.root)
    (key,) = store.keys()
    artifact = store.load(key)
    assert artifact is not None
    return artifact.vmfb
