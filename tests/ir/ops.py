"""Small ops that the tests register; each into the library of its test."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir


def scaled(x: Tensor, factor: float = 2.0) -> Tensor:
    """Multiply each element by a factor.

    This line is no part of its description.
    """
    return x * factor


def add_twice(x: Tensor, x_residual: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Add, and double the sum; two activations, two results."""
    total = x + x_residual
    if bias is not None:
        total = total + bias
    return total * 2, total


def make_scaled(**options: Any) -> ir.IrOp:
    return ir.register_op(**options)(scaled)


def make_add_twice() -> ir.IrOpInplace:
    """Register `add_twice` with an in-place provider `writes` and one that is not, `fresh`."""
    op = ir.register_op(allow_inplace=True)(add_twice)

    @op.register_impl("writes", inplace=True)
    def writes(x: Tensor, x_residual: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x_residual.add_(x)
        if bias is not None:
            x_residual.add_(bias)
        x.copy_(x_residual).mul_(2)
        return x, x_residual

    @op.register_impl("fresh")
    def fresh(x: Tensor, x_residual: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return add_twice(x, x_residual, bias)

    return op


def register_recorded(
    op: ir.IrOp, provider: str, calls: list[str], function: Callable[..., Any] = scaled, **options
) -> ir.IrOpImpl:
    """Register a provider of `scaled` that notes its calls."""

    @op.register_impl(provider, **options)
    def recorded(x: Tensor, factor: float = 2.0) -> Tensor:
        calls.append(provider)
        return function(x, factor)

    return recorded


def is_even(x: Tensor, factor: float = 2.0) -> bool:
    return x.shape[-1] % 2 == 0


def wrapped(on: bool) -> AbstractContextManager[None]:
    return ir.enable_torch_wrap(on)


def nodes_of(graph: torch.fx.Graph, op: ir.IrOp) -> list[Any]:
    """Return what overloads of an op a graph calls."""
    overloads = [getattr(op.packet, name) for name in op.packet.overloads()]
    return [node.target for node in graph.nodes if node.target in overloads]


def captured(function: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, list[Any]]:
    """Compile with AOTAutograd; return the result and the targets of its forward graphs."""
    from torch._dynamo.backends.common import aot_autograd

    targets: list[Any] = []

    def compiler(module: torch.fx.GraphModule, _: Any) -> Any:
        targets.extend(n.target for n in module.graph.nodes if n.op == "call_function")
        return module

    compiled = torch.compile(
        function, backend=aot_autograd(fw_compiler=compiler), fullgraph=True, **options
    )
    return compiled(*args), targets
