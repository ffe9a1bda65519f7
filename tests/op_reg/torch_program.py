"""Programs of the torch dialect that call ops: their text, expanded and run."""

from __future__ import annotations

from typing import Any

import torch

from ir_runtime.launch.launchable import Launchable
from ir_runtime.op_reg import ExpandCustomOpsPass
from tests.op_reg.ops import op_of

VECTOR = "!torch.vtensor<[?],f32>"
X, Y = torch.arange(6.0), torch.arange(6.0) + 1


def expanded(text: str, **options: Any) -> str:
    """Expand a module given as text."""
    from iree.compiler.ir import Context, Module

    module = Module.parse(text, Context())
    ExpandCustomOpsPass(module.operation, **options).run()
    assert module.operation.verify()
    return module.operation.get_asm()


def operator(op: Any, operands: str, types: str, result: str = VECTOR) -> str:
    namespace, name = op_of(op).qualified_name.split("::")
    return f'torch.operator "torch.{namespace}.{name}"({operands}) : ({types}) -> {result}'


def two_vectors(op: Any, extra: str = "") -> str:
    """A program that calls an op of two vectors whose sizes it does not relate."""
    return f"""
    func.func @main(%x: {VECTOR}, %y: {VECTOR}) -> {VECTOR} {{
      {extra}
      %0 = {operator(op, "%x, %y", f"{VECTOR}, {VECTOR}")} loc("model.py":7:0)
      return %0 : {VECTOR}
    }}"""


def run(text: str, *args: torch.Tensor) -> Any:
    return Launchable.jit_compile(text, name="expanded")(*args)
