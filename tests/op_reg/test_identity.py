"""The digest changes with the code that decides what a kernel is, and with nothing else."""

from __future__ import annotations

import contextlib
import functools
import io
import math
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.op_reg import CustomOp, MlirTemplate, def_library
from ir_runtime.op_reg.digest.op_digest import code_digest
from tests.op_reg.ops import SCALE

ROOT = Path(__file__).parents[2]
BASE = """
import functools
from ir_runtime.op_reg import CustomOp
FACTOR = 1
TABLE = {"a": 1}
def helper(x): return x + 1
def outer(k):
    def inner(x): return x + k
    return inner
closure = outer(1)
@functools.cache
def cached(x): return x + 1
class Part:
    size = 4
    def use(self): return self.size
class op(CustomOp):
    signature = "op(Tensor x) -> Tensor"
    def select(self, ksel): return helper(FACTOR), TABLE, closure(1), cached(2), ACC, DATA, module.f
    def generate(self, ksel, kb): return Part().use(), TEMPLATE, BOTH, NAMES
"""


class Data:
    pass


def digest(source: str = BASE, /, **changes: object) -> str:
    """Digest the class `op` of a module that has no source file."""
    scope: dict[str, object] = {
        "__name__": "typed_in",
        "TEMPLATE": SCALE,
        "ACC": torch.float32,
        "DATA": None,
        "NAMES": frozenset({"a", "b"}),
        "BOTH": None,
        "module": None,
    }
    exec(source, scope)
    scope |= changes
    return code_digest(scope["op"])


def test_same_code_has_the_same_digest():
    assert digest() == digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return x + 1\ndef outer", "return x + 2\ndef outer"),
        ("FACTOR = 1", "FACTOR = 2"),
        ("FACTOR = 1", "FACTOR = 1.0"),
        ('{"a": 1}', '{"a": 2}'),
        ("closure = outer(1)", "closure = outer(2)"),
        ("def inner(x): return x + k", "def inner(x): return x - k"),
        ("def cached(x): return x + 1", "def cached(x): return x + 2"),
        ("size = 4", "size = 5"),
        ("return self.size", "return -self.size"),
        ("op(Tensor x)", "op(Tensor y)"),
        ("helper(FACTOR)", "helper(-FACTOR)"),
        ("def helper(x):", "def helper(x, y=3):"),
        ("def helper(x):", "def helper(x, *, y=FACTOR):"),
        ("    signature =", "    single_dispatch = True\n    signature ="),
    ],
)
def test_digest_covers_code_without_source(old, new):
    assert old in BASE
    assert digest() != digest(BASE.replace(old, new))


def test_digest_covers_the_number_of_the_builders_mlir(monkeypatch):
    before = digest()
    monkeypatch.setattr("ir_runtime.op_reg.digest.op_digest.MLIR_SCHEMA", 10**6)
    assert digest() != before


def test_digest_covers_torch_where_torch_writes_the_kernel(monkeypatch):
    """Decompositions are torch's, so a traced kernel is of one version."""
    traced = BASE.replace("Part().use()", "kb.inline_torch(helper)")
    before = digest(), digest(traced)
    monkeypatch.setattr(torch, "__version__", "99.0")
    assert digest() == before[0]
    assert digest(traced) != before[1]


def test_digest_covers_classes_that_stand_behind_custom_op():
    child = "\nclass Mixed:\n    size = 1\nclass child(op, Mixed):\n    pass\nop = child\n"
    assert digest(BASE + child) != digest(BASE + child.replace("size = 1", "size = 2"))


def test_digest_covers_bases_of_the_ops_that_this_package_has(monkeypatch):
    """The number stands for the builder alone."""
    from ir_runtime.ops import iree

    derived = type("derived", (iree._Identity,), {"__module__": iree.__name__})
    before = code_digest(derived)
    monkeypatch.setattr(iree._Identity, "generate", lambda self, ksel, kb: None)
    assert code_digest(derived) != before


def test_digest_covers_values_of_keyword_defaults():
    source = BASE.replace("def helper(x):", "def helper(x, *, y=DEFAULT):")
    assert digest("DEFAULT = 1" + source) != digest("DEFAULT = 2" + source)


def test_digest_covers_templates():
    other = MlirTemplate(SCALE.name, SCALE.text + "// changed\n")
    assert digest() != digest(TEMPLATE=other)


def test_digest_covers_dtype_constants():
    assert digest() != digest(ACC=torch.float16)


def test_digest_covers_functions_of_a_module_of_the_same_package():
    def module_with(value):
        module = types.ModuleType("typed_in.part")
        exec(f"def f(x): return x + {value}", module.__dict__)
        return module

    assert digest(module=module_with(1)) == digest(module=module_with(1))
    assert digest(module=module_with(1)) != digest(module=module_with(2))


