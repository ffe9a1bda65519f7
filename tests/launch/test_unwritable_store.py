"""A store that cannot be written is one warning with the fix; kernels are kept in memory."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from ir_runtime.counters import Counts, count_since
from ir_runtime.launch import Launchable
from ir_runtime.launch.artifact.store import DirectoryStore

FIX = "  fix: free or unlock the directory, or name another with IR_RUNTIME_STORE"


def mount(*arguments: object) -> None:
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; `mount` makes it read-only later."""
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    place = tmp_path / "disk"
    place.mkdir()
    mount("-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", place)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def run(text: str, root: Path) -> Counts:
    """Run a program from a store; return what that took."""
    x = torch.arange(5.0)
    with count_since() as counted:
        assert torch.equal(Launchable.jit_compile(text, file_cache_dir=root)(x), x + x)
    return counted[0]


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "ir_runtime.store" and record.levelno == logging.WARNING
    ]


def test_store_below_a_file_is_one_warning(
    tmp_path: Path, doubling: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    root = tmp_path / "file" / "store"
    assert [run(doubling(), root).compiles for _ in range(2)] == [1, 0]
    (warning,) = warnings_of(caplog)
    assert warning == (
        f"store {root}: cannot be written, new kernels are kept in this process alone\n"
        f"    [Errno 20] Not a directory: '{root}/v1'\n{FIX}"
    )


def test_full_disk_is_a_warning_and_leaves_nothing_until_it_has_room_again(
    small_disk: Path, doubling: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    store = DirectoryStore(small_disk)
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (52 << 10))
    assert [run(doubling(), small_disk).compiles for _ in range(2)] == [1, 0]
    (warning,) = warnings_of(caplog)
    assert "[Errno 28] No space left on device" in warning
    assert {p.name for p in (small_disk / "v1").iterdir()} <= {".locks"}
    filler.unlink()
    run(doubling() + "// another\n", small_disk)
    assert len(store.keys()) == 1


def test_read_only_store_serves_and_its_damage_is_compiled_around(
    small_disk: Path, doubling: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    run(doubling(), small_disk)
    mount("-o", "remount,ro", small_disk)
    assert run(doubling(), small_disk).compiles == 0
    assert warnings_of(caplog) == []
    mount("-o", "remount,rw", small_disk)
    store = DirectoryStore(small_disk)
    (key,) = store.keys()
    (store.path_of(key) / "kernel.vmfb").write_bytes(b"")
    mount("-o", "remount,ro", small_disk)
    assert [run(doubling(), small_disk).compiles for _ in range(2)] == [1, 0]
    (warning,) = warnings_of(caplog)
    assert warning.startswith(
        f"store {small_disk}: cannot be written, and {key.label} is corrupt "
        "(kernel.vmfb does not match its digest), new kernels are kept in this process alone\n"
        "    [Errno 30] Read-only file system"
    )
    assert warning.endswith(FIX)
