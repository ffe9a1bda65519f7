"""A rewritten plan computes what the plan computed, for steps that are drawn by chance."""

from __future__ import annotations

import random

import pytest

from ir_runtime.launch.direct.plan import Binding, Copy, Dispatch, Fill, Step
from ir_runtime.launch.direct.plan_rewrite import rewrite_steps
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError

OPERANDS, RESULTS, TRANSIENTS, CONSTANTS = range(2), range(2, 4), range(4, 7), range(7, 9)
SIZE = 8


def whole(slot: int) -> Binding:
    return Binding(slot, 0, SIZE)


def draw_step(rng: random.Random, written: set[int]) -> Step:
    """Draw a step that reads only what has contents; the last binding of a dispatch is written."""
    readable = sorted(written)
    target = rng.choice([*OPERANDS, *RESULTS, *TRANSIENTS])
    source = rng.choice(readable)
    kind = rng.choice(("copy", "fill", "dispatch", "dispatch"))
    written.add(target)
    if kind == "copy" and source != target:
        return Copy(whole(source), whole(target))
    if kind == "fill":
        return Fill(whole(target), bytes([rng.randrange(256)]))
    reads = tuple(whole(rng.choice(readable)) for _ in range(rng.randrange(1, 3)))
    return Dispatch(0, rng.randrange(1, 9), (1, 1, 1), (), (*reads, whole(target)))


def run(steps: list[Step]) -> list[int]:
    """Return the results, where a slot holds one number and memory without contents holds -1."""
    memory = [*(10 + slot for slot in OPERANDS), *[-1] * len(RESULTS), *[-1] * len(TRANSIENTS)]
    memory += [100 + slot for slot in CONSTANTS]
    for step in steps:
        if isinstance(step, Copy):
            memory[step.target.slot] = memory[step.source.slot]
        elif isinstance(step, Fill):
            memory[step.target.slot] = step.pattern[0]
        else:
            *reads, target = (binding.slot for binding in step.bindings)
            memory[target] = hash((step.function, *(memory[slot] for slot in reads)))
    return [memory[slot] for slot in RESULTS]


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
                steps, len(OPERANDS), [SIZE] * len(RESULTS), transients=len(TRANSIENTS), in_place={}
            )
        except UnreadableProgramError:
            continue
        assert run(kept) == run(steps), steps
        fewer += len(kept) < len(steps)
    assert fewer > 500
