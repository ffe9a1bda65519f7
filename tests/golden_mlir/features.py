"""One op for each feature of the builder: what it writes for them is kept as golden MLIR.

The ops are generated, never compiled or called: what their kernels compute, other tests show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ir_runtime.dtypes import DTYPES
from ir_runtime.op_reg import (
    ALL_CUSTOM_OP_REGS,
    CustomOp,
    JinjaTemplateLoader,
    StrFormatTemplateLoader,
    call_function,
    def_library,
    flatten,
    float_attribute,
    unflatten,
)
from ir_runtime.op_reg.traced_op import traced_op
from tests.op_reg import template_ops

__all__ = ["FEATURES", "Feature"]

_LIBRARY = def_library("golden_mlir")
_ROWS = torch.zeros(5, 8)
_LINE = torch.zeros(6)


@dataclass(frozen=True)
class Feature:
    """An op and arguments of one call; for a target, else for a CPU of the recorder's choice."""

    op: CustomOp
    arguments: Sequence[Any]
    target: str = ""


FEATURES: dict[str, Feature] = {}


def _feature(*arguments: Any, **more: Sequence[Any]) -> Callable[[type[CustomOp]], Any]:
    """Register an op; each call of it in `more` is a golden file of its own."""

    def register(cls: type[CustomOp]) -> Any:
        packet = CustomOp.register(library=_LIBRARY)(cls)
        op = ALL_CUSTOM_OP_REGS[packet.default._schema.name]
        for suffix, call in {"": arguments, **more}.items():
            FEATURES[f"{op.name}_{suffix}".rstrip("_")] = Feature(op, call)
        return packet

    return register


class _Same(CustomOp):
    """One tensor in, one like it out."""

    def select(self, ksel: Any) -> None:
        x = ksel.arg_tensor(0)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)


class _Pair(CustomOp):
    """Two tensors of one shape in, one like them out."""

    def select(self, ksel: Any) -> None:
        x = ksel.arg_tensor(0)
        ksel.arg_tensor(1).require_shape(x)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)


_DOUBLE = """
!x = tensor<?xf32>
#by = 2.0 : f32
util.func private @double(%x: !x) -> !x {
  %0 = arith.addf %x, %x : !x
  util.return %0 : !x
}
util.func private @other(%x: !x) -> !x {
  util.return %x : !x
}
"""


@_feature(
    _ROWS,
    [torch.zeros(2), torch.zeros(3)],
    7,
    scalar=(torch.tensor(1.0), [torch.zeros(1, 1)], -1),
)
class operands(CustomOp):
    """Tensors whose sizes are open, compiled in or a part of both; lists; integers."""

    signature = "operands(Tensor x, Tensor[] more, int n) -> (Tensor, Tensor[], Tensor)"

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        if x.t.ndim:
            x.specialize_dims(-1)
        more = ksel.arg_tensor_list(1)
        more.ts[0].specialize_all_dims()
        ksel.arg_int(2)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)
        ksel.return_new_tensor_list([d.t.shape for d in more.ts], torch.float32)
        ksel.return_new_tensor((), torch.int64)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import tensor
        from iree.compiler.ir import Type

        number = tensor.from_elements(Type.parse("tensor<i64>"), [kb.arg(2)])
        kb.yield_results(kb.arg(0), *kb.arg(1), number)


@_feature([torch.zeros(2, dtype=dtype) for dtype in DTYPES])
class dtypes(CustomOp):
    """Every dtype, as operand and result."""

    signature = "dtypes(Tensor[] xs) -> Tensor[]"

    def select(self, ksel):
        ts = [desc.t for desc in ksel.arg_tensor_list(0).ts]
        ksel.return_new_tensor_list([t.shape for t in ts], [t.dtype for t in ts])

    def generate(self, ksel, kb):
        kb.yield_results(*kb.arg(0))


@_feature(_LINE, _LINE, None, absent=(_LINE, None, _LINE))
class optionals(CustomOp):
    """Optional tensors and results, present and absent; positions shift."""

    signature = "optionals(Tensor x, Tensor? a, Tensor? b) -> (Tensor?, Tensor?)"

    def select(self, ksel):
        ksel.arg_tensor(0)
        for i in (1, 2):
            desc = ksel.arg_optional_tensor(i)
            ksel.maybe_return_tensor(None if desc is None else desc.t)

    def generate(self, ksel, kb):
        kb.yield_results(*(v for v in map(kb.arg_value, (1, 2)) if v is not None))


