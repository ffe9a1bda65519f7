"""Damaged artifacts and locks in a store: each is detected, reported and can be replaced."""

from __future__ import annotations

import dataclasses
import logging
import os
import random
import resource
import stat
from pathlib import Path

import pytest

from ir_runtime.counters import count_since
from ir_runtime.errors import StoreError
from ir_runtime.launch.artifact.store import DirectoryStore
from tests.launch.artifacts import ARTIFACT, KEY, OTHER
from tests.launch.damage import DAMAGE
from tests.sampling import sampled


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
