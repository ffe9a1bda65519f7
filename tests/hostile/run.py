"""Make hostile calls, in a process for each batch: `python -m tests.hostile.run [--calls N]`."""

from __future__ import annotations

import argparse
import collections
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Outcome", "print_table", "run_calls"]

ROOT = Path(__file__).parents[2]
_BATCH = 250
_GOOD = ("right", "refused")


@dataclass(frozen=True)
class Outcome:
    """What became of a call.

    Attributes:
        subject: what was called.
        argument: which argument was strange.
        fault: how.
        verdict: `right`, `refused`, or what is wrong.
        details: the arguments, and what was said.
    """

    subject: str
    argument: str
    fault: str
    verdict: str
    details: str

    @property
    def good(self) -> bool:
        return self.verdict in _GOOD


def run_calls(count: int, seed: int) -> list[Outcome]:
    """Make calls, half of them illegal, a process a core; return what became of each."""
    cores = os.cpu_count() or 1
    batch = min(_BATCH, -(-count // cores))  # a small number is shared by all cores, too
    sizes = [min(batch, count - made) for made in range(0, count, batch)]
    seeds = range(seed * 1000, seed * 1000 + len(sizes))
    with ThreadPoolExecutor(cores) as pool:
        batches = list(pool.map(_run_batch, seeds, sizes))
    return [outcome for batch in batches for outcome in batch]


def _run_batch(seed: int, count: int) -> list[Outcome]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.batch", str(seed), str(count)],
        cwd=ROOT,
        env={**os.environ, "MALLOC_PERTURB_": "85", "MALLOC_CHECK_": "3"},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    calls = {line["call"]: line for line in lines if "fault" in line}
    ends = {line["call"]: line for line in lines if "verdict" in line}
    crash = f"the process ended with {done.returncode}: {done.stderr[-600:]}"
    if done.returncode and not calls:
        raise RuntimeError(crash)
    outcomes: list[Outcome] = []
    for number, call in calls.items():
        end = ends.get(number, {"verdict": "crash", "said": crash})
        details = f"seed {seed}, call {number}: {call['shown']}: {end['said']}"
        outcomes.append(
            Outcome(call["subject"], call["argument"], call["fault"], end["verdict"], details)
        )
    if done.returncode and all(outcome.verdict != "crash" for outcome in outcomes):
        outcomes.append(Outcome("the process", "", "", "crash", f"seed {seed}: {crash}"))
    return outcomes


def print_table(outcomes: Iterable[Outcome]) -> None:
    """Print for each subject, argument and fault how often it was right, refused or neither."""
    rows: dict[tuple[str, str, str], collections.Counter[str]] = {}
    for outcome in outcomes:
        key = (outcome.subject, outcome.argument, outcome.fault)
        rows.setdefault(key, collections.Counter())[outcome.verdict] += 1
    print("| op | argument | fault | right | refused | neither |\n|---|---|---|---|---|---|")
    for key, verdicts in sorted(rows.items()):
        bad = {verdict: n for verdict, n in verdicts.items() if verdict not in _GOOD}
        said = ", ".join(f"{n} {verdict}" for verdict, n in sorted(bad.items())) or "0"
        print(f"| {' | '.join(key)} | {verdicts['right']} | {verdicts['refused']} | {said} |")


def main() -> None:
    """Make calls, print the table and the bad ones; exits with 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    outcomes = run_calls(arguments.calls, arguments.seed)
    print_table(outcomes)
    bad = [outcome for outcome in outcomes if not outcome.good]
    for outcome in bad:
        print(f"{outcome.verdict}: {outcome.subject} `{outcome.argument}` {outcome.fault}")
        print(f"    {outcome.details}")
    verdicts = collections.Counter(outcome.verdict for outcome in outcomes)
    print(f"{len(outcomes)} calls: " + ", ".join(f"{n} {v}" for v, n in verdicts.most_common()))
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
