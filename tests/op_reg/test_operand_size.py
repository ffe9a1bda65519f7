"""Are operands of a template compared in size where its MLIR takes their sizes for one?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from ir_runtime.errors import GenerateError, LaunchError
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, CustomOp, def_library
from ir_runtime.op_reg.call.kernel import kernel_source, run_select
from ir_runtime.settings import override_settings

LIBRARY = def_library("test_operand_size")
ADD = """
func.func @f(%a: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
  %0 = arith.addf %a, %b : tensor<?xf32>
  return %0 : tensor<?xf32>
}
"""
LOOP = """
#same = affine_map<(d0) -> (d0)>
func.func @f(%a: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %a, %c0 : tensor<?xf32>
  %empty = tensor.empty(%n) : tensor<?xf32>
  %0 = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel"]}
      ins(%b : tensor<?xf32>) outs(%empty : tensor<?xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
"""
MATMUL = """
!m = tensor<?x?xf32>
func.func @f(%a: !m, %b: !m, %c: !m) -> !m {
  %0 = linalg.matmul ins(%a, %b : !m, !m) outs(%c : !m) -> !m
  return %0 : !m
}
"""
LOOPED = """
!x = tensor<?xf32>
!y = {kind}
func.func @f(%a: !x, %b: !y) -> !x {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %a, %c0 : !x
  %0 = scf.for %i = %c0 to %n step %c1 iter_args(%out = %a) -> (!x) {{
    %e = tensor.extract %b[%i] : !y
    %next = tensor.insert %e into %out[%i] : !x
    scf.yield %next : !x
  }}
  return %0 : !x
}}
"""


def op_of(text: str, arity: int = 2, dims: Sequence[int] = ()) -> Any:
    class Written(CustomOp):
        signature = f"written@UNIQUE@({', '.join(f'Tensor {c}' for c in 'xyz'[:arity])}) -> Tensor"

        def select(self, ksel: Any) -> None:
            for i in range(arity):
                ksel.arg_tensor(i)
            ksel.arg_descs[arity - 1].specialize_dims(*dims)
            ksel.return_new_tensor(ksel.arg_descs[0].t.shape, torch.float32)

        def generate(self, ksel: Any, kb: Any) -> None:
            kb.yield_results(kb.inline_mlir(text, {}, *(kb.arg(i) for i in range(arity))))

    return CustomOp.register(Written, library=LIBRARY)


def assertions(packet: Any, *args: torch.Tensor) -> list[str]:
    op = ALL_CUSTOM_OP_REGS[packet.default._schema.name]
    lines = kernel_source(op, run_select(op, args)).decode().split("\n")
    return [line.partition('"')[2].partition('"')[0] for line in lines if "cf.assert" in line]


@pytest.mark.parametrize("text", [ADD, LOOP], ids=["elementwise", "linalg"])
@pytest.mark.parametrize("launch", ["direct", "vm"])
def test_operands_of_other_sizes_are_refused(text: str, launch: str) -> None:
    packet = op_of(text)
    with override_settings(launch=launch):
        assert packet(torch.ones(3), torch.ones(3)).shape == (3,)
        for sizes in ((64, 2), (2, 64)):
            with pytest.raises(LaunchError) as caught:
                packet(*map(torch.ones, sizes))
            message = str(caught.value)
            shown = f"called with f32[{sizes[0]}], f32[{sizes[1]}]"
            compared = "dimension 0 of `" in message and shown in message
            assert compared or f"must be f32[{sizes[0]}] as `select` declares" in message


def test_loops_of_one_operation_are_what_relates_sizes() -> None:
    """The alias is the same for all three, and says less than the operation does."""
    square = torch.ones(4, 4)
    found = [text.partition(": ")[2] for text in assertions(op_of(MATMUL, 3), *[square] * 3)]
    assert found == [
        "dimension 0 of `z` must be equal to dimension 0 of `x`",
        "dimension 0 of `y` must be equal to dimension 1 of `x`",
        "dimension 1 of `z` must be equal to dimension 1 of `y`",
    ]


def test_one_alias_means_one_size_where_the_operations_do_not_say() -> None:
    line = torch.ones(4)
    apart = LOOPED.format(kind="tensor<?xf32>")
    assert assertions(op_of(apart), line, line) == []
    together = apart.replace("!y)", "!x)").replace(": !y", ": !x")
    (found,) = assertions(op_of(together), line, line)
    assert found.endswith("dimension 0 of `y` must be equal to dimension 0 of `x`")


def test_sizes_that_are_known_to_differ_are_refused_at_once() -> None:
    packet = op_of(ADD.replace("%b: tensor<?", "%b: tensor<?"), 2, (0,))
    assert len(assertions(packet, torch.ones(4), torch.ones(4))) == 1

    class Static(CustomOp):
        signature = "static_sizes(Tensor x, Tensor y) -> Tensor"

        def select(self, ksel: Any) -> None:
            for i in range(2):
                ksel.arg_tensor(i).specialize_dims(0)
            ksel.return_new_tensor(ksel.arg_descs[0].t.shape, torch.float32)

        def generate(self, ksel: Any, kb: Any) -> None:
            kb.yield_results(kb.inline_mlir(ADD, {}, kb.arg(0), kb.arg(1)))

    static: Any = CustomOp.register(Static, library=LIBRARY)
    with pytest.raises(GenerateError, match=r"must be equal .*, and they are 5 and 4"):
        assertions(static, torch.ones(4), torch.ones(5))
