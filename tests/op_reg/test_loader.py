"""O15: are templates for str.format and Jinja found, filled in, merged, and part of the key?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ir_runtime.dtypes import dtype_info
from ir_runtime.op_reg import (
    JinjaTemplateLoader,
    StrFormatTemplateLoader,
    TemplateLoader,
    call_function,
)
from ir_runtime.op_reg.call.kernel import kernel_source, run_select
from ir_runtime.op_reg.digest.op_digest import code_digest
from tests.op_reg import template_ops
from tests.op_reg.ops import like_first, make_op, op_of
from tests.op_reg.template_ops import AS_JINJA, DOUBLE, HERE, KINDS, calling

ROOT = Path(__file__).parents[2]
X = torch.arange(6.0)


def source_of(packet, *args) -> str:
    return kernel_source(op_of(packet), run_select(op_of(packet), args)).decode()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(7,), (3, 5), (), (0, 4)], ids=str)
def test_op_of_a_format_template(dtype, shape):
    """O15."""
    x, y = torch.randn(shape).to(dtype), torch.randn(shape).to(dtype)
    out = template_ops.add_format(x, y)
    assert torch.equal(out, x + y)
    assert out.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4)], ids=str)
def test_op_of_a_jinja_template(dtype, shape):
    """O15."""
    x, y = torch.randn(shape).to(dtype), torch.randn(shape).to(dtype)
    out = template_ops.add_scaled(x, y, 0.25)
    info = dtype_info(dtype)
    exact = x.double() + 0.25 * y.double()
    torch.testing.assert_close(out.double(), exact, atol=info.atol, rtol=info.rtol)
    assert out.dtype == dtype


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda x, y: template_ops.add_format(x, y) * 2, lambda x, y: (x + y) * 2),
        (lambda x, y: template_ops.add_scaled(x, y, 2.0) * 2, lambda x, y: (x + 2 * y) * 2),
    ],
    ids=KINDS,
)
def test_op_of_a_template_in_a_compiled_graph(call, expected):
    x, y = torch.randn(3, 4).bfloat16(), torch.randn(3, 4).bfloat16()
    compiled = torch.compile(call, fullgraph=True)
    assert torch.equal(compiled(x, y), call(x, y))
    torch.testing.assert_close(compiled(x, y), expected(x, y))


def run(script: str, **environment: str) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.full
def test_second_process_loads_templates_kernels_from_the_store(store):
    script = """
import json, sys, torch
from ir_runtime.counters import current_counts
from tests.op_reg.template_ops import add_format, add_scaled
x = torch.arange(4.0)
for dtype in (torch.float32, torch.bfloat16):
    t = x.to(dtype)
    assert torch.equal(add_format(t, t), t + t) and torch.equal(add_scaled(t, t, 3.0), t * 4)
counts = current_counts()
print(json.dumps([counts.compiles, counts.store_hits, "jinja2" in sys.modules]))
"""
    assert run(script)[:2] == [4, 0]
    assert run(script + "assert 'iree.compiler' not in sys.modules")[:2] == [0, 4]


MODULE = """
import json, torch
from ir_runtime.counters import current_counts
from ir_runtime.op_reg import CustomOp, {loader}, call_function
LOADER = {loader}(__name__)

@CustomOp.register
class edited(CustomOp):
    signature = "edited(Tensor x) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        function = LOADER.inline_template_function(kb, "edited", "f", element="f32")
        kb.yield_results(*call_function(function, kb.arg(0)))

