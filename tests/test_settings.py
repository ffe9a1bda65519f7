"""Is each knob read from its variable, and is a bad value refused by name?"""

from __future__ import annotations

import dataclasses
import logging
import os
from pathlib import Path

import pytest

from ir_runtime.errors import ArgumentError
from ir_runtime.settings import Settings, current_settings, on_change, override_settings


def test_an_empty_environment_gives_the_defaults() -> None:
    expected = dataclasses.replace(Settings(), store=Path("~/.cache/ir_runtime").expanduser())
    assert Settings.from_environment({}) == expected


def test_blank_variables_count_as_unset() -> None:
    assert Settings.from_environment({"IR_RUNTIME_COMPILE": " "}).compile


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("IR_RUNTIME_STORE", "/somewhere", "store", Path("/somewhere")),
        ("IR_RUNTIME_STORE", "/a:/b", "store", Path("/a")),
        ("IR_RUNTIME_STORE", "/a:~/b::/c:", "base_stores", (Path.home() / "b", Path("/c"))),
        ("IR_RUNTIME_STORE", "/a", "base_stores", ()),
        ("IR_RUNTIME_COMPILE_CACHE", "/somewhere", "compile_cache", Path("/somewhere")),
        ("IR_RUNTIME_COMPILE", "0", "compile", False),
        ("IR_RUNTIME_COMPILE", " Off ", "compile", False),
        ("IR_RUNTIME_COMPILE_PROCESS", "no", "compile_process", False),
        ("IR_RUNTIME_COMPILE_PROCESS", "TRUE", "compile_process", True),
        ("IR_RUNTIME_COMPILE_TIMEOUT_S", "2.5", "compile_timeout_s", 2.5),
        ("IR_RUNTIME_TASK_MIN_BYTES", "17", "task_min_bytes", 17),
        ("IR_RUNTIME_BOUND_LAUNCHES", "3", "bound_launches", 3),
        ("IR_RUNTIME_TRACE", "/somewhere", "trace", Path("/somewhere")),
        ("IR_RUNTIME_CUSTOM_OPS", " none, +a,,+b ", "custom_ops", "none,+a,+b"),
        ("IR_RUNTIME_PASSES", " PostCleanup ", "passes", "PostCleanup"),
    ],
)
def test_variable_sets_its_field(variable: str, text: str, field: str, value: object) -> None:
    assert getattr(Settings.from_environment({variable: text}), field) == value


@pytest.mark.parametrize(
    "field", [f.name for f in dataclasses.fields(Settings) if f.name != "base_stores"]
)
def test_every_field_is_read_from_a_variable_of_its_name(field: str) -> None:
    words = {
        "launch": "vm",
        "custom_ops": "none",
        "check": "none",
        "tune": "first-calls",
        "cpu": "none",
        "passes": "none",
        "pattern_match_debug": "none",
        "trusted_users": "none",
    }
    text = words.get(field, "0")
    settings = Settings.from_environment({f"IR_RUNTIME_{field.upper()}": text})
    assert getattr(settings, field) in (0, Path("0"), "vm", "none", "first-calls")


@pytest.mark.parametrize("field", ["store", "compile_cache", "trace"])
def test_a_home_directory_in_a_path_is_expanded(field: str) -> None:
    settings = Settings.from_environment({f"IR_RUNTIME_{field.upper()}": "~/kernels"})
    assert getattr(settings, field) == Path.home() / "kernels"


def test_the_store_follows_the_cache_home_of_the_desktop_standard() -> None:
    settings = Settings.from_environment({"XDG_CACHE_HOME": "/caches"})
    assert settings.store == Path("/caches/ir_runtime")


@pytest.mark.parametrize("text", ["", "caches", "./caches", "~/caches"])
def test_a_cache_home_that_is_no_absolute_path_is_ignored(text: str) -> None:
    settings = Settings.from_environment({"XDG_CACHE_HOME": text})
    assert settings.store == Path.home() / ".cache" / "ir_runtime"


