"""Rewrites of operators that the compiler does not compute as torch does, and their refusal.

An exported program is traced a second time with the table `decompositions()`; its operators are
then those that the compiler computes correctly. `refuse_operators` refuses the others by name. Each
file has one group of operators; the battery in `tests/aot/operators` tests all of them.
"""

from ir_runtime.op_reg.trace.legal import (
    float8,
    function,
    index,
    integer,
    normalization,
    number,
    order,
    power,
    shape,
    summation,
    trigonometry,
)
from ir_runtime.op_reg.trace.legal.refusal import (
    blame,
    called_operators,
    operator_name,
    place_of,
    places_of,
    refuse_import,
    refuse_operators,
    refuse_unknown_operators,
    user_operator,
)
from ir_runtime.op_reg.trace.legal.table import (
    decompositions,
    rewrite,
    rewrites_for,
    rewritten_operators,
)

__all__ = [
    "blame",
    "called_operators",
    "decompositions",
    "operator_name",
    "place_of",
    "places_of",
    "refuse_import",
    "refuse_operators",
    "refuse_unknown_operators",
    "rewrite",
    "rewrites_for",
    "rewritten_operators",
    "user_operator",
]

del (
    float8,
    function,
    index,
    integer,
    normalization,
    number,
    order,
    power,
    shape,
    summation,
    trigonometry,
)  # imported only because they register rewrites
