"""Small ops that the tests call; each shows one kind of argument, result or declaration."""

from __future__ import annotations

import sys
from typing import Any

import torch

from ir_runtime.op_reg import (
    ALL_CUSTOM_OP_REGS,
    CustomOp,
    MlirTemplate,
    def_library,
    flatten,
    float_attribute,
    unflatten,
)

LIBRARY = def_library("ir_tests")

SCALE = MlirTemplate(
    "scale",
    """
!x = tensor<?xf32>
#factor = 2.0 : f32
util.func private @scale(%x: !x) -> !x {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : !x
  %e = tensor.empty(%n) : !x
  %factor = arith.constant #factor
  %0 = linalg.generic {
      indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]} ins(%x : !x) outs(%e : !x) {
  ^bb0(%a: f32, %b: f32):
    %m = arith.mulf %a, %factor : f32
    linalg.yield %m : f32
  } -> !x
  util.return %0 : !x
}
""",
)
SHIFT = """
!x = tensor<?xi64>
util.func private @shift(%x: !x, %by: i64) -> !x {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : !x
  %e = tensor.empty(%n) : !x
  %f = linalg.fill ins(%by : i64) outs(%e : !x) -> !x
  %0 = arith.addi %x, %f : !x
  util.return %0 : !x
}
"""
COLUMN_SUM = """
util.func private @column_sum(%x: tensor<?x4xf32>) -> tensor<4xf32> {
  %zero = arith.constant 0.0 : f32
  %i = tensor.empty() : tensor<4xf32>
  %e = linalg.fill ins(%zero : f32) outs(%i : tensor<4xf32>) -> tensor<4xf32>
  %0 = linalg.reduce ins(%x : tensor<?x4xf32>) outs(%e : tensor<4xf32>) dimensions = [0]
    (%a: f32, %b: f32) { %s = arith.addf %a, %b : f32  linalg.yield %s : f32 }
  util.return %0 : tensor<4xf32>
}
"""


def op_of(packet: Any) -> CustomOp:
    """Return the CustomOp behind `torch.ops.<namespace>.<name>`."""
    return ALL_CUSTOM_OP_REGS[packet.default._schema.name]


def scaled(kb: Any, value: Any, factor: float) -> Any:
    line = flatten(kb, value, keep=0)
    aliases = {"#factor": float_attribute(factor)}
    return unflatten(kb, kb.inline_mlir(SCALE, aliases, line), value, keep=0)


def make_op(signature: str, select: Any, generate: Any, **members: Any) -> Any:
    """Register an op made of functions; a library may be among the members."""
    library = members.pop("library", LIBRARY)
    body = {"signature": signature, "select": select, "generate": generate, **members}
    module = sys._getframe(1).f_globals["__name__"]
    cls = type("made", (CustomOp,), {**body, "__module__": module})
    return CustomOp.register(library=library)(cls)


def like_first(self: Any, ksel: Any) -> None:
    """Select: one tensor in, a new one of its shape and dtype out."""
    x = ksel.arg_tensor(0)
    ksel.return_new_tensor(x.t.shape, x.t.dtype)


def like_first_of_two(self: Any, ksel: Any) -> None:
    x = ksel.arg_tensor(0)
    ksel.arg_tensor(1).require_shape(x)
    ksel.return_new_tensor(x.t.shape, x.t.dtype)


def yield_first(self: Any, ksel: Any, kb: Any) -> None:
    kb.yield_results(kb.arg(0))


def yield_sum(self: Any, ksel: Any, kb: Any) -> None:
    from iree.compiler.dialects import arith

    kb.yield_results(arith.addf(kb.arg(0), kb.arg(1)))


@CustomOp.register(library=LIBRARY)
class add(CustomOp):
    """Differentiable, all arguments required tensors."""

    signature = "add_@UNIQUE@(Tensor x, Tensor y) -> Tensor"
    select = like_first_of_two
    generate = yield_sum

    def backward(self, ctx, gradient):
        return gradient, gradient


@CustomOp.register(library=LIBRARY)
class scale(CustomOp):
    """An attribute with a default, and no backward."""

    signature = "scale_@UNIQUE@(Tensor x, float factor=2.0) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0).require(dtypes=[torch.float32])
        ksel.attr_float(1)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        kb.yield_results(scaled(kb, kb.arg(0), ksel.arg_descs[1].v))


@CustomOp.register(library=LIBRARY)
class twice(CustomOp):
    """In place."""

    signature = "twice_@UNIQUE@_(Tensor(a!) x) -> Tensor(a!)"

    def select(self, ksel):
        ksel.arg_tensor(0, inplace_tied=True)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        kb.yield_results(arith.addf(kb.arg(0), kb.arg(0)))


@CustomOp.register(library=LIBRARY)
class add_into(CustomOp):
    """In place, with another operand that may overlap."""

    signature = "add_into_@UNIQUE@_(Tensor(a!) x, Tensor y) -> Tensor(a!)"

    def select(self, ksel):
        ksel.arg_tensor(0, inplace_tied=True)
        ksel.arg_tensor(1)

    generate = yield_sum


