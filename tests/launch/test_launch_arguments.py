"""Do numbers go in and out as the types declared, and results into the tensors given?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError, UnsupportedTypeError
from ir_runtime.launch import Launchable

X = torch.arange(1.0, 6.0)
TENSOR_AND_NUMBER = "func.func @main(%a: tensor<?xf32>, %n: i64) -> i64 { return %n : i64 }"


def number_program(kind: str) -> Launchable:
    add = "arith.addf" if kind.startswith("f") else "arith.addi"
    return Launchable.jit_compile(
        f"func.func @main(%n: {kind}) -> {kind} {{\n"
        f"  %0 = {add} %n, %n : {kind}\n  return %0 : {kind}\n}}"
    )


def echo(kind: str) -> Launchable:
    source = f"func.func @main(%n: {kind}) -> {kind} {{ return %n : {kind} }}"
    return Launchable.jit_compile(source)


@pytest.fixture
def twice(doubling: Callable[..., str]) -> Launchable:
    return Launchable.jit_compile(doubling())


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        ("f64", 0.1, 0.2),
        ("f32", 1.5, 3.0),
        ("f32", 3, 6.0),
        ("f64", True, 2.0),
        ("i64", -5, -10),
        ("i64", 1 << 40, 1 << 41),
        ("i64", (1 << 64) - 1, -2),
        ("i32", -(1 << 30), -(1 << 31)),
        ("i32", True, 2),
        ("i16", 1 << 14, -(1 << 15)),
        ("i8", 127, -2),
        ("i8", 255, -2),
        ("i8", -128, 0),
        ("i1", True, False),
        ("index", 7, 14),
    ],
)
def test_number_is_passed_as_the_declared_type(kind: str, value: float, result: float) -> None:
    got = number_program(kind)(value, device="cpu")
    assert (type(got), got) == (type(result), result)


NUMBERS_OF_THREE = [
    pytest.param(np.float32(3), id="numpy float32"),
    pytest.param(np.float64(3), id="numpy float64"),
    pytest.param(np.float16(3), id="numpy float16"),
    pytest.param(torch.tensor(3.0, dtype=torch.bfloat16), id="0-d bfloat16"),
    pytest.param(torch.tensor(3.0, requires_grad=True), id="0-d with gradient"),
    pytest.param(np.int8(3), id="numpy int8"),
    pytest.param(np.uint64(3), id="numpy uint64"),
    pytest.param(torch.tensor(3), id="0-d int64"),
    pytest.param(torch.tensor(3, dtype=torch.uint8), id="0-d uint8"),
]


@pytest.mark.parametrize("three", NUMBERS_OF_THREE)
def test_scalar_of_numpy_or_torch_is_a_number(three: Any) -> None:
    assert number_program("f64")(three, device="cpu") == 6.0


@pytest.mark.parametrize("three", NUMBERS_OF_THREE[5:])
def test_integer_scalar_of_numpy_or_torch_is_an_int(three: Any) -> None:
    assert number_program("i32")(three, device="cpu") == 6


@pytest.mark.parametrize("true", [True, np.bool_(True), torch.tensor(True)], ids=repr)
@pytest.mark.parametrize("kind", ["i1", "i8", "i32", "i64", "index", "f32"])
def test_bool_is_one(kind: str, true: Any) -> None:
    program = Launchable.jit_compile(
        f"func.func @main(%n: {kind}) -> {kind} {{ return %n : {kind} }}"
    )
    assert program(true, device="cpu") == 1


@pytest.mark.parametrize("kind", ["f16", "bf16", "f8E4M3FN", "f8E5M2", "i8", "i1", "f32", "f64"])
def test_number_of_any_width_reaches_the_tensors_of_the_program(kind: str) -> None:
    source = f"""