def test_digest_covers_functions_in_containers():
    def table_with(value):
        scope = {"__name__": "typed_in"}
        exec(f"def f(x): return x + {value}\nTABLE = {{'f': f, 'pair': (f, 1)}}", scope)
        return scope["TABLE"]

    assert digest(TABLE=table_with(1)) == digest(TABLE=table_with(1))
    assert digest(TABLE=table_with(1)) != digest(TABLE=table_with(2))


def test_digest_covers_templates_in_containers():
    other = MlirTemplate(SCALE.name, SCALE.text + "// changed\n")
    assert digest(TABLE={"a": SCALE}) != digest(TABLE={"a": other})


def test_digest_leaves_other_packages_out():
    assert digest(DATA=os.path) == digest(DATA=subprocess)


def test_digest_tells_builtin_functions_apart():
    assert digest(DATA=math.sin) != digest(DATA=math.cos)


def test_digest_covers_partial_arguments():
    assert digest(DATA=functools.partial(max, 1)) != digest(DATA=functools.partial(max, 2))


def test_digest_of_a_container_that_holds_itself():
    knot: list[object] = [1]
    knot.append(knot)
    assert digest(DATA=knot) == digest(DATA=knot)


def test_digest_of_inherited_code():
    child = "\nclass child(op):\n    pass\nop = child\n"
    assert digest(BASE + child) == digest(BASE + child)
    assert digest(BASE + child) != digest(BASE.replace("size = 4", "size = 5") + child)


def test_digest_does_not_depend_on_the_process():
    """Neither hash seeds nor addresses may reach it, or no stored kernel is ever found again."""
    script = (
        "from tests.op_reg.test_identity import digest, Data\n"
        "def f(x): return x\n"
        "f.__module__ = 'typed_in'\n"
        "names = frozenset('abcdefgh')\n"
        "print(digest(NAMES=names, TABLE={'f': f, 's': set('xyz')}, BOTH=(f, len), DATA=Data()))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    here = io.StringIO()
    with contextlib.redirect_stdout(here):
        exec(script, {"__name__": "here"})
    assert result.stdout == here.getvalue()


def scaled_class(factor: float) -> type[CustomOp]:
    """An op typed at a prompt: no source file, only a constant differs."""
    scope: dict[str, object] = {"__name__": __name__}
    source = f"""
from ir_runtime.op_reg import CustomOp
from tests.op_reg.ops import like_first, scaled
class redefined(CustomOp):
    signature = "redefined(Tensor x) -> Tensor"
    select = like_first
    def generate(self, ksel, kb):
        kb.yield_results(scaled(kb, kb.arg(0), {factor}))
"""
    exec(source, scope)
    return scope["redefined"]


def test_redefined_op_never_runs_the_stale_kernel(store):
    x = torch.arange(4.0)
    with count_since() as counts:
        for namespace, factor in (("ir_tests_v1", 2.0), ("ir_tests_v2", 5.0)):
            packet = CustomOp.register(library=def_library(namespace))(scaled_class(factor))
            assert torch.equal(packet(x), x * factor)
    assert counts[0].compiles == 2


@pytest.mark.full
def test_redefined_op_of_the_same_name_in_another_process(store):
    library = def_library("ir_tests_v")
    packet = CustomOp.register(library=library)(scaled_class(2.0))
    assert torch.equal(packet(torch.ones(1)), torch.full((1,), 2.0))
    script = """
import torch
from ir_runtime.counters import current_counts
from ir_runtime.op_reg import CustomOp, def_library
from tests.op_reg.test_identity import scaled_class
packet = CustomOp.register(library=def_library("ir_tests_v"))(scaled_class(3.0))
print(packet(torch.ones(1)).item(), current_counts().compiles)
"""
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["3.0", "1"]


def test_an_op_that_the_code_names_counts_with_its_code() -> None:
    """`inline_torch` puts the kernel of a called op into the caller's."""

    def inner(body: str) -> object:
        scope: dict[str, object] = {"__name__": "typed_in", "CustomOp": CustomOp}
        exec(
            "class called(CustomOp):\n"
            '    signature = "called@UNIQUE@(Tensor x) -> Tensor"\n'
            f"    def select(self, ksel): {body}\n"
            "    def generate(self, ksel, kb): pass\n",
            scope,
        )
        return CustomOp.register(scope["called"], library=def_library("test_identity"))

    same, also, other = inner("return 1"), inner("return 1"), inner("return 2")
    names = [packet.default._schema.name.partition("::")[2] for packet in (same, also, other)]
    calls = BASE.replace("helper(FACTOR)", "torch.ops.test_identity.NAME(x)")

    def calling(name: str) -> str:
        return digest(calls.replace("NAME", name))

    assert calling(names[0]) != calling(names[2])
    assert calling(names[0]) == calling(names[0])
    assert digest(DATA=same) != digest(DATA=other)
