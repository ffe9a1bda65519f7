"""Ops as a user of wave or iree-turbine has them; only the imports name this package."""

from __future__ import annotations

from ir_runtime.op_reg import (
    CustomOp,
    JinjaTemplateLoader,
    KernelBuilder,
    KernelSelection,
    StrFormatTemplateLoader,
    call_function,
    def_library,
)

MINE = def_library("seed_style")
FORMAT = StrFormatTemplateLoader(__name__)
JINJA = JinjaTemplateLoader(__name__)


@CustomOp.register
class identity(CustomOp):
    signature = "identity_x@UNIQUE@(Tensor t) -> Tensor"

    def select(self, ksel: KernelSelection):
        ta = ksel.arg_tensor(0)
        ta.specialize_all_dims()
        ksel.return_new_tensor(list(ta.t.shape), ta.t.dtype).specialize_all_dims()

    def generate(self, ksel: KernelSelection, kb: KernelBuilder):
        kb.yield_results(kb.arg_bindings[0])


@CustomOp.register(library=MINE)
class tagged(CustomOp):
    """A signature that is a property, and an attribute before the tensor."""

    @property
    def signature(self):
        return "tagged(str tag, Tensor t) -> Tensor"

    def select(self, ksel):
        ksel.attr_str(0)
        ta = ksel.arg_tensor(1)
        ksel.return_new_tensor(list(ta.t.shape), ta.t.dtype)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        t = kb.arg_bindings[1]
        if ksel.arg_descs[0].v == "double":
            t = arith.AddFOp(t, t).result
        kb.yield_results(t)


@CustomOp.register(library=MINE)
class transpose_last(CustomOp):
    """Dialects, dimensions that are compiled in in part, a list of integers."""

    signature = "transpose_last(Tensor t, int[] permutation) -> Tensor"

    def select(self, ksel):
        ta = ksel.arg_tensor(0)
        ta.specialize_dims(-1, -2)
        permutation = ksel.attr_list_int(1).v
        shape = [ta.t.shape[i] for i in permutation]
        ksel.return_new_tensor(shape, ta.t.dtype).specialize_dims(-1, -2)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import linalg, tensor
        from iree.compiler.ir import RankedTensorType

        x = kb.arg_value(0)
        kind = RankedTensorType(x.type)
        permutation = ksel.arg_descs[1].v
        sizes = [
            tensor.DimOp(x, kb.constant_index(i)).result
            if kind.is_dynamic_dim(i)
            else kind.get_dim_size(i)
            for i in permutation
        ]
        empty = tensor.empty(sizes, kind.element_type)
        kb.yield_results(*linalg.transpose(x, outs=[empty], permutation=permutation).results)


@CustomOp.register(library=MINE)
class answered(CustomOp):
    """Computed in Python in an eager call: three times; the kernel passes its argument on."""

    signature = "answered(Tensor t) -> Tensor"

    def select(self, ksel):
        ta = ksel.arg_tensor(0)
        ksel.return_new_tensor(list(ta.t.shape), ta.t.dtype)

    def eager_execute(self, t):
        return t * 3

    def generate(self, ksel, kb):
        kb.yield_results(kb.arg_bindings[0])


@CustomOp.register(library=MINE)
class declined(CustomOp):
    """Declines to be computed in Python."""

    signature = "declined(Tensor t, bool in_python) -> Tensor"

    def select(self, ksel):
        ta = ksel.arg_tensor(0)
        ksel.attr_bool(1)
        ksel.return_new_tensor(list(ta.t.shape), ta.t.dtype)

    def eager_execute(self, t, in_python):
        return t - 1 if in_python else NotImplemented

    def generate(self, ksel, kb):
        kb.yield_results(kb.arg_bindings[0])


@CustomOp.register(library=MINE)
class heard(CustomOp):
    """For its effect alone: nothing comes back."""

    signature = "heard(str tag, Tensor t) -> ()"

    def select(self, ksel):
        ksel.attr_str(0)
        ksel.arg_tensor(1)

    def eager_execute(self, tag, t):
        heard_tags.append(f"{tag} {list(t.shape)}")

    def generate(self, ksel, kb):
        kb.yield_results()


heard_tags: list[str] = []


@CustomOp.register(library=MINE)
class linear(CustomOp):
    """A template for `str.format`; the bindings leave out the bias where it is absent."""

    signature = "linear(Tensor x, Tensor? bias, Tensor weight) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        bias = ksel.arg_optional_tensor(1)
        weight = ksel.arg_tensor(2)
        x.specialize_dims(-1)
        weight.specialize_all_dims()
        if bias is not None:
            bias.specialize_all_dims()
        result = ksel.return_new_tensor([x.t.shape[0], weight.t.shape[0]], x.t.dtype)
        result.specialize_dims(-1)

    def generate(self, ksel, kb):
        x, bias, w = ksel.arg_descs
        element = x.mlir_type_asm.rsplit("x", 1)[1].rstrip(">")
        function = FORMAT.inline_template_function(
            kb,
            "seed_linear",
            f"seed_linear_{'' if bias.ir_arity == 0 else 'bias_'}{element}",
            element=element,
            x=x.mlir_type_asm,
            w=w.mlir_type_asm,
            b=f"tensor<{w.t.shape[0]}x{element}>",
            y=ksel.result_descs[0].mlir_type_asm,
        )
        kb.yield_results(*call_function(function, *kb.arg_bindings))


