"""Does every name of seed 003 exist, and does a pass written to its page work?

`Vllm` in a name is `Runtime` here. A parameter is written as in a signature; ours may have more,
with defaults.
"""

from __future__ import annotations

import inspect
import logging
from typing import Any

import pytest
import torch
from torch import fx
from torch._higher_order_ops.auto_functionalize import auto_functionalized

from ir_runtime import passes
from ir_runtime.passes.inplace import fix_functionalization
from tests.passes.captured_graph import captured, results, targets
from tests.passes.inplace.eight_ops import CASES
from tests.test_seed_004_names import check_signature, found

SIGNATURES = {
    "FixFunctionalizationPass.__call__": "self, graph",
    "FixFunctionalizationPass._remove": "self, node_or_nodes",
    "FixFunctionalizationPass.defunctionalize": "self, graph, node, mutated_args, args=",
    "FixFunctionalizationPass.getitem_users": "self, node",
    "FixFunctionalizationPass.insert_defunctionalized": "self, graph, node, args=",
    "FixFunctionalizationPass.replace_users_with_mutated_args": "self, node, mutated_args",
}
ops = torch.ops.ir_inplace
CHANGED = {
    ops.fused_add_rms_norm.default: {1: "input", 2: "residual"},
    ops.fused_add_rms_norm_static_fp8_quant.default: {1: "result", 2: "residual"},
    ops.rms_norm_dynamic_per_token_quant.default: {1: "result", 2: "scale", 3: "residual"},
    ops.rms_norm.default: {1: "result"},
    ops.rms_norm_static_fp8_quant.default: {1: "result"},
}


class TableFix(passes.FixFunctionalizationPass):
    """A pass as the seed's page has it: what each op changes is written down."""

    def __call__(self, graph: fx.Graph) -> None:
        self.begin()
        self.nodes_to_remove.clear()
        for node in graph.nodes:
            if passes.is_func(node, auto_functionalized):
                self.replace(graph, node)
        for node in self.nodes_to_remove:
            graph.erase_node(node)
        self.end_and_log()

    def replace(self, graph: fx.Graph, node: fx.Node) -> None:
        target = node.args[0]
        if target == ops.rotary_embedding.default:
            self.rotary(graph, node)
        elif target == ops.silu_and_mul.default:
            self.defunctionalize(graph, node, {1: "result"}, args=("result", "input"))
        elif target == ops.silu_and_mul_quant.default:
            args = ("result", "input", node.kwargs["scale"])
            self.defunctionalize(graph, node, {1: "result"}, args=args)
        else:
            self.defunctionalize(graph, node, CHANGED[target])

    def rotary(self, graph: fx.Graph, node: fx.Node) -> None:
        product: Any = node.kwargs["query"].args[0].args[0]
        for user in self.getitem_users(node).values():
            for scatter in list(user.users):
                if passes.is_func(scatter, torch.ops.aten.slice_scatter.default):
                    scatter.replace_all_uses_with(product)
                    self._remove(scatter)
            self._remove(user)
        self.insert_defunctionalized(graph, node)
        self._remove([node])


@pytest.mark.parametrize("path", SIGNATURES)
def test_a_name_has_the_seeds_signature(path: str) -> None:
    check_signature(found(passes, path), SIGNATURES[path])


def test_names_and_bases() -> None:
    cls = passes.FixFunctionalizationPass
    assert "FixFunctionalizationPass" in passes.__all__
    assert issubclass(cls, passes.RuntimeInductorPass)
    assert isinstance(fix_functionalization.logger, logging.Logger)
    made = cls(passes.RuntimeConfig())
    assert made == cls()
    assert made.uuid() == cls().uuid()
    assert made.pass_name == "FixFunctionalizationPass"
    assert isinstance(made.nodes_to_remove, list)
    assert inspect.isfunction(cls.defunctionalize)


@pytest.mark.parametrize("name", CASES)
def test_a_pass_with_a_table_works(name: str) -> None:
    """All eight ops of the page, in the first version of their functional form."""
    function, make = CASES[name]
    module = captured(function, *make(), enable_auto_functionalized_v2=False)
    assert auto_functionalized in targets(module)
    TableFix(passes.RuntimeConfig())(module.graph)
    module.graph.lint()
    module.recompile()
    assert auto_functionalized not in targets(module)
    wanted = function(*make())
    wanted = [wanted] if isinstance(wanted, torch.Tensor) else list(wanted)
    for mine, theirs in zip(results(module, *make()), wanted, strict=True):
        torch.testing.assert_close(mine.float(), theirs.float())


def test_another_node_is_refused() -> None:
    graph = fx.Graph()
    x = graph.placeholder("x")
    made = passes.FixFunctionalizationPass()
    with pytest.raises(AssertionError, match="is no auto-functionalized op"):
        made.insert_defunctionalized(graph, x)


def test_texts_and_nodes_stand_for_arguments() -> None:
    """A text is a name in the kwargs, a node is itself."""
    function, make = CASES["silu_and_mul"]
    module = captured(function, *make(), enable_auto_functionalized_v2=False)
    (node,) = module.graph.find_nodes(op="call_function", target=auto_functionalized)
    made = passes.FixFunctionalizationPass()
    made.nodes_to_remove.clear()
    assert list(made.getitem_users(node)) == [1]
    (user,) = made.getitem_users(node).values()
    made.replace_users_with_mutated_args(node, {1: node.kwargs["result"]})
    assert made.nodes_to_remove == [user]
    assert not user.users
    call = made.insert_defunctionalized(module.graph, node, args=(node.kwargs["result"], "input"))
    assert call.next is node
    assert call.args == (node.kwargs["result"], node.kwargs["input"])
