"""The settings and their values; the only file that reads the `IR_RUNTIME_*` variables."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ir_runtime.enable_list import parse_enable_list
from ir_runtime.errors import ArgumentError
from ir_runtime.frozen import frozen

__all__ = ["Settings", "bound_launches", "current_settings", "on_change", "override_settings"]

_log = logging.getLogger("ir_runtime.settings")
_PREFIX = "IR_RUNTIME_"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_CHOICES = {
    "IR_RUNTIME_LAUNCH": ("auto", "direct", "vm"),
    "IR_RUNTIME_CHECK": ("none", "shadow"),
    "IR_RUNTIME_TUNE": ("off", "first-calls"),
}


@frozen
class Settings:
    """All settings, with defaults. Each field is the variable `IR_RUNTIME_<FIELD>` in capitals.

    Attributes:
        store: directory of compiled artifacts: the first path of `IR_RUNTIME_STORE`.
        base_stores: directories that are read, in this order, if an artifact is not in `store`;
            they are never written. The other paths of `IR_RUNTIME_STORE`, which is like `PATH`.
        compile_cache: directory of the compiler's outputs by content, for kernels whose op
            changed but whose MLIR did not; None turns it off.
        cpu: the CPUs to compile for, names with commas between, such as `x86-64-v3`; the best
            that this machine contains is used. None for this machine.
        compile: whether a kernel that is not stored may be compiled.
        compile_process: compile in a child process, so that a compiler crash is an exception.
        compile_timeout_s: time limit in seconds of a compile in a child process; 0 means no limit.
        task_min_bytes: a launch that touches at least this many bytes runs on IREE's worker pool
            (`local-task`), a smaller one on the calling thread (`local-sync`); None for what is
            right on this machine.
        launch: what runs kernels of ops on the CPU: `direct` calls their code without IREE's VM,
            `vm` goes through it, `auto` takes `direct` where it can.
        bound_launches: how many launches are remembered, the latest ones, at least 1: by each op
            for calls through Python, by each of its entrances in C, and as plans by each kernel.
        loaded_kernels: how many kernels of ops stay loaded; those that ran least lately go first.
            A kernel of several executables counts as so many.
        trusted_users: whose files are used from a store besides this user's and root's: names or
            numbers, with commas between; None for nobody's.
        check: `shadow`: each call of an IR op runs native, too, and is compared with it.
        strict_priority: native runs for an IR op only where a priority names it.
        tune: `first-calls`: calls of IR ops are measured with each provider when they are first
            made, and the ranking is kept in the store's tuned table.
        tuned_table: the file of a tuned table; only it is read then, and nothing is measured.
        trace: directory that compiles and launches are written down in; None for not at all.
        custom_ops: which layers run their kernels where no `CompilationConfig` is in force, as
            `none,+rms_norm`; None for all.
        passes: the passes of pipelines made from settings: names with commas between, or changes of
            the default list, as `-NoOpElimination,+my.module.MyPass`; None for the default list.
        pattern_match_debug: nodes whose matches torch's pattern matcher logs while passes of a
            pipeline run: names with commas between, or `all`; None for none.
    """

    store: Path = Path("~/.cache/ir_runtime")
    base_stores: tuple[Path, ...] = ()
    compile_cache: Path | None = None
    cpu: str | None = None
    compile: bool = True
    compile_process: bool = True
    compile_timeout_s: float = 300.0
    task_min_bytes: int | None = None
    launch: str = "auto"
    bound_launches: int = 1024
    loaded_kernels: int = 4096
    trusted_users: str | None = None
    check: str = "none"
    strict_priority: bool = False
    tune: str = "off"
    tuned_table: Path | None = None
    trace: Path | None = None
    custom_ops: str | None = None
    passes: str | None = None
    pattern_match_debug: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from a mapping of environment variables.

        Raises:
            ArgumentError: a value does not parse; the message has the variable and its values.
        """
        values: dict[str, Any] = {}
        for field in fields(cls):
            name = f"{_PREFIX}{field.name.upper()}"
            text = environment.get(name)
            if text is not None and text.strip() and field.name != "base_stores":
                values[field.name] = _parse(name, text.strip(), type(field.default))
        if "store" in values:
            values["store"], *values["base_stores"] = values["store"]
        elif Path(environment.get("XDG_CACHE_HOME", "")).is_absolute():  # as XDG demands
            values["store"] = Path(environment["XDG_CACHE_HOME"]) / "ir_runtime"
        return cls(**values)._expanded()

    def _expanded(self) -> Settings:
        """Return these settings with `~` at the start of each path replaced by the home directory.

        Raises:
            ArgumentError: the home directory is not known.
        """
        paths = ("store", "compile_cache", "trace", "tuned_table")
        found = {name: getattr(self, name) for name in paths}
        return replace(
            self,
            **{name: _expanded(name, path) for name, path in found.items() if path is not None},
            base_stores=tuple(_expanded("store", path) for path in self.base_stores),
        )


