"""The quick part of a product covers what it promises; the rest is marked, not lost."""

from __future__ import annotations

import itertools

from tests.sampling import covering, sampled

LETTERS, NUMBERS, WORDS = ("a", "b", "c", "d"), (1, 2, 3), ("x", "y")


def parts(**options: object) -> tuple[list[tuple], list[tuple]]:
    """Return the rows of the quick part, and all."""
    mark = covering(letter=LETTERS, number=NUMBERS, word=WORDS, **options)
    rows = mark.args[1]
    return [row.values for row in rows if not row.marks], [row.values for row in rows]


def test_nothing_of_a_product_is_lost() -> None:
    _, every = parts()
    assert every == list(itertools.product(LETTERS, NUMBERS, WORDS))


def test_each_value_occurs_in_as_many_rows_as_the_longest_parameter_has() -> None:
    quick, _ = parts()
    assert len(quick) == len(LETTERS)
    assert [set(column) for column in zip(*quick, strict=True)] == [
        set(LETTERS),
        set(NUMBERS),
        set(WORDS),
    ]


def test_each_pair_occurs() -> None:
    quick, _ = parts(strength=2)
    for one, other in itertools.combinations(range(3), 2):
        columns = (LETTERS, NUMBERS, WORDS)
        wanted = set(itertools.product(columns[one], columns[other]))
        assert {(row[one], row[other]) for row in quick} == wanted
    assert len(quick) < 24


def test_values_of_one_kind_stand_for_each_other() -> None:
    quick, _ = parts(kinds={"letter": lambda letter: letter in "ab"})
    assert len(quick) == len(NUMBERS)
    assert {letter in "ab" for letter, _, _ in quick} == {True, False}


def test_samples_of_one_parameter_are_spread() -> None:
    rows = sampled(3, number=tuple(range(10))).args[1]
    assert [row.values[0] for row in rows] == list(range(10))
    assert [row.values[0] for row in rows if not row.marks] == [0, 3, 6]
