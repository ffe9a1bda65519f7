"""Faults in raising: places that are no match become one, or a match is written wrongly."""

from __future__ import annotations

from tests.mutation.mutant import Mutant, mutants_in

__all__ = ["RAISING_MUTANTS"]

_NORMS = ("passes/test_raising_norms.py",)
_BLOCKS = ("passes/test_raising_blocks.py",)
_ROOM = "ir_runtime/passes/raising"

RAISING_MUTANTS: tuple[Mutant, ...] = (
    *mutants_in(
        f"{_ROOM}/condition.py",
        _NORMS,
        (
            "raising: nodes may compute in a narrower dtype",
            "if not at_least_as_wide(computed.dtype, value.dtype):",
            "if False:",
        ),
        (
            "raising: a result of another dtype",
            "if rounded is None or rounded.dtype != value.dtype:",
            "if rounded is None:",
        ),
    ),
    *mutants_in(
        f"{_ROOM}/site.py",
        _NORMS,
        (
            "raising: nodes that others read are replaced",
            "if others and not free:",
            "if False:",
        ),
        (
            "raising: a write between the nodes does not count",
            "if self._regions[node] != self._regions[first]:",
            "if False:",
        ),
    ),
    *mutants_in(
        f"{_ROOM}/match.py",
        _NORMS,
        (
            "raising: another tensor where a pattern wants the same",
            "return value is other\n",
            "return True\n",
        ),
    ),
    *mutants_in(
        f"{_ROOM}/rewriting.py",
        _NORMS,
        (
            "raising: strides of the result are lost",
            "        if self._order is None:\n            return news\n",
            "        if self._order is not None:\n            return news\n",
        ),
    ),
    *mutants_in(
        f"{_ROOM}/rotary.py",
        _BLOCKS,
        (
            "raising: heads stay where they were for tensors that are turned",
            "dim = 3 - dim if order == _HEADS_APART else dim",
            "dim = dim if order == _HEADS_APART else dim",
        ),
        (
            "raising: the halves of a rotation are any slices",
            'if halved(whole, bound["first"], bound["second"]) is not part:',
            "if False:",
        ),
    ),
    *mutants_in(
        f"{_ROOM}/half.py",
        _BLOCKS,
        (
            "raising: parts of any size are halves",
            "known_equal(2 * cut, value.shape[-1])",
            "True",
        ),
    ),
)
