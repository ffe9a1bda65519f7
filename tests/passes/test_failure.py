"""A pass that raises leaves the graph as it was, and says where it was."""

from __future__ import annotations

import ast
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import fx

from ir_runtime.errors import ArgumentError
from ir_runtime.passes import GraphPass, NearMiss, PassRecord, Pipeline
from ir_runtime.passes.errors import ExpectedMatchError, PassError
from ir_runtime.settings import current_settings
from tests.passes.traced_graphs import aten, traced

OPTION = "post_grad_custom_post_pass"


class BrokenError(Exception):
    """Raised by the passes of this file."""


def model(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    y = (x + 1).reshape(8, 4)
    a, b = torch.split_with_sizes(y, [4, 4], 0)
    return (a * b).relu(), y.sum(), a


GRAPH = traced(model, torch.ones(4, 8))
NAMES = [node.name for node in GRAPH.graph.nodes]


def facts_of(graph: fx.Graph) -> list[Any]:
    """Return all that a pass can change of a graph."""
    return [
        (id(n), n.name, n.op, n.target, n.args, n.kwargs, n.type, dict(n.meta), list(n.users))
        for n in graph.nodes
    ]


@dataclass(frozen=True)
class Wreck(GraphPass):
    """Change everything on the way to a node, and fail there."""

    at: str

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        for node in list(graph.nodes):
            if node.name == self.at:
                raise BrokenError("broken")
            node.meta["mark"] = 1
            node.meta.pop("val", None)
            if node.op == "call_function":
                self._change(graph, node)

    def _change(self, graph: fx.Graph, node: fx.Node) -> None:
        with graph.inserting_after(node):
            made = graph.call_function(aten.neg.default, (node,))
        node.replace_all_uses_with(made, delete_user_cb=lambda user: user is not made)
        if node.target is operator.getitem:
            made.args = (node.args[0],)
            graph.erase_node(node)
        else:
            node.target = aten.cos.default
            graph._root.append(node)  # before all it reads
            node.name = f"changed_{node.name}"


@pytest.mark.parametrize("at", NAMES)
def test_the_graph_is_as_it_was_whichever_node_the_pass_fails_at(at: str, store: Any):
    graph = GRAPH.graph
    before, text = facts_of(graph), str(graph)
    with pytest.raises(PassError, match="broken") as failed:
        Pipeline([Wreck(at)]).options()[OPTION](graph)
    assert facts_of(graph) == before
    assert str(graph) == text
    graph.lint()
    sums = graph.find_nodes(op="call_function", target=aten.add.Tensor)
    assert [node.name for node in sums] == ["add"]
    assert len(graph.nodes) == len(NAMES)
    error = failed.value
    assert (error.pass_name, error.node) == ("Wreck", at)
    assert isinstance(error.__cause__, BrokenError)
    assert f"raised BrokenError at node {at} of the post_grad graph" in str(error)
    assert error.dump is not None
    assert Path(error.dump).is_relative_to(current_settings().store)
    ast.parse(Path(error.dump).read_text())


def test_a_graph_nested_in_it_comes_back_too():
    inner = traced(lambda x: x + 1, torch.ones(2))
    graph = fx.Graph()
    graph.output(graph.call_module("inner", (graph.placeholder("x"),)))
    outer = fx.GraphModule({"inner": inner}, graph)
    before = facts_of(inner.graph)

    def wreck(graph: fx.Graph) -> None:
        for node in list(inner.graph.nodes)[:0:-1]:
            inner.graph.erase_node(node)
        raise BrokenError

    with pytest.raises(PassError, match="pass wreck: raised BrokenError"):
        Pipeline([wreck]).options()[OPTION](outer.graph)
    assert facts_of(inner.graph) == before


@dataclass(frozen=True)
class Refuse(GraphPass):
    """Refuse a graph with an error of its own."""

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        next(iter(graph.nodes)).name = "other"
        raise PassError("Refuse: does not like x, must like it", pass_name="Refuse", node="x_1")


def test_a_refusal_of_a_pass_stays_itself():
    before = facts_of(GRAPH.graph)
    with pytest.raises(PassError) as refused:
        Pipeline([Refuse()]).options()[OPTION](GRAPH.graph)
    assert str(refused.value) == "Refuse: does not like x, must like it"
    assert facts_of(GRAPH.graph) == before


def test_the_line_of_the_user_is_named():
    class Two(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sin()

    module = torch.export.export(Two(), (torch.ones(2),)).module()
    (sin,) = module.graph.find_nodes(op="call_function", target=aten.sin.default)

    def fail(graph: fx.Graph) -> None:
        for node in graph.nodes:
            if node.target is aten.sin.default:
                graph.erase_node(node)

    with pytest.raises(PassError) as failed:
        Pipeline([fail]).options()[OPTION](module.graph)
    line = Two.forward.__code__.co_firstlineno + 1
    assert failed.value.node == sin.name
    assert f"the node is of test_failure.py:{line}" in str(failed.value)


@dataclass(frozen=True)
class Fuse(GraphPass):
    """Count the products, and call each sum a near miss."""

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        for node in graph.nodes:
            if node.target is aten.mul.Tensor:
                record.matched_count += 1
            elif node.target is aten.add.Tensor:
                record.near_misses.append(NearMiss("fused", node.name, "it adds", "model.py:3"))


def test_other_matches_than_expected_are_a_warning_or_an_error(caplog: Any):
    graph = GRAPH.graph
    Pipeline([Fuse()], expect={"Fuse": 1}, strict=True).options()[OPTION](graph)
    Pipeline([Fuse()], expect={"Fuse": range(1, 3)}, strict=True).options()[OPTION](graph)
    assert not caplog.records
    Pipeline([Fuse()], expect={"Fuse": 2}).options()[OPTION](graph)
    assert "pass Fuse: matched 1 places of the post_grad graph, must match 2" in caplog.text
    assert "almost fused at node add (model.py:3): it adds" in caplog.text
    with pytest.raises(ExpectedMatchError) as wrong:
        Pipeline([Fuse()], expect={"Fuse": 0}, strict=True).options()[OPTION](graph)
    assert wrong.value.node == "add"


def test_nothing_is_expected_of_a_graph_of_gradients():
    module = traced(lambda tangents_1: tangents_1 + 1, torch.ones(2))
    module.graph.find_nodes(op="placeholder")[0].target = "tangents_1"
    pipeline = Pipeline([Fuse()], expect={"Fuse": 5}, strict=True)
    pipeline.options()[OPTION](module.graph)
    assert pipeline.record.graphs[0].backward


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"Fusion": 1}, "expect: 'Fusion' is no pass of the pipeline, must be one of Fuse"),
        ({"Fuse": True}, "expect: 'Fuse' is True, must be a number or a range"),
    ],
)
def test_expectations_that_cannot_be_met_are_refused(expect: Any, message: str):
    with pytest.raises(ArgumentError) as refused:
        Pipeline([Fuse()], expect=expect)
    assert str(refused.value) == message
