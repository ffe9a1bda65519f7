"""A user's script, run inside of a command."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from ir_runtime.errors import ArgumentError

__all__ = ["run_script"]


def run_script(script: Path, subject: str) -> None:
    """Run a Python script as `python SCRIPT` does.

    Args:
        script: the file.
        subject: the words of the command that name it, for messages.

    Raises:
        ArgumentError: there is no such file, or the script ended with an error status.
    """
    if not script.is_file():
        raise ArgumentError(f"{subject}: there is no such file, must be a Python script")
    words, path = sys.argv, list(sys.path)
    sys.argv = [str(script)]
    sys.path.insert(0, str(script.parent.resolve()))
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        if end.code not in (None, 0):
            raise ArgumentError(f"{subject}: it ended with {end.code!r}") from end
    finally:
        sys.argv, sys.path[:] = words, path
