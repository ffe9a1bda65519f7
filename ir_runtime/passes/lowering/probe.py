"""Arguments whose symbolic sizes have no value, to ask what holds for a whole range of sizes.

A condition on such a size is decided by its range alone, or raises an error. The sizes belong to a
shape environment of their own, so no question adds a guard to the graph that is compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy
import torch
from torch import SymInt, Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import (
    GuardOnDataDependentSymNode,
    ShapeEnv,
    free_symbols,
)
from torch.utils import _pytree as pytree

__all__ = ["Probe", "is_symbolic"]

_NO_LIMIT = 1 << 40
"""Stands for the end of a range that has none."""


def is_symbolic(values: Sequence[Any]) -> bool:
    """Tell whether a size, a stride or a number among arguments is a symbol."""
    return any(bool(free_symbols(value)) for value in _sizes(values))


class Probe:
    """Arguments like given ones, with other symbols that have the same ranges.

    Args:
        values: all arguments of a call: fake tensors, symbolic numbers, other values.
        batch: the batch size among them, if it is a symbol.
        sizes: the batch sizes that the graph is for, the first and the last one, None for no limit.

    Attributes:
        values: the arguments to ask with.
    """

    def __init__(
        self,
        values: Sequence[Any],
        *,
        batch: Any = None,
        sizes: tuple[int, int | None] = (0, None),
    ) -> None:
        self._batch = batch.node.expr if isinstance(batch, SymInt) else None
        self._sizes = sizes
        self._env = ShapeEnv()
        self._mode = FakeTensorMode(shape_env=self._env, allow_non_fake_inputs=True)
        self._symbols: dict[sympy.Symbol, sympy.Expr] = {}
        self._hints: dict[sympy.Symbol, int] = {}
        self.values: list[Any] = pytree.tree_map(self._like, list(values))

    def ask(self, question: Callable[..., Any]) -> bool | None:
        """Return the answer that holds for all sizes in the range; None if there is no such one.

        Args:
            question: takes the arguments.
        """
        try:
            with self._mode:
                return bool(question(*self.values))
        except GuardOnDataDependentSymNode:
            return None

    def samples(self) -> list[list[Any]]:
        """Return the arguments with numbers for sizes: the hints, and the least sizes."""
        least = {s: int(self._range(s)[0]) for s in self._hints}
        return [
            pytree.tree_map(lambda v, at=at: self._at(v, at), self.values)
            for at in (self._hints, least)
        ]

    def _range(self, symbol: sympy.Symbol) -> tuple[Any, Any]:
        found = self._env.var_to_range[self._symbols[symbol]]  # pyright: ignore[reportArgumentType]
        return found.lower, found.upper

    def _like(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            sizes = [self._renamed(n) for n in value.shape]
            strides = [self._renamed(n) for n in value.stride()]
            with self._mode:
                return torch.empty_strided(sizes, strides, dtype=value.dtype, device=value.device)
        return self._renamed(value) if isinstance(value, SymInt) else value

    def _renamed(self, size: Any) -> Any:
        symbols = free_symbols(size)
        if not symbols:
            return size
        for symbol in symbols:
            self._rename(symbol, size.node.shape_env)
        return self._env.create_symintnode(size.node.expr.xreplace(self._symbols), hint=None)

    def _rename(self, symbol: sympy.Symbol, theirs: ShapeEnv) -> None:
        if symbol in self._symbols:
            return
        known = theirs.var_to_range.get(symbol)
        low = 0 if known is None else int(max(known.lower, 0))
        high = _NO_LIMIT if known is None else int(min(known.upper, _NO_LIMIT))
        if symbol == self._batch:
            first, last = self._sizes
            low, high = max(low, first), high if last is None else min(high, last)
        mine = self._env.create_unbacked_symint()
        torch._check(mine >= low)
        torch._check(mine <= high)
        self._symbols[symbol] = mine.node.expr
        hint = _hint_of(theirs, symbol)
        self._hints[symbol] = low if hint is None else min(max(hint, low), high)

    def _at(self, value: Any, numbers: dict[sympy.Symbol, int]) -> Any:
        """Return a value with numbers in place of its symbols."""
        back = {self._symbols[symbol]: n for symbol, n in numbers.items()}

        def number(size: Any) -> Any:
            return int(size.node.expr.xreplace(back)) if isinstance(size, SymInt) else size

        if isinstance(value, Tensor):
            sizes, strides = [[number(n) for n in s] for s in (value.shape, value.stride())]
            with self._mode:
                return torch.empty_strided(sizes, strides, dtype=value.dtype, device=value.device)
        return number(value)


def _hint_of(env: ShapeEnv, symbol: sympy.Symbol) -> int | None:
    hints = getattr(env, "backed_var_to_val", None) or getattr(env, "var_to_val", {})
    found = hints.get(symbol)
    return None if found is None else int(found)


def _sizes(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for value in pytree.tree_leaves(list(values)):
        if isinstance(value, Tensor):
            found.extend((*value.shape, *value.stride()))
        elif isinstance(value, SymInt):
            found.append(value)
    return found
