"""Results that are lists, optional tensors or numbers."""

from __future__ import annotations

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.errors import (
    GenerateError,
    NotDifferentiableError,
    RegistrationError,
    UnsupportedTypeError,
)
from ir_runtime.op_reg.call.kernel import run_select
from tests.op_reg import result_ops as ops
from tests.op_reg.ops import make_op, op_of, scaled
from tests.sampling import covering

X, N = torch.arange(6.0).reshape(2, 3), torch.arange(-5, 3)


def equal(results, expected) -> bool:
    return len(results) == len(expected) and all(map(torch.equal, results, expected))


# --- lists --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 3])
def test_list_result_is_a_list(count):
    for _ in range(2):  # the second call hits
        results = ops.multiples(X, count)
        assert type(results) is list
        assert equal(results, [X * (i + 1) for i in range(count)])


def test_empty_list_runs_no_kernel(store):
    with count_since() as counts:
        assert ops.multiples(X, 0) == []
    assert counts[0].compiles == 0


def test_elements_of_a_list_have_their_own_memory():
    results = [X, *ops.multiples(X, 3)]
    assert len({t.untyped_storage().data_ptr() for t in results}) == 4


def test_same_value_twice_in_a_list_has_its_own_memory():
    packet = make_op(
        "pair_@UNIQUE@(Tensor x) -> Tensor[]",
        lambda self, ksel: ksel.return_tensor_list([ksel.arg_tensor(0).generate_meta()] * 2),
        lambda self, ksel, kb: kb.yield_results(kb.arg(0), kb.arg(0)),
    )
    a, b = packet(X)
    assert len({t.data_ptr() for t in (X, a, b)}) == 3
    assert equal([a, b], [X, X])


def test_list_beside_a_tensor():
    x = torch.randn(5)
    half, (sum_, stacked) = ops.halves(x)
    assert torch.equal(half, x / 2)
    torch.testing.assert_close(sum_, x.double().sum())
    assert torch.equal(stacked, torch.stack([x, x / 2]))


def test_list_of_tensors_without_elements():
    assert equal(ops.multiples(torch.empty(0, 4), 2), [torch.empty(0, 4)] * 2)


def test_hit_of_a_list_runs_no_select():
    ops.multiples(X, 2)
    with count_since() as counts:
        ops.multiples(X + 1, 2)
    assert counts[0].selects == 0


def test_sizes_and_dtypes_of_a_list_must_agree():
    ksel = run_select(op_of(ops.multiples), [X, 1])
    with pytest.raises(RegistrationError) as caught:
        ksel.return_new_tensor_list([(1,), (2,)], [torch.float32])
    assert str(caught.value) == (
        f"{op_of(ops.multiples).name}: `select` declares result 1 with 2 sizes and 1 dtypes, "
        "must be one dtype for each size"
    )


def test_list_that_yields_too_few_elements():
    packet = make_op(
        "few_@UNIQUE@(Tensor x) -> Tensor[]",
        lambda self, ksel: ksel.return_tensor_list([ksel.arg_tensor(0).generate_meta()] * 3),
        lambda self, ksel, kb: kb.yield_results(kb.arg(0)),
    )
    with pytest.raises(GenerateError) as caught:
        packet(X)
    assert str(caught.value) == (
        f"{op_of(packet).name}: `generate` yields 1 results, must be 3 as `select` declares"
    )


# --- optional -----------------------------------------------------------------------------------

MASKS = [[bool(m & 4), bool(m & 2), bool(m & 1)] for m in range(8)]


@pytest.mark.parametrize("mask", MASKS, ids=str)
def test_optional_results_keep_their_places(mask):
    for _ in range(2):
        results = ops.gradients(X, mask)
        assert [r is not None for r in results] == mask
        assert all(r is None or torch.equal(r, X * (i + 1)) for i, r in enumerate(results))


def test_all_results_absent_runs_no_kernel(store):
    with count_since() as counts:
        assert ops.gradients(X, [False] * 3) == (None, None, None)
        assert ops.perhaps(X, False) is None
    assert counts[0].compiles == 0


def test_one_optional_result():
    for _ in range(2):
        assert torch.equal(ops.perhaps(X, True), X * 2)


def test_absent_result_differs_from_a_present_one_in_the_key():
    keys = {run_select(op_of(ops.gradients), [X, mask]).spec_key for mask in MASKS}
    assert len(keys) == 8


def test_maybe_return_tensor_returns_the_descriptor():
    ksel = run_select(op_of(ops.perhaps), [X, True])
    assert ksel.maybe_return_tensor(X) is ksel.result_descs[-1]
    assert ksel.maybe_return_tensor(None) is None


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [N, torch.tensor([2**62, -1]), torch.zeros(0, dtype=torch.int64)])
def test_int_result_is_an_int(n):
    for _ in range(2):
        value = ops.total(n)
        assert type(value) is int
        assert value == int(n.sum())


