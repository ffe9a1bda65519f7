"""O15: does a template that is missing or wrong say what is wrong, and where?"""

from __future__ import annotations

import pytest
import torch

from ir_runtime.errors import GenerateError
from ir_runtime.op_reg import JinjaTemplateLoader, StrFormatTemplateLoader, call_function
from tests.op_reg import ops
from tests.op_reg.ops import like_first, make_op, op_of
from tests.op_reg.template_ops import AS_JINJA, DOUBLE, HERE, KINDS, calling

X = torch.arange(6.0)


def failure(packet) -> str:
    messages = set()
    for _ in range(2):
        with pytest.raises(GenerateError) as caught:
            packet(X)
        messages.add(str(caught.value).replace(op_of(packet).name, "op"))
    assert torch.equal(ops.add(X, X), X + X)
    (message,) = messages
    return message


@pytest.mark.parametrize("kind", KINDS)
def test_text_that_does_not_parse_shows_numbered_lines(write, kind):
    """O15."""
    message = failure(calling(write(kind, broken="THIS IS A SYNTAX ERROR"), ("broken", "f")))
    lines = message.split("\n")
    assert lines[0] == "op: template broken does not parse"
    assert "error:" in message
    assert lines[-1].strip() == "1: THIS IS A SYNTAX ERROR"


@pytest.mark.parametrize("kind", KINDS)
def test_missing_file_lists_those_there_are(write, kind):
    loader = write(kind, one="", two="")
    assert failure(calling(loader, ("three", "f"))) == (
        f"template three: no file three.mlir in {loader.directory}, "
        "must be one of one.mlir, two.mlir"
    )


def test_directory_without_templates_says_so(write):
    loader = write("jinja")
    assert failure(calling(loader, ("one", "f"))).endswith(
        "must be one of none: there is no template"
    )


@pytest.mark.parametrize(("kind", "text"), [("format", DOUBLE), ("jinja", AS_JINJA)])
def test_missing_parameter_is_named(write, kind, text):
    packet = calling(write(kind, double=text), ("double", "f"), elements="f32", rank=1)
    assert failure(packet) == (
        "template double: parameter 'element' is missing, "
        "must be passed to inline_template_function\n"
        "    passed: elements, rank"
    )


@pytest.mark.parametrize(("kind", "text"), [("format", DOUBLE), ("jinja", AS_JINJA)])
def test_missing_function_lists_those_there_are(write, kind, text):
    packet = calling(write(kind, double=text), ("double", "g"), element="f32")
    assert failure(packet) == "template double: no function 'g', must be one of f"


def test_template_without_functions_says_so(write):
    packet = calling(write("jinja", empty="// nothing"), ("empty", "f"))
    assert failure(packet) == (
        "template empty: no function 'f', must be one of none: it has no functions"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("util.func @f() {\n  util.return\n}", "a brace is no parameter"),
        ("}", "Single '}' encountered in format string"),
        ("{}", "Replacement index 0 out of range for positional args tuple"),
        ("{a.b}", "'int' object has no attribute 'b'"),
    ],
)
def test_braces_that_are_not_doubled(write, text, reason):
    packet = calling(write("format", single=text), ("single", "f"), a=1)
    lines = failure(packet).split("\n")
    numbered = [f"    {n:4d}: {line}" for n, line in enumerate(text.split("\n"), 1)]
    assert lines == [
        "template single: cannot be filled in",
        f"    {reason}",
        "    braces of MLIR must be doubled",
        *numbered,
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("// one\n{% if %}", "line 2: Expected an expression, got 'end of statement block'"),
        ('{% include "nowhere.mlir" %}', "nowhere.mlir"),
        ("{{ a.b }}", "'int object' has no attribute 'b'"),
    ],
)
def test_jinja_that_is_wrong(write, text, reason):
    lines = failure(calling(write("jinja", wrong=text), ("wrong", "f"), a=1)).split("\n")
    assert lines[0] == "template wrong: cannot be filled in"
    assert reason in lines[1]
    assert lines[2].strip() == f"1: {text.split(chr(10))[0]}"


def test_jinja_directory_that_is_not_there(write, tmp_path):
    write("format")
    with pytest.raises(GenerateError) as caught:
        JinjaTemplateLoader(HERE)
    assert str(caught.value) == (
        f"{HERE}: no directory {tmp_path / 'templates'}, must hold its templates"
    )


def test_module_without_a_file_is_refused():
    with pytest.raises(GenerateError) as caught:
        StrFormatTemplateLoader("nowhere.to_be_found")
    assert str(caught.value) == (
        "nowhere.to_be_found: not an imported module that has a file, "
        "must be one to have templates beside it\n"
        "  fix: pass __name__"
    )


@pytest.mark.parametrize(
    ("operands", "message"),
    [
        (lambda kb: [], "@f called with 0 operands, must be 1"),
        (
            lambda kb: [None],
            (
                "operand 0 of @f is None, must be a value of type tensor<?xf32>\n"
                "    attributes and absent optional tensors have no operand"
            ),
        ),
        (
            lambda kb: [[kb.arg(0)]],
            "operand 0 of @f is a list, must be a value of type tensor<?xf32>",
        ),
        (
            lambda kb: [kb.constant_index(1)],
            "operand 0 of @f is index, must be tensor<?xf32>",
        ),
    ],
    ids=["too few", "None", "list", "other type"],
)
def test_operands_that_do_not_fit(write, operands, message):
    loader = write("format", double=DOUBLE)

    def generate(self, ksel, kb):
        function = loader.inline_template_function(kb, "double", "f", element="f32")
        call_function(function, *operands(kb))

    packet = make_op("loaded_@UNIQUE@(Tensor x) -> Tensor", like_first, generate)
    assert failure(packet) == f"call_function: {message}"
