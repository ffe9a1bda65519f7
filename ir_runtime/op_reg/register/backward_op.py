"""An op as the backward of another op; its schema says which values it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.errors import RegistrationError
from ir_runtime.frozen import frozen
from ir_runtime.op_reg.op.tensor_leaves import (
    TensorArguments,
    as_results,
    flatten_groups,
    save_values,
    saved_values,
)

if TYPE_CHECKING:
    from ir_runtime.op_reg.op.op import Op

__all__ = ["OpFormula"]

NEEDS = "needs_grad"
"""Name of the argument of a backward op that gets one bool for each of its results."""


@frozen
class _Source:
    """The source of an argument of the backward op.

    Attributes:
        kind: "argument", "result" or "gradient" of the forward op, or "needs".
        index: the number of the argument or result.
        type: the type of the value, from the schema.
    """

    kind: str
    index: int
    type: Any


class OpFormula:
    """Differentiates `op` by calling `backward`, another op.

    Each argument of `backward` is filled by its name:

    - an argument of `op`: its value in the forward call;
    - a result of `op` (unnamed ones are `result`, or `result0`, `result1`, ...): its value;
    - `grad_<result>`, or `grad` if there is one result: its gradient. If no gradient reached the
      result, a `Tensor?` gets None, and a `Tensor` gets zeros;
    - `needs_grad`, a `bool[]`: which results of `backward` are needed.

    A result `grad_<argument>` is the gradient of that argument; unnamed results are the gradients
    of all tensor arguments, in their order.

    Raises:
        RegistrationError: the schemas do not fit each other.
    """

    def __init__(self, op: Op, backward: Op) -> None:
        self._op = op
        self._backward = backward
        self._tensors = TensorArguments(op)
        if backward.mutated_args:
            raise self._unfit("it changes its arguments, must be functional")
        sources = _sources(op)
        self._filled = [self._source(sources, a) for a in backward.schema.arguments]
        self._targets = self._target_positions()

    @property
    def code(self) -> Sequence[Any]:
        return (self._backward,)

    def save(self, ctx: Any, args: Sequence[Any], output: Any) -> None:
        """Save the inputs and results that the backward op takes."""
        ctx.set_materialize_grads(False)
        results = output if len(self._op.schema.returns) > 1 else (output,)
        ctx.zeros = [_zeros_like(r) for r in results]
        values = {"argument": args, "result": results}
        save_values(
            ctx,
            [values[s.kind][s.index] if s and s.kind in values else None for s in self._filled],
        )

    def gradients(self, ctx: Any, given: Sequence[Any]) -> Mapping[int, Any]:
        """Call the backward op."""
        needs = [_any_true(ctx.needs_input_grad[i]) for i in self._targets]
        if not any(needs) or all(g is None for g in flatten_groups(given)[0]):
            return {}
        named: dict[str, Any] = {}
        for argument, source, saved in zip(
            self._backward.schema.arguments, self._filled, saved_values(ctx), strict=True
        ):
            if source is None:
                continue  # the argument keeps its default
            value = needs if source.kind == "needs" else saved
            if source.kind == "gradient":
                value = given[source.index]
                if not _is_optional(argument):
                    value = _with_zeros(value, ctx.zeros[source.index])
            named[argument.name] = value
        returned = self._backward.overload(**named)
        results = as_results(self._backward, returned, "the op")
        return {
            i: result if need else None
            for i, result, need in zip(self._targets, results, needs, strict=True)
        }

    def _source(self, sources: Mapping[str, list[_Source]], argument: Any) -> _Source | None:
        """Return the source of an argument; None if it keeps its default."""
        found = sources.get(argument.name, [])
        if len(found) > 1:
            raise self._unfit(f"its argument `{argument.name}` may mean two things here")
        if not found and not argument.has_default_value():
            raise self._unfit(
                f"nothing fills its argument `{argument.name}`, must be one of "
                + ", ".join(f"`{name}`" for name in sources)
            )
        if found and not _fits(found[0].type, argument.type, found[0].kind):
            raise self._unfit(
                f"its argument `{argument.name}` is {argument.type!s}, must be {found[0].type!s}"
            )
        return found[0] if found else None

    def _target_positions(self) -> list[int]:
        """Return, for each result of `backward`, the argument of `op` that gets this gradient."""
        returns = self._backward.schema.returns
        tensors = [self._op.arg_names[i] for i in self._tensors.positions]
        # Results are named all or not at all; without names, order decides.
        names = [r.name for r in returns]
        if not any(names):
            if len(returns) != len(tensors):
                raise self._unfit(
                    f"it returns {len(returns)} unnamed results, must be {len(tensors)}, one for "
                    f"each of {', '.join(f'`{t}`' for t in tensors)}, or named `grad_<argument>`"
                )
            names = [f"grad_{t}" for t in tensors]
        wanted = {f"grad_{t}": i for t, i in zip(tensors, self._tensors.positions, strict=True)}
        for name in names:
            if name not in wanted:
                raise self._unfit(
                    f"its result `{name}` is no gradient of a tensor argument, "
                    f"must be one of {', '.join(f'`{w}`' for w in wanted)}"
                )
        if len(set(names)) != len(names):
            raise self._unfit("two of its results have one name")
        # A list of tensors needs a list of gradients, so that each tensor gets its own.
        for name, result in zip(names, returns, strict=True):
            listed = "List" in str(self._op.schema.arguments[wanted[name]].type)
            if "Tensor" not in str(result.type) or ("List" in str(result.type)) != listed:
                expected = "a list of tensors" if listed else "Tensor or Tensor?"
                raise self._unfit(f"its result `{name}` is {result.type!s}, must be {expected}")
        return [wanted[name] for name in names]

    def _unfit(self, problem: str) -> RegistrationError:
        return RegistrationError(
            f"{self._op.name}: {self._backward.name} cannot be its backward: {problem}",
            facts=[str(self._op.schema), str(self._backward.schema)],
        )


def _sources(op: Op) -> dict[str, list[_Source]]:
    """Return the possible sources of a backward op's arguments, by argument name."""
    sources: dict[str, list[_Source]] = {}

    def add(name: str, kind: str, index: int, of_type: Any) -> None:
        sources.setdefault(name, []).append(_Source(kind, index, of_type))

    for i, argument in enumerate(op.schema.arguments):
        add(argument.name, "argument", i, argument.type)
    several = len(op.schema.returns) > 1
    for j, result in enumerate(op.schema.returns):
        name = result.name or (f"result{j}" if several else "result")
        add(name, "result", j, result.type)
        add(f"grad_{name}", "gradient", j, result.type)
        if not several:
            add("grad", "gradient", j, result.type)
    add(NEEDS, "needs", 0, torch._C.ListType(torch._C.BoolType.get()))
    return sources


def _fits(given: Any, taken: Any, kind: str) -> bool:
    if kind == "gradient" and str(given) in ("Tensor", "Optional[Tensor]"):
        return str(taken) in ("Tensor", "Optional[Tensor]")
    return bool(given.isSubtypeOf(taken))


def _is_optional(argument: Any) -> bool:
    return str(argument.type).startswith("Optional")


def _any_true(needs: Any) -> bool:
    return any(needs) if isinstance(needs, list | tuple) else bool(needs)


def _zeros_like(result: Any) -> Any:
    """Return a function that makes zeros like a result, without keeping the result alive."""
    if isinstance(result, list | tuple):
        return [_zeros_like(r) for r in result]
    if not isinstance(result, Tensor):
        return lambda: None
    shape, dtype, device = result.shape, result.dtype, result.device
    return lambda: torch.zeros(shape, dtype=dtype, device=device)


def _with_zeros(gradient: Any, zeros: Any) -> Any:
    """Return a gradient, or a list of gradients, with zeros for missing ones."""
    if isinstance(zeros, list):
        return [_with_zeros(g, z) for g, z in zip(gradient, zeros, strict=True)]
    return zeros() if gradient is None else gradient