func.func @main(%n: {kind}) -> tensor<4x{kind}> {{
  %e = tensor.empty() : tensor<4x{kind}>
  %0 = linalg.fill ins(%n : {kind}) outs(%e : tensor<4x{kind}>) -> tensor<4x{kind}>
  return %0 : tensor<4x{kind}>
}}"""
    filled = Launchable.jit_compile(source)(1, device="cpu")
    assert torch.equal(filled.double(), torch.ones(4).double())


@pytest.mark.parametrize(
    ("kind", "value"), [("f16", -0.5), ("bf16", 1.5), ("f8E4M3FN", -1.75), ("f16", math.inf)]
)
def test_narrow_float_comes_back_as_it_went_in(kind: str, value: float) -> None:
    program = Launchable.jit_compile(
        f"func.func @main(%n: {kind}) -> {kind} {{ return %n : {kind} }}"
    )
    got = program(value, device="cpu")
    assert (type(got), got) == (float, value)


@pytest.mark.parametrize("kind", ["f16", "f32", "f64"])
def test_nan_passes_as_a_number(kind: str) -> None:
    program = Launchable.jit_compile(
        f"func.func @main(%n: {kind}) -> {kind} {{ return %n : {kind} }}"
    )
    assert math.isnan(program(math.nan, device="cpu"))


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("i64", 1.5, "program: argument 0 is 1.5, must be an int of 64 bits"),
        ("i64", math.nan, "program: argument 0 is nan, must be an int of 64 bits"),
        ("i32", 1 << 32, "program: argument 0 is 4294967296, must be an int of 32 bits"),
        ("i32", -(1 << 31) - 1, "program: argument 0 is -2147483649, must be an int of 32 bits"),
        ("i8", 256, "program: argument 0 is 256, must be an int of 8 bits"),
        ("i8", -129, "program: argument 0 is -129, must be an int of 8 bits"),
        ("i1", 2, "program: argument 0 is 2, must be an int of 1 bits"),
        ("i64", 1 << 64, f"program: argument 0 is {1 << 64}, must be an int of 64 bits"),
        ("index", 1.0, "program: argument 0 is 1.0, must be an int of 64 bits"),
        ("f32", 1e39, "program: argument 0 is 1e+39, must be in the range of f32"),
        ("f64", 10**400, f"program: argument 0 is {10**400}, must be in the range of f64"),
    ],
)
def test_number_that_does_not_fit_its_type_is_refused(
    kind: str, value: float, message: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        number_program(kind)(value, device="cpu")
    assert str(caught.value) == message


NO_ARGUMENTS = [
    (None, "NoneType"),
    ("x", "str"),
    ([1.0], "list"),
    ([True], "list"),
    ({}, "dict"),
    (1j, "complex"),
    (np.complex64(1), "complex64"),
    (np.str_("x"), "str_"),
    (np.ones(3), "ndarray"),
    (torch.float32, "dtype"),
]


@pytest.mark.parametrize(("value", "kind"), NO_ARGUMENTS, ids=[kind for _, kind in NO_ARGUMENTS])
def test_argument_that_is_no_tensor_or_number_is_refused_by_place(value: Any, kind: str) -> None:
    """L8: the seed drops such arguments without a word."""
    program = Launchable.jit_compile(TENSOR_AND_NUMBER)
    with pytest.raises(UnsupportedTypeError) as caught:
        program(value, 1, device="cpu")
    assert str(caught.value) == (
        f"program: argument 0 is a {kind}, must be a tensor, an int or a float"
    )
    with pytest.raises(UnsupportedTypeError) as caught:
        program(X, value)
    assert str(caught.value) == f"program: argument 1 is a {kind}, must be a number (i64)"
    assert program(X, 7) == 7


def test_complex_tensor_in_the_place_of_a_number_is_refused() -> None:
    with pytest.raises(UnsupportedTypeError, match="argument 1 is a Tensor, must be a number"):
        Launchable.jit_compile(TENSOR_AND_NUMBER)(X, torch.tensor(1j))


def test_tensor_in_the_place_of_a_number_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        Launchable.jit_compile(TENSOR_AND_NUMBER)(X, torch.ones(1))
    assert str(caught.value) == (
        "program: argument 1 is the tensor f32[1], must be a number (i64)\n"
        "  fix: pass tensor.item()"
    )


def test_tensor_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(UnsupportedTypeError, match=r"^program: argument 0: f32\[2\]: layout"):
        Launchable.jit_compile(TENSOR_AND_NUMBER)(torch.ones(2).to_sparse(), 1)


def test_dtype_that_iree_has_not_is_refused_by_place() -> None:
    x = torch.zeros(4, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    with pytest.raises(UnsupportedTypeError, match=r"^program: argument 0: torch\.float4"):
        Launchable.jit_compile(TENSOR_AND_NUMBER)(x, 1)


def test_number_in_the_place_of_a_tensor_is_refused(twice: Launchable) -> None:
    with pytest.raises(ArgumentError) as caught:
        twice(3, device="cpu")
    assert str(caught.value) == "program: argument 0 is the number 3, must be a tensor"


def test_numbers_and_tensors_mix() -> None:
    source = """
