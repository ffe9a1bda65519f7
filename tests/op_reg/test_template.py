"""Are the parameters of an MLIR template, its aliases, exchanged or refused by name?"""

from __future__ import annotations

import pytest
import torch

from ir_runtime.errors import GenerateError
from ir_runtime.op_reg import MlirTemplate
from ir_runtime.op_reg.generate.merge import _with_own_exports
from tests.op_reg.ops import SCALE, like_first, make_op, op_of

X = torch.arange(6.0)
PLAIN = MlirTemplate("plain", "util.func private @plain() {\n  util.return\n}")


def inlining(template, aliases):
    def generate(self, ksel, kb):
        kb.yield_results(kb.inline_mlir(template, aliases, kb.arg(0)))

    return make_op("aliased_@UNIQUE@(Tensor x) -> Tensor", like_first, generate)


def failure(packet) -> str:
    with pytest.raises(GenerateError) as caught:
        packet(X)
    return str(caught.value).replace(op_of(packet).name, "op")


def test_alias_value_that_does_not_parse_is_shown_where_it_stands():
    message = failure(inlining(SCALE, {"#factor": "3.0 : floaty"}))
    lines = message.split("\n")
    assert lines[0] == "op: template scale does not parse"
    assert "error:" in message
    assert "floaty" in message
    assert "       3: #factor = 3.0 : floaty" in lines


def test_alias_value_of_another_type_is_shown_with_the_parsers_words():
    message = failure(inlining(SCALE, {"#factor": "3 : i32"}))
    assert "error:" in message
    assert "       3: #factor = 3 : i32" in message.split("\n")


def test_template_without_aliases_says_so():
    assert failure(inlining(PLAIN, {"!x": "f32"})) == (
        "template plain: no alias !x, must be one of none: it has no aliases"
    )


def test_alias_without_its_mark_is_unknown():
    with pytest.raises(GenerateError) as caught:
        SCALE.instantiate({"factor": "1.0 : f32"})
    assert str(caught.value) == "template scale: no alias factor, must be one of !x, #factor"


def test_alias_in_a_comment_or_body_is_no_parameter():
    text = "// #a = 1\n  #b = 2\n!c = f32\n"
    assert list(MlirTemplate("marks", text).aliases) == ["!c"]


def test_value_with_backslashes_stands_as_it_is():
    assert MlirTemplate("t", '#s = "x"\n').instantiate({"#s": r'"\g<0>\n"'}) == (
        r'#s = "\g<0>\n"' + "\n"
    )


def test_entry_points_of_an_executable_that_is_there_get_its_number():
    text = "".join(
        f"hal.executable.source private @{name} {{\n"
        "  hal.executable.export public @run ordinal(0)\n"
        "  builtin.module { func.func @run() { return } }\n}\n"
        for name in ("old", "new")
    )
    calls = "util.call @run() flow.dispatch @old::@run flow.dispatch @new::@run\n"
    theirs, ours = text.split("hal.executable.source private @new")
    assert _with_own_exports({"old"}, text + calls) == (  # pyright: ignore[reportArgumentType]
        theirs.replace("@run", "@run_1")
        + f"hal.executable.source private @new{ours}"
        + calls.replace("@old::@run", "@old::@run_1")
    )
