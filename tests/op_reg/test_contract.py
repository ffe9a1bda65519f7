"""What ops written for the seed's API rely on in `select` and `generate` (rows O9, O9a, O10)."""

from __future__ import annotations

import pytest
import torch

from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import (
    ALL_CUSTOM_OP_REGS,
    AttrArg,
    EmptyOptionalTensorArg,
    IntArg,
    ScalarResult,
    TensorArg,
    TensorListArg,
)
from ir_runtime.op_reg.call.kernel import run_select
from tests.op_reg.ops import make_op, op_of

X = torch.arange(6.0).reshape(2, 3)
SIGNATURE = (
    "mixed_@UNIQUE@(Tensor? a, Tensor[] xs, float f, Tensor? b, int n, int k, Tensor y, "
    "Tensor unused) -> Tensor"
)
CALL = (None, [X, X + 1], 1.0, X + 2, 5, 4, X + 3, X)


def select_mixed(self, ksel):
    ksel.arg_optional_tensor(0)
    ksel.arg_tensor_list(1)
    ksel.attr_float(2)
    ksel.arg_optional_tensor(3)
    ksel.arg_int(4)
    ksel.arg_int(5).spec_value = 4
    y = ksel.arg_tensor(6).t
    ksel.return_new_tensor(y.shape, y.dtype)


def called(probe, call=CALL):
    """Call an op of many kinds of arguments with `probe(ksel, kb)` in its `generate`."""

    def generate(self, ksel, kb):
        probe(ksel, kb)
        kb.yield_results(kb.arg(6))

    packet = make_op(SIGNATURE, select_mixed, generate)
    assert torch.equal(packet(*call), X + 3)
    return packet


def test_bindings_hold_none_for_what_is_compiled_in_and_omit_absent_tensors():
    """O10."""
    seen = []

    def probe(ksel, kb):
        seen.append([type(v).__name__ if v is not None else None for v in kb.arg_bindings])

    called(probe)
    called(probe, (X, *CALL[1:]))
    rest = ["list", None, "BlockArgument", "BlockArgument", None, "BlockArgument", None]
    assert seen == [rest, ["BlockArgument", *rest]]


def test_bindings_go_with_the_provided_descriptors():
    """O9a, O10."""

    def probe(ksel, kb):
        descs = ksel.get_provided_arg_descs()
        assert [type(d) for d in descs] == [
            TensorListArg, AttrArg, TensorArg, IntArg, IntArg, TensorArg, type(None),
        ]  # fmt: skip
        for desc, binding in zip(descs, kb.arg_bindings, strict=True):
            count = len(binding) if isinstance(binding, list) else int(binding is not None)
            assert count == (desc.ir_arity if desc is not None else 0)

    called(probe)


def test_value_of_an_argument_goes_by_its_place_in_the_signature():
    """O10."""

    def probe(ksel, kb):
        assert kb.arg_value(0) is None
        assert kb.arg_value(1) == kb.arg_bindings[0]
        assert [str(v.type) for v in kb.arg_value(1)] == ["tensor<?x?xf32>"] * 2
        assert kb.arg_value(3) == kb.arg_bindings[2]
        assert str(kb.arg_value(4).type) == "i64"
        assert kb.arg_value(6) == kb.arg_bindings[5]
        assert kb.arg_value(-2) == kb.arg_value(6)
        assert all(kb.arg(i) == kb.arg_value(i) for i in (0, 1, 3, 4, 6))

    called(probe)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (2, "`f` is compiled in as an attribute"),
        (5, "`k` is compiled in as 4"),
        (7, "`unused` is not declared by `select`"),
        (-1, "`unused` is not declared by `select`"),
    ],
)
def test_argument_without_an_operand_is_named(index, message):
    """O10."""

    def probe(ksel, kb):
        with pytest.raises(ArgumentError) as caught:
            kb.arg(index)
        assert str(caught.value) == (
            f"{ksel.op.name}: {message}, must be a tensor or int operand to have a value"
        )

    called(probe)


@pytest.mark.parametrize("index", [8, -9])
def test_argument_that_the_signature_has_not(index):
    def probe(ksel, kb):
        with pytest.raises(IndexError, match=f"it has no argument {index}, must be one of 0 `"):
            kb.arg_value(index)

    called(probe)


def test_builder_gives_where_ir_goes():
    """O10."""
    from iree.compiler.ir import Context, InsertionPoint, Location

    def probe(ksel, kb):
        assert isinstance(kb.context, Context)
        assert isinstance(kb.location, Location)
        assert isinstance(kb.ip, InsertionPoint)
        assert kb.ip.block.owner.name.value == "main"
        assert kb.symbol_table["main"] == kb.ip.block.owner
        assert kb.module_body == kb.module.body
        assert kb.context == kb.module.context
        index = kb.constant_index(3)
        assert str(index.type) == "index"
        assert "3 : index" in str(index.owner)

    called(probe)


