"""The frozen part of a pipeline: its passes and how they run, compared by value."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ir_runtime.errors import ArgumentError
from ir_runtime.passes.compile_context import CompileRange
from ir_runtime.passes.errors import PassError
from ir_runtime.passes.hooks import OPTION_OF_HOOK
from ir_runtime.passes.inductor_pass import InductorPass
from ir_runtime.passes.record.expectation import check_expectations

__all__ = ["PassPlan"]


@dataclass(frozen=True)
class PassPlan:
    """Passes in their order, what is expected of them, and for what they run.

    Attributes:
        passes: the passes.
        expect: by name of a pass, how many matches a graph must have.
        strict: whether another number is an error.
        compile_range: the batch sizes of the graphs; None if they are not known.
        dump_directory: where graphs are written; it changes no result, so it is not compared.

    Raises:
        ArgumentError: a hook is not one of Inductor's, or an expectation is not well formed.
    """

    passes: tuple[InductorPass, ...]
    expect: Mapping[str, int | range] = field(hash=False, default_factory=dict)
    strict: bool = False
    compile_range: CompileRange | None = None
    dump_directory: Path | None = field(compare=False, default=None)

    def __post_init__(self) -> None:
        check_expectations(self.expect, {each.name for each in self.passes})
        for each in self.passes:
            if each.hook not in OPTION_OF_HOOK:
                raise ArgumentError(
                    f"pass {each.name}: its hook is {each.hook!r}, must be one of "
                    f"{', '.join(OPTION_OF_HOOK)}"
                )

    def at(self, hook: str) -> tuple[InductorPass, ...]:
        """Return the passes of a hook, in their order."""
        return tuple(each for each in self.passes if each.hook == hook)

    def with_passes(self, passes: tuple[InductorPass, ...]) -> PassPlan:
        """Return the plan with other passes; expectations of passes that are gone go."""
        names = {each.name for each in passes}
        expect = {name: count for name, count in self.expect.items() if name in names}
        return dataclasses.replace(self, passes=passes, expect=expect)

    def __getstate__(self) -> dict[str, Any]:
        """Return what pickle stores.

        Raises:
            PassError: a pass cannot be pickled.
        """
        for each in self.passes:
            try:
                pickle.dumps(each)
            except PassError:
                raise
            except Exception as error:
                raise PassError(
                    f"pass {each.name}: cannot be pickled, must be for a pipeline that is",
                    pass_name=each.name,
                    facts=[f"{type(error).__name__}: {error}"],
                    fix="leave what cannot be pickled out of `__getstate__`, and make it again in "
                    "`__setstate__`",
                ) from error
        return dict(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
