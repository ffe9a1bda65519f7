"""The last pass: ops in their functional form write their arguments where they lie, if they may."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any, ClassVar

from torch import fx
from torch._higher_order_ops.auto_functionalize import (
    auto_functionalized,
    auto_functionalized_v2,
)

from ir_runtime.passes.active_run import in_run
from ir_runtime.passes.inplace.clone_elimination import drop_self_copies
from ir_runtime.passes.inplace.donation import donated_results
from ir_runtime.passes.inplace.functional_call import (
    FunctionalCall,
    functional_call,
    getitem_users,
    written_views,
)
from ir_runtime.passes.inplace.memory import Memory
from ir_runtime.passes.inplace.scatter import drop_self_scatters
from ir_runtime.passes.inplace.sharing import Copy, may_share
from ir_runtime.passes.pass_config import RuntimeConfig
from ir_runtime.passes.record.run_record import PassRecord
from ir_runtime.passes.runtime_inductor_pass import RuntimeInductorPass

__all__ = ["FixFunctionalizationPass"]

_FORMS = (auto_functionalized, auto_functionalized_v2)
logger = logging.getLogger("ir_runtime.passes")
_staged: ContextVar[list[fx.Node] | None] = ContextVar("nodes to remove", default=None)


class FixFunctionalizationPass(RuntimeInductorPass):
    """Call ops that change their arguments directly, instead of on copies.

    Torch makes them functional: copies are changed and returned. What is changed, and which result
    it is, follows from the op's schema, so the pass serves any op. A node is replaced only if it is
    proven that nobody sees the difference: neither a later reader of the old values, nor the
    caller of the graph. Other nodes are left to Inductor, which decides by itself.

    It must be the last pass: the calls that it makes have results that nobody uses, and a pass
    that removes unused nodes by other rules than torch's would remove them. A subclass may replace
    nodes of ops that it knows with `defunctionalize`, which proves nothing.

    The record counts `defunctionalized`, `left` and `removed` nodes.

    Args:
        config: an object as `RuntimeConfig`; None for one with defaults.
    """

    derived: ClassVar[frozenset[str]] = RuntimeInductorPass.derived | {"nodes_to_remove"}

    def __init__(self, config: Any = None) -> None:
        super().__init__(RuntimeConfig() if config is None else config)

    @property
    def nodes_to_remove(self) -> list[fx.Node]:
        """The nodes that this thread's run erases at its end, or erased in its last run."""
        staged = _staged.get()
        if staged is None:
            staged = []
            _staged.set(staged)
        return staged

    def __call__(self, graph: fx.Graph) -> None:
        with in_run(self.pass_name, self.hook) as record:
            self.begin()
            self.dump_graph(graph, "before_fix_functionalization")
            _staged.set([])
            memory = self._replace_all(graph, record)
            self.dump_graph(graph, "before_fix_functionalization_cleanup")
            for node in self.nodes_to_remove:
                graph.erase_node(node)
            if memory is not None:
                drop_self_scatters(memory)
                drop_self_copies(memory)
            record.counts["removed"] = len(self.nodes_to_remove)
            record.matched_count = record.counts["defunctionalized"]
            logger.debug(
                "%s: %s nodes change their arguments in place, %s nodes erased",
                self.pass_name,
                record.matched_count,
                record.counts["removed"],
            )
            self.dump_graph(graph, "after_fix_functionalization")
            self.end_and_log()

    def _replace_all(self, graph: fx.Graph, record: PassRecord) -> Memory | None:
        nodes = [
            n for n in graph.nodes if n.target in (auto_functionalized, auto_functionalized_v2)
        ]
        if not nodes:
            return None
        memory = Memory(graph)
        for node in nodes:
            call = functional_call(node)
            done = call is not None and self._replace(graph, call, memory)
            record.counts["defunctionalized" if done else "left"] += 1
        return memory

    def _replace(self, graph: fx.Graph, call: FunctionalCall, memory: Memory) -> bool:
        """Replace a node if that is proven to change nothing."""
        views: list[fx.Node] = []
        written = written_views(call, views)
        for view in views:
            memory.add(view, call.node)
        users = getitem_users(call.node)
        copies = _copies(call, written, users)
        if not all(may_share(memory, each) for each in copies):
            for view in views:
                memory.remove(view)
                graph.erase_node(view)
            return False
        for each in copies:
            if each.copy is not None:
                memory.join(each.copy, each.source)
        args, named = _arguments(call, written)
        made = self.insert_defunctionalized(graph, call.node, args=args, kwargs=named)
        _replace_own_results(call, made, users)
        memory.add(made, call.node)
        for node in (call.node, *self.getitem_users(call.node).values()):
            memory.remove(node)
        first = max(1, call.returned)
        changed = {base.index: base.base for base in call.bases}
        self.replace_users_with_mutated_args(call.node, {**dict.fromkeys(range(first)), **changed})
        self._remove(call.node)
        return True

    def _remove(self, node_or_nodes: fx.Node | Iterable[fx.Node]) -> None:
        """Stage nodes to be erased at the end of the run, in the order in which they are staged."""
        several = [node_or_nodes] if isinstance(node_or_nodes, fx.Node) else node_or_nodes
        self.nodes_to_remove.extend(several)

    def defunctionalize(
        self,
        graph: fx.Graph,
        node: fx.Node,
        mutated_args: dict[int, fx.Node | str],
        args: tuple[fx.Node | str, ...] | None = None,
    ) -> None:
        """Replace a node by a call of the op inside, without a proof that this changes nothing.

        Args:
            graph: of the node.
            node: calls `auto_functionalized`.
            mutated_args: by number of a result, the argument that it is a changed copy of.
            args: as for `insert_defunctionalized`.
        """
        self.replace_users_with_mutated_args(node, mutated_args)
        self.insert_defunctionalized(graph, node, args=args)
        self._remove(node)

    def replace_users_with_mutated_args(self, node: fx.Node, mutated_args: dict[int, Any]) -> None:
        """Let users of changed copies use the changed arguments, and stage the `getitem` nodes.

        Args:
            node: calls `auto_functionalized`.
            mutated_args: by number of a result, the argument: a node, its name in the kwargs, or
                None for a result without users.
        """
        for index, user in self.getitem_users(node).items():
            argument: Any = mutated_args[index]
            argument = node.kwargs[argument] if isinstance(argument, str) else argument
            if argument is not None:
                user.replace_all_uses_with(argument)
            self._remove(user)

    def getitem_users(self, node: fx.Node) -> dict[int, fx.Node]:
        """Return the nodes that take one result of a node, by the number of the result."""
        return getitem_users(node)

    def insert_defunctionalized(
        self,
        graph: fx.Graph,
        node: fx.Node,
        args: tuple[fx.Node | str, ...] | None = None,
        *,
        kwargs: dict[str, Any] | None = None,
    ) -> fx.Node:
        """Insert a call of the op inside in front of a node.

        Args:
            graph: of the node.
            node: calls `auto_functionalized`.
            args: the arguments by position: nodes and values, a text is the name of a kwarg. None
                for all kwargs as they are; Inductor cannot take an argument called `out` so.
            kwargs: further arguments by name, beside `args`.

        Returns:
            The call.
        """
        assert node.target in _FORMS, f"{node} is no auto-functionalized op, must be one"
        op: Any = node.args[0]
        with graph.inserting_before(node):
            if args is None:
                made = graph.call_function(op, kwargs=node.kwargs)
            else:
                given = tuple(node.kwargs[a] if isinstance(a, str) else a for a in args)
                made = graph.call_function(op, args=given, kwargs=kwargs)
        made.meta |= {k: v for k, v in node.meta.items() if k not in ("val", "eager_input_vals")}
        return made


