"""Random programs of views, clones and writes, and the search for all clones that may go."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch import Tensor, fx

from tests.passes.traced_graphs import shared, traced

aten = torch.ops.aten

MOST_CLONES = 8


def random_inputs() -> list[Tensor]:
    made = torch.Generator().manual_seed(0)
    return [torch.rand(4, 6, generator=made) + 0.5 for _ in range(2)]


def random_program(seed: int) -> Callable[..., list[Tensor]]:
    """Return a function of two tensors of shape [4, 6] with at most eight clones."""

    def program(*inputs: Tensor) -> list[Tensor]:
        choose = random.Random(seed)
        values: list[Tensor] = list(inputs)
        clones = 0
        for _ in range(choose.randint(6, 16)):
            x = choose.choice(values[-6:] if choose.random() < 0.7 else values)
            kind = choose.choice(("clone", "clone", "view", "view", "write", "write", "read"))
            if kind == "clone" and clones < MOST_CLONES:
                clones += 1
                values.append(_clone(choose, x))
            elif kind == "view":
                values.append(_view(choose, x))
            elif kind == "write":
                _write(choose, x, values, len(inputs))
            elif kind == "read":
                values.append(x * choose.choice((2.0, 3.0)) + 1)
        made = values[len(inputs) :]
        sums = [v.sum() for v in choose.sample(made, min(len(made), 3))]
        return sums + [v for v in choose.sample(made, min(len(made), 2)) if choose.random() < 0.6]

    return program


def _clone(choose: random.Random, x: Tensor) -> Tensor:
    if choose.random() < 0.2:
        return x.clone(memory_format=torch.contiguous_format)
    return x.clone()


def _view(choose: random.Random, x: Tensor) -> Tensor:
    if x.ndim == 2 and min(x.shape) > 1:
        half = [size // 2 for size in x.shape]
        views = [x.t(), x[: half[0]], x[half[0] :], x[:, : half[1]], x[:, half[1] :], x[0]]
        return choose.choice(views)
    if x.ndim == 1 and x.shape[0] > 1:
        half = x.shape[0] // 2
        return choose.choice([x[:half], x[half:], x.unsqueeze(0), x.expand(2, *x.shape)])
    return x.unsqueeze(0) if x.ndim < 2 else x.t()


def _write(choose: random.Random, x: Tensor, values: list[Tensor], count: int) -> None:
    if 0 in x.stride() or (choose.random() < 0.7 and any(x is v for v in values[:count])):
        return  # graphs seldom write their inputs
    other = choose.choice(values)
    if choose.random() < 0.4 and other.shape == x.shape:
        x.copy_(other)
    else:
        x.add_(choose.choice((1.0, 2.0))) if choose.random() < 0.5 else x.mul_(1.5)


def random_graph(seed: int) -> fx.GraphModule:
    return traced(random_program(seed), *random_inputs())


def clones_of(module: fx.GraphModule) -> list[fx.Node]:
    return list(module.graph.find_nodes(op="call_function", target=aten.clone.default))


Effect = tuple[list[Tensor], set[tuple[int, int]]]


def effect_of(
    module: fx.GraphModule, args: Sequence[Tensor], without: Collection[str] = ()
) -> Effect:
    """Run a graph on copies of its inputs, with sources in place of the clones of some names.

    Returns:
        Its results and what became of the inputs; which of them share memory.
    """
    given = iter([arg.clone() for arg in args])
    inputs: list[Tensor] = []
    env: dict[fx.Node, Any] = {}
    results: Any = ()
    for node in module.graph.nodes:
        if node.op == "placeholder":
            env[node] = next(given)
            inputs.append(env[node])
        elif node.op == "output":
            results = fx.map_arg(node.args[0], env.__getitem__)
        elif node.name in without:
            env[node] = env[node.args[0]]
        else:
            taken, named = fx.map_arg((node.args, node.kwargs), env.__getitem__)
            env[node] = node.target(*taken, **named)
    return [*results, *inputs], shared(results, inputs)


def is_same_effect(one: Effect, other: Effect) -> bool:
    """Tell whether the second does what the first did, bit by bit, and shares no more memory."""
    return other[1] <= one[1] and all(
        torch.equal(mine, theirs) and mine.stride() == theirs.stride()
        for mine, theirs in zip(one[0], other[0], strict=True)
    )


def most_removable(module: fx.GraphModule, args: Sequence[Tensor]) -> int:
    """Return how many clones can go at once, by trying all sets of them."""
    wanted = effect_of(module, args)
    names = [clone.name for clone in clones_of(module) if _is_same_layout(clone)]
    for size in range(len(names), 0, -1):
        for chosen in itertools.combinations(names, size):
            if is_same_effect(wanted, effect_of(module, args, chosen)):
                return size
    return 0


def _is_same_layout(clone: fx.Node) -> bool:
    one, other = clone.meta["val"], clone.args[0].meta["val"]
    return one.stride() == other.stride()
