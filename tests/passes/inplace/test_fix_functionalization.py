"""Functional forms of both versions become calls that write in place, if nobody sees it."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

import kernels_mlir  # noqa: F401 - announces an op
from ir_runtime.passes.inplace.fix_functionalization import FixFunctionalizationPass
from ir_runtime.passes.record.run_record import PassRecord
from tests.passes.captured_graph import captured, results, targets

aten = torch.ops.aten
FORMS = (torch.ops.higher_order.auto_functionalized, torch.ops.higher_order.auto_functionalized_v2)
X = torch.arange(12.0).reshape(4, 3)


@torch.library.custom_op("ir_runtime_tests::bump", mutates_args=("x",))
def bump(x: Tensor, by: Tensor, factor: float = 1.0) -> None:
    """Add a multiple."""
    x.add_(by * factor)


@torch.library.custom_op("ir_runtime_tests::bump_both", mutates_args=("x", "rest"))
def bump_both(x: Tensor, rest: Tensor | None = None, *, by: float = 1.0) -> Tensor:
    """Add to two tensors, the second of which may be None; return a new tensor."""
    x.add_(by)
    if rest is not None:
        rest.mul_(2)
    return x.sum()


@bump_both.register_fake
def _(x, rest=None, *, by=1.0):
    return x.new_empty(())


@torch.library.custom_op("ir_runtime_tests::two_results", mutates_args=("x",))
def two_results(x: Tensor, word: str) -> tuple[Tensor, Tensor]:
    """Return twice and thrice what `x` was; an argument is a text."""
    found = x * 2, x * len(word)
    x.add_(1)
    return found


@two_results.register_fake
def _(x, word):
    return torch.empty_like(x), torch.empty_like(x)


@torch.library.custom_op("ir_runtime_tests::bump_by_all", mutates_args=("x",))
def bump_by_all(x: Tensor, all_of: list[Tensor], last: Tensor | None = None) -> Tensor:
    """Add several tensors; return a new one."""
    for each in all_of:
        x.add_(each)
    return x * 2 if last is None else x * last


@bump_by_all.register_fake
def _(x, all_of, last=None):
    return torch.empty_like(x)


@torch.library.custom_op("ir_runtime_tests::bump_all", mutates_args=("each",))
def bump_all(each: list[Tensor], by: Tensor | None = None) -> None:
    """Add to several tensors."""
    for x in each:
        x.add_(1 if by is None else by)


def plain(x):
    y = x + 1
    bump(y, x)
    return y * 2


def base_is_read_later(x):
    """Hazard 17."""
    y = x + 1
    z = y.clone()
    bump(z, x)
    return y + z


def input_is_no_result(x):
    """Hazard 17: the caller must not see a change."""
    y = x.clone()
    bump(y, x)
    return y.sum()


def input_is_changed(x):
    bump(x, x * 2)
    return x + 1


def view_of_an_input_is_changed(x):
    bump(x[1:], x[1:] * 2)
    return x + 1


def view_is_changed(x):
    y = x + 1
    bump(y[1:], x[1:])
    return y * 2


def column_is_changed_and_others_are_read(x):
    y = x + 1
    bump(y[:, 0], x[:, 1])
    return y[:, 1:] * 2


def changed_twice(x):
    y = x + 1
    bump(y, x)
    bump(y, x, 3.0)
    return y


def reads_its_own_base(x):
    """The op reads a tensor while it changes it under another name."""
    y = x + 1
    bump(y, y.clone())
    bump(y[:2], y[2:])
    bump(y[:2], y[1:3])
    return y


def own_result(x):
    y, z = x + 1, x + 2
    total = bump_both(y, z, by=3.0)
    return y * z + total


def none_is_changed(x):
    """Hazard 21."""
    y = x + 1
    total = bump_both(y, None)
    return y + total


def one_tensor_twice(x):
    y = x + 1
    z = y + 0
    return bump_both(y, z), y, z


def several_results_and_a_text(x):
    y = x + 1
    one, two = two_results(y, "four")
    return one + two + y


def lists_are_read(x):
    """Hazard 16: a list is one argument, whatever commas the schema has."""
    y, z = x + 1, x + 2
    total = bump_by_all(y, [x, z])
    return bump_by_all(y, [z], z) + total, y


def changed_tensor_is_read_in_a_list(x):
    """Hazard 16: and its tensors are read."""
    y = x + 1
    z = y.clone()
    total = bump_by_all(z, [y, y])
    return total, y, z


def lists_are_changed(x):
    """Hazard 16."""
    y, z = x + 1, x + 2
    bump_all([y, z], x)
    return y * z


def nothing_is_read(x):
    y = x + 1
    bump(y, x)
    return x * 2


FUNCTIONS = {
    plain: 1,
    base_is_read_later: 1,
    input_is_no_result: 1,
    input_is_changed: 1,
    view_of_an_input_is_changed: 1,
    view_is_changed: 1,
    column_is_changed_and_others_are_read: 1,
    changed_twice: 2,
    reads_its_own_base: None,
    own_result: 1,
    none_is_changed: 1,
    one_tensor_twice: 1,
    several_results_and_a_text: 1,
    lists_are_read: 2,
    changed_tensor_is_read_in_a_list: 1,
    lists_are_changed: 0,
    nothing_is_read: None,
}


def fixed(module) -> PassRecord:
    from ir_runtime.passes.active_run import collecting

    with collecting() as found:
        FixFunctionalizationPass()(module.graph)
    module.graph.lint()
    module.recompile()
    (record,) = found[0].passes
    return record


@pytest.mark.parametrize("v2", [False, True], ids=["v1", "v2"])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_same_results_and_inputs(function, v2):
    """Hazard 20: no table lists these ops."""
    module = captured(function, X.clone(), enable_auto_functionalized_v2=v2)
    forms = sum(target in FORMS for target in targets(module))
    wanted_input, given = X.clone(), X.clone()
    wanted = function(wanted_input)
    record = fixed(module)
    found = results(module, given)
    for mine, theirs in zip(found[-len(_listed(wanted)) :], _listed(wanted), strict=True):
        torch.testing.assert_close(mine, theirs)
    assert torch.equal(given, wanted_input)
    assert record.counts["defunctionalized"] + record.counts["left"] == forms
    if FUNCTIONS[function] is not None:
        assert record.counts["defunctionalized"] == FUNCTIONS[function]


def _listed(values):
    return list(values) if isinstance(values, list | tuple) else [values]


def test_changed_input_needs_no_copy_back():
    """Hazard 30."""
    module = captured(input_is_changed, X.clone())
    fixed(module)
    assert aten.copy_.default not in targets(module)


def test_calls_are_not_dead_code():
    module = captured(nothing_is_read, X.clone(), enable_auto_functionalized_v2=True)
    assert not any(target in FORMS for target in targets(module))  # torch has removed it
    module = captured(plain, X.clone())
    fixed(module)
    module.graph.eliminate_dead_code()
    assert torch.ops.ir_runtime_tests.bump.default in targets(module)


def test_node_whose_results_are_taken_as_one_is_left():
    """Hazard 19: a `control_deps` user of the node."""
    module = captured(plain, X.clone())
    (node,) = (n for n in module.graph.nodes if n.target in FORMS)
    with module.graph.inserting_after(node):
        other = module.graph.call_function(len, (node,))
        other.meta["val"] = 2
    assert fixed(module).counts["left"] == 1
    assert torch.equal(results(module, X)[0], plain(X))


def test_out_overloads_are_left():
    """Inductor makes their tensors itself: nothing of them is copied."""

    def f(x):
        out = torch.empty_like(x)
        torch.ops.ir_runtime.silu.out(x, out=out)
        return out

    module = captured(f, X)
    forms = [target for target in targets(module) if target in FORMS]
    assert fixed(module).counts["left"] == len(forms)


FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("v2", "length"),
    [(True, 2), pytest.param(True, 3, marks=FULL), pytest.param(False, 3, marks=FULL)],
)
def test_every_order_of_writes_and_reads(v2, length):
    """Of each base, changed copy and view, in each order: nothing is wrong."""
    steps = {
        "y": lambda y, z: y.sum(),
        "view": lambda y, z: y[1:].mean(),
        "z": lambda y, z: z.amax(),
        "bump": lambda y, z: bump(z, y),
    }
    for order in itertools.permutations(steps, length):

        def f(x, order=order):
            y = x + 1
            z = y.view(-1).view(4, 3)
            found = [steps[name](y, z) for name in order]
            return [each for each in found if each is not None]

        module = captured(f, X.clone(), enable_auto_functionalized_v2=v2)
        fixed(module)
        for mine, theirs in zip(results(module, X.clone()), f(X.clone()), strict=True):
            torch.testing.assert_close(mine, theirs)
