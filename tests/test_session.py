"""A test run removes what killed runs left, and nothing of those that go on."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from tests.session import temporary_directory


def test_directories_of_killed_runs_are_removed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    running = temporary_directory("run-")
    killed, new = tmp_path / "run-killed", tmp_path / "run-new"
    for path in (killed, new):
        path.mkdir()
    for path in (Path(running.name), killed):
        os.utime(path, (time.time() - 7200,) * 2)
    with temporary_directory("run-") as name:
        assert {Path(running.name), new, Path(name)} == set(tmp_path.iterdir())
    running.cleanup()
