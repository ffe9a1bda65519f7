"""Which tensors does a plan take as they lie, and what does it say of the others?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode
from torch._subclasses.functional_tensor import FunctionalTensor, FunctionalTensorMode

from ir_runtime.launch.direct.native._launcher import REFUSALS, BoundCall, Plan
from tests.launch.native.libraries import square_plan
from tests.launch.native.memory import GuardedMemory


def _refusal(x: Any) -> str:
    code = square_plan(1).run([x], [torch.empty(64)])
    return REFUSALS.get(code, "accepted")


def _freed() -> Tensor:
    x = torch.zeros(64)
    x.untyped_storage().resize_(0)
    return x


def _fake() -> Tensor:
    with FakeTensorMode():
        return torch.zeros(64)


def _functional() -> Tensor:
    with FunctionalTensorMode():
        return FunctionalTensor.to_functional(torch.zeros(64))


class Subclass(Tensor):
    """A tensor of a type of its own."""


CASES: dict[str, tuple[Callable[[], Any], str]] = {
    "plain": (lambda: torch.zeros(64), "accepted"),
    "parameter": (lambda: torch.nn.Parameter(torch.zeros(64)), "accepted"),
    "another shape": (lambda: torch.zeros(2, 1, 32), "accepted"),
    "one row, any stride": (
        lambda: torch.zeros(64).as_strided((1, 64), (7, 1)),
        "accepted",
    ),
    "offset, aligned": (lambda: torch.zeros(128)[64:], "accepted"),
    "offset": (lambda: torch.zeros(128)[1:65], "accepted"),
    "offset, large": (lambda: torch.zeros((64 << 10) // 4 + 2)[1:], "alignment"),
    "transposed": (lambda: torch.zeros(8, 8).T, "strides"),
    "expanded": (lambda: torch.zeros(1).expand(64), "strides"),
    "every other": (lambda: torch.zeros(128)[::2], "strides"),
    "small": (lambda: torch.zeros(63), "size"),
    "empty": (lambda: torch.zeros(0), "size"),
    "freed": (_freed, "null data"),
    "neg": (lambda: torch._neg_view(torch.zeros(64)), "neg"),
    "conj": (lambda: torch.zeros(64, dtype=torch.complex64).conj(), "conj"),
    "imaginary part of a conj": (
        lambda: torch.zeros(64, dtype=torch.complex64).conj().imag,
        "strides",
    ),
    "subclass": (lambda: torch.zeros(64).as_subclass(Subclass), "subclass"),
    "fake": (_fake, "subclass"),
    "functional": (_functional, "subclass"),
    "functional in C++": (lambda: torch._to_functional_tensor(torch.zeros(64)), "null data"),
    "meta": (lambda: torch.zeros(64, device="meta"), "no plain memory"),
    "sparse": (lambda: torch.zeros(64).to_sparse(), "no plain memory"),
    "zero": (lambda: torch._efficientzerotensor(64), "null data"),
    "quantized": (
        lambda: torch.quantize_per_tensor(torch.zeros(256), 1.0, 0, torch.qint8),
        "no plain memory",
    ),
    "array": (lambda: np.zeros(64, dtype=np.float32), "kind of argument"),
    "none": (lambda: None, "kind of argument"),
}


@pytest.mark.filterwarnings("ignore:.*quantize")
@pytest.mark.parametrize("case", CASES)
def test_a_plan_takes_plain_contiguous_tensors_only(case: str) -> None:
    make, word = CASES[case]
    assert _refusal(make()) == word


def test_a_batched_tensor_is_refused() -> None:
    words = []

    def observe(x: Tensor) -> Tensor:
        words.append(_refusal(x))
        return x

    torch.vmap(observe)(torch.zeros(2, 64))
    assert words == ["no plain memory"]


def test_a_tensor_under_a_gradient_transform_is_refused() -> None:
    words = []

    def observe(x: Tensor) -> Tensor:
        words.append(_refusal(x))
        return x.sum()

    torch.func.grad(observe)(torch.zeros(64))
    assert words == ["no plain memory"]


def test_counts_of_tensors_must_be_those_of_the_plan() -> None:
    x, plan = torch.zeros(64), square_plan(1)
    assert REFUSALS[plan.run([], [x])] == "number of arguments"
    assert REFUSALS[plan.run([x], [x, x])] == "number of arguments"
    with pytest.raises(TypeError):
        plan.run([x])
    with pytest.raises(TypeError):
        plan.run(7, 8)


def test_results_are_looked_at_like_operands() -> None:
    x, plan = torch.zeros(64), square_plan(1)
    assert REFUSALS[plan.run([x], [torch.zeros(65)[1:]])] == "alignment"
    assert REFUSALS[plan.run([x], [torch.zeros(8, 8).T])] == "strides"


def test_a_refused_call_writes_nothing() -> None:
    out = torch.ones(64)
    assert square_plan(1).run([torch.zeros(128)[::2]], [out]) != 0
    assert torch.equal(out, torch.ones(64))


def test_nothing_beyond_an_operand_that_is_not_aligned_is_read() -> None:
    at_end = GuardedMemory(4096).tensor((1024,))[-63:]  # 4 bytes beyond a line
    x, copied = at_end.copy_(torch.randn(63)), torch.zeros(63)
    steps = [("copy", (0, 0, 252), (1, 0, 252))]
    assert Plan([], 1, 1, [252, 252], [], steps, 504).run([x], [copied]) == 0
    assert torch.equal(copied, x)


def test_nothing_beyond_a_buffer_is_touched() -> None:
    rows = 33
    x = GuardedMemory(rows * 256).tensor((rows, 64))
    y = GuardedMemory(rows * 256).tensor((rows, 64))
    x.copy_(torch.randn(rows, 64))
    assert square_plan(rows).run([x], [y]) == 0
    assert torch.equal(y, x * x)


@pytest.mark.parametrize("size", [64, 4096, 1 << 20])
def test_copies_and_fills_stay_inside_their_buffers(size: int) -> None:
    x, y = (GuardedMemory(size).tensor((size // 4,)) for _ in range(2))
    steps = [("fill", (0, 0, size), b"\1"), ("copy", (0, 0, size), (1, 0, size))]
    assert Plan([], 1, 1, [size, size], [], steps, 3 * size).run([x], [y]) == 0
    assert torch.equal(y.view(torch.uint8), torch.ones(size, dtype=torch.uint8))


def test_the_words_of_refusals_are_distinct() -> None:
    assert len(set(REFUSALS.values())) == len(REFUSALS)
    assert 0 not in REFUSALS


def test_a_tensor_of_another_dtype_is_not_what_a_call_was_bound_to() -> None:
    x = torch.zeros(1, 64)
    bound = BoundCall("square", (x,), square_plan(1), (0,), [((1, 64), torch.float32)])
    with pytest.raises(ValueError, match=r"\(dtype\)"):
        bound(torch.zeros(1, 64, dtype=torch.int32))