@CustomOp.register(library=MINE)
class added(CustomOp):
    """A template for Jinja, one dispatch, a variant by rank."""

    signature = "added(Tensor x, Tensor y) -> Tensor"
    single_dispatch = True

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        y = ksel.arg_tensor(1)
        x.specialize_all_dims()
        y.specialize_all_dims()
        ksel.variant = f"{x.t.dim()}d"
        ksel.return_new_tensor(list(x.t.shape), x.t.dtype).specialize_all_dims()

    def generate(self, ksel, kb):
        asm = ksel.arg_descs[0].mlir_type_asm
        rank = ksel.arg_descs[0].t.dim()
        function = JINJA.inline_template_function(
            kb,
            "seed_add",
            f"seed_add_{ksel.variant}",
            tensor=asm,
            rank=rank,
            dims=", ".join(f"d{i}" for i in range(rank)),
            element=asm.rsplit("x", 1)[1].rstrip(">"),
        )
        kb.yield_results(*call_function(function, *kb.arg_bindings))


@CustomOp.register(library=MINE)
class add_(CustomOp):
    """In place, returning what it changed."""

    signature = "add_(Tensor(a!) x, Tensor y) -> Tensor(a!)"

    def select(self, ksel):
        ksel.arg_tensor(0, inplace_tied=True)
        ksel.arg_tensor(1)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        kb.yield_results(arith.AddFOp(*kb.arg_bindings))  # an operation of one result is its value


@CustomOp.register(library=MINE)
class accumulate(CustomOp):
    """In place beside a result; the changed argument is yielded last."""

    signature = "accumulate(Tensor(a!) x, Tensor y) -> Tensor"

    def select(self, ksel):
        ta = ksel.arg_tensor(0, inplace_tied=True)
        ksel.arg_tensor(1)
        ksel.return_new_tensor(list(ta.t.shape), ta.t.dtype)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        x, y = kb.arg_bindings
        kb.yield_results(arith.SubFOp(x, y).result, arith.AddFOp(x, y).result)


@CustomOp.register(library=MINE, dispatch_key="CPU")
class chosen(CustomOp):
    """Results of which some are absent, for one dispatch key."""

    signature = "chosen(Tensor a, Tensor b, bool[] mask) -> (Tensor?, Tensor?)"

    def select(self, ksel):
        tensors = ksel.arg_tensor(0), ksel.arg_tensor(1)
        for wanted, ta in zip(ksel.attr_list_bool(2).v, tensors, strict=True):
            ksel.maybe_return_tensor(ta.t if wanted else None)

    def generate(self, ksel, kb):
        mask = ksel.arg_descs[2].v
        kb.yield_results(*[v for v, m in zip(kb.arg_bindings[0:2], mask, strict=True) if m])


@CustomOp.register(library=MINE, dispatch_key=["CPU"])
class shifted(CustomOp):
    """An integer operand, a list of tensors and a float."""

    signature = "shifted(Tensor[] xs, int by, float factor=1.0) -> Tensor"

    def select(self, ksel):
        first = ksel.arg_tensor_list(0).ts[0].t
        ksel.arg_int(1)
        ksel.attr_float(2)
        ksel.return_new_tensor(list(first.shape), first.dtype)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith, linalg, tensor
        from iree.compiler.ir import F32Type, FloatAttr, RankedTensorType

        (*xs,), by = kb.arg_bindings[0], kb.arg_bindings[1]
        total = xs[0]
        for x in xs[1:]:
            total = arith.AddFOp(total, x).result
        f32 = F32Type.get()
        factor = arith.ConstantOp(f32, FloatAttr.get(f32, ksel.arg_descs[2].v)).result
        number = arith.MulFOp(arith.SIToFPOp(f32, by).result, factor).result
        kind = RankedTensorType(total.type)
        sizes = [tensor.DimOp(total, kb.constant_index(i)).result for i in range(kind.rank)]
        filled = linalg.fill(number, outs=[tensor.empty(sizes, f32)])
        kb.yield_results(arith.AddFOp(total, filled).result)


@CustomOp.register(library=MINE)
class counted(CustomOp):
    """A number in and a number out."""

    signature = "counted(int n) -> int"

    def select(self, ksel):
        ksel.arg_int(0)
        ksel.return_int()

    def generate(self, ksel, kb):
        kb.yield_results(kb.arg_bindings[0])
