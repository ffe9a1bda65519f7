import json

import pytest
import torch

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime import ir
from ir_runtime.cli import main
from ir_runtime.cli.explain import arguments_of, parse_value
from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError, OpConflictError
from tests.op_reg import ops
from tests.op_reg.ops import op_of

RMS = ["explain", "rms_norm"]


def refusal_of(words, capsys):
    """Return the one line on stderr of a command whose words are refused."""
    assert main(["explain", *words]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    return line


def test_the_decision_is_printed(capsys):
    x, weight = torch.zeros(4, 48), torch.zeros(48)
    assert main([*RMS, "x=f32[4,48]", "weight=f32[48]", "epsilon=1e-6"]) == 0
    assert capsys.readouterr().out == f"{ir.ops.rms_norm.explain(x, weight, 1e-6)}\n"


def test_what_the_kernel_refuses_is_said(capsys):
    assert main([*RMS, "f64[4,48]", "none", "1e-6"]) == 0
    assert capsys.readouterr().out == (
        "ir.ops.rms_norm(x=f64[4, 48], weight=None, epsilon=1e-06, variance_size=None)\n"
        "  priority  iree, native (default)\n"
        "  iree    refused: `x` is f64, must be f32 or bf16 or f16\n"
        "  native  chosen\n"
    )


def test_names_and_positions_mix(capsys):
    assert main([*RMS, "epsilon=0", "f32[2,3,48]", "weight=none", "variance_size=8"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first == ("ir.ops.rms_norm(x=f32[2, 3, 48], weight=None, epsilon=0.0, variance_size=8)")


def test_a_word_without_a_name_is_the_next_argument_without_a_value(capsys):
    assert main([*RMS, "x=f64[4,48]", "none", "1e-6"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("ir.ops.rms_norm(x=f64[4, 48], weight=None, epsilon=1e-06,")


@pytest.mark.parametrize("attribute", ["name", "qualified_name"])
def test_an_op_that_is_written_as_mlir_alone(capsys, attribute):
    packet = ops.add
    name = getattr(op_of(packet), attribute)
    assert main(["explain", name, "f32[3]", "y=f32[3]"]) == 0
    x = torch.zeros(3)
    assert capsys.readouterr().out == f"{op_of(packet).explain(x, x)}\n"
    assert main(["explain", "--json", name, "f32[3]", "f32[3]"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["kernel"]["kernel"].startswith(f"{op_of(packet).name}-")
    assert refusal_of([name, "f32[3]", "f32[3]", "--priority", "iree"], capsys) == (
        f"error: {op_of(packet).qualified_name}: is written as MLIR and has no providers, "
        "must be an IR op to have a priority"
    )


def test_another_priority(capsys):
    assert main(["explain", "gelu", "f32[48]", "--priority", "native,iree"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [
        "  priority  native (context)",
        "  native  chosen",
        "  iree    not listed",
    ]
    assert ir.ops.gelu.get_priority() == ["iree", "native"]


def test_json_record(capsys):
    assert main(["explain", "--json", "gelu", "f32[4,48]", "approximate=tanh"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["chosen"] == "iree"
    assert record["priority"] == ["iree", "native"]
    assert record["source"] == "default"
    assert [v["outcome"] for v in record["verdicts"]] == ["chosen", "not reached"]
    assert record["kernel"]["executor"] in ("direct", "vm")
    assert record["kernel"]["kernel"].startswith("gelu-")


def test_nothing_is_launched(capsys):
    with count_since() as counts:
        assert main(["explain", "softmax", "f32[4,48]"]) == 0
    assert capsys.readouterr().out
    assert counts[0].launches == 0


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("f32[4,", "'f32[4,', must be a tensor such as f32[4,4096]"),
        ("f32", "'f32', must be a tensor such as f32[4,4096]"),
        ("f32[-1]", "'f32[-1]', must be a tensor such as f32[4,4096]"),
        ("f32[4,,4]", "'f32[4,,4]', must be a tensor such as f32[4,4096]"),
        ("[4]", "'[4]', must be a tensor such as f32[4,4096]"),
        ("none", "'none', must be a tensor such as f32[4,4096]"),
    ],
)
def test_a_bad_shape_is_refused(capsys, word, said):
    assert refusal_of(["gelu", word], capsys) == f"error: gelu: `x` is {said}"


def test_an_unknown_dtype_is_refused(capsys):
    line = refusal_of(["gelu", "f31[4]"], capsys)
    assert line.startswith("error: gelu: `x` is 'f31[4]', must have one of the dtypes f64, f32, ")


def test_a_tensor_beyond_all_memory_is_refused(capsys):
    line = refusal_of(["gelu", f"f32[{2**62},8]"], capsys)
    assert line == (f"error: gelu: `x` is 'f32[{2**62},8]', {2**67} bytes, must fit the memory")


def test_an_unknown_op_is_refused(capsys):
    line = refusal_of(["rmsnorm", "f32[4]"], capsys)
    assert line.startswith("error: op 'rmsnorm': not registered, did you mean rms_norm")


def test_missing_arguments_are_named(capsys):
    line = refusal_of(["rms_norm", "f32[4,48]"], capsys)
    assert line == (
        "error: rms_norm: `weight`, `epsilon` are missing, must be given: (Tensor x, "
        "Tensor? weight, float epsilon, SymInt? variance_size=None) -> Tensor"
    )
    line = refusal_of(["gelu"], capsys)
    assert line.startswith("error: gelu: `x` is missing, must be given: ")


def test_an_unknown_argument_is_refused(capsys):
    assert refusal_of(["gelu", "y=f32[4]"], capsys) == (
        "error: gelu: it has no argument `y`, must be one of x, approximate"
    )


def test_an_argument_given_twice_is_refused(capsys):
    assert refusal_of(["gelu", "f32[4]", "x=f32[4]"], capsys) == (
        "error: gelu: `x` is given twice, must be once"
    )


def test_too_many_arguments_are_refused(capsys):
    assert refusal_of(["softmax", "f32[4]", "f32[4]"], capsys) == (
        "error: softmax: 'f32[4]' is one argument too many, must be at most 1: (Tensor x) -> Tensor"
    )


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("epsilon=small", "`epsilon` is 'small', must be a number"),
        ("variance_size=1.5", "`variance_size` is '1.5', must be a whole number or none"),
    ],
)
def test_a_bad_number_is_refused(capsys, word, said):
    words = ["rms_norm", "f32[4,48]", "none", *(() if "eps" in word else ("1e-6",)), word]
    assert refusal_of(words, capsys) == f"error: rms_norm: {said}"


def test_a_bad_switch_is_refused(capsys):
    line = refusal_of(["rotary_embedding", "is_neox_style=maybe"], capsys)
    assert line == "error: rotary_embedding: `is_neox_style` is 'maybe', must be true or false"


def test_an_unknown_provider_is_refused(capsys):
    assert refusal_of(["gelu", "f32[4]", "--priority", "triton"], capsys) == (
        "error: op gelu: 'triton' is none of its providers, must be one of native, iree"
    )


def test_traceback_on_request():
    with pytest.raises(OpConflictError, match="not registered"):
        main(["explain", "--traceback", "rmsnorm"])


def test_each_kind_of_value():
    query, positions = "bf16[3,8]", "i64[3]"
    words = [positions, query, "none", "8", "4", "f16[5,4]", "is_neox_style=false"]
    values = arguments_of(ir.ops.rotary_embedding, words)
    assert values[0].dtype == torch.int64
    assert values[0].eq(0).all()
    assert (values[1].dtype, values[1].shape) == (torch.bfloat16, (3, 8))
    assert values[2:5] == [None, 8, 4]
    assert values[6] is False


def test_a_tensor_without_dimensions():
    assert parse_value("x", "Tensor", "f32[]").shape == ()


def test_a_type_that_has_no_words_is_refused():
    with pytest.raises(ArgumentError) as refused:
        parse_value("concat: `tensors`", "List[Tensor]", "f32[4]")
    assert str(refused.value) == (
        "concat: `tensors` is of type List[Tensor], must be one that can be written here"
    )
