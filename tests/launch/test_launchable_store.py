"""Are programs found again in their directory, told apart there, and refused when unclear?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.device import Device, DeviceState
from ir_runtime.errors import (
    AmbiguousArtifactError,
    ArtifactNotFoundError,
    EntryPointError,
    StoreError,
)
from ir_runtime.launch import Launchable
from ir_runtime.launch.artifact.key import KernelKey, digest_of
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.settings import override_settings

X = torch.arange(1.0, 6.0)
from_cache = Launchable.from_file_cache_only


@pytest.fixture
def texts(doubling: Callable[..., str]) -> tuple[str, str]:
    """Two programs: one adds, one multiplies."""
    return doubling(), doubling(op="arith.mulf")


@pytest.fixture
def one(tmp_path: Path, texts: tuple[str, str]) -> Path:
    """A store of one program."""
    root = tmp_path / "one"
    Launchable.jit_compile(texts[0], file_cache_dir=root, name="sum").preload("cpu")
    return root


@pytest.fixture
def two(one: Path, texts: tuple[str, str]) -> Path:
    """A store of two programs."""
    Launchable.jit_compile(texts[1], file_cache_dir=one, name="square").preload("cpu")
    return one


def device_of_another_cpu() -> Device:
    """The local device, taken for that of a plain x86-64 or Arm host."""
    from dataclasses import replace

    from ir_runtime.device.cpu import host_cpu_target
    from ir_runtime.device.local import cpu_target_for
    from ir_runtime.device.machine import usual_machine

    device = Device(device_state=DeviceState.from_uri("local-sync"))
    plain = replace(host_cpu_target(), cpu="generic", features=())
    target = cpu_target_for(usual_machine(plain))
    device.targets = (target,)
    device.compile_target_flags, device.type_cache_key = target.flags, target.device_type
    return device


def keys_by_name(root: Path) -> dict[str, KernelKey]:
    return {key.name: key for key in DirectoryStore(root).keys()}


def test_second_launchable_of_a_program_finds_it_stored(one: Path, texts: tuple[str, str]) -> None:
    with count_since() as counted:
        again = Launchable.jit_compile(texts[0], file_cache_dir=one, name="sum")
        assert torch.equal(again(X), X + X)
    assert (counted[0].compiles, counted[0].store_hits) == (0, 1)


def test_two_programs_in_one_directory_do_not_collide(
    tmp_path: Path, texts: tuple[str, str]
) -> None:
    adds, multiplies = (Launchable.jit_compile(t, file_cache_dir=tmp_path) for t in texts)
    assert torch.equal(adds(X), X + X)
    assert torch.equal(multiplies(X), X * X)
    assert len(DirectoryStore(tmp_path).keys()) == 2


def test_default_store_is_that_of_the_settings(
    store: DirectoryStore, texts: tuple[str, str]
) -> None:
    Launchable.jit_compile(texts[0], name="sum").preload("cpu")
    assert [key.name for key in store.keys()] == ["sum"]


def test_flags_are_part_of_the_key(tmp_path: Path, texts: tuple[str, str]) -> None:
    with count_since() as counted:
        for flags in ([], ["--iree-opt-level=O3"], []):
            Launchable.jit_compile(texts[0], file_cache_dir=tmp_path, flags=flags).preload("cpu")
    assert (counted[0].compiles, counted[0].store_hits) == (2, 1)


@pytest.mark.parametrize("change", ["source", "entry point", "flags", "compiler", "CPU"])
def test_what_makes_another_binary_makes_another_artifact(
    tmp_path: Path, texts: tuple[str, str], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seed's file name is a digest of the device type alone (launch.py:113)."""
    from ir_runtime.launch.compile import build

    def store_one(text: str, **more: Any) -> None:
        Launchable.jit_compile(text, file_cache_dir=tmp_path, **more).preload("cpu")

    store_one(texts[0])
    with count_since() as counted:
        if change == "source":
            store_one(texts[1])
        elif change == "entry point":
            store_one(texts[0], entry_point="main")
        elif change == "flags":
            store_one(texts[0], flags=["--iree-opt-level=O1"])
        elif change == "compiler":
            monkeypatch.setattr(build, "compiler_version", lambda: "3.13.99")
            store_one(texts[0])
        else:
            other = Launchable.jit_compile(texts[0], file_cache_dir=tmp_path)
            other.preload(device_of_another_cpu())
    assert (counted[0].compiles, counted[0].store_hits) == (1, 0)
    assert len(DirectoryStore(tmp_path).keys()) == 2


def test_key_names_the_cpu_and_not_that_it_is_the_hosts(one: Path) -> None:
    """In the seed, hosts that share a home directory share the flags `=host`."""
    (key,) = DirectoryStore(one).keys()
    assert "--iree-llvmcpu-target-cpu=" in key.device_type
    assert "host" not in key.device_type


def test_flags_of_one_device_type_do_not_reach_the_next(
    tmp_path: Path, texts: tuple[str, str]
) -> None:
    """In the seed all device types share a session, whose flags add up (launch.py:275)."""
    both, alone = tmp_path / "both", tmp_path / "alone"
    program = Launchable.jit_compile(texts[0], file_cache_dir=both)
    program.preload(device_of_another_cpu())
    program.preload("cpu")
    Launchable.jit_compile(texts[0], file_cache_dir=alone).preload("cpu")
    (key,) = DirectoryStore(alone).keys()
    compiled = [DirectoryStore(root).load(key) for root in (both, alone)]
    assert compiled[0] is not None
    assert compiled[0] == compiled[1]


