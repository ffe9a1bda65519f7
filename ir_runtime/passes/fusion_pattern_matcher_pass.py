"""The base of passes that replace patterns written as torch functions."""

from __future__ import annotations

import inspect
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import torch
from torch import fx
from torch._inductor import pattern_matcher as matcher
from torch._inductor.pattern_matcher import PatternMatcherPass

from ir_runtime.passes.active_run import current_run
from ir_runtime.passes.errors import PassError
from ir_runtime.passes.fake_mode import enable_fake_mode
from ir_runtime.passes.graph.fx_query import is_func
from ir_runtime.passes.graph.view_form import fill_in_sizes
from ir_runtime.passes.near_miss import near_misses
from ir_runtime.passes.pattern_matcher_pass import RuntimePatternMatcherPass
from ir_runtime.passes.pattern_replacement import RuntimePatternReplacement, example_device
from ir_runtime.passes.runtime_inductor_pass import RuntimeInductorPass
from ir_runtime.trace_lock import trace_alone

__all__ = ["RuntimeFusionPatternMatcherPass"]

aten = torch.ops.aten
_log = logging.getLogger("ir_runtime.passes")


class RuntimeFusionPatternMatcherPass(RuntimePatternMatcherPass):
    """A pass that replaces the patterns that its `__init__` registers.

    Args:
        config: an object as `RuntimeConfig`.
        pass_name: in logs, dumps and records.

    Attributes:
        pm_pass: torch's matcher with the patterns; a copy of the pass made by pickle makes its own.
    """

    derived: ClassVar[frozenset[str]] = RuntimePatternMatcherPass.derived | {
        *("pm_pass", "_checks", "_seen"),
    }

    def __init__(self, config: Any, pass_name: str) -> None:
        super().__init__(config)
        self.pass_name = pass_name
        self.pm_pass = PatternMatcherPass(pass_name=pass_name)
        self._pattern_replacements: list[RuntimePatternReplacement[..., Any]] = []
        self._checks: dict[str, _Check] = {}
        self._seen: dict[Any, defaultdict[str, list[str | None]]] = {}

    def register(self, pr: RuntimePatternReplacement[..., Any]) -> None:
        """Add a pattern and its replacement; both are traced now, on fake tensors.

        A pattern may be registered for several dtypes and ranks, each with its replacement.

        Raises:
            PassError: one of them cannot be traced, or an earlier pattern is the same.
        """
        try:
            with trace_alone():
                self._register(pr)
        except Exception as error:
            raise PassError(
                f"pass {self.pass_name}: the pattern {type(pr).__name__} cannot be registered",
                pass_name=self.pass_name,
                facts=[f"{type(error).__name__}: {error}"],
                fix="trace `pattern` and `replacement` by `torch.fx.experimental.proxy_tensor."
                "make_fx` on `get_inputs()` to see what torch makes of them",
            ) from error
        self._pattern_replacements.append(pr)

    @enable_fake_mode
    def _register(self, pr: RuntimePatternReplacement[..., Any]) -> None:
        with example_device(self.device):
            examples = pr.get_inputs()
        name = f"{type(pr).__name__}.{len(self._checks)}"
        check = _Check(pr, examples)
        # torch compares the operators of patterns, not what their inputs are
        self.pm_pass.seen_patterns = self._seen.setdefault(check.kind, defaultdict(list))
        matcher.register_replacement(
            pr.pattern,
            pr.replacement,
            examples,
            self._trace,
            self.pm_pass,  # pyright: ignore[reportArgumentType]
            extra_check=check,
            pattern_name=name,
        )
        self._checks[name] = check

    def _trace(self, fn: Callable[..., Any], args: Any, **options: Any) -> fx.GraphModule:
        """Trace as `_trace_fn`; any failure is one that torch's matcher takes for no match."""
        trace = matcher.fwd_only if self.hook.startswith("joint") else self._trace_fn
        try:
            module = trace(fn, args, **options)
            if fill_in_sizes(module.graph):
                module.recompile()
            return module
        except RuntimeError:
            raise
        except Exception as error:
            raise RuntimeError(f"{type(error).__name__}: {error}") from error

    @staticmethod
    def _trace_fn(*args: Any, **kwargs: Any) -> fx.GraphModule:
        """Trace a pattern into the form that graphs after autograd have.

        There each view is a reshape, a reshape reads no other one, and no permutation leaves all
        dimensions where they are.
        """
        module = matcher.fwd_only(*args, **kwargs)
        for node in list(module.graph.nodes):
            if is_func(node, aten.view.default):
                node.target = aten.reshape.default
            if is_func(node, aten.reshape.default):
                _read_first(node)
            elif _permutes_nothing(node):
                node.replace_all_uses_with(node.args[0])
                module.graph.erase_node(node)
        module.graph.eliminate_dead_code()
        module.recompile()
        return module

    @RuntimeInductorPass.time_and_log
    def __call__(self, graph: fx.Graph) -> None:
        if not self.pm_pass.patterns:
            _log.warning("pass %s: it has no patterns, so it changes no graph", self.pass_name)
        fill_in_sizes(graph)  # as in the traced patterns
        with trace_alone():  # a pattern is traced again for the tensors that it meets
            self.matched_count = self.pm_pass.apply(graph)
        run = current_run()
        if run is not None and run.passing is not None:
            run.passing.near_misses += near_misses(self.pm_pass, graph, self._differences)

    def _differences(self, name: str, match: Any) -> list[str]:
        check = self._checks.get(name)
        return [] if check is None else list(check.differences(match))

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.pm_pass = PatternMatcherPass(pass_name=self.pass_name)
        self._checks, self._seen = {}, {}
        registered, self._pattern_replacements = self._pattern_replacements, []
        for pr in registered:
            self.register(pr)


