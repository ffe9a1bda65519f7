"""The battery of operators: cases, inputs, and how they are compared."""

from tests.aot.operators import elementwise, products, reductions, shapes
from tests.aot.operators.cases import CASES, Case
from tests.aot.operators.check import is_settled, samples_of, verdicts

__all__ = [
    "CASES",
    "Case",
    "elementwise",
    "is_settled",
    "products",
    "reductions",
    "samples_of",
    "shapes",
    "verdicts",
]