func.func @main(%a: tensor<?xf32>, %s: f32, %n: i64) -> (tensor<?xf32>, i64) {
  %c0 = arith.constant 0 : index
  %d = tensor.dim %a, %c0 : tensor<?xf32>
  %e = tensor.empty(%d) : tensor<?xf32>
  %b = linalg.fill ins(%s : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %0 = arith.mulf %a, %b : tensor<?xf32>
  return %0, %n : tensor<?xf32>, i64
}"""
    scaled, number = Launchable.jit_compile(source)(X, 0.5, 7)
    assert torch.equal(scaled, X * 0.5)
    assert number == 7


def test_only_numbers_come_back_in_their_order() -> None:
    """L9: the seed drops results that are no tensors."""
    source = """
func.func @main(%a: i64, %b: f32, %c: i1) -> (i1, i64, f32) {
  return %c, %a, %b : i1, i64, f32
}"""
    results = Launchable.jit_compile(source)(-4, 0.5, True, device="cpu")
    assert results == [True, -4, 0.5]
    assert [type(result) for result in results] == [bool, int, float]


@pytest.mark.parametrize(("kind", "shown"), [("i4", "INT_4"), ("i2", "0x10000002")])
def test_result_of_a_dtype_that_torch_has_not_is_refused(kind: str, shown: str) -> None:
    source = f"""
func.func @main(%a: tensor<4xi8>) -> tensor<4x{kind}> {{
  %0 = arith.trunci %a : tensor<4xi8> to tensor<4x{kind}>
  return %0 : tensor<4x{kind}>
}}"""
    with pytest.raises(UnsupportedTypeError) as caught:
        Launchable.jit_compile(source)(torch.zeros(4, dtype=torch.int8))
    assert str(caught.value) == (
        f"program: result 0 has element type {shown}, must be one that torch has"
    )


def test_result_that_is_neither_tensor_nor_number_is_refused() -> None:
    source = """
func.func @main(%a: !hal.buffer_view) -> !hal.buffer {
  %0 = hal.buffer_view.buffer<%a : !hal.buffer_view> : !hal.buffer
  return %0 : !hal.buffer
}"""
    with pytest.raises(UnsupportedTypeError, match="result 0 is neither a tensor nor a number"):
        Launchable.jit_compile(source)(X)


def into(shape: tuple[int, ...]) -> dict[str, Tensor]:
    """Make tensors of one shape and every layout that can be written."""
    size = int(torch.Size(shape).numel())
    return {
        "contiguous": torch.zeros(shape),
        "misaligned": torch.zeros(size + 1)[1:].view(shape),
        "strided": torch.zeros(*shape[:-1], shape[-1] * 2)[..., ::2],
        "wants a gradient": torch.zeros(shape, requires_grad=True),
    }


@pytest.mark.parametrize("layout", list(into((5,))))
def test_result_is_written_into_the_output(twice: Launchable, layout: str) -> None:
    out = into((5,))[layout]
    assert twice(X, outputs=[out]) is out
    assert torch.equal(out.detach(), X + X)


def test_output_may_be_the_argument(twice: Launchable) -> None:
    x = X.clone()
    twice(x, outputs=[x])
    assert torch.equal(x, X + X)


def test_two_outputs_are_written_and_returned() -> None:
    kind = "tensor<?xf32>"
    source = f"""
func.func @main(%a: {kind}) -> ({kind}, {kind}) {{
  %0 = arith.addf %a, %a : {kind}
  return %0, %a : {kind}, {kind}
}}"""
    outs = [torch.zeros(5), torch.zeros(5)]
    results = Launchable.jit_compile(source)(X, outputs=outs)
    assert all(result is out for result, out in zip(results, outs, strict=True))
    assert torch.equal(outs[0], X + X)
    assert torch.equal(outs[1], X)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ([torch.zeros(4)], "program: output 0 is [4], must be [5] as result 0"),
        ([torch.zeros(1, 5)], "program: output 0 is [1, 5], must be [5] as result 0"),
        (
            [torch.zeros(5).double()],
            "program: output 0 is of torch.float64, must be of torch.float32 as result 0",
        ),
        ([torch.zeros(5)] * 2, "program: 2 outputs, must be 1 as the results"),
        ([None], "program: output 0 is NoneType, must be Tensor as result 0"),
        (
            [torch.empty(5, device="meta")],
            "program: output 0 is on meta, must be on cpu as result 0",
        ),
        (
            torch.zeros(5),
            (
                "program: `outputs` is a tensor, must be a sequence of them\n"
                "  fix: pass outputs=[tensor]"
            ),
        ),
    ],
    ids=["shape", "rank", "dtype", "number", "no tensor", "device", "bare tensor"],
)
def test_output_that_does_not_fit_is_refused(twice: Launchable, outputs: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        twice(X, outputs=outputs)
    assert str(caught.value) == message
    assert torch.equal(twice(X), X + X)


def test_no_output_is_written_if_one_does_not_fit() -> None:
    kind = "tensor<?xf32>"
    source = f"func.func @main(%a: {kind}) -> ({kind}, {kind}) {{ return %a, %a : {kind}, {kind} }}"
    outs = [torch.zeros(5), torch.zeros(6)]
    with pytest.raises(ArgumentError):
        Launchable.jit_compile(source)(X, outputs=outs)
    assert torch.equal(outs[0], torch.zeros(5))


@pytest.mark.parametrize("dtype", [torch.complex64, torch.float64])
def test_bits_are_not_taken_for_another_kind_of_number(
    doubling: Callable[..., str], dtype: torch.dtype
) -> None:
    program = Launchable.jit_compile(doubling("tensor<?xi64>", "arith.addi"))
    with pytest.raises(ArgumentError, match=r"must be of torch\.int64 as result 0"):
        program(torch.arange(3), outputs=[torch.zeros(3, dtype=dtype)])
