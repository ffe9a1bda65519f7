"""Products of parameters: the quick suite runs a covering part, `make test-full` all of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import torch

from ir_runtime.dtypes import short_name

__all__ = ["covering", "sampled"]

Row = tuple[Any, ...]
Kind = Callable[[Any], Any]


def covering(
    *, strength: int = 1, kinds: Mapping[str, Kind] | None = None, **values: Sequence[Any]
) -> pytest.MarkDecorator:
    """Parametrize a test over a product; rows beyond a covering part are marked `full`.

    Args:
        strength: how many parameters of each row are covered together: 1 if each value must occur
            once, 2 if each pair of values of two parameters must.
        kinds: by parameter, a function of a value; values of one kind stand for each other, as
            cases of one op do in a test of what all ops have in common.
        values: the values of each parameter.
    """
    names, columns = list(values), list(values.values())
    of_kind = [(kinds or {}).get(name, id) for name in names]
    rows = list(itertools.product(*columns))
    quick = {id(row) for row in _covering_rows(rows, of_kind, strength)}
    parameters = [
        pytest.param(
            *row,
            id="-".join(map(_name, row)),
            marks=() if id(row) in quick else pytest.mark.full,
        )
        for row in rows
    ]
    return pytest.mark.parametrize(names if len(names) > 1 else names[0], parameters)


def sampled(count: int, **values: Sequence[Any]) -> pytest.MarkDecorator:
    """Parametrize a test over one parameter; all but `count` values of it are marked `full`.

    Those that the quick suite runs are spread evenly, with the first one among them.
    """
    ((name, every),) = values.items()
    quick = {i * len(every) // count for i in range(count)}
    return pytest.mark.parametrize(
        name,
        [
            pytest.param(value, id=_name(value), marks=() if i in quick else pytest.mark.full)
            for i, value in enumerate(every)
        ],
    )


def _covering_rows(rows: Sequence[Row], of_kind: Sequence[Kind], strength: int) -> Iterator[Row]:
    """Choose rows, each time the one that covers most of what is not covered yet.

    Among equals the one whose values were chosen least often goes first, so that they take turns.
    """
    size = len(of_kind)
    places = list(itertools.combinations(range(size), min(strength, size)))

    def covers(row: Row) -> set[tuple[Any, ...]]:
        return {(place, tuple(of_kind[i](row[i]) for i in place)) for place in places}

    missing = set().union(*map(covers, rows))
    turns: dict[tuple[int, int], int] = {}
    while missing:
        best = max(
            rows,
            key=lambda row: (
                len(covers(row) & missing),
                -sum(turns.get((i, id(value)), 0) for i, value in enumerate(row)),
            ),
        )
        missing -= covers(best)
        for i, value in enumerate(best):
            turns[i, id(value)] = turns.get((i, id(value)), 0) + 1
        yield best


def _name(value: Any) -> str:
    if isinstance(value, torch.dtype):
        return short_name(value)
    found = getattr(value, "id", None) or getattr(value, "__name__", None)
    return found if isinstance(found, str) else str(value)
