"""Integers divide as in torch, in every width, and what torch cannot divide has a result."""

from __future__ import annotations

import torch

from ir_runtime import aot
from tests.op_reg.ops import make_op

WIDTHS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
DIVISORS = (-100, -7, -1, 1, 3, 50, 120)


def _values(dtype: torch.dtype) -> torch.Tensor:
    least = max(torch.iinfo(dtype).min + 1, -130)
    return torch.arange(least, min(torch.iinfo(dtype).max, 256)).to(dtype)


def _divided(*operands):
    found = []
    for x, y in zip(operands[::2], operands[1::2], strict=True):
        found += [
            x // y,
            x % y,
            torch.fmod(x, y),
            torch.div(x, y, rounding_mode="trunc"),
            x // 3,
            x % 3,
            x**2,
            x | 1,
            x.amax(),
        ]
    return found


def test_every_width_divides_as_torch() -> None:
    operands = []
    for dtype in WIDTHS:
        least = torch.iinfo(dtype).min
        divisors = torch.tensor([d for d in DIVISORS if d >= least], dtype=dtype)
        operands += [_values(dtype)[:, None], divisors[None, :]]
    got = aot.export(_divided, tuple(operands))(*operands)
    for mine, torchs in zip(got, _divided(*operands), strict=True):
        assert mine.dtype == torchs.dtype
        assert torch.equal(mine, torchs)


def test_zero_divides_to_zero_and_the_smallest_by_minus_one_wraps() -> None:
    least = torch.iinfo(torch.int32).min
    x, y = torch.tensor([5, least, -3, 0], dtype=torch.int32), torch.tensor([0, -1, 0, 0]).int()
    program = aot.export(lambda x, y: (x // y, x % y, torch.fmod(x, y)), (x, y))
    quotient, *rests = program(x, y)
    assert quotient.tolist() == [0, least, 0, 0]
    assert all(rest.tolist() == [0, 0, 0, 0] for rest in rests)


def test_rests_of_floats_are_exact() -> None:
    x = torch.tensor([-0.0, 1e30, -1e30, 7.5, float("inf"), float("nan")])[:, None]
    y = torch.tensor([3.0, -0.7, float("inf")])[None, :]
    rests = aot.export(lambda x, y: (torch.fmod(x, y), x % y, x % 3), (x, y))(x, y)
    for mine, torchs in zip(rests, (torch.fmod(x, y), x % y, x % 3), strict=True):
        assert torch.allclose(mine, torchs, rtol=0, atol=0, equal_nan=True)
        assert torch.equal(mine.signbit() | mine.isnan(), torchs.signbit() | torchs.isnan())


def _select(self, ksel):
    x = ksel.arg_tensor(0)
    ksel.return_new_tensor(x.t.shape, x.t.dtype)


thirds = make_op(
    "thirds_@UNIQUE@(Tensor x) -> Tensor",
    _select,
    lambda self, ksel, kb: kb.yield_results(kb.inline_torch(lambda x: x // 3, kb.arg(0))),
)


def test_bytes_divide_in_a_traced_kernel() -> None:
    x = torch.arange(256, dtype=torch.int16).to(torch.uint8)
    assert torch.equal(thirds(x), x // 3)
