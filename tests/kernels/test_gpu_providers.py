"""Which provider computes an op on a GPU by default? Products and attention are torch's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime import ir

# Fake tensors say that they are on a GPU, and need none.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")


def told(op: str, *shapes: tuple[int, ...]) -> str:
    with FakeTensorMode():
        given: list[Tensor] = [
            torch.empty(shape, dtype=torch.bfloat16, device="cuda") for shape in shapes
        ]
        return str(getattr(ir.ops, op).explain(*given))


@pytest.mark.parametrize(
    ("op", "shapes", "why"),
    [
        ("linear", ((4, 64), (64, 64)), "not on a GPU, where native uses cuBLAS or hipBLASLt"),
        (
            "mm_encoder_attn",
            ((1, 4, 2, 64),) * 3,
            "not on a GPU, where native uses scaled_dot_product_attention",
        ),
        ("causal_attention", ((1, 4, 2, 64),) * 3, "cpu"),
    ],
)
def test_products_and_attention_are_torchs_and_explain_says_why(
    op: str, shapes: tuple[tuple[int, ...], ...], why: str
) -> None:
    lines = [line.split(maxsplit=1) for line in told(op, *shapes).splitlines()[1:]]
    rows = dict(lines)
    assert rows["native"].startswith("chosen")
    assert rows["iree"].startswith("refused: `")
    assert why in rows["iree"]
