"""Conversions to and from eight-bit floats are torch's, for every bit pattern."""

from __future__ import annotations

import pytest
import torch

from ir_runtime import aot
from tests.op_reg.ops import make_op

KINDS = [
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.float8_e4m3fnuz,
    torch.float8_e5m2fnuz,
]
BF16 = torch.arange(65536, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
BYTES = torch.arange(256, dtype=torch.int16).to(torch.uint8)


def _select(self, ksel):
    x, *rest = ksel.arg_tensor_list(0).ts
    ksel.return_new_tensor_list(
        [x.t.shape] * 4 + [r.t.shape for r in rest], KINDS + [torch.float32] * 4
    )


def _generate(self, ksel, kb):
    x, *rest = kb.arg(0)
    to = [kb.cast_float(x, kind) for kind in KINDS]
    kb.yield_results(*to, *(kb.cast_float(r, torch.float32) for r in rest))


cast_float8 = make_op("cast_float8_@UNIQUE@(Tensor[] xs) -> Tensor[]", _select, _generate)


def _converted(x, *bytes_):
    return [*(x.to(kind) for kind in KINDS), *(b.to(torch.float32) for b in bytes_)]


def _assert_torchs(got, x, *bytes_):
    wanted = _converted(x, *bytes_)
    for mine, torchs in zip(got[:4], wanted[:4], strict=True):
        assert torch.equal(mine.view(torch.uint8), torchs.view(torch.uint8)), torchs.dtype
    for mine, torchs, b in zip(got[4:], wanted[4:], bytes_, strict=True):
        assert torch.allclose(mine, torchs, rtol=0, atol=0, equal_nan=True), b.dtype


def test_builder_casts_all_patterns_as_torch() -> None:
    operands = BF16, *(BYTES.view(kind) for kind in KINDS)
    _assert_torchs(cast_float8(list(operands)), *operands)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_exported_programs_convert_all_patterns_as_torch(dtype: torch.dtype) -> None:
    operands = BF16.to(dtype), *(BYTES.view(kind) for kind in KINDS)
    program = aot.export(_Converted(), operands)
    _assert_torchs(program(*operands), *operands)


class _Converted(torch.nn.Module):
    def forward(self, x, e4m3fn, e5m2, e4m3fnuz, e5m2fnuz):
        return _converted(x, e4m3fn, e5m2, e4m3fnuz, e5m2fnuz)
