"""Cases of operators that work element by element."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from tests.aot.operators.cases import case, core
from tests.aot.operators.inputs import line, lines, mask, pairs, positive, random

EXACT = "abs neg ceil floor round trunc sign relu isinf isnan logical_not clone alias"
for name in EXACT.split():
    core(f"{name}.default", lambda d: (line(d),), dtypes="fi", exact=True)
for name in [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cos",
    "cosh",
    "erf",
    "exp",
    "expm1",
    "log",
    "log10",
    "log1p",
    "log2",
    "reciprocal",
    "rsqrt",
    "sigmoid",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
]:
    core(f"{name}.default", lambda d: (line(d),), lambda d: (random(d, 40),), dtypes="fi")
core(  # torch's own cancels digits in f64, too
    "gelu.default",
    lambda d: (line(d),),
    lambda d: (random(d, 40),),
    reference=lambda x: x / 2 * torch.erfc(-x * math.sqrt(0.5)),
)
for name in ["elu", "leaky_relu"]:
    core(f"{name}.default", lambda d: (line(d),), lambda d: (random(d, 40),))
core("bitwise_not.default", lambda d: (line(d),), dtypes="ib", exact=True)
core("hardtanh.default", lambda d: (line(d),), call=lambda op, x: op(x, -1.0, 1.5), exact=True)
for name in ["add.Tensor", "sub.Tensor", "mul.Tensor"]:
    core(name, pairs, dtypes="fi")
for name in ["eq", "ne", "lt", "le", "gt", "ge"]:
    core(f"{name}.Tensor", pairs, dtypes="fib", exact=True)
    core(
        f"{name}.Scalar", lambda d: (line(d),), call=lambda op, x: op(x, 1), dtypes="fi", exact=True
    )
for name in ["maximum", "minimum"]:
    core(f"{name}.default", pairs, dtypes="fib", exact=True, either_zero=True)
for name in ["add", "sub", "mul"]:
    core(f"{name}.Scalar", lambda d: (line(d),), call=lambda op, x: op(x, 3), dtypes="fi")
core("div.Tensor", pairs, dtypes="fi")
core("div.Scalar", lambda d: (line(d),), call=lambda op, x: op(x, 3), dtypes="fi")
for mode in ("floor", "trunc"):
    case(
        f"div.Tensor_mode {mode}",
        lambda x, y, m=mode: torch.ops.aten.div.Tensor_mode(x, y, rounding_mode=m),
        lambda d: pairs(d, zeros=False),
        dtypes="fi",
    )
    case(
        f"div.Scalar_mode {mode}",
        lambda x, m=mode: torch.ops.aten.div.Scalar_mode(x, 3, rounding_mode=m),
        lambda d: (line(d),),
        dtypes="fi",
        exact=True,
    )
case("floor_divide", lambda x: x // 3, lambda d: (line(d),), dtypes="fi", exact=True)
for name in ["fmod", "remainder"]:  # torch gives NaN for a rest of 0 of a large quotient
    core(f"{name}.Tensor", lambda d: pairs(d, zeros=False), dtypes="fi")
    core(
        f"{name}.Scalar", lambda d: (line(d),), call=lambda op, x: op(x, 3), dtypes="fi", exact=True
    )
for name in ["and", "or", "xor"]:
    core(f"bitwise_{name}.Tensor", pairs, dtypes="ib", exact=True)
    core(
        f"bitwise_{name}.Scalar",
        lambda d: (line(d),),
        call=lambda op, x: op(x, 1),
        dtypes="ib",
        exact=True,
    )
for name in ["and", "or", "xor"]:
    core(f"logical_{name}.default", pairs, dtypes="fib", exact=True)
core("pow.Tensor_Tensor", pairs, lambda d: (positive(d, 6, 1), random(d, 6)))
core("pow.Scalar", lambda d: (line(d),), call=lambda op, x: op(2.5, x))
core("pow.Tensor_Scalar", lambda d: (line(d),), call=lambda op, x: op(x, 2), dtypes="fi")
for exponent in (3, 0.5, -1, -2, 2.5, 0, 10):
    case(
        f"pow.Tensor_Scalar {exponent}",
        lambda x, e=exponent: torch.pow(x, e),
        lambda d: (line(d),),
        lambda d: (random(d, 20),),
    )
case("pow of integers", lambda x: (x**2, x**3, x**0), lambda d: (line(d),), dtypes="i")
case(
    "pow of integers by integers",
    torch.pow,
    lambda d: (line(d)[:, None], torch.arange(0, 6).to(d)),
    dtypes="i",
)
core("atan2.default", pairs)
core("clamp.default", lambda d: (line(d),), call=lambda op, x: op(x, 1, 3), dtypes="fi", exact=True)
core(
    "clamp.Tensor",
    lambda d: (*pairs(d), line(d).flip(0)[None, :]),
    dtypes="fi",
    exact=True,
    either_zero=True,
)
case("clamp_min", lambda x: torch.clamp_min(x, 2), lambda d: (line(d),), dtypes="fi", exact=True)
case("clamp_max", lambda x: torch.clamp_max(x, 2), lambda d: (line(d),), dtypes="fi", exact=True)
case("clamp(min=)", lambda x: torch.clamp(x, min=2), lambda d: (line(d),), dtypes="fi", exact=True)
case("relu6", F.relu6, lambda d: (line(d),), exact=True)
core(
    "where.self",
    lambda d: (mask(5, 1), line(d)[None, :], line(d).flip(0)[None, :]),
    dtypes="fib",
    exact=True,
)
core("fill.Scalar", lambda d: (line(d),), call=lambda op, x: op(x, 3), dtypes="fib", exact=True)
core(
    "full_like.default", lambda d: (line(d),), call=lambda op, x: op(x, 3), dtypes="fib", exact=True
)
core("copy.default", lambda d: (line(d), line(d).flip(0)), dtypes="fib", exact=True)

# torch decomposes these
for name in [
    "silu",
    "mish",
    "softplus",
    "selu",
    "celu",
    "softsign",
    "logsigmoid",
    "hardswish",
    "hardsigmoid",
]:
    case(name, getattr(F, name), lambda d: (line(d),), lambda d: (random(d, 40, low=-8, high=8),))
case(  # in f64 torch's own is no better, for want of digits of `tanh`
    "tanhshrink",
    F.tanhshrink,
    lambda d: (line(d),),
    lambda d: (random(d, 40, low=-8, high=8),),
    dtypes=(torch.float32, torch.float16, torch.bfloat16),
)
case(
    "gelu tanh",
    lambda x: F.gelu(x, approximate="tanh"),
    lambda d: (line(d),),
    lambda d: (random(d, 40),),
    reference=lambda x: x / (1 + torch.exp(-math.sqrt(8 / math.pi) * (x + 0.044715 * x * x * x))),
)
for name in ["hardshrink", "softshrink"]:  # which zero it is depends on torch's vector length
    case(name, getattr(F, name), lambda d: (line(d),))
case("threshold", lambda x: F.threshold(x, 0.5, 3.0), lambda d: (line(d),), exact=True)
case("prelu", F.prelu, lambda d: (lines(d), random(d, 1)))
case("glu", F.glu, lambda d: (lines(d),))
for name in ["exp2", "erfc", "frac", "deg2rad", "rad2deg", "logit", "sinc", "sgn", "positive"]:
    case(name, getattr(torch, name), lambda d: (line(d),), lambda d: (random(d, 40),))
for name in ["lgamma", "digamma", "erfinv", "i0"]:
    case(name, getattr(torch, name), lambda d: (line(d),), lambda d: (positive(d, 20),))
for name in ["isfinite", "isposinf", "isneginf", "signbit", "nan_to_num"]:
    case(name, getattr(torch, name), lambda d: (line(d),), dtypes="fi", exact=True)
for name in ["fmax", "fmin"]:
    case(name, getattr(torch, name), pairs, dtypes="fi", exact=True, either_zero=True)
for name in ["copysign", "heaviside"]:
    case(name, getattr(torch, name), pairs, exact=True)
case("nextafter", torch.nextafter, pairs, exact=True, dtypes=(torch.float32, torch.float64))
for name in ["hypot", "logaddexp", "logaddexp2", "xlogy"]:
    case(name, getattr(torch, name), pairs, lambda d: (positive(d, 6, 1), positive(d, 6)))
for name in ["gcd", "lcm"]:
    case(name, getattr(torch, name), lambda d: (random(d, 6, 1), random(d, 5)), dtypes="i")
case("rsub", lambda x: 3 - x, lambda d: (line(d),), dtypes="fi")
case("lerp", lambda x, y: torch.lerp(x, y, 0.25), pairs)
case("addcmul", torch.addcmul, lambda d: (*pairs(d), line(d)))
case("addcdiv", torch.addcdiv, lambda d: (*pairs(d), line(d)))
case("true_divide", lambda x: x / 4, lambda d: (line(d),), dtypes="fi")
case(
    "floor_divide of tensors",
    torch.floor_divide,
    lambda d: pairs(d, zeros=False),
    dtypes="fi",
)
case("division by zero", lambda x: x * 0, lambda d: (line(d),), dtypes="i")
case(
    "shifts",
    lambda x: (x << 2, x >> 1, torch.bitwise_left_shift(x, x.abs() % 7)),
    lambda d: (line(d),),
    dtypes="i",
    exact=True,
)
case(
    "operators with numbers",
    lambda x: (x | 1, x ^ 3, x & 6, ~x, -x),
    lambda d: (line(d),),
    dtypes="i",
    exact=True,
)
case(
    "masked_fill",
    lambda x, m: x.masked_fill(m, 2),
    lambda d: (lines(d), mask(4, 1)),
    dtypes="fib",
    exact=True,
)
case("isclose", torch.isclose, pairs, exact=True)
case(
    "mixed dtypes",
    lambda x, n: (x + n, x * n, n - x, n / x, x == n),
    lambda d: (line(d)[:, None], torch.arange(-2, 4)),
)
case(
    "mixed integers",
    lambda x, n: (x + n, x * n, n - x, x == n),
    lambda d: (line(d)[:, None], torch.arange(-2, 4, dtype=torch.int32)),
    dtypes="i",
)
case(
    "bool arithmetic",
    lambda x, y: (x & y, x | y, x ^ y, x + y, x * y, x == y, x < y, ~x),
    pairs,
    dtypes="b",
    exact=True,
)

# conversions
for wanted in [
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "bool",
]:
    case(
        f"_to_copy {wanted}",
        lambda x, w=wanted: torch.ops.aten._to_copy.default(x, dtype=getattr(torch, w)),
        lambda d, w=wanted: (
            random(d, 40, low=0, high=12)
            if d.is_floating_point and not getattr(torch, w).is_floating_point and w != "bool"
            else line(d),
        ),
        dtypes="fib",
        exact=True,
    )
for wanted in ["e4m3fn", "e5m2", "e4m3fnuz", "e5m2fnuz"]:
    kind = getattr(torch, f"float8_{wanted}")
    case(f"to float8_{wanted}", lambda x, k=kind: x.to(k), lambda d: (line(d),), exact=True)
    case(
        f"from float8_{wanted}",
        lambda x: (x.to(torch.float32), x.to(torch.bfloat16), x.to(torch.float16)),
        lambda d: (torch.arange(256, dtype=torch.int16).to(torch.uint8).view(d),),
        dtypes=(kind,),
        exact=True,
    )
