"""Arguments that an op changes: beside results, several at once, in lists, optional."""

from __future__ import annotations

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.errors import GenerateError, NotDifferentiableError, RegistrationError
from ir_runtime.op_reg import CustomOp
from ir_runtime.op_reg.call.kernel import run_select
from tests.op_reg.ops import LIBRARY, make_op, op_of
from tests.sampling import covering

X = torch.arange(6.0).reshape(2, 3)


@CustomOp.register(library=LIBRARY)
class accumulate(CustomOp):
    """Changes `x` to `x + y`, and returns the new tensor `x * y`."""

    signature = "accumulate_@UNIQUE@_(Tensor(a!) x, Tensor y) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0, inplace_tied=True)
        ksel.arg_tensor(1).require_shape(x)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        x, y = kb.arg(0), kb.arg(1)
        kb.yield_results(arith.mulf(x, y), arith.addf(x, y))


@CustomOp.register(library=LIBRARY)
class add_to_each(CustomOp):
    """Adds `y` to each tensor of a list."""

    signature = "add_to_each_@UNIQUE@_(Tensor(a!)[] xs, Tensor y) -> ()"

    def select(self, ksel):
        ksel.arg_tensor_list(0, inplace_tied=True)
        ksel.arg_tensor(1)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        kb.yield_results(*(arith.addf(x, kb.arg(1)) for x in kb.arg(0)))


@CustomOp.register(library=LIBRARY)
class add_to_some(CustomOp):
    """Adds `y` to `x` if there is one, and to `z`."""

    signature = "add_to_some_@UNIQUE@_(Tensor(a!)? x, Tensor y, Tensor(b!) z) -> ()"

    def select(self, ksel):
        ksel.arg_optional_tensor(0, inplace_tied=True)
        ksel.arg_tensor(1)
        ksel.arg_tensor(2, inplace_tied=True)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        x, y, z = (kb.arg_value(i) for i in range(3))
        kb.yield_results(*(arith.addf(v, y) for v in (x, z) if v is not None))


@CustomOp.register(library=LIBRARY)
class returns_the_old(CustomOp):
    """Changes `x` to `y`, and returns what `x` was: a kernel that only passes on."""

    signature = "returns_the_old_@UNIQUE@_(Tensor(a!) x, Tensor y) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0, inplace_tied=True)
        ksel.arg_tensor(1)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        kb.yield_results(kb.arg(0), kb.arg(1))


def test_mutation_beside_a_result():
    for _ in range(2):  # the second call hits
        x, y = X.clone(), X + 1
        assert torch.equal(accumulate(x, y), X * y)
        assert torch.equal(x, X + y)


def test_results_of_a_kernel_that_passes_on_alias_nothing():
    x, y = X.clone(), X + 1
    old = returns_the_old(x, y)
    assert torch.equal(old, X)
    assert torch.equal(x, y)
    assert len({t.data_ptr() for t in (old, x, y)}) == 3


def test_mutation_with_an_argument_that_is_the_same_tensor():
    x = X.clone()
    assert torch.equal(accumulate(x, x), X * X)
    assert torch.equal(x, X * 2)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_each_tensor_of_a_list_is_changed(count):
    for _ in range(2):
        xs = [X * i for i in range(count)]
        assert add_to_each(xs, X) is None
        assert all(torch.equal(x, X * (i + 1)) for i, x in enumerate(xs))


def test_tensors_of_a_list_in_any_layout():
    xs = [X.t().clone().t(), torch.zeros(4, 6)[::2, ::2], X.clone()]
    before = [x.clone() for x in xs]
    add_to_each(xs, X)
    assert all(torch.equal(x, b + X) for x, b in zip(xs, before, strict=True))


def test_list_without_elements_in_its_tensors():
    x = torch.empty(0, 3)
    add_to_each([x, x.clone()], x)
    assert x.shape == (0, 3)


def test_mutation_of_a_list_bumps_each_version():
    xs = [X.clone(), X.clone()]
    add_to_each(xs, X)
    assert [x._version for x in xs] == [1, 1]


def test_optional_argument_is_changed_where_it_is_given():
    for _ in range(2):
        x, z = X.clone(), X * 10
        add_to_some(x, X, z)
        assert torch.equal(x, X * 2)
        assert torch.equal(z, X * 11)
        add_to_some(None, X, z)
        assert torch.equal(z, X * 12)


def test_hit_of_a_mutation_runs_no_select():
    add_to_each([X.clone()], X)
    with count_since() as counts:
        add_to_each([X.clone()], X)
    assert counts[0].selects == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda x: accumulate(x, X),
        lambda x: accumulate(X.clone(), x),
        lambda x: add_to_each([X.clone(), x], X),
        lambda x: add_to_some(x, X, X.clone()),
    ],
)
def test_mutation_that_needs_a_gradient_is_refused(call):
    with pytest.raises(NotDifferentiableError):
        call((X * 1).requires_grad_() * 2)


