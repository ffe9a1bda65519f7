"""Late imports: their names are all there, and a fork or another thread may meet one."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import warnings
from contextlib import nullcontext
from pathlib import Path

import pytest

from ir_runtime.late_import import late_module, late_names

ROOT = Path(__file__).parent.parent

SLOW_MODULE = """
import time
time.sleep(0.5)
value = 7
"""


@pytest.fixture
def slow_module(tmp_path: Path, monkeypatch, request) -> str:
    """A module that takes half a second to import."""
    name = f"slow_module_of_{request.node.name}"
    (tmp_path / f"{name}.py").write_text(SLOW_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def exit_code_of_child(run) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            os._exit(run())
        except BaseException:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def begun_in_a_thread(use, name: str) -> threading.Thread:
    """Start a thread that uses a late module, and return once it is being imported."""
    thread = threading.Thread(target=use)
    thread.start()
    while name not in sys.modules:
        assert thread.is_alive()
    return thread


def test_a_fork_waits_for_the_import_of_a_late_module(slow_module: str):
    late = late_module(slow_module)
    thread = begun_in_a_thread(lambda: late.value, slow_module)
    assert exit_code_of_child(lambda: late.value) == 7
    thread.join()


def test_a_fork_waits_for_the_import_of_a_late_name(slow_module: str, tmp_path: Path):
    package = f"{slow_module}_package"
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    (tmp_path / package / "home.py").write_text(SLOW_MODULE)
    __import__(package)
    find = late_names(package, {"value": "home"})
    thread = begun_in_a_thread(lambda: find("value"), f"{package}.home")
    assert exit_code_of_child(lambda: find("value")) == 7
    thread.join()
    assert sys.modules[package].value == 7  # found without `find` from now on


COLLECTING_MODULE = """
import gc
is_on = gc.isenabled()
{then}
"""


@pytest.mark.parametrize("was_on", [True, False])
@pytest.mark.parametrize("then", ["pass", "raise ImportError('no')"])
def test_the_collector_pauses_and_is_as_before(was_on, then, tmp_path, monkeypatch):
    name = f"collecting_{was_on}_{len(then)}"
    (tmp_path / f"{name}.py").write_text(COLLECTING_MODULE.format(then=then))
    monkeypatch.syspath_prepend(tmp_path)
    (gc.enable if was_on else gc.disable)()
    try:
        with nullcontext() if then == "pass" else pytest.raises(ImportError, match="no"):
            assert not late_module(name).is_on
        assert gc.isenabled() == was_on
    finally:
        gc.enable()


def test_threads_that_use_a_late_module_at_once_find_it_complete(slow_module: str):
    late, found = late_module(slow_module), []
    threads = [threading.Thread(target=lambda: found.append(late.value)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [7] * 4


def run_python(program: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "package", ["ir_runtime", "ir_runtime.launch", "ir_runtime.op_reg", "kernels_mlir"]
)
def test_each_public_name_is_found_in_a_new_process(package: str):
    program = (
        f"import {package} as p; print(sorted({{*p.__all__}} - {{*dir(p)}}), "
        "[n for n in p.__all__ if not hasattr(p, n)])"
    )
    assert run_python(program) == "[] []\n"


NOT_AT_THE_START = (
    "concurrent.futures.process",
    "ir_runtime.aot",
    "ir_runtime.cli",
    "ir_runtime.ir.choice.explain",
    "ir_runtime.ir.tuner",
    "ir_runtime.ir.tuning.measure",
    "ir_runtime.launch.launchable",
    "ir_runtime.launch.multi_device",
    "ir_runtime.launch.vm",
    "ir_runtime.op_reg.call.bind",
    "ir_runtime.op_reg.call.build",
    "ir_runtime.op_reg.call.explain",
    "ir_runtime.op_reg.digest.description",
    "ir_runtime.op_reg.generate.builder",
    "ir_runtime.op_reg.program",
    "ir_runtime.op_reg.trace",
    "ir_runtime.op_reg.traced_op",
    "iree.compiler",
    "iree.runtime",
    "jinja2",
    "torch._dynamo",
    "torch._inductor",
)


def test_importing_the_catalogue_loads_only_what_calls_need():
    """Each module that is imported at the start takes a third of a millisecond."""
    loaded = run_python(
        "import torch, sys; before = set(sys.modules); import ir_runtime, kernels_mlir; "
        "print(*sorted(set(sys.modules) - before))"
    ).split()
    assert not set(NOT_AT_THE_START) & set(loaded)
    own = [name for name in loaded if name.startswith(("ir_runtime", "kernels_mlir"))]
    assert len(own) <= 184
    others = {name.partition(".")[0] for name in loaded} - {"ir_runtime", "kernels_mlir"}
    assert len(others) < 20  # filelock and what it imports, modules of Python


FIRST_CALLS = """
import os, signal, sys, threading, time, traceback
import torch
import kernels_mlir
from ir_runtime import ir

x = torch.randn(3, 64)

def use():
    kernels_mlir.gelu(x)
    torch.ops.ir_kernels.gelu.explain(x)
    torch.ops.ir_kernels.gelu.bind(x)(x)
    ir.ops.gelu.explain(x)
    ir.tune

def forked():
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(60)
            use()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid

class Slow:
    def find_spec(self, name, path, target=None):
        if name.startswith("ir_runtime"):
            time.sleep(0.01)  # the lock of the module is held

if len(sys.argv) == 1:
    use()
    sys.exit()
sys.meta_path.insert(0, Slow())
threads = [threading.Thread(target=use) for _ in range(2)]
for thread in threads:
    thread.start()
children = []
while len(children) < 4:
    children.append(forked())
    threads[0].join(0.05)
for thread in threads:
    thread.join()
ends = {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children}
assert ends == {0}, ends
"""


def test_children_that_are_forked_beside_first_calls_do_not_hang():
    run_python(FIRST_CALLS)  # fills the store
    run_python(FIRST_CALLS, "forking")


def test_a_stored_kernel_made_from_native_needs_no_generator(store):
    call = "import sys, torch, kernels_mlir; kernels_mlir.rms_norm(torch.ones(2, 32), None, 1e-6); "
    code = call + "print([name for name in sys.modules if name.startswith('ir_runtime.rows.')])"
    assert "inlining" in run_python(code), "made here"
    assert run_python(code).strip() == "[]"


def test_a_second_process_does_not_trace_what_is_on_record(store):
    call = (
        "import sys, torch, kernels_mlir; x = torch.randn(4, 96); "
        "assert torch.equal(kernels_mlir.relu2(x), x.relu().square()); "
    )
    code = call + "print([name for name in sys.modules if name.startswith('ir_runtime.rows.')])"
    assert "'ir_runtime.rows.trace'" in run_python(code)
    assert run_python(code).strip() == "['ir_runtime.rows.row_op']"
