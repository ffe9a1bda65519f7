"""Which clones go and which stay: small graphs, most of them wrong where names decide."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import fx

from ir_runtime.passes.inplace.clone_elimination import CloneElimination
from ir_runtime.passes.inplace.donation import mark_donated_clone
from tests.passes.captured_graph import run
from tests.passes.traced_graphs import assert_same_effect, traced

aten = torch.ops.aten
X, Y = torch.rand(4, 6) + 1, torch.rand(4, 6) + 1


def left(function, *args, donated=()):
    """Return how many clones are left of a function's graph; it does the same as before."""
    before = traced(function, *args)
    after = copy.deepcopy(before)
    clones = list(after.graph.find_nodes(op="call_function", target=aten.clone.default))
    for i in donated:
        mark_donated_clone(clones[i])
    record = run(CloneElimination(), after)
    if not donated:
        assert_same_effect(before, after, args)
    kept = list(after.graph.find_nodes(op="call_function", target=aten.clone.default))
    assert record.counts["kept"] == len(kept) == len(clones) - record.counts["removed"]
    assert run(CloneElimination(), after).counts["removed"] == 0
    return len(kept)


def read_only(x):
    return x.clone() + 1


def written_then_source_is_read(x):
    y = x + 1
    return y.clone().add_(1) * y


def written_and_source_is_dead(x):
    y = x + 1
    return y.clone().add_(1) * 2


def chain(x):
    return (x + 1).clone().clone().clone().mul_(2).sum()


def two_clones_of_an_input(x):
    return x.clone().sum() + x.clone().mean()


def view_of_an_input_is_written(x):
    """Hazard 1: the source of the clone is no placeholder."""
    return x[1:].clone().add_(1).sum()


def base_is_read_later(x):
    y = x + 1
    return y[1:].clone().add_(1).sum() + y.sum()


def other_part_of_the_base_is_read_later(x):
    y = x + 1
    return y[1:].clone().add_(1).sum() + y[:1].sum()


def other_columns_of_the_base_are_read_later(x):
    """Hazard 5: the clone is dense, its source is not."""
    y = x + 1
    return y[:, 3:].t().clone().add_(1).sum() + y[:, :3].sum()


def one_tensor_twice(x):
    """Hazard 2: the two clones become one argument."""
    y = x + 1
    one, two = y.clone(), y.clone()
    torch._foreach_add_([one, two], 1)
    return one + 2 * two


def kept_before_it_is_written(x):
    """Hazard 3: the second clone is read-only, after the first is gone."""
    y = x + 1
    one, keep = y.clone(), y.clone()
    one.add_(1)
    return one * keep


def two_writers(x):
    """Hazard 4."""
    y = (x + 1).clone()
    y.add_(1)
    y.mul_(2)
    return y.sum()


def other_memory_format(x):
    """Hazard 5."""
    return (x + 1).t().clone(memory_format=torch.contiguous_format).view(-1)


def expanded(x):
    """Hazard 5: the clone has memory of its own for each row."""
    return (x[0] + 1).expand(4, 6).clone().add_(torch.arange(24.0).view(4, 6)).sum()


def result_and_input(x):
    return x.clone()


def two_results(x):
    y = x + 1
    return y, y.clone()


def one_result(x):
    return (x + 1).clone()


def result_is_a_view(x):
    return x.clone()[1:]


def keyword_writer(x):
    y = x + 1
    return aten.add_.Tensor(y.clone(), other=y, alpha=1) * y


def out_keyword(x):
    y = x + 1
    z = y.clone()
    aten.mul.out(y, y, out=z)
    return z + y


def input_is_changed_by_the_graph(x):
    """What the clone becomes is copied into the input at the end: it may be the input."""
    y = x.clone().mul_(2).add_(1)
    x.copy_(y)
    return y.sum()


def input_is_changed_otherwise(x):
    y = x.clone().mul_(2)
    total = y.sum()
    x.copy_(y + 1)
    return total


