"""What a forked child does with the devices of its parent, it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
import gc, json, os, signal, sys, time
import torch
from ir_runtime.launch import Launchable
program = Launchable.jit_compile('''
func.func @main(%a: tensor<?xf32>) -> tensor<?xf32> {
  %0 = arith.addf %a, %a : tensor<?xf32>
  return %0 : tensor<?xf32>
}''')
small = torch.ones(4)
assert program(torch.ones(1 << 20)).shape == (1 << 20,) and program(small)[0] == 2
def code_of(work):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except SystemExit:
            raise
        except BaseException:
            os._exit(3)
        sys.exit(0)
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "hangs"
def drop():
    global program
    del program
    gc.collect()
def run():
    assert program(small)[0] == 2
def fork_again():
    sys.exit(0 if code_of(run) == 0 else 4)
found = {work.__name__: code_of(work) for work in (sys.exit, drop, run, fork_again)}
print(json.dumps({**found, "parent": float(program(small)[0])}))
"""


def test_a_forked_child_ends_whatever_it_does_with_devices_of_its_parent() -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {
        **dict.fromkeys(("exit", "drop", "run", "fork_again"), 0),
        "parent": 2.0,
    }
    assert "leaked" not in result.stderr