@_feature(_LINE, 3, "a", True, 1.5, torch.float16, [1, 2], [1.0], [False], ["b", "c"])
class attributes(_Same):
    """What is compiled in is no operand."""

    signature = (
        "attributes(Tensor x, int i, str s, bool b, float f, ScalarType d, int[] ints, "
        "float[] floats, bool[] bools, str[] texts) -> Tensor"
    )

    def select(self, ksel):
        super().select(ksel)
        kinds = "int str bool float dtype list_int list_float list_bool list_str"
        for i, kind in enumerate(kinds.split(), 1):
            getattr(ksel, f"attr_{kind}")(i)

    def generate(self, ksel, kb):
        kb.yield_results(kb.arg(0))


@_feature(_LINE, 4)
class compiled_in_int(_Same):
    """An integer operand whose value is compiled in, and constants of type index."""

    signature = "compiled_in_int(Tensor x, int n) -> Tensor"

    def select(self, ksel):
        super().select(ksel)
        n = ksel.arg_int(1)
        n.spec_value = n.v

    def generate(self, ksel, kb):
        kb.constant_index(ksel.arg_descs[1].spec_value)
        kb.yield_results(kb.arg(0))


@_feature(_LINE, _LINE, [_ROWS, _ROWS])
class mutated(CustomOp):
    """In-place arguments, one of them a list, after a result."""

    signature = "mutated(Tensor x, Tensor(a!) y, Tensor(b!)[] more) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.arg_tensor(1, inplace_tied=True)
        ksel.arg_tensor_list(2, inplace_tied=True)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        kb.yield_results(kb.arg(1), kb.arg(0), *reversed(kb.arg(2)))


@_feature(_ROWS)
class numbers(CustomOp):
    """Results that are numbers, of each kind."""

    signature = "numbers(Tensor x) -> (SymInt, float, bool, SymInt)"

    def select(self, ksel):
        ksel.arg_tensor(0)
        ksel.return_int()
        ksel.return_float()
        ksel.return_bool()
        ksel.return_int()

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith, tensor
        from iree.compiler.ir import FloatAttr, Type

        rows = tensor.dim(kb.arg(0), kb.constant_index(0))
        half = arith.ConstantOp(Type.parse("f64"), FloatAttr.get(Type.parse("f64"), 0.5))
        same = arith.cmpi(arith.CmpIPredicate.eq, rows, rows)
        kb.yield_results(rows, half.result, same, arith.index_cast(Type.parse("i64"), rows))


_FLOATS = [dtype for dtype in DTYPES if dtype.is_floating_point]


@_feature([torch.zeros(2, dtype=dtype) for dtype in _FLOATS])
class casts(CustomOp):
    """Each floating-point dtype cast to each."""

    signature = "casts(Tensor[] xs) -> Tensor[]"

    def select(self, ksel):
        shapes = [desc.t.shape for desc in ksel.arg_tensor_list(0).ts]
        ksel.return_new_tensor_list(shapes * len(_FLOATS), _FLOATS * len(_FLOATS))

    def generate(self, ksel, kb):
        kb.yield_results(*(kb.cast_float(x, to) for x in kb.arg(0) for to in _FLOATS))


@_feature(_LINE)
class templates(_Same):
    """One text twice, another of the same names, a named function, a cast of known sizes."""

    signature = "templates(Tensor x) -> Tensor"

    def generate(self, ksel, kb):
        x = kb.arg(0)
        for _ in range(2):
            x = kb.inline_mlir(_DOUBLE, {}, x, function="double")
        x = kb.inline_mlir(_DOUBLE.replace("addf", "mulf"), {}, x, function="double")
        x = kb.inline_mlir(_DOUBLE, {"!x": "tensor<6xf32>"}, x, function="other")
        kb.yield_results(x)


@_feature(_LINE)
class aliases(_Same):
    """Attributes of numbers that decimal text cannot spell."""

    signature = "aliases(Tensor x) -> Tensor"

    def generate(self, ksel, kb):
        from iree.compiler.ir import Attribute

        values = (0.1, 1e-30, -0.0, float("inf"), float("-inf"), float("nan"), 1e300)
        for element in ("f32", "f64", "bf16", "f16"):
            for value in values[: None if element == "f64" else 6]:
                text = float_attribute(value, element)
                kb.module_body.owner.attributes[f"golden.{element}_{value}"] = Attribute.parse(text)
        kb.yield_results(kb.arg(0))


