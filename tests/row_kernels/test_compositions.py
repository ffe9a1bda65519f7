"""Random functions against float64: halves, cat and casts in the middle among them."""

from __future__ import annotations

import pytest
import torch

from ir_runtime.errors import UnsupportedOperatorError
from ir_runtime.rows.trace import trace
from tests.row_kernels.composition import Composition, compose, wrong_results
from tests.row_kernels.kernel import as_tuple, joined


def is_taken(made: Composition) -> bool:
    """Tell whether it is a row kernel; some take every second column from an odd one on."""
    try:
        trace(made, made.tensors(), ())
    except UnsupportedOperatorError:
        return False
    return True


def test_thirty_in_one_module():
    made = [compose(seed, width=96, dtype=torch.float32, inputs=2) for seed in range(5000, 5033)]
    made = [composition for composition in made if is_taken(composition)][:30]
    assert len(made) == 30
    tensors = made[0].tensors()
    got = list(joined(made, tensors)(*tensors))
    wrong = {}
    for function in made:
        own = tuple(got.pop(0) for _ in function.results)
        if found := wrong_results(function, own, tensors):
            wrong[function.seed] = found
    assert not wrong


@pytest.mark.full
@pytest.mark.timeout(900)  # 25 compiles, on a machine that does other work, too
@pytest.mark.parametrize("first", range(0, 300, 25))
def test_three_hundred(first):
    wrong, refused = {}, 0
    for seed in range(first, first + 25):
        made = compose(seed)
        tensors = made.tensors()
        try:
            got = as_tuple(joined([made], tensors)(*tensors))
        except UnsupportedOperatorError:  # a softmax of a part of the row
            refused += 1
            continue
        if found := wrong_results(made, got, tensors):
            wrong[seed] = found
    assert not wrong
    assert refused <= 3
