"""The call of the compiler, in this process or in a warm child process."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ir_runtime.child_process import start_child, temporary_file
from ir_runtime.counters import add_count
from ir_runtime.device.instance import is_forked, on_exit, on_fork
from ir_runtime.device.target import HOST_FLAGS, Target
from ir_runtime.device.target_name import back_end_of
from ir_runtime.errors import (
    CompileError,
    CompilerCrashError,
    CompilerNotFoundError,
    CompilerTimeoutError,
)
from ir_runtime.fork_lock import fork_safe_lock, fork_waits
from ir_runtime.launch.compile import compiler_process as worker
from ir_runtime.launch.compile.compile_cache import CompileCache, Compiled
from ir_runtime.settings import current_settings

__all__ = [
    "BASE_FLAGS",
    "compile_program",
    "compiler_installed",
    "require_back_end",
    "require_compiler",
    "run_passes",
]

BASE_FLAGS = (
    "--iree-input-demote-f64-to-f32=false",  # else f64 buffers are read out of bounds
    "--iree-opt-level=O2",
    "--iree-opt-strip-assertions=false",  # the program checks sizes that must agree
    "--iree-llvmcpu-debug-symbols=false",
)
"""Flags of every compile; part of every key, so a change of them is a store miss."""

_LOCATION = re.compile(r"(?:^|[\s\"(<])[^\s\"(]*?:(\d+):(\d+)")
_CONTEXT_LINES = 2


@functools.cache
def compiler_installed() -> bool:
    """Tell whether the compiler package is there, without loading it."""
    with fork_waits():  # the packages around it are imported
        try:
            return importlib.util.find_spec("iree.compiler") is not None
        except ModuleNotFoundError:
            return False


def require_compiler(name: str) -> None:
    """Raise if the compiler package is not installed.

    Raises:
        CompilerNotFoundError: it is not installed.
    """
    if not compiler_installed():
        raise CompilerNotFoundError(
            f"{name}: must be compiled, and the compiler is not installed",
            fix="pip install 'iree-base-compiler==3.13.*', or ship the store of one that has it",
        )


@functools.cache
def _back_ends() -> tuple[str, ...]:
    from iree.compiler.tools import query_available_targets

    return tuple(query_available_targets())


def require_back_end(target: Target) -> None:
    """Raise if the compiler cannot make code for a target.

    Raises:
        CompilerNotFoundError: the compiler is not installed.
        CompileError: it has no back end for the target.
    """
    require_compiler(f"target {target.name}")
    back_end = back_end_of(target)
    if back_end not in _back_ends():
        raise CompileError(
            f"target {target.name}: this compiler has no back end {back_end!r}, "
            f"must be built with it; it has {', '.join(_back_ends())}"
        )


def compile_program(name: str, source: bytes, flags: Sequence[str]) -> Compiled:
    """Compile MLIR, or take the result from the compile cache if there is one.

    Args:
        name: the name of the program, for messages.
        source: MLIR text or bytecode.
        flags: compiler flags.

    Raises:
        CompilerNotFoundError: the compiler package is not installed.
        CompileError: the compiler refused the program.
        CompilerCrashError: the compiler died; only with `IR_RUNTIME_COMPILE_PROCESS=1`.
        CompilerTimeoutError: it ran longer than `IR_RUNTIME_COMPILE_TIMEOUT_S`; only with
            `IR_RUNTIME_COMPILE_PROCESS=1`, too.
    """
    require_compiler(name)
    root = current_settings().compile_cache
    cache = None if root is None else CompileCache(root)
    if cache is None or not cache.is_trusted:
        compiled = _translate(name, source, flags)
    else:
        compiled = _cached(cache, name, source, flags)
    add_count("compiles")
    return compiled


def _cached(cache: CompileCache, name: str, source: bytes, flags: Sequence[str]) -> Compiled:
    path = cache.path_of(source, flags)
    found = cache.load(path)
    if found is None:
        with cache.lock(path):
            found = cache.load(path)
            if found is None:
                compiled = _translate(name, source, flags)
                cache.save(path, name, compiled)
                return compiled
    add_count("cached_compiles")
    return found


def _translate(name: str, source: bytes, flags: Sequence[str]) -> Compiled:
    process_flags = tuple(flag for flag in flags if flag in HOST_FLAGS)
    own_flags = [flag for flag in flags if flag not in HOST_FLAGS]
    if current_settings().compile_process or is_forked():  # in-process compiles hang after a fork
        vmfb, stream, host, diagnostics = _compile_in_child(name, source, own_flags, process_flags)
    else:
        vmfb, stream, host, diagnostics = worker.translate(source, own_flags, process_flags)
    if vmfb is None:
        raise _refusal(name, source, diagnostics)
    return Compiled(vmfb, stream, host)


def run_passes(name: str, source: bytes, pipeline: str) -> str:
    """Run passes over MLIR, in a child process if the settings ask for one.

    Args:
        name: the name of the program, for messages.
        source: MLIR text or bytecode.
        pipeline: passes over the module, as text.

    Returns:
        The module as text.

    Raises:
        CompileError: as `compile_program` does.
    """
    require_compiler(name)
    if current_settings().compile_process or is_forked():
        request = {"pipeline": pipeline}
        header, text = _ask_child(name, source, request, HOST_FLAGS)
        found, diagnostics = (text if header["ok"] else None), header["diagnostics"]
    else:
        found, diagnostics = worker.run_pipeline(source, pipeline, HOST_FLAGS)
    if found is None:
        raise _refusal(name, source, diagnostics)
    return found.decode()


def _refusal(name: str, source: bytes, diagnostics: Sequence[str]) -> CompileError:
    text = _text_of(source)
    facts: list[str] = []
    for diagnostic in diagnostics:
        facts.extend(diagnostic.split("\n"))
    return CompileError(
        f"{name}: MLIR does not compile",
        diagnostics=diagnostics,
        source=text,
        facts=[*facts, *_excerpt(text, diagnostics)],
    )


def _text_of(source: bytes) -> str:
    return (
        ""
        if source.startswith((b"ML\xefR", b"\xd4\xb3\xb6\xb1"))
        else source.decode("utf-8", "replace")
    )


def _excerpt(text: str, diagnostics: Sequence[str]) -> list[str]:
    """Return numbered source lines around the first error, the line itself marked."""
    lines = text.split("\n")
    for diagnostic in diagnostics:
        match = _LOCATION.search(diagnostic) if diagnostic.startswith("error") else None
        if match is not None and 1 <= int(match[1]) <= len(lines):
            at = int(match[1])
            shown = range(max(1, at - _CONTEXT_LINES), min(len(lines), at + _CONTEXT_LINES) + 1)
            return [f"{'>' if n == at else ' '} {n:4d} | {lines[n - 1]}" for n in shown]
    return []


class _Worker:
    """A child process that compiles one program at a time, all with the same process flags."""

    def __init__(self, process_flags: tuple[str, ...]) -> None:
        self.process_flags = process_flags
        self._log = temporary_file()
        self._process = start_child(
            [sys.executable, "-P", str(Path(worker.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        with contextlib.suppress(OSError):
            worker.write_message(self._stdin, {"sys_path": sys.path})

    @property
    def _stdin(self) -> Any:
        return self._process.stdin

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(
        self, name: str, source: bytes, request: dict[str, Any]
    ) -> tuple[dict[str, Any], bytes]:
        """Compile or lower one program; raises if the child dies or takes too long."""
        timeout_s = current_settings().compile_timeout_s
        timer = threading.Timer(timeout_s, self._process.kill) if timeout_s else None
        started = time.monotonic()
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            with contextlib.suppress(OSError):  # the read below detects a dead child
                whole = {**request, "process_flags": self.process_flags}
                worker.write_message(self._stdin, whole, source)
            reply = worker.read_message(self._process.stdout)  # pyright: ignore[reportArgumentType]
        finally:
            if timer is not None:
                timer.cancel()
        if reply is not None:
            return reply
        took_s = time.monotonic() - started
        raise self._post_mortem(name, source, timed_out=bool(timeout_s) and took_s >= timeout_s)

    def _post_mortem(self, name: str, source: bytes, *, timed_out: bool) -> CompileError:
        code = self._process.wait()
        self._log.seek(0)
        said = self._log.read().decode("utf-8", "replace").strip().split("\n")[-12:]
        self.close()
        if timed_out:
            limit_s = current_settings().compile_timeout_s
            return CompilerTimeoutError(
                f"{name}: the compiler ran longer than {limit_s:g} s and was stopped",
                source=_text_of(source),
                fix="raise IR_RUNTIME_COMPILE_TIMEOUT_S, 0 for no limit",
            )
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return CompilerCrashError(
            f"{name}: the compiler process ended {how}",
            diagnostics=said,
            source=_text_of(source),
            facts=[line for line in said if line],
        )

    def close(self) -> None:
        """Kill the child, even during a compile."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        self.forget()

    def forget(self) -> None:
        """Close the pipes to the child without ending it: it belongs to the parent of this fork."""
        for stream in (self._process.stdin, self._process.stdout, self._log):
            with contextlib.suppress(OSError):
                stream.close()  # pyright: ignore[reportOptionalMemberAccess]


