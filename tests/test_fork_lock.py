"""Is every lock free in a forked child, but for those that the thread that forks holds?"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
import warnings

from filelock import FileLock

from ir_runtime.child_process import run_child, temporary_file
from ir_runtime.fork_lock import cached_property, fork_safe_lock, fork_waits


def exit_code_of_child(run) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        child = os.fork()
    if child == 0:
        try:
            os._exit(run())
        except BaseException:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_lock_of_another_thread_is_free():
    lock = fork_safe_lock()
    held, done = threading.Event(), threading.Event()

    def hold():
        with lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    code = exit_code_of_child(lambda: 0 if lock.acquire(timeout=5) else 1)
    assert not lock.acquire(blocking=False)  # the parent's is as it was
    done.set()
    thread.join()
    assert code == 0


def test_lock_of_the_thread_that_forks_stays_its_own():
    lock = fork_safe_lock()
    with lock:
        code = exit_code_of_child(lambda: lock.release() or 0)
    assert code == 0


def test_a_cached_property_can_be_computed_in_a_forked_child():
    """Until Python 3.12 a thread that computes one holds a lock, also for other instances."""
    begun, go_on = threading.Event(), threading.Event()

    class Slow:
        def __init__(self, *, waits: bool) -> None:
            self.waits = waits

        @cached_property
        def value(self) -> int:
            if self.waits:
                begun.set()
                go_on.wait(30)
            return 7

    def in_time() -> int:
        signal.alarm(10)
        return Slow(waits=False).value

    thread = threading.Thread(target=lambda: Slow(waits=True).value)
    thread.start()
    assert begun.wait(30)
    try:
        assert exit_code_of_child(in_time) == 7
    finally:
        go_on.set()
        thread.join()


def test_a_fork_waits_for_a_thread_that_takes_a_file_lock(tmp_path):
    """filelock's own hook lets no thread begin while it waits; ours must have waited before it."""
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        with fork_waits():
            begun.set()
            time.sleep(0.3)  # the fork has begun to wait
            with FileLock(tmp_path / "lock"):
                done.set()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        child = os.fork()
    if child == 0:
        os._exit(0)
    finished = done.is_set()
    os.waitpid(child, 0)
    thread.join()
    assert finished


def test_a_fork_waits_for_a_process_that_another_thread_starts(monkeypatch):
    """A fork in between copies the pipe at whose end the new process runs its program."""
    monkeypatch.setattr(subprocess, "Popen", during_fork(subprocess.Popen))
    assert fork_beside(lambda: run_child(["true"], timeout_s=60)) == 0


def test_a_forked_child_makes_temporary_files_while_another_thread_makes_its_first(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    slow = during_fork(tempfile._get_default_tempdir)  # called with the lock of the module
    monkeypatch.setattr(tempfile, "_get_default_tempdir", slow)
    assert fork_beside(lambda: temporary_file().close()) == 0


_begun, _done = threading.Event(), threading.Event()


def during_fork(call):
    """Return a slow form of a function, and let `fork_beside` fork in the middle of it."""
    parent = os.getpid()
    _begun.clear()
    _done.clear()

    def slow(*args, **kwargs):
        if os.getpid() == parent:
            _begun.set()
            time.sleep(0.3)
        made = call(*args, **kwargs)
        _done.set()
        return made

    return slow


def fork_beside(work) -> int:
    """Fork while another thread works; 0 if it had ended, and the child can do the same."""

    def in_child() -> int:
        signal.alarm(10)
        work()
        return 0

    thread = threading.Thread(target=work)
    thread.start()
    assert _begun.wait(30)
    code = exit_code_of_child(lambda: in_child() if _done.is_set() else 3)
    thread.join()
    return code
