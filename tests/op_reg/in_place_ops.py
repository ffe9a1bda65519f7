"""Ops that change arguments, for the tests of what is written where it lies."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime.op_reg import CustomOp, KernelBuilder, KernelSelection, MlirTemplate
from tests.op_reg.ops import LIBRARY

WIDTH = 8


@CustomOp.register(library=LIBRARY)
class put_at(CustomOp):
    """Write rows at indices: a traced scatter, which checks the indices."""

    signature = "put_at(Tensor(a!) cache, Tensor places, Tensor rows) -> Tensor(a!)"

    def select(self, ksel: KernelSelection) -> None:
        ksel.arg_tensor(0, inplace_tied=True).specialize_dims(1)
        ksel.arg_tensor(1)
        ksel.arg_tensor(2).specialize_dims(1)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        def put(cache: Tensor, places: Tensor, rows: Tensor) -> Tensor:
            return cache.index_put((places,), rows)

        kb.yield_results(kb.inline_torch(put, *(kb.arg_value(i) for i in range(3))))


# A dispatch that is tied to the cache: it is given the cache's memory to read and write.
TIED = MlirTemplate(
    "tied",
    """
!cache = tensor<?x8xf32>
!row = tensor<8xf32>
util.func private @tied(%cache: !cache, %row: !row, %at: i64) -> !cache {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %cache, %c0 : !cache
  %c1 = arith.constant 1 : index
  %i = arith.index_cast %at : i64 to index
  %0 = flow.dispatch.workgroups[%n, %i](%cache, %row, %n, %i)
      : (!cache{%n}, !row, index, index) -> %cache{%n} =
      (%c: !iree_tensor_ext.dispatch.tensor<readwrite:tensor<?x8xf32>>,
       %r: !iree_tensor_ext.dispatch.tensor<readonly:tensor<8xf32>>, %m: index, %j: index) {
    %m0 = iree_tensor_ext.dispatch.workload.ordinal %m, 0 : index
    %j0 = iree_tensor_ext.dispatch.workload.ordinal %j, 1 : index
    %to = flow.dispatch.tie_shape %c
        : !iree_tensor_ext.dispatch.tensor<readwrite:tensor<?x8xf32>>{%m0}
    %old = iree_tensor_ext.dispatch.tensor.load %to, offsets = [%j0, 0], sizes = [1, 8],
        strides = [1, 1]
        : !iree_tensor_ext.dispatch.tensor<readwrite:tensor<?x8xf32>>{%m0} -> tensor<8xf32>
    %new = iree_tensor_ext.dispatch.tensor.load %r, offsets = [0], sizes = [8], strides = [1]
        : !iree_tensor_ext.dispatch.tensor<readonly:tensor<8xf32>> -> tensor<8xf32>
    %sum = linalg.generic {
        indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
        iterator_types = ["parallel"]} ins(%new : tensor<8xf32>) outs(%old : tensor<8xf32>) {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      linalg.yield %s : f32
    } -> tensor<8xf32>
    iree_tensor_ext.dispatch.tensor.store %sum, %to, offsets = [%j0, 0], sizes = [1, 8],
        strides = [1, 1]
        : tensor<8xf32> -> !iree_tensor_ext.dispatch.tensor<readwrite:tensor<?x8xf32>>{%m0}
    flow.return
  } count(%m: index, %j: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    flow.return %one, %one, %one : index, index, index
  }
  util.return %0 : !cache
}
""",
)


@CustomOp.register(library=LIBRARY)
class add_row_at(CustomOp):
    """Add to one row: hand-written MLIR, with a number among the operands."""

    signature = "add_row_at(int at, Tensor(a!) cache, Tensor row) -> ()"

    def select(self, ksel: KernelSelection) -> None:
        ksel.arg_int(0)
        ksel.arg_tensor(1, inplace_tied=True).specialize_dims(1)
        ksel.arg_tensor(2).specialize_dims(0)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        at, cache, row = (kb.arg_value(i) for i in range(3))
        kb.yield_results(kb.inline_mlir(TIED, {}, cache, row, at))


@CustomOp.register(library=LIBRARY)
class scale_and_add(CustomOp):
    """Pointwise: `x` becomes `x * 2 + y`."""

    signature = "scale_and_add(Tensor(a!) x, Tensor y) -> ()"

    def select(self, ksel: KernelSelection) -> None:
        x = ksel.arg_tensor(0, inplace_tied=True)
        ksel.arg_tensor(1).require_shape(x)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        def add(x: Tensor, y: Tensor) -> Tensor:
            return x * 2 + y

        kb.yield_results(kb.inline_torch(add, kb.arg_value(0), kb.arg_value(1)))


@CustomOp.register(library=LIBRARY)
class add_flipped(CustomOp):
    """Reads elements that it has overwritten before: must be computed aside."""

    signature = "add_flipped(Tensor(a!) x, Tensor y) -> ()"

    def select(self, ksel: KernelSelection) -> None:
        x = ksel.arg_tensor(0, inplace_tied=True)
        ksel.arg_tensor(1).require_shape(x)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        def add(x: Tensor, y: Tensor) -> Tensor:
            return x.flip(0, 1) + y

        kb.yield_results(kb.inline_torch(add, kb.arg_value(0), kb.arg_value(1)))


@CustomOp.register(library=LIBRARY)
class put_into_each(CustomOp):
    """Several at once: a list, an optional tensor, a result, and an old value that is returned."""

    signature = (
        "put_into_each(Tensor(a!)[] caches, Tensor(b!)? scale, Tensor places, Tensor rows) "
        "-> Tensor"
    )

    def select(self, ksel: KernelSelection) -> None:
        caches = ksel.arg_tensor_list(0, inplace_tied=True)
        for cache in caches.ts:
            cache.specialize_dims(1)
        ksel.arg_optional_tensor(1, inplace_tied=True)
        ksel.arg_tensor(2)
        rows = ksel.arg_tensor(3).specialize_dims(1)
        ksel.return_new_tensor(rows.t.shape, rows.t.dtype).specialize_dims(1)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        caches, scale, places, rows = (kb.arg_value(i) for i in range(4))

        def put(cache: Tensor, places: Tensor, rows: Tensor) -> Tensor:
            return cache.index_put((places,), rows)

        old = kb.inline_torch(lambda cache, places: cache[places] + 0, caches[0], places)
        new = [kb.inline_torch(put, cache, places, rows) for cache in caches]
        if scale is not None:
            new.append(kb.inline_torch(lambda s: s * 2, scale))
        kb.yield_results(old, *new)


def put_into_each_by_torch(caches: Any, scale: Any, places: Tensor, rows: Tensor) -> Any:
    """Return the result and the new contents, as `put_into_each` computes them."""
    news = [cache.index_put((places,), rows) for cache in caches]
    return caches[0][places], news, None if scale is None else scale * 2


def rows_of(count: int) -> Tensor:
    return torch.randn(count, WIDTH)