@CustomOp.register(library=LIBRARY)
class exchange(CustomOp):
    """Two mutated arguments."""

    signature = "exchange_@UNIQUE@_(Tensor(a!) x, Tensor(b!) y) -> ()"

    def select(self, ksel):
        ksel.arg_tensor(0, inplace_tied=True)
        ksel.arg_tensor(1, inplace_tied=True)

    def generate(self, ksel, kb):
        kb.yield_results(kb.arg(1), kb.arg(0))


@CustomOp.register(library=LIBRARY)
class sum_and_difference(CustomOp):
    """Two results."""

    signature = "sum_and_difference_@UNIQUE@(Tensor x, Tensor y) -> (Tensor, Tensor)"

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.arg_tensor(1)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        x, y = kb.arg(0), kb.arg(1)
        kb.yield_results(arith.addf(x, y), arith.subf(x, y))


@CustomOp.register(library=LIBRARY)
class list_sum(CustomOp):
    """A list of tensors."""

    signature = "list_sum_@UNIQUE@(Tensor[] xs) -> Tensor"

    def select(self, ksel):
        first = ksel.arg_tensor_list(0).ts[0]
        ksel.return_new_tensor(first.t.shape, first.t.dtype)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        total, *rest = kb.arg(0)
        for value in rest:
            total = arith.addf(total, value)
        kb.yield_results(total)


@CustomOp.register(library=LIBRARY)
class affine(CustomOp):
    """Optional tensors: `x * w + b`."""

    signature = "affine_@UNIQUE@(Tensor x, Tensor? w=None, Tensor? b=None) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.arg_optional_tensor(1)
        ksel.arg_optional_tensor(2)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        x, w, b = (kb.arg_value(i) for i in range(3))
        x = x if w is None else arith.mulf(x, w)
        kb.yield_results(x if b is None else arith.addf(x, b))


@CustomOp.register(library=LIBRARY)
class shift(CustomOp):
    """An integer operand."""

    signature = "shift_@UNIQUE@(Tensor x, int by) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.arg_int(1)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        kb.yield_results(kb.inline_mlir(SHIFT, {}, *kb.arg_bindings))


@CustomOp.register(library=LIBRARY)
class configured(CustomOp):
    """Every kind of attribute; the result is `x` times a number that each of them changes."""

    signature = (
        "configured_@UNIQUE@(Tensor x, bool negate=False, str mode='one', int[] ints=[], "
        "float[] floats=[], bool[] bools=[], int? count=None, float? part=None) -> Tensor"
    )

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.attr_bool(1)
        ksel.attr_str(2)
        ksel.attr_list_int(3)
        ksel.attr_list_float(4)
        ksel.attr_list_bool(5)
        ksel.attr_int(6)
        ksel.attr_float(7)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        negate, mode, ints, floats, bools, count, part = (d.v for d in ksel.arg_descs[1:])
        factor = {"one": 1.0, "two": 2.0}[mode] + 10 * sum(ints) + sum(floats)
        factor += 1000 * sum(bools) + 10_000 * (count or 0) + (part or 0.0)
        kb.yield_results(scaled(kb, kb.arg(0), -factor if negate else factor))


@CustomOp.register(library=LIBRARY)
class blend(CustomOp):
    """A number between two tensors: `x * a + y`."""

    signature = "blend_@UNIQUE@(Tensor x, float a, Tensor y) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.attr_float(1)
        ksel.arg_tensor(2)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        x = scaled(kb, kb.arg(0), ksel.arg_descs[1].v)
        kb.yield_results(arith.addf(x, kb.arg_bindings[2]))


@CustomOp.register(library=LIBRARY)
class keyed(CustomOp):
    """Keyword-only arguments: `x * factor + bias`, differentiable in `x`."""

    signature = "keyed_@UNIQUE@(Tensor x, *, float factor=3.0, Tensor? bias=None) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.attr_float(1)
        ksel.arg_optional_tensor(2)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        x, bias = scaled(kb, kb.arg(0), ksel.arg_descs[1].v), kb.arg_value(2)
        kb.yield_results(x if bias is None else arith.addf(x, bias))

    def setup_context(self, ctx, inputs, keyword_only_inputs, output):
        ctx.factor = keyword_only_inputs["factor"]

    def backward(self, ctx, gradient):
        return gradient * ctx.factor


@CustomOp.register(library=LIBRARY)
class identity(CustomOp):
    """A kernel that does nothing."""

    signature = "identity_@UNIQUE@(Tensor x) -> Tensor"
    select = like_first
    generate = yield_first


@CustomOp.register(library=LIBRARY)
class column_sum(CustomOp):
    """Its result has elements even where its input has none."""

    signature = "column_sum_@UNIQUE@(Tensor x) -> Tensor"

    def select(self, ksel):
        ksel.arg_tensor(0).specialize_dims(-1)
        ksel.return_new_tensor((4,), ksel.arg_descs[0].t.dtype).specialize_all_dims()

    def generate(self, ksel, kb):
        kb.yield_results(kb.inline_mlir(COLUMN_SUM, {}, kb.arg(0)))
