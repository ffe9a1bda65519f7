"""Does `frozen` make what `dataclass(frozen=True)` makes, without generated code?"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import dataclass, field
from typing import Any

import pytest

from ir_runtime.frozen import frozen


class Fields:
    """Two sizes."""

    first: int
    second: tuple[int, ...] = (2,)
    third: dict[str, int] = field(default_factory=dict)
    note: str = field(default="", compare=False, repr=False)


def made_by(decorate) -> Any:
    return decorate(type("Sizes", (), {k: v for k, v in vars(Fields).items() if k != "__dict__"}))


OURS, GENERATED = made_by(frozen), made_by(dataclass(frozen=True))
Pickled = OURS
OURS.__qualname__ = "Pickled"


def test_values_are_as_those_of_a_generated_class():
    for arguments, named in [((1,), {}), ((1, (3,), {"a": 1}, "n"), {}), ((1,), {"note": "n"})]:
        one, other = OURS(*arguments, **named), GENERATED(*arguments, **named)
        assert dataclasses.asdict(one) == dataclasses.asdict(other)
        assert list(vars(one)) == list(vars(other))
        assert repr(one) == repr(other).replace("Sizes", "Pickled")
        assert repr(dataclasses.replace(one, first=5)) == "Pickled(" + repr(
            dataclasses.replace(other, first=5)
        ).removeprefix("Sizes(")
    assert OURS(1).third is not OURS(1).third
    assert OURS.__match_args__ == GENERATED.__match_args__
    assert list(inspect.signature(OURS).parameters) == ["first", "second", "third", "note"]
    assert inspect.signature(OURS).parameters["second"].default == (2,)


def test_values_compare_and_hash_by_the_fields_that_count():
    assert OURS(1, note="a") == OURS(1, note="b")
    assert OURS(1) != OURS(2)
    assert OURS(1) != GENERATED(1)
    assert OURS(1).__eq__(1) is NotImplemented
    assert hash(OURS(1, (), ())) == hash(OURS(1, (), (), note="n")) == hash(GENERATED(1, (), ()))


def test_copies_are_equal():
    value = OURS(1, (4,), {"a": 1}, "n")
    for again in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert again == value
        assert again.note == "n"


def test_a_value_cannot_change():
    value = OURS(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'first'"):
        value.first = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'first'"):
        del value.first


@pytest.mark.parametrize(
    ("arguments", "named", "message"),
    [
        ((), {}, "misses the argument 'first'"),
        ((1, 2, 3, 4, 5), {}, "takes 4 arguments but 5 were given"),
        ((1,), {"first": 2}, "multiple values for argument 'first'"),
        ((1,), {"other": 2}, "unexpected keyword argument 'other'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, named, message):
    with pytest.raises(TypeError, match=message):
        OURS(*arguments, **named)


def test_methods_of_the_class_stay():
    @frozen
    class Named:  # noqa: PLW1641 - it gets one
        name: str

        def __repr__(self) -> str:
            return f"<{self.name}>"

        def __eq__(self, other: object) -> bool:
            return True

    assert repr(Named("a")) == "<a>"
    assert Named("a") == Named("b")
    assert hash(Named("a")) == hash(("a",))


def test_nothing_is_compiled():
    generated = [n for n, f in vars(GENERATED).items() if _is_generated(f)]
    assert "__init__" in generated
    assert not [n for n, f in vars(OURS).items() if _is_generated(f)]


def _is_generated(function: Any) -> bool:
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    return code is not None and code.co_filename == "<string>"
