"""Which tensors share an element?  What is said not to must not."""

from __future__ import annotations

import random

import torch

from ir_runtime.launch.operand.overlap import may_overlap

TABLE = torch.zeros(4, 6, 12)


def test_one_after_the_other():
    assert not may_overlap(TABLE[:2], TABLE[2:])


def test_columns_of_one_table():
    assert not may_overlap(TABLE[..., :4], TABLE[..., 4:12])
    assert not may_overlap(TABLE[:1, :, :4], TABLE[1:, :, 4:])
    assert not may_overlap(TABLE[:, :2], TABLE[:, 2:])


def test_same_elements():
    assert may_overlap(TABLE, TABLE)
    assert may_overlap(TABLE, TABLE[1, 2])
    assert may_overlap(TABLE[..., :5], TABLE[..., 4:])
    assert may_overlap(TABLE.transpose(0, 2), TABLE)


def test_other_dtype():
    assert may_overlap(TABLE, TABLE.view(torch.int32))


def test_empty():
    assert not may_overlap(TABLE[:0], TABLE)


def test_what_is_told_apart_is_apart():
    """Against the set of elements itself."""
    generator = random.Random(0)
    storage = torch.zeros(80)
    apart = 0
    for _ in range(3000):
        one, other = (
            torch.as_strided(
                storage,
                [generator.randint(1, 3) for _ in range(2)],
                [generator.choice([0, 1, 2, 3, 4, 6, 8, 12]) for _ in range(2)],
                generator.randint(0, 16),
            )
            for _ in range(2)
        )
        if not may_overlap(one, other):
            apart += 1
            assert not elements(one) & elements(other)
    assert apart > 300


def elements(tensor: torch.Tensor) -> set[int]:
    rows, columns = tensor.shape
    down, across = tensor.stride()
    return {
        tensor.storage_offset() + i * down + j * across for i in range(rows) for j in range(columns)
    }
