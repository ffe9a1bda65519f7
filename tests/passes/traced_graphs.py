"""Graphs as passes after autograd meet them, made without a compile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

aten = torch.ops.aten


def traced(function: Callable[..., Any], *args: Any, symbolic: bool = False) -> fx.GraphModule:
    """Return the ATen graph of a function; views are reshapes, as Inductor makes them."""
    module = make_fx(function, tracing_mode="symbolic" if symbolic else "fake")(*args)
    for node in module.graph.find_nodes(op="call_function", target=aten.view.default):
        node.target = aten.reshape.default
    module.recompile()
    return module


def ran(module: fx.GraphModule, args: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Run a graph on copies; returns the results and what became of the arguments."""
    module.graph.lint()
    module.recompile()
    given = [arg.clone() for arg in args]
    found = module(*given)
    results = list(found) if isinstance(found, list | tuple) else [found]
    return results, given


def shared(results: Sequence[Tensor], args: Sequence[Tensor]) -> set[tuple[int, int]]:
    """Return the pairs among results and arguments that have one storage."""
    both = [*results, *args]
    return {
        (i, j)
        for i, a in enumerate(both)
        for j, b in enumerate(both[:i])
        if a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
    }


def assert_same_effect(
    before: fx.GraphModule, after: fx.GraphModule, args: Sequence[Tensor]
) -> None:
    """Compare results, changed arguments, and which of them share memory, bit by bit."""
    wanted, found = ran(before, args), ran(after, args)
    for mine, theirs in zip(found[0] + found[1], wanted[0] + wanted[1], strict=True):
        assert mine.dtype == theirs.dtype
        assert torch.equal(mine, theirs)
    assert shared(*found) <= shared(*wanted)


def targets(module: fx.GraphModule) -> list[str]:
    """Return the names of the functions that a graph calls."""
    return [str(node.target) for node in module.graph.nodes if node.op == "call_function"]
