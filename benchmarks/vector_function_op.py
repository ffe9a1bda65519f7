"""An op that applies vector functions to rows of 2048 elements, for measuring and testing them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ir_runtime.op_reg import (
    CustomOp,
    KernelBuilder,
    KernelSelection,
    MlirTemplate,
    def_library,
)
from ir_runtime.rows.vector_functions import VECTOR_FUNCTIONS, vector_functions

__all__ = ["COLUMNS", "DTYPES", "register_vector_functions"]

COLUMNS = 2048
LANES = 32
DTYPES: Mapping[str, torch.dtype] = {
    "f32": torch.float32,
    "bf16": torch.bfloat16,
    "f16": torch.float16,
    "f8E4M3FN": torch.float8_e4m3fn,
    "f8E4M3FNUZ": torch.float8_e4m3fnuz,
    "f8E5M2": torch.float8_e5m2,
}
"""The dtype of an element type."""

LIBRARY = def_library("ir_vector_functions")


def register_vector_functions(name: str, functions: Sequence[str]) -> Any:
    """Register an op that applies functions, all compiled as one module.

    Args:
        name: of the op.
        functions: names of vector functions.

    Returns:
        The op. It takes a tensor `[rows, 2048]` for each operand of `operand_kinds(functions)`,
        those of one type with as many rows, and returns a list of one tensor for each function.
    """
    kinds = operand_kinds(functions)
    tensors = ", ".join(f"Tensor x{i}" for i in range(len(kinds)))
    results = ", ".join(["Tensor"] * len(functions))
    template = MlirTemplate(name, _module(name, functions, kinds))

    class Applied(CustomOp):
        signature = f"{name}({tensors}) -> " + (f"({results})" if len(functions) > 1 else "Tensor")

        def select(self, ksel: KernelSelection) -> None:
            for i, kind in enumerate(kinds):
                x = ksel.arg_tensor(i).require(dtypes=(DTYPES[kind],), min_rank=2)
                x.specialize_dims(1)
            rows_of_kind = {
                (kind, d.t.shape[0]) for kind, d in zip(kinds, ksel.arg_descs, strict=True)
            }
            assert len(rows_of_kind) == len(set(kinds)), "rows of one type differ in number"
            for function in functions:
                dtype = DTYPES[VECTOR_FUNCTIONS[function].result]
                rows = ksel.arg_descs[kinds.index(VECTOR_FUNCTIONS[function].operands[0])].t.shape[
                    0
                ]
                ksel.return_new_tensor([rows, COLUMNS], dtype).specialize_dims(1)

        def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
            operands = [kb.arg_value(i) for i in range(len(kinds))]
            results = kb.inline_mlir(template, {}, *operands, function=name)
            kb.yield_results(*(results if isinstance(results, list) else [results]))

    return CustomOp.register(Applied, library=LIBRARY)


def operand_kinds(functions: Sequence[str]) -> list[str]:
    """Return the element types of an op's operands: those of all functions together."""
    most: Counter[str] = Counter()
    for function in functions:
        most |= Counter(VECTOR_FUNCTIONS[function].operands)
    return list(most.elements())


def _module(name: str, functions: Sequence[str], kinds: Sequence[str]) -> str:
    executables, calls = "", ""
    for function in functions:
        operands, result = VECTOR_FUNCTIONS[function].operands, VECTOR_FUNCTIONS[function].result
        executables += _executable(function, operands, result)
        places = [kinds.index(kind) + operands[:i].count(kind) for i, kind in enumerate(operands)]
        values = ", ".join(f"%x{place}" for place in places)
        types = ", ".join(
            f"{_tensor(kind)}{{%r{place}}}" for kind, place in zip(operands, places, strict=True)
        )
        calls += (
            f"  %{function} = flow.dispatch @{function}_rows::@{function}[%r{places[0]}]({values}) "
            f": ({types}) -> {_tensor(result)}{{%r{places[0]}}}\n"
        )
    taken = ", ".join(f"%x{i}: {_tensor(kind)}" for i, kind in enumerate(kinds))
    given = ", ".join(_tensor(VECTOR_FUNCTIONS[function].result) for function in functions)
    sizes = "\n".join(
        f"  %r{i} = tensor.dim %x{i}, %c0 : {_tensor(kind)}" for i, kind in enumerate(kinds)
    )
    values = ", ".join(f"%{function}" for function in functions)
    return (
        f"{executables}\nutil.func private @{name}({taken}) -> ({given}) {{\n"
        f"  %c0 = arith.constant 0 : index\n{sizes}\n{calls}  util.return {values} : {given}\n}}\n"
    )


def _tensor(kind: str) -> str:
    return f"tensor<?x{COLUMNS}x{kind}>"


def _executable(function: str, operands: Sequence[str], result: str) -> str:
    """Return an executable whose workgroups apply a function to a row each."""
    bindings = ["#hal.pipeline.binding<storage_buffer, ReadOnly>" for _ in operands]
    bindings.append("#hal.pipeline.binding<storage_buffer>")
    layout = f"#hal.pipeline.layout<bindings = [{', '.join(bindings)}]>"
    spans, reads = "", ""
    for i, kind in enumerate([*operands, result]):
        spans += (
            f"      %b{i} = hal.interface.binding.subspan layout({layout}) binding({i}) "
            f"offset(%c0) : memref<?x{COLUMNS}x{kind}>{{%all_rows}}\n"
        )
    for i, kind in enumerate(operands):
        spans += f"      %zero{i} = arith.constant 0.0 : {kind}\n"
        reads += (
            f"        %v{i} = vector.transfer_read %b{i}[%i, %k], %zero{i} {{in_bounds = [true]}} "
            f": memref<?x{COLUMNS}x{kind}>, vector<{LANES}x{kind}>\n"
        )
    values = ", ".join(f"%v{i}" for i in range(len(operands)))
    types = ", ".join(f"vector<{LANES}x{kind}>" for kind in operands)
    return f"""
hal.executable.source private @{function}_rows {{
  hal.executable.export public @{function} ordinal(0) layout({layout}) \
count(%device: !hal.device, %rows: index) -> (index, index, index) {{
    %one = arith.constant 1 : index
    hal.return %rows, %one, %one : index, index, index
  }}
  builtin.module {{
{vector_functions([function], LANES)}
    func.func @{function}() {{
      %c0 = arith.constant 0 : index
      %step = arith.constant {LANES} : index
      %columns = arith.constant {COLUMNS} : index
      %i = hal.interface.workgroup.id[0] : index
      %all_rows = hal.interface.workgroup.count[0] : index
{spans}
      scf.for %k = %c0 to %columns step %step {{
{reads}
        %y = func.call @row_{function}({values}) : ({types}) -> vector<{LANES}x{result}>
        vector.transfer_write %y, %b{len(operands)}[%i, %k] {{in_bounds = [true]}} \
: vector<{LANES}x{result}>, memref<?x{COLUMNS}x{result}>
      }}
      return
    }}
  }}
}}
"""
