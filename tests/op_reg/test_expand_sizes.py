"""Sizes of a program that an op's `select` looks at: asserted, chosen by a hint, or refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ir_runtime.errors import ArgumentError, LaunchError
from ir_runtime.op_reg import KernelSelection
from tests.op_reg import ops
from tests.op_reg.ops import make_op, op_of
from tests.op_reg.torch_program import VECTOR, X, Y, expanded, operator, run, two_vectors


def test_sizes_that_select_compares_are_asserted() -> None:
    text = expanded(two_vectors(ops.add))
    name = op_of(ops.add).name
    assert f'"{name} at model.py:7: must have y.shape[0] == x.shape[0]"' in text
    assert torch.equal(run(text, X, Y), X + Y)
    with pytest.raises(LaunchError, match=r"must have y\.shape\[0\] == x\.shape\[0\]"):
        run(text, X, Y[:3])


def test_sizes_of_one_symbol_need_no_assertion() -> None:
    symbol = '%s = torch.symbolic_int "s0" {min_val = 2, max_val = 100} : !torch.int\n'
    bound = "".join(
        f"torch.bind_symbolic_shape %{v}, [%s], affine_map<()[s0] -> (s0)> : {VECTOR}\n"
        for v in "xy"
    )
    assert "cf.assert" not in expanded(two_vectors(ops.add, symbol + bound))


def test_derived_sizes_are_known() -> None:
    """`x` is of twice the size of `y`: what `select` asks of that needs no assertion."""

    def select(self: Any, ksel: KernelSelection) -> None:
        x, y = ksel.arg_tensor(0), ksel.arg_tensor(1)
        if x.t.shape[0] % 2 or x.t.shape[0] // 2 != y.t.shape[0]:
            raise ArgumentError("halves: must be of half the size")
        ksel.return_new_tensor((x.t.shape[0] // 2,), x.t.dtype)

    halves = make_op(
        "halves_@UNIQUE@(Tensor x, Tensor y) -> Tensor",
        select,
        lambda self, ksel, kb: kb.yield_results(kb.arg(1)),
    )
    symbol = '%s = torch.symbolic_int "s0" {min_val = 0, max_val = 100} : !torch.int\n'
    bound = (
        f"torch.bind_symbolic_shape %x, [%s], affine_map<()[s0] -> (s0 * 2)> : {VECTOR}\n"
        f"torch.bind_symbolic_shape %y, [%s], affine_map<()[s0] -> (s0)> : {VECTOR}\n"
    )
    assert "cf.assert" not in expanded(two_vectors(halves, symbol + bound))
    with pytest.raises(ArgumentError) as caught:
        expanded(two_vectors(halves))
    assert str(caught.value) == "halves: must be of half the size\n    called at model.py:7"


def select_even(self: Any, ksel: KernelSelection) -> None:
    x = ksel.arg_tensor(0)
    if x.t.shape[0] % 2:
        raise ArgumentError("even: must be even")
    ksel.return_new_tensor(x.t.shape, x.t.dtype)


def test_a_remainder_that_select_asks_for_is_asserted() -> None:
    even = make_op("even_@UNIQUE@(Tensor x) -> Tensor", select_even, ops.yield_first)
    text = expanded(f"""
    func.func @main(%x: {VECTOR}) -> {VECTOR} {{
      %0 = {operator(even, "%x", VECTOR)}
      return %0 : {VECTOR}
    }}""")
    assert torch.equal(run(text, X), X)
    with pytest.raises(LaunchError, match=r"must have Mod\(x\.shape\[0\], 2\) == 0"):
        run(text, X[:5])


def test_a_hint_chooses_the_branch_that_select_takes() -> None:
    def select(self: Any, ksel: KernelSelection) -> None:
        x = ksel.arg_tensor(0)
        ksel.variant = "big" if x.t.shape[0] > 50 else "small"
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self: Any, ksel: KernelSelection, kb: Any) -> None:
        kb.yield_results(ops.scaled(kb, kb.arg(0), 9.0 if ksel.variant == "big" else 5.0))

    sized = make_op("sized_@UNIQUE@(Tensor x) -> Tensor", select, generate)
    program = f"""
    func.func @main(%x: {VECTOR}) -> {VECTOR} {{
      %s = torch.symbolic_int "s7" {{min_val = 0, max_val = 100}} : !torch.int
      torch.bind_symbolic_shape %x, [%s], affine_map<()[s0] -> (s0)> : {VECTOR}
      %0 = {operator(sized, "%x", VECTOR)}
      return %0 : {VECTOR}
    }}"""
    assert "must have x.shape[0] > 50" in (big := expanded(program, hints={"s7": 64}))
    assert "9.000000e+00" in big
    assert "5.000000e+00" in expanded(program, hints={"s7": 3})


def test_a_size_that_select_fixes_is_refused() -> None:
    def select(self: Any, ksel: KernelSelection) -> None:
        x = ksel.arg_tensor(0)
        int(x.t.shape[0])
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    fixing = make_op("fixing_@UNIQUE@(Tensor x) -> Tensor", select, ops.yield_first)
    with pytest.raises(ArgumentError) as caught:
        expanded(f"""
        func.func @main(%x: {VECTOR}) -> {VECTOR} {{
          %0 = {operator(fixing, "%x", VECTOR)} loc("model.py":3:0)
          return %0 : {VECTOR}
        }}""")
    assert str(caught.value) == (
        f"{op_of(fixing).name}: `select` needs x.shape[0] to be 6, and it is open in the program, "
        "must be static there\n"
        "    called at model.py:3\n"
        "  fix: make the dimension static in the export, or write a `select` that takes any size"
    )


def test_a_static_size_other_than_the_specialised_one_is_refused() -> None:
    def select(self: Any, ksel: KernelSelection) -> None:
        x = ksel.arg_tensor(0)
        x.spec_dims[1] = 8
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    op = make_op("eight_@UNIQUE@(Tensor x) -> Tensor", select, ops.yield_first)
    kind = "!torch.vtensor<[?,4],f32>"
    with pytest.raises(ArgumentError) as caught:
        expanded(f"""
        func.func @main(%x: {kind}) -> {kind} {{
          %0 = {operator(op, "%x", kind, kind)} loc("model.py":3:0)
          return %0 : {kind}
        }}""")
    assert str(caught.value) == (
        f"{op_of(op).name}: dimension 1 of argument `x` is 4 in the program, must be 8 as `select` "
        "specialises it\n"
        "    called at model.py:3"
    )