value = torch.ops.ir_runtime.edited(torch.full((1,), 3.0)).item()
print(json.dumps([value, current_counts().compiles]))
"""


@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_edited_template_is_compiled_again(store, tmp_path, kind):
    loader = {"jinja": "JinjaTemplateLoader", "format": "StrFormatTemplateLoader"}[kind]
    (tmp_path / "module_with_op.py").write_text(MODULE.format(loader=loader))
    directory = tmp_path / ("templates" if kind == "jinja" else ".")
    directory.mkdir(exist_ok=True)
    template, text = directory / "edited.mlir", AS_JINJA if kind == "jinja" else DOUBLE
    path = f"{tmp_path}{os.pathsep}{ROOT}"

    def value_and_compiles() -> list[object]:
        return run("import module_with_op", PYTHONPATH=path)

    template.write_text(text)
    assert value_and_compiles() == [6.0, 1]
    assert value_and_compiles() == [6.0, 0]
    template.write_text(text.replace("addf", "mulf"))
    assert value_and_compiles() == [9.0, 1]
    (directory / "included_perhaps.mlir").write_text("// another file of the loader")
    assert value_and_compiles() == [9.0, 1]


def digest_with(loader) -> str:
    """Digest an op of the module of `write` that refers to a loader."""
    scope = {"__name__": HERE, "LOADER": loader}
    exec("class op:\n    def generate(self, ksel, kb): LOADER", scope)
    return code_digest(scope["op"])


@pytest.mark.parametrize("kind", KINDS)
def test_digest_of_an_op_covers_the_files(write, kind):
    digests = [
        digest_with(write(kind, **texts))
        for texts in ({"one": "// text"}, {}, {"one": "// other"}, {"two": "// other"})
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_digest_of_an_op_leaves_out_where_the_files_are(write, kind, tmp_path):
    first = write(kind, one="// text")
    shutil.copytree(tmp_path, tmp_path / "copy")
    sys.modules[HERE].__file__ = str(tmp_path / "copy" / "module.py")
    second = write(kind)
    assert first.directory != second.directory
    assert digest_with(first) == digest_with(second)


def test_digest_of_an_op_covers_how_a_loader_of_its_package_renders(write):
    write("format", one="// text")

    def loader_that(returns):
        scope = {"__name__": HERE, "Base": TemplateLoader}
        exec(f"class Own(Base):\n    def render(self, template_file, params): {returns}", scope)
        return scope["Own"](HERE, pattern="*.mlir")

    first, same, other = (loader_that(f"return {text}") for text in ("'a'", "'a'", "'b'"))
    assert digest_with(first) == digest_with(same) != digest_with(other)
    assert first.render("one", {}) == "a"


@pytest.mark.parametrize(("kind", "text"), [("format", DOUBLE), ("jinja", AS_JINJA)])
def test_template_is_named_with_or_without_its_suffix(write, kind, text):
    loader = write(kind, double=text)
    packet = calling(loader, ("double", "f"), ("double.mlir", "f"), element="f32")
    assert torch.equal(packet(X), X * 4)
    source = source_of(packet, X)
    assert source.count("util.func private") == 1  # the same text is merged once
    assert source.count("util.call @f") == 2


def test_same_template_with_other_parameters_is_another_function(write):
    loader = write(
        "format",
        scale=DOUBLE.replace("%x, %x", "%x, %c")
        .replace(
            "  %0",
            "  %c = arith.constant dense<{by}> : tensor<6xf32>\n"
            "  %d = tensor.cast %c : tensor<6xf32> to tensor<?xf32>\n  %0",
        )
        .replace("%x, %c", "%x, %d"),
    )

    def generate(self, ksel, kb):
        value = kb.arg(0)
        for by in ("1.0", "2.0"):
            function = loader.inline_template_function(kb, "scale", "f", element="f32", by=by)
            (value,) = call_function(function, value)
        kb.yield_results(value)

    packet = make_op("loaded_@UNIQUE@(Tensor x) -> Tensor", like_first, generate)
    assert torch.equal(packet(X), X + 3)
    assert source_of(packet, X).count("util.func private") == 2


def test_templates_of_both_loaders_and_func_func_live_together(write):
    first = write("format", double=DOUBLE)
    text = AS_JINJA.replace("util.func private", "func.func").replace("util.return", "return")
    second = write("jinja", square=text.replace("addf", "mulf"))

    def generate(self, ksel, kb):
        value = kb.arg(0)
        for loader, name in ((first, "double"), (second, "square")):
            function = loader.inline_template_function(kb, name, "f", element="f32")
            (value,) = call_function(function, value)
        kb.yield_results(value)

    packet = make_op("loaded_@UNIQUE@(Tensor x) -> Tensor", like_first, generate)
    assert torch.equal(packet(X), (X + X) ** 2)


def test_jinja_directory_may_be_another(write, tmp_path):
    write("format")
    (tmp_path / "mlir").mkdir()
    (tmp_path / "mlir" / "double.mlir").write_text(AS_JINJA)
    packet = calling(JinjaTemplateLoader(HERE, "mlir"), ("double", "f"), element="f32")
    assert torch.equal(packet(X), X * 2)


def test_call_of_a_function_takes_the_results_as_a_list(write):
    text = DOUBLE.replace(
        "-> tensor<?x{element}>", "-> (tensor<?x{element}>, tensor<?x{element}>)"
    ).replace("util.return %0 :", "util.return %0, %x : tensor<?x{element}>,")
    loader, seen = write("format", pair=text), []

    def generate(self, ksel, kb):
        function = loader.inline_template_function(kb, "pair", "f", element="f32")
        seen.append(call_function(function, kb.arg(0)))
        seen.append(kb.call_function(function, kb.arg(0)))
        kb.yield_results(seen[0][0])

    packet = make_op("loaded_@UNIQUE@(Tensor x) -> Tensor", like_first, generate)
    assert torch.equal(packet(X), X * 2)
    assert [len(values) for values in seen] == [2, 2]


def test_operand_of_a_known_size_is_cast(write):
    loader = write("format", double=DOUBLE)

    def select(self, ksel):
        ksel.arg_tensor(0).specialize_all_dims()
        ksel.return_new_tensor((6,), torch.float32).specialize_all_dims()

    def generate(self, ksel, kb):
        function = loader.inline_template_function(kb, "double", "f", element="f32")
        kb.yield_results(*call_function(function, kb.arg(0)))

    packet = make_op("loaded_@UNIQUE@(Tensor x) -> Tensor", select, generate)
    assert torch.equal(packet(X), X * 2)
    assert "tensor.cast" in source_of(packet, X)


def test_jinja_is_not_imported_with_the_package():
    script = "import sys, json, ir_runtime.op_reg; print(json.dumps('jinja2' in sys.modules))"
    torch_alone = run("import sys, json, torch; print(json.dumps('jinja2' in sys.modules))")
    assert run(script) == torch_alone


def test_format_templates_lie_beside_the_module_or_in_templates(tmp_path, monkeypatch):
    (tmp_path / "templates").mkdir()
    for place, text in ((".", "beside"), ("templates", "below")):
        (tmp_path / place / "both.mlir").write_text(text)
    (tmp_path / "templates" / "old.mlir").write_text("{{ rank {rank} }}")
    (tmp_path / "ops_with_templates.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("ops_with_templates")
    loader = StrFormatTemplateLoader("ops_with_templates")
    assert loader.render("old", {"rank": 2}) == "{ rank 2 }"
    assert loader.text_of("both") == "beside"
