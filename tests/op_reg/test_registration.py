from __future__ import annotations

import gc

import pytest
import torch

from ir_runtime.errors import RegistrationError, UnsupportedTorchDeviceError
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, CustomOp, def_library, forward_op, fragment
from tests.op_reg import ops
from tests.op_reg.ops import LIBRARY, like_first, make_op, op_of, yield_first

X = torch.arange(6.0).reshape(2, 3)


def identity_class(signature: str) -> type[CustomOp]:
    members = {"signature": signature, "select": like_first, "generate": yield_first}
    return type("identity", (CustomOp,), {**members, "__module__": __name__})


def test_bare_decorator_registers_in_the_package_namespace():
    packet = CustomOp.register(identity_class("bare_@UNIQUE@(Tensor x) -> Tensor"))
    name = op_of(packet).name
    assert packet is getattr(torch.ops.ir_runtime, name)
    assert torch.equal(packet(X), X)


def test_decorator_with_arguments_registers_in_the_library_given():
    library = def_library("ir_tests_other")
    packet = CustomOp.register(library=library)(identity_class("named(Tensor x) -> Tensor"))
    assert packet is torch.ops.ir_tests_other.named
    assert "ir_tests_other::named" in ALL_CUSTOM_OP_REGS
    assert torch.equal(torch.ops.ir_tests_other.named(X), X)


def test_register_returns_the_op_packet():
    assert isinstance(ops.add, torch._ops.OpOverloadPacket)


def test_asking_twice_for_a_library_is_fine():
    assert def_library("ir_tests") is LIBRARY
    assert fragment("ir_tests") is LIBRARY


