"""Programs compiled ahead of time for named targets, and which stored one a device runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ir_runtime import Device, Launchable
from ir_runtime.counters import count_since
from ir_runtime.errors import AmbiguousArtifactError, ArgumentError, DeviceError, NoProgramError
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.launch.device_group import DeviceGroup
from ir_runtime.settings import override_settings

X = torch.arange(5.0)
TARGETS = Device("local-sync").targets
pytestmark = pytest.mark.skipif(
    "cpu:x86-64-v3" not in [target.name for target in TARGETS[1:]],
    reason="needs more than the features of x86-64-v3",
)


def test_program_of_a_weaker_target_runs_and_a_foreign_one_does_not(
    tmp_path: Path, doubling: Callable[..., str]
) -> None:
    program = Launchable.jit_compile(doubling(), file_cache_dir=tmp_path)
    built = program.build("cpu:x86-64-v2,cpu:aarch64")
    assert list(built) == ["cpu:x86-64-v2", "cpu:aarch64"]
    with override_settings(compile=False), count_since() as counts:
        assert torch.equal(program(X), X + X)
        assert torch.equal(Launchable.from_file_cache_only(tmp_path)(X), X + X)
    assert (counts[0].store_hits, counts[0].weaker_hits) == (2, 2)


def test_of_several_stored_targets_the_best_is_taken(
    tmp_path: Path, doubling: Callable[..., str]
) -> None:
    program = Launchable.jit_compile(doubling(), file_cache_dir=tmp_path)
    with override_settings(cpu="x86-64-v2,native"):
        assert len(program.build()) == 2
        with count_since() as counts:
            Launchable.from_file_cache_only(tmp_path).preload("cpu")
    assert (counts[0].store_hits, counts[0].weaker_hits) == (1, 0)
    only = Launchable.from_file_cache_only(tmp_path, target="cpu:x86-64-v2")
    with count_since() as counts:
        assert torch.equal(only(X), X + X)
    assert (counts[0].store_hits, counts[0].weaker_hits) == (1, 0)  # it is what was wanted
    program = Launchable.jit_compile(doubling(), file_cache_dir=tmp_path, name="other")
    program.build("cpu:x86-64-v2")
    with pytest.raises(AmbiguousArtifactError):
        Launchable.from_file_cache_only(tmp_path, target="cpu:x86-64-v2").preload("cpu")


def test_named_target_is_what_is_compiled(tmp_path: Path, doubling: Callable[..., str]) -> None:
    program = Launchable.jit_compile(doubling(), file_cache_dir=tmp_path, target="cpu:x86-64-v3")
    assert torch.equal(program(X), X + X)
    v3 = next(target for target in TARGETS if target.name == "cpu:x86-64-v3")
    assert [key.device_type for key in DirectoryStore(tmp_path).keys()] == [v3.device_type]


@pytest.mark.parametrize(
    ("target", "lacks"),
    [("cpu:aarch64", "the instructions of aarch64"), ("cuda:sm_80", "cuda")],
)
def test_device_that_does_not_run_a_target_says_what_it_lacks(
    doubling: Callable[..., str], target: str, lacks: str
) -> None:
    with pytest.raises(DeviceError) as caught:
        Launchable.jit_compile(doubling(), target=target)(X)
    what = f"does not run code for {target}, lacks {lacks}"
    assert caught.value.headline == f"device local-sync: {what}"
    with pytest.raises(ArgumentError, match="not known"):
        Launchable.jit_compile(doubling(), target="cpu:pentium")


def test_loaded_program_cannot_be_built(tmp_path: Path) -> None:
    with pytest.raises(NoProgramError, match="must be made from source"):
        Launchable.from_file_cache_only(tmp_path).build()


def test_group_of_devices_looks_for_weaker_programs(doubling: Callable[..., str]) -> None:
    device = Device("local-sync")
    weaker = DeviceGroup([device, device]).weaker_types
    assert len(weaker) == len(device.targets) - 1
    for target, found in zip(device.targets[1:], weaker, strict=True):
        assert f"--iree-llvmcpu-target-cpu={target.name.partition(':')[2]}" in found.split(";")
