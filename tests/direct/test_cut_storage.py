"""Is a tensor refused whose storage was shrunk under it?"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import kernels_mlir
from ir_runtime import aot
from ir_runtime.errors import ArgumentError
from ir_runtime.settings import override_settings

SIZE = 4096


def cut(*, kept_bytes: int = 16) -> Tensor:
    x = torch.ones(SIZE)
    x.untyped_storage().resize_(kept_bytes)
    return x


@pytest.mark.parametrize("launch", ["direct", "vm"])
def test_op_refuses_it_as_argument_and_as_out(launch: str) -> None:
    x, out = torch.ones(SIZE), torch.empty(SIZE)
    op = torch.ops.ir_kernels.gelu
    with override_settings(launch=launch):
        for _ in range(2):  # the second call is one that was seen before
            op(x, "none")
            op.out(x, "none", out=out)
            with pytest.raises(ArgumentError) as caught:
                op(cut(), "none")
            assert str(caught.value).startswith(
                "gelu: operand 0 is f32[4096], whose storage has 16 bytes, must have 16384"
            )
            with pytest.raises(ArgumentError, match=r"gelu.out: `out` 0 is .* must have 16384"):
                op.out(x, "none", out=cut())
        assert torch.equal(op(cut(kept_bytes=4 * SIZE), "none"), op(x, "none"))


def test_views_and_parameters_of_whole_storages_are_served_directly() -> None:
    x = torch.ones(3, SIZE)
    expected = torch.ops.ir_kernels.gelu(x[0].clone(), "none")
    for part in (x[1], x[2], torch.nn.Parameter(x[2], requires_grad=False)):
        assert torch.equal(torch.ops.ir_kernels.gelu(part, "none"), expected)
    assert kernels_mlir.gelu(x[:, :0]).shape == (3, 0)


def test_program_refuses_it() -> None:
    program = aot.export(lambda x: x * 2, (torch.ones(SIZE),), name="double")
    with pytest.raises(ArgumentError, match=r"double: argument 0 is .* whose storage has 16 bytes"):
        program(cut())
    with pytest.raises(ArgumentError, match=r"double: output 0 is .* whose storage has 16 bytes"):
        program.launchable()(torch.ones(SIZE), outputs=[cut()])
