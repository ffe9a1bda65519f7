from __future__ import annotations

import pytest
import torch

from ir_runtime.errors import ArgumentError, CompileError, GenerateError
from ir_runtime.op_reg import FreeFuncKernelBuilder, MlirTemplate
from ir_runtime.op_reg.call.kernel import kernel_source, run_select
from tests.op_reg import ops
from tests.op_reg.ops import SCALE, like_first, like_first_of_two, make_op, op_of, yield_first

X = torch.arange(6.0)
DOUBLE = """
util.func private @f(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = arith.addf %x, %x : tensor<?xf32>
  util.return %0 : tensor<?xf32>
}
"""
SQUARE = DOUBLE.replace("addf", "mulf")


def one_to_one(generate, select=like_first, **members):
    return make_op("built_@UNIQUE@(Tensor x) -> Tensor", select, generate, **members)


def failure(packet, *args, kind: type[Exception] = GenerateError) -> str:
    """Call twice: a failed op fails the same way again. The next good call works."""
    messages = set()
    for _ in range(2):
        with pytest.raises(kind) as caught:
            packet(*(args or (X,)))
        messages.add(str(caught.value).replace(op_of(packet).name, "op"))
    assert torch.equal(ops.add(X, X), X + X)
    (message,) = messages
    return message


def test_generate_that_never_yields():
    assert failure(one_to_one(lambda self, ksel, kb: None)) == (
        "op: `generate` ends without results, must call yield_results once"
    )


def test_generate_that_yields_twice():
    def generate(self, ksel, kb):
        kb.yield_results(kb.arg(0))
        kb.yield_results(kb.arg(0))

    assert failure(one_to_one(generate)) == (
        "op: `generate` yields results twice, must call yield_results once"
    )


def test_generate_that_yields_too_many():
    assert failure(one_to_one(lambda self, ksel, kb: kb.yield_results(kb.arg(0), kb.arg(0)))) == (
        "op: `generate` yields 2 results, must be 1 as `select` declares"
    )


def test_generate_that_forgets_the_in_place_argument():
    packet = make_op(
        "built_@UNIQUE@_(Tensor(a!) x) -> Tensor(a!)",
        type(op_of(ops.twice)).select,
        lambda self, ksel, kb: kb.yield_results(),
    )
    assert failure(packet, X.clone()) == (
        "op: `generate` yields 0 results, must be 1 as `select` declares\n"
        "    1 of them for in-place arguments"
    )


def test_generate_that_yields_another_element_type():
    def generate(self, ksel, kb):
        kb.yield_results(kb.cast_float(kb.arg(0), torch.float64))

    assert failure(one_to_one(generate)) == (
        "op: yielded result 0 is tensor<?xf64>, must be tensor<?xf32>"
    )


def test_generate_that_yields_another_rank():
    def select(self, ksel):
        ksel.arg_tensor(0)
        ksel.return_new_tensor((1, 6), torch.float32)

    assert failure(one_to_one(yield_first, select)) == (
        "op: yielded result 0 is tensor<?xf32>, must be tensor<?x?xf32>"
    )


def test_generate_that_yields_another_known_size():
    def select(self, ksel):
        ksel.arg_tensor(0).specialize_all_dims()
        ksel.return_new_tensor((7,), torch.float32).specialize_all_dims()

    assert failure(one_to_one(yield_first, select)) == (
        "op: yielded result 0 is tensor<6xf32>, must be tensor<7xf32>"
    )


def test_generate_that_raises_is_not_dressed_up():
    def generate(self, ksel, kb):
        raise ZeroDivisionError("mine")

    assert failure(one_to_one(generate), kind=ZeroDivisionError) == "mine"


def test_generate_that_builds_ir_which_does_not_verify():
    def generate(self, ksel, kb):
        from iree.compiler.ir import Operation, Type

        wrong = Type.parse("tensor<?xf64>", kb.context)
        op = Operation.create("arith.addf", results=[wrong], operands=[kb.arg(0), kb.arg(0)])
        kb.yield_results(kb.cast_float(op.result, torch.float32))

    message = failure(one_to_one(generate))
    assert message.startswith("op: `generate` builds MLIR that does not verify\n    ")
    assert "arith.addf" in message
    assert "\n       1 | module {\n" in message


def test_template_that_does_not_parse_shows_numbered_lines():
    text = "util.func private @f() {\n  THIS IS A SYNTAX ERROR\n}"
    packet = one_to_one(lambda self, ksel, kb: kb.inline_mlir(MlirTemplate("broken", text), {}))
    message = failure(packet)
    assert message.startswith("op: template broken does not parse\n    ")
    assert "error:" in message
    assert message.endswith(
        "       1: util.func private @f() {\n       2:   THIS IS A SYNTAX ERROR\n       3: }"
    )


def test_unknown_alias_lists_those_there_are():
    packet = one_to_one(
        lambda self, ksel, kb: kb.inline_mlir(SCALE, {"#facto": "1", "!y": "f32"}, kb.arg(0))
    )
    assert failure(packet) == ("template scale: no alias !y, #facto, must be one of !x, #factor")


