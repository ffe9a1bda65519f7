"""The op `fused_rows`, and the text that it carries."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor

import kernels_mlir  # noqa: F401 - announces the ops
from ir_runtime import ir
from ir_runtime.errors import ArgumentError
from ir_runtime.passes import fusion
from ir_runtime.passes.fusion.fused_rows import FUSED_ROWS, FUSED_ROWS_SINGLE, fused_op
from ir_runtime.passes.fusion.program import Argument, Made, Program, Step, program_of
from tests.passes.fused import OPS, rows, weight

RELU, CLAMP = torch.ops.aten.relu.default, torch.ops.aten.clamp.default
NORM = Step(OPS.rms_norm.default, (Argument(0), Argument(1), 1e-6, None))
ONE = Program(2, (0,), (NORM, Step(RELU, (Made(0),))), (Made(1),))
TWO = Program(2, (0,), ONE.steps, (Made(1), Made(0)))


def test_a_text_is_the_whole_program():
    bounds = Step(CLAMP, (Argument(0), float("-inf")), (("max", 2),))
    cast = Step(torch.ops.aten._to_copy.default, (Made(0),), (("dtype", torch.bfloat16),))
    joined = Step(torch.ops.aten.cat.default, ((Made(1), Made(1)), -1))
    program = Program(1, (0,), (bounds, cast, joined), (Made(2),))
    assert program_of(program.text) == program
    assert program_of(program.text).text == program.text
    assert program.text == (
        '{"format":1,"takes":1,"rows":[0],"steps":[["aten::clamp.default",[{"in":0},'
        '{"float":"-inf"}],{"max":2}],["aten::_to_copy.default",[{"of":[0]}],'
        '{"dtype":{"dtype":"bfloat16"}}],["aten::cat.default",[[{"of":[1]},{"of":[1]}],-1]]],'
        '"returns":[{"of":[2]}]}'
    )
    x = torch.tensor([[3.0, -1.0]])
    (found,) = program_of(program.text).run(x)
    assert found.tolist() == [[2.0, -1.0, 2.0, -1.0]]
    assert found.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("relu", "is no program: JSONDecodeError"),
        ('{"takes": 1}', "is no program: KeyError 'format'"),
        ('{"format": 2}', "has format 2, must have 1"),
        (ONE.text.replace("rms_norm", "no_norm"), "calls ir_runtime::no_norm.default, which is"),
    ],
)
def test_a_wrong_text_is_refused(text, message):
    with pytest.raises(ArgumentError, match=message):
        fused_op(text)


@pytest.mark.parametrize(("overload", "program"), [(FUSED_ROWS, TWO), (FUSED_ROWS_SINGLE, ONE)])
def test_torch_checks_the_op(overload, program):
    tests = ("test_schema", "test_faketensor", "test_autograd_registration")
    torch.library.opcheck(overload, (program.text, [rows(3), weight()]), test_utils=tests)
    with pytest.raises(ArgumentError, match="has 1 tensors, must have 2"):
        overload(program.text, [rows(3).to("meta")])


def test_single_needs_one_result():
    with pytest.raises(ArgumentError, match="returns 2 tensors, must return 1"):
        FUSED_ROWS_SINGLE(TWO.text, [rows(3).to("meta"), weight().to("meta")])


def test_one_op_serves_all_calls_of_a_program():
    op = fused_op(ONE.text)
    assert fused_op(program_of(ONE.text).text) is op
    assert op.name not in ir.IrOp.registry.present()
    assert op.get_priority() == ["iree", "native"]
    assert op.name.startswith("fused_rms_norm_")


def test_gradients_are_those_of_the_program():
    x, w = rows(3).requires_grad_(), weight().requires_grad_()
    FUSED_ROWS_SINGLE(ONE.text, [x, w]).sum().backward()
    found = [x.grad, w.grad]
    x.grad = w.grad = None
    torch.relu(OPS.rms_norm(x, w, 1e-6)).sum().backward()
    torch.testing.assert_close(found, [x.grad, w.grad])


def test_native_computes_what_has_no_kernel():
    program = Program(
        2, (0,), (Step(torch.ops.aten.mul.Tensor, (Argument(0), Argument(1))),), (Made(0),)
    )
    x = rows(3).double()
    assert torch.equal(FUSED_ROWS_SINGLE(program.text, [x, x]), x * x)
    assert fused_op(program.text).dispatch(x, x).provider == "native"


@pytest.mark.parametrize("name", fusion.__all__)
def test_passes_are_values(name):
    one, two = getattr(fusion, name)(), getattr(fusion, name)()
    assert one == two == copy.deepcopy(one) == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(two)
    assert one.uuid() == two.uuid()
    assert len({getattr(fusion, other)().uuid() for other in fusion.__all__}) == len(fusion.__all__)


def test_the_function_of_a_program_has_a_schema():
    schema = torch.library.infer_schema(TWO.function(), mutates_args=())
    assert schema == "(Tensor x0, Tensor x1) -> (Tensor, Tensor)"
    assert isinstance(TWO.function()(rows(2), weight())[1], Tensor)
