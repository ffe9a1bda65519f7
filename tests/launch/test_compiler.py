"""Does each way a compile can fail become an exception that tells all, after which all goes on?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.errors import (
    ArtifactNotFoundError,
    CompileError,
    CompilerCrashError,
    CompilerTimeoutError,
    EntryPointError,
)
from ir_runtime.launch import Launchable
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.launch.compile import compiler
from ir_runtime.launch.compile import compiler_process as worker
from ir_runtime.launch.compile.build import add_compile_listener
from ir_runtime.settings import override_settings

BAD = """func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> {
  // a comment
  %0 = arith.addf %a, %a : tensor<4xf32>
  %1 = math.tanh %b : tensor<4xf32>
  return %1 : tensor<4xf32>
}
"""
IN_PROCESS = pytest.mark.parametrize("in_child", [True, False], ids=["child", "in process"])


@pytest.fixture(autouse=True)
def own_store(store: DirectoryStore, no_compile_cache: None) -> DirectoryStore:
    return store


@pytest.fixture
def no_worker() -> Iterator[None]:
    """Start and end without a warm compiler process."""
    compiler._close_idle()
    yield
    compiler._close_idle()


@pytest.fixture
def worker_script(
    no_worker: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Have the next compiler process run this code, with its standard input open."""

    def install(code: str) -> None:
        script = tmp_path / "worker.py"
        script.write_text(code)
        monkeypatch.setattr(worker, "__file__", str(script))

    return install


def failure_of(text: str | bytes, **kwargs: object) -> CompileError:
    with pytest.raises(CompileError) as caught:
        Launchable.jit_compile(text, **kwargs).preload("cpu")  # pyright: ignore[reportArgumentType]
    return caught.value


def run_doubling(text: str) -> None:
    x = torch.arange(5.0)
    assert torch.equal(Launchable.jit_compile(text)(x), x + x)


@IN_PROCESS
def test_bad_mlir_is_reported_with_diagnostics_and_numbered_source(
    store: DirectoryStore, in_child: bool
) -> None:
    with override_settings(compile_process=in_child):
        error = failure_of(BAD, name="softcap")
    (kept,) = (store.root / "v1" / "failed").iterdir()
    assert str(error) == (
        "softcap: MLIR does not compile\n"
        "    error: source.mlir:4:18: use of undeclared SSA value name\n"
        "         2 |   // a comment\n"
        "         3 |   %0 = arith.addf %a, %a : tensor<4xf32>\n"
        "    >    4 |   %1 = math.tanh %b : tensor<4xf32>\n"
        "         5 |   return %1 : tensor<4xf32>\n"
        "         6 | }\n"
        f"    source kept in {kept}"
    )


def test_failed_compile_carries_its_fields() -> None:
    error = failure_of(BAD)
    assert error.diagnostics == ("error: source.mlir:4:18: use of undeclared SSA value name",)
    assert error.source == BAD
    assert error.source_path is not None
    assert Path(error.source_path).read_text() == BAD


def test_failed_compile_stores_no_artifact_and_counts_no_compile(store: DirectoryStore) -> None:
    with count_since() as counted:
        failure_of(BAD)
    assert (store.keys(), counted[0].compiles) == ([], 0)


@IN_PROCESS
def test_next_good_program_compiles_after_a_bad_one(
    doubling: Callable[..., str], in_child: bool
) -> None:
    with override_settings(compile_process=in_child):
        failure_of(BAD)
        run_doubling(doubling())


@IN_PROCESS
def test_verifier_error_names_operation_and_line(in_child: bool) -> None:
    text = BAD.replace("%b", "%0").replace("4xf32", "4xi32").replace("addf", "addi")
    with override_settings(compile_process=in_child):
        error = failure_of(text)
    assert "'math.tanh' op operand #0 must be floating-point-like" in str(error)
    assert "    >    4 |   %1 = math.tanh %0 : tensor<4xi32>\n" in str(error)


