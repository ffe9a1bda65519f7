"""Rules of operators on each element: arithmetic, functions of one number, comparisons, casts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from ir_runtime.rows.normal_form.result_like import (
    broadcast,
    choice,
    comparison,
    empty,
    float_function,
    like_first,
    pointwise,
)
from ir_runtime.rows.normal_form.table import rule
from ir_runtime.rows.row_tensor import HALVES, NARROW, NoRuleError, TraceState
from ir_runtime.rows.value import COMPARISONS, Value

__all__ = ["Held", "Parts", "aligned", "each", "piece"]

Parts = Value | Sequence[Value]


def each(
    t: TraceState, fn: Callable[..., Value], *operands: Any, dtype: torch.dtype | None = None
) -> Parts:
    """Apply a function to values, part by part where an operand has several parts.

    Args:
        t: the trace.
        fn: takes one value for each operand.
        operands: tensors of the trace, and numbers.
        dtype: the dtype to which numbers are rounded; None if they are exact.
    """
    parts = aligned(t, operands, [_parts(t, operand, dtype) for operand in operands])
    if all(len(p) == 1 for p in parts):
        return fn(*(p[0] for p in parts))
    ends = sorted({end for p in parts for end in _ends(p)})
    made, at = [], 0
    for end in ends:
        made.append(fn(*(piece(t, p, at, end - at) for p in parts)))
        at = end
    return tuple(made)


def aligned(
    t: TraceState, operands: Sequence[Any], parts: Sequence[tuple[Value, ...]]
) -> list[tuple[Value, ...]]:
    """Return the parts of operands as those of groups, if one of them has groups.

    Raises:
        NoRuleError: they have other groups, or parts that groups divide.
    """
    numbers = {p.groups for ps in parts for p in ps if p.groups}
    if not numbers:
        return list(parts)
    if len(numbers) > 1:
        raise NoRuleError(f"it combines {' and '.join(map(str, sorted(numbers)))} groups")
    groups = numbers.pop()
    is_shared = any(getattr(o, "form", "") == "groups" for o in operands)
    return [
        tuple(_in_groups(t, operand, p, groups, is_shared=is_shared) for p in ps)
        for operand, ps in zip(operands, parts, strict=True)
    ]


def _in_groups(t: TraceState, operand: Any, part: Value, groups: int, *, is_shared: bool) -> Value:
    if part.kind != "lanes":
        return part
    if is_shared and part.groups and operand.form == "rows":
        raise NoRuleError("it combines groups with groups along the row")
    if part.groups or is_shared:
        return t.values.in_groups(part, groups, part.width, is_shared=True)
    if len(operand.parts) > 1 or operand.shape[-1] % groups:
        raise NoRuleError("it combines groups with parts of the row")
    return t.values.in_groups(part, groups, operand.shape[-1] // groups, is_shared=False)


def _parts(t: TraceState, operand: Any, dtype: torch.dtype | None) -> tuple[Value, ...]:
    found = getattr(operand, "parts", None)
    return found if found is not None else (t.value(operand, dtype),)


def _ends(parts: Sequence[Value]) -> list[int]:
    if len(parts) == 1 and parts[0].kind != "lanes":
        return []
    ends, end = [], 0
    for part in parts:
        end += part.width
        ends.append(end)
    return ends


def piece(t: TraceState, parts: Sequence[Value], at: int, width: int) -> Value:
    """Return columns that lie within one part."""
    if len(parts) == 1 and parts[0].kind != "lanes":
        return parts[0]
    start = 0
    for part in parts:
        if at < start + part.width:
            assert at + width <= start + part.width
            return part if width == part.width else t.values.part(part, at - start, width)
        start += part.width
    raise AssertionError((at, width))


def truth_of(t: TraceState, value: Value) -> Value:
    """Return whether a number is not 0."""
    return value if value.is_bool else t.values.make("ne", value, t.values.constant(0.0))


def _functions(names: dict[str, str], like: Callable[..., Any], kind: str = "arithmetic") -> None:
    for name, op in names.items():

        def build(t: TraceState, _: Any, *operands: Any, op: str = op) -> Parts:
            return each(t, lambda *values: t.values.make(op, *values), *operands)

        rule(name, like=like, kind=kind)(build)


_FUNCTIONS = (
    *("sqrt", "rsqrt", "exp", "expm1", "log", "log1p"),
    *("tanh", "erf", "sigmoid", "sin", "cos"),
)
_functions({name: name for name in _FUNCTIONS}, float_function)
_functions({"mul": "multiply"}, pointwise)
_functions({"maximum": "max", "minimum": "min"}, pointwise, "choice")
_functions({name: name for name in ("neg", "abs", "floor", "ceil", "trunc")}, like_first, "choice")


def _logic(names: Sequence[str], op: str) -> None:
    def build(t: TraceState, _: Any, *operands: Any) -> Parts:
        return each(
            t, lambda *values: t.values.make(op, *(truth_of(t, v) for v in values)), *operands
        )

    def bits(t: TraceState, out: Any, *operands: Any) -> Parts:
        if any(getattr(o, "dtype", None) != torch.bool for o in operands):
            raise NoRuleError("it works on bits")
        return build(t, out, *operands)

    rule(names[0], like=comparison, kind="choice")(build)
    rule(names[1], like=comparison, kind="choice")(bits)


_logic(("logical_and", "bitwise_and"), "and")
_logic(("logical_or", "bitwise_or"), "or")
_logic(("logical_not", "bitwise_not"), "not")


@rule("add", like=pointwise)
def _add(t: TraceState, _: Any, a: Any, b: Any, alpha: float = 1) -> Parts:
    return each(t, lambda x, y: t.values.make("add", x, _times(t, y, alpha)), a, b)


@rule("sub", like=pointwise)
def _sub(t: TraceState, _: Any, a: Any, b: Any, alpha: float = 1) -> Parts:
    return each(t, lambda x, y: t.values.make("subtract", x, _times(t, y, alpha)), a, b)


@rule("rsub", like=pointwise)
def _rsub(t: TraceState, _: Any, a: Any, b: Any, alpha: float = 1) -> Parts:
    return each(t, lambda x, y: t.values.make("subtract", y, _times(t, x, alpha)), a, b)


def _times(t: TraceState, x: Value, factor: float) -> Value:
    return x if factor == 1 else t.values.make("multiply", x, t.values.constant(factor))


@rule("div", like=float_function)
def _div(t: TraceState, _: Any, a: Any, b: Any, rounding_mode: str | None = None) -> Parts:
    if rounding_mode is not None:
        raise NoRuleError(f"it rounds ({rounding_mode})")
    return each(t, lambda x, y: t.values.make("divide", x, y), a, b)


@rule("reciprocal", like=float_function)
def _reciprocal(t: TraceState, _: Any, a: Any) -> Parts:
    return each(t, lambda x: t.values.make("divide", t.values.constant(1.0), x), a)


@rule("round", like=like_first, kind="choice")
def _round(t: TraceState, _: Any, a: Any) -> Parts:
    return each(t, lambda x: t.values.make("round", x), a)


@rule("sign", like=like_first, kind="choice")
def _sign(t: TraceState, _: Any, a: Any) -> Parts:
    zero, one = t.values.constant(0.0), t.values.constant(1.0)
    make = t.values.make

    def sign(x: Value) -> Value:  # torch: the sign of NaN is 0
        below = make("select", make("lt", x, zero), make("neg", one), zero)
        return make("select", make("gt", x, zero), one, below)

    return each(t, sign, a)


@rule("relu", like=like_first, kind="choice")
def _relu(t: TraceState, _: Any, a: Any) -> Parts:
    return each(t, lambda x: t.values.make("max", x, t.values.constant(0.0)), a)


def _clamp_like(x: Any, min: Any = None, max: Any = None) -> Any:
    bounds = [b for b in (min, max) if b is not None]
    found = [pointwise(x, b) for b in bounds]
    if len({f.dtype for f in found}) != 1:
        raise NoRuleError("its bounds have other dtypes")
    return found[0] if len(found) == 1 else empty(broadcast((x, *bounds)), found[0].dtype)


@rule("clamp", like=_clamp_like, kind="choice")
def _clamp(t: TraceState, out: Any, x: Any, min: Any = None, max: Any = None) -> Parts:
    made: Any = x
    if min is not None:
        y = each(t, lambda v, b: t.values.make("max", v, b), made, min, dtype=out.dtype)
        made = Held(y, x)
    if max is not None:
        y = each(t, lambda v, b: t.values.make("min", v, b), made, max, dtype=out.dtype)
        made = Held(y, x)
    return made.parts


@rule("clamp_min", like=pointwise, kind="choice")
def _clamp_min(t: TraceState, out: Any, x: Any, least: Any) -> Parts:
    return _clamp(t, out, x, least)


@rule("clamp_max", like=pointwise, kind="choice")
def _clamp_max(t: TraceState, out: Any, x: Any, most: Any) -> Parts:
    return _clamp(t, out, x, None, most)


class Held:
    """Parts between the two steps of a rule, of the form of a tensor."""

    def __init__(self, parts: Parts, like: Any) -> None:
        self.parts = (parts,) if isinstance(parts, Value) else tuple(parts)
        self.form, self.shape = like.form, like.shape


@rule("pow", like=float_function)
def _pow(t: TraceState, _: Any, x: Any, power: Any) -> Parts:
    if not isinstance(power, int | float) or not hasattr(x, "parts"):
        raise NoRuleError("its power is no number")
    make, one = t.values.make, t.values.constant(1.0)

    def raised(v: Value) -> Value:
        square = make("multiply", v, v)
        if power in (2, -2):
            return square if power > 0 else make("divide", one, square)
        if power == 3:
            return make("multiply", square, v)
        if power == 4:
            return make("multiply", square, square)
        if power in (1, -1):
            return v if power > 0 else make("divide", one, v)
        if power in (0.5, -0.5):
            return make("sqrt" if power > 0 else "rsqrt", v)
        raise NoRuleError(f"its power is {power}")

    return each(t, raised, x)


def _comparison(op: str) -> Callable[..., Parts]:
    def build(t: TraceState, _: Any, a: Any, b: Any) -> Parts:
        return each(t, lambda x, y: t.values.make(op, x, y), a, b, dtype=_dtype(a, b))

    return build


for _name in COMPARISONS:
    rule(_name, like=comparison, kind="choice")(_comparison(_name))


def _dtype(*operands: Any) -> torch.dtype | None:
    """Return the dtype of tensors beside a number, which torch rounds to it."""
    dtypes = {o.dtype for o in operands if hasattr(o, "parts")}
    return dtypes.pop() if len(dtypes) == 1 else None


@rule("isnan", like=comparison, kind="choice")
def _isnan(t: TraceState, _: Any, a: Any) -> Parts:
    return each(t, lambda x: t.values.make("ne", x, x), a)


@rule("isinf", like=comparison, kind="choice")
def _isinf(t: TraceState, _: Any, a: Any) -> Parts:
    infinity = t.values.constant(float("inf"))
    return each(t, lambda x: t.values.make("eq", t.values.make("abs", x), infinity), a)


@rule("where", like=choice, kind="choice")
def _where(t: TraceState, out: Any, choice: Any, a: Any, b: Any) -> Parts:
    if out.dtype == torch.bool:
        raise NoRuleError("it chooses truth values")
    if getattr(choice, "dtype", None) != torch.bool:
        raise NoRuleError("its condition is no truth value")
    rounded = t.values.round_to

    def chosen(c: Value, x: Value, y: Value) -> Value:
        if out.dtype in HALVES:  # a number beside them may be exact
            x, y = (rounded(v, out.dtype) if v.kind == "constant" else v for v in (x, y))
        return t.values.make("select", c, x, y)

    return each(t, chosen, choice, a, b)


def _copy_like(x: Any, *, dtype: torch.dtype | None = None, **options: Any) -> Any:
    layout = options.get("layout") or torch.strided
    if options.get("pin_memory") or layout != torch.strided:
        raise NoRuleError("it changes the layout")
    return empty(x.shape, dtype or x.dtype)


@rule("_to_copy", like=_copy_like, kind="move")
def _cast(t: TraceState, out: Any, x: Any, **options: Any) -> Parts:
    del options

    def cast(v: Value) -> Value:
        if out.dtype == torch.bool:
            return truth_of(t, v)
        number = t.values.number_of(v)
        if out.dtype == torch.int8 and x.dtype.is_floating_point:
            return t.values.make("to_int8", number)
        return t.values.round_to(number, out.dtype) if out.dtype in NARROW else number

    return x.parts if x.dtype == out.dtype else each(t, cast, x)
