"""Has an op of the catalogue the same bits eager, compiled, exported and ahead of time?"""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime import aot
from ir_runtime.op_reg.trace.import_program import quiet_tracing
from tests.cases import CASES, OpCase
from tests.kernels.test_battery import OpModule, tensors_of
from tests.sampling import covering


def bits(tensor: Tensor) -> Tensor:
    """Return what tells -0 from 0 and one NaN from another."""
    return tensor.contiguous().view(torch.uint8)


@covering(
    case=CASES,
    dtype=(torch.float32, torch.bfloat16),
    kinds={"case": lambda case: case.op in ("rms_norm", "mm_encoder_attn", "linear") and case.op},
)
def test_a_catalogue_op_has_the_same_bits_in_all_four_ways(
    case: OpCase, dtype: torch.dtype
) -> None:
    arguments = case.arguments(dtype)
    assert_same_in_all_four_ways(case, OpModule(case.function, arguments), tensors_of(arguments))


@covering(case=CASES, kinds={"case": lambda case: case.result})
def test_an_ir_op_has_the_same_bits_in_all_four_ways(case: OpCase) -> None:
    """A program compiled ahead of time has the op's kernel in it; native was not asked for."""
    arguments = case.arguments()
    module = OpModule(case.one_result(case.ir_op.packet), arguments)
    assert case.ir_op.dispatch(*arguments).provider == "iree"
    assert_same_in_all_four_ways(case, module, tensors_of(arguments))


def assert_same_in_all_four_ways(
    case: OpCase, module: OpModule, tensors: tuple[Tensor, ...]
) -> None:
    torch._dynamo.reset()
    with quiet_tracing():
        exported = torch.export.export(module, tensors)
    program = aot.export(exported, name=case.id)
    assert "torch.operator" not in program.mlir()
    ways = {
        "compiled": torch.compile(module, fullgraph=True)(*tensors),
        "exported": exported.module()(*tensors),
        "ahead of time": program(*tensors),
    }
    eager = module(*tensors)
    assert all(result.dtype == eager.dtype for result in ways.values())
    wanted = bits(eager)
    assert {name: torch.equal(bits(result), wanted) for name, result in ways.items()} == (
        dict.fromkeys(ways, True)
    )
