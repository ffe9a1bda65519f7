"""A small fault of the package, and the tests that may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["OPS", "Mutant", "mutants_in"]

OPS = "ir_runtime/op_reg/"


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        name: area and what is wrong.
        path: the file of the package.
        old: what stands there, once.
        new: what takes its place.
        guards: test files or folders that may see it, below `tests`.
    """

    name: str
    path: str
    old: str
    new: str
    guards: Sequence[str]

    def applied(self, text: str) -> str:
        """Return the text of the file with the fault in it.

        Raises:
            ValueError: what the fault takes the place of does not stand there once.
        """
        if text.count(self.old) != 1 or self.old == self.new:
            raise ValueError(f"{self.name}: stands {text.count(self.old)} times in {self.path}")
        return text.replace(self.old, self.new)


def mutants_in(file: str, guards: Sequence[str], *rows: tuple[str, str, str]) -> list[Mutant]:
    """Return the mutants of one file, which have the same guards: name, old and new text each."""
    return [Mutant(name, file, old, new, guards) for name, old, new in rows]