def test_unfinished_artifact_is_not_there(one: Path, texts: tuple[str, str]) -> None:
    """The seed writes in place, and another process reads half of it (launch.py:340)."""
    store, (key,) = DirectoryStore(one), DirectoryStore(one).keys()
    path = store.path_of(key)
    path.rename(path.with_name(".staging-of-another-process"))
    assert store.keys() == []
    with count_since() as counted:
        again = Launchable.jit_compile(texts[0], file_cache_dir=one, name="sum")
        assert torch.equal(again(X), X + X)
    assert (counted[0].compiles, counted[0].corrupt_artifacts) == (1, 0)


def test_stored_files_hold_source_and_key(one: Path, texts: tuple[str, str]) -> None:
    store, (key,) = DirectoryStore(one), DirectoryStore(one).keys()
    assert (store.path_of(key) / "kernel.mlir").read_text() == texts[0]
    assert (key.name, key.source_digest) == ("sum", digest_of(texts[0]))
    assert key.device_type == Device("local-sync").type_cache_key


@pytest.mark.parametrize("damage", ["corrupt", "truncated"])
def test_damaged_program_is_compiled_again(
    one: Path, texts: tuple[str, str], damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    store, (key,) = DirectoryStore(one), DirectoryStore(one).keys()
    vmfb = store.path_of(key) / "kernel.vmfb"
    whole = vmfb.read_bytes()
    vmfb.write_bytes(whole[:-8] if damage == "truncated" else bytes([whole[0] ^ 1]) + whole[1:])
    with count_since() as counted:
        again = Launchable.jit_compile(texts[0], file_cache_dir=one, name="sum")
        assert torch.equal(again(X), X + X)
    assert (counted[0].corrupt_artifacts, counted[0].compiles) == (1, 1)
    assert f"{key.label} is corrupt" in caplog.text
    assert vmfb.read_bytes() == whole


def test_the_one_stored_program_is_loaded(one: Path) -> None:
    with override_settings(compile=False), count_since() as counted:
        assert torch.equal(from_cache(one)(X), X + X)
    assert (counted[0].compiles, counted[0].store_hits) == (0, 1)


def test_several_stored_programs_are_listed(two: Path) -> None:
    with pytest.raises(AmbiguousArtifactError) as caught:
        from_cache(two).preload("cpu")
    keys = sorted(DirectoryStore(two).keys(), key=lambda key: key.label)
    rows = [f"    {k.label}: entry point default, compiler {k.compiler}\n" for k in keys]
    assert str(caught.value) == (
        f"{two}: 2 artifacts fit, must be one\n{''.join(rows)}"
        "  fix: pass selector= a name, the start of a digest, or the MLIR source"
    )


@pytest.mark.parametrize("kind", ["name", "label", "digest", "digest prefix", "source"])
def test_selector_settles_which_program_is_meant(
    two: Path, texts: tuple[str, str], kind: str
) -> None:
    key = keys_by_name(two)["square"]
    selector = {
        "name": "square",
        "label": key.label,
        "digest": key.digest,
        "digest prefix": key.digest[:8],
        "source": texts[1],
    }[kind]
    assert torch.equal(from_cache(two, selector=selector)(X), X * X)


def test_selector_that_fits_nothing_lists_what_is_stored(two: Path) -> None:
    with pytest.raises(ArtifactNotFoundError) as caught:
        from_cache(two, selector="cube").preload("cpu")
    keys = sorted(DirectoryStore(two).keys(), key=lambda key: key.label)
    rows = [f"    stored: {k.label}: entry point default, compiler {k.compiler}\n" for k in keys]
    assert str(caught.value) == (
        f"{two}: no artifact fits, and compiling is not allowed here\n"
        f"    device type {Device('local-sync').type_cache_key}\n"
        f"    entry point any, selector 'cube'\n{''.join(rows)}"
        "  fix: compile it into this directory with Launchable.jit_compile(file_cache_dir=...)"
    )


def test_empty_directory_says_that_nothing_is_stored(tmp_path: Path) -> None:
    with pytest.raises(ArtifactNotFoundError) as caught:
        from_cache(tmp_path).preload("cpu")
    assert caught.value.facts[1:] == ("entry point any", "nothing is stored")


def test_missing_directory_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        from_cache(tmp_path / "none")
    assert str(caught.value) == (
        f"{tmp_path}/none: not a directory, must be the store of earlier compiles"
    )


def test_program_compiled_for_an_entry_point_is_preferred(one: Path) -> None:
    text = "func.func @run(%a: tensor<?xf32>) -> tensor<?xf32> { return %a : tensor<?xf32> }"
    Launchable.jit_compile(text, file_cache_dir=one, entry_point="run").preload("cpu")
    assert torch.equal(from_cache(one, entry_point="run")(X), X)


def test_stored_program_without_the_entry_point_is_refused_at_preload(one: Path) -> None:
    with pytest.raises(EntryPointError) as caught:
        from_cache(one, entry_point="run").preload("cpu")
    assert str(caught.value) == "sum: no entry point 'run', must be one of main"
