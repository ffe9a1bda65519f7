"""Cleanup passes: what they remove, and what must stay because somebody would notice."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, fx
from torch._inductor.fx_passes.control_dependencies import preserve_node_ordering
from torch.fx.passes.fake_tensor_prop import FakeTensorProp
from torch.utils._ordered_set import OrderedSet

from ir_runtime.passes import GraphPass, PassRecord
from ir_runtime.passes.cleanup.noop_elimination import NoOpElimination
from ir_runtime.passes.cleanup.post_cleanup import PostCleanup
from ir_runtime.passes.cleanup.scatter_split import ScatterSplitReplacement
from ir_runtime.passes.cleanup.split_coalescing import SplitCoalescing
from tests.passes.traced_graphs import assert_same_effect, aten, targets, traced


def cleaned(each: GraphPass, module: fx.GraphModule) -> PassRecord:
    """Run a pass over a module."""
    record = PassRecord(each.name)
    each.run(module.graph, record)
    module.graph.lint()
    return record


def check(
    each: GraphPass, function: Callable[..., Any], *args: Tensor, left: list[str] | None = None
) -> PassRecord:
    """Run a pass over a function's graph, compare the effect, and tell which calls are left."""
    before = traced(function, *args)
    after = copy.deepcopy(before)
    record = cleaned(each, after)
    assert_same_effect(before, after, args)
    if left is not None:
        assert [t.removeprefix("aten.") for t in targets(after)] == left
    return record


X = torch.arange(32.0).reshape(4, 8)


def test_reshapes_become_one_and_go_if_they_change_nothing():
    chain = check(
        NoOpElimination(),
        lambda x: x.reshape(32).reshape(8, 4).reshape(2, 16) * 2,
        X,
        left=["reshape.default", "mul.Tensor"],
    )
    assert chain.matched_count == 2
    check(NoOpElimination(), lambda x: x.reshape(32).reshape(4, 8) * 2, X, left=["mul.Tensor"])


def test_a_reshape_that_copies_keeps_its_layout():
    """Hazard 5: the two reshapes made rows of a transposed tensor; without them it stays one."""
    graph = fx.Graph()
    value = graph.call_function(aten.t.default, (graph.placeholder("x"),))
    for sizes in ([32], [8, 4]):
        value = graph.call_function(aten.reshape.default, (value, sizes))
    graph.output(graph.call_function(aten.as_strided.default, (value, (8, 4), (4, 1))))
    before = fx.GraphModule({}, graph)
    FakeTensorProp(before).propagate(X)
    after = copy.deepcopy(before)
    assert cleaned(NoOpElimination(), after).matched_count == 0
    assert_same_effect(before, after, (X,))


def test_a_size_to_be_inferred_gets_its_number_and_the_end_of_a_slice_does_not():
    """Hazard 27: -1 is a place in a slice, a size to infer in a reshape."""
    module = traced(lambda x: (x.reshape(-1, 4) + 1)[0:-1], X)
    record = cleaned(NoOpElimination(), module)
    assert record.counts == {"sizes": 1}
    (reshape,) = module.graph.find_nodes(op="call_function", target=aten.reshape.default)
    assert reshape.args[1] == [8, 4]
    (piece,) = module.graph.find_nodes(op="call_function", target=aten.slice.Tensor)
    assert piece.args[3] == -1


def test_only_slices_of_everything_go():
    cut = aten.slice.Tensor
    whole = check(NoOpElimination(), lambda x: cut(x, 0, 0, 4) + cut(x, 1, -8, 9), X)
    assert whole.matched_count == 2
    check(NoOpElimination(), lambda x: x[0:3] + 1, X, left=["slice.Tensor", "add.Tensor"])


