"""A store above read-only base stores: asked in order, verified, never written below the first."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from ir_runtime.cli import main
from ir_runtime.counters import Counts, count_since
from ir_runtime.launch import Launchable
from ir_runtime.launch.artifact.store import DirectoryStore, Store
from ir_runtime.launch.artifact.store_chain import StoreChain
from ir_runtime.launch.compile.build import default_store
from ir_runtime.settings import override_settings
from tests.launch.artifacts import ARTIFACT, KEY, OTHER
from tests.launch.damage import DAMAGE

User = tuple[Store, DirectoryStore, list[DirectoryStore]]


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    """Make the default store of the process a chain: a user's store above two others."""
    roots = [tmp_path / name for name in ("user", "team", "system")]
    with override_settings(store=roots[0], base_stores=tuple(roots[1:])):
        first, *bases = map(DirectoryStore, roots)
        yield default_store(), first, bases


def snapshot(root: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
    }


def run(text: str) -> Counts:
    """Run a program that adds its argument to itself; return what that took."""
    x = torch.arange(5.0)
    with count_since() as counted:
        assert torch.equal(Launchable.jit_compile(text)(x), x + x)
    return counted[0]


def test_a_store_without_bases_is_no_chain(tmp_path: Path) -> None:
    with override_settings(store=tmp_path, base_stores=()):
        assert isinstance(default_store(), DirectoryStore)


def test_the_first_store_that_has_an_artifact_gives_it(user: User) -> None:
    store, first, (team, system) = user
    assert isinstance(store, StoreChain)
    system.save(OTHER)
    team.save(ARTIFACT)
    first.save(ARTIFACT)
    assert (store.load(KEY), store.load(OTHER.key)) == (ARTIFACT, OTHER)
    assert store.keys() == [KEY, OTHER.key]
    (team.path_of(KEY) / "kernel.vmfb").write_bytes(b"")  # would be seen if it were asked
    with count_since() as counted:
        assert store.load(KEY) == ARTIFACT
    assert counted[0].corrupt_artifacts == 0


def test_bases_are_asked_in_the_order_of_the_variable(tmp_path: Path, user: User) -> None:
    store, _, (team, system) = user
    system.save(ARTIFACT)
    team.save(ARTIFACT)
    (system.path_of(KEY) / "kernel.vmfb").write_bytes(b"")
    with count_since() as counted:
        assert store.load(KEY) == ARTIFACT
    assert counted[0].corrupt_artifacts == 0


def test_new_artifacts_and_failed_sources_go_to_the_first(user: User) -> None:
    store, first, bases = user
    with store.lock(KEY):
        store.save(ARTIFACT)
    assert store.keep_failed_source(KEY, b"text") is not None
    assert first.load(KEY) == ARTIFACT
    assert [base.root.exists() for base in bases] == [False, False]


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_base_is_passed_over_and_left_as_it_is(
    user: User, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    store, _, (team, system) = user
    for base in (team, system):
        base.save(ARTIFACT)
    DAMAGE[kind][0](team.path_of(KEY))
    before = snapshot(team.root)
    with caplog.at_level(logging.WARNING, "ir_runtime.store"), count_since() as counted:
        assert store.load(KEY) == ARTIFACT
    assert counted[0].corrupt_artifacts == 1
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{team}: {KEY.label} is corrupt (")
    assert record.getMessage().endswith("); it is passed over")
    assert snapshot(team.root) == before


def test_a_read_only_base_serves_and_its_damage_is_compiled_around(
    user: User, doubling: Callable[..., str]
) -> None:
    _, first, (team, _) = user
    with override_settings(store=team.root, base_stores=()):
        run(doubling())
    (key,) = team.keys()
    for path in (team.root, *team.root.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = snapshot(team.root)
    found = run(doubling())
    assert (found.compiles, found.store_hits, first.keys()) == (0, 1, [])
    (team.path_of(key) / "kernel.vmfb").chmod(0o644)
    (team.path_of(key) / "kernel.vmfb").write_bytes(b"torn")
    found = run(doubling())
    assert (found.compiles, found.store_hits, found.corrupt_artifacts) == (1, 0, 1)
    assert first.keys() == [key]
    assert snapshot(team.root) == {**before, f"v1/{key.label}/kernel.vmfb": b"torn"}
    assert run(doubling()).store_hits == 1


def test_an_unreadable_base_is_passed_over(user: User) -> None:
    store, _, (team, system) = user
    system.save(ARTIFACT)
    team.root.parent.mkdir(exist_ok=True)
    team.root.symlink_to(team.root)  # ELOOP: an error that says nothing about an artifact
    assert store.load(KEY) == ARTIFACT
    assert store.keys() == [KEY]


def test_doctor_lists_base_stores(user: User, capsys: pytest.CaptureFixture[str]) -> None:
    _, first, (team, system) = user
    team.save(ARTIFACT)
    main(["doctor"])
    lines = {line.strip() for line in capsys.readouterr().out.splitlines()}
    assert f"{'base store':<22} {team.root}: 1 artifacts" in lines
    assert f"{'base store':<22} {system.root}: 0 artifacts" in lines
    variable = os.pathsep.join(str(store.root) for store in (first, team, system))
    assert ["IR_RUNTIME_STORE", variable] in [line.split() for line in lines]
    assert not [line for line in lines if "BASE_STORES" in line]
