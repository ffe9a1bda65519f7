"""Child processes and temporary files, made while no other thread forks.

Until a new process runs its program, its parent waits for the end of a pipe. A fork in between
copies the pipe, so it ends only when the forked child does, too; and that child may wait for
something that the waiting thread holds. `tempfile` takes a lock, which a forked child would find
taken for ever.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from typing import IO

from ir_runtime.fork_lock import fork_waits

__all__ = ["run_child", "start_child", "temporary_directory", "temporary_file"]


@fork_waits()
def start_child(
    command: Sequence[str], stdin: int, stdout: int, stderr: int | IO[bytes]
) -> subprocess.Popen[bytes]:  # noqa: TID251 - the one place that starts them
    """Start a process; its streams are as in `subprocess.Popen`.

    Raises:
        OSError: the program cannot be run.
    """
    return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr)  # noqa: TID251


def run_child(command: Sequence[str], *, timeout_s: float) -> tuple[bytes, bytes]:
    """Run a process to its end and return what it wrote to stdout and stderr.

    Raises:
        OSError: the program cannot be run.
        subprocess.CalledProcessError: it failed; its `stderr` says why.
        subprocess.TimeoutExpired: it took longer, and was killed.
    """
    with start_child(command, subprocess.DEVNULL, subprocess.PIPE, subprocess.PIPE) as child:
        try:
            out, said = child.communicate(timeout=timeout_s)
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, out, said)
    return out, said


@fork_waits()
def temporary_file() -> IO[bytes]:
    """Return an open file without a name; it is gone once it is closed.

    Raises:
        OSError: no directory for temporary files can be written.
    """
    return tempfile.TemporaryFile()  # noqa: TID251 - the one place that makes them


@fork_waits()
def temporary_directory(prefix: str) -> tempfile.TemporaryDirectory[str]:  # noqa: TID251 - as above
    """Return a new directory of this name's beginning; a `with` block deletes it.

    Raises:
        OSError: no directory for temporary files can be written.
    """
    return tempfile.TemporaryDirectory(prefix=prefix)  # noqa: TID251 - as above
