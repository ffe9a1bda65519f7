"""What a module computes: its forward, traced and tried on random numbers.

A forward that `torch.fx` can trace has no branch on values or sizes. So, if its results are those
of an op at several sizes, magnitudes and dtypes, it computes what the op does.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from ir_runtime.frozen import frozen
from ir_runtime.trace_lock import trace_alone

__all__ = ["Straight", "clone_with", "close", "numbers_of", "trace_straight", "tried"]


class _Tracer(fx.Tracer):
    """Traces the forward of one module; its children are leaves."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Look into no child."""
        del m, module_qualified_name
        return True


@frozen
class Straight:
    """A forward without branches.

    Attributes:
        inputs: names of the arguments that it reads.
        nodes: what it calls, in order; the last one is its result.
    """

    inputs: tuple[str, ...]
    nodes: tuple[fx.Node, ...]

    def calls(self) -> list[fx.Node]:
        """Return the nodes that call something."""
        return [node for node in self.nodes if node.op.startswith("call")]


def trace_straight(module: nn.Module) -> Straight | str:
    """Trace the forward of a module, in both of its modes.

    Returns:
        The forward; or why it is none without branches.
    """
    graphs: list[fx.Graph] = []
    for training in (False, True):
        twin = clone_with(module, dict(module._parameters))
        twin.training = training
        before = dict(vars(twin))
        try:
            with trace_alone():
                graphs.append(_Tracer().trace(twin))
        except Exception as error:  # noqa: BLE001 - whatever a forward does with no tensor
            return f"its forward cannot be traced: {_first_line(error)}"
        now = vars(twin)
        if now.keys() != before.keys() or any(now[name] is not before[name] for name in before):
            return "its forward writes to the module"
    if len({_text(graph) for graph in graphs}) > 1:
        return "it computes otherwise in training"
    return _straight(graphs[0])


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _text(graph: fx.Graph) -> str:
    return "\n".join(str(node.format_node()) for node in graph.nodes)


def _straight(graph: fx.Graph) -> Straight | str:
    nodes = list(graph.nodes)
    inputs = tuple(str(n.target) for n in nodes if n.op == "placeholder" and n.users)
    (output,) = (n for n in nodes if n.op == "output")
    if not isinstance(output.args[0], fx.Node):
        return "it returns more than a tensor"
    kept = [n for n in nodes if n.op not in ("placeholder", "output")]
    return Straight(inputs, (*kept, output.args[0]))


def clone_with(module: nn.Module, parameters: dict[str, nn.Parameter | None]) -> nn.Module:
    """Return a module like another one, with other parameters; changes of it do not reach that."""
    twin = copy.copy(module)
    own = twin.__dict__
    own["_parameters"] = parameters
    for name in ("_buffers", "_modules", "_non_persistent_buffers_set"):
        own[name] = copy.copy(own[name])
    return twin


def numbers_of(straight: Straight) -> tuple[float, ...]:
    """Return the floating-point constants of a forward, such as an epsilon."""
    found: dict[float, None] = {}
    for node in straight.nodes:
        for value in (*node.args, *node.kwargs.values()):
            if type(value) in (int, float) and 0 <= float(value) < 1:  # pyright: ignore[reportArgumentType]
                found[float(value)] = None  # pyright: ignore[reportArgumentType]
    return tuple(found)


def close(got: Any, exact: Tensor, rtol: float, atol: float) -> bool:
    """Tell whether a result is that of float64 but for rounding.

    Args:
        got: the result; anything but a tensor is not close.
        exact: in float64.
        rtol: the error may be so much of an element.
        atol: or so much of the largest one.
    """
    if not isinstance(got, Tensor) or got.shape != exact.shape:
        return False
    error = (got.double() - exact).abs()
    largest = float(exact.abs().max()) if exact.numel() else 0.0
    return bool((error <= rtol * exact.abs() + atol * largest).all())


def tried(
    module: nn.Module,
    expected: Callable[..., Tensor],
    inputs: Sequence[Callable[[torch.Generator], Tensor]],
    parameters: Callable[[torch.Generator], dict[str, nn.Parameter | None]],
) -> Iterator[tuple[Any, Tensor]]:
    """Call a module and its candidate on random numbers.

    Args:
        module: it is called with other parameters; its own are not read.
        expected: takes the input in float64 and the parameters in float64, by name.
        inputs: make the inputs.
        parameters: makes the parameters.

    Yields:
        For each input, the result and that of the candidate in float64. A module that fails on an
        input has the result None, which is close to nothing, and is tried no more.
    """
    generator = torch.Generator().manual_seed(0)
    named = parameters(generator)
    twin = clone_with(module, named).eval()
    wide = {name: None if p is None else p.detach().double() for name, p in named.items()}
    with torch.no_grad():
        for make in inputs:
            x = make(generator)
            exact = expected(x.double(), **wide)
            try:
                got = twin(x.clone())
            except Exception:  # noqa: BLE001 - whatever a forward does with rows
                yield (None, exact)
                return
            yield (got, exact)
