"""Vector functions against float64 and torch: errors, special values, conversions of all bits."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.vector_function_op import (
    COLUMNS,
    DTYPES,
    operand_kinds,
    register_vector_functions,
)
from ir_runtime.rows.vector_functions import VECTOR_FUNCTIONS, vector_functions

SAMPLES = 16 * COLUMNS
TINY = 2.0**-126
LARGE = 3.4e38


def _softplus(x: Tensor) -> Tensor:
    """Torch's own, in float64 without its threshold."""
    if x.dtype == torch.float64:
        return x.clamp_min(0) + torch.log1p(torch.exp(-x.abs()))
    return functional.softplus(x)


def _normal_cdf(x: Tensor) -> Tensor:
    """Exact in float64; in float32 as torch's gelu has it."""
    if x.dtype == torch.float64:
        return torch.special.erfc(-x * math.sqrt(0.5)) / 2
    return (1 + torch.erf(x * math.sqrt(0.5))) / 2


TORCH: Mapping[str, Callable[..., Tensor]] = {
    "cos": torch.cos,
    "erf": torch.erf,
    "exp": torch.exp,
    "exp_down": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "normal_cdf": _normal_cdf,
    "rsqrt": torch.rsqrt,
    "sigmoid": torch.sigmoid,
    "sin": torch.sin,
    "softplus": _softplus,
    "tanh": torch.tanh,
}
ROUND_ZERO = [(2.0**-30, 2.0**-10), (2.0**-10, 0.125), (0.125, 0.25), (0.25, 0.5), (0.5, 1.0)]
EXP_DOWN = [(-87, -64), (-64, -32), (-32, -16), (-16, -8), (-8, -4), (-4, -2), (-2, -1), (-1, 0)]
EXP = [(-87, -64), (-64, -16), (-16, -1), (-1, 0), (0, 1), (1, 16), (16, 64), (64, 88.7)]
POSITIVE = [(TINY, 1e-20), (1e-20, 1e-4), (1e-4, 0.5), (0.5, 1), (1, 2), (2, 4)]
POSITIVE += [(4, 1e10), (1e10, LARGE)]
ANGLES = [(2.0**-30, 2.0**-10), (2.0**-10, 0.5), (0.5, 4), (4, 100), (100, 1e4), (1e4, 131072)]
ANGLES += [(131072, 1e10), (1e10, LARGE)]
LOG1P = [(-0.9999, -0.5), (-0.5, -1e-6), (1e-6, 0.1), (0.1, 1), (1, 10), (10, 1e4), (1e4, 1e10)]
LOG1P += [(1e10, LARGE)]
EXPM1 = [(-20, -4), (-4, -1), (-1, -0.1), (-0.1, -1e-6), (1e-6, 0.1), (0.1, 1), (1, 16), (16, 88)]
STRETCHES: Mapping[str, list[tuple[float, float]]] = {
    "cos": ANGLES,
    "erf": [*ROUND_ZERO, (1, 2), (2, 3), (3, 4)],
    "exp": EXP,
    "exp_down": EXP_DOWN,
    "expm1": EXPM1,
    "log": POSITIVE,
    "log1p": LOG1P,
    "normal_cdf": [(-9, -6), (-6, -4), (-4, -2), (-2, -1), (-1, 0), (0, 1), (1, 3), (3, 9)],
    "rsqrt": POSITIVE,
    "sigmoid": EXP,
    "sin": ANGLES,
    "softplus": EXP,
    "tanh": [*ROUND_ZERO, (1, 2), (2, 4), (4, 16)],
}
LIMITS = {"exp_down": 1.6}
"""Errors as multiples of torch's, where not 1.5: this one is for terms of sums, as in softmax."""

MOST = {"cos": 0.85, "erf": 0.85, "exp": 0.8, "exp_down": 0.9, "expm1": 0.8, "log": 0.8}
MOST |= {"log1p": 0.8, "rsqrt": 1.5, "sigmoid": 2.5, "sin": 0.85, "softplus": 1.6, "tanh": 0.75}
"""Largest errors of all of float32, in units of the last place."""

SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-45, -1e-45, TINY, -TINY, 1e-38, -1e-38]
SPECIAL += [1.0, -1.0, 100.0, -100.0, 104.0, -104.0, 88.8, -88.8, LARGE, -LARGE, 1e-20, -1e-20]
# An op has at most 16 results: those of lanes in split order, or for short NaNs, are another's.
PLAIN, SPLIT = (
    [
        name
        for name in VECTOR_FUNCTIONS
        if name.startswith(("widen", "narrow", "round")) and ("_s" in name) == split
    ]
    for split in (False, True)
)
CONVERSIONS = [*PLAIN, *SPLIT]
SHORT = ("exp_down_short", "gate_by_two_short", "gate_short", "sigmoid_short")
GATES = {
    "gate": lambda a, b: a * torch.sigmoid(b),
    "gate_by_two": lambda a, b: a * torch.sigmoid(b * math.log(2)),
}


