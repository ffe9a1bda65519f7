"""A pattern, and what replaces it: two torch functions and tensors to trace them with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, ParamSpec, TypeVar

import torch

__all__ = ["RuntimePatternReplacement", "example_device"]

P = ParamSpec("P")
R = TypeVar("R")

_device: ContextVar[str | None] = ContextVar("device of example tensors", default=None)


@contextmanager
def example_device(device: str | None) -> Generator[None]:
    """Set the device of the tensors that `RuntimePatternReplacement.empty` makes."""
    token = _device.set(device)
    try:
        yield
    finally:
        _device.reset(token)


class RuntimePatternReplacement(ABC, Generic[P, R]):
    """A part of a graph to search for, and the part that takes its place.

    Its attributes are parameters: they are in the uuid of the pass that registers it.
    """

    @property
    @abstractmethod
    def pattern(self) -> Callable[P, R]:
        """A function whose graph is searched for. Each parameter is an input of the pattern."""

    @property
    @abstractmethod
    def replacement(self) -> Callable[P, R]:
        """A function with the parameters and results of `pattern`, whose graph takes its place."""

    @abstractmethod
    def get_inputs(self) -> list[torch.Tensor]:
        """Return example tensors, one a parameter, with which both functions are traced."""

    def extra_check(self, match: Any) -> bool:
        """Tell whether a place that fits is to be replaced.

        torch's matcher asks for no rank or dtype of an input: a pattern of 2-D float32 tensors fits
        3-D bfloat16 ones. So by default each tensor must have the rank and dtype of its example.

        Args:
            match: torch's `Match`; `match.kwargs` are the inputs' nodes by parameter.
        """
        del match
        return True

    same_rank: bool = True
    """Whether the inputs of a match must have the ranks of the examples."""

    same_dtype: bool = True
    """Whether the inputs of a match must have the dtypes of the examples."""

    @staticmethod
    def empty(*args: Any, **kwargs: Any) -> torch.Tensor:
        """Return an uninitialised tensor on the device of the pass that registers the pattern."""
        return torch.empty(*args, **{"device": _device.get() or "cpu", **kwargs})

    @staticmethod
    def empty_bf16(*args: Any, **kwargs: Any) -> torch.Tensor:
        """Return an uninitialised bfloat16 tensor on the pass's device."""
        return RuntimePatternReplacement.empty(*args, dtype=torch.bfloat16, **kwargs)

    @staticmethod
    def empty_fp16(*args: Any, **kwargs: Any) -> torch.Tensor:
        """Return an uninitialised float16 tensor on the pass's device."""
        return RuntimePatternReplacement.empty(*args, dtype=torch.float16, **kwargs)

    @staticmethod
    def empty_fp32(*args: Any, **kwargs: Any) -> torch.Tensor:
        """Return an uninitialised float32 tensor on the pass's device."""
        return RuntimePatternReplacement.empty(*args, dtype=torch.float32, **kwargs)

    @staticmethod
    def empty_i32(*args: Any, **kwargs: Any) -> torch.Tensor:
        """Return an uninitialised int32 tensor on the pass's device."""
        return RuntimePatternReplacement.empty(*args, dtype=torch.int32, **kwargs)