def test_open_sizes_get_no_guard():
    """Hazard 27: comparing two open sizes would make the graph one for this size alone."""

    def function(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return x.reshape(x.shape[0], 8) + 1, x[: y.shape[0]] * 2

    module = traced(function, X, torch.ones(3), symbolic=True)
    x = next(iter(module.graph.nodes)).meta["val"]
    shape_env = x.shape[0].node.shape_env
    guards = len(shape_env.guards)
    record = cleaned(NoOpElimination(), module)
    assert len(shape_env.guards) == guards
    assert record.matched_count == 1  # the reshape to what is known to be the same size
    assert "aten.slice.Tensor" in targets(module)


def scattered(x: Tensor, y: Tensor) -> Tensor:
    return torch.slice_scatter(x, y, 0, 0, 4)


SCATTERS = {
    "of a new value": (lambda x, y: scattered(x, y * 2) + 1, 1),
    "of an argument, returned": (scattered, 0),
    "of an alias of an argument, returned": (lambda x, y: scattered(x, aten.alias(y)), 0),
    "returned beside its source": (lambda x, y: (z := y * 2, scattered(x, z)), 0),
    "returned twice": (lambda x, y: (z := y * 2, scattered(x, z), scattered(x + 1, z))[1:], 1),
    "written later": (lambda x, y: (z := y * 2, scattered(x, z).add_(1), z + 0)[2], 0),
    "a view is returned": (lambda x, y: scattered(x, y).reshape(32), 0),
    "of a part": (lambda x, y: torch.slice_scatter(x, y[:2] * 2, 0, 0, 2) + 1, 0),
    "transposed": (lambda x, y: scattered(x, (y * 2).reshape(8, 4).t()) + 1, 0),
}


@pytest.mark.parametrize("case", SCATTERS)
def test_a_scatter_over_everything_goes_unless_somebody_sees_its_memory(case: str):
    function, removed = SCATTERS[case]
    before = traced(function, X, X + 100)
    after = copy.deepcopy(before)
    record = cleaned(NoOpElimination(), after)
    assert_same_effect(before, after, (X, X + 100))
    gone = targets(before).count("aten.slice_scatter.default")
    gone -= targets(after).count("aten.slice_scatter.default")
    assert gone == record.matched_count == removed


def test_dead_code_goes_and_writers_stay():
    def function(x: Tensor) -> Tensor:
        x * 3
        x.add_(1)
        return x.relu()

    record = check(PostCleanup(), function, X, left=["add_.Tensor", "relu.default"])
    assert record.matched_count == 1


def test_order_comes_back_and_an_ordered_graph_keeps_its_own():
    module = traced(lambda x: (x + 1).mul_(2).relu(), X)
    order = [node.name for node in module.graph.nodes]
    assert not cleaned(PostCleanup(), module).counts
    relu = module.graph.find_nodes(op="call_function", target=aten.relu.default)[0]
    next(iter(module.graph.nodes)).append(relu)
    with pytest.raises(RuntimeError):
        module.graph.lint()
    assert cleaned(PostCleanup(), module).counts == {"sorted": 1}
    assert [node.name for node in module.graph.nodes] == order


def parts(x: Tensor, *sizes: int, dim: int = 1) -> list[Tensor]:
    return list(torch.split_with_sizes(x, sizes, dim))


def test_equal_splits_become_one():
    def function(x: Tensor) -> Tensor:
        q, _, v = parts(x, 2, 2, 4)
        again = parts(x, 2, 2, 4, dim=-1)
        other = parts(x, 4, 4)
        return q + again[1] + v[:, :2] + again[0] + other[0][:, :2]

    record = check(SplitCoalescing(), function, X)
    assert record.matched_count == 1
    assert record.counts["parts"] == 3


def test_parts_that_both_leave_the_graph_stay_two():
    def function(x: Tensor) -> tuple[Tensor, Tensor]:
        y = x * 2
        return parts(y, 4, 4)[0], parts(y, 4, 4)[0]

    record = check(SplitCoalescing(), function, X)
    assert record.matched_count == 1
    assert record.counts["parts"] == 1  # the second ones, which nobody uses


def turned(x: Tensor, *, k_from: int = 2, k_to: int = 4) -> list[Tensor]:
    """Change query and key inside of one tensor, as a functional graph does it, and split."""
    base = x + 0
    q, k, _ = parts(base, 2, 2, 4)
    new_q, new_k = q * 2, (k * 3)[:, : k_to - k_from]
    both = torch.slice_scatter(torch.slice_scatter(base, new_q, 1, 0, 2), new_k, 1, k_from, k_to)
    return parts(both, 2, 2, 4)


@pytest.mark.parametrize("bounds", [(2, 4), (-6, -4)])
def test_scattered_parts_are_read_where_they_were_made(bounds: tuple[int, int]):
    start, end = bounds
    record = check(
        ScatterSplitReplacement(),
        lambda x: [part.relu() for part in turned(x, k_from=start, k_to=end)],
        X,
    )
    assert record.matched_count == 3
    assert record.counts == {"scatters": 2}


def test_a_part_that_is_scattered_only_in_part_stays():
    record = check(ScatterSplitReplacement(), lambda x: [p.relu() for p in turned(x, k_from=3)], X)
    assert record.matched_count == 2  # query, and what no scatter touched
    assert not record.counts["scatters"]


@pytest.mark.parametrize("written", [False, True])
def test_parts_that_leave_the_graph_or_are_written_stay(written: bool):
    def function(x: Tensor) -> Any:
        q, k, v = turned(x)
        if written:
            return q.add_(1) + k, v + q.sum()
        return q, k, v

    assert check(ScatterSplitReplacement(), function, X).matched_count == 0


@pytest.mark.parametrize("each", [NoOpElimination(), SplitCoalescing(), PostCleanup()])
def test_a_node_that_others_must_follow_may_go(each: GraphPass):
    """Hazard 19: `control_deps` uses a node without reading it."""

    def function(x: Tensor) -> Tensor:
        kept = parts(x, 4, 4)[0]
        same = aten.reshape.default(parts(x, 4, 4)[1], [4, 4])
        return kept.relu() + same

    module = traced(function, X)
    nodes = {node.name: node for node in module.graph.nodes}
    after = {nodes["relu"]: OrderedSet([nodes["view"]])}
    preserve_node_ordering(module.graph, after)  # pyright: ignore[reportArgumentType]
    before = copy.deepcopy(module)
    assert any("control_deps" in target for target in targets(before))
    cleaned(each, module)
    assert_same_effect(before, module, (X,))
