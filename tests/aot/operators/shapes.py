"""Cases of operators that move elements, and of those that index."""

from __future__ import annotations

import torch

from tests.aot.operators.cases import case, core
from tests.aot.operators.inputs import line, lines, mask, random


def _empty(d):
    return (random(d, 0, 4, 2),)


def _cube(d):
    return (random(d, 3, 4, 2),)


def _slice_assigned(x, s):
    u = x.clone()
    u[1:5] = s
    return u


A = {"dtypes": "fib", "exact": True}
MOVES = {
    "diagonal.default": lambda op, x: op(x),
    "expand.default": lambda op, x: op(x, [2, -1, -1, -1]),
    "flip.default": lambda op, x: op(x, [0, 1]),
    "permute.default": lambda op, x: op(x, [1, 0, 2]),
    "repeat.default": lambda op, x: op(x, [1, 2, 2]),
    "select.int": lambda op, x: op(x, 1, -1),
    "slice.Tensor": lambda op, x: op(x, 1, 1, 4, 2),
    "split_with_sizes.default": lambda op, x: op(x, [1, 3], 1),
    "squeeze.dim": lambda op, x: op(x[:, :1], 1),
    "squeeze.dims": lambda op, x: op(x[:, :1, :1], [1, 2]),
    "unsqueeze.default": lambda op, x: op(x, 1),
    "view.default": lambda op, x: op(x, [-1, 8]),
    "constant_pad_nd.default": lambda op, x: op(x, [1, 2, 0, 1], 3),
    "cat.default": lambda op, x: op([x, x, x[:, :0]], 1),
}
for name, call in MOVES.items():
    core(name, _cube, _empty, call=call, **A)
core("as_strided.default", _cube, call=lambda op, x: op(x, [3, 2], [8, 2]), **A)
core(
    "arange.start_step", _cube, call=lambda op, x: x + op(0, x.shape[2], 1), dtypes="fi", exact=True
)
core("scalar_tensor.default", _cube, call=lambda op, x: x + op(2), dtypes="fi", exact=True)
core(
    "full.default",
    _cube,
    call=lambda op, x: op([x.shape[0], 2], 3, dtype=x.dtype),
    dtypes="fib",
    exact=True,
)
core("empty.memory_format", _cube, call=lambda op, x: op([2, 3], dtype=x.dtype).fill_(2), **A)
core(
    "empty_strided.default",
    _cube,
    call=lambda op, x: op([2, 3], [3, 1], dtype=x.dtype).fill_(2),
    **A,
)
core("sym_size.int", _cube, call=lambda op, x: x * op(x, 0), dtypes="f", exact=True)
core("sym_numel.default", _cube, call=lambda op, x: x * op(x), dtypes="f", exact=True)
core("sym_stride.int", _cube, call=lambda op, x: x * op(x, 0), dtypes="f", exact=True)
core("sym_storage_offset.default", _cube, call=lambda op, x: x + op(x), dtypes="f", exact=True)
core(
    "select_scatter.default",
    lambda d: (random(d, 3, 4), random(d, 3)),
    call=lambda op, x, y: op(x, y, 1, 2),
    **A,
)
core(
    "slice_scatter.default",
    lambda d: (random(d, 3, 4), random(d, 3, 2)),
    call=lambda op, x, y: op(x, y, 1, 1, 3),
    **A,
)

_I = torch.tensor([[0, 2, 1], [1, 0, 2], [2, 2, 0], [0, 0, 0]])
_P = torch.tensor([[0, 1, 2, 4], [4, 3, 2, 1], [1, 0, 3, 2]])  # no index twice in a row
for width in (torch.int64, torch.int32):
    suffix = "" if width is torch.int64 else " i32"
    case(
        f"embedding.default{suffix}",
        torch.ops.aten.embedding.default,
        lambda d, w=width: (random(d, 5, 3), _I.to(w)),
        exact=True,
    )
    case(
        f"index_select.default{suffix}",
        lambda x, i: torch.ops.aten.index_select.default(x, 1, i),
        lambda d, w=width: (random(d, 3, 4), _I[0].to(w)),
        **A,
    )
    case(
        f"index.Tensor{suffix}",
        lambda x, i: (x[i], x[:, i], x[i, i]),
        lambda d, w=width: (random(d, 3, 4), torch.tensor([0, -1, 2, -3], dtype=w)),
        **A,
    )
    case(
        f"index_put.default{suffix}",
        lambda x, i, v: torch.ops.aten.index_put.default(x, [i], v),
        lambda d, w=width: (random(d, 5, 4), torch.tensor([0, -1, 2], dtype=w), random(d, 3, 4)),
        **A,
    )
    case(
        f"index_put accumulate{suffix}",
        lambda x, i, v: torch.ops.aten.index_put.default(x, [i], v, True),
        lambda d, w=width: (random(d, 5, 4), torch.tensor([0, -1, 0], dtype=w), random(d, 3, 4)),
        dtypes="fi",
    )
core("gather.default", lambda d: (random(d, 4, 5), _I), call=lambda op, x, i: op(x, 1, i), **A)
core(
    "scatter.src",
    lambda d: (random(d, 3, 5), _P, random(d, 3, 4)),
    call=lambda op, x, i, s: op(x, 1, i, s),
    **A,
)
core("scatter.value", lambda d: (random(d, 3, 5), _P), call=lambda op, x, i: op(x, 1, i, 2), **A)
core(
    "scatter_add.default",
    lambda d: (random(d, 4, 5), _I, random(d, 4, 3)),
    call=lambda op, x, i, s: op(x, 1, i, s),
    dtypes="fi",
)
core(
    "scatter_reduce.two",
    lambda d: (random(d, 4, 5), _I, random(d, 4, 3)),
    call=lambda op, x, i, s: op(x, 1, i, s, "sum"),
    dtypes="fi",
)
for how in ["prod", "amax", "amin", "mean"]:
    case(
        f"scatter_reduce {how}",
        lambda x, i, s, h=how: torch.scatter_reduce(x, 1, i, s, h),
        lambda d: (random(d, 4, 5), _I, random(d, 4, 3)),
        dtypes="fi",
    )
