"""Does a call find the launch of its own arguments, with and without the C launcher?"""

from __future__ import annotations

import pytest
import torch

from ir_runtime.settings import override_settings
from tests.op_reg import ops
from tests.op_reg.ops import make_op


def select_second_or_first(self, ksel):
    x, w = ksel.arg_tensor(0), ksel.arg_optional_tensor(1)
    ksel.return_tensor((x if w is None else w).generate_meta())


def yield_second_or_first(self, ksel, kb):
    kb.yield_results(kb.arg_value(0) if kb.arg_value(1) is None else kb.arg_value(1))


def select_last_of_list(self, ksel):
    xs = ksel.arg_tensor_list(0)
    ksel.return_tensor(xs.generate_meta()[-1])


OPTIONAL = make_op(
    "chosen_@UNIQUE@(Tensor x, Tensor? w=None) -> Tensor",
    select_second_or_first,
    yield_second_or_first,
)
LISTED = make_op(
    "last_@UNIQUE@(Tensor[] xs) -> Tensor",
    select_last_of_list,
    lambda self, ksel, kb: kb.yield_results(kb.arg_value(0)[-1]),
)
X = torch.arange(6.0)
OTHERS = (X, X[:4] + 1, X.reshape(2, 3), X.double(), X.int(), X[:0])


@pytest.mark.parametrize("launch", ["auto", "vm"])
def test_each_fact_of_a_tensor_is_in_the_key(launch):
    """Its shape and its dtype, of an optional tensor and of the elements of a list, too."""
    with override_settings(launch=launch):
        for _ in range(2):  # the second pass hits
            assert torch.equal(OPTIONAL(X), X)
            for other in OTHERS:
                for result in (OPTIONAL(X, other), LISTED([X, other]), LISTED([other])):
                    assert result.dtype == other.dtype
                    assert torch.equal(result, other)


@pytest.mark.parametrize("launch", ["auto", "vm"])
def test_zeros_differ_by_their_sign(launch):
    with override_settings(launch=launch):
        for _ in range(2):
            assert not torch.signbit(ops.scale(X + 1, 0.0)).any()
            assert torch.signbit(ops.scale(X + 1, -0.0)).all()
