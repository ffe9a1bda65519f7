from __future__ import annotations

import itertools
import math

import pytest
import torch

from ir_runtime.errors import ArgumentError, MixedDeviceError
from ir_runtime.op_reg import AttrArg, IntArg, TensorArg, TensorListArg
from ir_runtime.op_reg.call.kernel import run_select
from ir_runtime.op_reg.select.call_selection import CallSelection
from tests.op_reg import ops
from tests.op_reg.ops import op_of

F = torch.float32


def tensor_key(*shape: int, dtype: torch.dtype = F, dims: tuple[int, ...] = ()) -> str:
    desc = TensorArg(torch.empty(shape, dtype=dtype, device="meta"))
    desc.specialize_dims(*dims)
    return desc.spec_key


def select_configured(*values: object) -> CallSelection:
    defaults = [False, "one", [], [], [], None, None]
    return run_select(op_of(ops.configured), [torch.empty(3), *values, *defaults[len(values) :]])


def test_dynamic_dims_share_a_key():
    assert tensor_key(4, 8) == tensor_key(1, 2)


def test_specialised_dims_are_in_the_key():
    assert tensor_key(4, 8, dims=(-1,)) == tensor_key(5, 8, dims=(1,))
    assert tensor_key(4, 8, dims=(-1,)) != tensor_key(4, 9, dims=(-1,))
    assert tensor_key(4, 8, dims=(-1,)) != tensor_key(4, 8)
    assert tensor_key(4, 4, dims=(0,)) != tensor_key(4, 4, dims=(1,))


def test_rank_is_in_the_key():
    assert len({tensor_key(), tensor_key(1), tensor_key(1, 1)}) == 3


def test_dtypes_have_distinct_keys_though_mlir_has_no_signs():
    assert tensor_key(4, dtype=torch.uint8) != tensor_key(4, dtype=torch.int8)
    assert tensor_key(4, dtype=torch.bool) != tensor_key(4, dtype=torch.int8)
    assert tensor_key(4, dtype=torch.float16) != tensor_key(4, dtype=torch.bfloat16)


def test_attributes_that_compare_equal_in_python_have_distinct_keys():
    values = [1, 1.0, True, "1", [1], [1.0], [True], 0.0, -0.0, False, 0, None, "", "None"]
    keys = {AttrArg(value).spec_key for value in values}
    assert len(keys) == len(values)


def test_nan_equals_itself_in_the_key():
    assert AttrArg(math.nan).spec_key == AttrArg(float("nan")).spec_key


def test_text_that_looks_like_a_separator_cannot_forge_a_key():
    a, b = AttrArg("a'>, attr<'b").spec_key, AttrArg("b").spec_key
    assert a != f"{AttrArg('a').spec_key}, {b}"


def test_neighbouring_floats_have_distinct_keys():
    assert AttrArg(0.1).spec_key != AttrArg(math.nextafter(0.1, 1)).spec_key


def test_int_operands_share_a_key():
    assert IntArg(1).spec_key == IntArg(2).spec_key


def test_lists_are_told_apart_by_length_and_elements():
    def key(*shapes: tuple[int, ...]) -> str:
        return TensorListArg([TensorArg(torch.empty(s)) for s in shapes]).spec_key

    assert key((1,)) != key((1,), (1,))
    assert key((1,), (1, 1)) != key((1, 1), (1,))
    assert key((1,), (2,)) == key((3,), (4,))


def test_variant_is_in_the_key():
    ksel = run_select(op_of(ops.add), [torch.empty(2), torch.empty(2)])
    before = ksel.spec_key
    ksel.variant = "other"
    assert ksel.spec_key != before


def test_op_is_in_the_key():
    args = [torch.empty(2), torch.empty(2)]
    assert run_select(op_of(ops.add), args).spec_key != (
        run_select(op_of(ops.sum_and_difference), args).spec_key
    )


def test_absent_optional_differs_from_present():
    x = torch.empty(2)
    calls = [[x, a, b] for a, b in itertools.product((None, x), repeat=2)]
    assert len({run_select(op_of(ops.affine), call).spec_key for call in calls}) == 4


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (1, 1, "`negate` is 1, must be a bool"),
        (2, 3, "`mode` is 3, must be a string"),
        (3, [True], "`ints` is [True], must be a list of ints"),
        (3, [1, 2.0], "`ints` is [1, 2.0], must be a list of ints"),
        (3, 1, "`ints` is 1, must be a list of ints"),
        (4, [1.0, "a"], "`floats` is [1.0, 'a'], must be a list of floats"),
        (5, [True, 1], "`bools` is [True, 1], must be a list of bools"),
        (6, True, "`count` is True, must be an int"),
        (6, 1.0, "`count` is 1.0, must be an int"),
        (7, "x", "`part` is 'x', must be a float"),
        (7, True, "`part` is True, must be a float"),
    ],
)
def test_attribute_of_another_type_is_refused(at, value, message):
    defaults = [False, "one", [], [], [], None, None]
    defaults[at - 1] = value
    with pytest.raises(ArgumentError) as caught:
        select_configured(*defaults)
    assert str(caught.value) == f"{op_of(ops.configured).name}: {message}"


def test_int_becomes_a_float_attribute():
    ksel = run_select(op_of(ops.scale), [torch.empty(2), 3])
    assert ksel.arg_descs[1].spec_key == AttrArg(3.0).spec_key


def test_bool_is_no_int_operand():
    with pytest.raises(ArgumentError) as caught:
        run_select(op_of(ops.shift), [torch.empty(2), True])
    assert str(caught.value) == f"{op_of(ops.shift).name}: `by` is True, must be an int"