_SAME = torch.zeros(2001, dtype=torch.int64)
case(
    "index_add to one row",
    lambda x, i, s: x.index_add(0, i, s),
    lambda d: (random(d, 3, 4), _SAME, random(d, 2001, 4)),
    dtypes="fi",
)
case(
    "scatter_add to one row",
    lambda x, i, s: x.scatter_add(0, i, s),
    lambda d: (random(d, 3, 4), _SAME[:, None].expand(-1, 4).contiguous(), random(d, 2001, 4)),
    dtypes="fi",
)
case(
    "index of several tensors",
    lambda x, i, j: (x[i, j], x[:, i, j], x[i, :, j], x[i[:, None], j]),
    lambda d: (random(d, 4, 5, 6), torch.tensor([0, -1, 2]), torch.tensor([1, -2, 3])),
    **A,
)
case("mask index", lambda x, m: torch.where(m, x, 0), lambda d: (random(d, 4, 5), mask(4, 5)), **A)
case(
    "index_add",
    lambda x, i, s: x.index_add(1, i, s),
    lambda d: (random(d, 3, 4), _I[0], random(d, 3, 3)),
    dtypes="fi",
)
case(
    "index_copy",
    lambda x, i, s: x.index_copy(1, i, s),
    lambda d: (random(d, 3, 4), _I[0], random(d, 3, 3)),
    **A,
)
case("index_fill", lambda x, i: x.index_fill(1, i, 2), lambda d: (random(d, 3, 4), _I[0]), **A)
case("take", torch.take, lambda d: (random(d, 3, 4), _I), **A)
case(
    "take_along_dim",
    lambda x, i: torch.take_along_dim(x, i, 1),
    lambda d: (random(d, 4, 5), _I),
    **A,
)
case(
    "one_hot",
    lambda x: torch.nn.functional.one_hot(x, 7),
    lambda d: (_I,),
    dtypes=(torch.int64,),
    exact=True,
)
case(
    "index_put of a slice",
    _slice_assigned,
    lambda d: (random(d, 6, 7), random(d, 4, 7)),
    **A,
)


DECOMPOSED = {
    "unbind": lambda x: torch.unbind(x, 1),
    "split": lambda x: torch.split(x, 3, 1),
    "chunk": lambda x: torch.chunk(x, 2, 1),
    "tensor_split": lambda x: torch.tensor_split(x, 3, 1),
    "stack": lambda x: torch.stack([x, x], 1),
    "roll": lambda x: (torch.roll(x, 1, 1), torch.roll(x, (1, -2), (0, 1))),
    "rot90": torch.rot90,
    "movedim": lambda x: torch.movedim(x, 0, 2),
    "tril": lambda x: torch.tril(x.transpose(0, 1)),
    "triu": lambda x: torch.triu(x, 1),
    "diag_embed": torch.diag_embed,
    "diag": lambda x: torch.diag(x[:, 0, 0]),
    "tile": lambda x: torch.tile(x, (2, 1, 3)),
    "repeat_interleave": lambda x: torch.repeat_interleave(x, 2, 1),
    "unfold": lambda x: x.unfold(1, 2, 1),
    "flatten": lambda x: (torch.flatten(x), x.flatten(1)),
    "squeeze": lambda x: x[:, :1].squeeze(),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "meshgrid": lambda x: torch.meshgrid(x[0, 0], x[0, :, 0], indexing="ij"),
    "expand_as": lambda x: x[:, :1].expand_as(x),
    "swapaxes": lambda x: x.swapaxes(0, 2),
    "fliplr": torch.fliplr,
    "block_diag": lambda x: torch.block_diag(x[0], x[0]),
    "new_zeros": lambda x: x.new_zeros(x.shape) + x,
    "ones_like": torch.ones_like,
    "view of dtype": lambda x: x.view(
        torch.uint8
        if x.element_size() == 1
        else torch.int32
        if x.dtype == torch.float32
        else x.dtype
    ),
    "pad reflect": lambda x: (
        torch.nn.functional.pad(x, (1, 1, 2, 1), mode="reflect") if x.is_floating_point() else x
    ),
    "pad circular": lambda x: (
        torch.nn.functional.pad(x, (1, 1, 2, 1), mode="circular") if x.is_floating_point() else x
    ),
    "bytes": lambda x: x.to(torch.int64),
}
for name, call in DECOMPOSED.items():
    makes = (
        (_cube,)
        if name in ("pad reflect", "pad circular", "meshgrid", "block_diag", "tensor_split")
        else (_cube, _empty)
    )
    if name != "bytes":
        case(name, call, *makes, **A)
case(
    "tril_indices",
    lambda x: x[: 0 + 3] + torch.tril_indices(3, 3).sum(),
    lambda d: (random(d, 4),),
    dtypes="f",
)
case("linspace", lambda x: x + torch.linspace(0, 1, 4, dtype=x.dtype), lambda d: (random(d, 4),))
case("cross", torch.linalg.cross, lambda d: (random(d, 4, 3), random(d, 4, 3)))
del lines, line