@functools.cache
def applied(names: tuple[str, ...]) -> Any:
    """Compile functions as one module; an op has at most 16 results."""
    return register_vector_functions(f"functions_{len(names)}_{names[0]}", names)


def apply(name: str, *operands: Tensor) -> Tensor:
    """Apply a function to tensors of 2048 columns."""
    if name in TORCH or name in GATES:
        names = (*TORCH, *GATES)
    elif name in SHORT:
        names = SHORT
    else:
        names = tuple(PLAIN if name in PLAIN else SPLIT)
    kinds = operand_kinds(names)
    none = torch.zeros(1, COLUMNS)
    taken = [none.to(DTYPES[kind]) for kind in kinds]
    for i, kind in enumerate(kinds):
        if kind in VECTOR_FUNCTIONS[name].operands:  # those of one type have as many rows
            taken[i] = operands[min(kinds[:i].count(kind), len(operands) - 1)]
    return applied(names)(*taken)[names.index(name)]


def rows(x: Tensor) -> Tensor:
    """Bring numbers into rows, filled up with the last one."""
    missing = -x.numel() % COLUMNS
    if missing:
        as_bytes = x.view(torch.int8).view(-1, x.element_size())
        x = torch.cat([as_bytes, as_bytes[-1:].expand(missing, -1)]).view(x.dtype)
    return x.view(-1, COLUMNS)


