"""The part of an op for tests and benchmarks: a generator of arguments, and tolerances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ir_runtime.errors import RegistrationError
from ir_runtime.ir.tolerance import Tolerances

__all__ = ["OpChecks"]

InputGenerator = Callable[..., tuple[Any, ...]]


class OpChecks:
    """The part of an op that its tests use.

    Args:
        name: of the op.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._tolerances = Tolerances(name)
        self._input_generator: InputGenerator | None = None

    @property
    def has_input_generator(self) -> bool:
        """Whether `generate_inputs` works."""
        return self._input_generator is not None

    def register_input_generator(self, fn: InputGenerator) -> InputGenerator:
        """Register `fn(**kwargs)`, which makes arguments for tests and benchmarks; a decorator."""
        self._input_generator = fn
        return fn

    def generate_inputs(self, **kwargs: Any) -> tuple[Any, ...]:
        """Make the arguments of a call.

        Raises:
            RegistrationError: the op has no input generator.
        """
        if self._input_generator is None:
            raise RegistrationError(
                f"op {self.name}: No input generator registered, must have one to make inputs",
                fix=f"@ir.ops.{self.name}.register_input_generator",
            )
        return self._input_generator(**kwargs)

    def override_tolerance(self, dtype: torch.dtype, *, atol: float, rtol: float) -> None:
        """Set the tolerance for providers' results of a dtype."""
        self._tolerances.override(dtype, atol=atol, rtol=rtol)

    def get_tolerance(self, dtype: torch.dtype) -> dict[str, float]:
        """Return `atol` and `rtol` for providers' results of a dtype.

        Raises:
            OpDefinitionError: no tolerance is defined for this dtype.
        """
        return dict(self._tolerances.get(dtype))
