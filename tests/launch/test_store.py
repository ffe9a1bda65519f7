"""Are artifacts read whole, verified or not at all, from memory and from a directory?"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import resource
import shutil
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ir_runtime.counters import count_since
from ir_runtime.errors import StoreError
from ir_runtime.launch.key import KernelKey
from ir_runtime.launch.store import Artifact, DirectoryStore, MemoryStore, Store

KEY = KernelKey("softcap", "abc", "local:--x", "3.13.0", ("--f",))
ARTIFACT = Artifact(KEY, b"module {}\n", b"\0vmfb\xff" * 100)
OTHER = dataclasses.replace(ARTIFACT, key=dataclasses.replace(KEY, entry="other"), vmfb=b"other")


@pytest.fixture
def directory(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "s")


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


def corrupt_byte(path: Path) -> None:
    data = bytearray((path / "kernel.vmfb").read_bytes())
    data[7] ^= 1
    (path / "kernel.vmfb").write_bytes(data)


def truncate_vmfb(path: Path) -> None:
    (path / "kernel.vmfb").write_bytes(ARTIFACT.vmfb[:-1])


def change_record(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads((path / "key.json").read_text())
    change(record)
    (path / "key.json").write_text(json.dumps(record))


VMFB_DIGEST = "kernel.vmfb does not match its digest"
DAMAGE: dict[str, tuple[Callable[[Path], object], str | None]] = {
    "corrupt vmfb": (corrupt_byte, VMFB_DIGEST),
    "truncated vmfb": (truncate_vmfb, VMFB_DIGEST),
    "empty vmfb": (lambda p: (p / "kernel.vmfb").write_bytes(b""), VMFB_DIGEST),
    "changed source": (
        lambda p: (p / "kernel.mlir").write_bytes(b"module { }"),
        "kernel.mlir does not match its digest",
    ),
    "missing vmfb": (lambda p: (p / "kernel.vmfb").unlink(), "a file is missing"),
    "missing source": (lambda p: (p / "kernel.mlir").unlink(), "a file is missing"),
    "missing record": (lambda p: (p / "key.json").unlink(), "a file is missing"),
    "file in place of the directory": (
        lambda p: (shutil.rmtree(p), p.write_bytes(b"")),
        "a file is missing",
    ),
    "directory in place of a file": (
        lambda p: ((p / "kernel.vmfb").unlink(), (p / "kernel.vmfb").mkdir()),
        None,
    ),
    "empty record": (lambda p: (p / "key.json").write_bytes(b""), None),
    "garbage record": (lambda p: (p / "key.json").write_bytes(b"\xff\xfe{"), None),
    "deep record": (lambda p: (p / "key.json").write_bytes(b"[" * 100_000), None),
    "record of another type": (lambda p: (p / "key.json").write_text("[1, 2]"), None),
    "record without files": (lambda p: change_record(p, lambda r: r.pop("files")), None),
    "record with other flags": (
        lambda p: change_record(p, lambda r: r["key"].update(flags=None)),
        None,
    ),
    "record of another key": (
        lambda p: change_record(p, lambda r: r["key"].update(entry="x")),
        "its key differs from its name",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_artifact_is_detected_counted_reported_and_replaceable(
    directory: DirectoryStore, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    damage, problem = DAMAGE[kind]
    directory.save(ARTIFACT)
    damage(directory.path_of(KEY))
    with caplog.at_level(logging.WARNING, "ir_runtime.store"), count_since() as counted:
        assert directory.load(KEY) is None
    assert counted[0].corrupt_artifacts == 1
    (record,) = caplog.records
    reported = record.getMessage()
    assert reported.startswith(f"{directory}: {KEY.label} is corrupt (")
    assert reported.endswith("); it is compiled again")
    assert problem is None or f"({problem})" in reported
    directory.save(ARTIFACT)
    assert directory.load(KEY) == ARTIFACT


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_artifact_does_not_hide_the_others(directory: DirectoryStore, kind: str) -> None:
    directory.save(ARTIFACT)
    directory.save(OTHER)
    DAMAGE[kind][0](directory.path_of(KEY))
    assert OTHER.key in directory.keys()
    assert directory.load(OTHER.key) == OTHER


def test_lack_of_file_handles_is_reported_and_destroys_nothing(directory: DirectoryStore) -> None:
    directory.save(ARTIFACT)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        with count_since() as counted, pytest.raises(StoreError) as caught:
            directory.load(KEY)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    record = directory.path_of(KEY) / "key.json"
    assert str(caught.value) == (
        f"{directory}: cannot be read\n    [Errno 24] Too many open files: '{record}'"
    )
    assert counted[0].corrupt_artifacts == 0
    assert directory.load(KEY) == ARTIFACT


def test_stray_files_in_the_store_are_ignored(directory: DirectoryStore) -> None:
    directory.save(ARTIFACT)
    (directory.root / "v1" / "README").write_text("hello")
    (directory.root / "v1" / "empty").mkdir()
    assert directory.keys() == [KEY]
    assert directory.size()[0] == 1


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
