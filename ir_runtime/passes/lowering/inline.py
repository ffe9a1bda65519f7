"""A provider's torch function in place of a node: traced once, then its operators are copied."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx
from torch._dispatch.python import enable_python_dispatcher
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch._subclasses.functional_tensor import FunctionalTensorMode, dispatch_functionalize
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree
from torch.utils._mode_utils import no_dispatch

from ir_runtime.passes.graph.node_call import fake_value
from ir_runtime.passes.inplace.effects import changes_anything
from ir_runtime.trace_lock import trace_alone

__all__ = ["Trace", "insert_trace", "replace_results", "trace_call"]

_KEPT_META = ("stack_trace", "nn_module_stack", "custom", "seq_nr", "source_fn_stack")


class Trace:
    """The operators of a provider for calls of one kind.

    Args:
        module: its graph takes the leaves of a call that are nodes, in order.
        fresh: whether its fake values belong to the call it was traced for, not used yet.
        repeatable: whether its operators can be copied; one that makes symbols cannot.
    """

    def __init__(self, module: fx.GraphModule) -> None:
        self.module = module
        self.fresh = True
        self.repeatable = not any("unbacked_bindings" in n.meta for n in module.graph.nodes)
        self.own = _with_own_memory(module.graph)


def _with_own_memory(graph: fx.Graph) -> set[fx.Node]:
    """Return the nodes whose tensor has static sizes, and memory that no earlier one has."""
    seen: set[int] = set()
    found: set[fx.Node] = set()
    for node in graph.nodes:
        for value in pytree.tree_leaves(node.meta.get("val")):
            if not isinstance(value, FakeTensor):
                continue
            block = value.untyped_storage()._cdata
            numbers = (*value.shape, *value.stride(), value.storage_offset())
            is_static = all(type(n) is int for n in numbers) and not value.storage_offset()
            is_one = node.op == "call_function" and node.meta["val"] is value
            if block not in seen and is_static and is_one:
                found.add(node)
            seen.add(block)
    return found


def trace_call(
    function: Callable[..., Any],
    args: Sequence[Any],
    fake_mode: FakeTensorMode,
    *,
    may_write: bool = False,
) -> Trace:
    """Trace a function of all arguments, with Inductor's decompositions, into functional operators.

    Inductor lets a tensor that is copied into another one become that one, so operators of torch
    that write tensors must not reach it. An op of a user that writes gets its functional form.

    Args:
        function: computes a call.
        args: the arguments of a node: nodes, values, or lists of them.
        fake_mode: of the graph.
        may_write: whether the function writes its arguments.
    """
    from torch._inductor.decomposition import select_decomp_table

    flat, spec = pytree.tree_flatten(tuple(args))
    positions = [i for i, leaf in enumerate(flat) if isinstance(leaf, fx.Node)]
    fakes = [fake_value(flat[i]) for i in positions]

    def run(*leaves: Any) -> Any:
        filled = list(flat)
        for i, leaf in zip(positions, leaves, strict=True):
            filled[i] = leaf
        return function(*pytree.tree_unflatten(filled, spec))

    def traced(computed: Callable[..., Any]) -> fx.GraphModule:
        with trace_alone(), fake_mode, enable_python_dispatcher():
            return make_fx(computed, select_decomp_table(), tracing_mode="real")(*fakes)

    module = None if may_write else traced(run)
    if module is None or changes_anything(module.graph):
        module = traced(dispatch_functionalize(run, FunctionalTensorMode()))
    module.graph.eliminate_dead_code()
    return Trace(module)


def insert_trace(trace: Trace, node: fx.Node, fake_mode: FakeTensorMode) -> tuple[Any, list[Any]]:
    """Copy the operators of a trace in front of a node.

    Args:
        trace: of a call of this kind.
        node: the call.
        fake_mode: of the graph.

    Returns:
        The results, nodes or values in the structure of the function's result, and the new nodes.
    """
    leaves = [a for a in pytree.tree_leaves(tuple(node.args)) if isinstance(a, fx.Node)]
    inputs = iter(leaves)
    env: dict[fx.Node, Any] = {}
    new: list[fx.Node] = []
    results: Any = None
    with node.graph.inserting_before(node), fake_mode, enable_python_dispatcher():
        for each in trace.module.graph.nodes:
            if each.op == "placeholder":
                env[each] = next(inputs)
            elif each.op == "output":
                results = fx.map_arg(each.args[0], env.__getitem__)
            else:
                env[each] = copied = _copy(each, env, node, trace)
                new.append(copied)
    trace.fresh = False
    return results, new


def _copy(each: fx.Node, env: dict[fx.Node, Any], node: fx.Node, trace: Trace) -> fx.Node:
    if each.op == "get_attr":
        return _copy_attribute(each, node, trace.module)
    copied = node.graph.node_copy(each, env.__getitem__)
    copied.meta = {k: v for k, v in each.meta.items() if k in ("val", "unbacked_bindings")}
    copied.meta |= {k: node.meta[k] for k in _KEPT_META if k in node.meta}
    if not trace.fresh and each in trace.own:
        copied.meta["val"] = _another(each.meta["val"])
    elif not trace.fresh:
        args, kwargs = fx.map_arg((copied.args, copied.kwargs), fake_value)
        copied.meta["val"] = copied.target(*args, **kwargs)  # pyright: ignore[reportCallIssue]
    return copied


def _another(value: FakeTensor) -> FakeTensor:
    """Return a fake tensor like another one, in memory of its own: quicker than to run its op."""
    with no_dispatch():
        like = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
    return FakeTensor(value.fake_mode, like, value.device)


def _copy_attribute(each: fx.Node, node: fx.Node, module: fx.GraphModule) -> fx.Node:
    """Give the graph's module a constant of the trace under a name of its own."""
    owner: Any = node.graph.owning_module
    value = getattr(module, str(each.target))
    i = 0
    while hasattr(owner, name := f"_ir_constant{i}"):
        i += 1
    if isinstance(value, torch.Tensor):
        owner.register_buffer(name, value)
    else:
        setattr(owner, name, value)
    copied = node.graph.get_attr(name)
    copied.meta = dict(each.meta)
    return copied


def replace_results(node: fx.Node, results: Any) -> None:
    """Let the users of a node use results instead, and erase the node.

    Args:
        node: with one result, or with users that each take one of its results.
        results: nodes or values in the structure of the node's result.
    """
    if not isinstance(results, list | tuple):
        node.replace_all_uses_with(results, propagate_meta=False)
        node.graph.erase_node(node)
        return
    for user in list(node.users):
        assert user.target is operator.getitem, f"{user} takes all results of {node} at once"
        found = results[user.args[1]]  # pyright: ignore[reportArgumentType, reportCallIssue]
        if isinstance(found, fx.Node):
            user.replace_all_uses_with(found)
        else:
            assert not user.users, f"{node} returns {found!r}, which is no tensor"
        node.graph.erase_node(user)
    node.graph.erase_node(node)
