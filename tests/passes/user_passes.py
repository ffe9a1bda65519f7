"""Passes as a user writes them who knows the documentation of seed 001."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx

from ir_runtime.passes import (
    RuntimeConfig,
    RuntimeFusionPatternMatcherPass,
    RuntimeInductorPass,
    RuntimePatternReplacement,
)

SCALE = 1.0


class SquarePattern(RuntimePatternReplacement[[Tensor, Tensor], Tensor]):
    def __init__(self, factor: float, dtype: torch.dtype = torch.float32) -> None:
        self.factor = factor
        self.dtype = dtype

    @property
    def pattern(self) -> Callable[[Tensor, Tensor], Tensor]:
        def square(x: Tensor, y: Tensor) -> Tensor:
            return (x * x + y).reshape(-1, 4) * self.factor

        return square

    @property
    def replacement(self) -> Callable[[Tensor, Tensor], Tensor]:
        def square(x: Tensor, y: Tensor) -> Tensor:
            return torch.addcmul(y, x, x).reshape(-1, 4) * (self.factor * SCALE)

        return square

    def get_inputs(self) -> list[Tensor]:
        return [self.empty(2, 8, dtype=self.dtype), self.empty(2, 8, dtype=self.dtype)]


class SquareFusion(RuntimeFusionPatternMatcherPass):
    """Two patterns, registered as on the seed's page."""

    def __init__(self, config: Any = None, *, factors: tuple[float, ...] = (2.0, 3.0)) -> None:
        config = config or RuntimeConfig()
        super().__init__(config, "square_fusion")
        for factor in factors:
            self.register(SquarePattern(factor))
        self.dump_patterns(config, self.pm_pass)


class Negate(RuntimeInductorPass):
    """A pass of its own `__call__`, timed and dumped."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config or RuntimeConfig())

    @RuntimeInductorPass.time_and_log
    def __call__(self, graph: fx.Graph) -> None:
        for node in list(graph.find_nodes(op="call_function", target=torch.ops.aten.relu.default)):
            node.target = torch.ops.aten.neg.default


def squares(x: Tensor, y: Tensor) -> Tensor:
    """Return what holds each pattern of `SquareFusion` once."""
    a = (x * x + y).reshape(-1, 4) * 2.0
    b = (y * y + x).reshape(-1, 4) * 3.0
    return a + b
