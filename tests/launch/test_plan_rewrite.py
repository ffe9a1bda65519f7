"""A rewritten plan computes what the plan computed, for steps that are drawn by chance."""

from __future__ import annotations

import random

import pytest

from ir_runtime.launch.direct.plan import Binding, Copy, Dispatch, Fill, Step
from ir_runtime.launch.direct.plan_in_place import PlanMemory, place_in_operands
from ir_runtime.launch.direct.plan_rewrite import rewrite_steps
from ir_runtime.launch.host_program.dispatch_access import DispatchAccess
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError

OPERANDS, RESULTS, TRANSIENTS, CONSTANTS = range(2), range(2, 4), range(4, 7), range(7, 9)
SIZE = 8


def whole(slot: int) -> Binding:
    return Binding(slot, 0, SIZE)


def draw_step(
    rng: random.Random,
    written: set[int],
    targets: tuple[int, ...] = (*OPERANDS, *RESULTS, *TRANSIENTS),
) -> Step:
    """Draw a step that reads only what has contents; the last binding of a dispatch is written."""
    readable = sorted(written)
    target = rng.choice(targets)
    source = rng.choice(readable)
    kind = rng.choice(("copy", "fill", "dispatch", "dispatch"))
    written.add(target)
    if kind == "copy" and source != target:
        return Copy(whole(source), whole(target))
    if kind == "fill":
        return Fill(whole(target), bytes([rng.randrange(256)]))
    reads = tuple(whole(rng.choice(readable)) for _ in range(rng.randrange(1, 3)))
    return Dispatch(0, rng.randrange(1, 9), (1, 1, 1), (), (*reads, whole(target)))


def run(
    steps: list[Step], shared: dict[int, int] | None = None, transients: int = len(TRANSIENTS)
) -> list[int]:
    """Return the results, where a slot holds one number and memory without contents holds -1.

    A dispatch reads and writes in two halves, as workgroups do: where a result shares the memory of
    an operand, the second half reads what the first one wrote.
    """
    memory = [(10 + slot,) * 2 for slot in OPERANDS] + [(-1, -1)] * (len(RESULTS) + transients)
    memory += [(100 + slot,) * 2 for slot in CONSTANTS]

    def at(slot: int) -> int:
        return (shared or {}).get(slot, slot)

    for step in steps:
        if isinstance(step, Copy):
            memory[at(step.target.slot)] = memory[at(step.source.slot)]
        elif isinstance(step, Fill):
            memory[at(step.target.slot)] = (step.pattern[0],) * 2
        else:
            *reads, target = (at(binding.slot) for binding in step.bindings)
            for half in (0, 1):
                new = hash((step.function, *(memory[slot] for slot in reads)))
                memory[target] = (new, memory[target][1]) if half == 0 else (memory[target][0], new)
    return [memory[at(slot)][half] for slot in RESULTS for half in (0, 1)]


@pytest.mark.parametrize("seed", range(4))
def test_results_stay_the_same(seed: int) -> None:
    rng = random.Random(seed)
    fewer = 0
    for _ in range(2000):
        written = {*OPERANDS, *CONSTANTS}
        steps = [draw_step(rng, written) for _ in range(rng.randrange(1, 7))]
        steps += [
            Copy(whole(rng.choice(sorted(written - {result}))), whole(result))
            for result in RESULTS
            if result not in written or rng.random() < 0.5
        ]
        try:
            kept = rewrite_steps(
                steps, len(OPERANDS), [SIZE] * len(RESULTS), transients=len(TRANSIENTS)
            )
        except UnreadableProgramError:
            continue
        assert run(kept) == run(steps), steps
        fewer += len(kept) < len(steps)
    assert fewer > 500


@pytest.mark.parametrize("seed", range(4))
def test_results_in_operands_stay_the_same(seed: int) -> None:
    """Results share the memory of operands; with a report, nothing is changed before it is told."""
    rng = random.Random(seed)
    counts = {"staged": 0, "in place": 0, "checked": 0}
    targets = (*RESULTS, *TRANSIENTS)
    for _ in range(2000):
        written = {*OPERANDS, *CONSTANTS}
        steps = [draw_step(rng, written, targets) for _ in range(rng.randrange(1, 7))]
        steps += [
            Copy(whole(rng.choice(sorted(written - {result}))), whole(result))
            for result in RESULTS
            if result not in written or rng.random() < 0.5
        ]
        report = RESULTS[-1] if rng.random() < 0.5 else None
        tied = [result for result in RESULTS if result != report]
        shared = dict(zip(tied, rng.sample(list(OPERANDS), len(tied)), strict=True))
        memory = PlanMemory(len(OPERANDS), [SIZE] * 2, [SIZE] * len(TRANSIENTS), report)
        found = place_in_operands(steps, memory, shared, access)
        values = run(found.steps, shared, len(found.transient_sizes))
        assert values == run(steps), (steps, found)
        counts["staged"] += len(found.staged)
        counts["in place"] += len(shared) - len(found.staged)
        if report is not None:
            before, after = found.steps[: found.checked_at], found.steps[found.checked_at :]
            assert not [step for step in before if set(shared) & targets_of(step)]
            assert not [step for step in after if report in targets_of(step)]
            counts["checked"] += bool(after)
    assert min(counts.values()) > 100, counts


def access(step: Dispatch) -> DispatchAccess:
    """Some functions are known to write only their last binding."""
    last = len(step.bindings) - 1
    reads = {i for i, b in enumerate(step.bindings[:-1]) if b.slot != step.bindings[last].slot}
    return DispatchAccess(frozenset(reads) if step.function % 2 else frozenset())


def targets_of(step: Step) -> set[int]:
    return {step.bindings[-1].slot if isinstance(step, Dispatch) else step.target.slot}
