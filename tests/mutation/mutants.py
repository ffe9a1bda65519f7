"""Small faults, each put into the package by itself: the tests named beside it must see it.

Before a test is made cheaper, `python -m tests.mutation.run` says which faults it catches; none
that was caught may survive. A mutant whose text is no longer in the package fails a test, so the
tables do not rot.
"""

from __future__ import annotations

from tests.mutation.mutant import Mutant
from tests.mutation.mutants_of_calls import CALL_MUTANTS
from tests.mutation.mutants_of_gpus import GPU_MUTANTS
from tests.mutation.mutants_of_gradients import GRADIENT_MUTANTS
from tests.mutation.mutants_of_keys import KEY_MUTANTS
from tests.mutation.mutants_of_models import MODEL_MUTANTS
from tests.mutation.mutants_of_passes import PASS_MUTANTS
from tests.mutation.mutants_of_raising import RAISING_MUTANTS
from tests.mutation.mutants_of_targets import TARGET_MUTANTS
from tests.mutation.mutants_of_tuning import TUNING_MUTANTS

__all__ = ["MUTANTS"]

MUTANTS: tuple[Mutant, ...] = (
    *GRADIENT_MUTANTS,
    *CALL_MUTANTS,
    *KEY_MUTANTS,
    *TUNING_MUTANTS,
    *TARGET_MUTANTS,
    *PASS_MUTANTS,
    *RAISING_MUTANTS,
    *GPU_MUTANTS,
    *MODEL_MUTANTS,
)
