"""Row kernels that write their results over what they read."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ir_runtime import rows
from ir_runtime.counters import count_since
from ir_runtime.op_reg import CustomOp, explain
from ir_runtime.rows.emit.overwrite import overwritten
from ir_runtime.rows.plan import make_plan
from ir_runtime.rows.trace import trace
from tests.row_kernels import natives
from tests.row_kernels.kernel import LIBRARY


def added_norm(x: Tensor, residual: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    s = natives.wide(x) + natives.wide(residual)
    return natives.rms_norm(s, weight).to(x.dtype), s.to(x.dtype)


def rolled(x: Tensor) -> Tensor:
    return torch.cat((x[..., 3:], x[..., :3]), -1)


def each_by_first(x: Tensor) -> Tensor:
    return x / x[..., :1]


def squares_and_norm(x: Tensor) -> tuple[Tensor, Tensor]:
    """The first loop writes a result, but may have to compute its sum once more."""
    v = x * 2
    return v, v.square().sum(-1, keepdim=True)


HEADS = torch.randn(5, 3, 64)
ANGLES = torch.randn(5, 8)


@pytest.mark.parametrize(
    ("fn", "tensors", "pairs"),
    [
        (natives.gelu, (HEADS,), [(0, 0)]),
        (natives.softmax, (HEADS,), [(0, 0)]),
        (natives.rms_norm, (HEADS, torch.randn(64)), [(0, 0)]),
        (added_norm, (HEADS, HEADS, torch.randn(64)), [(0, 0), (0, 1), (1, 0), (1, 1)]),
        (natives.normed_heads, (HEADS, torch.randn(64), ANGLES, ANGLES), []),
        (natives.rotary, (HEADS.flatten(1), torch.zeros(5).int(), torch.zeros(7, 32)), [(0, 0)]),
        (natives.group_softmax, (HEADS.flatten(1),), [(0, 0)]),
        (rolled, (HEADS,), []),
        (each_by_first, (HEADS,), []),
        (squares_and_norm, (HEADS,), []),
        (lambda x: torch.stack((x[..., 1::2], x[..., 0::2]), -1).flatten(-2), (HEADS,), [(0, 0)]),
        (lambda x: x.to(torch.bfloat16), (HEADS,), []),
        (lambda x, y: (x + y, x - y), (HEADS, HEADS), [(0, 0), (0, 1), (1, 0), (1, 1)]),
    ],
)
def test_results_that_may_be_the_memory_of_an_argument(fn, tensors, pairs):
    assert overwritten(make_plan(trace(fn, tensors, (0,)))) == pairs


class changed_rows(CustomOp):
    signature = (
        "changed_rows_@UNIQUE@(Tensor(a!) x, Tensor(b!) residual, Tensor(c!) y, Tensor w) -> ()"
    )

    def select(self, ksel):
        for i in range(3):
            ksel.arg_tensor(i, inplace_tied=True).specialize_dims(-1)
        ksel.arg_tensor(3).specialize_all_dims()

    def generate(self, ksel, kb):
        x, residual, y, weight = (kb.arg_value(i) for i in range(4))
        normed = rows.inline(kb, added_norm, x, residual, weight)
        kb.yield_results(*normed, rows.inline(kb, rolled, y))


def test_changed_arguments_are_written_where_they_lie():
    op = CustomOp.register(changed_rows, library=LIBRARY)
    x, residual, y, weight = *(torch.randn(7, 100) for _ in range(3)), torch.randn(100)
    x[3] *= 1e22  # its squares are summed once more in float64
    exact = added_norm(*(t.double() for t in (x, residual, weight)))
    wanted = *(w.float() for w in exact), rolled(y)
    said = str(explain(op, x, residual, y, weight))
    assert "x: where it lies" in said
    assert "residual: where it lies" in said
    assert "y: where it lies" not in said
    with count_since() as counted:
        op(x, residual, y, weight)
    assert counted[0].copies == 1
    for g, w in zip((x, residual, y), wanted, strict=True):
        torch.testing.assert_close(g, w)
