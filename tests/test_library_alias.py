"""A library is found under another name, so that IREE finds a driver that comes as libcuda.so.1."""

from __future__ import annotations

import ctypes
import platform
import subprocess
from pathlib import Path

import pytest

from ir_runtime.library_alias import alias_library, alias_of, can_open

pytestmark = pytest.mark.skipif(
    platform.machine() not in {"x86_64", "aarch64"}, reason="not written for this processor"
)


def build(directory: Path, name: str) -> Path:
    source, out = directory / "driver.c", directory / name
    source.write_text("int cuInit(unsigned flags) { return 40 + flags; }")
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", out], check=True)
    return out


def test_library_is_found_under_its_alias(tmp_path: Path) -> None:
    real, name = build(tmp_path, "libreal-of-a-driver.so.1"), "libalias-of-a-driver.so"
    assert not can_open(name)
    assert alias_library(name, str(real))
    assert ctypes.CDLL(name).cuInit(2) == 42
    assert alias_library(name, "/nowhere")  # it is there already


def test_name_that_exists_stays_what_it_is() -> None:
    assert alias_library("libc.so.6", "/nowhere")
    assert not hasattr(ctypes.CDLL("libc.so.6"), "cuInit")


def test_missing_library_gives_no_alias() -> None:
    assert not alias_library("libnothing.so", "/nowhere/libnothing.so.1")
    assert not can_open("libnothing.so")


def test_file_is_a_library_as_tools_see_it(tmp_path: Path) -> None:
    path = tmp_path / "libalias.so"
    path.write_bytes(alias_of("libalias.so", "libreal.so.1", 62))
    said = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True)
    assert "[libalias.so]" in said.stdout
    assert "[libreal.so.1]" in said.stdout
    assert said.stderr == ""
