"""Functions that torch exports become programs: builtins, views, sizes, results of any kind."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.errors import LaunchError

X = torch.arange(42.0).reshape(6, 7)


class Pair(NamedTuple):
    left: Any
    right: Any


def test_slice_of_a_clone_is_assigned() -> None:
    def assign(x: Tensor, y: Tensor) -> Tensor:
        changed = x.clone()
        changed[1:5] = y
        return changed

    x, y = X.clone(), -X[:4]
    assert torch.equal(aot.export(assign, (x, y))(x, y), assign(X, y))
    assert torch.equal(x, X)


class Add:
    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


def test_builtins_and_callables_are_exported() -> None:
    rows = ({0: Dim.DYNAMIC}, None)
    program = aot.export(torch.matmul, (X, X.T.contiguous()), dynamic_shapes=rows)
    torch.testing.assert_close(program(X[:4], X.T), X[:4] @ X.T)
    for function in (torch.Tensor.add, operator.add, Add()):
        assert torch.equal(aot.export(function, (X, X), name="add")(X, X), X + X)
    program = aot.export(torch.clamp, (X,), {"min": 3.0})
    assert torch.equal(program(X, min=3.0), X.clamp(min=3))


def _of_each_kind(x: Tensor) -> Any:
    rows = x.shape[0]
    return Pair({"a": x + 1, "b": None}, [rows, rows / 2, rows > 4, 3, 2.5, True, "text"])


def test_results_need_not_be_tensors() -> None:
    program = aot.export(_of_each_kind, (X,), dynamic_shapes=({0: Dim.DYNAMIC},))
    for x in (X, X[:5]):
        got, wanted = program(x), _of_each_kind(x)
        assert torch.equal(got.left.pop("a"), wanted.left.pop("a"))
        assert got == wanted
        assert [type(value) for value in got.right] == [type(value) for value in wanted.right]
    assert aot.export(lambda _: None, (X,))(X) is None


AUTO = {0: Dim.AUTO}
HALF = Dim("half", min=3, max=9)
SIZES: dict[str, tuple[Any, Any, tuple[int, ...], str]] = {
    "one less": (
        lambda x, y: x[1:] + y, (AUTO, AUTO), (6, 5, 9, 9), "y.shape[0] must be x.shape[0] - 1"
    ),
    "twice": (
        lambda x, y: x.reshape(2, -1)[0] + y, ({0: 2 * HALF}, {0: HALF}), (6, 3, 20, 10),
        "x.shape[0] must be at most 18",
    ),
    "even": (
        lambda x, y: x.reshape(2, -1).sum() + y, (AUTO, None), (6, 1, 7, 1),
        "must have Mod(x.shape[0], 2) == 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SIZES)
def test_errors_of_sizes_name_argument_and_dimension(case: str) -> None:
    function, dynamic, sizes, message = SIZES[case]
    *example, first, second = (torch.ones(size) for size in sizes)
    program = aot.export(function, tuple(example), dynamic_shapes=dynamic, name="f")
    torch.testing.assert_close(program(*example), function(*example))
    with pytest.raises(LaunchError) as caught:
        program(first, second)
    assert f"f: {message};" in str(caught.value)
