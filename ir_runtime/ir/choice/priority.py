"""A priority: a list of providers; the first provider that takes a call computes it.

A list belongs to a context (`contextvars`): other threads and asyncio tasks do not see it. The
default belongs to the process. A new thread begins with an empty context, so the threads of the
autograd engine or of an executor see the default. A backward on CPU tensors runs on the calling
thread and sees its list. Forked workers of a `DataLoader`, as on Linux, have a copy of the context
that starts them. Other workers have only the defaults set by modules that they import.

A compiler that traces through an op (the torch wrap is off) sees the list of its thread. If several
tasks take turns on that thread, it is the list of the `with` block entered or left last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import torch

from ir_runtime.errors import NotTakenError, OpConflictError, PriorityError
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.ir.choice.choice_source import CompiledChoices
from ir_runtime.ir.choice.plain_call import ListedCalls, PlainCalls, make_choice, never
from ir_runtime.ir.choice.strict import is_strict
from ir_runtime.ir.implementation import IrOpImpl, supported_providers
from ir_runtime.ir.iree import IreeImpl
from ir_runtime.ir.log import log_skipped, logger, warn_once
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.shadow import run_watched, watch
from ir_runtime.ir.tuning.first_call import first_calls
from ir_runtime.ir.tuning.recorder import recorder
from ir_runtime.ir.tuning.tables import Found, tables
from ir_runtime.late_import import late_module
from ir_runtime.settings import Settings, on_change

if TYPE_CHECKING:
    from ir_runtime.ir.choice import explain as explaining
    from ir_runtime.ir.choice.explain import Decision
else:
    explaining = late_module("ir_runtime.ir.choice.explain")

__all__ = [
    "AUTO",
    "BatchSizes",
    "Priority",
    "compile_again",
    "make_priority",
    "with_range",
]

BatchSizes = tuple[int, int | None]
"""First and last size of dimension 0 of the first activation; None for no last one."""

AUTO = "auto"
"""The first word of a list that tuned tables may put in another order."""

_guard = fork_safe_lock()
_alive: WeakSet[Priority] = WeakSet()


class Priority:
    """A list of providers in order, and the function that computes a call by them.

    Args:
        op: the op.
        choices: generates the functions that try providers in turn, for all priorities of the op.
        impls: the supported providers in order, up to the first that takes all arguments.
        added_native: whether native was added to the end of the list.
        ranges: other priorities for some batch sizes, the latest first.
        source: `context` or `default`: where it was set.
        candidates: the providers that a tuned table may put in another order; empty if a user set
            the order.

    Attributes:
        run: computes a call by the first provider that takes it, given all arguments by position.
        ask: the same by asking each provider, for plain calls.
        plain: computes plain calls, of callers that know nothing of a call; see `PlainCalls`.
        keyed: the same, of callers that know its key set.
        below: the same, of callers below autograd.
        unobserved: the same, of callers who would call torch's dispatcher.
        donated: the same with donated arguments, if nothing writes or normalises them.
    """

    def __init__(
        self,
        op: OpFacts[IrOpImpl],
        choices: CompiledChoices,
        impls: Sequence[IrOpImpl],
        *,
        added_native: bool = False,
        ranges: Sequence[tuple[BatchSizes, Priority]] = (),
        source: str = "default",
        candidates: Sequence[IrOpImpl] = (),
    ) -> None:
        self.op = op
        self.choices = choices
        self.impls = tuple(impls)
        self.added_native = added_native
        self.ranges = tuple(ranges)
        self.source = source
        self.candidates = tuple(candidates)
        self._ordered: dict[tuple[str, ...], Priority] = {}
        self.run: Callable[..., Any]
        self.ask: Callable[..., Any]
        with _guard:
            _alive.add(self)
        self.compile()

    def compile(self) -> None:
        """Make the functions again, with the current conditions of the providers."""
        asked = self.impls[:-1] if self.added_native else self.impls
        choice = None
        if watch.on:
            self.run = self.ask = self._run_watched
        elif recorder.on or self.ranges or not asked:  # each call decides, or is recorded
            self.run = self.ask = self.run_chosen
        elif self.candidates and tables.active:
            tuned = self.choices.tuned_calls(self.candidates, self)
            self.run = self.ask = tuned.run
            choice = tuned.choice
        elif asked[0].accepts is None:
            self.run, self.ask = asked[0].functional, asked[0].on_cpu
        else:
            self.run = self.choices.made_for(asked, on_cpu=False)(self.run_chosen)
            self.ask = self.choices.made_for(asked, on_cpu=True)(self.run_chosen)
            if ListedCalls.serve(asked):
                choice = ListedCalls(self.op, asked, self.ask).choice
        calls = PlainCalls.of(self.op, choice or make_choice(self.op, self.ask))
        self.plain, self.keyed, self.below, self.unobserved = calls
        changed = self.op.normalize is not None or any(impl.inplace for impl in self.impls)
        self.donated = never if changed else self.unobserved

    def run_chosen(self, *values: Any) -> Any:
        """Compute a call by asking each provider in turn: slower than `run`, with logs and errors.

        `run` falls back to it if no provider takes the call, or if skipped ones must be logged.
        """
        self.measure_first(values)
        return self.compute(values, lambda impl: impl.functional(*values))

    def measure_first(self, values: Sequence[Any]) -> None:
        """Measure a call that is about to run, where `IR_RUNTIME_TUNE` asks for that."""
        if tables.active and not torch.compiler.is_compiling():
            chosen = self.for_batch(values)
            if chosen.candidates:
                first_calls.measure(self.op, values, chosen)

    def compute(self, values: Sequence[Any], call: Callable[[IrOpImpl], Any]) -> Any:
        """Return the result of `call` for the first provider that does not decline it."""
        declined: list[IrOpImpl] = []
        while True:
            impl = self.choose(values, declined, exactly=False)
            try:
                return call(impl)
            except NotTakenError:
                if impl in declined or not impl.may_decline:
                    raise
                declined.append(impl)

    def _run_watched(self, *values: Any) -> Any:
        return run_watched(self.op, values, self.compute)

    @property
    def providers(self) -> list[str]:
        """The names of the providers."""
        return [impl.provider for impl in self.impls]

    def for_call(self, values: Sequence[Any]) -> Priority:
        """Return the list for the batch size of a call, in the order of a tuned table."""
        chosen = self.for_batch(values)
        if not chosen.candidates or torch.compiler.is_compiling():
            return chosen
        return chosen.in_order_of(tables.find(self.op, values))

    def in_order_of(self, found: Found) -> Priority:
        """Return these providers in the order in which they were measured; the others last."""
        if found.ranking is None or not self.candidates:
            return self
        order = found.ranking.providers
        ordered = self._ordered.get(order)
        if ordered is None:
            ranked = [i for name in order for i in self.candidates if i.provider == name]
            impls = _until_all_taken((*ranked, *(i for i in self.candidates if i not in ranked)))
            added = self.added_native and not impls[-1].supports_all_args
            if added:
                impls.append(self.op.impls["native"])
            ordered = Priority(self.op, self.choices, impls, added_native=added, source=self.source)
            self._ordered[order] = ordered
        return ordered

    def for_batch(self, values: Sequence[Any]) -> Priority:
        """Return the list for the batch size of a call."""
        if not self.ranges:
            return self
        size = self.op.batch_size(values)
        for (low, high), priority in self.ranges:
            if low <= size and (high is None or size <= high):
                return priority
        return self

    def explain(self, values: Sequence[Any]) -> Decision:
        """Explain which provider a call has, given all its arguments, without running it."""
        chosen = self.for_batch(values)
        sizes = next((sizes for sizes, inner in self.ranges if inner is chosen), None)
        found = tables.find(self.op, values)
        tuned, chosen = bool(chosen.candidates), chosen.in_order_of(found)
        return explaining.explain(
            self.op,
            values,
            chosen.impls,
            added_native=chosen.added_native,
            source=self.source if chosen.impls else "unset",
            batch_sizes=sizes,
            found=found,
            reordered=tuned,
        )

    def choose(
        self,
        values: Sequence[Any],
        declined: Collection[IrOpImpl] = (),
        *,
        exactly: bool = True,
        guarded: bool = False,
    ) -> IrOpImpl:
        """Return the provider of a call, given all its arguments.

        Args:
            values: the arguments.
            declined: providers that have declined the call.
            exactly: whether to test all conditions; else a chosen provider may still decline.
            guarded: whether a compiler may put guards on symbolic sizes.

        Raises:
            PriorityError: no priority is set in strict mode, or no provider takes the call.
        """
        if recorder.on and not torch.compiler.is_compiling():
            recorder.add(self.op, values)
        chosen = self.for_call(values)
        if not chosen.impls:
            return _unset(self.op)
        last = len(chosen.impls) - 1
        for i, impl in enumerate(chosen.impls):
            accepts = impl.accepts if exactly else impl.asked_first
            accepts = impl.accepts_guarded if guarded else accepts
            if impl not in declined and (accepts is None or accepts(*values)):
                if i == last and chosen.added_native and is_strict():
                    break
                return impl
            if not torch.compiler.is_compiling() and logger.isEnabledFor(10):
                log_skipped(impl, values)
        if not torch.compiler.is_compiling():
            self.op.check(values)  # for a call that the op does not define, this is the error
        what = (
            f"op {self.op.name}: no provider of its priority takes these arguments, "
            "the last must take all"
        )
        _stop_tracing(what)
        raise PriorityError(
            what,
            facts=[str(self.explain(values))],
            fix="add 'native' to the end of the priority",
        )


def _unset(op: OpFacts[IrOpImpl]) -> IrOpImpl:
    if is_strict():
        what = f"op {op.name}: has no priority, must have one in strict mode"
        _stop_tracing(what)
        raise PriorityError(
            what,
            fix=f"ir.ops.{op.name}.set_default([...]), of {', '.join(supported_providers(op))}",
        )
    if torch.compiler.is_compiling():
        return op.impls["native"]
    warn_once(
        f"unset {op.name}",
        f"Priority not set for op {op.name}: native computes its calls.",
    )
    return op.impls["native"]


def _stop_tracing(reason: str) -> None:
    """Break Dynamo's graph here: it cannot trace our exceptions, so an eager call raises them."""
    if torch.compiler.is_dynamo_compiling():
        torch._dynamo.graph_break(msg=reason)


