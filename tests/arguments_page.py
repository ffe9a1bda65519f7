"""Write `docs/arguments.md`, the table of what each op of the catalogue accepts.

`python -m tests.arguments_page` writes it from the ops' declarations; a test says when it is old.
"""

from __future__ import annotations

from pathlib import Path

import kernels_mlir
from ir_runtime.ir import IrOp

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parent.parent / "docs" / "arguments.md"

_HEAD = """# Arguments of the catalogue's ops

What each op is defined for. A call that is not so raises `ArgumentError`, and tensors on several
devices `MixedDeviceError`, in the same words from `ir.ops.<op>`, `torch.ops.ir_runtime.<op>`,
`torch.ops.ir_kernels.<op>`, their `out` overloads, on meta tensors and while a graph is traced,
before a provider is chosen. The kernels take a part of it (last column), `native` the rest.
Written from the declarations in `kernels_mlir` by `python -m tests.arguments_page`.

| op | argument | accepted | by the kernel |
|---|---|---|---|
"""

_SHORT = {"bool": "true or false"}


def page() -> str:
    """Return the text of the page."""
    lines: list[str] = []
    for name in sorted(kernels_mlir.__all__):
        op = IrOp.registry[name]
        for argument in op.torch_op._schema.arguments:
            accepted = [c.wanted for c in op.check.accepts if c.argument == argument.name]
            kernel = [c.wanted for c in op.impls["iree"].constraints if c.argument == argument.name]
            kind = str(argument.type)
            if kind.startswith("Optional["):
                accepted.append("or None")
            if not accepted:
                accepted.append(_SHORT[kind])
            own = "; ".join(w for w in kernel if w not in accepted)
            lines.append(f"| `{name}` | `{argument.name}` | {'; '.join(accepted)} | {own} |\n")
    return _HEAD + "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
