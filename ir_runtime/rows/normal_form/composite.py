"""Rules of torch's larger operators: activations, softmax, layer_norm.

Torch's own decompositions of them would round more often, or need more passes over the row.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from ir_runtime.rows.normal_form.pointwise import Held, Parts, each
from ir_runtime.rows.normal_form.reduction import mean_of, most_number_of, sum_of
from ir_runtime.rows.normal_form.result_like import empty, like_first
from ir_runtime.rows.normal_form.table import rule
from ir_runtime.rows.row_tensor import NoRuleError, RowTensor, TraceState
from ir_runtime.rows.value import Value

__all__: list[str] = []

_IDENTITY_ABOVE = 17.0
"""Above it, softplus is the identity in float32."""


@rule("silu", like=like_first)
def _silu(t: TraceState, _: Any, x: RowTensor) -> Parts:
    return each(t, lambda v: t.values.make("multiply", v, t.values.make("sigmoid", v)), x)


@rule("gelu", like=like_first)
def _gelu(t: TraceState, _: Any, x: RowTensor, approximate: str = "none") -> Parts:
    make, constant = t.values.make, t.values.constant

    def by_erf(v: Value) -> Value:
        return make("multiply", v, make("normal_cdf", v))

    def by_tanh(v: Value) -> Value:  # v / (1 + 2^-w), w = 2 log2(e) sqrt(2/pi) (v + 0.044715 v^3)
        scale = 2 * math.log2(math.e) * math.sqrt(2 / math.pi)
        square = make("multiply", v, v)
        slope = make("add", make("multiply", square, constant(0.044715 * scale)), constant(scale))
        return make("gate_by_two", v, make("multiply", v, slope))

    return each(t, by_tanh if approximate == "tanh" else by_erf, x)


@rule("softplus", like=like_first)
def _softplus(t: TraceState, _: Any, x: RowTensor, beta: float = 1, threshold: float = 20) -> Parts:
    make, constant = t.values.make, t.values.constant
    if beta <= 0:
        raise NoRuleError(f"its beta is {beta}")

    def softplus(v: Value) -> Value:
        scaled = v if beta == 1 else make("multiply", v, constant(beta))
        soft = make("softplus", scaled)
        soft = soft if beta == 1 else make("divide", soft, constant(beta))
        if threshold >= _IDENTITY_ABOVE:
            return soft
        return make("select", make("gt", scaled, constant(threshold)), v, soft)

    return each(t, softplus, x)


@rule("mish", like=like_first)
def _mish(t: TraceState, _: Any, x: RowTensor) -> Parts:
    make, constant = t.values.make, t.values.constant

    def mish(v: Value) -> Value:  # tanh(log(1 + e)) = s / (s + 2), s = e (e + 2)
        e = make("exp", make("min", v, constant(_IDENTITY_ABOVE)))
        s = make("multiply", e, make("add", e, constant(2.0)))
        return make("multiply", v, make("divide", s, make("add", s, constant(2.0))))

    return each(t, mish, x)


@rule("threshold", like=like_first, kind="choice")
def _threshold(t: TraceState, out: Any, x: RowTensor, threshold: float, value: float) -> Parts:
    make = t.values.make
    bound, other = t.value(threshold, out.dtype), t.value(value, out.dtype)
    return each(t, lambda v: make("select", make("le", v, bound), other, v), x)


def _one_row(x: RowTensor, dim: int) -> Value:
    if x.is_flat or x.form not in ("rows", "groups") or dim % x.ndim != x.ndim - 1:
        raise NoRuleError(f"it works along dimension {dim}, must be the last one")
    if len(x.parts) > 1 or x.parts[0].is_bool:
        raise NoRuleError("it takes parts of rows")
    return x.parts[0]


def _softmax_like(x: RowTensor, dim: int, half_to_float: bool) -> Any:
    del dim
    return empty(x.shape, torch.float32 if half_to_float else x.dtype)


def _layer_norm_like(x: RowTensor, *_: Any) -> tuple[Any, Any, Any]:
    statistic = empty((*x.shape[:-1], 1), torch.float32)
    return empty(x.shape, x.dtype), statistic, statistic


@rule("_softmax", like=_softmax_like)
def _softmax(t: TraceState, _: Any, x: RowTensor, dim: int, half_to_float: bool) -> Value:
    del half_to_float
    v, make, width = _one_row(x, dim), t.values.make, x.shape[-1]
    power = make("exp", make("subtract", v, most_number_of(t, v, width)))
    return make("divide", power, sum_of(t, power, width))


@rule("_log_softmax", like=_softmax_like)
def _log_softmax(t: TraceState, _: Any, x: RowTensor, dim: int, half_to_float: bool) -> Value:
    del half_to_float
    v, make, width = _one_row(x, dim), t.values.make, x.shape[-1]
    below = make("subtract", v, most_number_of(t, v, width))
    return make("subtract", below, make("log", sum_of(t, make("exp", below), width)))


@rule("native_layer_norm", like=_layer_norm_like)
def _layer_norm(
    t: TraceState, out: Any, x: RowTensor, size: Any, weight: Any, bias: Any, eps: float
) -> list[Parts]:
    del out
    if len(size) != 1:
        raise NoRuleError("it normalises several dimensions")
    v, make, width = _one_row(x, -1), t.values.make, x.shape[-1]
    mean = mean_of(t, v, width)
    off = make("subtract", v, mean)
    variance = mean_of(t, make("multiply", off, off), width)
    scale = make("rsqrt", make("add", variance, t.values.constant(eps)))
    y: Parts = make("multiply", off, scale)
    for op, operand in (("multiply", weight), ("add", bias)):
        if operand is not None:
            y = each(t, lambda a, b, op=op: make(op, a, b), Held(y, x), operand)
    return [y, mean, scale]
