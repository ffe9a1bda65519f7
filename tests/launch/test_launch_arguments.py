"""Do numbers go in and out as the types declared, and results into the tensors given?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError
from ir_runtime.launch import Launchable

X = torch.arange(1.0, 6.0)


def number_program(kind: str) -> Launchable:
    add = "arith.addf" if kind.startswith("f") else "arith.addi"
    return Launchable.jit_compile(
        f"func.func @main(%n: {kind}) -> {kind} {{\n"
        f"  %0 = {add} %n, %n : {kind}\n  return %0 : {kind}\n}}"
    )


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
        ("index", 7, 14),
    ],
)
def test_number_is_passed_as_the_declared_type(kind: str, value: float, result: float) -> None:
    got = number_program(kind)(value, device="cpu")
    assert (type(got), got) == (type(result), result)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("i64", 1.5, "program: argument 0 is 1.5, must be an int of 64 bits"),
        ("i32", 1 << 32, "program: argument 0 is 4294967296, must be an int of 32 bits"),
        ("i32", -(1 << 31) - 1, "program: argument 0 is -2147483649, must be an int of 32 bits"),
        ("i64", 1 << 64, f"program: argument 0 is {1 << 64}, must be an int of 64 bits"),
        ("index", 1.0, "program: argument 0 is 1.0, must be an int of 64 bits"),
    ],
)
def test_number_that_does_not_fit_its_type_is_refused(
    kind: str, value: float, message: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        number_program(kind)(value, device="cpu")
    assert str(caught.value) == message


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
