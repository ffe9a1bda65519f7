"""Make programs mean on the compiler what they mean in torch, or refuse them by name.

`decompositions()` is the table that an exported program is traced again with, so that each
operator of it is one that the compiler does right; `refuse_operators` names those that stay and
are not.  One file for a group of operators; the battery in `tests/aot/operators` tries them all.
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
)  # imported for what they register
