"""Small ops whose results are more than tensors: lists, optional tensors, numbers."""

from __future__ import annotations

import torch

from ir_runtime.op_reg import CustomOp
from tests.op_reg.ops import LIBRARY, scaled


@CustomOp.register(library=LIBRARY)
class multiples(CustomOp):
    """A list: `x * 1`, `x * 2`, ... `x * count`."""

    signature = "multiples_@UNIQUE@(Tensor x, int count=3) -> Tensor[]"

    def select(self, ksel):
        x = ksel.arg_tensor(0).require(dtypes=[torch.float32])
        ksel.return_new_tensor_list([x.t.shape] * ksel.attr_int(1).v, x.t.dtype)

    def generate(self, ksel, kb):
        count = ksel.arg_descs[1].v
        kb.yield_results(*(scaled(kb, kb.arg(0), i + 1.0) for i in range(count)))


@CustomOp.register(library=LIBRARY)
class halves(CustomOp):
    """A tensor, then a list of tensors of other shapes and dtypes."""

    signature = "halves_@UNIQUE@(Tensor x) -> (Tensor, Tensor[])"

    def select(self, ksel):
        x = ksel.arg_tensor(0).require(rank=1).t
        ksel.return_tensor(torch.empty_like(x, device="meta"))
        ksel.return_new_tensor_list([(), (2, *x.shape)], [torch.float64, x.dtype])

    def generate(self, ksel, kb):
        def run(x):
            return x / 2, x.double().sum(), torch.stack([x, x / 2])

        kb.yield_results(*kb.inline_torch(run, kb.arg(0)))


@CustomOp.register(library=LIBRARY)
class gradients(CustomOp):
    """Three optional tensors: `g * 1`, `g * 2`, `g * 3` where the mask asks for them."""

    signature = "gradients_@UNIQUE@(Tensor g, bool[] mask) -> (Tensor?, Tensor?, Tensor?)"

    def select(self, ksel):
        g = ksel.arg_tensor(0).t
        for wanted in ksel.attr_list_bool(1).v:
            ksel.maybe_return_tensor(torch.empty_like(g, device="meta") if wanted else None)

    def generate(self, ksel, kb):
        mask = ksel.arg_descs[1].v
        kb.yield_results(*(scaled(kb, kb.arg(0), i + 1.0) for i in range(3) if mask[i]))


@CustomOp.register(library=LIBRARY)
class perhaps(CustomOp):
    """One optional tensor: `x * 2`."""

    signature = "perhaps_@UNIQUE@(Tensor x, bool wanted) -> Tensor?"

    def select(self, ksel):
        x = ksel.arg_tensor(0).t
        wanted = ksel.attr_bool(1).v
        ksel.maybe_return_tensor(torch.empty_like(x, device="meta") if wanted else None)

    def generate(self, ksel, kb):
        kb.yield_results(scaled(kb, kb.arg(0), 2.0))


@CustomOp.register(library=LIBRARY)
class total(CustomOp):
    """A number that depends on the data: the sum of `n`."""

    signature = "total_@UNIQUE@(Tensor n) -> SymInt"

    def select(self, ksel):
        ksel.arg_tensor(0).require(dtypes=[torch.int64])
        ksel.return_int()

    def generate(self, ksel, kb):
        kb.yield_results(kb.inline_torch(torch.sum, kb.arg(0)))


@CustomOp.register(library=LIBRARY)
class doubled_and_total(CustomOp):
    """A tensor and a number: `n * 2` and the sum of `n`."""

    signature = "doubled_and_total_@UNIQUE@(Tensor n) -> (Tensor, SymInt)"

    def select(self, ksel):
        n = ksel.arg_tensor(0).t
        ksel.return_new_tensor(n.shape, n.dtype)
        ksel.return_int()

    def generate(self, ksel, kb):
        kb.yield_results(*kb.inline_torch(lambda n: (n * 2, n.sum()), kb.arg(0)))


@CustomOp.register(library=LIBRARY)
class rows(CustomOp):
    """A number that the kernel yields as an `index`: the first size of `x`."""

    signature = "rows_@UNIQUE@(Tensor x) -> SymInt"

    def select(self, ksel):
        ksel.arg_tensor(0)
        ksel.return_int()

    def generate(self, ksel, kb):
        from iree.compiler.dialects import tensor

        kb.yield_results(tensor.dim(kb.arg(0), kb.constant_index(0)))
