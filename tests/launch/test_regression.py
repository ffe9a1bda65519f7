"""Are the ancestors' faults in programs absent?  Those that no other file shows."""

from __future__ import annotations

import ast
import gc
import json
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import ir_runtime
from ir_runtime import Launchable
from ir_runtime.counters import count_since
from ir_runtime.device import Device, get_vm_instance
from ir_runtime.errors import CompileError, EntryPointError
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.settings import override_settings

X = torch.arange(5.0)
PACKAGE = Path(ir_runtime.__file__).parent


def test_bool_is_no_number_of_its_width_by_chance() -> None:
    """2.1: a bool went through int, and what the program declares was not asked."""
    source = "func.func @main(%a: i1, %b: i64) -> (i1, i64) { return %a, %b : i1, i64 }"
    program = Launchable.jit_compile(source)
    results = program(True, True, device="cpu")
    assert [(type(r), r) for r in results] == [(bool, True), (int, 1)]


def test_missing_entry_point_is_refused_each_time(doubling: Callable[..., str]) -> None:
    """2.1: None was kept as the function, and only the call failed."""
    program = Launchable.jit_compile(doubling(), entry_point="absent")
    for use in (lambda: program.preload("cpu"), lambda: program(X)):
        for _ in range(2):
            with pytest.raises(EntryPointError):
                use()


def test_error_holds_what_the_compiler_said_and_prints_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """2.1: the error said "See diagnostics", which went to the console."""
    source = "func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> { return %b : tensor<4xf32> }"
    with pytest.raises(CompileError) as caught:
        Launchable.jit_compile(source).preload("cpu")
    assert "use of undeclared SSA value name" in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("in_the_vm")
def test_contexts_end_with_their_threads(doubling: Callable[..., str]) -> None:
    """2.1: contexts were kept for good, and shared by threads."""
    program = Launchable.jit_compile(doubling())
    program.preload("cpu")
    loaded, _ = next(iter(program._programs._programs.values())).vm
    contexts: list[weakref.ref[object]] = []

    class Held(dict):
        """A dictionary of contexts that can be watched."""

    def work() -> None:
        loaded._contexts.by_uri = Held()
        assert torch.equal(program(X), X + X)
        assert len(loaded._contexts.by_uri) == 1
        contexts.append(weakref.ref(loaded._contexts.by_uri))

    for _ in range(3):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    gc.collect()
    assert [ref() for ref in contexts] == [None] * 3


@pytest.mark.usefixtures("in_the_vm")
def test_threads_run_in_contexts_of_their_own(doubling: Callable[..., str]) -> None:
    """2.1: one context was shared by threads, while the VM runs without Python's lock."""
    program = Launchable.jit_compile(doubling())
    program.preload("cpu")
    loaded, _ = next(iter(program._programs._programs.values())).vm
    found: list[object] = []

    def work() -> None:
        program(X)
        found.extend(context for context, _ in loaded._contexts.by_uri.values())

    for _ in range(2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(found) == 2
    assert found[0] is not found[1]


def test_name_and_flags_reach_no_shell(tmp_path: Path, doubling: Callable[..., str]) -> None:
    """2.4: the compiler was started through a shell."""
    mark = tmp_path / "mark"
    name = f"p; touch {mark}; $(touch {mark}) `touch {mark}`"
    program = Launchable.jit_compile(doubling(), name=name, file_cache_dir=tmp_path / "store")
    assert torch.equal(program(X), X + X)
    flags = [f"--iree-opt-level=O1; touch {mark}"]
    with pytest.raises(CompileError):
        Launchable.jit_compile(doubling(), name=name, flags=flags).preload("cpu")
    assert not mark.exists()


def test_source_evaluates_no_text_and_starts_no_shell() -> None:
    """2.4: `eval` of a cache file, `shell=True`.

    What is executed is generated from an op's signature: how it is called, how its provider is
    chosen, what constraints ask, and the key of a traced call. Nothing else.
    """
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", "")
            if name in ("eval", "exec"):
                found.setdefault(path.name, set()).add(name)
            assert not [k for k in node.keywords if k.arg == "shell"], path
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert not imported & {"marshal", "shelve"}, path
        read = {
            n.attr
            for n in ast.walk(tree)
            if getattr(n, "value", None) is not None
            and getattr(getattr(n, "value", None), "id", "") == "pickle"
        }
        assert read <= {"dumps"}, f"{path}: a pickle that is loaded runs what it says"
    generated = (
        "argument_check.py",
        "choice_source.py",
        "constraint.py",
        "dispatch_source.py",
    )
    assert found == {name: {"exec"} for name in generated}


@pytest.mark.parametrize("where", ["name", "flags", "selection"])
def test_text_of_a_key_file_is_not_evaluated(
    tmp_path: Path, doubling: Callable[..., str], where: str
) -> None:
    """2.4: text of the cache was evaluated as Python."""
    root, mark = tmp_path / "store", tmp_path / "mark"
    Launchable.jit_compile(doubling(), file_cache_dir=root, name="p").preload("cpu")
    store = DirectoryStore(root)
    (path,) = [store.path_of(key) / "key.json" for key in store.keys()]
    fields = json.loads(path.read_text())
    text = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    target = next(d for d in (fields, *(v for v in fields.values() if isinstance(v, dict)))
                  if where in d)  # fmt: skip
    target[where] = [text] if where == "flags" else text
    path.write_text(json.dumps(fields))
    again = Launchable.jit_compile(doubling(), file_cache_dir=root, name="p")
    assert torch.equal(again(X), X + X)
    assert not mark.exists()


def test_timeout_leaves_nothing_in_the_store(
    store: DirectoryStore, doubling: Callable[..., str]
) -> None:
    """2.4: a compile that was stopped left half a VMFB, which the next run took."""
    slow = override_settings(compile_timeout_s=1e-3, compile_cache=None)
    with slow, pytest.raises(CompileError):
        Launchable.jit_compile(doubling()).preload("cpu")
    assert store.keys() == []
    assert not list(store.root.rglob("*.vmfb"))
    with count_since() as counted:
        assert torch.equal(Launchable.jit_compile(doubling())(X), X + X)
    assert (counted[0].compiles, counted[0].store_hits) == (1, 0)


def test_program_of_another_text_under_one_name_is_compiled(
    tmp_path: Path, doubling: Callable[..., str]
) -> None:
    """2.4: files were found by name, and stale ones run."""
    for op, wanted in (("arith.addf", X + X), ("arith.mulf", X * X), ("arith.subf", X - X)):
        program = Launchable.jit_compile(
            doubling(op=op), file_cache_dir=tmp_path, name="layer", entry_point="main"
        )
        assert torch.equal(program(X), wanted)


def test_each_device_of_a_program_is_of_the_one_vm_instance(doubling: Callable[..., str]) -> None:
    """2.4: some launchers made an instance of their own."""
    instances: list[object] = []

    def load(device: Device) -> None:
        instances.append(device.vm_instance)

    for uri in ("local-sync", "local-task"):
        with pytest.raises(NotImplementedError):
            Launchable.from_vm_module(load)(X, device=Device(uri))
    assert [instance is get_vm_instance() for instance in instances] == [True, True]
