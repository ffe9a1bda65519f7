"""What does export refuse, and does it say so?"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.errors import ArgumentError, ExportError, GenerateError
from ir_runtime.op_reg import CustomOp
from tests.op_reg import ops
from tests.op_reg.ops import LIBRARY, make_op, op_of

X = torch.randn(3, 4)


def line_of(marker: str) -> str:
    """Return `<this file>:<line>` of the line that ends with a comment."""
    with open(__file__) as file:  # noqa: PTH123
        lines = file.read().split("\n")
    return f"{__file__}:{next(i for i, line in enumerate(lines, 1) if line.endswith(marker))}"


def test_a_module_in_train_mode_with_dropout_is_refused() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout())
    with pytest.raises(ExportError) as caught:
        aot.export(module, (X,), name="net")
    assert caught.value.headline == (
        "net: draws random numbers (aten.native_dropout.default), must be deterministic"
    )
    assert caught.value.fix == (
        "call eval() on the module first, or pass the numbers as an argument"
    )
    torch.testing.assert_close(aot.export(module.eval(), (X,))(X), module(X).detach())


def test_a_size_that_depends_on_values_is_refused() -> None:
    def positive(x: Tensor) -> Tensor:
        return ops.scale(x[x > 0])  # values here

    with pytest.raises(ExportError) as caught:
        aot.export(positive, (X,))
    path, line = line_of("# values here").rsplit(":", 1)
    assert str(caught.value) == (
        "positive: makes a tensor whose size depends on values (aten.index.Tensor), must make "
        f'sizes of argument sizes only\n    File "{path}", line {line}, in positive'
    )


def test_what_torch_cannot_trace_is_refused() -> None:
    with pytest.raises(ExportError) as caught:
        aot.export(lambda x: x if x.sum() > 0 else -x, (X,), name="f")
    assert caught.value.headline == (
        "f: cannot be traced by torch.export, must run at the example arguments and depend on "
        "no values"
    )


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        aot.export(3, (X,), name="three")
    assert str(caught.value) == ("three: a int, must be a module, a function or an ExportedProgram")


def test_an_unknown_choice_of_parameters_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        aot.export(ops.scale, (X,), parameters="remote")
    assert str(caught.value) == "export: parameters='remote', must be 'inline' or 'external'"


def test_arguments_with_an_exported_program_are_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        aot.export(torch.export.export(torch.nn.ReLU(), (X,)), (X,))
    assert str(caught.value) == (
        "program: an ExportedProgram with arguments, must be without: it is traced"
    )


def without_meta(signature: str, select: Any, fake: Any) -> Any:
    """Register an op whose meta function is not its `select`: it lets more through."""
    body = {"signature": signature, "select": select, "generate": ops.yield_first}
    packet = CustomOp.register(library=LIBRARY, register_meta=False)(
        type("made", (CustomOp,), {**body, "__module__": __name__})
    )
    torch.library.register_fake(op_of(packet).qualified_name, fake, lib=LIBRARY)
    return packet


def _select_dynamic(self: Any, ksel: Any) -> None:
    ksel.arg_tensor(0).specialize_dims(0)
    ksel.return_new_tensor((4,), torch.float32)


specialised = without_meta(
    "needs_static_@UNIQUE@(Tensor x) -> Tensor", _select_dynamic, lambda x: x.new_empty(4)
)


def test_a_dynamic_dimension_that_is_specialised_is_refused() -> None:
    def call(x: Tensor) -> Tensor:
        return specialised(x)  # specialised here

    program = aot.export(call, (X,), dynamic_shapes=({0: Dim.DYNAMIC},))
    with pytest.raises(ArgumentError) as caught:
        program.mlir()
    assert str(caught.value) == (
        f"{op_of(specialised).name}: dimension 0 of argument `x` is dynamic in the program, must "
        "be static, because `select` specialises it\n"
        f"    called at {line_of('# specialised here')}\n"
        "  fix: make the dimension static in the export"
    )


def _select_counted(self: Any, ksel: Any) -> None:
    x = ksel.arg_tensor(0)
    ksel.attr_int(1)
    ksel.return_new_tensor(x.t.shape, x.t.dtype)


counted = without_meta(
    "counted_@UNIQUE@(Tensor x, SymInt count) -> Tensor",
    _select_counted,
    lambda x, count: torch.empty_like(x),
)


def test_an_attribute_that_is_no_constant_is_refused() -> None:
    def call(x: Tensor) -> Tensor:
        return counted(x, x.shape[0] * 2)  # counted here

    program = aot.export(call, (X,), dynamic_shapes=({0: Dim.DYNAMIC},))
    with pytest.raises(ArgumentError) as caught:
        program.mlir()
    assert str(caught.value) == (
        f"{op_of(counted).name}: `count` is computed by the program, must be an int that is "
        "constant in the program\n"
        f"    called at {line_of('# counted here')}"
    )


def _select_compiled_in(self: Any, ksel: Any) -> None:
    x = ksel.arg_tensor(0)
    ksel.arg_int(1).spec_value = 3
    ksel.return_new_tensor(x.t.shape, x.t.dtype)


compiled_in = make_op(
    "compiled_in_@UNIQUE@(Tensor x, SymInt n) -> Tensor",
    _select_compiled_in,
    lambda self, ksel, kb: kb.yield_results(kb.arg(0)),
)


def test_an_integer_that_is_compiled_in_must_be_that_constant() -> None:
    with pytest.raises(ArgumentError) as caught:
        aot.export(lambda x: compiled_in(x, 4), (X,))
    assert str(caught.value) == (
        f"{op_of(compiled_in).name}: `n` is 4, must be 3, which `select` compiles in"
    )


def test_an_integer_that_is_compiled_in_must_not_be_computed() -> None:
    with pytest.raises(ExportError, match=r"specialized it to be a constant \(3\)"):
        aot.export(lambda x: compiled_in(x, x.shape[0]), (X,), dynamic_shapes=({0: Dim.DYNAMIC},))


def test_an_out_overload_is_refused() -> None:
    def call(x: Tensor) -> Tensor:
        out = torch.empty_like(x)
        ops.scale.out(x, 2.0, out=out)  # out here
        return out

    with pytest.raises(GenerateError) as caught:
        aot.export(call, (X,)).mlir()
    assert str(caught.value) == (
        f"{op_of(ops.scale).name}: the program calls the overload 'out', must call the op itself\n"
        f"    called at {line_of('# out here')}"
    )


def test_generate_that_yields_nothing_is_refused() -> None:
    silent = make_op("silent_@UNIQUE@(Tensor x) -> Tensor", ops.like_first, lambda *_: None)
    with pytest.raises(GenerateError) as caught:
        aot.export(silent, (X,)).mlir()
    assert str(caught.value) == (
        f"{op_of(silent).name}: `generate` ends without results, must call yield_results once"
    )