def test_unknown_function_lists_those_there_are():
    packet = one_to_one(lambda self, ksel, kb: kb.inline_mlir(DOUBLE, {}, kb.arg(0), function="g"))
    assert failure(packet) == "template inline: no function 'g', must be one of f"


def test_wrong_number_of_operands():
    packet = one_to_one(lambda self, ksel, kb: kb.inline_mlir(DOUBLE, {}))
    assert failure(packet) == "op: @f called with 0 operands, must be 1"


def test_operand_of_another_type():
    packet = one_to_one(lambda self, ksel, kb: kb.inline_mlir(DOUBLE, {}, kb.arg(0)))
    assert failure(packet, X.double()) == (
        "op: operand 0 of @f is tensor<?xf64>, must be tensor<?xf32>"
    )


def test_program_that_the_compiler_refuses_names_the_op(store):
    text = """
util.func private @f(%x: tensor<?xf32>) -> tensor<?xf32> {
  %by = arith.constant 1.0 : f32
  %n = arith.constant 4 : index
  %e = tensor.splat %by[%n] : tensor<?xf32>
  %0 = arith.addf %x, %e : tensor<?xf32>
  util.return %0 : tensor<?xf32>
}
"""
    packet = one_to_one(
        lambda self, ksel, kb: kb.yield_results(kb.inline_mlir(text, {}, kb.arg(0)))
    )
    message = failure(packet, kind=CompileError)
    assert message.startswith("op: MLIR does not compile\n    error: ")
    assert "tensor.splat" in message
    assert f"source kept in {store.root}/v1/failed/" in message


def test_templates_with_clashing_names_live_together():
    def generate(self, ksel, kb):
        doubled = kb.inline_mlir(DOUBLE, {}, kb.arg(0))
        kb.yield_results(kb.inline_mlir(SQUARE, {}, doubled))

    assert torch.equal(one_to_one(generate)(X), (X + X) ** 2)


def test_template_used_twice_is_merged_once():
    def generate(self, ksel, kb):
        once = kb.inline_mlir(DOUBLE, {}, kb.arg(0))
        kb.yield_results(kb.inline_mlir(DOUBLE, {}, once))

    packet = one_to_one(generate)
    assert torch.equal(packet(X), X * 4)
    source = kernel_source(op_of(packet), run_select(op_of(packet), [X])).decode()
    assert source.count("util.func private") == 1
    assert source.count("util.call @f") == 2


def test_template_with_two_functions_runs_the_one_of_its_name():
    helper = DOUBLE.replace("@f", "@helper")
    main = (
        "util.func private @main_one(%x: tensor<?xf32>) -> tensor<?xf32> {\n"
        "  %0 = util.call @helper(%x) : (tensor<?xf32>) -> tensor<?xf32>\n"
        "  %1 = util.call @helper(%0) : (tensor<?xf32>) -> tensor<?xf32>\n"
        "  util.return %1 : tensor<?xf32>\n}"
    )
    template = MlirTemplate("main_one", helper + main)

    def generate(self, ksel, kb):
        doubled = kb.inline_mlir(helper, {}, kb.arg(0))  # takes the name @helper first
        kb.yield_results(kb.inline_mlir(template, {}, doubled))

    assert torch.equal(one_to_one(generate)(X), X * 8)


def test_template_with_func_func():
    text = DOUBLE.replace("util.func private", "func.func").replace("util.return", "return")
    packet = one_to_one(
        lambda self, ksel, kb: kb.yield_results(kb.inline_mlir(text, {}, kb.arg(0)))
    )
    assert torch.equal(packet(X), X * 2)


def test_template_function_called_main_does_not_clash_with_the_kernel():
    packet = one_to_one(
        lambda self, ksel, kb: kb.yield_results(
            kb.inline_mlir(DOUBLE.replace("@f", "@main"), {}, kb.arg(0))
        )
    )
    assert torch.equal(packet(X), X * 2)


def test_template_that_returns_two_values():
    text = (
        "util.func private @f(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {\n"
        "  %0 = arith.addf %x, %x : tensor<?xf32>\n"
        "  util.return %0, %x : tensor<?xf32>, tensor<?xf32>\n}"
    )

    def generate(self, ksel, kb):
        doubled, same = kb.inline_mlir(text, {}, kb.arg(0))
        kb.yield_results(kb.inline_mlir(SQUARE, {}, doubled if same is not None else same))

    assert torch.equal(one_to_one(generate)(X), X * X * 4)


def test_alias_lines_are_all_that_a_template_exchanges():
    text = SCALE.instantiate({"#factor": "7.0 : f32"})
    changed = [
        pair
        for pair in zip(SCALE.text.split("\n"), text.split("\n"), strict=True)
        if pair[0] != pair[1]
    ]
    assert changed == [("#factor = 2.0 : f32", "#factor = 7.0 : f32")]


def test_alias_takes_a_descriptor():
    ksel = run_select(op_of(ops.add), [X, X])
    assert "!x = tensor<?xf32>" in SCALE.instantiate({"!x": ksel.arg_descs[0]})