@pytest.mark.parametrize("variable", ["IR_RUNTIME_STORE", "IR_RUNTIME_TRACE"])
@pytest.mark.parametrize("text", ["~no-such-user/kernels", "/a:~no-such-user/kernels"])
def test_a_home_that_is_not_known_is_named(variable: str, text: str) -> None:
    path = text.rpartition(":")[2] if variable == "IR_RUNTIME_STORE" else "~no-such-user/kernels"
    with pytest.raises(ArgumentError) as refused:
        Settings.from_environment({variable: text if "STORE" in variable else path})
    assert str(refused.value) == (
        f"{variable}: {path!r} begins with a home directory, and none is known, "
        f"must be an absolute path\n  fix: set HOME, or {variable}"
    )


def test_a_relative_home_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "here")
    with pytest.raises(ArgumentError, match="begins with a home directory"):
        Settings.from_environment({})


def test_an_unknown_variable_is_warned_of_once_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in list(os.environ):
        if name.startswith("IR_RUNTIME_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("IR_RUNTIME_COMPILE_TIMEOUT", "5")
    monkeypatch.setenv("IR_RUNTIME_REQUIRE_LAUNCHER", "1")  # of builds, and known
    monkeypatch.setattr("ir_runtime.settings._current", None)
    with caplog.at_level(logging.WARNING, "ir_runtime.settings"):
        current_settings()
        current_settings()
    (record,) = caplog.records
    assert record.getMessage() == (
        "IR_RUNTIME_COMPILE_TIMEOUT: no variable of ir_runtime, "
        "did you mean IR_RUNTIME_COMPILE_TIMEOUT_S?"
    )


def test_the_own_variable_comes_before_the_cache_home() -> None:
    environment = {"XDG_CACHE_HOME": "/caches", "IR_RUNTIME_STORE": "/own"}
    assert Settings.from_environment(environment).store == Path("/own")


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        (
            "IR_RUNTIME_STORE",
            ": :",
            "IR_RUNTIME_STORE: ': :' names no directory, must name one or more",
        ),
        (
            "IR_RUNTIME_COMPILE",
            "maybe",
            "IR_RUNTIME_COMPILE: 'maybe' is not a switch, must be 0 or 1",
        ),
        (
            "IR_RUNTIME_TASK_MIN_BYTES",
            "4k",
            "IR_RUNTIME_TASK_MIN_BYTES: '4k' is not a number, must be int >= 0",
        ),
        (
            "IR_RUNTIME_TASK_MIN_BYTES",
            "-1",
            "IR_RUNTIME_TASK_MIN_BYTES: '-1' is not a number, must be int >= 0",
        ),
        (
            "IR_RUNTIME_COMPILE_TIMEOUT_S",
            "soon",
            "IR_RUNTIME_COMPILE_TIMEOUT_S: 'soon' is not a number, must be float >= 0",
        ),
        (
            "IR_RUNTIME_COMPILE_TIMEOUT_S",
            "nan",
            "IR_RUNTIME_COMPILE_TIMEOUT_S: 'nan' is not a number, must be float >= 0",
        ),
        (
            "IR_RUNTIME_CUSTOM_OPS",
            "all,+a,-a",
            "IR_RUNTIME_CUSTOM_OPS: item '+a' contradicts '-a', must have one of them",
        ),
    ],
)
def test_a_bad_value_is_refused_by_name(variable: str, text: str, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Settings.from_environment({variable: text})
    assert str(caught.value) == message


def test_override_holds_inside_its_block_only() -> None:
    before = current_settings()
    with override_settings(task_min_bytes=1) as inside:
        assert current_settings() is inside
        assert inside == dataclasses.replace(before, task_min_bytes=1)
    assert current_settings() is before


def test_override_is_undone_by_an_exception() -> None:
    before = current_settings()
    with pytest.raises(KeyError), override_settings(compile=False):
        raise KeyError
    assert current_settings() is before


def test_listeners_hear_of_the_change_and_of_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[int, int, Settings]] = []
    monkeypatch.setattr("ir_runtime.settings._listeners", [])

    @on_change
    def listen(before: Settings, after: Settings) -> None:
        heard.append((before.task_min_bytes, after.task_min_bytes, current_settings()))

    before = current_settings()
    with override_settings(task_min_bytes=1) as inside:
        pass
    default = before.task_min_bytes
    assert heard == [(default, 1, inside), (1, default, before)]
