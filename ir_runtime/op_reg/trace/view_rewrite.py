"""The replacement of views in a traced program by operators that copy if needed.

torch decomposes some operators into others with other strides of the results. A `view` of such a
result then fails, though it worked when the program was traced; `reshape` copies if needed.
"""

from __future__ import annotations

import copy
from typing import Any

import torch

__all__ = ["relax_views", "written_nodes"]


def relax_views(program: Any) -> Any:
    """Return an exported program with `reshape` for each `view`, before torch decomposes it.

    A view through which the program writes is kept: the writes would go to a copy.
    """
    view, reshape = torch.ops.aten.view.default, torch.ops.aten.reshape.default
    found = [node for node in program.graph.nodes if node.target is view]
    if not found:
        return program
    program = program._update(copy.deepcopy(program.graph_module), program.graph_signature)
    written = written_nodes(program.graph)
    for node in program.graph.nodes:
        if node.target is view and node not in written:
            node.target = reshape
    program.graph_module.recompile()
    return program


def written_nodes(graph: Any) -> set[Any]:
    """Return the nodes whose results are changed by in-place operators, also through views."""
    found: set[Any] = set()
    pending = [node for user in graph.nodes for node in _written_arguments(user)]
    while pending:
        node = pending.pop()
        if node not in found:
            found.add(node)
            pending += _viewed_arguments(node)
    return found


def _written_arguments(node: Any) -> list[Any]:
    return _arguments(node, lambda alias: alias.is_write)


def _viewed_arguments(node: Any) -> list[Any]:
    return _arguments(node, lambda _: True)


def _arguments(node: Any, wanted: Any) -> list[Any]:
    """Return the nodes among an operator's arguments with a wanted alias annotation."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return [*node.all_input_nodes] if node.op == "call_function" else []
    found: list[Any] = []
    for i, argument in enumerate(schema.arguments):
        if argument.alias_info is None or not wanted(argument.alias_info):
            continue
        value = node.args[i] if i < len(node.args) else node.kwargs.get(argument.name)
        listed = value if isinstance(value, list | tuple) else [value]
        found += [one for one in listed if isinstance(one, torch.fx.Node)]
    return found