class _Check:
    """Decides whether a place that fits is replaced: rank and dtype of inputs, then the user."""

    def __init__(self, pr: RuntimePatternReplacement[..., Any], examples: Sequence[Any]) -> None:
        self._pr = pr
        names = inspect.signature(pr.pattern).parameters
        self._examples = {
            name: (example.ndim, example.dtype)
            for name, example in zip(names, examples, strict=False)
            if isinstance(example, torch.Tensor)
        }

    @property
    def kind(self) -> tuple[Any, ...]:
        """What the check compares of the inputs; two patterns of other kinds exclude each other."""
        ranks, dtypes = self._pr.same_rank, self._pr.same_dtype
        return tuple(
            (name, ndim if ranks else None, dtype if dtypes else None)
            for name, (ndim, dtype) in self._examples.items()
        )

    def __call__(self, match: Any) -> bool:
        return not any(self.differences(match)) and bool(self._pr.extra_check(match))

    def differences(self, match: Any) -> Iterator[str]:
        for name, (ndim, dtype) in self._examples.items():
            node = match.kwargs.get(name)
            value = node.meta.get("val") if isinstance(node, fx.Node) else None
            if not isinstance(value, torch.Tensor):
                continue
            if self._pr.same_rank and value.ndim != ndim:
                yield f"`{name}` has {value.ndim} dimensions, the pattern {ndim}"
            if self._pr.same_dtype and value.dtype != dtype:
                yield f"`{name}` is {value.dtype}, in the pattern {dtype}"


def _read_first(node: fx.Node) -> None:
    """Let a reshape of reshapes read what the first one reads."""
    inner: Any = node.args[0]
    while isinstance(inner, fx.Node) and is_func(inner, aten.reshape.default):
        inner = inner.args[0]
    node.update_arg(0, inner)


def _permutes_nothing(node: fx.Node) -> bool:
    if not is_func(node, aten.permute.default):
        return False
    dims: Any = node.args[1]
    return [dim % len(dims) for dim in dims] == list(range(len(dims)))
