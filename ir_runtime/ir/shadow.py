"""Compare each eager call of a provider with native, if `IR_RUNTIME_CHECK=shadow` is set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import MismatchError
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.settings import Settings, current_settings, on_change

__all__ = ["run_watched", "watch"]


class Watch:
    """Whether calls are compared with native; after a change, priorities are compiled again."""

    on = current_settings().check == "shadow"


watch = Watch()


@on_change
def _follow(_: Settings, now: Settings) -> None:
    watch.on = now.check == "shadow"


Compute = Callable[[Sequence[Any], Callable[[IrOpImpl], Any]], Any]


def run_watched(op: OpFacts[IrOpImpl], values: tuple[Any, ...], compute: Compute) -> Any:
    """Compute a call by its provider and by native, and compare their results.

    The provider's result is returned. Native computes first, on copies: the provider may write its
    arguments.

    Args:
        op: the op.
        values: all arguments of the call.
        compute: chooses the provider of a call and calls a function with it; see
            `Priority.compute`.

    Raises:
        MismatchError: a result differs by more than the op's tolerance, or in shape or dtype.
    """
    op.check(values)
    return compute(values, lambda impl: _run_beside_native(op, impl, values))


def _run_beside_native(op: OpFacts[IrOpImpl], impl: IrOpImpl, values: tuple[Any, ...]) -> Any:
    if impl.provider == "native":
        return impl.functional(*values)
    kept = tuple(v.clone() if isinstance(v, Tensor) else v for v in values)
    wanted = op.native(*kept)
    found = impl.functional(*values)
    _compare(op, impl, values, _as_sequence(found), _as_sequence(wanted))
    return found


def _as_sequence(results: Any) -> Sequence[Any]:
    return results if isinstance(results, list | tuple) else (results,)


def _compare(
    op: OpFacts[IrOpImpl],
    impl: IrOpImpl,
    values: Sequence[Any],
    found: Sequence[Any],
    wanted: Sequence[Any],
) -> None:
    if len(found) != len(wanted):
        raise _mismatch(op, impl, values, f"{len(found)} results, native gives {len(wanted)}")
    for i, (mine, other) in enumerate(zip(found, wanted, strict=True)):
        if not isinstance(other, Tensor) or not isinstance(mine, Tensor):
            if mine is not other and mine != other:
                raise _mismatch(op, impl, values, f"result {i} is {mine!r}, native's {other!r}")
            continue
        if mine.shape != other.shape or mine.dtype != other.dtype:
            raise _mismatch(
                op,
                impl,
                values,
                f"result {i} is {format_tensor(mine)}, native's {format_tensor(other)}",
            )
        _compare_values(op, impl, values, i, mine, other)


def _compare_values(
    op: OpFacts[IrOpImpl],
    impl: IrOpImpl,
    values: Sequence[Any],
    i: int,
    mine: Tensor,
    other: Tensor,
) -> None:
    exact = not (mine.is_floating_point() or mine.is_complex()) and mine.dtype != torch.int8
    tolerance = {"atol": 0.0, "rtol": 0.0} if exact else op.get_tolerance(mine.dtype)
    one, two = _widened(mine), _widened(other)
    close = one == two if exact else torch.isclose(one, two, **tolerance, equal_nan=True)
    if bool(close.all()):
        return
    error = (one.double() - two.double()).abs().nan_to_num(nan=float("inf"))
    worst = int(error.masked_fill(close, -1).flatten().argmax())
    a, b = one.flatten()[worst].item(), two.flatten()[worst].item()
    raise _mismatch(
        op,
        impl,
        values,
        f"result {i} differs in {int((~close).sum())} of {close.numel()} elements, the largest "
        f"error is {_in_digits(abs(a - b))} at flat index {worst}: {_in_digits(a)}, native "
        f"{_in_digits(b)}; allowed: atol {tolerance['atol']}, rtol {tolerance['rtol']}",
    )


def _widened(tensor: Tensor) -> Tensor:
    if tensor.is_complex():
        return torch.view_as_real(tensor.resolve_conj()).double()
    return tensor.double() if tensor.is_floating_point() else tensor.long()


def _in_digits(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.6g}"


def _mismatch(
    op: OpFacts[IrOpImpl], impl: IrOpImpl, values: Sequence[Any], what: str
) -> MismatchError:
    shapes = ", ".join(
        f"{n}={format_tensor(v) if isinstance(v, Tensor) else repr(v)}"
        for n, v in zip(op.arg_names, values, strict=True)
    )
    return MismatchError(
        f"op {op.name}: provider {impl.provider} differs from native, must agree within the op's "
        "tolerance",
        facts=[what, f"called with {shapes}"],
    )