def compile_again(op: OpFacts[IrOpImpl] | None = None) -> None:
    """Compile all priorities again, or those of one op, after conditions have changed."""
    with _guard:
        priorities = [p for p in _alive if op is None or p.op is op]
    for priority in priorities:
        priority.compile()


@on_change
def _follow(before: Settings, now: Settings) -> None:
    if before.check != now.check:
        compile_again()


@recorder.on_change
def _follow_recorder() -> None:
    compile_again()


@tables.on_change
def _follow_tables(op: str | None) -> None:
    """Choose again: drop what is remembered of calls, and bound launches of kernels with forms."""
    with _guard:
        priorities = [p for p in _alive if op is None or p.op.name == op]
    for known in {priority.op for priority in priorities}:
        kernel = known.impls.get("iree")  # an op that torch refused has none
        if isinstance(kernel, IreeImpl) and kernel.written_kernel is not None:
            kernel.written_kernel.calls.clear()
    for priority in priorities:
        priority.choices.forget_calls()
        priority.compile()


def _until_all_taken(impls: Sequence[IrOpImpl]) -> list[IrOpImpl]:
    """Return providers up to the first that takes all arguments."""
    kept: list[IrOpImpl] = []
    for impl in impls:
        kept.append(impl)
        if impl.supports_all_args:
            break
    return kept


