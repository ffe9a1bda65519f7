"""What the compiler made is found again by content, counted as a compile, and never trusted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from ir_runtime.counters import Counts, count_since
from ir_runtime.launch import Launchable
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.launch.compile import compiler
from ir_runtime.launch.compile.compile_cache import CompileCache, Compiled
from ir_runtime.settings import current_settings, override_settings

RESULT = Compiled(b"\0vmfb", b"stream", b"host")


@pytest.fixture
def cache(tmp_path: Path) -> CompileCache:
    return CompileCache(tmp_path / "cache")


@pytest.fixture
def counted_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """Use a cache of this test, and list the programs that the compiler itself runs on."""
    runs: list[str] = []
    real = compiler._translate

    def translate(name: str, source: bytes, flags: tuple[str, ...]) -> Compiled:
        runs.append(name)
        return real(name, source, flags)

    monkeypatch.setattr(compiler, "_translate", translate)
    with override_settings(compile_cache=tmp_path / "cache"):
        yield runs


def compiled_into(root: Path, text: str, **options: object) -> Counts:
    x = torch.arange(5.0)
    with count_since() as counted:
        program = Launchable.jit_compile(text, file_cache_dir=root, **options)
        assert torch.equal(program(x), x + x)
    return counted[0]


def test_an_empty_store_takes_what_another_compiled(
    counted_runs: list[str], tmp_path: Path, doubling: Callable[..., str]
) -> None:
    first = compiled_into(tmp_path / "a", doubling(), name="one")
    second = compiled_into(tmp_path / "b", doubling(), name="two")
    assert counted_runs == ["one"]
    assert (first.compiles, first.cached_compiles) == (1, 0)
    assert (second.compiles, second.cached_compiles) == (1, 1)
    one, two = (DirectoryStore(tmp_path / name) for name in "ab")
    (key_one,), (key_two,) = one.keys(), two.keys()
    assert one.load(key_one).files() == two.load(key_two).files()


@pytest.mark.parametrize(
    "change",
    [
        {"text": lambda text: text + "// other\n"},
        {"flags": ["--iree-opt-level=O3"]},
    ],
    ids=["source", "flags"],
)
def test_other_content_is_compiled(
    counted_runs: list[str], tmp_path: Path, doubling: Callable[..., str], change: dict
) -> None:
    compiled_into(tmp_path / "a", doubling())
    options = {key: value for key, value in change.items() if key != "text"}
    text = change.get("text", str)(doubling())
    assert compiled_into(tmp_path / "b", text, **options).cached_compiles == 0
    assert len(counted_runs) == 2


def test_the_compilers_version_and_its_caller_count(
    cache: CompileCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "ir_runtime.launch.compile.compile_cache"
    paths = {cache.path_of(b"text", ())}
    with monkeypatch.context() as patch:
        patch.setattr(f"{module}.compiler_version", lambda: "3.13.99")
        paths.add(cache.path_of(b"text", ()))
    with monkeypatch.context() as patch:
        patch.setattr(f"{module}._translator_digest", lambda: "other")
        paths.add(cache.path_of(b"text", ()))
    assert len({*paths, cache.path_of(b"text", ("a", "b")), cache.path_of(b"text", ("ab",))}) == 5


def test_a_damaged_entry_is_compiled_again_and_replaced(
    counted_runs: list[str], tmp_path: Path, doubling: Callable[..., str]
) -> None:
    compiled_into(tmp_path / "a", doubling())
    (vmfb,) = (tmp_path / "cache").rglob("kernel.vmfb")
    vmfb.write_bytes(b"torn")
    assert compiled_into(tmp_path / "b", doubling()).cached_compiles == 0
    assert compiled_into(tmp_path / "c", doubling()).cached_compiles == 1
    assert len(counted_runs) == 2


def test_an_entry_in_the_place_of_another_is_not_taken(cache: CompileCache) -> None:
    one, two = (cache.path_of(text, ()) for text in (b"one", b"two"))
    cache.save(one, "name", RESULT)
    one.rename(two)
    assert cache.load(two) is None
    assert not two.exists()


def test_a_cache_that_cannot_be_written_is_no_failure(
    tmp_path: Path, doubling: Callable[..., str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    with override_settings(compile_cache=tmp_path / "file"):
        assert compiled_into(tmp_path / "a", doubling()).cached_compiles == 0


def test_entries_used_since_a_time_are_counted(cache: CompileCache) -> None:
    one, two = (cache.path_of(text, ()) for text in (b"one", b"two"))
    for path in (one, two):
        cache.save(path, "name", RESULT)
        os.utime(path, (0, 0))
    assert (cache.used_since(1.0), cache.used_since(0.0)) == (0, 2)
    assert cache.load(one) == RESULT
    assert cache.used_since(1.0) == 1


def test_what_was_not_used_for_long_is_removed(cache: CompileCache) -> None:
    old, new, last = (cache.path_of(text, ()) for text in (b"old", b"new", b"last"))
    cache.save(old, "name", RESULT)
    cache.save(new, "name", RESULT)
    torn = old.parent / ".staging-of-a-killed-process"
    torn.mkdir()
    for path, age_days in ((old, 31), (torn, 31), (new, 29), (old.parent / ".pruned", 2)):
        then = time.time() - age_days * 24 * 3600
        os.utime(path, (then, then))
    with cache.lock(last):
        cache.save(last, "name", RESULT)
    assert [cache.load(path) for path in (old, new, last)] == [None, RESULT, RESULT]
    assert not torn.exists()


def test_no_cache_is_used_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from ir_runtime.settings import Settings

    assert Settings.from_environment({}).compile_cache is None
    assert Settings.from_environment({"IR_RUNTIME_COMPILE_CACHE": "/c"}).compile_cache == Path("/c")
    assert current_settings().compile_cache is not None, "the suite shares one"