def draw(low: float, high: float) -> Tensor:
    """Draw numbers: evenly, or with even logarithms if they span several powers of ten."""
    u = torch.rand(SAMPLES, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    if low > 0 and high > 100 * low:
        return rows((math.log(low) + u * math.log(high / low)).exp().float())
    return rows((low + u * (high - low)).float())


def errors(got: Tensor, want: Tensor) -> Tensor:
    """Return errors in units of the last place of float32."""
    exponent = want.abs().clamp_min(TINY).log2().floor()
    return (got.double() - want).abs() * torch.exp2(23 - exponent)


@pytest.mark.parametrize("name", STRETCHES)
def test_errors_are_bounded_by_those_of_torch(name: str):
    assert len(STRETCHES[name]) == 8
    for low, high in STRETCHES[name]:
        x = draw(low, high)
        want = TORCH[name](x.double())
        most = errors(apply(name, x), want).max().item()
        peer = errors(TORCH[name](x), want).max().item()
        limit = LIMITS.get(name, 1.5)
        assert most <= limit * peer, f"{name} on {low} to {high}: {most:.3f}, torch {peer:.3f}"


@pytest.mark.parametrize("name", TORCH)
def test_special_values_are_those_of_torch(name: str):
    x = torch.tensor(SPECIAL)
    if name == "exp_down":
        x = x[~(x > 0)]
    got, want = apply(name, rows(x)).view(-1)[: x.numel()], TORCH[name](x)
    for number, mine, theirs in zip(x.tolist(), got.tolist(), want.tolist(), strict=True):
        close = math.isclose(mine, theirs, rel_tol=4e-7, abs_tol=2e-45)
        signs = mine != 0 or theirs != 0 or math.copysign(1, mine) == math.copysign(1, theirs)
        assert (math.isnan(mine) and math.isnan(theirs)) or (close and signs), (
            number,
            mine,
            theirs,
        )


@pytest.mark.full
@pytest.mark.parametrize("name", MOST)
def test_errors_over_all_of_float32(name: str):
    stride, most = 251, 1 << 22
    for start in range(-(1 << 31), 1 << 31, stride * most):
        stop = min(start + stride * most, 1 << 31)
        x = torch.arange(start, stop, stride).to(torch.int32).view(torch.float32)
        x = x[x <= 0] if name == "exp_down" else x[~(x < -87)] if name == "sigmoid" else x
        if not x.numel():
            continue
        want = TORCH[name](x.double())
        got = apply(name, rows(x)).view(-1)[: x.numel()]
        same = (got == want.float()) | (got.isnan() & want.isnan())
        assert errors(got, want).masked_fill(same, 0).max() <= MOST[name]


@pytest.mark.parametrize("name", GATES)
def test_gates_are_products_with_a_sigmoid(name: str):
    b = torch.cat([torch.linspace(-100, 100, 8 * COLUMNS - len(SPECIAL)), torch.tensor(SPECIAL)])
    a = torch.linspace(-3, 3, b.numel())
    got, want = apply(name, rows(a), rows(b)).view(-1), GATES[name](a.double(), b.double())
    torch.testing.assert_close(got, want.float(), rtol=5e-7, atol=1e-36, equal_nan=True)


@pytest.mark.parametrize("name", SHORT)
def test_short_functions_have_the_errors_that_narrow_results_hide(name: str):
    exact = name.removesuffix("_short")
    for low, high in EXP_DOWN if exact == "exp_down" else EXP:
        x = draw(low, high)
        a = torch.full_like(x, 3.0)
        if exact in GATES:
            got, want = apply(name, a, x), GATES[exact](a.double(), x.double())
        else:
            got, want = apply(name, x), TORCH[exact](x.double())
        assert ((got.double() - want).abs() <= 6e-6 * want.abs() + 2e-38).all(), f"{low} to {high}"


@pytest.mark.parametrize("name", ["exp_down_short", "sigmoid_short"])
def test_short_functions_at_the_ends_of_the_range(name: str):
    at = [-math.inf, -120.0, math.nan] + ([] if name == "exp_down_short" else [math.inf, 120.0])
    want = [0.0, 0.0, math.nan] + ([] if name == "exp_down_short" else [1.0, 1.0])
    got = apply(name, rows(torch.tensor(at))).view(-1)[: len(at)]
    torch.testing.assert_close(got, torch.tensor(want), atol=1e-37, rtol=0, equal_nan=True)


def bit_patterns(kind: str) -> Tensor:
    """Return all numbers of a narrow type."""
    size = 16 if "16" in kind else 8
    integers = torch.arange(1 << size, dtype=torch.int32)
    return integers.to(torch.int16 if size == 16 else torch.uint8).view(DTYPES[kind])


@functools.cache
def numbers_to_round(kind: str) -> Tensor:
    """Return numbers of a narrow type, those half-way between, and their neighbours."""
    finite = bit_patterns(kind).double()
    finite = finite[finite.isfinite()].unique()
    beyond = 2 * finite[-1] - finite[-2]
    finite = torch.cat([-beyond[None], finite, beyond[None]])
    halves = ((finite[1:] + finite[:-1]) / 2).float()
    up, down = (torch.nextafter(halves, torch.tensor(to)) for to in (math.inf, -math.inf))
    nans = torch.tensor([0x7F800001, 0x7FFFFFFF, -1, -0x7FFFFF], dtype=torch.int32)
    generator = torch.Generator().manual_seed(0)
    any_bits = torch.randint(-(2**31), 2**31, (SAMPLES,), generator=generator).to(torch.int32)
    others = [nans.view(torch.float32), any_bits.view(torch.float32), torch.tensor(SPECIAL)]
    return rows(torch.cat([finite.float(), halves, up, down, *others]))


def in_split_order(x: Tensor) -> Tensor:
    """Bring blocks of 32 elements into split order."""
    blocks = x.view(-1, 32)
    return torch.cat([blocks[:, 0::2], blocks[:, 1::2]], dim=1).view(x.shape)


def assert_same_bits(got: Tensor, want: Tensor) -> None:
    """NaN may have any bits."""
    got, want = got.float(), want.float()
    same = (got.view(torch.int32) == want.view(torch.int32)) | (got.isnan() & want.isnan())
    assert same.all(), (got[~same][:5], want[~same][:5])


@pytest.mark.parametrize("name", CONVERSIONS)
def test_conversions_are_right_for_all_bit_patterns(name: str):
    verb, kind, *rest = name.split("_")
    order, dtype = "split" in rest, DTYPES[kind]
    if verb == "widen":
        x = rows(torch.randn(SAMPLES) if kind == "f32" else bit_patterns(kind))
        want = x.float()
        assert_same_bits(apply(name, x), in_split_order(want) if order else want)
        return
    x = rows(torch.randn(SAMPLES)) if kind == "f32" else numbers_to_round(kind)
    if "short" in rest:
        short = torch.where(x.isnan(), x.view(torch.int32) & -0x10000, x.view(torch.int32))
        x = short.view(torch.float32)
    want = x.to(dtype)
    got = apply(name, in_split_order(x) if order else x)
    assert got.dtype == (torch.float32 if verb == "round" else dtype)
    assert_same_bits(got, want)


def test_text_has_each_function_once_for_any_number_of_lanes():
    text = vector_functions(["tanh", "exp", "narrow_bf16_split", "exp"], lanes=16)
    assert text.count("func.func private @row_exp(") == 1
    assert text.index("@row_exp") < text.index("@row_narrow_bf16_split") < text.index("@row_tanh")
    assert "vector<16xf32>" in text
    assert "vector<32x" not in text
