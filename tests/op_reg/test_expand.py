"""Do calls of ops in an imported module become kernels, whatever the module knows of its sizes?"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ir_runtime.errors import ArgumentError, GenerateError
from ir_runtime.launch.launchable import Launchable
from ir_runtime.op_reg import CustomOp, InlineKernelBuilder, KernelSelection
from ir_runtime.op_reg.select.call_selection import CallSelection
from tests.op_reg import ops
from tests.op_reg.ops import LIBRARY, make_op, op_of
from tests.op_reg.torch_program import VECTOR, X, Y, expanded, operator, run


def test_an_attribute_that_the_program_computes_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        expanded(f"""
        func.func @main(%x: {VECTOR}, %f: !torch.float) -> {VECTOR} {{
          %0 = {operator(ops.scale, "%x, %f", f"{VECTOR}, !torch.float")} loc("model.py":3:0)
          return %0 : {VECTOR}
        }}""")
    assert str(caught.value) == (
        f"{op_of(ops.scale).name}: `factor` is computed by an argument of the program : "
        "!torch.float, must be a float that is constant in the program\n"
        "    called at model.py:3"
    )


def test_a_list_with_an_element_that_the_program_computes_is_refused() -> None:
    types = f"{VECTOR}, !torch.bool, !torch.str, !torch.list<int>"
    with pytest.raises(ArgumentError, match="`ints` is computed by the program, must be a list"):
        expanded(f"""
        func.func @main(%x: {VECTOR}, %i: !torch.int) -> {VECTOR} {{
          %b = torch.constant.bool false
          %s = torch.constant.str "one"
          %one = torch.constant.int 1
          %l = torch.prim.ListConstruct %one, %i : (!torch.int, !torch.int) -> !torch.list<int>
          %0 = {operator(ops.configured, "%x, %b, %s, %l", types)}
          return %0 : {VECTOR}
        }}""")


def test_missing_operands_are_the_defaults() -> None:
    text = expanded(f"""
    func.func @main(%x: {VECTOR}) -> {VECTOR} {{
      %0 = {operator(ops.scale, "%x", VECTOR)}
      return %0 : {VECTOR}
    }}""")
    assert torch.equal(run(text, X), X * 2)


def test_an_integer_of_the_program_is_an_operand() -> None:
    integers = "!torch.vtensor<[?],si64>"
    text = expanded(f"""
    func.func @main(%x: {integers}, %n: !torch.int) -> {integers} {{
      %0 = {operator(ops.shift, "%x, %n", f"{integers}, !torch.int", integers)}
      return %0 : {integers}
    }}""")
    x = torch.arange(4)
    for n in (5, -7, 1 << 40):
        assert torch.equal(Launchable.jit_compile(text, name="shifted")(x, n), x + n)


def _select_three(self: Any, ksel: Any) -> None:
    ksel.return_tensor(ksel.arg_tensor(0).t)
    ksel.arg_int(1).spec_value = 3


only_three = make_op(
    "only_three_@UNIQUE@(Tensor x, SymInt n) -> Tensor", _select_three, ops.yield_first
)


def with_integer(made: str) -> str:
    return f"""
    func.func @main(%x: {VECTOR}, %m: !torch.int) -> {VECTOR} {{
      {made}
      %0 = {operator(only_three, "%x, %n", f"{VECTOR}, !torch.int")} loc("model.py":7:0)
      return %0 : {VECTOR}
    }}"""


def test_an_integer_that_select_compiles_in_is_no_operand() -> None:
    text = expanded(with_integer("%n = torch.constant.int 3"))
    assert "to_i64" not in text


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        ("%n = torch.constant.int 4", "4"),
        (
            "%n = torch.aten.add.int %m, %m : !torch.int, !torch.int -> !torch.int",
            "no constant",
        ),
    ],
)
def test_another_integer_than_select_compiles_in_is_refused(made: str, shown: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        expanded(with_integer(made))
    assert str(caught.value) == (
        f"{op_of(only_three).name}: `n` is {shown}, must be 3, which `select` compiles in\n"
        "    called at model.py:7"
    )


def test_a_number_names_a_dtype() -> None:
    seen: list[Any] = []

    class dtyped(CustomOp):
        signature = "dtyped_@UNIQUE@(Tensor x, ScalarType? dtype=None) -> Tensor"

        def select(self, ksel: Any) -> None:
            x = ksel.arg_tensor(0)
            seen.append(ksel.args[1])
            ksel.return_new_tensor(x.t.shape, x.t.dtype)

        generate = ops.yield_first

    op = CustomOp.register(dtyped, library=LIBRARY)
    expanded(f"""
    func.func @main(%x: {VECTOR}) -> {VECTOR} {{
      %six = torch.constant.int 15
      %0 = {operator(op, "%x, %six", f"{VECTOR}, !torch.int")}
      %none = torch.constant.none
      %1 = {operator(op, "%0, %none", f"{VECTOR}, !torch.none")}
      return %1 : {VECTOR}
    }}""")
    assert seen == [torch.bfloat16, None]


@pytest.mark.parametrize(
    ("element", "dtype"),
    [
        ("ui8", torch.uint8), ("si8", torch.int8), ("i1", torch.bool), ("bf16", torch.bfloat16),
        ("f8E4M3FN", torch.float8_e4m3fn), ("complex<f32>", torch.complex64),
        ("ui32", torch.uint32),
    ],
)  # fmt: skip
def test_dtypes_reach_select(element: str, dtype: torch.dtype) -> None:
    seen: list[torch.dtype] = []

    def select(self: Any, ksel: KernelSelection) -> None:
        x = ksel.arg_tensor(0)
        seen.append(x.t.dtype)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    op = make_op("kinds_@UNIQUE@(Tensor x) -> Tensor", select, ops.yield_first)
    kind = f"!torch.vtensor<[2,?],{element}>"
    expanded(f"""
    func.func @main(%x: {kind}) -> {kind} {{
      %0 = {operator(op, "%x", kind, kind)}
      return %0 : {kind}
    }}""")
    assert seen == [dtype]


def test_a_tensor_of_unknown_rank_is_refused() -> None:
    kind = "!torch.vtensor<*,f32>"
    with pytest.raises(ArgumentError) as caught:
        expanded(f"""
        func.func @main(%x: {kind}) -> {kind} {{
          %0 = {operator(ops.identity, "%x", kind, kind)} loc("model.py":2:0)
          return %0 : {kind}
        }}""")
    assert str(caught.value) == (
        f"{op_of(ops.identity).name}: `x` is {kind}, must be a tensor of known rank and dtype\n"
        "    called at model.py:2"
    )


def test_all_functions_are_expanded_and_other_operators_left() -> None:
    call = operator(ops.scale, "%x", VECTOR)
    text = expanded(f"""
    func.func @main(%x: {VECTOR}) -> {VECTOR} {{
      %0 = {call}
      %1 = torch.operator "torch.other.thing"(%0) : ({VECTOR}) -> {VECTOR}
      return %1 : {VECTOR}
    }}
    func.func private @second(%x: {VECTOR}) -> {VECTOR} {{
      %0 = {call}
      return %0 : {VECTOR}
    }}""")
    assert text.count("util.call @ir_tests_scale") == 2
    assert text.count("util.func private @ir_tests_scale") == 1
    assert 'torch.operator "torch.other.thing"' in text


def test_results_that_nobody_uses_are_fine() -> None:
    pair = f"({VECTOR}, {VECTOR})"
    text = expanded(f"""
    func.func @main(%x: {VECTOR}) -> {VECTOR} {{
      %0:2 = {operator(ops.sum_and_difference, "%x, %x", f"{VECTOR}, {VECTOR}", pair)}
      return %0#1 : {VECTOR}
    }}""")
    assert torch.equal(run(text, X), X * 0)


def test_an_in_place_call_that_is_not_functional_is_refused() -> None:
    with pytest.raises(GenerateError) as caught:
        expanded(f"""
        func.func @main(%x: {VECTOR}) -> {VECTOR} {{
          %0 = {operator(ops.twice, "%x", VECTOR)} loc("model.py":2:0)
          return %0 : {VECTOR}
        }}""")
    assert str(caught.value) == (
        f"{op_of(ops.twice).name}: the call has 1 results, must be 2\n"
        "    called at model.py:2\n"
        "  fix: import a functional program, as ir_runtime.aot.export does"
    )


def test_a_kernel_that_does_not_verify_is_refused() -> None:
    def generate(self: Any, ksel: KernelSelection, kb: Any) -> None:
        from iree.compiler.ir import Operation

        Operation.create("arith.addf", results=[kb.arg(0).type], operands=[kb.arg(0)])
        kb.yield_results(kb.arg(0))

    wrong = make_op("wrong_@UNIQUE@(Tensor x) -> Tensor", ops.like_first, generate)
    with pytest.raises(GenerateError, match="`generate` builds MLIR that does not verify"):
        expanded(f"""
        func.func @main(%x: {VECTOR}) -> {VECTOR} {{
          %0 = {operator(wrong, "%x", VECTOR)}
          return %0 : {VECTOR}
        }}""")


def test_eager_execute_plays_no_part_in_a_program() -> None:
    def refuse(self: Any, *args: Any) -> Any:
        raise AssertionError

    op = make_op(
        "lazy_@UNIQUE@(Tensor x) -> Tensor", ops.like_first, ops.yield_first, eager_execute=refuse
    )
    assert "util.call" in expanded(f"""
    func.func @main(%x: {VECTOR}) -> {VECTOR} {{
      %0 = {operator(op, "%x", VECTOR)}
      return %0 : {VECTOR}
    }}""")


def test_a_builder_writes_a_kernel_in_place() -> None:
    from iree.compiler.ir import Context, InsertionPoint, Location, Module, SymbolTable

    module = Module.parse(
        "util.func public @main(%x: tensor<4xf32>, %y: tensor<?xf32>) -> tensor<4xf32> {"
        " util.return %x : tensor<4xf32> }",
        Context(),
    )
    op = op_of(ops.add)
    ksel = CallSelection(op, [torch.ones(4), torch.ones(4)])
    op.select(ksel)
    entry = SymbolTable(module.operation)["main"].regions[0].blocks[0]
    end = entry.operations[0]
    kb = InlineKernelBuilder(
        ksel,
        list(entry.arguments),
        ip=InsertionPoint(end),
        module_body=module.body,
        symbol_table=SymbolTable(module.operation),
        result_types=[entry.arguments[0].type],
        location=Location.unknown(module.context),
    )
    with kb.context, kb.location, kb.ip:
        op.generate(ksel, kb)
    end.operation.operands[0] = kb.results[0]
    text = module.operation.get_asm()
    assert "util.call" not in text
    assert torch.equal(run(text, X[:4], Y[:4]), X[:4] + Y[:4])
