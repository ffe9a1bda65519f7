"""The digest of an op covers what its functions import in their bodies."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.op_reg import CustomOp, def_library
from ir_runtime.op_reg.digest import library_code
from ir_runtime.op_reg.digest.local_import import function_imports
from ir_runtime.op_reg.digest.op_digest import code_digest

OP = """
from ir_runtime.op_reg import CustomOp
class op(CustomOp):
    signature = "op(Tensor x) -> Tensor"
    def select(self, ksel): return ksel
    def generate(self, ksel, kb):
        {line}
"""
FILES = {
    "__init__.py": "",
    "part.py": "from . import deep\ndef factor(): return deep.VALUE\n",
    "deep.py": "VALUE = 1\n",
    "other.py": "def unused(): return 1\n",
    "sub/__init__.py": "raise RuntimeError('must not be imported')\n",
    "sub/leaf.py": "import no_such_compiler\nTEMPLATE = 'leaf.mlir'\n",
    "sub/leaf.mlir": "// one\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return a function that writes a package with an op in it, and digests the op."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(line: str, **changes: str) -> str:
        write(tmp_path / "mine", {**FILES, **changes, "ops.py": OP.format(line=line)})
        forget("mine", monkeypatch)
        return code_digest(importlib.import_module("mine.ops").op)

    return make


CHANGED = "def factor(): return 2\n"
LINES = [
    "from .part import factor; return factor()",
    "from mine.part import factor as f; return f()",
    "from . import part; return part.factor()",
    "import mine.part; return mine.part.factor()",
    "import mine.part as p; return p.factor()",
    "return 1",
]


@pytest.mark.parametrize("line", LINES[:-1])
def test_digest_covers_a_module_that_the_body_imports(package, line):
    assert package(line) == package(line)
    assert package(line) != package(line, **{"part.py": CHANGED})


@pytest.mark.parametrize("line", LINES)
def test_digest_leaves_out_modules_that_the_body_does_not_import(package, line):
    assert package(line) == package(line, **{"other.py": "def unused(): return 2\n"})


@pytest.mark.parametrize("line", LINES)
def test_digest_is_that_of_an_installed_package(line, tmp_path, monkeypatch):
    digests: list[str] = []
    for place in ("src", "site-packages"):
        write(tmp_path / place / "mine", {**FILES, "ops.py": OP.format(line=line)})
        monkeypatch.setattr(library_code, "_known", {})
        with monkeypatch.context() as patch:
            patch.syspath_prepend(tmp_path / place)
            forget("mine", patch)
            digests.append(code_digest(importlib.import_module("mine.ops").op))
    assert digests[0] == digests[1]


def test_digest_covers_what_the_imported_module_imports(package):
    assert package(LINES[0]) != package(LINES[0], **{"deep.py": "VALUE = 2\n"})


def test_digest_covers_imports_of_nested_functions(package):
    line = (
        "return self.inner()\n    def inner(self):\n        def inside():\n"
        "            from .part import factor\n            return factor()\n"
        "        return inside()"
    )
    assert package(line) != package(line, **{"part.py": CHANGED})


RICH = """
import functools, json
from .deep import *
from . import deep as d, other
TABLE = {}
TABLE["a"] = 1
def deco(f): return f
if True:
    def inner(x): return x
try:
    import no_such
except ImportError:
    SPARE = 5
class Part:
    size = 4
    def use(self): return self.size + VALUE
def lazy():
    from .other import unused
    return unused()
def nothing(): return 1
@deco
def factor(): return inner(1), Part(), TABLE, SPARE, lazy()
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('TABLE["a"] = 1', 'TABLE["a"] = 2'),
        ('TABLE["a"] = 1\n', 'TABLE["a"] = 1; TABLE = None\n'),
        ('TABLE = {}\nTABLE["a"] = 1', 'TABLE["a"] = 1\nTABLE = {}'),
        ("def deco(f): return f", "def deco(f): return None"),
        ("def inner(x): return x", "def inner(x): return -x"),
        ("SPARE = 5", "SPARE = 6"),
        ("size = 4", "size = 5"),
        ("@deco\n", ""),
        ("lazy()\n", "lazy() + 1\n"),
    ],
)
def test_digest_covers_what_the_imported_function_refers_to(package, old, new):
    assert old in RICH
    assert package(LINES[0], **{"part.py": RICH}) == package(LINES[0], **{"part.py": RICH})
    changed = RICH.replace(old, new)
    assert package(LINES[0], **{"part.py": RICH}) != package(LINES[0], **{"part.py": changed})


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("deep.py", "VALUE = 2\n"),  # by `import *`
        ("other.py", "def unused(): return 2\n"),  # imported in the body of what is imported
    ],
)
def test_digest_covers_what_that_imports_in_turn(package, file, text):
    rich = {"part.py": RICH}
    assert package(LINES[0], **rich) != package(LINES[0], **{**rich, file: text})


