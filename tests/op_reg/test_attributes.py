"""Values that are compiled in: their kinds, their keys, and int operands made into such."""

from __future__ import annotations

import math

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import AttrArg, CustomOp, IntArg
from ir_runtime.op_reg.call.kernel import run_select
from ir_runtime.op_reg.select.call_selection import CallSelection
from tests.op_reg.ops import LIBRARY, SHIFT, like_first, make_op, op_of, scaled, yield_first
from tests.sampling import covering

X = torch.arange(4.0)
N = torch.arange(4)

KINDS = {
    "str": ("str", "a", "b"),
    "int": ("int", 3, -4),
    "float": ("float", 0.5, math.nan),
    "bool": ("bool", True, False),
    "dtype": ("ScalarType", torch.float16, torch.int8),
    "list_str": ("str[]", ["a", "b"], ["ab"]),
    "list_int": ("int[]", [1, 2], [12]),
    "list_float": ("float[]", [0.0], [-0.0]),
    "list_bool": ("bool[]", [True], [False]),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def attribute_op(kind: str, schema: str, seen: list[object]):
    """Make an op whose `generate` tells what it compiles in."""

    def select(self, ksel):
        like_first(self, ksel)
        getattr(ksel, f"attr_{kind}")(1)

    def generate(self, ksel, kb):
        seen.append(ksel.arg_descs[1].v)
        yield_first(self, ksel, kb)

    return make_op(f"attr_{kind}_@UNIQUE@(Tensor x, {schema}) -> Tensor", select, generate)


@each_kind
def test_attribute_reaches_generate_as_python_has_it(kind, store):
    schema, *values = KINDS[kind]
    seen: list[object] = []
    packet = attribute_op(kind, f"{schema} value", seen)
    for value in values * 2:  # the second pass hits
        packet(X, value)
    assert list(map(repr, seen)) == list(map(repr, values))
    assert [type(value) for value in seen] == [type(value) for value in values]


@each_kind
def test_optional_attribute_may_be_absent(kind, store):
    schema, value, _ = KINDS[kind]
    seen: list[object] = []
    packet = attribute_op(kind, f"{schema}? value=None", seen)
    for arguments in ([], [None], [value], []):
        packet(X, *arguments)
    assert seen == [None, value]


@each_kind
def test_required_attribute_refuses_none(kind):
    packet = attribute_op(kind, f"{KINDS[kind][0]} value", [])
    with pytest.raises(ArgumentError, match=r": `value` is None, must be a"):
        run_select(op_of(packet), [X, None])


@covering(kind=tuple(KINDS), optional=("", "?"))
def test_attribute_is_compiled(kind, optional):
    schema, *values = KINDS[kind]
    packet = attribute_op(kind, f"{schema}{optional} value", [])
    torch._dynamo.reset()  # it counts what the other cases compiled of this function
    for value in values:
        compiled = torch.compile(
            lambda x, value=value: packet(x, value) + 1, backend="aot_eager", fullgraph=True
        )
        assert torch.equal(compiled(X), X + 1)


@covering(kind=tuple(KINDS), optional=("", "?"))
def test_opcheck(kind, optional):
    schema, value, _ = KINDS[kind]
    packet = attribute_op(kind, f"{schema}{optional} value", [])
    torch.library.opcheck(packet.default, (X, value))


@pytest.mark.parametrize(
    ("kind", "schema", "default"),
    [
        ("dtype", "ScalarType value=float32", torch.float32),
        ("dtype", "ScalarType? value=int8", torch.int8),
        ("float", "float value=2", 2.0),
        ("list_int", "int[2] value=1", [1, 1]),
        ("list_int", "SymInt[] value=[1, 2]", [1, 2]),
        ("int", "SymInt value=3", 3),
    ],
)
def test_default_is_what_the_dispatcher_would_pass(kind, schema, default, store):
    seen: list[object] = []
    packet = attribute_op(kind, schema, seen)
    packet(X)
    packet(X, default)
    assert repr(seen) == repr([default])
    torch.library.opcheck(packet.default, (X,))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("dtype", "float32", "a dtype"),
        ("dtype", True, "a dtype"),
        ("list_str", ["a", 1], "a list of strings"),
        ("list_str", "ab", "a list of strings"),
        ("list_int", [1, True], "a list of ints"),
        ("list_int", [1, 2, "3"], "a list of ints"),
        ("list_int", 5, "a list of ints"),
        ("list_float", [0.5, None], "a list of floats"),
        ("list_float", [True], "a list of floats"),
        ("list_bool", [0], "a list of bools"),
    ],
)
def test_mistake_names_op_argument_value_and_what_was_expected(kind, value, expected):
    packet = attribute_op(kind, f"{KINDS[kind][0]} value", [])
    with pytest.raises(ArgumentError) as caught:
        run_select(op_of(packet), [X, value])
    assert str(caught.value) == (f"{op_of(packet).name}: `value` is {value!r}, must be {expected}")


