"""What does a build say whose C compiler fails?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is built elsewhere")


def _copy_sources(into: Path) -> None:
    built = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "ir_runtime", into / "ir_runtime", ignore=built)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, into)


FAILING = "#!/bin/sh\necho 'failing-cc: the disk is full' >&2\nexit 3\n"
# All that it makes is the file that it is asked for.
QUICK = '#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = -o ] && : > "$2"; shift; done\nexit 0\n'


def _build(
    tree: Path, *, required: str, compiler: str = FAILING
) -> subprocess.CompletedProcess[str]:
    script = tree / "cc"
    script.write_text(compiler)
    script.chmod(0o755)
    return subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"],
        cwd=tree,
        env={**os.environ, "CC": str(script), "IR_RUNTIME_REQUIRE_LAUNCHER": required},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_build_that_must_have_the_launcher_fails(tmp_path: Path) -> None:
    _copy_sources(tmp_path)
    done = _build(tmp_path, required="1")
    assert done.returncode != 0
    assert "failing-cc: the disk is full" in done.stderr


def test_doctor_shows_what_the_compiler_said(tmp_path: Path) -> None:
    _copy_sources(tmp_path)
    built = _build(tmp_path, required="0")
    assert built.returncode == 0, built.stderr
    assert "failing-cc: the disk is full" in built.stderr
    here = {"PYTHONPATH": str(tmp_path), "IR_RUNTIME_STORE": str(tmp_path / "store")}
    doctor = subprocess.run(
        [sys.executable, "-m", "ir_runtime", "doctor"],
        cwd=tmp_path,
        env={**os.environ, **here},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (
        "the C launcher is not there: it was not built: the C compiler failed when the package "
        "was installed (optional;"
    ) in doctor.stdout
    assert "\n    | failing-cc: the disk is full\n" in doctor.stdout


def test_a_build_that_succeeds_takes_the_words_of_the_last_one_away(tmp_path: Path) -> None:
    _copy_sources(tmp_path)
    assert _build(tmp_path, required="").returncode == 0
    failure = tmp_path / "ir_runtime/launch/direct/native/build_failure.txt"
    assert failure.read_text().startswith("failing-cc: the disk is full\n")
    assert _build(tmp_path, required="1", compiler=QUICK).returncode == 0
    assert not failure.exists()
    assert list(failure.parent.glob("_launcher*.so"))
