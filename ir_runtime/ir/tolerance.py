"""The tolerances within which providers must agree with native."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import OpDefinitionError

__all__ = ["DEFAULT_TOLERANCES", "Tolerances"]

DEFAULT_TOLERANCES: dict[torch.dtype, dict[str, float]] = {
    dtype: {"atol": row.atol, "rtol": row.rtol}
    for dtype, row in DTYPES.items()
    if dtype.is_floating_point and row.short in {"f64", "f32", "f16", "bf16", "f8e4m3fn", "f8e5m2"}
}
"""The tolerances of `torch.testing` for the common dtypes; a quantisation step for narrow ones."""

DEFAULT_TOLERANCES[torch.int8] = {"atol": 1.0, "rtol": 0.0}
DEFAULT_TOLERANCES[torch.float4_e2m1fn_x2] = {"atol": 3e-1, "rtol": 3e-1}


class Tolerances:
    """The tolerances of one op, by dtype.

    Args:
        op: its name, for messages.
    """

    def __init__(self, op: str) -> None:
        self._op = op
        self._own: dict[torch.dtype, dict[str, float]] = {}

    def override(self, dtype: torch.dtype, *, atol: float, rtol: float) -> None:
        """Set the tolerance for results of a dtype."""
        self._own[dtype] = {"atol": atol, "rtol": rtol}

    def get(self, dtype: torch.dtype) -> Mapping[str, float]:
        """Return `atol` and `rtol`.

        Raises:
            OpDefinitionError: no tolerance is defined for this dtype.
        """
        found = self._own.get(dtype) or DEFAULT_TOLERANCES.get(dtype)
        if found is None:
            raise OpDefinitionError(
                f"op {self._op}: No tolerance defined for {dtype}",
                fix=f"op.override_tolerance({dtype}, atol=..., rtol=...)",
            )
        return dict(found)