def test_number_of_a_dtype_is_that_dtype():
    packet = attribute_op("dtype", "ScalarType value", [])
    codes = [run_select(op_of(packet), [X, code]).arg_descs[1].v for code in (6, 15, 11)]
    assert codes == [torch.float32, torch.bfloat16, torch.bool]


def test_symbolic_values_specialise_the_graph(store):
    def select(self, ksel):
        like_first(self, ksel)
        ksel.attr_int(1)
        ksel.attr_list_int(2)
        ksel.attr_float(3)

    def generate(self, ksel, kb):
        one, two, three = (d.v for d in ksel.arg_descs[1:])
        kb.yield_results(scaled(kb, kb.arg(0), one + 10.0 * sum(two) + 100 * three))

    packet = make_op(
        "sizes_@UNIQUE@(Tensor x, SymInt n, SymInt[] ns, float f) -> Tensor", select, generate
    )

    def call(x):
        n = x.shape[0]
        return packet(x, n, [n, 2 * n], float(n))

    compiled = torch.compile(call, backend="aot_eager", fullgraph=True, dynamic=True)
    for n in (3, 5):
        torch.testing.assert_close(compiled(torch.ones(n)), torch.ones(n) * n * 131)


# --- keys ---------------------------------------------------------------------------------------

HOSTILE = [
    "a", "a),b>", "a'),b>", 'a"),b>', "'a'", "\"'a'\"", "a\\", "a\\'", "", " ", "None", "nan",
    "[1]", "attr<'a'>", "a, attr<'b'>", "torch.float32", "ä", "a\n", "a\0b", "∞",
    0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1, True, 1.0, 0, False, None, 2**70,
    torch.float32, [], [1], [True], [1.0], ["1"], [0.0], [-0.0], [math.nan], ["a", "b"],
    ["a', 'b"], ["a,b"], [["a"], "b"],
]  # fmt: skip


def test_hostile_values_have_keys_of_their_own():
    keys = {AttrArg(value).spec_key for value in HOSTILE}
    assert len(keys) == len(HOSTILE)


def test_two_hostile_texts_cannot_be_shifted_between_arguments():
    def select(self, ksel):
        like_first(self, ksel)
        ksel.attr_str(1)
        ksel.attr_str(2)

    op = op_of(make_op("two_@UNIQUE@(Tensor x, str a, str b) -> Tensor", select, yield_first))
    texts = [value for value in HOSTILE if isinstance(value, str)]
    keys = {run_select(op, [X, a, b]).spec_key for a in texts for b in texts}
    assert len(keys) == len(texts) ** 2


def test_text_in_the_variant_cannot_forge_a_key():
    ksel = run_select(op_of(attribute_op("str", "str value", [])), [X, "a"])
    plain = ksel.spec_key
    ksel.variant = "default'(f32[?], attr<'a'>)->(f32[?]) tied()"
    assert plain not in ksel.spec_key


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("str", [v for v in HOSTILE if isinstance(v, str) and "\0" not in v]),
        ("float", [0.0, -0.0, math.nan, math.inf, 5e-324, 1.0]),
        ("list_float", [[0.0], [-0.0], [math.nan], [0.0, 0.0], []]),
        ("list_bool", [[True], [False], [True, True], []]),
        ("list_int", [[1], [0], [1, 1], [11], []]),
        ("list_str", [["a", "b"], ["a', 'b"], ["ab"], [""], []]),
        ("dtype", [torch.float32, torch.float64, torch.bool, torch.uint8]),
    ],
)
def test_each_value_hits_its_own_entry(kind, values):
    seen: list[object] = []
    packet = attribute_op(kind, f"{KINDS[kind][0]} value", seen)
    for value in values:
        packet(X, value)
    assert len(seen) == len(values)
    with count_since() as counts:
        for value in values:
            packet(X, value)
    assert counts[0].selects == 0
    assert len(op_of(packet).calls) == len(values)


# --- values that `select` compiles in -----------------------------------------------------------


@CustomOp.register(library=LIBRARY)
class shift_known(CustomOp):
    """Adds `by`; its kernel for 4 has the number compiled in."""

    signature = "shift_known_@UNIQUE@(Tensor x, SymInt by, Tensor y) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        by = ksel.arg_int(1)
        ksel.arg_tensor(2).require_shape(x)
        if by.v == 4:
            by.spec_value = 4
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith
        from iree.compiler.ir import IntegerType

        known = ksel.arg_descs[1].spec_value
        by = kb.arg_bindings[1]
        if known is not None:
            assert by is None
            by = arith.constant(IntegerType.get_signless(64), known)
        shifted = kb.inline_mlir(SHIFT, {}, kb.arg(0), by)
        kb.yield_results(arith.addi(shifted, kb.arg(2)))