def make_priority(
    op: OpFacts[IrOpImpl],
    choices: CompiledChoices,
    names: Sequence[str],
    *,
    source: str,
    auto: bool = False,
) -> Priority:
    """Return a priority of providers by name, without those that this machine does not support.

    Args:
        op: the op.
        choices: makes functions that try providers in turn.
        names: the providers in turn. After the word `auto` a tuned table may reorder them; `auto`
            alone stands for all providers of the op, native first until a table says otherwise.
        source: `context` or `default`.
        auto: whether a table may reorder them without that word.

    Raises:
        OpConflictError: no provider has one of the names.
    """
    if names and names[0] == AUTO:
        auto, names = True, names[1:] or ["native", *(n for n in op.impls if n != "native")]
    unknown = [name for name in names if name not in op.impls]
    if unknown:
        raise OpConflictError(
            f"op {op.name}: {unknown[0]!r} is none of its providers, must be one of "
            + ", ".join(op.impls)
        )
    supported = [op.impls[name] for name in names if op.impls[name].supported]
    impls = _until_all_taken(supported)
    candidates = supported if auto else ()
    if impls and impls[-1].supports_all_args:
        return Priority(op, choices, impls, source=source, candidates=candidates)
    warn_once(
        f"fallback {op.name}",
        f"op {op.name}: each provider of its priority refuses some arguments; such calls are a "
        f"fallback to native. If this is intended, set {[*names, 'native']}",
    )
    impls.append(op.impls["native"])
    return Priority(op, choices, impls, added_native=True, source=source, candidates=candidates)


def with_range(base: Priority, sizes: BatchSizes, inner: Priority) -> Priority:
    """Return a priority like `base`, but with another one for some batch sizes.

    Raises:
        OpConflictError: the sizes are no range, or the op has no activation.
    """
    low, high = sizes
    if low < 0 or (high is not None and high < low):
        raise OpConflictError(
            f"op {base.op.name}: batch sizes are {sizes}, must be (first, last), last None for "
            "no limit"
        )
    if not base.op.activation_indices:
        raise OpConflictError(
            f"op {base.op.name}: it has no activation, must have one to have a batch size"
        )
    return Priority(
        base.op,
        base.choices,
        base.impls,
        added_native=base.added_native,
        ranges=((sizes, inner), *base.ranges),
        source=inner.source,
        candidates=base.candidates,
    )
