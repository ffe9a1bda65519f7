"""Ops written as templates for `str.format` and for Jinja, as the ancestors of this package are."""

from __future__ import annotations

from ir_runtime.dtypes import dtype_info
from ir_runtime.op_reg import (
    CustomOp,
    JinjaTemplateLoader,
    StrFormatTemplateLoader,
    call_function,
)
from tests.op_reg.ops import LIBRARY, like_first, like_first_of_two, make_op

FORMAT = StrFormatTemplateLoader(__name__)
JINJA = JinjaTemplateLoader(__name__)

DOUBLE = """util.func private @f(%x: tensor<?x{element}>) -> tensor<?x{element}> {{
  %0 = arith.addf %x, %x : tensor<?x{element}>
  util.return %0 : tensor<?x{element}>
}}
"""
AS_JINJA = DOUBLE.replace("{{", "{").replace("}}", "}").replace("{element}", "{{ element }}")
HERE = "module_with_templates"
KINDS = ["format", "jinja"]


@CustomOp.register(library=LIBRARY)
class add_format(CustomOp):
    signature = "add_format_@UNIQUE@(Tensor x, Tensor y) -> Tensor"
    select = like_first_of_two

    def generate(self, ksel, kb):
        x = ksel.arg_descs[0]
        element = dtype_info(x.t.dtype).mlir
        function = FORMAT.inline_template_function(
            kb, "add_format", f"add_{element}", element=element, tensor=x.mlir_type_asm
        )
        kb.yield_results(*call_function(function, *kb.arg_bindings))


@CustomOp.register(library=LIBRARY)
class add_scaled(CustomOp):
    signature = "add_scaled_@UNIQUE@(Tensor x, Tensor y, float factor) -> Tensor"

    def select(self, ksel):
        like_first_of_two(self, ksel)
        ksel.attr_float(2)

    def generate(self, ksel, kb):
        x, rank = ksel.arg_descs[0], ksel.arg_descs[0].t.dim()
        element = dtype_info(x.t.dtype).mlir
        function = JINJA.inline_template_function(
            kb,
            "add_scaled",
            f"add_scaled_{element}",
            element=element,
            tensor=x.mlir_type_asm,
            rank=rank,
            dims=", ".join(f"d{i}" for i in range(rank)),
            factor=f"{ksel.arg_descs[2].v:e}",
        )
        kb.yield_results(*call_function(function, kb.arg(0), kb.arg(1)))


def calling(loader, *calls, **params):
    """Make an op that passes its tensor through functions, each (file, function)."""

    def generate(self, ksel, kb):
        value = kb.arg(0)
        for file, name in calls:
            function = loader.inline_template_function(kb, file, name, **params)
            (value,) = call_function(function, value)
        kb.yield_results(value)

    return make_op("loaded_@UNIQUE@(Tensor x) -> Tensor", like_first, generate)
