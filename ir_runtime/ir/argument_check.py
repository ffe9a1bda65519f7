"""Refuse calls that an op does not define, before a provider is chosen.

The meaning of a call does not depend on its provider. So the op itself refuses tensors on several
devices, None for a tensor, and arguments that violate its `accepts`. The messages are the same for
each provider, for meta and fake tensors, and for the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError
from ir_runtime.ir.constraint import Constraint, compile_constraints
from ir_runtime.op_reg.select.call_device import check_devices

__all__ = ["ArgumentCheck"]


class ArgumentCheck:
    """Refuses calls that an op does not define.

    Args:
        op: name of the op.
        names: of its arguments.
        kinds: their types by name, from `str(argument.type)`.
        accepts: the constraints on the arguments.

    Attributes:
        accepts: the constraints.
        holds: takes all arguments and tells whether the constraints hold; None without
            constraints. A compiler can trace it.
        values: refuses values of tensors, such as indices out of range; None without such a check.
    """

    def __init__(
        self,
        op: str,
        names: Sequence[str],
        kinds: Mapping[str, str],
        accepts: Sequence[Constraint] = (),
    ) -> None:
        self._op = op
        self._names = tuple(names)
        self._kinds = dict(kinds)
        self.accepts = tuple(accepts)
        self.holds = compile_constraints(f"op {op}", accepts, names)
        self.values: Callable[..., None] | None = None

    def __call__(self, values: Sequence[Any]) -> None:
        """Refuse a call, given all its arguments.

        Raises:
            ArgumentError: the op does not define it.
        """
        check_devices(self._op, self._names, values)
        call = dict(zip(self._names, values, strict=True))
        for name, value in call.items():
            if value is None and self._kinds[name] == "Tensor":
                raise ArgumentError(f"{self._op}: `{name}` is None, must be a tensor")
        if self.holds is not None and not self.holds(*values):
            why = next(w for c in self.accepts if (w := c.refusal_in(call)) is not None)
            raise ArgumentError(f"{self._op}: {why}")

    def refusal(self, values: Sequence[Any]) -> str | None:
        """Return why the op does not define a call, None if it does."""
        try:
            self(values)
        except ArgumentError as error:
            return error.headline.removeprefix(f"{self._op}: ")
        return None

    def guard(self, function: Callable[..., Any], *, on_cpu: bool = False) -> Callable[..., Any]:
        """Return a function of all arguments that checks a call before it computes the call.

        The code is generated, so that a valid call costs only some comparisons in one expression.

        Args:
            function: computes a call.
            on_cpu: whether callers know that no tensor is None and all are on the CPU.
        """
        own = {name: f"ir_a{i}" for i, name in enumerate(self._names)}  # a name may be a keyword
        condition = self._condition(own, on_cpu=on_cpu)
        if condition is None and self.values is None:
            return function
        passed = ", ".join(own.values())
        lines = [f"def guarded({passed}):"]
        if condition is not None:
            # False or an AttributeError (None for a tensor) only asks for the full check.
            lines += [
                f"  try: ir_ok = {condition}",
                "  except AttributeError: ir_ok = False",
                f"  if not ir_ok: ir_check(({passed},))",
            ]
        if self.values is not None:
            lines.append(f"  if ir_are_plain(({passed},)): ir_values({passed})")
        lines.append(f"  return ir_function({passed})")
        scope: dict[str, Any] = {
            "ir_check": self,
            "ir_holds": self.holds,
            "ir_values": self.values,
            "ir_are_plain": _are_plain,
            "ir_function": function,
        }
        text = "\n".join(lines)
        exec(compile(text, f"<arguments of {self._op}>", "exec"), scope)  # noqa: S102 - our own text
        return scope["guarded"]

    def _condition(self, own: Mapping[str, str], *, on_cpu: bool) -> str | None:
        """Write an expression that is true for most valid calls; None if it is true for all."""
        kinds = self._kinds
        tensors = [name for name in self._names if "Tensor" in kinds[name]]
        given = [name for name in tensors if kinds[name] == "Tensor"]
        parts: list[str] = []
        if on_cpu:
            pass
        elif any("List" in kinds[name] for name in tensors) or (len(tensors) > 1 and not given):
            parts.append("False")
        elif len(tensors) > 1:
            first = given[0]
            for name in tensors:
                if name == first:
                    continue
                same = f"{own[name]}.device == {own[first]}.device"
                parts.append(same if name in given else f"({own[name]} is None or {same})")
        elif given:
            parts.append(f"{own[given[0]]} is not None")  # torch accepts None for a tensor
        if self.holds is not None:
            parts.append(f"ir_holds({', '.join(own.values())})")
        return " and ".join(parts) or None


def _are_plain(values: Sequence[Any]) -> bool:
    """Tell whether all tensors are plain and on the CPU, where reading values is cheap."""
    return all(
        type(v) in (Tensor, torch.nn.Parameter) and v.device.type == "cpu"
        for v in values
        if isinstance(v, Tensor)
    )