def test_int_result_changes_with_the_data_of_a_hit():
    ops.total(N)
    with count_since() as counts:
        assert ops.total(N + 1) == int((N + 1).sum())
    assert counts[0].selects == 0


def test_index_becomes_an_int():
    assert ops.rows(torch.zeros(7, 2)) == 7


def test_int_beside_a_tensor():
    doubled, value = ops.doubled_and_total(N)
    assert torch.equal(doubled, N * 2)
    assert value == int(N.sum())


def number_op(kind: str, compute, *, extract: bool):
    def select(self, ksel):
        ksel.arg_tensor(0)
        getattr(ksel, f"return_{kind}")()

    def generate(self, ksel, kb):
        from iree.compiler.dialects import tensor

        value = kb.inline_torch(compute, kb.arg(0))
        kb.yield_results(tensor.extract(value, []) if extract else value)

    return make_op(f"number_@UNIQUE@(Tensor x) -> {kind}", select, generate)


NUMBERS = {
    "int": lambda x: x.long().sum(),
    "bool": lambda x: x.sum() > 3,
    "float": lambda x: x.sum(),
    "float from f64": lambda x: x.double().sum() / 3,
    "float from f16": lambda x: x.half().sum(),
}


@covering(name=tuple(NUMBERS), extract=(True, False))
def test_number_is_returned_as_python_has_it(name, extract):
    kind, compute = name.split()[0], NUMBERS[name]
    packet = number_op(kind, compute, extract=extract)
    for x in (X, X / 8):
        value = packet(x)
        assert type(value).__name__ == kind
        assert value == compute(x).item()


def test_number_of_another_type_is_refused():
    packet = number_op("int", lambda x: x.int().sum(dtype=torch.int32), extract=True)
    with pytest.raises(GenerateError) as caught:
        packet(X)
    assert str(caught.value) == (
        f"{op_of(packet).name}: yielded result 0 is tensor<i32>, must be tensor<i64>"
    )


