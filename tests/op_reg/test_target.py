"""Kernels of weaker targets: which one serves a call, and what is never loaded."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import kernels_mlir
from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.device.cpu_name import missing_features
from ir_runtime.device.machine import code_machine
from ir_runtime.errors import ArtifactNotFoundError
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.op_reg import CustomOp, build_kernel, explain, forget_kernels
from ir_runtime.settings import override_settings
from tests.op_reg import ops
from tests.trace_files import events

X = torch.arange(6.0)
NAMES = [target.name for target in Device("local-sync").targets]
pytestmark = pytest.mark.skipif(
    "cpu:x86-64-v3" not in NAMES[1:], reason="needs more than the features of x86-64-v3"
)


class _ByWidth(CustomOp):
    """Multiplies by the bytes of a vector of the machine that it was generated for."""

    signature = "by_width_@UNIQUE@(Tensor x) -> Tensor"
    select = ops.like_first

    def generate(self, ksel, kb):
        assert ksel.machine == code_machine()  # as the kernels of the catalogue ask
        kb.yield_results(ops.scaled(kb, kb.arg(0), float(code_machine().vector_bytes)))


class _ByLayout(CustomOp):
    """Has one result of as many elements as a vector of the machine has bytes."""

    signature = "by_layout_@UNIQUE@(Tensor x) -> Tensor"

    def select(self, ksel):
        ksel.arg_tensor(0)
        size = ksel.machine.vector_bytes
        ksel.return_new_tensor((size,), torch.float32).specialize_all_dims()

    def generate(self, ksel, kb):
        raise AssertionError("is not compiled here")


by_width = CustomOp.register(library=ops.LIBRARY)(_ByWidth)
by_layout = CustomOp.register(library=ops.LIBRARY)(_ByLayout)


@pytest.fixture
def no_compiling() -> Iterator[None]:
    with override_settings(compile=False):
        yield


def test_kernel_of_a_weaker_target_serves_and_says_so(
    store: DirectoryStore, trace: Path, no_compiling: None
) -> None:
    """Its MLIR is that of the weaker machine, found by the key that it has for this target."""
    with override_settings(compile=True):
        (built,) = build_kernel(by_width, X, target="cpu:x86-64-v2")
    assert (built.target, built.compiled) == ("cpu:x86-64-v2", True)
    with count_since() as counts:
        assert torch.equal(by_width(X), X * 16)
        assert torch.equal(by_width(X + 1), (X + 1) * 16)
    found = counts[0]
    assert (found.compiles, found.store_hits, found.weaker_hits, found.selects) == (0, 1, 1, 1)
    said = explain(by_width, X)
    assert (said.target, said.wanted_target) == ("cpu:x86-64-v2", NAMES[0])
    assert f"\n  served by cpu:x86-64-v2: none for {NAMES[0]} is stored\n" in str(said)
    (row,) = events(trace, "load")
    assert (row["target"], row["wanted_target"]) == ("cpu:x86-64-v2", NAMES[0])


def test_best_stored_target_serves(store: DirectoryStore, no_compiling: None) -> None:
    with override_settings(compile=True):
        build_kernel(by_width, X, target="cpu:x86-64-v2,cpu:x86-64-v3,cpu:aarch64")
    assert torch.equal(by_width(X), X * 32)
    assert explain(by_width, X).target == "cpu:x86-64-v3"
    with override_settings(compile=True):
        build_kernel(by_width, X)  # this machine's own
    forget_kernels()
    with count_since() as counts:
        by_width(X)
    assert (counts[0].store_hits, counts[0].weaker_hits) == (1, 0)
    assert explain(by_width, X).target == explain(by_width, X).wanted_target == NAMES[0]


def test_own_features_are_compiled_only_if_nothing_serves(store: DirectoryStore) -> None:
    by_width(X)
    assert {key.device_type for key in store.keys()} == {Device("local-sync").type_cache_key}
    forget_kernels()
    with override_settings(cpu="x86-64-v3"):
        assert torch.equal(by_width(X), X * 32)  # the setting is exact: it is compiled
    assert len(store.keys()) == 2


def test_first_hit_ends_the_search(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warm hit costs one look-up, and no further `select`."""
    by_width(X)
    forget_kernels()
    asked: list[str] = []
    load = DirectoryStore.load

    def counting(self, key):
        asked.append(key.device_type)
        return load(self, key)

    monkeypatch.setattr(DirectoryStore, "load", counting)
    by_width(X)
    assert asked == [Device("local-sync").type_cache_key]


@pytest.mark.parametrize("target", ["cpu:aarch64", "cpu:x86-64-v3+sse4a"])
def test_foreign_kernels_are_never_loaded(
    store: DirectoryStore, no_compiling: None, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ir_runtime.device import cpu_name

    monkeypatch.setattr(cpu_name, "X86_EXTRA", {**cpu_name.X86_EXTRA, "sse4a": "sse4a"})
    with override_settings(compile=True):
        build_kernel(by_width, X, target=target)
    (key,) = store.keys()
    with count_since() as counts, pytest.raises(ArtifactNotFoundError, match="device_type"):
        by_width(X)
    assert counts[0].store_hits == 0
    # Not even if its name is that of the kernel that is wanted: the stored key must agree.
    wanted = replace(key, device_type=Device("local-sync").type_cache_key)
    store.path_of(key).rename(store.path_of(wanted))
    assert store.load(wanted) is None


def test_targets_that_would_change_a_call_are_passed_over(
    store: DirectoryStore, no_compiling: None
) -> None:
    """The result has the layout of this machine; a weaker kernel would write another one."""
    from ir_runtime.op_reg.call.kernel import _weaker_keys, run_select

    op = ops.op_of(by_layout)
    ksel, targets = run_select(op, [X]), Device("local-sync").targets
    kept = [key.device_type for key in _weaker_keys(op, ksel, targets)]
    width = ksel.machine.vector_bytes
    assert kept == [t.device_type for t in targets if t.machine.vector_bytes == width]  # type: ignore[union-attr]


def test_no_target_lacks_features_of_this_machine() -> None:
    own, *weaker = Device("local-sync").targets
    assert own.machine is not None
    for target in weaker:
        assert target.machine is not None
        assert missing_features(target.machine.cpu, own.machine.cpu) == ()


def test_kernels_ask_for_the_machine_that_code_is_made_for() -> None:
    """A kernel that asked for this host would be wrong in a store of another target.

    `library.py` asks for it: the default priority of an op depends on the machine that runs it.
    """
    for path in Path(kernels_mlir.__file__).parent.rglob("*.py"):
        if path.name == "library.py":
            continue
        imported = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert not imported & {"host_cpu_target", "this_machine", "last_level_cache_bytes"}, path
