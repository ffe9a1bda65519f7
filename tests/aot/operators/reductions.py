"""Cases of operators that reduce, order or select along a dimension."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from tests.aot.operators.cases import case, core
from tests.aot.operators.inputs import lines, mask, positive, random


def _empty(d):
    return (random(d, 0, 3),)


def _long(d):
    """Rows in which sums of one number after the other lose digits; in f64 they may."""
    return (random(d, 3, 9 if d == torch.float64 else 2001),)


for name in ["amax", "amin"]:
    core(
        f"{name}.default",
        lambda d: (lines(d),),
        call=lambda op, x: op(x, [1], True),
        dtypes="fib",
        exact=True,
    )
    case(f"{name} of all", getattr(torch, name), lambda d: (lines(d),), dtypes="fi", exact=True)
for name in ["argmax", "argmin"]:
    core(
        f"{name}.default",
        lambda d: (lines(d),),
        call=lambda op, x: op(x, 1),
        dtypes="fi",
        exact=True,
    )
    case(f"{name} of all", getattr(torch, name), lambda d: (lines(d),), dtypes="fi", exact=True)
for name in ["max", "min"]:
    core(
        f"{name}.dim", lambda d: (lines(d),), call=lambda op, x: op(x, 1), dtypes="fib", exact=True
    )
    case(f"{name} of all", getattr(torch, name), lambda d: (lines(d),), dtypes="fib", exact=True)
core("any.default", lambda d: (lines(d),), _empty, dtypes="fib", exact=True)
core(
    "any.dim", lambda d: (lines(d),), _empty, call=lambda op, x: op(x, 1), dtypes="fib", exact=True
)
core(
    "any.dims",
    lambda d: (lines(d),),
    _empty,
    call=lambda op, x: op(x, [0, 1]),
    dtypes="fib",
    exact=True,
)
case(
    "all",
    lambda x: (torch.all(x), torch.all(x, 1)),
    lambda d: (lines(d),),
    _empty,
    dtypes="fib",
    exact=True,
)
core(
    "cumsum.default",
    lambda d: (random(d, 4, 9),),
    _long,
    lambda d: (lines(d),),
    call=lambda op, x: op(x, 1),
    dtypes="fi",
)
core("mean.default", lambda d: (random(d, 6, 9),), _long)
core(
    "mean.dim",
    lambda d: (random(d, 6, 9),),
    _long,
    lambda d: (lines(d),),
    call=lambda op, x: op(x, [1], True),
)
core("prod.default", lambda d: (positive(d, 3, 4),), _empty, dtypes="fi")
core(
    "prod.dim_int", lambda d: (positive(d, 5, 9),), _empty, call=lambda op, x: op(x, 1), dtypes="fi"
)
core(
    "sum.dim_IntList",
    lambda d: (random(d, 6, 9),),
    _long,
    lambda d: (lines(d),),
    _empty,
    call=lambda op, x: op(x, [1]),
    dtypes="fib",
)
case("sum", torch.sum, lambda d: (random(d, 6, 9),), _long, _empty, dtypes="fib")
core(
    "var.correction",
    lambda d: (random(d, 6, 9),),
    _long,
    call=lambda op, x: op(x, [1], correction=1),
)
core("var.dim", lambda d: (random(d, 6, 9),), _long, call=lambda op, x: op(x, [1], False))
core("sort.default", lambda d: (lines(d),), call=lambda op, x: op(x, 1)[0], dtypes="fi", exact=True)
core("topk.default", lambda d: (lines(d),), call=lambda op, x: op(x, 3)[0], dtypes="fi", exact=True)
case(
    "sort (stable, descending)",
    lambda x: torch.sort(x, dim=1, descending=True, stable=True),
    lambda d: (lines(d),),
    dtypes="fi",
    exact=True,
)
case(
    "sort (indices)",
    lambda x: torch.sort(x, dim=1, stable=True),
    lambda d: (lines(d),),
    dtypes="fi",
    exact=True,
)
case(  # in 16 bits some would be equal, and any order of those right
    "topk (indices)",
    lambda x: torch.topk(x, 3),
    lambda d: (random(d, 5, 31),),
    dtypes=(torch.float32, torch.float64),
    exact=True,
)
case(
    "topk (smallest)",
    lambda x: torch.topk(x, 3, largest=False)[0],
    lambda d: (lines(d),),
    dtypes="fi",
    exact=True,
)
case(
    "argsort",
    lambda x: torch.argsort(x, stable=True),
    lambda d: (lines(d),),
    dtypes="fi",
    exact=True,
)
case("msort", torch.msort, lambda d: (lines(d),), exact=True)
case(
    "sort along rows",
    lambda x: torch.sort(x, dim=0)[0],
    lambda d: (lines(d),),
    dtypes="fi",
    exact=True,
)
for name in ["cummax", "cummin"]:
    case(
        name,
        lambda x, n=name: getattr(torch, n)(x, 1),
        lambda d: (lines(d),),
        dtypes="fi",
        exact=True,
    )
case("cumprod", lambda x: torch.cumprod(x, 1), lambda d: (positive(d, 4, 9),), dtypes="fi")
case("logcumsumexp", lambda x: torch.logcumsumexp(x, 1), lambda d: (random(d, 4, 9),), _long)
case(
    "logsumexp",
    lambda x: torch.logsumexp(x, 1),
    lambda d: (random(d, 4, 9),),
    _long,
    lambda d: (lines(d),),
)
core(
    "_softmax.default",
    lambda d: (random(d, 4, 9),),
    _long,
    lambda d: (lines(d),),
    call=lambda op, x: op(x, 1, False),
)
core(
    "_log_softmax.default",
    lambda d: (random(d, 4, 9),),
    _long,
    lambda d: (lines(d),),
    call=lambda op, x: op(x, 1, False),
)
case(
    "median",
    lambda x: (torch.median(x), *torch.median(x, 1)),
    lambda d: (random(d, 4, 9),),
    dtypes="fi",
    exact=True,
)
case("nanmedian", lambda x: torch.nanmedian(x, 1)[0], lambda d: (random(d, 4, 9),), exact=True)
case(
    "kthvalue",
    lambda x: torch.kthvalue(x, 3, 1)[0],
    lambda d: (random(d, 4, 9),),
    lambda d: (lines(d),),
    dtypes="fi",
    exact=True,
)
case("mode", lambda x: torch.mode(x, 1)[0], lambda d: (random(d, 4, 9),), dtypes="fi", exact=True)
case(
    "quantile",
    lambda x: torch.quantile(x, 0.3, 1),
    lambda d: (random(d, 4, 9),),
    dtypes=(torch.float32, torch.float64),
)
case("aminmax", lambda x: torch.aminmax(x, dim=1), lambda d: (lines(d),), dtypes="fi", exact=True)
case("std_mean", lambda x: torch.std_mean(x, 1), lambda d: (random(d, 6, 9),), _long)
case("nansum", lambda x: torch.nansum(x, 1), lambda d: (lines(d),))
case("nanmean", lambda x: torch.nanmean(x, 1), lambda d: (random(d, 4, 9),))
case(
    "count_nonzero",
    lambda x: torch.count_nonzero(x, 1),
    lambda d: (lines(d),),
    dtypes="fi",
    exact=True,
)
case(
    "norm",
    lambda x: (
        torch.linalg.vector_norm(x, dim=1),
        torch.linalg.vector_norm(x, 1, dim=1),
        x.norm(p=3, dim=1),
    ),
    lambda d: (random(d, 6, 9),),
    _long,
)
case(
    "norm inf",
    lambda x: torch.linalg.vector_norm(x, float("inf"), dim=1),
    lambda d: (lines(d),),
    exact=True,
)
case("renorm", lambda x: torch.renorm(x, 2, 0, 1.0), lambda d: (random(d, 4, 5),))
case("diff", torch.diff, lambda d: (lines(d),), dtypes="fi")
case("normalize", F.normalize, lambda d: (random(d, 4, 9),))
case(
    "searchsorted",
    lambda s, v: (torch.searchsorted(s, v), torch.searchsorted(s, v, right=True)),
    lambda d: (random(d, 9).sort()[0], random(d, 5)),
    dtypes="fi",
    exact=True,
)
case(
    "bucketize",
    torch.bucketize,
    lambda d: (random(d, 2, 5), random(d, 9).sort()[0]),
    dtypes="fi",
    exact=True,
)
case("isin", torch.isin, lambda d: (random(d, 3, 4), random(d, 5)), dtypes="fi", exact=True)
case(
    "histc",
    lambda x: torch.histc(x, 4, -2, 2),
    lambda d: (random(d, 30),),
    dtypes=(torch.float32, torch.float64),
    exact=True,
)
case(
    "bincount",
    lambda x: torch.bincount(x, minlength=9),
    lambda d: (random(d, 30).abs() % 7,),
    dtypes=(torch.int64,),
    exact=True,
)
case("unique", torch.unique, lambda d: (random(d, 9),), dtypes="fi", exact=True)
core("nonzero.default", lambda d: (lines(d),), exact=True)
case("masked_select", torch.masked_select, lambda d: (lines(d), mask(4, 8)))
core(
    "masked_scatter.default",
    lambda d: (random(d, 4, 5), mask(4, 5), random(d, 30)),
    dtypes="fi",
    exact=True,
)
core(
    "_cdist_forward.default",
    lambda d: (random(d, 4, 5), random(d, 3, 5)),
    call=lambda op, x, y: op(x, y, 2.0, None),
    dtypes=(torch.float32, torch.float64),
)
case(
    "cdist p=1",
    lambda x, y: torch.cdist(x, y, p=1.0),
    lambda d: (random(d, 4, 5), random(d, 3, 5)),
    dtypes=(torch.float32, torch.float64),
)
core(
    "_pdist_forward.default",
    lambda d: (random(d, 4, 5),),
    call=lambda op, x: op(x, 2.0),
    dtypes=(torch.float32, torch.float64),
)
core(
    "_fft_r2c.default",
    lambda d: (random(d, 4, 8),),
    call=lambda op, x: op(x, [1], 0, True),
    dtypes=(torch.float32,),
)
core(
    "_fft_c2r.default",
    lambda d: (random(d, 4, 5).to(torch.complex64),),
    call=lambda op, x: op(x, [1], 0, 8),
    dtypes=(torch.float32,),
)
core(
    "_local_scalar_dense.default",
    lambda d: (random(d, 1),),
    call=lambda op, x: x * op(x),
    dtypes=(torch.float32,),
)
core(
    "native_dropout.default",
    lambda d: (random(d, 4, 8),),
    call=lambda op, x: op(x, 0.5, True),
    dtypes=(torch.float32,),
)
for name in ["rand", "randn", "randperm"]:
    core(
        f"{name}.default",
        lambda d: (random(d, 4, 8),),
        call=lambda op, x, n=name: op(4 if n == "randperm" else [4]),
        dtypes=(torch.float32,),
    )
case(
    "complex",
    lambda x: torch.complex(x, x).abs(),
    lambda d: (random(d, 4),),
    dtypes=(torch.float32,),
)
case("complex matmul", lambda z: z @ z, lambda d: (random(d, 3, 3),), dtypes=(torch.complex64,))
