"""Conditions on rows, a float weight and its bias, which the products share."""

from __future__ import annotations

from torch import Tensor

from ir_runtime import ir

__all__ = ["bias_fits", "weight_fits"]


def weight_fits(*, gated: bool = False) -> list[ir.Constraint]:
    """Return the conditions that `weight` is a matrix, whose rows are as long as those of `x`.

    Args:
        gated: whether its rows are those of a gate and of its factor.
    """

    def has_rank(weight: Tensor) -> bool:
        return weight.ndim == 2 and not (gated and weight.shape[0] % 2)

    return [
        ir.fits(
            "weight",
            "of rank 2, with an even number of rows" if gated else "of rank 2",
            has_rank,
            expected=lambda _: "have 2 dimensions" + (", the first one even" if gated else ""),
        ),
        ir.fits(
            "x",
            "of the last size of `weight`",
            # A weight of another rank is refused by the condition before.
            lambda x, weight: weight.ndim != 2 or not ir.differ(x.shape[-1], weight.shape[1]),
            beside=("weight",),
            expected=lambda _, weight: f"have a last dimension of {weight.shape[1]} as `weight`",
        ),
    ]


def bias_fits() -> ir.Constraint:
    """Return the condition that `bias` has one element a row of `weight`."""
    return ir.fits(
        "bias",
        "one element a row of `weight`",
        lambda bias, weight: bias.ndim == 1 and not ir.differ(bias.shape[0], weight.shape[0]),
        beside=("weight",),
        expected=lambda _, weight: f"have {weight.shape[0]} elements, one a row of `weight`",
    )
