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

The arguments that each op accepts. Other calls raise `ArgumentError`; tensors on several devices
raise `MixedDeviceError`. The messages are the same for `ir.ops.<op>`, `torch.ops.ir_runtime.<op>`,
`torch.ops.ir_kernels.<op>` and their `out` overloads, on meta tensors and while a graph is traced.
The check comes before the choice of a provider. A kernel may accept less (last column); `native`
computes the other calls. `python -m tests.arguments_page` writes this page from the declarations in
`kernels_mlir`.

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
