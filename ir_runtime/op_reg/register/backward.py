"""The backward of an op: a Python function, another op, or derived from a torch function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from ir_runtime.errors import RegistrationError
from ir_runtime.op_reg.op.find_op import registered_op
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.tensor_leaves import TensorArguments
from ir_runtime.op_reg.register.autograd import Formula, NoFormula
from ir_runtime.op_reg.register.backward_op import OpFormula
from ir_runtime.op_reg.register.derived_backward import DerivedBackward, NativeFormula

__all__ = ["class_formula", "register_autograd"]


def register_autograd(
    op: Any, backward: Any, *, setup_context: Callable[..., None] | None = None
) -> None:
    """Make a registered op differentiable.

    Call it right after the op's registration: graphs that `torch.compile` traced before do not
    change.

    Args:
        op: the op from `CustomOp.register`, its default overload, or `namespace::name`.
        backward: one of

            - a function `backward(ctx, *gradients)` of torch ops, as for
              `torch.library.register_autograd`: it returns a gradient or None for each positional
              argument, or for each argument, or a dictionary of gradients by argument name;
            - another op of ir_runtime; its argument names say what it is called with, see
              `OpFormula`;
            - `derive_backward(native)`.
        setup_context: `setup_context(ctx, inputs, output)`, or with `keyword_only_inputs` before
            `output` if the op has keyword-only arguments; only with a function.

    Raises:
        RegistrationError: the op has a backward already, changes an argument, or does not fit
            this backward.
    """
    found = registered_op(op)
    if not isinstance(found.formula, NoFormula):
        raise RegistrationError(
            f"{found.qualified_name}: it has a backward already, must be given one once"
        )
    found.formula = make_formula(found, backward, setup_context)


def class_formula(op: Op) -> Formula:
    """Return the formula that the class of an op defines."""
    cls = type(op)
    has_context = cls.setup_context is not Op.setup_context
    if cls.backward is Op.backward:
        if has_context:
            raise RegistrationError(f"{op.name}: it has setup_context, must have backward too")
        return NoFormula()
    return make_formula(op, op.backward, op.setup_context if has_context else None)


def make_formula(op: Op, backward: Any, setup_context: Callable[..., None] | None) -> Formula:
    """Return the formula of `op` for the arguments of `register_autograd`."""
    if op.mutated_args:
        raise RegistrationError(
            f"{op.name}: it changes an argument, must be functional to have a backward"
        )
    is_op = isinstance(backward, torch._ops.OpOverloadPacket | torch._ops.OpOverload | str)
    if setup_context is not None and (is_op or isinstance(backward, DerivedBackward)):
        raise RegistrationError(
            f"{op.name}: setup_context is given, must be omitted for a backward that keeps "
            "its inputs itself"
        )
    if is_op:
        return OpFormula(op, registered_op(backward))
    if isinstance(backward, DerivedBackward):
        return NativeFormula(op, backward.native)
    if not callable(backward):
        raise RegistrationError(
            f"{op.name}: its backward is {backward!r}, must be a function, an op, "
            "or derive_backward(function)"
        )
    return PythonFormula(op, backward, setup_context)


class PythonFormula:
    """A backward written in Python, with the signature of `torch.library.register_autograd`."""

    def __init__(
        self,
        op: Op,
        backward: Callable[..., Any],
        setup_context: Callable[..., None] | None,
    ) -> None:
        self._op = op
        self._tensors = TensorArguments(op)
        self._backward = backward
        self._setup_context = setup_context

    @property
    def code(self) -> Sequence[Any]:
        return self._backward, self._setup_context

    def save(self, ctx: Any, args: Sequence[Any], output: Any) -> None:
        """Run `setup_context`."""
        if self._setup_context is None:
            return
        count = self._op.positional_count
        keywords = dict(zip(self._op.arg_names[count:], args[count:], strict=True))
        extra = {"keyword_only_inputs": keywords} if keywords else {}
        self._setup_context(ctx=ctx, inputs=tuple(args[:count]), output=output, **extra)

    def gradients(self, ctx: Any, given: Sequence[Any]) -> Mapping[int, Any]:
        """Run `backward`."""
        returned = self._backward(ctx, *given)
        names = self._op.arg_names
        if isinstance(returned, dict):
            unknown = sorted(set(returned) - set(names))
            if unknown:
                raise RegistrationError(
                    f"{self._op.name}: its backward returns a gradient for `{unknown[0]}`, "
                    f"must be for one of {', '.join(f'`{n}`' for n in names)}"
                )
            found = {names.index(name): gradient for name, gradient in returned.items()}
        else:
            values = returned if isinstance(returned, tuple) else (returned,)
            if len(values) not in (self._op.positional_count, len(names)):
                raise RegistrationError(
                    f"{self._op.name}: its backward returns {len(values)} gradients, "
                    f"must be {self._op.positional_count}, one for each positional argument"
                )
            found = dict(enumerate(values))
        for i, gradient in found.items():
            if gradient is not None and i not in self._tensors.positions:
                raise RegistrationError(
                    f"{self._op.name}: its backward returns a gradient for `{names[i]}`, "
                    "must be None: it is no tensor"
                )
        return found
