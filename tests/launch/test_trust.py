"""Files that somebody else could change are not run; what is made is for this user alone."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError, UntrustedStoreError
from ir_runtime.launch import Launchable
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.launch.artifact.store_chain import StoreChain
from ir_runtime.launch.compile.compile_cache import CompileCache, Compiled
from ir_runtime.settings import override_settings
from tests.launch.artifacts import ARTIFACT, KEY

STRANGER = 54321
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def filled(tmp_path: Path) -> DirectoryStore:
    DirectoryStore(tmp_path / "s").save(ARTIFACT)
    return DirectoryStore(tmp_path / "s")


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def refusal_of(store: DirectoryStore) -> str:
    """Return what reading, writing and locking a store say, which is one thing."""
    said = set()
    for use in (
        store.load,
        lambda key: store.save(ARTIFACT),
        lambda key: store.lock(key).__enter__(),
    ):
        with pytest.raises(UntrustedStoreError) as refused:
            use(KEY)
        said.add(str(refused.value))
    (text,) = said
    return text


@pytest.mark.usefixtures("no_umask")
def test_everything_is_made_for_this_user_alone(tmp_path: Path) -> None:
    store, cache = DirectoryStore(tmp_path / "a" / "s"), CompileCache(tmp_path / "b" / "c")
    with store.lock(KEY):
        store.save(ARTIFACT)
    assert store.keep_failed_source(KEY, b"text") is not None
    with cache.lock(cache.path_of(b"", ())):
        cache.save(cache.path_of(b"", ()), "name", Compiled(b"1", b"2", b"3"))
    made = [p for top in ("a", "b") for p in (tmp_path / top, *(tmp_path / top).rglob("*"))]
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in made}
    assert {mode for is_dir, mode in modes if is_dir} == {0o700}
    assert not any(mode & 0o022 for _, mode in modes)


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
@pytest.mark.parametrize("below", [".", "v1"])
def test_a_store_that_others_can_write_is_refused(
    filled: DirectoryStore, mode: int, below: str
) -> None:
    (filled.root / below).chmod(mode)
    at = filled.root / below
    assert refusal_of(filled) == (
        f"{filled}: others can change it, "
        "must be writable by this user and root alone\n"
        f"    {at} has mode {mode:04o}, must not be writable by its group or others\n"
        f"  fix: chmod -R go-w {at} if you trust its files, "
        "or name another directory with IR_RUNTIME_STORE"
    )
    assert filled.keep_failed_source(KEY, b"text") is None
    (filled.root / below).chmod(0o755)
    assert filled.load(KEY) == ARTIFACT


def test_a_directory_above_that_others_can_write_is_refused(filled: DirectoryStore) -> None:
    filled.root.parent.chmod(0o777)
    said = refusal_of(filled)
    assert f"others can change it through {filled.root.parent}" in said
    assert f"fix: chmod go-w {filled.root.parent}, or name" in said
    filled.root.parent.chmod(0o1777)  # nobody can replace what is another's in there
    assert filled.load(KEY) == ARTIFACT


def test_the_directories_above_count_before_the_store_is_made(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    refusal_of(DirectoryStore(tmp_path / "a" / "b"))
    assert not (tmp_path / "a").exists()


def test_a_link_counts_with_where_it_lies_and_where_it_leads(
    filled: DirectoryStore, tmp_path: Path
) -> None:
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "s"
    link.symlink_to(Path("..") / "s")
    assert DirectoryStore(link).load(KEY) == ARTIFACT
    link.parent.chmod(0o777)
    assert f"through {link.parent}" in refusal_of(DirectoryStore(link))
    link.parent.chmod(0o755)
    filled.root.chmod(0o777)
    refusal_of(DirectoryStore(link))


@as_root
@pytest.mark.parametrize("below", [".", "v1", ".."])
def test_a_store_of_another_user_is_refused_unless_that_user_is_trusted(
    filled: DirectoryStore, below: str
) -> None:
    place = Path(os.path.normpath(filled.root / below))
    os.chown(place, STRANGER, -1)
    said = refusal_of(filled)
    assert f"{place} belongs to user {STRANGER}, must belong to root (0) or root" in said
    assert f"fix: set IR_RUNTIME_TRUSTED_USERS={STRANGER} if you trust that user, or name" in said
    with override_settings(trusted_users=f"daemon, {STRANGER}"):
        assert DirectoryStore(filled.root).load(KEY) == ARTIFACT


def test_a_trusted_user_who_does_not_exist_is_refused(filled: DirectoryStore) -> None:
    with override_settings(trusted_users="no-such-user"), pytest.raises(ArgumentError) as refused:
        filled.load(KEY)
    assert str(refused.value) == (
        "IR_RUNTIME_TRUSTED_USERS: 'no-such-user' is no user, must be names or numbers of users"
    )


def test_an_artifact_that_others_can_change_is_compiled_again(
    filled: DirectoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    (filled.path_of(KEY) / "kernel.vmfb").chmod(0o666)
    with caplog.at_level(logging.WARNING, "ir_runtime.store"), count_since() as counted:
        assert filled.load(KEY) is None
    assert counted[0].corrupt_artifacts == 1
    assert "(others can change kernel.vmfb: it has mode 0666); it is compiled again" in caplog.text
    assert not filled.path_of(KEY).exists()


def test_a_base_store_that_others_can_write_is_passed_over_with_one_warning(
    filled: DirectoryStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled.root.chmod(0o777)
    chain = StoreChain(DirectoryStore(tmp_path / "first"), [DirectoryStore(filled.root)])
    with caplog.at_level(logging.WARNING, "ir_runtime.store"):
        assert [chain.load(KEY), chain.load(KEY)] == [None, None]
    (record,) = caplog.records
    assert f"{filled}: others can change it" in record.getMessage()
    assert "alone; it is passed over\n" in record.getMessage()
    assert f"fix: chmod -R go-w {filled.root}" in record.getMessage()


def test_a_compile_cache_that_others_can_write_is_not_used(
    tmp_path: Path, doubling: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    root, x = tmp_path / "cache", torch.arange(5.0)
    root.mkdir(mode=0o700)
    root.chmod(0o777)
    with override_settings(compile_cache=root):
        for name in "ab":
            program = Launchable.jit_compile(doubling(), file_cache_dir=tmp_path / name)
            assert torch.equal(program(x), x + x)
    assert list(root.iterdir()) == []
    (record,) = [r for r in caplog.records if r.name == "ir_runtime.compile_cache"]
    assert "or name another directory with IR_RUNTIME_COMPILE_CACHE" in record.getMessage()


@as_root
def test_two_users_share_a_base_store_of_root() -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        base = DirectoryStore(place / "base")
        base.save(ARTIFACT)
        for path in (base.root, *base.root.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        for user in (STRANGER, STRANGER + 1):
            own = place / str(user)
            own.mkdir()
            os.chown(own, user, user)
            assert loads_as(user, own, base.root)
        shutil.rmtree(base.root)


def loads_as(user: int, own: Path, base: Path) -> bool:
    """Tell whether another user gets an artifact from a base store, and can add one to its own."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(user)
            os.setuid(user)
            first = DirectoryStore(own)
            store = StoreChain(first, [DirectoryStore(base)])
            found = store.load(KEY) == ARTIFACT
            store.save(ARTIFACT)
            code = 0 if found and first.read(KEY) == ARTIFACT else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
