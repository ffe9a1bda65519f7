"""The lowering pass: each IR op becomes the call of its provider."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx
from torch._dispatch.python import enable_python_dispatcher
from torch._guards import detect_fake_mode
from torch.utils import _pytree as pytree

from ir_runtime.errors import UndescribedStateError
from ir_runtime.ir.choice.priority import Priority
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.iree import IreeImpl
from ir_runtime.ir.log import logger
from ir_runtime.ir.op import IrOp
from ir_runtime.op_reg.op.registry import ALL_CUSTOM_OP_REGS
from ir_runtime.passes.errors import LoweringError
from ir_runtime.passes.graph.node_call import call_key, fake_value, op_of, where
from ir_runtime.passes.graph_pass import GraphPass
from ir_runtime.passes.inplace.donation import donated_arguments, pass_donation_on
from ir_runtime.passes.lowering.inductor_call import mark_kernel, mark_providers
from ir_runtime.passes.lowering.inline import Trace, insert_trace, replace_results, trace_call
from ir_runtime.passes.lowering.layout import give_contiguous_layout, give_layout
from ir_runtime.passes.lowering.priority_key import priorities_in_force
from ir_runtime.passes.lowering.provider_choice import ProviderChoice, choose_provider
from ir_runtime.passes.record.run_record import PassRecord

__all__ = ["IrLowering"]


@dataclass(frozen=True)
class IrLowering(GraphPass):
    """Replace each IR op by the provider that an eager call would have.

    - `native` and other torch functions: their operators, which Inductor fuses with neighbours.
    - `iree`: the kernel's torch op, whose code writes into buffers of Inductor's memory plan.
    - a provider that depends on the sizes of a call: a node that asks the providers in each call.

    Priorities are frozen: a compiled graph keeps those that were in force when it was compiled,
    in nodes that ask the providers in each call, too. They are a part of the pass's uuid, with the
    code of the providers and the tuned tables.

    The record has the provider of each node in `selected_impls`, "by size" for a node that asks;
    `facts["asks"]` has the reason of each such node, `counts["traces"]` how many functions were
    traced.
    """

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        """Lower all IR ops of a graph, and those in the functions of providers.

        Raises:
            LoweringError: a node cannot be lowered.
        """
        _Lowering(graph, record).run()

    def uuid(self) -> Any:
        """Digest the pass and what it reads; None, which means no caching, if that cannot be."""
        own = super().uuid()
        try:
            key = {"pass": own, "choice": priorities_in_force()}
            return None if own is None else self.hash_dict(key)
        except UndescribedStateError as error:
            logger.warning("lowering: graphs are compiled without torch's caches: %s", error)
            return None


@dataclass
class _Lowering:
    """One run over one graph."""

    graph: fx.Graph
    record: PassRecord
    fake_mode: Any = None
    choices: dict[Any, ProviderChoice] = field(default_factory=dict)
    traces: dict[Any, Trace] = field(default_factory=dict)

    def run(self) -> None:
        pending = list(self.graph.nodes)
        self.record.facts["asks"] = {}
        while pending:
            node = pending.pop(0)
            op = op_of(node)
            if op is not None:
                pending[:0] = self._lower(op, node)
            elif node.op == "call_function":
                _mark_if_kernel(node)
        _log(self.record)

    def _lower(self, op: IrOp, node: fx.Node) -> list[fx.Node]:
        """Lower a node; return the new nodes, which may be IR ops themselves."""
        node.args, node.kwargs = op.all_arguments(node.args, node.kwargs), {}
        given = fx.map_arg(tuple(node.args), fake_value)
        self.fake_mode = self.fake_mode or detect_fake_mode(given)
        key = (op, call_key(given))
        chosen = self.choices.get(key)
        if chosen is None:
            values = self._normal(op, given)
            chosen = self.choices[key] = choose_provider(op, values)
        selected = self.record.selected_impls.setdefault(op.name, {})
        self.record.matched_count += 1
        if chosen.impl is None:
            selected[node.name] = "by size"
            self.record.facts["asks"][node.name] = chosen.why
            _ask(op, node, chosen.priority)
            return []
        selected[node.name] = chosen.impl.provider
        if isinstance(chosen.impl, IreeImpl) and self._is_normal(op, given):
            _retarget(node, chosen.impl)
            return []
        return self._inline(op, node, chosen.impl, key)

    def _normal(self, op: IrOp, given: Any) -> tuple[Any, ...]:
        if op.normalize is None:
            return given
        with self.fake_mode, enable_python_dispatcher():
            return op.normalize(*given)

    def _is_normal(self, op: IrOp, given: tuple[Any, ...]) -> bool:
        pairs = zip(self._normal(op, given), given, strict=True)
        return all(normal is value for normal, value in pairs)

    def _inline(self, op: IrOp, node: fx.Node, impl: IrOpImpl, key: Any) -> list[fx.Node]:
        leaves = pytree.tree_map(lambda a: isinstance(a, fx.Node), tuple(node.args))
        kind = (impl, key, str(leaves))
        trace = self.traces.get(kind)
        if trace is None or not trace.repeatable:
            trace = self.traces[kind] = self._trace(op, node, impl)
        results, new = insert_trace(trace, node, self.fake_mode)
        given = dict(zip(op.arg_names, node.args, strict=True))
        pass_donation_on([given[name] for name in donated_arguments(node)], new)
        replace_results(node, give_layout(node, results))
        return new

    def _trace(self, op: IrOp, node: fx.Node, impl: IrOpImpl) -> Trace:
        self.record.counts["traces"] += 1

        function = impl.impl_fn if impl.inplace else impl.traced

        def compute(*given: Any) -> Any:
            return function(*(given if op.normalize is None else op.normalize(*given)))

        try:
            return trace_call(compute, node.args, self.fake_mode, may_write=impl.inplace)
        except Exception as error:
            raise LoweringError(
                f"op {op.name}: provider {impl.provider} cannot be traced for node {node.name}, "
                "must be torch operators to be lowered",
                facts=[f"{type(error).__name__}: {error}", *filter(None, [where(node)])],
                fix=f"leave {impl.provider} out of the priority while this is compiled, or make "
                "its function call a torch op of its own",
            ) from error


def _ask(op: IrOp, node: fx.Node, priority: Priority) -> None:
    """Keep a node that asks the providers of the priority in each call."""
    node.target = op.torch_op
    mark_providers(node, op, priority)


def _retarget(node: fx.Node, impl: IreeImpl) -> None:
    """Let a node call the kernel, whose results are contiguous."""
    node.target = impl.kernel_packet.default
    mark_kernel(node, impl.kernel)
    give_contiguous_layout(node)


def _mark_if_kernel(node: fx.Node) -> None:
    """Mark a node that calls a kernel already, as the functions of providers do."""
    target = node.target
    if not isinstance(target, torch._ops.OpOverload) or target._overloadname != "default":
        return
    kernel = ALL_CUSTOM_OP_REGS.present().get(target._schema.name)
    if kernel is None or kernel.mutated_args or kernel.returned_arg is not None:
        return
    if not node.kwargs and kernel.positional_count == len(kernel.arg_names):
        mark_kernel(node, kernel)


def _log(record: PassRecord) -> None:
    for op, selected in sorted(record.selected_impls.items()):
        counts = ",".join(f"{name}*{n}" for name, n in Counter(selected.values()).items())
        logger.debug("lowered %s=%s", op, counts)