def test_selection_knows_its_op_and_its_arguments():
    """O9a."""

    def probe(ksel, kb):
        assert kb.ksel is ksel
        assert ksel.op is ALL_CUSTOM_OP_REGS[ksel.op.qualified_name]
        assert len(ksel.arg_descs) == 8
        assert ksel.arg_descs[7] is None
        assert ksel.inplace_tied_arg_descs == []
        assert [type(d) for d in ksel.result_descs] == [TensorArg]

    called(probe)


def test_members_of_each_descriptor():
    """O9."""
    x = TensorArg(X)
    found = {
        type(d).__name__: (d.ir_arity, d.is_list, d.maybe_tensor_value is not None)
        for d in (
            x,
            TensorListArg([x, x]),
            AttrArg(1),
            IntArg(1),
            EmptyOptionalTensorArg(),
            ScalarResult(int),
        )
    }
    assert found == {
        "TensorArg": (1, False, True),
        "TensorListArg": (2, True, False),
        "AttrArg": (0, False, False),
        "IntArg": (1, False, False),
        "EmptyOptionalTensorArg": (0, False, False),
        "ScalarResult": (1, False, False),
    }
    assert IntArg(3).generate_meta() == 3
    assert AttrArg("a").generate_meta() == "a"
    assert EmptyOptionalTensorArg().generate_meta() is None
    assert [t.shape for t in TensorListArg([x, x]).generate_meta()] == [X.shape] * 2
    assert TensorListArg([x]).mlir_type_asm == ["tensor<?x?xf32>"]
    assert ScalarResult(bool).mlir_type_asm == "tensor<i1>"


def test_reprs_never_raise():
    strange = TensorArg(torch.empty(2, dtype=torch.float4_e2m1fn_x2))
    strange.specialize_all_dims()
    assert repr(strange) == "tensor<float4_e2m1fn_x2[2]>"
    assert repr(TensorListArg([strange, TensorArg(X)])) == (
        "list<tensor<float4_e2m1fn_x2[2]>; tensor<f32[?,?]>>"
    )
    assert repr(TensorListArg([])) == "list<>"
    assert repr(EmptyOptionalTensorArg()) == "none"
    assert repr(ScalarResult(float)) == "scalar<float>"
    assert repr(IntArg(3)) == "int<3>"
    assert repr(AttrArg([1.0, None])) == "attr<[1.0, None]>"


def test_reprs_while_a_graph_is_traced():
    seen: list[str] = []

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        x.specialize_all_dims()
        ksel.arg_int(1)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)
        seen.append(repr(ksel))

    packet = make_op(
        "shown_@UNIQUE@(Tensor x, SymInt n) -> Tensor",
        select,
        lambda self, ksel, kb: kb.yield_results(kb.arg(0)),
    )
    compiled = torch.compile(
        lambda x: packet(x, x.shape[0]), backend="aot_eager", fullgraph=True, dynamic=True
    )
    assert torch.equal(compiled(X), X)
    assert any("s" in text.partition("tensor<f32[")[2].partition("]")[0] for text in seen)


def test_repr_of_a_selection_that_is_not_finished():
    shown = []

    def select(self, ksel):
        shown.append(repr(ksel))
        ksel.arg_tensor(0)
        shown.append(repr(ksel))
        ksel.return_new_tensor((1,), torch.float32)

    packet = make_op("begun_@UNIQUE@(Tensor x, Tensor y) -> Tensor", select, None)
    run_select(op_of(packet), [X, X])
    name = op_of(packet).qualified_name
    assert shown == [
        f"<{name}::'default'(unused, unused)->()>",
        f"<{name}::'default'(tensor<f32[?,?]>, unused)->()>",
    ]


# --- f64 is passed as it is ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(), (0,), (1,), (3, 0, 2), (7, 11), (1 << 20,), (1031, 1033)], ids=str
)
def test_f64_is_exact_to_the_last_element(shape):
    """IREE's default labels an f32-sized buffer f64 (section 2.3): half of it lies outside."""
    from tests.op_reg import ops

    x = torch.rand(shape, dtype=torch.float64) - 0.5
    y = torch.rand(shape, dtype=torch.float64) * 1e-12
    for _ in range(2):
        result = ops.add(x, y)
        assert result.dtype == torch.float64
        assert (result.numpy() == x.numpy() + y.numpy()).all()


def test_f64_identity_keeps_every_bit():
    from tests.op_reg import ops

    x = torch.randint(-(2**63), 2**63 - 1, (100_003,)).view(torch.float64)
    assert torch.equal(ops.identity(x).view(torch.int64), x.view(torch.int64))
