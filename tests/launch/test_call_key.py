"""Does a key tell all calls apart that need launches of their own, and no others?"""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from ir_runtime.launch.operand.call_key import call_key

VALUES = (
    *(0, 0.0, -0.0, False, 0j, "0", None),
    *(1, 1.0, True, 1 + 0j, "1", (1.0).hex(), 2**64, 2.0**64),
    *(math.nan, math.inf, -math.inf, 5e-324),
    *(torch.float32, torch.float64, torch.device("cpu"), torch.strided, torch.channels_last),
    *([], (), [0], [0.0], [-0.0], [False], (0,), [0, 0], [[0]], [None]),
    *(torch.zeros(2), torch.zeros(3), torch.zeros(2, 1), torch.zeros(2).int(), [torch.zeros(2)]),
)


def hashed(*args: Any, placed: bool = False) -> dict[Any, None]:
    """Compare keys as a dictionary does."""
    return {call_key(args, placed=placed): None}


def test_any_two_values_have_two_keys():
    for one, other in itertools.combinations(VALUES, 2):
        assert hashed(one) != hashed(other), (one, other)
        assert hashed(X, one) != hashed(X, other), (one, other)


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_a_value_hits_its_own_key(value):
    assert hashed(value, [value]) == hashed(value, [value])


def test_each_nan_hits_the_key_of_another():
    other = math.inf - math.inf
    assert hashed(math.nan, [math.nan]) == hashed(-other, [other])


class Named(Tensor):
    """A tensor that only names itself."""


X = torch.arange(4.0)


def test_only_shape_and_dtype_of_a_tensor_count():
    others = (X + 1, torch.nn.Parameter(X), X.as_subclass(Named), torch.arange(8.0)[::2])
    for other in others:
        assert hashed(other, [other]) == hashed(X, [X])


def test_a_device_counts_where_the_caller_does_not_know_it():
    meta = X.to("meta")
    assert hashed(X) == hashed(meta)
    for one, other in ((X, meta), ([X], [meta]), (X.as_subclass(Named), meta)):
        assert hashed(one, placed=True) != hashed(other, placed=True)


def test_values_do_not_change_places():
    assert hashed(0, 1) != hashed(1, 0)
    assert hashed([0], 1) != hashed([0, 1])
    assert hashed(None, X) != hashed(X, None)


def test_a_symbol_has_no_key():
    symbol = ShapeEnv().create_unbacked_symint()
    for value in (symbol, [symbol], symbol == 3):
        with pytest.raises(TypeError, match="is a symbol, must be a value"):
            call_key((value,))
