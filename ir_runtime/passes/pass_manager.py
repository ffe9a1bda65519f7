"""Lists of passes made from a configuration, as one pass for Inductor.

A `Pipeline` does more; these classes are for code that configures passes by fields.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Self

from torch import fx

from ir_runtime.errors import ArgumentError
from ir_runtime.passes.active_run import Run, current_run, graph_numbers, run_graph
from ir_runtime.passes.compile_context import find_pass_context, graph_context
from ir_runtime.passes.default_list import TAIL
from ir_runtime.passes.hooks import is_backward
from ir_runtime.passes.inductor_pass import InductorPass
from ir_runtime.passes.named_pass import pass_class, pass_of
from ir_runtime.passes.pass_runner import run_passes
from ir_runtime.passes.pattern_matcher_pass import RuntimePatternMatcherPass
from ir_runtime.passes.record.pipeline_record import GraphRecord, PipelineRecord
from ir_runtime.passes.runtime_inductor_pass import RuntimeInductorPass

__all__ = ["PassManager", "PostGradPassManager", "default_pass_pipeline"]


def default_pass_pipeline(config: Any) -> list[str]:
    """Return the names of the passes that a configuration's `pass_config` turns on, in their order.

    Args:
        config: an object as `RuntimeConfig`.
    """
    options = config.compilation_config
    decided = options.pass_config.at_level(getattr(options, "level", 3))
    wanted = (
        (decided.eliminate_noops, "NoOpElimination"),
        (decided.fuse_norm_quant, "AddNormCanonicalization"),
        (decided.fuse_norm_quant, "NormQuantFusion"),
        (decided.fuse_act_quant, "ActivationQuantFusion"),
        (decided.enable_qk_norm_rope_fusion, "SplitCoalescing"),
        (decided.enable_qk_norm_rope_fusion, "ScatterSplitReplacement"),
        (decided.enable_qk_norm_rope_fusion, "QkNormRopeFusion"),
    )
    return [name for on, name in wanted if on]


class PassManager(InductorPass):
    """A list of passes that runs as one pass: `options={"post_grad_custom_post_pass": manager}`.

    Attributes:
        passes: the passes, in the order in which they were added.
        pass_config: the configuration they were made from; None before `configure`.
        record: what they found.
    """

    tail: Sequence[str] = ()
    """Names of passes that run after the added ones."""

    def __init__(self) -> None:
        self.passes: list[InductorPass] = []
        self.pass_config: Any = None
        self.record = PipelineRecord()
        self._tail: list[InductorPass] = []

    @classmethod
    def from_config(cls, config: Any) -> Self:
        """Return a manager with the passes of a configuration.

        Raises:
            ArgumentError: an item of `pass_pipeline` is neither a class nor a text, or a name is
                not known.
            PassClassError: a name stands for something that is no pass.
        """
        made = cls()
        made.configure(config)
        return made

    def configure(self, config: Any) -> None:
        """Replace the passes by those of a configuration.

        Args:
            config: an object as `RuntimeConfig`. Its `pass_pipeline` names them, else its
                `pass_config` does.

        Raises:
            ArgumentError: as for `from_config`.
            PassClassError: as for `from_config`.
        """
        options = config.compilation_config
        named = getattr(options, "pass_pipeline", None)
        if named is None:
            named = default_pass_pipeline(config)
        for item in named:
            if not isinstance(item, str | type):
                raise ArgumentError(
                    f"pass_pipeline: {item!r} is neither a class nor a text, must be a class of "
                    'passes or "module.Qualname" of one',
                    fix="give objects to a Pipeline, or to `add`",
                )

        def make(cls: type[InductorPass]) -> InductorPass:
            return _make(cls, config)

        self.pass_config = options.pass_config
        self.passes = [pass_of(item, make) for item in named]
        self._tail = [pass_of(pass_class(name), make) for name in self.tail]

    def add(self, pass_: InductorPass) -> None:
        """Add a pass at the end.

        Raises:
            AssertionError: it is no InductorPass.
        """
        assert isinstance(pass_, InductorPass), f"{pass_!r} is no InductorPass"
        self.passes.append(pass_)

    def all_passes(self) -> list[InductorPass]:
        """Return the added passes, and those that follow them."""
        return [*self.passes, *self._tail]

    def describe_pipeline(self) -> list[str]:
        """Return the passes in their order, one text each."""
        return [
            each.name if repr(each).startswith("<") else repr(each) for each in self.all_passes()
        ]

    def __call__(self, graph: fx.Graph) -> None:
        outer = current_run()
        with graph_context(None) as context:
            if outer is not None:
                run_passes(self.all_passes(), graph, outer, context)
                return
            found = GraphRecord(
                self.hook, next(graph_numbers), backward=is_backward(graph, self.hook)
            )
            started, before = time.perf_counter(), len(graph.nodes)
            with run_graph(Run(found), self.record) as run:
                run_passes(self.all_passes(), graph, run, context)
            found.nodes = before, len(graph.nodes)
            found.milliseconds = 1e3 * (time.perf_counter() - started)
            RuntimePatternMatcherPass.log_match_summary()

    def uuid(self) -> Any | None:
        """Return the key of the configuration, the batch sizes and all passes."""
        context = find_pass_context()
        uuids = [each.uuid() for each in self.all_passes()]
        if None in uuids:
            return None
        config = self.pass_config
        parts = {
            "pass_config": None if config is None else config.compute_hash(),
            "compile_range": str(None if context is None else context.compile_range),
            "passes": [repr(uuid) for uuid in uuids],
        }
        return self.hash_dict(parts)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "record"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.record = PipelineRecord()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the manager itself, so that the record of a compile is found in it."""
        return self


class PostGradPassManager(PassManager):
    """The passes after autograd: those of a configuration, then cleanup, lowering and in-place."""

    tail = TAIL


def _make(cls: type[InductorPass], config: Any) -> InductorPass:
    return cls(config) if issubclass(cls, RuntimeInductorPass) else cls()