def test_template_is_read_beside_a_file(tmp_path):
    (tmp_path / "double.mlir").write_text(DOUBLE)
    template = MlirTemplate.beside(str(tmp_path / "module.py"), "double.mlir")
    assert (template.name, template.text) == ("double", DOUBLE)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_cast_float_widens_and_narrows(dtype):
    def generate(self, ksel, kb):
        kb.yield_results(kb.cast_float(kb.cast_float(kb.arg(0), torch.float32), dtype))

    x = torch.randn(5, dtype=dtype)
    assert torch.equal(one_to_one(generate)(x), x.float().to(dtype))


def test_cast_float_between_halves_of_one_width():
    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.return_new_tensor(x.t.shape, torch.bfloat16)

    def generate(self, ksel, kb):
        kb.yield_results(kb.cast_float(kb.arg(0), torch.bfloat16))

    x = torch.randn(5, dtype=torch.float16)
    assert torch.equal(one_to_one(generate, select)(x), x.to(torch.bfloat16))


def test_constant_index():
    def select(self, ksel):
        ksel.arg_tensor(0)
        ksel.return_new_tensor((), torch.float32)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import tensor

        element = tensor.extract(kb.arg(0), [kb.constant_index(3)])
        kb.yield_results(tensor.from_elements(ksel_type(ksel, kb), [element]))

    def ksel_type(ksel, kb):
        from iree.compiler.ir import Type

        return Type.parse(ksel.result_descs[0].mlir_type_asm, kb.context)

    assert one_to_one(generate, select)(X).item() == 3.0


def test_single_dispatch_compiles():
    packet = one_to_one(
        lambda self, ksel, kb: kb.yield_results(kb.inline_mlir(DOUBLE, {}, kb.arg(0))),
        single_dispatch=True,
    )
    assert torch.equal(packet(X), X * 2)


def test_bindings_leave_out_absent_optionals_and_hold_none_for_attributes():
    seen = []

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.arg_optional_tensor(1)
        ksel.attr_float(2)
        ksel.arg_tensor(3)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        seen.append([value is None for value in kb.arg_bindings])
        assert kb.arg_value(3) == kb.arg_bindings[-1]
        assert (kb.arg_value(1) is None) == (ksel.arg_descs[1].ir_arity == 0)
        kb.yield_results(kb.arg_value(3))

    packet = make_op(
        "bound_@UNIQUE@(Tensor x, Tensor? w, float f, Tensor y) -> Tensor", select, generate
    )
    assert torch.equal(packet(X, None, 1.0, X + 1), X + 1)
    assert torch.equal(packet(X, X, 1.0, X + 1), X + 1)
    assert seen == [[False, True, False], [False, False, True, False]]


@pytest.mark.parametrize("method", ["arg", "arg_value"])
def test_attribute_has_no_value(method):
    def select(self, ksel):
        like_first(self, ksel)
        ksel.attr_float(1)

    def generate(self, ksel, kb):
        getattr(kb, method)(1)

    packet = make_op("attr_@UNIQUE@(Tensor x, float f) -> Tensor", select, generate)
    with pytest.raises(ArgumentError) as caught:
        packet(X, 1.0)
    assert str(caught.value) == (
        f"{op_of(packet).name}: `f` is compiled in as an attribute, "
        "must be a tensor or int operand to have a value"
    )


def test_argument_that_select_left_out_has_no_value():
    packet = make_op(
        "left_@UNIQUE@(Tensor x, Tensor y) -> Tensor",
        like_first,
        lambda self, ksel, kb: kb.arg_value(1),
    )
    with pytest.raises(ArgumentError, match="`y` is not declared by `select`, must be a tensor"):
        packet(X, X)


def test_argument_that_select_left_out_is_no_operand():
    packet = make_op("left_@UNIQUE@(Tensor x, Tensor y) -> Tensor", like_first, yield_first)
    assert torch.equal(packet(X, X + 1), X)


def test_free_function_without_destinations():
    ksel = run_select(op_of(ops.add), [X, X])
    kb = FreeFuncKernelBuilder.create_module(ksel, func_name="mine", is_public=False)
    with kb.context, kb.location, kb.ip:
        ops.yield_sum(None, ksel, kb)
    asm = str(kb.module)
    assert "func.func private @mine(%arg0: tensor<?xf32>, %arg1: tensor<?xf32>)" in asm
    assert "iree.abi.output" not in asm


def test_variants_are_kernels_of_their_own():
    def select(self, ksel):
        like_first_of_two(self, ksel)
        ksel.variant = "small" if ksel.arg_descs[0].t.numel() < 4 else "large"

    def generate(self, ksel, kb):
        kb.yield_results(kb.arg(0) if ksel.variant == "small" else kb.arg(1))

    packet = make_op("variant_@UNIQUE@(Tensor x, Tensor y) -> Tensor", select, generate)
    assert torch.equal(packet(X[:2], X[:2] + 9), X[:2])
    assert torch.equal(packet(X, X + 9), X + 9)
