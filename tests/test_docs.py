"""Each code block of README and docs runs as it stands, and prints what the page shows.

A page is one test: its blocks share a module, an empty directory and a store. What a block needs
and a reader does not is in an HTML comment before it: `invisible-code-block: python`.

| language | is run as |
|---|---|
| `python` | a part of the page's module; with prompts, a doctest |
| `sh` | `ir-runtime` in this process; of other commands, that what they name is there |
| `text` | what the blocks before must have printed; beside labels of kernels, numbers may differ |
| `schema` | schemas of ops, as torch reads them |
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import runpy
import shlex
import sys
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

import kernels_mlir  # noqa: F401 - before what a page registers is forgotten
from ir_runtime import ir
from ir_runtime.cli import main
from ir_runtime.layers.name import op_registry, op_registry_oot
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, forget_kernels
from ir_runtime.settings import Settings, override_settings

ROOT = Path(__file__).parent.parent
ROOT_PAGES = [ROOT / f"{name}.md" for name in ("README", "SECURITY", "CONTRIBUTING")]
PAGES = (*ROOT_PAGES, *sorted((ROOT / "docs").glob("*.md")))
LONG = (pytest.mark.full, pytest.mark.timeout(1800))  # of a page that runs a real model
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FENCE = re.compile(r"^ *```(\w*)$", re.MULTILINE)
LABEL, NUMBER = re.compile(r"-[0-9a-f]{16}\b"), re.compile(r"\d+(\.\d+)?")
VARIABLE = re.compile(r"(\w+)=(\S*)")


def run_command(words: list[str]) -> None:
    """Run a command of the package; of another one look whether what it names is there."""
    settings: dict[str, str] = {}
    while words and VARIABLE.fullmatch(words[0]):
        name, value = words.pop(0).split("=", 1)
        settings[name] = value
    Settings.from_environment(settings)
    known = {f"IR_RUNTIME_{name.upper()}" for name in Settings.__dataclass_fields__}
    assert settings.keys() <= known
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    match words:
        case ["ir-runtime", *rest]:
            assert main(rest) == 0
        case ["make", target]:
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        case ["chmod", *_]:
            pass  # of a directory that the reader has
        case ["export", assignment]:
            run_command([assignment])
        case ["pip", "install", *requirements]:
            extras = [e for r in requirements for e in re.findall(r"ir-runtime\[(.*)\]", r)]
            assert set(extras) <= project["optional-dependencies"].keys()
        case ["python", "-m", module, *_]:
            assert (ROOT / module.replace(".", "/")).is_dir()
        case ["python", "program.py"]:
            forget_kernels()
            with override_settings(trace=Path(settings["IR_RUNTIME_TRACE"])):
                runpy.run_path("program.py")
        case []:
            assert settings
        case _:
            pytest.fail(f"a command that the tests do not know: {words}")


class Page:
    """Runs the blocks of a page, and keeps what they print."""

    def __init__(self) -> None:
        self.printed = io.StringIO()
        parsers = [
            PythonCodeBlockParser(doctest_optionflags=FLAGS),
            CodeBlockParser("sh", self.run_shell),
            CodeBlockParser("text", self.compare),
            CodeBlockParser("schema", self.parse_schemas),
        ]
        self.sybil = Sybil(parsers)

    def run(self, path: Path, module: types.ModuleType) -> None:
        """Run all blocks."""
        document = self.sybil.parse(path)
        document.namespace.update(vars(module))
        spans = [(region.start, region.end) for _, region in document.regions]
        fences = list(FENCE.finditer(document.text))
        for opening, closing in zip(fences[::2], fences[1::2], strict=True):
            run = any(start < closing.start() and end > opening.start() for start, end in spans)
            assert run, f"a block of a language that is not run: {opening[0]!r}"
        with contextlib.redirect_stdout(self.printed):
            for example in document.examples():
                example.evaluate()

    def run_shell(self, example: Example) -> None:
        for line in example.parsed.splitlines():
            run_command(shlex.split(line, comments=True))

    def compare(self, example: Example) -> None:
        shown, printed = example.parsed, self.printed.getvalue()
        if LABEL.search(shown):  # times, which differ, stand beside labels
            shown, printed = (NUMBER.sub("0", LABEL.sub("-0", text)) for text in (shown, printed))
        assert " ".join(shown.split()) in " ".join(printed.split()), f"not printed:\n{shown}"

    def parse_schemas(self, example: Example) -> None:
        for line in example.parsed.splitlines():
            torch._C.parse_schema(f"docs::{line}")


@contextlib.contextmanager
def restored(*registries: dict) -> Iterator[None]:
    before = [dict(registry) for registry in registries]
    try:
        yield
    finally:
        for registry, entries in zip(registries, before, strict=True):
            for name in registry.keys() - entries.keys():
                del registry[name]


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, id=p.name, marks=LONG if p.name == "demo.md" else ()) for p in PAGES],
)
@pytest.mark.usefixtures("store")
def test_every_block_of_a_page_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)  # programs with random weights are then found in the cache of compiles
    name = f"docs_page_{path.stem.lower()}"
    module = types.ModuleType(name)
    module.__file__ = str(tmp_path / f"{name}.py")
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with restored(ir.IrOp.registry, ALL_CUSTOM_OP_REGS, op_registry, op_registry_oot):
        Page().run(path, module)


def test_the_pages_name_what_is_public() -> None:
    text = (ROOT / "docs" / "ir_ops.md").read_text()
    names = set(re.findall(r"`?\bir\.([A-Za-z_]+)", text)) - {"ops"}
    assert names <= set(ir.__all__)