def test_compiled_in_int_serves_no_other_value(store):
    with count_since() as counts:
        for by in (4, 5, 4, 6, 4):
            assert torch.equal(shift_known(N, by, N), N + by + N)
    assert counts[0].compiles == 2


def test_compiled_in_int_is_in_the_key_and_in_the_descriptor():
    ksel = run_select(op_of(shift_known), [N, 4, N])
    desc = ksel.arg_descs[1]
    assert (desc.ir_arity, desc.spec_key, desc.v, desc.spec_value) == (0, "int=4", 4, 4)
    free = run_select(op_of(shift_known), [N, 5, N]).arg_descs[1]
    assert (free.ir_arity, free.spec_key, free.mlir_type_asm) == (1, "int", "i64")
    assert repr(desc) == "int<=4>"


def test_compiled_in_int_can_be_an_operand_again():
    desc = IntArg(4)
    desc.spec_value = 4
    desc.spec_value = None
    assert (desc.ir_arity, desc.spec_key) == (1, "int")


@pytest.mark.parametrize("value", [5, True, "4"])
def test_compiled_in_int_must_be_the_arguments_value(value):
    desc = IntArg(4, op_name="shift", name="by")
    with pytest.raises(ArgumentError) as caught:
        desc.spec_value = value
    assert str(caught.value) == (f"shift: `by` is 4, must be {value!r}, which `select` compiles in")
    assert desc.spec_value is None


def test_true_is_not_the_value_one():
    with pytest.raises(ArgumentError, match="must be True"):
        IntArg(1).spec_value = True


def test_compiled_in_int_has_no_value_in_generate():
    def select(self, ksel):
        like_first(self, ksel)
        ksel.arg_int(1).spec_value = 4

    packet = make_op(
        "known_@UNIQUE@(Tensor x, int by) -> Tensor",
        select,
        lambda self, ksel, kb: kb.arg_value(1),
    )
    with pytest.raises(ArgumentError) as caught:
        packet(X, 4)
    assert str(caught.value) == (
        f"{op_of(packet).name}: `by` is compiled in as 4, "
        "must be a tensor or int operand to have a value"
    )
    with pytest.raises(ArgumentError, match=r"`by` is 5, must be 4, which `select` compiles in"):
        packet(X, 5)


def test_compiled_in_int_has_no_operand_type():
    desc = IntArg(4, op_name="shift", name="by")
    desc.spec_value = 4
    with pytest.raises(ArgumentError, match="`by` is compiled in as 4, must not be used as an op"):
        _ = desc.mlir_type_asm


@pytest.mark.parametrize("by", [4, 5])
def test_compiled_in_int_passes_opcheck(by):
    torch.library.opcheck(shift_known.default, (N, by, N))


@pytest.mark.parametrize("dynamic", [False, True])
def test_compiled_in_int_is_specialised_where_it_is_symbolic(dynamic):
    def call(x):
        return shift_known(x, x.shape[0], x) * 2

    compiled = torch.compile(call, backend="aot_eager", fullgraph=True, dynamic=dynamic)
    for n in (3, 4, 5):
        x = torch.arange(n)
        assert torch.equal(compiled(x), (x + n + x) * 2)


def test_attribute_may_stand_for_several_values(store):
    """Its key has `spec_value`; the argument's own value stays in `v`."""

    def select(self, ksel):
        like_first(self, ksel)
        width = ksel.attr_int(1)
        width.spec_value = min(width.v, 8)

    def generate(self, ksel, kb):
        kb.yield_results(scaled(kb, kb.arg(0), float(ksel.arg_descs[1].spec_value)))

    packet = make_op("clamp_@UNIQUE@(Tensor x, int width) -> Tensor", select, generate)
    with count_since() as counts:
        for width in (7, 8, 9, 100):
            assert torch.equal(packet(X, width), X * min(width, 8))
    assert counts[0].compiles == 2
    desc = run_select(op_of(packet), [X, 100]).arg_descs[1]
    assert (desc.v, desc.spec_value, desc.spec_key) == (100, 8, "attr<8>")


def test_selection_of_a_call_shows_all_it_declares():
    ksel = run_select(op_of(shift_known), [N, 4, N])
    assert isinstance(ksel, CallSelection)
    assert repr(ksel) == (
        f"<ir_tests::{op_of(shift_known).name}::'default'"
        "(tensor<i64[?]>, int<=4>, tensor<i64[?]>)->(tensor<i64[?]>)>"
    )
