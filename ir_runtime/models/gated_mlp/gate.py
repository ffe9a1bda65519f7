"""The structure of a gated MLP, read from its traced forward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, fx, nn
from torch.nn import functional

from ir_runtime.frozen import frozen
from ir_runtime.models.activation import Activation, activation_of
from ir_runtime.models.probe import Straight, trace_straight
from ir_runtime.models.product import looks_like_linear

__all__ = ["Gate", "covered_names", "gate_of"]


@frozen
class Gate:
    """A gated MLP, by the names of its children.

    Attributes:
        gate: the projection to which the activation is applied; with `up` None, that of both
            halves, the gate first.
        up: the other projection.
        down: the projection of the product.
        activation: of the gate.
    """

    gate: str
    up: str | None
    down: str
    activation: Activation


def gate_of(module: nn.Module) -> Gate | None:
    """Return the gated MLP that a module computes, None if it computes something else."""
    linears = [name for name, child in module.named_children() if looks_like_linear(child)]
    if len(linears) not in (2, 3) or module._parameters:
        return None
    straight = trace_straight(module)
    if isinstance(straight, str) or len(straight.inputs) != 1:
        return None
    return _Reader(module, straight).read()


def covered_names(module: nn.Module, gate: Gate) -> list[str]:
    """Return the names of the children that come before the product: all but its projection."""
    return [name for name, _ in module.named_children() if name != gate.down]


class _Reader:
    """Reads a traced forward backwards, from its result."""

    def __init__(self, module: nn.Module, straight: Straight) -> None:
        self._module, self._straight = module, straight

    def read(self) -> Gate | None:
        """Return the gate, None if anything differs."""
        down = self._child(self._straight.nodes[-1])
        product = None if down is None else down[1]
        if down is None or product is None or not _is_product(product):
            return None
        sides: Sequence[Any] = product.args
        for gate, up in (sides, sides[::-1]):
            found = self._gate(gate, up, down[0])
            if found is not None:
                return found
        return None

    def _gate(self, gate: Any, up: Any, down: str) -> Gate | None:
        activated = self._activated(gate)
        if activated is None:
            return None
        activation, before = activated
        first, second = self._child(before), self._child(up)
        if first is not None and second is not None:
            return self._checked(Gate(first[0], second[0], down, activation), first[1], second[1])
        whole = _half(before, 0)
        both = self._child(whole) if whole is not None and whole is _half(up, 1) else None
        return (
            None if both is None else self._checked(Gate(both[0], None, down, activation), both[1])
        )

    def _checked(self, gate: Gate, *inputs: fx.Node) -> Gate | None:
        """Return a gate whose projections read the input, and that leaves no call out."""
        reads_input = all(node.op == "placeholder" for node in inputs) and len({*inputs}) == 1
        calls = {id(node) for node in self._straight.calls()}
        expected = 5 if gate.up is not None else 7
        return gate if reads_input and len(calls) == expected else None

    def _child(self, node: Any) -> tuple[str, fx.Node] | None:
        """Return the name of the child that a node calls on another node."""
        if not isinstance(node, fx.Node) or node.op != "call_module" or node.kwargs:
            return None
        before = node.args[0] if len(node.args) == 1 else None
        return (str(node.target), before) if isinstance(before, fx.Node) else None

    def _activated(self, node: Any) -> tuple[Activation, Any] | None:
        called = self._child(node)
        if called is not None:
            function: Any = self._module.get_submodule(called[0])
            before = called[1]
        elif isinstance(node, fx.Node) and node.target in (functional.silu, functional.gelu):
            function, before = _applied(node), node.args[0] if node.args else None
        else:
            return None
        activation = None if (before is None) else activation_of(function)
        return None if activation is None else (activation, before)


def _applied(node: fx.Node) -> Callable[[Tensor], Tensor]:
    """Return the function of one tensor that a node of constants and one tensor calls."""
    target: Any = node.target
    rest, named = node.args[1:], node.kwargs
    return lambda x: target(x, *rest, **named)


def _is_product(node: fx.Node) -> bool:
    name = getattr(node.target, "__name__", node.target)
    return node.op.startswith("call") and name == "mul" and len(node.args) == 2 and not node.kwargs


def _half(node: Any, index: int) -> fx.Node | None:
    """Return the tensor whose first or second half of the last dimension a node is."""
    if not isinstance(node, fx.Node) or getattr(node.target, "__name__", "") != "getitem":
        return None
    chunk, place = node.args
    if place != index or not isinstance(chunk, fx.Node):
        return None
    is_chunk = getattr(chunk.target, "__name__", chunk.target) == "chunk"
    given = (*chunk.args[1:], *chunk.kwargs.values())
    source = chunk.args[0] if is_chunk and given == (2, -1) else None
    return source if isinstance(source, fx.Node) else None
