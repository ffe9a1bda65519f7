"""Is a store that cannot be written an exception with the facts, after which all goes on?"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from ir_runtime.errors import StoreWriteError
from ir_runtime.launch import Launchable
from ir_runtime.launch.store import DirectoryStore

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
    mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", place)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def run(program: Launchable) -> None:
    x = torch.arange(5.0)
    assert torch.equal(program(x), x + x)


def assert_works_with_another_store(text: str, tmp_path: Path) -> None:
    run(Launchable.jit_compile(text, file_cache_dir=tmp_path / "other"))
    assert len(DirectoryStore(tmp_path / "other").keys()) == 1


def test_store_below_a_file_is_refused_and_another_works(
    tmp_path: Path, doubling: Callable[..., str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    root = tmp_path / "file" / "store"
    with pytest.raises(StoreWriteError) as caught:
        run(Launchable.jit_compile(doubling(), file_cache_dir=root))
    assert str(caught.value) == (
        f"store {root}: cannot be written, and a compiled kernel must be kept\n"
        f"    [Errno 20] Not a directory: '{root}/v1/.locks'\n{FIX}"
    )
    assert caught.value.errno == errno.ENOTDIR
    assert_works_with_another_store(doubling(), tmp_path)


def test_full_disk_is_refused_and_leaves_nothing(
    small_disk: Path, tmp_path: Path, doubling: Callable[..., str]
) -> None:
    store = DirectoryStore(small_disk)
    filler = small_disk / "filler"
    (small_disk / "v1" / ".locks").mkdir(parents=True)
    filler.write_bytes(b"x" * (52 << 10))
    with pytest.raises(StoreWriteError) as caught:
        run(Launchable.jit_compile(doubling(), file_cache_dir=small_disk))
    assert str(caught.value) == (
        f"store {small_disk}: cannot be written, and a compiled kernel must be kept\n"
        f"    [Errno 28] No space left on device\n{FIX}"
    )
    assert caught.value.errno == errno.ENOSPC
    assert (store.keys(), [p.name for p in (small_disk / "v1").iterdir()]) == ([], [".locks"])
    assert_works_with_another_store(doubling(), tmp_path)


def test_program_compiles_once_the_disk_has_room_again(
    small_disk: Path, doubling: Callable[..., str]
) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (56 << 10))
    program = Launchable.jit_compile(doubling(), file_cache_dir=small_disk)
    with pytest.raises(StoreWriteError):
        run(program)
    filler.unlink()
    run(program)


def test_read_only_store_is_read_and_refuses_new_programs(
    small_disk: Path, tmp_path: Path, doubling: Callable[..., str]
) -> None:
    run(Launchable.jit_compile(doubling(), file_cache_dir=small_disk))
    mount("-o", "remount,ro", small_disk)
    run(Launchable.jit_compile(doubling(), file_cache_dir=small_disk))
    new = doubling("tensor<?xf64>")
    with pytest.raises(StoreWriteError) as caught:
        Launchable.jit_compile(new, file_cache_dir=small_disk).preload("cpu")
    assert caught.value.errno == errno.EROFS
    assert caught.value.headline == (
        f"store {small_disk}: cannot be written, and a compiled kernel must be kept"
    )
    assert_works_with_another_store(doubling(), tmp_path)


def test_corrupt_artifact_of_a_read_only_store_is_reported(
    small_disk: Path, doubling: Callable[..., str]
) -> None:
    run(Launchable.jit_compile(doubling(), file_cache_dir=small_disk))
    store = DirectoryStore(small_disk)
    (key,) = store.keys()
    (store.path_of(key) / "kernel.vmfb").write_bytes(b"")
    mount("-o", "remount,ro", small_disk)
    with pytest.raises(StoreWriteError) as caught:
        run(Launchable.jit_compile(doubling(), file_cache_dir=small_disk))
    assert caught.value.headline == (
        f"store {small_disk}: cannot be written, "
        f"and {key.label} is corrupt (kernel.vmfb does not match its digest)"
    )
