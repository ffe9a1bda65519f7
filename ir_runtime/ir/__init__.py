"""IR ops: a torch function defines each op, and many providers can compute it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ir_runtime.ir import ops
from ir_runtime.ir.argument_constraint import broadcastable, differ, fits, number, one_of
from ir_runtime.ir.choice.strict import strict_priority
from ir_runtime.ir.config import IrOpPriorityConfig, registered_op
from ir_runtime.ir.constraint import (
    Constraint,
    Refusal,
    devices,
    divisible,
    dtypes,
    present,
    rank,
    static,
)
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.inplace import IrOpInplace, IrOpInplaceOverload
from ir_runtime.ir.iree import IreeImpl
from ir_runtime.ir.op import RESERVED_PROVIDERS, IrOp, ir_torch_lib
from ir_runtime.ir.platform import (
    Platform,
    current_platform,
    set_platform,
    set_platform_default,
)
from ir_runtime.ir.reads import Reads
from ir_runtime.ir.register import limit_kernel, promise_ops, register_kernel, register_op
from ir_runtime.ir.tolerance import DEFAULT_TOLERANCES
from ir_runtime.ir.tuning.ranking import Ranking
from ir_runtime.ir.wrap import enable_torch_wrap, set_default_torch_wrap
from ir_runtime.late_import import late_names

if TYPE_CHECKING:
    from ir_runtime.ir.choice.explain import Decision, Verdict
    from ir_runtime.ir.tuner import Measured, TuneReport, tune

__all__ = [
    "DEFAULT_TOLERANCES",
    "RESERVED_PROVIDERS",
    "Constraint",
    "Decision",
    "IrOp",
    "IrOpImpl",
    "IrOpInplace",
    "IrOpInplaceOverload",
    "IrOpPriorityConfig",
    "IreeImpl",
    "Measured",
    "Platform",
    "Ranking",
    "Reads",
    "Refusal",
    "TuneReport",
    "Verdict",
    "broadcastable",
    "current_platform",
    "devices",
    "differ",
    "divisible",
    "dtypes",
    "enable_torch_wrap",
    "fits",
    "ir_torch_lib",
    "limit_kernel",
    "number",
    "one_of",
    "ops",
    "present",
    "promise_ops",
    "rank",
    "register_kernel",
    "register_op",
    "registered_op",
    "set_default_torch_wrap",
    "set_platform",
    "set_platform_default",
    "static",
    "strict_priority",
    "tune",
]

__getattr__ = late_names(
    __name__,
    {
        "Decision": "choice.explain",
        "Measured": "tuner",
        "TuneReport": "tuner",
        "Verdict": "choice.explain",
        "tune": "tuner",
    },
)
