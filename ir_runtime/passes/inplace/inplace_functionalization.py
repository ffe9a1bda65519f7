"""Before autograd: ops on donated tensors become functional, and the donation is kept as a mark."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from ir_runtime.ir.op import IrOp
from ir_runtime.passes.errors import DonatedInputError
from ir_runtime.passes.graph.node_call import op_of, where
from ir_runtime.passes.graph_pass import GraphPass, Hook
from ir_runtime.passes.inplace.donation import mark_donated
from ir_runtime.passes.record.run_record import PassRecord

__all__ = ["InplaceFunctionalization"]

_FACTS = frozenset(("size", "dim", "ndimension", "numel", "stride", "element_size"))
_ATTRIBUTES = frozenset(("shape", "dtype", "device", "ndim", "layout", "is_cuda", "itemsize"))


@dataclass(frozen=True)
class InplaceFunctionalization(GraphPass):
    """Replace `maybe_inplace` by the overload `default`, and note which tensors are donated.

    A donated tensor must not be used after its op: not by itself, not through a view or its base,
    not as a result. Uses are found by memory. The mark is on the op's node, so it survives autograd
    whatever that does to the inputs. Parameters of a model are not marked: nobody gives them away.

    The record counts `functionalized` nodes, and by op in `facts["ops"]`; `facts["donated_inputs"]`
    has the names of inputs that were donated.
    """

    hook: ClassVar[Hook] = "pre_grad"

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        """Functionalize the graph and its subgraphs.

        Raises:
            DonatedInputError: a tensor is used after it was donated.
        """
        counts: Counter[str] = Counter()
        donated: list[str] = []
        for each in _graphs(graph):
            _functionalize(each, counts, donated, is_outermost=each is graph)
        record.counts["functionalized"] = record.matched_count = counts.total()
        record.facts |= {"ops": dict(counts), "donated_inputs": donated}


def _graphs(graph: fx.Graph) -> Iterator[fx.Graph]:
    yield graph
    owner = graph.owning_module
    for module in () if owner is None else owner.modules():
        if isinstance(module, fx.GraphModule) and module.graph is not graph:
            yield module.graph


def _functionalize(
    graph: fx.Graph, counts: Counter[str], donated: list[str], *, is_outermost: bool
) -> None:
    nodes = list(graph.nodes)
    for i, node in enumerate(nodes):
        op = op_of(node)
        if op is None or node.target is op.torch_op:
            continue
        node.args, node.kwargs = op.all_arguments(node.args, node.kwargs), {}
        given = {name: node.args[op.arg_names.index(name)] for name in op.activations}
        for name, tensor in given.items():
            if isinstance(tensor, fx.Node):
                _check_later_uses(op, node, name, tensor, nodes[i + 1 :])
        node.target = op.torch_op
        counts[op.name] += 1
        roots = {name: _roots(t, nodes) for name, t in given.items() if isinstance(t, fx.Node)}
        free = [name for name, found in roots.items() if _may_be_given(found, is_outermost)]
        if free:
            mark_donated(node, free)
        donated.extend(root.name for name in free for root in roots[name])


def _check_later_uses(
    op: IrOp, node: fx.Node, name: str, tensor: fx.Node, later: list[fx.Node]
) -> None:
    memory = _memory(tensor)
    for user in later:
        if _reads_facts_alone(user):
            continue
        for used in user.all_input_nodes:
            if used is tensor or memory & _memory(used):
                raise DonatedInputError(
                    f"op {op.name}: `{name}` is used again after the node {node.name}, to which "
                    "maybe_inplace donated it, must not be",
                    facts=[
                        f"donated: {where(node) or node.name}",
                        f"used again: {_describe(user, used, tensor)}",
                    ],
                    fix=f"call ir.ops.{op.name}, the default overload, or donate a clone",
                )


def _describe(user: fx.Node, used: fx.Node, tensor: fx.Node) -> str:
    through = "" if used is tensor else f", through {used.name}, which shares its memory"
    if user.op == "output":
        return f"as a result of the function{through}"
    return f"{where(user) or user.name}{through}"


def _reads_facts_alone(node: fx.Node) -> bool:
    """Tell whether a node asks for sizes or a dtype, and not for values."""
    if node.op == "call_method":
        return node.target in _FACTS
    if node.target is getattr:
        return node.args[1] in _ATTRIBUTES
    name = getattr(node.target, "__name__", "")
    taken = node.target is operator.getitem and not _tensors(node.args[0])
    return taken or name.startswith("sym_")


def _roots(tensor: fx.Node, nodes: list[fx.Node]) -> list[fx.Node]:
    """Return the inputs of a graph that share memory with a tensor."""
    memory = _memory(tensor)
    outer = (n for n in nodes if n.op in ("placeholder", "get_attr"))
    return [n for n in outer if n is tensor or memory & _memory(n)]


def _may_be_given(roots: list[fx.Node], is_outermost: bool) -> bool:  # noqa: FBT001
    """Tell whether inputs are the caller's to give away."""
    if roots and not is_outermost:
        return False  # the graph around it may use them
    return all(
        root.op == "placeholder"
        and not any(isinstance(t, torch.nn.Parameter) for t in _tensors(root))
        for root in roots
    )


def _memory(node: fx.Node) -> set[int]:
    return {t.untyped_storage()._cdata for t in _tensors(node) if torch._C._has_storage(t)}


def _tensors(node: Any) -> list[Tensor]:
    if not isinstance(node, fx.Node):
        return []
    value = node.meta.get("example_value", node.meta.get("val"))
    return [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor)]
