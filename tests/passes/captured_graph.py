"""The graph that passes after autograd get, without Inductor's code generation behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import fx
from torch._dynamo.backends.common import aot_autograd
from torch._inductor.decomposition import select_decomp_table

from ir_runtime.passes.graph_pass import GraphPass
from ir_runtime.passes.record.run_record import PassRecord


def captured(
    function: Callable[..., Any], *args: Any, dynamic: bool | None = None, **config: Any
) -> fx.GraphModule:
    """Return the functional ATen graph of a function for inference, with fake values."""
    graphs: list[fx.GraphModule] = []

    def keep(module: fx.GraphModule, inputs: Any) -> Any:
        del inputs
        graphs.append(module)
        return module.forward

    backend = aot_autograd(
        fw_compiler=keep,
        decompositions=select_decomp_table(),
        keep_inference_input_mutations=True,
    )
    with torch.no_grad(), torch._inductor.config.patch(config):
        torch.compile(function, backend=backend, dynamic=dynamic, fullgraph=True)(*args)
    torch._dynamo.reset()
    (module,) = graphs
    return module


def run(pass_: GraphPass, module: fx.GraphModule) -> PassRecord:
    """Run a pass over a graph, check the graph, and return what the pass recorded."""
    record = PassRecord(pass_.name)
    pass_.run(module.graph, record)
    module.graph.lint()
    module.recompile()
    return record


def targets(module: fx.GraphModule) -> list[Any]:
    """Return what the nodes of a graph call, in order."""
    return [node.target for node in module.graph.nodes if node.op == "call_function"]


def results(module: fx.GraphModule, *args: Any) -> list[torch.Tensor]:
    """Run a graph, and return its results as a list."""
    with torch.no_grad():
        found = module(*args)
    return list(found) if isinstance(found, list | tuple) else [found]