def test_tensor_argument_given_none():
    with pytest.raises(ArgumentError) as caught:
        run_select(op_of(ops.add), [torch.empty(2), None])
    assert str(caught.value) == f"{op_of(ops.add).name}: `y` is None, must be a tensor"


def test_list_argument_that_holds_none():
    with pytest.raises(ArgumentError, match=r"`xs` is .*, must be a list of tensors"):
        run_select(op_of(ops.list_sum), [[torch.empty(2), None]])


def test_list_argument_given_a_tensor():
    with pytest.raises(ArgumentError) as caught:
        run_select(op_of(ops.list_sum), [torch.empty(2)])
    assert str(caught.value) == (
        f"{op_of(ops.list_sum).name}: `xs` is f32[2], must be a list of tensors"
    )


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"dtypes": (torch.float16,)}, "must be f16"),
        ({"dtypes": (torch.float16, torch.int64)}, "must be f16 or i64"),
        ({"rank": 1}, "must have 1 dimension"),
        ({"rank": 3}, "must have 3 dimensions"),
        ({"min_rank": 3}, "must have at least 3 dimensions"),
    ],
)
def test_require_refuses_with_the_whole_tensor(wanted, message):
    desc = TensorArg(torch.empty(4, 8), op_name="norm", name="x")
    with pytest.raises(ArgumentError) as caught:
        desc.require(**wanted)
    assert str(caught.value) == f"norm: `x` is f32[4, 8], {message}"


def test_require_returns_the_descriptor():
    desc = TensorArg(torch.empty(4, 8), op_name="norm", name="x")
    assert desc.require(dtypes=(F,), rank=2, min_rank=1) is desc


def test_tensor_of_another_shape_is_refused_before_a_kernel_reads_past_it():
    memory = torch.arange(64, dtype=F)
    with pytest.raises(ArgumentError) as caught:
        ops.add(torch.zeros(64), memory[:2])
    assert str(caught.value).endswith(": `y` is f32[2], must have the shape of `x` f32[64]")


def test_refused_call_leaves_the_next_one_alone():
    with pytest.raises(ArgumentError, match=r"`x` is f64\[2\], must be f32"):
        ops.scale(torch.ones(2, dtype=torch.float64))
    assert torch.equal(ops.scale(torch.ones(2)), torch.full((2,), 2.0))


def test_mixed_devices_say_what_is_where():
    with pytest.raises(MixedDeviceError) as caught:
        ops.add(torch.empty(2), torch.empty(2, device="meta"))
    assert str(caught.value) == (
        f"{op_of(ops.add).name}: `x` on cpu, `y` on meta, must all be on one device"
    )


def test_mixed_devices_in_a_list():
    with pytest.raises(MixedDeviceError) as caught:
        ops.list_sum([torch.empty(2), torch.empty(2, device="meta")])
    assert str(caught.value) == (
        f"{op_of(ops.list_sum).name}: `xs` on cpu, `xs` on meta, must all be on one device"
    )


def test_attribute_has_no_operand_type():
    with pytest.raises(ArgumentError) as caught:
        _ = AttrArg(2.5).mlir_type_asm
    assert str(caught.value) == ("attribute 2.5: has no MLIR type, must not be used as an operand")


def test_tensor_type_shows_what_is_specialised():
    desc = TensorArg(torch.empty(4, 8, dtype=torch.uint8))
    desc.specialize_dims(-1)
    assert desc.mlir_type_asm == "tensor<?x8xi8>"
    desc.specialize_all_dims()
    assert desc.mlir_type_asm == "tensor<4x8xi8>"
    assert TensorArg(torch.tensor(1.0)).mlir_type_asm == "tensor<f32>"


def test_generated_meta_is_no_copy_of_the_data():
    meta = TensorArg(torch.empty(8, 4, dtype=torch.float16).t()).generate_meta()
    assert (meta.device.type, meta.shape, meta.dtype) == ("meta", (4, 8), torch.float16)
    assert meta.is_contiguous()


def test_meta_results_of_a_selection():
    args = [torch.empty(2, 3), torch.empty(2, 3)]
    one = run_select(op_of(ops.add), args).generate_meta_returns()
    assert one.shape == (2, 3)
    two = run_select(op_of(ops.sum_and_difference), args).generate_meta_returns()
    assert [t.shape for t in two] == [(2, 3), (2, 3)]
    assert run_select(op_of(ops.twice), args[:1]).generate_meta_returns() is None


def test_provided_descriptors_leave_out_absent_optionals():
    x = torch.empty(2)
    ksel = run_select(op_of(ops.affine), [x, None, x])
    assert [type(d) for d in ksel.get_provided_arg_descs()] == [TensorArg, TensorArg]
    assert len(ksel.arg_descs) == 3


def test_descriptors_have_a_repr():
    ksel = select_configured()
    assert repr(ksel.arg_descs[0]) == "tensor<f32[?]>"
    assert repr(ksel.arg_descs[2]) == "attr<'one'>"
    assert repr(IntArg(3)) == "int<3>"


@pytest.mark.parametrize("packet", [ops.add, ops.sum_and_difference])
def test_meta_tensors_give_what_the_kernel_gives(packet):
    x = torch.randn(3, 5)
    meta, real = packet(x.to("meta"), x.to("meta")), packet(x, x)
    for m, r in zip(*((v if isinstance(v, tuple) else (v,)) for v in (meta, real)), strict=True):
        assert (m.shape, m.dtype, m.stride()) == (r.shape, r.dtype, r.stride())