@pytest.mark.parametrize(
    ("kind", "article", "fix"),
    [
        ("int", "an int", "\n  fix: declare `-> SymInt` in the signature"),
        ("float", "a float", ""),
        ("bool", "a bool", ""),
    ],
)
def test_number_that_is_no_symint_is_for_eager_alone(kind, article, fix):
    packet = number_op(kind, lambda x: x.sum(), extract=True)
    with pytest.raises(UnsupportedTypeError) as caught:
        packet(X.to("meta"))
    assert str(caught.value) == (
        f"{op_of(packet).name}: returns {article}, which is not known while tracing, "
        f"must return a 0-d tensor to be compiled or exported{fix}"
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_number_that_is_no_symint_does_not_compile():
    packet = number_op("int", lambda x: x.long().sum(), extract=True)
    with pytest.raises(Exception, match="must return a 0-d tensor to be compiled or exported"):
        torch.compile(lambda x: x + packet(x), backend="eager", fullgraph=True)(X)


def test_symint_has_no_meta_tensor():
    with pytest.raises(RuntimeError, match="meta Tensors"):
        ops.total(N.to("meta"))


def test_number_that_the_kernel_yields_with_a_size_is_refused():
    packet = number_op("int", lambda x: x.long().sum(0), extract=False)
    with pytest.raises(GenerateError, match=r"yielded result 0 is tensor<\?xi64>, must be"):
        packet(X)


# --- what `select` declares against what the signature has --------------------------------------


@pytest.mark.parametrize(
    ("returns", "declare", "message"),
    [
        ("Tensor", lambda k: k.maybe_return_tensor(None), "None, must be a tensor"),
        ("Tensor", lambda k: k.return_tensor_list([X, X]), "a list of 2 tensors, must be a tensor"),
        ("Tensor[]", lambda k: k.return_tensor(X), "a tensor, must be a list of tensors"),
        ("Tensor?", lambda k: k.return_int(), "an int, must be a tensor or None"),
        ("SymInt", lambda k: k.return_tensor(X), "a tensor, must be an int"),
        ("SymInt", lambda k: k.return_float(), "a float, must be an int"),
        ("float", lambda k: k.return_int(), "an int, must be a float"),
        ("bool", lambda k: k.return_int(), "an int, must be a bool"),
    ],
)
def test_result_of_another_kind_than_the_signature_has(returns, declare, message):
    packet = make_op(
        f"kind_@UNIQUE@(Tensor x) -> {returns}",
        lambda self, ksel: (ksel.arg_tensor(0), declare(ksel)),
        lambda self, ksel, kb: None,
    )
    with pytest.raises(RegistrationError) as caught:
        packet(X)
    assert str(caught.value) == (
        f"{op_of(packet).name}: `select` declares result 0 {message} as the signature has"
    )


@pytest.mark.parametrize(
    ("returns", "shown"),
    [("int[]", "List[int]"), ("Scalar", "number"), ("Tensor[]?", "Optional[List[Tensor]]")],
)
def test_result_that_no_selection_can_declare_is_refused_at_once(returns, shown):
    with pytest.raises(RegistrationError) as caught:
        make_op(f"unknown(Tensor x) -> {returns}", None, None)
    assert str(caught.value) == (
        f"unknown: result 0 is {shown}, "
        "must be Tensor, Tensor?, Tensor[], SymInt, int, float or bool"
    )


@pytest.mark.parametrize(
    "packet",
    [ops.multiples, ops.halves, ops.gradients, ops.perhaps, ops.total, ops.doubled_and_total],
)
def test_only_ops_of_plain_tensors_have_an_out_overload(packet):
    assert packet.overloads() == ["default"]


def test_meta_results_of_a_selection():
    meta = run_select(op_of(ops.multiples), [X, 2]).generate_meta_returns()
    assert [(t.device.type, t.shape) for t in meta] == [("meta", X.shape)] * 2
    meta = run_select(op_of(ops.gradients), [X, [True, False, False]]).generate_meta_returns()
    assert [t is None for t in meta] == [False, True, True]
    assert run_select(op_of(ops.perhaps), [X, False]).generate_meta_returns() is None


# --- traced -------------------------------------------------------------------------------------

OPCHECKS = {
    "list": (ops.multiples, (X, 2)),
    "empty list": (ops.multiples, (X, 0)),
    "tensor and list": (ops.halves, (X.flatten(),)),
    "optional, all": (ops.gradients, (X, [True] * 3)),
    "optional, last": (ops.gradients, (X, [False, False, True])),
    "optional, none": (ops.gradients, (X, [False] * 3)),
    "one optional": (ops.perhaps, (X, True)),
    "no optional": (ops.perhaps, (X, False)),
    "int": (ops.total, (N,)),
    "tensor and int": (ops.doubled_and_total, (N,)),
    "index": (ops.rows, (X,)),
}
COMPILED = {
    "list": (lambda x: sum(ops.multiples(x, 3)), lambda x: x * 6),
    "tensor and list": (
        lambda x: ops.halves(x.flatten())[1][1] * 2,
        lambda x: torch.stack([x.flatten() * 2, x.flatten()]),
    ),
    "optional": (lambda x: ops.gradients(x, [False, True, False])[1] + 1, lambda x: x * 2 + 1),
    "no optional": (
        lambda x: x + 1 if ops.perhaps(x, False) is None else x, lambda x: x + 1,
    ),
    "int": (lambda x: x * ops.total(-x.long()), lambda x: x * -x.long().sum()),
    "int as a size": (
        lambda x: x.new_ones(ops.total(x.long())) * 2, lambda x: torch.full((int(x.sum()),), 2.0),
    ),
    "tensor and int": (
        lambda x: torch.mul(*ops.doubled_and_total(x.long())),
        lambda x: x.long() * 2 * x.long().sum(),
    ),
    "int returned": (lambda x: ops.total(-x.long()) - 1, lambda x: -int(x.sum()) - 1),
}  # fmt: skip


@pytest.mark.parametrize(("packet", "args"), OPCHECKS.values(), ids=OPCHECKS)
def test_opcheck(packet, args):
    torch.library.opcheck(packet.default, args)


@covering(name=tuple(COMPILED), dynamic=(False, True), kinds={"name": lambda n: n.split()[0]})
def test_compiled_call_computes_the_same(name, dynamic):
    call, expected = COMPILED[name]
    compiled = torch.compile(call, fullgraph=True, dynamic=dynamic)
    torch.testing.assert_close(compiled(X), expected(X))


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # torch.export copies its own
def test_exported_call_computes_the_same():
    class Module(torch.nn.Module):
        def forward(self, x):
            return ops.gradients(x, [True, False, True])[2], *ops.multiples(x, 2)

    exported = torch.export.export(Module(), (X,))
    assert equal(exported.module()(X), [X * 3, X, X * 2])


# --- gradients ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call", [lambda x: ops.multiples(x, 2)[1], lambda x: ops.gradients(x, [False, True, False])[1]]
)
def test_gradient_through_a_result_is_refused(call):
    y = call(X.clone().requires_grad_())
    assert y.requires_grad
    with pytest.raises(NotDifferentiableError):
        y.sum().backward()


def test_gradient_through_a_list():
    packet = make_op(
        "both_@UNIQUE@(Tensor x) -> Tensor[]",
        lambda self, ksel: ksel.return_tensor_list([ksel.arg_tensor(0).generate_meta()] * 2),
        lambda self, ksel, kb: kb.yield_results(
            scaled(kb, kb.arg(0), 2.0), scaled(kb, kb.arg(0), 3.0)
        ),
        backward=lambda self, ctx, grads: grads[0] * 2 + grads[1] * 3,
    )
    x = X.clone().requires_grad_()
    a, b = packet(x)
    (a + 10 * b).sum().backward()
    assert torch.equal(x.grad, torch.full_like(X, 32.0))
