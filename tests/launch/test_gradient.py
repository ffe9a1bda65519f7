"""Do the test of a needed gradient in Python and that in C agree on every case?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import BaseTorchFunctionMode

from ir_runtime.launch.direct.quick_gradient import quick_needs_grad
from ir_runtime.launch.operand.gradient import needs_grad


class Named(Tensor):
    """A tensor that only names itself."""


PLAIN, WANTED = torch.zeros(2), torch.zeros(2, requires_grad=True)
PARAMETER = torch.nn.Parameter(torch.zeros(2))
CASES: dict[str, tuple[tuple[Any, ...], bool]] = {
    "nothing": ((), False),
    "no tensor": ((1, 1.5, True, "x", None, torch.float32), False),
    "a plain tensor": ((PLAIN,), False),
    "a tensor that requires one": ((WANTED,), True),
    "the last of several": ((PLAIN, None, 2, WANTED), True),
    "a parameter": ((PARAMETER,), True),
    "a frozen parameter": ((torch.nn.Parameter(PLAIN, requires_grad=False),), False),
    "a result that is no leaf": ((WANTED * 2,), True),
    "a view": ((WANTED.view(1, 2),), True),
    "a detached tensor": ((WANTED.detach(),), False),
    "a subclass": ((WANTED.as_subclass(Named),), True),
    "a plain subclass": ((PLAIN.as_subclass(Named),), False),
    "a meta tensor": ((torch.zeros(2, device="meta", requires_grad=True),), True),
    "a sparse tensor": ((torch.eye(2).to_sparse().requires_grad_(),), True),
    "whole numbers": ((torch.arange(2),), False),
    "a list": (([PLAIN, WANTED],), True),
    "a list of plain tensors": (([PLAIN, PLAIN],), False),
    "a list that begins with None": (([None, WANTED],), True),
    "a list that ends with None": (([WANTED, None],), True),
    "a tuple": (((PLAIN, WANTED),), True),
    "a list of subclasses": (([PLAIN, WANTED.as_subclass(Named)],), True),
    "an empty list": (([], ()), False),
    "a list of numbers": (([1, 2], (1.5,)), False),
}
BOTH = {"python": needs_grad, "quick": quick_needs_grad()}


@pytest.mark.parametrize("which", BOTH)
@pytest.mark.parametrize("case", CASES)
def test_a_gradient_is_needed_where_it_is_recorded(case: str, which: str) -> None:
    (values, expected), needed = CASES[case], BOTH[which]
    assert needed(*values) is expected
    with torch.no_grad():
        assert needed(*values) is False
        with torch.enable_grad():
            assert needed(*values) is expected
    with torch.inference_mode():
        assert needed(*values) is False
    with BaseTorchFunctionMode():
        assert needed(*values) is expected


@pytest.mark.parametrize("needed", BOTH.values(), ids=BOTH)
def test_a_transform_is_a_gradient(needed: Callable[..., bool]) -> None:
    seen: list[bool] = []

    def function(x: Tensor) -> Tensor:
        seen.extend((needed(x), needed([x]), needed(PLAIN)))
        return x.sum()

    torch.func.grad(function)(PLAIN)
    assert seen == [True, True, False]
    torch.vmap(function)(torch.zeros(2, 2))
    assert seen[3:] == [False, False, False]