def test_error_of_a_later_phase_is_reported() -> None:
    kind = "tensor<?xf32>"
    error = failure_of(
        f"func.func @main(%x: f32, %n: index) -> {kind} {{\n"
        f"  %0 = tensor.splat %x[%n] : {kind}\n  return %0 : {kind}\n}}"
    )
    assert "failed to legalize operation 'tensor.splat'" in str(error)
    assert f"    >    2 |   %0 = tensor.splat %x[%n] : {kind}\n" in str(error)


@pytest.mark.parametrize("text", ["", "module {}"])
def test_a_program_without_functions_is_refused(text: str) -> None:
    with pytest.raises(EntryPointError) as caught:
        Launchable.jit_compile(text, name="hollow").preload("cpu")
    assert str(caught.value) == (
        "hollow: no entry point 'main$async' or 'main', and it exports no function"
    )


@IN_PROCESS
def test_unknown_flag_is_reported(
    doubling: Callable[..., str], store: DirectoryStore, in_child: bool
) -> None:
    with override_settings(compile_process=in_child):
        error = failure_of(doubling(), name="softcap", flags=["--no-such-flag"])
    (kept,) = (store.root / "v1" / "failed").iterdir()
    assert str(error) == (
        "softcap: MLIR does not compile\n"
        "    error: Error parsing flags:\n"
        "      option not found: no-such-flag\n"
        f"    source kept in {kept}"
    )


def test_broken_bytecode_is_reported_without_its_text() -> None:
    error = failure_of(b"ML\xefR\x00garbage")
    assert error.source == ""
    assert error.diagnostics == (
        "error: source.mlir:0:0: attempting to parse 8 bytes when only 7 remain",
    )


@pytest.mark.parametrize("text", [b"\xff\x00\x01", "\n\n}"])
def test_text_that_is_no_mlir_is_refused(text: str | bytes) -> None:
    assert failure_of(text).headline == "program: MLIR does not compile"


CRASH = """
import os, signal, sys
from pathlib import Path
stream = sys.stdin.buffer
for _ in range(2):  # the greeting, then a request
    header = stream.read(int.from_bytes(stream.read(4), "little"))
print("stack dump: frame 0", file=sys.stderr, flush=True)
os.kill(os.getpid(), signal.SIGSEGV)
"""


def test_crash_names_signal_last_words_and_source(
    worker_script: Callable[[str], None], doubling: Callable[..., str], store: DirectoryStore
) -> None:
    worker_script(CRASH)
    error = failure_of(doubling(), name="softcap")
    (kept,) = (store.root / "v1" / "failed").iterdir()
    assert isinstance(error, CompilerCrashError)
    assert str(error) == (
        "softcap: the compiler process ended by signal SIGSEGV\n"
        "    stack dump: frame 0\n"
        f"    source kept in {kept}"
    )
    assert (error.source, kept.read_text()) == (doubling(), doubling())