def _copies(call: FunctionalCall, written: dict[str, Any], users: dict[int, fx.Node]) -> list[Copy]:
    """Return the copies that the functional form makes inside."""
    found: list[Copy] = []
    donated = donated_results(call.node)
    for base in call.bases:
        if base.base is None:
            continue
        own = tuple(written[name] for name in base.names)
        rest = tuple(
            view for name, view in written.items() if name not in base.names and view is not None
        )
        found.append(
            Copy(
                base.base,
                users.get(base.index),
                call.node,
                donated=base.index in donated,
                written=own,
                beside=rest + call.others,
            )
        )
    return found


def _arguments(
    call: FunctionalCall, written: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return all arguments of the op, by position where it takes them so."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for argument in call.op._schema.arguments:
        name = argument.name
        value = written[name] if name in written else call.node.kwargs.get(name)
        if argument.kwarg_only:
            named[name] = value
        else:
            positional.append(name if isinstance(value, str) else value)
    return tuple(positional), named


def _replace_own_results(call: FunctionalCall, made: fx.Node, users: dict[int, fx.Node]) -> None:
    """Let users of what the op itself returns use the call's results."""
    own = {i: user for i, user in users.items() if i < call.returned}
    if call.returned == 1 and own:
        made.meta["val"] = own[0].meta["val"]
        own[0].replace_all_uses_with(made)
    elif own:
        made.meta["val"] = tuple(call.node.meta["val"][: call.returned])
        for user in own.values():
            user.replace_input_with(call.node, made)