def _expanded(name: str, path: Path) -> Path:
    try:
        expanded = path.expanduser()
    except RuntimeError:
        expanded = path
    if path.parts[:1] and path.parts[0].startswith("~") and not expanded.is_absolute():
        raise ArgumentError(
            f"{_PREFIX}{name.upper()}: {str(path)!r} begins with a home directory, and none is "
            "known, must be an absolute path",
            fix=f"set HOME, or {_PREFIX}{name.upper()}",
        )
    return expanded


def _split_paths(text: str) -> list[Path]:
    paths = [Path(part) for part in text.split(os.pathsep) if part.strip()]
    if not paths:
        raise ArgumentError(f"IR_RUNTIME_STORE: {text!r} names no directory, must name one or more")
    return paths


_READERS: dict[str, Callable[[str, str], object]] = {
    "IR_RUNTIME_STORE": lambda text, _: _split_paths(text),
    "IR_RUNTIME_CUSTOM_OPS": lambda text, name: ",".join(parse_enable_list(text, name)),
    "IR_RUNTIME_TRUSTED_USERS": lambda text, _: text,
    "IR_RUNTIME_CPU": lambda text, _: text,
    "IR_RUNTIME_PASSES": lambda text, _: text,
    "IR_RUNTIME_PATTERN_MATCH_DEBUG": lambda text, _: text,
    "IR_RUNTIME_TASK_MIN_BYTES": lambda text, name: _number(name, text, int),
}
"""Readers of the variables that are neither a switch, a word, a number nor a path."""


def _parse(name: str, text: str, kind: type) -> object:
    if name in _READERS:
        return _READERS[name](text, name)
    if kind is bool:
        lowered = text.lower()
        if lowered in _TRUE | _FALSE:
            return lowered in _TRUE
        raise ArgumentError(f"{name}: {text!r} is not a switch, must be 0 or 1")
    if kind is str:
        choices = _CHOICES[name]
        if text.lower() in choices:
            return text.lower()
        raise ArgumentError(f"{name}: {text!r} is not known, must be {', '.join(choices)}")
    if kind in (int, float):
        return _number(name, text, kind)
    return Path(text)


def _number(name: str, text: str, kind: type[int | float]) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = -1
    if not 0 <= value < math.inf:
        raise ArgumentError(f"{name}: {text!r} is not a number, must be {kind.__name__} >= 0")
    return value


_current: Settings | None = None

Listener = Callable[[Settings, Settings], None]
"""Called with the settings before and after a change."""

_listeners: list[Listener] = []


def on_change(listener: Listener) -> Listener:
    """Call `listener(before, after)` after each change of the settings; a decorator."""
    _listeners.append(listener)
    return listener


def current_settings() -> Settings:
    """Return the settings of this process; the first call reads the environment."""
    global _current
    if _current is None:
        _current = Settings.from_environment(os.environ)
        _warn_of_unknown_variables(os.environ)
    return _current


def bound_launches() -> int:
    """Return how many launches every cache of them may hold."""
    return max(1, current_settings().bound_launches)


def _warn_of_unknown_variables(environment: Mapping[str, str]) -> None:
    known = {f"{_PREFIX}{field.name.upper()}" for field in fields(Settings)}
    known -= {f"{_PREFIX}BASE_STORES"}
    known |= {f"{_PREFIX}REQUIRE_LAUNCHER"}  # setup.py reads it
    for name in sorted(environment):
        if not name.startswith(_PREFIX) or name in known:
            continue
        import difflib

        nearest = difflib.get_close_matches(name, sorted(known), 1, 0.0)[0]
        _log.warning("%s: no variable of ir_runtime, did you mean %s?", name, nearest)


@contextmanager
def override_settings(**changes: object) -> Generator[Settings]:
    """Change settings during a `with` block, for the whole process (for tests and tools)."""
    before = current_settings()
    inside = replace(before, **changes)  # pyright: ignore[reportArgumentType]
    try:
        _change(inside)
        yield inside
    finally:
        _change(before)


def _change(settings: Settings) -> None:
    global _current
    before, _current = current_settings(), settings
    for listener in _listeners:
        listener(before, settings)
