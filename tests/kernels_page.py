"""Write `docs/kernels.md`, the list of the catalogue's ops, from the ops themselves.

`python -m tests.kernels_page` writes it; a test says when it is old.
"""

from __future__ import annotations

import inspect
import re
from itertools import groupby
from pathlib import Path
from typing import Any

import kernels_mlir
from ir_runtime.ir import IrOp

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parent.parent / "docs" / "kernels.md"

_HEAD = """# The catalogue

The ops of `kernels_mlir`, from their docstrings, which specify them (`help(ir.ops.<op>)`). Each is
`ir.ops.<op>` and `torch.ops.ir_runtime.<op>`, from eager, `torch.compile` and exported programs.
What each argument may be: [arguments](arguments.md). Times: [performance](performance.md);
`python -m benchmarks catalogue` measures the kernels that are made from native.

**Kernel**: *written* has MLIR of our own, at least for GPUs; *from native* is a
[row kernel](rows.md) on CPUs, and traced elsewhere. **First**: the provider that computes a call if
no priority is set, and takes it. **Gradient**: of a formula of our own, or derived from native.

`python -m tests.kernels_page` writes this page.
"""


def page() -> str:
    """Return the text of the page."""
    by_category = groupby(
        sorted(kernels_mlir.__all__, key=lambda name: (_category(name), name)), key=_category
    )
    return _HEAD + "".join(
        f"\n## {category}\n\n" + "\n".join(_entry(IrOp.registry[name]) for name in names)
        for category, names in by_category
    )


def _category(name: str) -> str:
    return IrOp.registry[name].native.__module__.split(".")[1]


def _entry(op: Any) -> str:
    sections = _sections(op.docstring)
    kernel: Any = op.impls["iree"]
    facts = [
        f"Kernel: {'from native' if kernel.is_traced else 'written'}",
        f"first: `{op.default_priority.providers[0]}`",
        f"gradient: {_gradient(op)}",
    ]
    source = sections.get("Source", "")
    lines = [
        f"### {op.name}",
        "",
        f"`{op.name}{op.schema}`",
        "",
        sections[""],
        "",
        f"Returns {_inline(sections['Returns'])}" if "Returns" in sections else "",
        "",
        "; ".join(facts) + "." + (f" Source: {_inline(source)}" if source else ""),
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def _sections(docstring: str) -> dict[str, str]:
    """Return the parts of a docstring by their heads; the first has none."""
    parts = re.split(r"^([A-Z][a-z]+):$", inspect.cleandoc(docstring), flags=re.MULTILINE)
    return {"": parts[0].strip(), **dict(zip(parts[1::2], parts[2::2], strict=True))}


def _inline(text: str) -> str:
    return " ".join(text.split())


def _gradient(op: Any) -> str:
    name = type(op.autograd.formula).__name__
    return "derived" if name == "NativeFormula" else "own formula"


if __name__ == "__main__":
    PAGE.write_text(page())