@_feature(torch.zeros(2, 3, 4, 8), known=(torch.zeros(3, 8),), line=(_LINE,))
class shapes(_Same):
    """All leading dimensions as one, and back."""

    signature = "shapes(Tensor x) -> Tensor"

    def select(self, ksel):
        super().select(ksel)
        ksel.arg_descs[0].specialize_dims(-1)
        ksel.result_descs[0].specialize_dims(-1)

    def generate(self, ksel, kb):
        rows = flatten(kb, kb.arg(0), keep=1)
        kb.yield_results(unflatten(kb, rows, kb.arg(0), keep=1))


@_feature(_ROWS)
class one_dispatch(_Same):
    """The pipeline that makes one dispatch of the kernel."""

    signature = "one_dispatch(Tensor x) -> Tensor"
    single_dispatch = True

    def generate(self, ksel, kb):
        kb.yield_results(kb.arg(0))


_FORMAT = StrFormatTemplateLoader(template_ops.__name__)
_JINJA = JinjaTemplateLoader(template_ops.__name__)


@_feature(_LINE, _LINE)
class loaders(_Pair):
    """Templates of `str.format` and of Jinja."""

    signature = "loaders(Tensor x, Tensor y) -> Tensor"

    def generate(self, ksel, kb):
        kind = {"element": "f32", "tensor": "tensor<?xf32>"}
        add = _FORMAT.inline_template_function(kb, "add_format", "add_f32", **kind)
        (x,) = call_function(add, *kb.arg_bindings)
        scaled = _JINJA.inline_template_function(
            kb, "add_scaled", "add_scaled_f32", rank=1, dims="d0", factor="2.0e+00", **kind
        )
        kb.yield_results(*call_function(scaled, x, kb.arg(1)))


def _traced(name: str, fn: Callable[..., Any], *arguments: Tensor, static: bool = False) -> None:
    """Register an op that is a torch function."""
    names = ", ".join(f"Tensor x{i}" for i in range(len(arguments)))
    results = fn(*(torch.zeros_like(a) for a in arguments))
    results = results if isinstance(results, tuple) else (results,)

    def select(self: Any, ksel: Any) -> None:
        for i in range(len(arguments)):
            desc = ksel.arg_tensor(i)
            if static:
                desc.specialize_all_dims()
        for result in results:
            desc = ksel.return_new_tensor(result.shape, result.dtype)
            if static:
                desc.specialize_all_dims()

    def generate(self: Any, ksel: Any, kb: Any) -> None:
        found = kb.inline_torch(fn, *kb.arg_bindings)
        kb.yield_results(*(found if isinstance(found, list) else [found]))

    returns = ", ".join("Tensor" for _ in results)
    signature = f"traced_{name}({names}) -> ({returns})"
    members: Mapping[str, Any] = {
        "signature": signature,
        "select": select,
        "generate": generate,
        "__module__": __name__,
        "__doc__": name,
    }
    _feature(*arguments)(type(f"traced_{name}", (CustomOp,), dict(members)))


@_feature(_LINE, _LINE)
class called(_Pair):
    """A kernel that other kernels hold: it is called with tensors of one shape."""

    signature = "called(Tensor x, Tensor y) -> Tensor"

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        kb.yield_results(arith.addf(kb.arg(0), kb.arg(1)))


_SMALL = torch.arange(8.0).bfloat16()
_traced("static", F.gelu, _ROWS, static=True)
_traced("one_size", lambda x, y: (x + y, x @ y.mT), _ROWS, _ROWS)
_traced("unsigned", lambda x: (x.float(), x > 3), torch.zeros(4, dtype=torch.uint8))
_traced("constants", lambda x: x + _SMALL, torch.zeros(5, 8, dtype=torch.bfloat16), static=True)
_traced("reduced", lambda x: x.softmax(-1).sum(0), _ROWS)
_traced("indexed", lambda x, i: x[i], _ROWS, torch.zeros(3, dtype=torch.int64))
_traced("read", lambda x, i: x[i], _LINE, torch.zeros(3, dtype=torch.int64))
_traced("with_kernels", lambda x, y: torch.ops.golden_mlir.called(x, y) * 2, _LINE, _LINE)


def _native(x: Tensor, weight: Tensor | None, epsilon: float) -> Tensor:
    scaled = x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + epsilon).to(x.dtype)
    return scaled if weight is None else scaled * weight


_op = traced_op(
    "traced_op",
    _native,
    schema="(Tensor x, Tensor? weight, float epsilon) -> Tensor",
    activations=(0,),
    library=_LIBRARY,
)
FEATURES["traced_op"] = Feature(_op, (_ROWS, torch.zeros(8), 1e-6))
FEATURES["traced_op_absent"] = Feature(_op, (_ROWS.bfloat16(), None, 1e-6))
