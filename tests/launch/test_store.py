"""Are artifacts read whole, verified or not at all, from memory and from a directory?"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from ir_runtime.launch.artifact.store import Artifact, DirectoryStore, MemoryStore, Store
from tests.launch.artifacts import ARTIFACT, KEY, OTHER
from tests.sampling import sampled


@pytest.fixture(params=["memory", "directory"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else DirectoryStore(tmp_path / "s")


def test_saved_artifact_is_loaded_as_it_was(any_store: Store) -> None:
    any_store.save(ARTIFACT)
    assert any_store.load(KEY) == ARTIFACT


def test_empty_store_has_nothing(any_store: Store) -> None:
    assert (any_store.load(KEY), any_store.keys()) == (None, [])


def test_artifact_of_another_key_is_not_found(any_store: Store) -> None:
    any_store.save(ARTIFACT)
    assert any_store.load(OTHER.key) is None


def test_keys_lists_what_was_saved(any_store: Store) -> None:
    any_store.save(ARTIFACT)
    any_store.save(OTHER)
    assert sorted(any_store.keys(), key=lambda k: k.entry) == [KEY, OTHER.key]


def test_second_save_of_a_key_leaves_one_artifact(any_store: Store) -> None:
    any_store.save(ARTIFACT)
    any_store.save(ARTIFACT)
    assert (any_store.keys(), any_store.load(KEY)) == ([KEY], ARTIFACT)


def test_lock_holds_off_other_threads(any_store: Store) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(60)
        with any_store.lock(KEY):
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with any_store.lock(KEY):
            waiting = pool.submit(second)
            inside.set()
            order.append("first")
        waiting.result(60)
    assert order == ["first", "second"]


def test_lock_of_one_key_does_not_hold_another(any_store: Store) -> None:
    with any_store.lock(KEY), any_store.lock(OTHER.key):
        pass


def test_lock_is_released_by_an_exception(any_store: Store) -> None:
    with pytest.raises(KeyError), any_store.lock(KEY):
        raise KeyError
    with any_store.lock(KEY):
        pass


def test_concurrent_writers_of_one_key_leave_one_whole_artifact(any_store: Store) -> None:
    barrier = threading.Barrier(8)

    def write(_: int) -> Artifact | None:
        barrier.wait(60)
        any_store.save(ARTIFACT)
        return any_store.load(KEY)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(8))) == [ARTIFACT] * 8
    assert any_store.keys() == [KEY]


def test_memory_store_keeps_no_failed_source() -> None:
    assert MemoryStore().keep_failed_source(KEY, b"text") is None


def test_directory_keeps_a_failed_source_outside_the_artifacts(directory: DirectoryStore) -> None:
    kept = directory.keep_failed_source(KEY, b"text")
    assert kept is not None
    assert Path(kept).read_bytes() == b"text"
    assert directory.keys() == []


def test_artifact_is_a_readable_directory_of_raw_files(directory: DirectoryStore) -> None:
    directory.save(ARTIFACT)
    path = directory.path_of(KEY)
    assert path == directory.root / "v1" / KEY.label
    assert {file.name for file in path.iterdir()} == {"kernel.mlir", "kernel.vmfb", "key.json"}
    assert (path / "kernel.mlir").read_bytes() == ARTIFACT.source
    assert (path / "kernel.vmfb").read_bytes() == ARTIFACT.vmfb
    assert json.loads((path / "key.json").read_text())["key"]["name"] == "softcap"


def test_save_leaves_no_staging_behind(directory: DirectoryStore) -> None:
    directory.save(ARTIFACT)
    directory.save(ARTIFACT)
    assert [path.name for path in (directory.root / "v1").iterdir()] == [KEY.label]


def test_size_counts_artifacts_and_bytes(directory: DirectoryStore) -> None:
    assert directory.size() == (0, 0)
    directory.save(ARTIFACT)
    expected = sum(file.stat().st_size for file in directory.path_of(KEY).iterdir())
    assert directory.size() == (1, expected)


@pytest.mark.parametrize("name", [".hidden", "../up", "..", "", "a/b"])
def test_artifact_of_a_hostile_name_stays_inside_and_is_listed(
    directory: DirectoryStore, name: str
) -> None:
    artifact = dataclasses.replace(ARTIFACT, key=dataclasses.replace(KEY, name=name))
    directory.save(artifact)
    assert directory.path_of(artifact.key).parent == directory.root / "v1"
    assert (directory.keys(), directory.load(artifact.key)) == ([artifact.key], artifact)


def test_stray_files_in_the_store_are_ignored(directory: DirectoryStore) -> None:
    directory.save(ARTIFACT)
    (directory.root / "v1" / "README").write_text("hello")
    (directory.root / "v1" / "empty").mkdir()
    assert directory.keys() == [KEY]
    assert directory.size()[0] == 1


def test_what_killed_processes_left_is_removed_after_an_hour(directory: DirectoryStore) -> None:
    home = directory.root / "v1"
    directory.save(OTHER)
    with directory.lock(OTHER.key):
        pass
    left = {
        f"{kind}-{age}": home / f"{kind}-{age}"
        for kind in (".staging", ".corrupt")
        for age in ("old", "new")
    }
    for path in left.values():
        path.mkdir()
        (path / "kernel.mlir").write_bytes(b"torn")
    (home / ".corrupt-link-old").symlink_to("nowhere")
    old, held, new = (home / ".locks" / f"{name}.lock" for name in ("old", "held", "new"))
    for path in (old, held, new):
        path.touch()
    hours_ago = time.time() - 2 * 3600
    aged = [p for p in (*home.iterdir(), old, held) if "new" not in p.name]
    for path in aged:
        os.utime(path, (hours_ago, hours_ago), follow_symlinks=False)
    with FileLock(held):
        DirectoryStore(directory.root).save(ARTIFACT)
    names = {path.name for path in home.iterdir()}
    labels = {KEY.label, OTHER.key.label}
    assert names == {*labels, ".locks", ".staging-new", ".corrupt-new"}
    locks = {path.name for path in (home / ".locks").iterdir()}
    assert locks == {"held.lock", "new.lock", f"{OTHER.key.label}.lock"}
    assert directory.load(OTHER.key) == OTHER


def test_sources_of_failed_compiles_are_few(directory: DirectoryStore) -> None:
    for i in range(70):
        key = dataclasses.replace(KEY, entry=str(i))
        kept = directory.keep_failed_source(key, b"text")
        assert kept is not None
        os.utime(kept, (i, i))
    left = sorted(int(p.stat().st_mtime) for p in (directory.root / "v1" / "failed").iterdir())
    assert left == list(range(6, 70))


def save_until_killed(directory: DirectoryStore, delay_s: float, first: int) -> int:
    """Kill a child in the midst of saving one artifact after another; return how many it saved."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        for i in itertools.count(first):
            artifact = dataclasses.replace(ARTIFACT, key=dataclasses.replace(KEY, entry=str(i)))
            with directory.lock(artifact.key):
                directory.save(artifact)
            os.write(send, b".")
    os.close(send)
    saved = os.read(receive, 1)  # the first one is there
    time.sleep(delay_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(receive, 4096):
        saved += more
    os.close(receive)
    return len(saved)


@sampled(2, seed=range(20))
def test_killed_processes_lose_and_break_nothing(
    directory: DirectoryStore, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten of two hundred kills."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    choose, count = random.Random(seed), 0
    for _ in range(10):
        count += save_until_killed(directory, choose.random() / 100, count)
        keys = {key.entry: key for key in directory.keys()}
        assert {str(i) for i in range(count)} <= keys.keys()
        count = len(keys)
        for key in keys.values():
            assert directory.load(key) == dataclasses.replace(ARTIFACT, key=key)


def write_in_a_fork(directory: DirectoryStore, die_at: int) -> int:
    """Save from a child that is killed in its nth fsync; return how the child ended."""
    child = os.fork()
    if child == 0:
        real, calls = os.fsync, []

        def fsync(descriptor: int) -> None:
            calls.append(descriptor)
            if len(calls) == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            real(descriptor)

        os.fsync = fsync
        try:
            with directory.lock(KEY):
                directory.save(ARTIFACT)
        finally:
            os._exit(len(calls))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("die_at", [1, 2, 3, 4])
def test_killed_writer_leaves_nothing_readable_and_blocks_nobody(
    directory: DirectoryStore, die_at: int
) -> None:
    assert write_in_a_fork(directory, die_at) == -signal.SIGKILL
    assert (directory.load(KEY), directory.keys(), directory.size()) == (None, [], (0, 0))
    with directory.lock(KEY):
        directory.save(ARTIFACT)
    assert directory.load(KEY) == ARTIFACT


def test_writer_killed_after_the_rename_leaves_a_whole_artifact(
    directory: DirectoryStore,
) -> None:
    assert write_in_a_fork(directory, 5) == -signal.SIGKILL
    assert directory.load(KEY) == ARTIFACT


def test_every_file_and_directory_of_an_artifact_is_synced(directory: DirectoryStore) -> None:
    assert write_in_a_fork(directory, 0) == 5
    assert directory.load(KEY) == ARTIFACT
