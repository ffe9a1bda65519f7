"""Is a token drawn by the softmax of what its limits leave, and by nothing but its seed?"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import kernels_mlir  # noqa: F401 - registers the op
from ir_runtime import ir
from ir_runtime.errors import ArgumentError
from tests.decoder.arguments import called

ROWS = 20000
LOGITS = torch.tensor([2.0, -1.0, 0.5, 2.0, 1.0, -3.0])


def drawn(logits: Tensor = LOGITS, *, rows: int = ROWS, heat: float = 1.0, **limits: Any) -> Tensor:
    """Return how often each token of one row is drawn with different seeds."""
    each = {name: torch.full((rows,), value) for name, value in limits.items()}
    seeds, positions = torch.arange(rows), torch.zeros(rows, dtype=torch.int64)
    temperature = torch.full((rows,), heat)
    tokens = ir.ops.sample_tokens(
        logits.expand(rows, -1), temperature, seeds, positions, each.get("top_k"),
        each.get("top_p"), each.get("min_p"),
    )  # fmt: skip
    return torch.bincount(tokens, minlength=logits.numel()) / rows


def close(found: Tensor, wanted: Tensor) -> bool:
    """Tell whether frequencies are within five deviations, and nothing else is drawn."""
    most = 5 * (wanted * (1 - wanted) / ROWS).sqrt()
    return bool(((found - wanted).abs() <= most).all())


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_tokens_are_as_frequent_as_probable(heat: float) -> None:
    assert close(drawn(heat=heat), torch.softmax(LOGITS / heat, -1))


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"top_k": 1}, [0, 3]),  # both are the largest
        ({"top_k": 3}, [0, 3, 4]),
        ({"top_k": 99}, [0, 1, 2, 3, 4, 5]),
        ({"top_k": 0}, [0, 1, 2, 3, 4, 5]),
        ({"top_p": 0.5}, [0, 3]),
        ({"top_p": 0.0}, [0]),
        ({"top_p": 1.0}, [0, 1, 2, 3, 4, 5]),
        ({"min_p": 0.3}, [0, 3, 4]),
        ({"min_p": 0.0}, [0, 1, 2, 3, 4, 5]),
        ({"min_p": 1.5}, [0, 3]),  # the largest ones stay
        ({"min_p": 0.2, "top_k": 4, "top_p": 0.7}, [0, 3]),
    ],
)
def test_limits_leave_what_they_say(limits: dict[str, float], kept: list[int]) -> None:
    hidden = torch.full_like(LOGITS, float("-inf"))
    hidden[kept] = LOGITS[kept]
    assert close(drawn(**limits), torch.softmax(hidden, -1))


def test_a_cold_row_takes_the_first_of_the_largest() -> None:
    assert drawn(heat=0.0, rows=3)[0] == 1


@pytest.mark.parametrize("heat", [1e-40, 1e-300])
def test_a_row_that_is_nearly_cold_takes_the_largest(heat: float) -> None:
    """Its logits are infinite when divided by the temperature, which may be 0 in float32."""
    logits = torch.tensor([[-1.0, 2.0, 1.0]])
    heats = torch.tensor([heat], dtype=torch.float64)
    seeds = torch.zeros(1, dtype=torch.int64)
    assert ir.ops.sample_tokens(logits, heats, seeds, seeds).tolist() == [1]


def test_a_row_of_infinite_temperature_draws_what_is_possible_alike() -> None:
    hidden = torch.tensor([2.0, float("-inf"), -3.0])
    assert close(drawn(hidden, heat=float("inf")), torch.tensor([0.5, 0.0, 0.5]))


def test_limits_that_limit_nothing_change_nothing() -> None:
    """So a row gets its token whether other rows of its batch have limits or not."""
    arguments = ir.ops.sample_tokens.generate_inputs(num_tokens=33, hidden_size=1000)
    logits, heat, seeds, positions = arguments[:4]
    free = ir.ops.sample_tokens(logits, heat, seeds, positions)
    unlimited = (torch.zeros_like(seeds), torch.ones_like(heat), torch.zeros_like(heat))
    assert torch.equal(ir.ops.sample_tokens(logits, heat, seeds, positions, *unlimited), free)


def test_a_row_is_drawn_alike_in_every_batch() -> None:
    arguments = list(ir.ops.sample_tokens.generate_inputs(num_tokens=33, hidden_size=1000))
    together = ir.ops.sample_tokens(*arguments)
    assert torch.equal(ir.ops.sample_tokens(*arguments), together)
    order = torch.randperm(33, generator=torch.Generator().manual_seed(0))
    assert torch.equal(ir.ops.sample_tokens(*(a[order] for a in arguments)), together[order])
    for b in (0, 17, 32):
        alone = ir.ops.sample_tokens(*(a[b : b + 1] for a in arguments))
        assert torch.equal(alone, together[b : b + 1])


def test_seeds_and_positions_give_independent_numbers() -> None:
    count = 4096
    numbers = torch.arange(count)
    logits = torch.zeros(count, 1024)
    heat, zeros = torch.ones(count), torch.zeros(count, dtype=torch.int64)
    by_seed = ir.ops.sample_tokens(logits, heat, numbers, zeros)
    by_position = ir.ops.sample_tokens(logits, heat, zeros, numbers)
    for tokens in (by_seed, by_position):
        assert tokens.unique().numel() > 0.95 * 1024 * (1 - math.exp(-4))
        parts = tokens.float() / 1024 - 0.5
        assert abs(parts[1:] @ parts[:-1]) / count < 5 / 12 / count**0.5
    assert (by_seed == by_position).float().mean() < 0.01


def test_compiled_and_on_meta_it_has_the_shape_it_has() -> None:
    arguments = ir.ops.sample_tokens.generate_inputs(num_tokens=5, hidden_size=100)
    torch._dynamo.reset()
    compiled = torch.compile(called(ir.ops.sample_tokens), backend="aot_eager")
    assert torch.equal(compiled(*arguments), ir.ops.sample_tokens(*arguments))
    on_meta = ir.ops.sample_tokens(*(a.to("meta") for a in arguments))
    assert (on_meta.shape, on_meta.dtype) == ((5,), torch.int64)
    assert ir.ops.sample_tokens(*(a[:0] for a in arguments)).shape == (0,)


def test_bad_arguments_are_refused() -> None:
    arguments = list(ir.ops.sample_tokens.generate_inputs(num_tokens=5, hidden_size=100))
    arguments[2] = arguments[2][:4]
    with pytest.raises(ArgumentError) as caught:
        ir.ops.sample_tokens(*arguments)
    assert str(caught.value) == (
        "sample_tokens: `seeds` is i64[4], must have 5 elements, one a row of `logits`"
    )
