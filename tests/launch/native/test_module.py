"""What belongs to one module object, and who may have one?"""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import pytest
import torch

from ir_runtime.launch.direct.native import _launcher
from ir_runtime.launch.direct.native._launcher import BoundCall, Call, Plan
from tests.launch.native.calls import Calls
from tests.launch.native.libraries import SQUARE, compile_c, library_source, square_plan

ROW = [((1, 64), torch.float32)]


def load_again() -> Any:
    """Load the launcher a second time, as a module object of its own."""
    spec = spec_from_file_location(_launcher.__name__, _launcher.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row_plan(module: Any, *, touched_bytes: int = 0, rows: int = 1) -> Any:
    loaded = module.Executable("square", compile_c(library_source((SQUARE,))))
    size = rows * 256
    step = ("dispatch", 0, 0, (rows, 1, 1), (), ((0, 0, size), (1, 0, size)))
    return module.Plan([loaded], 1, 1, [size, size], [], [step], touched_bytes)


_IN_ANOTHER_INTERPRETER = """
import sys
try: import _interpreters as interpreters
except ImportError: import _xxsubinterpreters as interpreters
name, path = sys.argv[1:]
code = f'''
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location({name!r}, {path!r})
try: spec.loader.exec_module(module_from_spec(spec))
except ImportError as error: print(error, flush=True)
else: print("imported", flush=True)
'''
interpreters.run_string(interpreters.create(), code)
"""


def test_a_sub_interpreter_is_refused() -> None:
    command = [sys.executable, "-c", _IN_ANOTHER_INTERPRETER]
    command += [_launcher.__name__, str(_launcher.__file__)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    if sys.version_info < (3, 12):  # later ones refuse by themselves, in words of their own
        expected = "the C launcher runs in the main interpreter only, as torch does\n"
        assert done.stdout == expected
    assert done.stdout != "imported\n"


def test_two_modules_share_no_type_and_no_setting() -> None:
    again = load_again()
    assert again.Plan is not Plan
    with pytest.raises(TypeError, match=r"its plan is .*, must be a Plan"):
        BoundCall("square", (torch.zeros(1, 64),), row_plan(again), (0,), ROW)
    with pytest.raises(ValueError, match="must be an Executable"):
        again.Plan([row_plan(_launcher)], 0, 0, [], [], [], 0)
    before = _launcher.set_parallel_bytes(12345)
    try:
        assert again.set_parallel_bytes(1) == 64 << 10  # what a module begins with
    finally:
        assert _launcher.set_parallel_bytes(before) == 12345


def test_each_module_runs_its_own_plans() -> None:
    x = torch.randn(1, 64)
    again = load_again()
    bound = again.BoundCall("square", (x,), row_plan(again), (0,), ROW)
    del again
    gc.collect()
    assert torch.equal(bound(x), x * x)


def test_a_module_goes_with_all_that_is_in_it() -> None:
    again = load_again()
    x = torch.zeros(1, 64)
    again.plan = row_plan(again)
    again.executable = again.Executable("square", compile_c(library_source((SQUARE,))))
    again.bound = again.BoundCall("square", (x,), again.plan, (0,), ROW)
    again.call = _call(again.Call, print)
    again.call.remember((x,), again.plan, (0,), ROW)
    gone = weakref.ref(again)
    del again
    gc.collect()
    assert gone() is None


def _call(kind: Any, slow: Callable[..., Any]) -> Any:
    return kind(
        slow,
        takes_keyset=False,
        plain_keyset=0,
        set_devices=[],
        parameters=("x",),
        positional=1,
        defaults={},
    )


class Holder:
    """What a plan calls for a fault, and what holds something that leads to that plan."""

    held: Any = None

    def __call__(self, rows: bytes) -> None:
        """Nothing."""


def _reporting(holder: Holder) -> Plan:
    return Plan([], 0, 1, [0], [], [], 0, (), 1, holder)


def _in_a_call(holder: Holder) -> Call:
    call = _call(Call, print)
    call.remember((1,), _reporting(holder), (), [])
    return call


def _in_attributes(holder: Holder) -> BoundCall:
    bound = BoundCall("nothing", (), Plan([], 0, 0, [], [], [], 0), (), [])
    bound.holder = holder
    return bound


@pytest.mark.parametrize(
    "make",
    [
        _reporting,
        _in_a_call,
        _in_attributes,
        lambda holder: BoundCall("nothing", (), _reporting(holder), (), []),
        lambda holder: BoundCall("n", (), Plan([], 0, 0, [], [], [], 0), (), [], holder),
    ],
    ids=["plan", "call", "attributes", "bound plan", "signature"],
)
def test_a_cycle_through_an_object_of_the_launcher_is_collected(make: Any) -> None:
    holder = Holder()
    holder.held = make(holder)
    gone = weakref.ref(holder)
    del holder
    gc.collect()
    assert gone() is None


def test_what_several_calls_remember_is_collected_with_the_last_of_them() -> None:
    holder, peer = Holder(), Calls(("x",))
    peer.call.remember((1,), _reporting(holder), (), [])
    calls = Calls(("x",), autocast={}, peers=(peer.call,))
    assert calls.call.why_refused(1) == 0
    assert calls.call.remembered == 1
    holder.held = calls
    gone = weakref.ref(holder)
    del holder, calls
    gc.collect()
    assert gone() is not None  # the peer remembers it
    peer.call.clear()
    gc.collect()
    assert gone() is None


def test_a_torch_whose_storages_lie_otherwise_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(torch, "empty_strided", lambda *a, **k: None)
        again = load_again()
    x, cut = torch.randn(1, 64), torch.zeros(1, 64)
    cut.untyped_storage().resize_(128)
    bound = again.BoundCall("square", (x,), row_plan(again), (0,), ROW)
    assert torch.equal(bound(x), x * x)
    with pytest.raises(ValueError, match=r"\(storage\)"):
        bound(cut)
    out = torch.empty(1, 64)
    with torch.overrides.BaseTorchFunctionMode():  # it would run Python code as torch is asked
        assert again.REFUSALS[row_plan(again).run([x], [out])] == "active mode"


def test_memory_is_looked_at_after_the_threads_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Torch is asked for the count in Python, where anything may happen to a tensor."""
    x = torch.ones(2, 64)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "get_num_threads", x.set_)
        again = load_again()
    again.set_parallel_bytes(0)
    plan, refused = row_plan(again, rows=2), []
    out = torch.empty(2, 64)
    thread = threading.Thread(target=lambda: refused.append(plan.run([x], [out])))
    thread.start()  # a thread asks but once
    thread.join()
    if again.has_pool():
        assert [again.REFUSALS.get(code) for code in refused] == ["storage"]


def test_a_plan_of_this_module_still_runs() -> None:
    x, out = torch.randn(1, 64), torch.empty(1, 64)
    assert square_plan(1).run([x], [out]) == 0
    assert torch.equal(out, x * x)