def test_digest_leaves_out_what_the_imported_function_does_not_refer_to(package):
    changed = RICH.replace("def nothing(): return 1", "def nothing(): return 2")
    assert package(LINES[0], **{"part.py": RICH}) == package(LINES[0], **{"part.py": changed})


def test_member_that_a_package_passes_on(package):
    line = "from mine import factor; return factor()"
    files = {"__init__.py": "from .part import factor\n"}
    assert package(line, **files) == package(line, **files)
    assert package(line, **files) != package(line, **files, **{"part.py": CHANGED})


def test_imported_module_is_read_and_not_imported(package):
    """It may need the compiler, which a process that finds stored kernels has not."""
    line = "from .sub.leaf import TEMPLATE; return TEMPLATE"
    before = package(line)
    assert "mine.sub" not in sys.modules
    assert package(line, **{"sub/leaf.py": "TEMPLATE = 'other.mlir'\n"}) != before


def test_digest_is_the_same_whether_the_module_is_loaded(package):
    before = package(LINES[0])
    importlib.import_module("mine.part")
    assert code_digest(sys.modules["mine.ops"].op) == before


def test_digest_covers_the_template_that_an_imported_module_names(package):
    line = "from .sub.leaf import TEMPLATE; return TEMPLATE"
    assert package(line) != package(line, **{"sub/leaf.mlir": "// two\n"})


def test_modules_that_import_each_other(package):
    knot = {"deep.py": "from . import part\nVALUE = 1\n"}
    assert package(LINES[0], **knot) == package(LINES[0], **knot)


def test_module_that_is_not_there_does_not_matter(package):
    assert package("from .gone import x") == package("from .gone import x")


def test_imported_module_without_a_file_counts_by_value(monkeypatch):
    scope: dict[str, object] = {"__name__": "typed_in"}
    exec(OP.format(line="from typed_in.part import factor; return factor()"), scope)

    def digest(value: int) -> str:
        for name in ("typed_in", "typed_in.part"):
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        exec(f"def factor(): return {value}", vars(sys.modules["typed_in.part"]))
        return code_digest(scope["op"])

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_imports_of_a_function_are_found():
    def function():
        import os.path
        from pathlib import Path, PurePath

        from . import ops
        from .ops import scaled

        return os, Path, PurePath, ops, scaled

    assert function_imports(function) == [
        ("os.path", None),
        ("pathlib", None),
        ("tests.op_reg.ops", "scaled"),
        ("tests.op_reg.ops", None),
    ]


def test_edited_import_never_runs_the_stale_kernel(store, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = """
from ir_runtime.op_reg import CustomOp
from tests.op_reg.ops import like_first
class edited(CustomOp):
    signature = "edited(Tensor x) -> Tensor"
    select = like_first
    def generate(self, ksel, kb):
        from mine_too.factor import FACTOR
        kb.yield_results(kb.inline_torch(lambda x: x * FACTOR, kb.arg(0)))
"""
    with count_since() as counts:
        for namespace, factor in (("ir_tests_e1", 2.0), ("ir_tests_e2", 10.0)):
            write(tmp_path / "mine_too", {"__init__.py": "", "factor.py": f"FACTOR = {factor}\n"})
            forget("mine_too", monkeypatch)
            scope: dict[str, object] = {"__name__": "mine_too.ops", "__package__": "mine_too"}
            exec(source, scope)
            packet = CustomOp.register(library=def_library(namespace))(scope["edited"])
            assert torch.equal(packet(torch.ones(2)), torch.full((2,), factor))
    assert counts[0].compiles == 2


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def forget(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()
