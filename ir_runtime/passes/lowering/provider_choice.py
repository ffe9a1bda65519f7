"""The provider of a node: the one that an eager call would have, for all sizes of the graph."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from ir_runtime.frozen import frozen
from ir_runtime.ir.choice.priority import Priority
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.op import IrOp
from ir_runtime.ir.reads import Reads
from ir_runtime.ir.tuning.tables import tables
from ir_runtime.passes.compile_context import find_pass_context
from ir_runtime.passes.lowering.probe import Probe, is_symbolic

__all__ = ["ProviderChoice", "choose_provider"]


@frozen
class ProviderChoice:
    """What computes a node.

    Attributes:
        priority: the priority that was asked.
        impl: the provider; None if it depends on the sizes of a call.
        why: what the choice depends on; "" if there is one provider.
    """

    priority: Priority
    impl: IrOpImpl | None
    why: str = ""


def choose_provider(op: IrOp, values: Sequence[Any]) -> ProviderChoice:
    """Choose the provider of a node under the current priority.

    Args:
        op: the op.
        values: all arguments, normalised; fake tensors stand for tensors.

    Raises:
        PriorityError: as an eager call does.
    """
    priority = op.priority.current()
    if not is_symbolic(values):
        chosen = priority.for_batch(values)
        chosen = chosen.in_order_of(tables.find(op, values, traced=True))
        for impl in chosen.impls:
            if (impl.accepts is None or impl.accepts(*values)) and not _is_added(chosen, impl):
                return ProviderChoice(priority, impl)
        return ProviderChoice(priority, chosen.choose(values))
    context = find_pass_context()
    sizes = None if context is None else context.compile_range
    limits = (0, None) if sizes is None else (sizes.start, sizes.end)
    batch = op.batch_size(values) if op.activation_indices else None
    probe = Probe(values, batch=batch, sizes=limits)
    chosen = _for_all_sizes(op, priority, probe)
    if chosen is None:
        return ProviderChoice(priority, None, "the priority depends on the batch size")
    found = [_first(order, probe) for order in _orders(op, chosen, values)]
    if len({impl for impl, _ in found}) > 1:
        return ProviderChoice(priority, None, "tuned tables rank providers by size")
    impl, why = found[0]
    if impl is None and not why:
        return ProviderChoice(priority, chosen.choose(values))
    return ProviderChoice(priority, impl, why)


def _is_added(priority: Priority, impl: IrOpImpl) -> bool:
    """Tell whether a provider is native at the end, where nobody listed it."""
    return priority.added_native and impl is priority.impls[-1]


def _for_all_sizes(op: IrOp, priority: Priority, probe: Probe) -> Priority | None:
    """Return the priority of all batch sizes; None if there is no such one."""
    for (low, high), inner in priority.ranges:

        def is_inside(*values: Any, low: int = low, high: int | None = high) -> bool:
            size = op.batch_size(values)
            return bool(low <= size) and (high is None or bool(size <= high))

        inside = probe.ask(is_inside)
        if inside is None:
            return None
        if inside:
            return inner
    return priority


def _orders(op: IrOp, priority: Priority, values: Sequence[Any]) -> list[Priority]:
    """Return the list and all orders of it that tuned tables have for some class of calls."""
    if not priority.candidates:
        return [priority]
    return [priority, *(priority.in_order_of(found) for found in tables.rankings(op, values))]


def _first(priority: Priority, probe: Probe) -> tuple[IrOpImpl | None, str]:
    """Return the first provider that takes calls of all sizes, or what that depends on."""
    for impl in priority.impls:
        taken = _takes(impl, probe)
        if taken is None:
            return None, f"whether {impl.provider} takes a call depends on its sizes"
        if taken and not _is_added(priority, impl):
            return impl, ""
    return None, ""


def _takes(impl: IrOpImpl, probe: Probe) -> bool | None:
    """Tell whether a provider takes calls of all sizes or of none; None if it takes some."""
    accepts = impl.accepts_guarded
    if accepts is None:
        return True
    taken = probe.ask(accepts)
    if taken is not False or _refuses_kind(impl, probe):
        return taken
    # A condition on known sizes refuses symbols. Calls have numbers.
    sampled = (accepts(*sample) for sample in probe.samples())
    return None if any(sampled) else False


def _refuses_kind(impl: IrOpImpl, probe: Probe) -> bool:
    """Tell whether a condition on dtypes and ranks refuses the call, whatever its sizes are."""
    call = dict(zip(impl.op.arg_names, probe.values, strict=True))
    kinds = itertools.filterfalse(lambda c: c.reads is not Reads.KIND, impl.constraints)
    return any(constraint.refusal_in(call) is not None for constraint in kinds)
