"""Faults in measured choice."""

from __future__ import annotations

from tests.mutation.mutant import Mutant, mutants_in

__all__ = ["TUNING_MUTANTS"]

TUNING_MUTANTS: tuple[Mutant, ...] = (
    *mutants_in(
        "ir_runtime/ir/tuning/ranking.py",
        ("ir/tuning/test_ranking.py", "ir/tuning/test_tune.py"),
        (
            "tuning: no margin",
            "mine < other * (1 - MARGIN)",
            "mine < other",
        ),
        (
            "tuning: no round may be lost",
            "len(rounds) - len(rounds) // _LOST_ROUNDS",
            "len(rounds)",
        ),
    ),
    *mutants_in(
        "ir_runtime/ir/tuning/tables.py",
        ("ir/tuning/test_tables.py",),
        (
            "tuning: files are never read again",
            "changed = changed or any(signature_of(p) != s for p, s in read.signatures.items())",
            "changed = bool(changed)",
        ),
        (
            "tuning: a table of another machine is used",
            "    if not differences:\n        return None\n",
            "    if True:\n        return None\n",
        ),
    ),
    *mutants_in(
        "ir_runtime/ir/tuning/first_call.py",
        ("ir/tuning/test_first_call.py",),
        (
            "tuning: measured in dispatch modes",
            "torch._C._len_torch_dispatch_stack() or ",
            "",
        ),
    ),
    *mutants_in(
        "ir_runtime/ir/tuning/measure.py",
        ("ir/tuning/test_first_call.py",),
        (
            "tuning: no copies for providers that write",
            "_copied(op, values) if op.allow_inplace else tuple(values)",
            "tuple(values)",
        ),
    ),
    *mutants_in(
        "ir_runtime/ir/choice/tuned_calls.py",
        ("ir/tuning/test_tune.py",),
        (
            "tuning: the number of threads is forgotten",
            "choice.threads = threads",
            "pass",
        ),
    ),
    *mutants_in(
        "ir_runtime/ir/choice/tuned_calls.py",
        ("ir/test_remembered.py",),
        (
            "remembered choices: conditions that read values are not asked again",
            "is Reads.MORE",
            "is None",
        ),
    ),
    *mutants_in(
        "ir_runtime/ir/choice/plain_call.py",
        ("ir/test_remembered.py",),
        (
            "remembered choices: conditions on values are asked once for dtypes",
            "impl.reads is Reads.KIND and ",
            "",
        ),
        (
            "remembered choices: skipped providers are not logged",
            "skips=i > 0",
            "skips=False",
        ),
    ),
)
