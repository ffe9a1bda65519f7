"""The graph after Inductor's last step, where it is decided what is copied."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
from torch import fx
from torch._inductor.fx_passes import post_grad

aten = torch.ops.aten
_COPIES = (aten.clone.default, aten.copy_.default, aten.copy.default, aten.slice_scatter.default)


class Seen(Exception):
    """Ends a compile whose code nobody needs."""


def last_graph(
    function: Callable[..., Any],
    *args: Any,
    passes: tuple[Any, ...] = (),
    v2: bool = True,
    finish: bool = False,
    **options: Any,
) -> tuple[fx.Graph, Any]:
    """Compile with Inductor; return its last graph, and the results if the compile is finished."""
    graphs: list[fx.Graph] = []
    decompose = post_grad.decompose_auto_functionalized

    def seen(graph: fx.Graph) -> None:
        decompose(graph)
        graphs.append(graph)
        if not finish:
            raise Seen

    options["post_grad_custom_post_pass"] = list(passes)
    torch._dynamo.reset()
    made = torch.compile(function, fullgraph=True, options=options)
    results = None
    with (
        torch.no_grad(),
        torch._inductor.config.patch(fx_graph_cache=False, enable_auto_functionalized_v2=v2),
        torch._functorch.config.patch(enable_autograd_cache=False),
        mock.patch.object(post_grad, "decompose_auto_functionalized", seen),
    ):
        try:
            results = made(*args)
        except Exception as error:
            if "Seen" not in f"{type(error).__name__} {error!r} {error.__cause__!r}":
                raise
    torch._dynamo.reset()
    return graphs[-1], results


def copies(graph: fx.Graph) -> int:
    """Count the nodes that copy a tensor, but for those into memory that was just made."""
    return sum(node.op == "call_function" and node.target in _COPIES for node in graph.nodes)


def calls(graph: fx.Graph) -> list[str]:
    found = [node.target for node in graph.nodes if node.op == "call_function"]
    return [str(target) for target in found if target is not operator.getitem]