def test_generate_that_forgets_the_elements_of_a_list():
    packet = make_op(
        "forgets_@UNIQUE@_(Tensor(a!)[] xs) -> ()",
        lambda self, ksel: ksel.arg_tensor_list(0, inplace_tied=True),
        lambda self, ksel, kb: kb.yield_results(),
    )
    with pytest.raises(GenerateError) as caught:
        packet([X.clone(), X.clone()])
    assert str(caught.value) == (
        f"{op_of(packet).name}: `generate` yields 0 results, must be 2 as `select` declares\n"
        "    2 of them for in-place arguments"
    )


@pytest.mark.parametrize("kind", ["list", "optional"])
def test_mutable_argument_must_be_inplace_tied(kind):
    signature, value = {
        "list": ("Tensor(a!)[] x", [X.clone()]),
        "optional": ("Tensor(a!)? x", X.clone()),
    }[kind]
    declare = {"list": "arg_tensor_list", "optional": "arg_optional_tensor"}[kind]
    packet = make_op(
        f"untied_@UNIQUE@_({signature}) -> ()",
        lambda self, ksel: getattr(ksel, declare)(0),
        lambda self, ksel, kb: kb.yield_results(),
    )
    with pytest.raises(RegistrationError, match="marks `x` mutable, `select` must declare just"):
        packet(value)


def test_tied_arguments_are_in_the_key_and_listed():
    ksel = run_select(op_of(add_to_some), [X, X, X])
    assert ksel.inplace_tied_arg_descs == [ksel.arg_descs[0], ksel.arg_descs[2]]
    assert ksel.spec_key.endswith("tied(0, 2)")
    absent = run_select(op_of(add_to_some), [None, X, X])
    assert absent.inplace_tied_arg_descs == [absent.arg_descs[2]]
    assert absent.spec_key.endswith("tied(2)")


CHANGED = "result 0 is a changed list or optional argument, must return () then"
ALIASES = {
    "(Tensor(a) x) -> Tensor(a)": "argument `x` may be aliased by a result, "
    "must be marked mutable, as Tensor(a!), or not at all",
    "(Tensor(a!) x) -> Tensor(b!)": "result 0 aliases no mutable argument, "
    "must be new or one of those",
    "(Tensor(a!)? x) -> Tensor(a!)?": CHANGED,
    "(Tensor(a!)[] x) -> Tensor(a!)[]": CHANGED,
    "(Tensor(a!) x) -> (Tensor(a!), Tensor)": "several mutated arguments or results, "
    "must return () then",
}


@pytest.mark.parametrize(("schema", "message"), ALIASES.items())
def test_alias_that_ops_do_not_have_is_refused_at_once(schema, message):
    with pytest.raises(RegistrationError) as caught:
        make_op(f"aliased_{schema}", None, None)
    assert str(caught.value) == f"aliased_: {message}"


def accumulated(x, y):
    x = x.clone()
    return accumulate(x, y) + x


def added_to_each(x, y):
    xs = [x.clone(), x * 2]
    add_to_each(xs, y)
    return xs[0] + xs[1]


def added_to_some(x, y):
    x, z = x.clone(), x * 2
    add_to_some(x, y, z)
    add_to_some(None, y, z)
    return x + z


COMPILED = {
    "beside a result": (accumulated, lambda x, y: x * y + x + y),
    "list": (added_to_each, lambda x, y: x * 3 + y * 2),
    "optional": (added_to_some, lambda x, y: x * 3 + y * 3),
}


@covering(name=tuple(COMPILED), dynamic=(False, True))
def test_compiled_call_computes_the_same(name, dynamic):
    call, expected = COMPILED[name]
    compiled = torch.compile(call, fullgraph=True, dynamic=dynamic)
    torch.testing.assert_close(compiled(X, X + 1), expected(X, X + 1))


OPCHECKS = {
    "beside a result": (accumulate, (X.clone(), X + 1)),
    "passes on": (returns_the_old, (X.clone(), X + 1)),
    "list": (add_to_each, ([X.clone(), X.clone()], X)),
    "optional": (add_to_some, (X.clone(), X, X.clone())),
    "optional, absent": (add_to_some, (None, X, X.clone())),
}


@pytest.mark.parametrize(("packet", "args"), OPCHECKS.values(), ids=OPCHECKS)
def test_opcheck(packet, args):
    torch.library.opcheck(packet.default, args)
