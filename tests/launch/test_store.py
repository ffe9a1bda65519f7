"""Are artifacts read whole, verified or not at all, from memory and from a directory?"""

from __future__ import annotations

import dataclasses
import itertools
import json
import logging
import os
import random
import resource
import shutil
import signal
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from ir_runtime.counters import count_since
from ir_runtime.errors import StoreError
from ir_runtime.launch.artifact.key import KernelKey
from ir_runtime.launch.artifact.store import Artifact, DirectoryStore, MemoryStore, Store
from tests.sampling import sampled

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
    "empty directory": (lambda p: (shutil.rmtree(p), p.mkdir()), "a file is missing"),
    "file in place of the directory": (
        lambda p: (shutil.rmtree(p), p.write_bytes(b"")),
        "its directory is of another kind",
    ),
    "link in place of the directory": (
        lambda p: (p.rename(p.with_name(".moved")), p.symlink_to(".moved")),
        "its directory is of another kind",
    ),
    "loop of links in place of the directory": (
        lambda p: (shutil.rmtree(p), p.symlink_to(p)),
        "its directory is of another kind",
    ),
    "loop of links in place of a file": (
        lambda p: ((p / "kernel.vmfb").unlink(), (p / "kernel.vmfb").symlink_to("kernel.vmfb")),
        None,
    ),
    "link in place of the record": (
        lambda p: ((p / "key.json").rename(p / "k"), (p / "key.json").symlink_to("k")),
        None,
    ),
    "pipe in place of a file": (
        lambda p: ((p / "kernel.vmfb").unlink(), os.mkfifo(p / "kernel.vmfb", 0o600)),
        "kernel.vmfb is of another kind",
    ),
    "pipe in place of the record": (
        lambda p: ((p / "key.json").unlink(), os.mkfifo(p / "key.json", 0o600)),
        "key.json is of another kind",
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


@pytest.mark.parametrize("what", ["file", "loop", "open to all"])
def test_damaged_locks_are_mended(directory: DirectoryStore, what: str) -> None:
    directory.save(ARTIFACT)
    locks = directory.root / "v1" / ".locks"
    if what == "file":
        locks.write_bytes(b"")
    elif what == "loop":
        locks.symlink_to(locks)
    else:
        locks.mkdir()
        locks.chmod(0o777)
    with directory.lock(KEY):
        assert (locks / f"{KEY.label}.lock").is_file()
    assert stat.S_IMODE(locks.stat().st_mode) == 0o700


def change_at_random(choose: random.Random, path: Path) -> None:
    """Damage one file of an artifact in one of many ways."""
    data = bytearray(path.read_bytes())
    at = choose.randrange(len(data))
    kind = choose.randrange(7)
    if kind == 0:
        data[at] ^= 1 << choose.randrange(8)
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        data[at:at] = choose.randbytes(choose.randrange(1, 9))
    elif kind == 3:
        data = bytearray(choose.randbytes(len(data)))
    path.unlink()
    if kind < 4:
        path.write_bytes(data)
    elif kind == 4:
        path.symlink_to(choose.choice((path.name, "nowhere", "kernel.mlir", "/dev/zero")))
    elif kind == 5:
        path.mkdir()


@sampled(10, seed=range(100))
def test_damage_at_random_gives_the_artifact_or_nothing(
    directory: DirectoryStore, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten of a thousand damages."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    choose = random.Random(seed)
    whole = dataclasses.replace(ARTIFACT, program=b"{}", executables={"a": b"\x7fELF" * 9})
    for _ in range(10):
        for artifact in (whole, OTHER):
            directory.save(artifact)
        change_at_random(choose, choose.choice(sorted(directory.path_of(KEY).iterdir())))
        assert directory.load(KEY) in (None, whole)
        directory.save(whole)
        assert (directory.load(KEY), directory.load(OTHER.key)) == (whole, OTHER)


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
