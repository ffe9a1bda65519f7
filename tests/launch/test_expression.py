"""Is each operation on sizes exact, at the width of its type?"""

from __future__ import annotations

import pytest

from ir_runtime.launch.host_program.expression import Value, compute_values

TOP = 1 << 63

CASES = (
    ("addi", "index", 2**64 - 1, 2, 1),
    ("addi", "i32", 2**32 - 1, 2, 1),
    ("subi", "index", 0, 1, 2**64 - 1),
    ("muli", "index", 2**33, 2**33, 4 * 2**64 % 2**64),
    ("muli", "i32", 2**20, 2**20, 0),
    ("divsi", "index", 2**64 - 7, 2, 2**64 - 3),
    ("divsi", "i64", TOP, 2**64 - 1, TOP),
    ("remsi", "index", 2**64 - 7, 2, 2**64 - 1),
    ("floordivsi", "index", 2**64 - 7, 2, 2**64 - 4),
    ("ceildivsi", "index", 2**64 - 7, 2, 2**64 - 3),
    ("ceildivsi", "index", 7, 2, 4),
    ("divui", "index", 2**64 - 1, 2, TOP - 1),
    ("remui", "i32", 2**32 - 1, 10, 5),
    ("ceildivui", "index", 2**64 - 1, 2, TOP),
    ("shli", "i32", 3, 31, 2**31),
    ("shrui", "i64", 2**64 - 1, 32, 2**32 - 1),
    ("shrsi", "i64", TOP, 63, 2**64 - 1),
    ("andi", "i32", 12, 10, 8),
    ("ori", "i32", 12, 10, 14),
    ("xori", "i32", 12, 10, 6),
    ("minsi", "index", 2**64 - 1, 1, 2**64 - 1),
    ("maxsi", "index", 2**64 - 1, 1, 1),
    ("minui", "index", 2**64 - 1, 1, 1),
    ("maxui", "index", 2**64 - 1, 1, 2**64 - 1),
    ("align", "index", 2**40 + 1, 64, 2**40 + 64),
    ("align", "index", 128, 64, 128),
)
UNDEFINED = (
    ("divui", "index", 1, 0),
    ("divsi", "index", 1, 0),
    ("remsi", "i32", 1, 0),
    ("ceildivui", "index", 1, 0),
    ("shrui", "i64", 1, 64),
    ("shli", "i32", 1, 32),
    ("align", "index", 1, 48),
)
COMPARISONS = (
    ("slt", 2**64 - 1, 1, 1),
    ("ult", 2**64 - 1, 1, 0),
    ("sle", 1, 1, 1),
    ("ule", 1, 1, 1),
    ("sgt", 1, 2**64 - 1, 1),
    ("ugt", 1, 2**64 - 1, 0),
    ("sge", 1, 2, 0),
    ("uge", 2, 1, 1),
    ("eq", 3, 3, 1),
    ("ne", 3, 3, 0),
)
CASTS = (
    ("index_cast", "i32", 2**32 - 1, "index", 2**64 - 1),
    ("index_castui", "i32", 2**32 - 1, "index", 2**32 - 1),
    ("index_castui", "index", 2**32 + 5, "i32", 5),
    ("extsi", "i1", 1, "i32", 2**32 - 1),
    ("extui", "i1", 1, "i32", 1),
    ("trunci", "i64", 2**40 + 9, "i32", 9),
    ("bitcast", "f32", 0x3FC00000, "i32", 0x3FC00000),
    ("truncf", "f64", 0x3FF8000000000000, "f32", 0x3FC00000),
    ("truncf", "f64", 0x7FEFFFFFFFFFFFFF, "f32", 0x7F800000),
    ("extf", "f32", 0x3FC00000, "f64", 0x3FF8000000000000),
)


def computed(op: str, kind: str, *operands: tuple[str, int]) -> int | None:
    constants = [Value("constant", of, (bits,)) for of, bits in operands]
    values = [*constants, Value(op, kind, tuple(range(len(operands))))]
    return compute_values(values, (), ())[-1]


@pytest.mark.parametrize(("op", "kind", "a", "b", "wanted"), CASES)
def test_arithmetic_wraps_at_the_width(op: str, kind: str, a: int, b: int, wanted: int) -> None:
    assert computed(op, kind, (kind, a), (kind, b)) == wanted


@pytest.mark.parametrize(("op", "kind", "a", "b"), UNDEFINED)
def test_what_is_undefined_is_none(op: str, kind: str, a: int, b: int) -> None:
    assert computed(op, kind, (kind, a), (kind, b)) is None


@pytest.mark.parametrize(("predicate", "a", "b", "wanted"), COMPARISONS)
def test_comparisons_know_signs(predicate: str, a: int, b: int, wanted: int) -> None:
    assert computed(f"cmpi.{predicate}", "i1", ("index", a), ("index", b)) == wanted


@pytest.mark.parametrize(("op", "old", "bits", "new", "wanted"), CASTS)
def test_casts(op: str, old: str, bits: int, new: str, wanted: int) -> None:
    assert computed(op, new, (old, bits)) == wanted


def test_a_select_does_not_mind_an_undefined_value_that_it_does_not_choose() -> None:
    values = [
        Value("constant", "index", (0,)),
        Value("divui", "index", (0, 0)),
        Value("constant", "i1", (0,)),
        Value("select", "index", (2, 1, 0)),
    ]
    assert compute_values(values, (), ()) == [0, None, 0, 0]
