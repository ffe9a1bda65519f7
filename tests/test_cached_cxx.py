"""The compiler that remembers: what it makes is found by sessions and checkouts that are alike."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import cached_cxx

COMPILER = """#!/bin/sh
[ "$1" = --version ] && echo "made up 1.0" && exit
echo "$@" >> "$CALLS"
while [ "$1" != -o ]; do shift; done
echo "library $(wc -l < "$CALLS")" > "$2"
"""


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that compiles in a session, and tells what the library holds."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "g++").write_text(COMPILER)
    (tmp_path / "bin" / "g++").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))

    def compile_in(session: str, text: str = "int x;", *flags: str, header: str = "a") -> str:
        monkeypatch.setenv("CXX", "")
        monkeypatch.delenv("CXX")
        monkeypatch.setattr(sys, "prefix", f"/checkouts/{session}/.venv")
        cached_cxx.install(tmp_path / "cache")
        source, target = tmp_path / f"{session}.cpp", tmp_path / f"{session}.so"
        source.write_text(text)
        command = [os.environ["CXX"], str(source), "-shared", f"-I{sys.prefix}/include", *flags]
        command += ["-include", f"/tmp/precompiled_headers/{header}.h", "-o", str(target)]
        subprocess.run(command, check=True)
        return target.read_text().strip()

    return compile_in


def test_another_session_and_checkout_compiles_nothing(compiled) -> None:
    assert compiled("first") == "library 1"
    path = os.environ["CXX"]
    assert compiled("second", header="b") == "library 1"
    assert os.environ["CXX"] == path, "torch would make its precompiled headers again"


def test_what_differs_is_compiled(compiled) -> None:
    found = [compiled("first"), compiled("first", "int y;"), compiled("first", "int x;", "-O3")]
    assert found == ["library 1", "library 2", "library 3"]