_idle: list[_Worker] = []
_idle_lock = fork_safe_lock()
_MAX_IDLE = max(2, os.cpu_count() or 1)


def _compile_in_child(
    name: str, source: bytes, flags: Sequence[str], process_flags: tuple[str, ...]
) -> tuple[bytes | None, bytes, bytes, list[str]]:
    header, payload = _ask_child(name, source, {"flags": list(flags)}, process_flags)
    first, second = header["phase_sizes"]
    stream, host = payload[:first], payload[first : first + second]
    vmfb = payload[first + second :] if header["ok"] else None
    return vmfb, stream, host, header["diagnostics"]


def _ask_child(
    name: str, source: bytes, request: dict[str, Any], process_flags: tuple[str, ...]
) -> tuple[dict[str, Any], bytes]:
    with _idle_lock:
        child = next((c for c in _idle if c.process_flags == process_flags), None)
        if child is not None:
            _idle.remove(child)
    if child is not None and not child.alive:
        child.close()
        child = None
    child = child or _Worker(process_flags)
    try:
        answer = child.ask(name, source, request)
    except BaseException:  # an interrupt, too: its reply would be taken for the next one's
        child.close()
        raise
    with _idle_lock:
        keep = len(_idle) < _MAX_IDLE
        if keep:
            _idle.append(child)
    if not keep:
        child.close()
    return answer


def _close_idle() -> None:
    while _idle:
        _idle.pop().close()


def _forget_idle() -> None:
    while _idle:
        _idle.pop().forget()


on_exit(_close_idle)
on_fork(_forget_idle)