def test_next_compile_works_after_a_crash(
    worker_script: Callable[[str], None],
    doubling: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker_script(CRASH)
    failure_of(doubling())
    monkeypatch.undo()
    run_doubling(doubling())


def test_compiler_process_that_cannot_start_names_its_exit_code(
    worker_script: Callable[[str], None], doubling: Callable[..., str]
) -> None:
    worker_script("raise SystemExit('no room')")
    error = failure_of(doubling(), name="softcap")
    assert isinstance(error, CompilerCrashError)
    assert error.headline == "softcap: the compiler process ended with exit code 1"
    assert error.diagnostics == ("no room",)


def test_compiler_past_its_time_limit_is_stopped(
    worker_script: Callable[[str], None], doubling: Callable[..., str], store: DirectoryStore
) -> None:
    worker_script("import sys; sys.stdin.buffer.read()")
    with override_settings(compile_timeout_s=0.25):
        error = failure_of(doubling(), name="softcap")
    (kept,) = (store.root / "v1" / "failed").iterdir()
    assert isinstance(error, CompilerTimeoutError)
    assert str(error) == (
        "softcap: the compiler ran longer than 0.25 s and was stopped\n"
        f"    source kept in {kept}\n"
        "  fix: raise IR_RUNTIME_COMPILE_TIMEOUT_S, 0 for no limit"
    )


def test_next_compile_works_after_a_timeout(
    worker_script: Callable[[str], None],
    doubling: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker_script("import sys; sys.stdin.buffer.read()")
    with override_settings(compile_timeout_s=0.25):
        failure_of(doubling())
    monkeypatch.undo()
    with override_settings(compile_timeout_s=0.0):
        run_doubling(doubling())


def test_warm_compiler_process_serves_the_next_program(
    no_worker: None, doubling: Callable[..., str]
) -> None:
    run_doubling(doubling())
    (first,) = compiler._idle
    run_doubling(doubling("tensor<5xf32>"))
    assert compiler._idle == [first]
    assert first.alive


def test_bad_program_leaves_the_compiler_process_warm(
    no_worker: None, doubling: Callable[..., str]
) -> None:
    failure_of(BAD)
    (first,) = compiler._idle
    run_doubling(doubling())
    assert compiler._idle == [first]


def test_idle_compiler_process_that_died_is_replaced(
    no_worker: None, doubling: Callable[..., str]
) -> None:
    run_doubling(doubling())
    compiler._idle[0]._process.kill()
    compiler._idle[0]._process.wait()
    run_doubling(doubling("tensor<5xf32>"))


def test_compile_process_off_starts_no_process(
    no_worker: None, doubling: Callable[..., str]
) -> None:
    with override_settings(compile_process=False), count_since() as counted:
        run_doubling(doubling())
    assert (compiler._idle, counted[0].compiles) == ([], 1)


def test_both_ways_to_compile_give_the_same_program(doubling: Callable[..., str]) -> None:
    text, flags = doubling().encode(), ("--iree-hal-target-device=local",)
    flags += ("--iree-hal-local-target-device-backends=vmvx",)
    binaries = []
    for in_child in (True, False):
        with override_settings(compile_process=in_child):
            binaries.append(compiler.compile_program("p", text, flags).vmfb)
    assert binaries[0] == binaries[1]


def test_compiling_off_refuses_what_is_not_stored(
    store: DirectoryStore, doubling: Callable[..., str]
) -> None:
    from ir_runtime.device import Device

    with override_settings(compile=False), pytest.raises(ArtifactNotFoundError) as caught:
        Launchable.jit_compile(doubling(), name="softcap").preload("cpu")
    label = str(caught.value).split()[3].removesuffix(",")
    assert str(caught.value) == (
        f"softcap: no artifact {label}, and compiling is off (IR_RUNTIME_COMPILE=0)\n"
        f"    store {store.root}\n"
        f"    device type {Device('local-sync').type_cache_key}\n"
        "    nothing named 'softcap' is stored\n"
        "  fix: unset IR_RUNTIME_COMPILE"
    )
    assert label.startswith("softcap-")


def test_compiling_off_names_what_the_nearest_artifact_differs_in(
    doubling: Callable[..., str],
) -> None:
    Launchable.jit_compile(doubling(), name="softcap").preload("cpu")
    other = Launchable.jit_compile(doubling(), name="softcap", flags=["--iree-opt-level=O3"])
    with override_settings(compile=False), pytest.raises(ArtifactNotFoundError) as caught:
        other.preload("cpu")
    assert caught.value.facts[-1] == (
        "nearest artifact differs in: flags (--iree-opt-level=O3 wanted, none stored)"
    )


def test_compiling_off_runs_what_is_stored(doubling: Callable[..., str]) -> None:
    run_doubling(doubling())
    with override_settings(compile=False), count_since() as counted:
        run_doubling(doubling())
    assert (counted[0].compiles, counted[0].store_hits) == (0, 1)


def test_listener_hears_begin_and_end_even_of_a_failure(doubling: Callable[..., str]) -> None:
    heard: list[tuple[str, bool]] = []
    with add_compile_listener(lambda name, begins: heard.append((name, begins))):
        Launchable.jit_compile(doubling(), name="good").preload("cpu")
        failure_of(BAD, name="bad")
    run_doubling(doubling())
    assert heard == [("good", True), ("good", False), ("bad", True), ("bad", False)]