def test_unique_gives_each_registration_its_own_name():
    first, second = (
        make_op("u_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first) for _ in "ab"
    )
    assert op_of(first).name != op_of(second).name
    assert "@" not in op_of(first).name


def test_name_is_used_once():
    make_op("once(Tensor x) -> Tensor", like_first, yield_first)
    with pytest.raises(RegistrationError) as caught:
        make_op("once(Tensor x) -> Tensor", like_first, yield_first)
    assert str(caught.value) == (
        "ir_tests::once: registered already, a name must be used once\n"
        "  fix: put @UNIQUE@ into the name, or use another library"
    )


def test_refused_registration_leaves_the_first_op_as_it_was():
    packet = make_op("kept(Tensor x) -> Tensor", like_first, yield_first)
    with pytest.raises(RegistrationError):
        make_op("kept(Tensor x) -> Tensor", like_first, yield_first)
    assert torch.equal(packet(X), X)


def test_signature_without_arguments_does_not_parse():
    with pytest.raises(RegistrationError) as caught:
        make_op("nothing", like_first, yield_first)
    assert str(caught.value) == (
        "made: signature 'nothing' does not parse, must be 'name(arguments) -> results'"
    )


def test_schema_that_torch_refuses_is_named():
    with pytest.raises(RegistrationError) as caught:
        make_op("odd(Tenor x) -> Tensor", like_first, yield_first)
    assert str(caught.value).startswith(
        "ir_tests::odd: the schema '(Tenor x) -> Tensor' does not parse\n    "
    )


def test_several_mutated_arguments_with_a_result_are_refused():
    signature = "both_@UNIQUE@_(Tensor(a!) x, Tensor(b!) y) -> Tensor(a!)"
    with pytest.raises(
        RegistrationError, match="several mutated arguments or results, must return"
    ):
        make_op(signature, like_first, yield_first)


def test_keyword_only_arguments():
    bias = torch.ones(2, 3)
    assert torch.equal(ops.keyed(X, factor=2.0, bias=bias), X * 2 + bias)
    assert torch.equal(ops.keyed(X, bias=bias), X * 3 + bias)
    assert torch.equal(ops.keyed(X), X * 3)


def test_default_is_refilled_when_the_dispatcher_drops_it():
    assert torch.equal(ops.scale(X, 2.0), X * 2)
    assert torch.equal(ops.scale(X), X * 2)
    assert torch.equal(ops.scale(X, factor=4.0), X * 4)


def test_missing_argument_is_torchs_own_error():
    with pytest.raises(RuntimeError, match="missing value for argument 'y'"):
        ops.add(X)


def test_select_that_declares_too_few_results():
    packet = make_op(
        "few_@UNIQUE@(Tensor x) -> (Tensor, Tensor)", like_first, lambda self, ksel, kb: None
    )
    with pytest.raises(RegistrationError) as caught:
        packet(X)
    assert str(caught.value) == (
        f"{op_of(packet).name}: `select` declares 1 results, must be 2 as the signature has"
    )


def test_inplace_tied_needs_a_mutable_argument():
    def select(self, ksel):
        ksel.arg_tensor(0, inplace_tied=True)
        ksel.return_new_tensor((1,), torch.float32)

    packet = make_op("tied_@UNIQUE@(Tensor x) -> Tensor", select, yield_first)
    with pytest.raises(RegistrationError) as caught:
        packet(X)
    assert str(caught.value) == (
        f"{op_of(packet).name}: `x` is declared inplace_tied, "
        "must be marked mutable in the signature, as Tensor(a!)"
    )


def test_mutable_argument_must_be_inplace_tied():
    def select(self, ksel):
        ksel.arg_tensor(0)

    packet = make_op("untied_@UNIQUE@_(Tensor(a!) x) -> Tensor(a!)", select, yield_first)
    with pytest.raises(RegistrationError) as caught:
        packet(X.clone())
    assert str(caught.value) == (
        f"{op_of(packet).name}: the signature marks `x` mutable, "
        "`select` must declare just those inplace_tied"
    )


def test_op_that_returns_its_mutated_argument_is_tagged_inplace():
    assert torch.Tag.inplace in ops.twice.default.tags
    assert torch.Tag.inplace not in ops.add.default.tags
    assert torch.Tag.inplace not in ops.exchange.default.tags


def test_out_overload_is_keyword_only_and_tagged():
    name = op_of(ops.add).qualified_name
    assert str(ops.add.out._schema) == (
        f"{name}.out(Tensor x, Tensor y, *, bool staged=False, Tensor(a!) out) -> Tensor(a!)"
    )
    assert torch.Tag.out in ops.add.out.tags


def test_out_overload_of_two_results_takes_two_tensors():
    name = op_of(ops.sum_and_difference).qualified_name
    assert str(ops.sum_and_difference.out._schema) == (
        f"{name}.out(Tensor x, Tensor y, *, bool staged=False, Tensor(a!) out0, Tensor(b!) out1)"
        " -> (Tensor(a!), Tensor(b!))"
    )


def test_ops_that_mutate_have_no_out_overload():
    assert ops.twice.overloads() == ["default"]
    assert ops.exchange.overloads() == ["default"]


def test_several_mutated_arguments_return_nothing():
    x, y = X.clone(), X + 10
    assert ops.exchange(x, y) is None
    assert torch.equal(x, X + 10)
    assert torch.equal(y, X)


def test_op_lives_without_a_reference_to_its_class():
    name = op_of(make_op("alive_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first)).name
    gc.collect()
    assert torch.equal(getattr(torch.ops.ir_tests, name)(X), X)


def test_register_impl_off_leaves_only_the_meta_function():
    cls = identity_class("meta_only_@UNIQUE@(Tensor x) -> Tensor")
    packet = CustomOp.register(library=LIBRARY, register_impl=False)(cls)
    assert packet(X.to("meta")).shape == X.shape
    with pytest.raises(NotImplementedError):
        packet(X)


def test_register_meta_off_leaves_only_the_kernel():
    cls = identity_class("cpu_only_@UNIQUE@(Tensor x) -> Tensor")
    packet = CustomOp.register(library=LIBRARY, register_meta=False)(cls)
    assert torch.equal(packet(X), X)
    with pytest.raises((NotImplementedError, UnsupportedTorchDeviceError)):
        packet(X.to("meta"))


def test_forwarded_op_runs_from_the_other_namespace():
    forward_op(ops.add, def_library("ir_tests_forward"))
    forwarded = getattr(torch.ops.ir_tests_forward, op_of(ops.add).name)
    assert torch.equal(forwarded(X, X), X + X)


def test_sparse_tensor_is_refused():
    with pytest.raises(UnsupportedTorchDeviceError) as caught:
        ops.add(X.to_sparse(), X.to_sparse())
    assert str(caught.value) == (
        f"{op_of(ops.add).name}: no kernel for these tensors, must be dense and on cpu or cuda\n"
        "    `x` is f32[2, 3] on cpu, layout torch.sparse_coo\n"
        "    `y` is f32[2, 3] on cpu, layout torch.sparse_coo"
    )