def source_changes_before_the_clone_is_read(x):
    y = x + 1
    old = y.clone()
    y.add_(1)
    return old.sum() + y.sum()


def as_strided_from_another_offset(x):
    y = x + 1
    return y[1:].clone().as_strided((2,), (1,)).mul_(2).sum()


def result_is_in_a_list_of_views(x):
    """Once the first clone is gone, fake tensors of its views still have its storage."""
    y = (x + 1).clone()
    return y, y.split(2)[0].clone()


def copy_onto_itself_was_a_write(x):
    """Only without the copy can the first clone go."""
    y = x.clone()
    turned = y.t()
    other = turned.clone()
    turned.copy_(other)
    return y.sum(), other.sum()


@pytest.mark.parametrize(
    ("function", "kept"),
    [
        (read_only, 0),
        (written_then_source_is_read, 1),
        (written_and_source_is_dead, 0),
        (chain, 0),
        (two_clones_of_an_input, 0),
        (view_of_an_input_is_written, 1),
        (base_is_read_later, 1),
        (other_part_of_the_base_is_read_later, 0),
        (other_columns_of_the_base_are_read_later, 1),
        (one_tensor_twice, 1),
        (kept_before_it_is_written, 1),
        (two_writers, 0),
        (other_memory_format, 1),
        (expanded, 1),
        (result_and_input, 1),
        (two_results, 1),
        (one_result, 0),
        (result_is_a_view, 1),
        (keyword_writer, 1),
        (out_keyword, 1),
        (input_is_changed_by_the_graph, 0),
        (input_is_changed_otherwise, 0),
        (source_changes_before_the_clone_is_read, 1),
        (as_strided_from_another_offset, 1),
        (result_is_in_a_list_of_views, 1),
        (copy_onto_itself_was_a_write, 0),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_clones_that_stay(function, kept):
    assert left(function, X) == kept


def test_self_copies_are_dropped():
    module = traced(input_is_changed_by_the_graph, X)
    run(CloneElimination(), module)
    assert not module.graph.find_nodes(op="call_function", target=aten.copy_.default)


def test_copies_of_other_shapes_stay():
    """Hazard 31: a row is copied into each row of the tensor that it is a part of."""

    def f(x):
        row = x[0].clone()
        x.copy_(row)
        return x.sum()

    before = traced(f, X)
    after = copy.deepcopy(before)
    run(CloneElimination(), after)
    assert_same_effect(before, after, [X])
    assert len(after.graph.find_nodes(op="call_function", target=aten.copy_.default)) == 1


def test_donated_clone_is_written_where_its_source_lies():
    def f(x, y):
        return x.clone().add_(1) * y.clone().add_(1)

    assert left(f, X, Y) == 2
    assert left(f, X, Y, donated=[0]) == 1
    assert left(f, X, Y, donated=[0, 1]) == 0


def test_donation_does_not_help_a_later_reader():
    def f(x):
        return x.clone().add_(1) * x

    assert left(f, X, donated=[0]) == 1


def test_symbolic_sizes():
    module = traced(written_and_source_is_dead, X, symbolic=True)
    assert run(CloneElimination(), module).counts["removed"] == 1
    module = traced(other_part_of_the_base_is_read_later, X, symbolic=True)
    assert run(CloneElimination(), module).counts["removed"] == 0  # nothing tells where it lies


def test_subgraphs_that_write_nothing_are_readers():
    def f(x):
        y = x + 1
        z = y.clone()
        found = torch.cond(x.sum() > 0, lambda a: a * 2, lambda a: a * 3, (z,))
        return found + z.add_(1)

    module = traced(f, X)
    assert run(CloneElimination(), module).counts["removed"] == 1


def test_unknown_nodes_keep_clones():
    """A node without fake values may be anything of what it takes."""
    graph = fx.Graph()
    x = graph.placeholder("x")
    clone = graph.call_function(aten.clone.default, (x,))
    graph.output(graph.call_function(torch.relu_, (clone,)))
    module = fx.GraphModule({}, graph)
    assert run(CloneElimination(), module).counts["kept"] == 1
