"""The base of passes that replace patterns by torch's pattern matcher, and count what they do."""

from __future__ import annotations

import copy
import logging
from collections import Counter
from typing import Any, ClassVar

from torch._inductor.pattern_matcher import PatternMatcherPass

from ir_runtime.passes.active_run import last_count, match_table, set_count
from ir_runtime.passes.errors import PassError
from ir_runtime.passes.pattern_dump import dump_patterns, with_op_names
from ir_runtime.passes.runtime_inductor_pass import RuntimeInductorPass, _ClassView

__all__ = ["RuntimePatternMatcherPass", "get_match_table"]

_log = logging.getLogger("ir_runtime.passes")


def get_match_table() -> dict[str, int]:
    """Return the matches by pass of the current run, else of the last one of this thread."""
    return dict(+match_table())


class _MatchedCount:
    """The matches of a pass: an attribute that is kept in the record of its run."""

    def __get__(self, instance: RuntimePatternMatcherPass | None, owner: type) -> int:
        del owner
        return 0 if instance is None else last_count(instance.pass_name)

    def __set__(self, instance: RuntimePatternMatcherPass, count: int) -> None:
        set_count(instance.pass_name, count)


class RuntimePatternMatcherPass(RuntimeInductorPass):
    """A pass that is made from a configuration and replaces patterns.

    Attributes:
        matched_count: the matches of the current run, else of the last one of this thread.
        match_table: matches by name of the pass, as `get_match_table`; a run may add to it.
    """

    matched_count: ClassVar[int] = _MatchedCount()  # pyright: ignore[reportAssignmentType]
    match_table: ClassVar[Counter[str]] = _ClassView(  # pyright: ignore[reportAssignmentType]
        match_table, "Matches by name of the pass."
    )

    @classmethod
    def log_match_summary(cls) -> None:
        """Log the matches by pass at level debug, if there are any."""
        found = get_match_table()
        if found:
            _log.debug("matches of passes: %s", found)

    def dump_patterns(self, config: Any, pm_pass: PatternMatcherPass) -> None:
        """Write the patterns as `patterns.<pass>.<i>.py`, if the configuration has a directory.

        Args:
            config: its `compile_debug_dump_path()` is the directory, None for nothing.
            pm_pass: the matcher.
        """
        directory = config.compile_debug_dump_path()
        if directory is not None:
            dump_patterns(pm_pass, self.pass_name, directory)

    def _replace_op_overloads(self, string: str) -> str:
        """Return a text in which ops are written as Python reads them: `torch.ops.<ns>.<op>`."""
        return with_op_names(string)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes without times; matchers do not pickle.

        Raises:
            PassError: there is a matcher, and nothing to make it from again.
        """
        state = {n: v for n, v in vars(self).items() if n not in self.derived}
        for name, value in state.items():
            if isinstance(value, PatternMatcherPass):
                raise PassError(
                    f"pass {self.pass_name}: its matcher `{name}` cannot be pickled",
                    pass_name=self.pass_name,
                    fix="derive it from RuntimeFusionPatternMatcherPass and register "
                    "RuntimePatternReplacement objects: then the matcher is made again",
                )
        return state

    def __copy__(self) -> RuntimePatternMatcherPass:
        made = object.__new__(type(self))
        vars(made).update(vars(self))
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> RuntimePatternMatcherPass:
        made = copy.copy(self)
        memo[id(self)] = made
        return made
