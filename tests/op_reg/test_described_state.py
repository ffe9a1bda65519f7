"""What `generate` reads is in the key of its kernel, or is refused by name."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from ir_runtime.errors import UndescribedStateError
from ir_runtime.op_reg.digest.op_digest import code_digest

HEAD = """
import collections, dataclasses, datetime, enum, functools, os, pathlib, random, threading, time
import types
import numpy as np
import torch
from types import SimpleNamespace
from torch import nn
from ir_runtime.op_reg import CustomOp, MlirTemplate
{state}
class op(CustomOp):
    signature = "op(Tensor x) -> Tensor"
    def select(self, ksel): pass
    def generate(self, ksel, kb):
        return {read}
"""
DESCRIBED = {
    "nested-function": ("K = @", "(lambda: K)()"),
    "instance": ("class C: pass\nc = C(); c.v = @", "c.v"),
    "namespace": ("c = SimpleNamespace(v=@)", "c.v"),
    "slots": ("class C: __slots__ = ('v',)\nc = C(); c.v = @", "kb.f(c)"),
    "slots-of-a-base": ("class B: __slots__ = ('v',)\nclass C(B): pass\nc = C(); c.v = @", "c.v"),
    "dataclass": ("c = dataclasses.make_dataclass('C', ['v'], slots=True)(@)", "kb.f(c)"),
    "module-attribute": ("m = nn.Linear(1, 1); m.v = @", "m.v"),
    "module-buffer": ("m = nn.Module(); m.register_buffer('b', torch.tensor(@))", "kb.f(m)"),
    "enum": ("E = enum.Enum('E', {'A': @})", "E.A.value"),
    "partial": ("f = functools.partial(max, @)", "f(1)"),
    "bound-method": ("class C:\n  def f(self): return self.v\nc = C(); c.v = @\nf = c.f", "f()"),
    "closure": ("def make(c): return lambda: c.v\nf = make(SimpleNamespace(v=@))", "f()"),
    "property": ("K = @\nclass C: v = property(lambda self: K)\nc = C()", "c.v"),
    "class-attribute": ("class C: v = @", "C.v"),
    "base-class": ("class B: v = @\nclass C(B): pass\nc = C()", "kb.f(c)"),
    "metaclass": ("class M(type): v = @\nclass C(metaclass=M): pass", "C.v"),
    "computed-attribute": (
        "class C:\n  def __getattr__(self, n): return vars(self)['d'][n]\nc = C()\nc.d = {'v': @}",
        "c.v",
    ),
    "function-attribute": ("def f(): pass\nf.v = @", "f.v"),
    "cache": ("K = @\nf = functools.cache(lambda: K)", "f()"),
    "array": ("a = np.zeros(9999); a[5000] = @", "a"),
    "vectorized": ("K = @\nf = np.vectorize(lambda x: x * K)", "f"),
    "tensor": ("t = torch.zeros(9999); t[5000] = @", "t"),
    "sparse": ("t = torch.tensor([0, @]).to_sparse()", "t"),
    "deque": ("d = collections.deque([@])", "d"),
    "set": ("s = {@, 'x', 'y'}", "s"),
    "range": ("r = range(int(@ * 2))", "r"),
    "exception": ("e = ValueError(@)", "e.args"),
    "same-objects-elsewhere": (
        "a, b = SimpleNamespace(v=1), SimpleNamespace(v=2)\nt = [a] if @ == 1.5 else [b]",
        "(a, b, t)",
    ),
    "cycle": ("c = SimpleNamespace(v=@); c.me = c", "kb.f(c)"),
    "globals": ("K = @", "globals()['K']"),
    "own-module": ("import sys\nK = @", "sys.modules[__name__].K"),
    "eval": ("K = @", "eval('K * 2')"),
    "environ": ("os.environ['IR_T'] = str(@)", "os.environ['IR_T']"),
    "environ-get": ("os.environ['IR_T'] = str(@)", "os.environ.get('IR_T', '1')"),
    "getenv": ("from os import getenv as g\nos.environ['IR_T'] = str(@)", "g('IR_T')"),
    "environ-alias": ("E, N = os.environ, 'IR_T'\nE[N] = str(@)", "E[N]"),
    "in-environ": (
        "os.environ.pop('IR_T', 0)\nif @ > 2: os.environ['IR_T'] = ''",
        "'IR_T' in os.environ",
    ),
    "library-setting": ("torch.ir_tests_setting = @", "torch.ir_tests_setting"),
    "template": (
        "__file__ = str(FOLDER / 'ops.py')\n(FOLDER / 't.mlir').write_text('// @')",
        "MlirTemplate.beside(__file__, 't.mlir')",
    ),
    "beside-a-script": ("import ir_tests_cfg", "ir_tests_cfg.V"),
    "beside-a-script-member": ("from ir_tests_cfg import V", "V"),
    "beside-a-script-computed": ("import ir_tests_cfg", "getattr(ir_tests_cfg, kb.name)"),
    "computed-member": (
        "m = types.ModuleType('ir_tests_m')\nd = {'v': @}\nm.__getattr__ = lambda n: d[n]",
        "m.v",
    ),
    "beside-a-script-in-the-body": ("", "__import__('ir_tests_cfg').V"),
}
REFUSED = {
    "open": ("", "open('x').read()", "files by `open`"),
    "read-text": ("", "pathlib.Path('x').read_text()", "files by `read_text`"),
    "time": ("", "time.time()", "values that differ from run to run by `time`"),
    "random": (
        "from random import random as r",
        "r()",
        "values that differ from run to run by `random`",
    ),
    "now": ("", "datetime.datetime.now()", "`datetime.datetime.now`"),
    "computed-variable": ("", "os.environ['A' + kb.x]", "variables that the code does not name"),
    "all-variables": ("", "dict(os.environ)", "variables that the code does not name"),
    "in-a-helper": (
        "def h():\n  return time.time()",
        "h()",
        "`h` in `op.generate` in op `op`: it reads",
    ),
    "computed-global": ("", "globals()[kb.x]", "names that the code does not hold by `globals`"),
    "thread-local": ("c = threading.local()", "c.v", "an object of type _thread._local"),
    "generator": ("g = (i for i in 'ab')", "next(g)", "an object of type generator"),
    "method-that-runs": ("class C:\n  def f(self): return open('x')\nc = C()", "c.f()", "`open`"),
}
UNUSED = {
    "method": "class C:\n  v = 1\n  def load(self): return open('x')\nc = C()",
    "field": "class C: v = 1\nc = C(); c.handle = (i for i in 'ab'); c.lock = threading.Lock()",
}


def digest(state: str, read: str, value: str, folder: Path) -> str:
    (folder / "ir_tests_cfg.py").write_text(f"V = {value}\n")
    sys.modules.pop("ir_tests_cfg", None)
    module = types.ModuleType("ir_tests_script")
    module.FOLDER = folder
    sys.modules[module.__name__] = module
    try:
        exec(HEAD.format(state=state.replace("@", value), read=read), vars(module))
        return code_digest(module.op)
    finally:
        del sys.modules[module.__name__]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delenv("IR_T", raising=False)
    return tmp_path


@pytest.mark.parametrize(("state", "read"), DESCRIBED.values(), ids=DESCRIBED)
def test_state_that_is_read_is_in_the_digest(state: str, read: str, folder: Path) -> None:
    first = digest(state, read, "1.5", folder)
    assert digest(state, read, "2.5", folder) != first
    assert digest(state, read, "1.5", folder) == first


@pytest.mark.parametrize(("state", "read", "words"), REFUSED.values(), ids=REFUSED)
def test_state_that_no_key_holds_is_refused_by_name(
    state: str, read: str, words: str, folder: Path
) -> None:
    with pytest.raises(UndescribedStateError) as caught:
        digest(state, read, "1", folder)
    assert words in str(caught.value)
    assert "fix: " in str(caught.value)


@pytest.mark.parametrize("state", UNUSED.values(), ids=UNUSED)
def test_what_does_not_run_or_is_not_read_is_not_refused(state: str, folder: Path) -> None:
    assert digest(state, "kb.f(c).v", "1", folder)


def test_refusal_reads_as_a_whole(folder: Path) -> None:
    with pytest.raises(UndescribedStateError) as caught:
        digest("", "time.time()", "1", folder)
    assert str(caught.value) == (
        "`op.generate` in op `op`: it reads values that differ from run to run by `time`, "
        "must read only what the key of a kernel can hold\n"
        "    a stored kernel is found by its key, before this code runs\n"
        "  fix: make it an attribute of the op's signature, or a module-level constant"
    )
