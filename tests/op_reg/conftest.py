"""What do tests of template loaders share?"""

from __future__ import annotations

import sys
import types

import pytest

from ir_runtime.op_reg import JinjaTemplateLoader, StrFormatTemplateLoader
from tests.op_reg.template_ops import HERE


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a template beside a module that has only a file name; return the loader."""
    module = types.ModuleType(HERE)
    module.__file__ = str(tmp_path / "module.py")
    monkeypatch.setitem(sys.modules, HERE, module)

    def make(kind: str, **texts: str):
        directory = tmp_path / ("templates" if kind == "jinja" else ".")
        directory.mkdir(exist_ok=True)
        for name, text in texts.items():
            (directory / f"{name}.mlir").write_text(text)
        return {"jinja": JinjaTemplateLoader, "format": StrFormatTemplateLoader}[kind](HERE)

    return make
