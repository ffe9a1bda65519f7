"""The selection of a call: `select` reads the arguments that the call has."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError, RegistrationError
from ir_runtime.launch.operand.number import NumberRange
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.schema import dtype_of_code
from ir_runtime.op_reg.select.argument import (
    AttrArg,
    EmptyOptionalTensorArg,
    IntArg,
    TensorArg,
    TensorListArg,
)
from ir_runtime.op_reg.select.selection import KernelSelection, no_such_argument

__all__ = ["CallSelection", "use_variants"]

_asked_for: ContextVar[Mapping[str, str] | None] = ContextVar("ir_runtime_variants", default=None)


@contextmanager
def use_variants(variants: Mapping[str, str]) -> Generator[None]:
    """Select these forms of kernels in this context, whatever is wanted elsewhere.

    Only for code that selects by itself: launches that are bound already stay as they are.
    """
    token = _asked_for.set(variants)
    try:
        yield
    finally:
        _asked_for.reset(token)


class CallSelection(KernelSelection):
    """A selection from the arguments of a call; its tensors are real, meta or fake.

    Args:
        op: the op that is called.
        args: all arguments in schema order, with defaults.
    """

    def __init__(self, op: Op, args: Sequence[Any]) -> None:
        super().__init__(op, len(args))
        self.args = args

    def arg_tensor(self, arg: int, *, inplace_tied: bool = False) -> TensorArg:
        desc = TensorArg(self._tensor(arg), op_name=self.op.name, name=self._name(arg))
        self.arg_descs[arg] = desc
        if inplace_tied:
            self._tie(arg, desc)
        return desc

    def arg_optional_tensor(self, arg: int, *, inplace_tied: bool = False) -> TensorArg | None:
        if self._value(arg) is None:
            self.arg_descs[arg] = EmptyOptionalTensorArg()
            return None
        return self.arg_tensor(arg, inplace_tied=inplace_tied)

    def arg_tensor_list(self, arg: int, *, inplace_tied: bool = False) -> TensorListArg:
        values = self._value(arg)
        if not isinstance(values, list | tuple):
            raise self._refusal(arg, "a list of tensors")
        name = self._name(arg)
        descs = []
        for i, value in enumerate(values):
            if not isinstance(value, Tensor):
                raise self._refusal(arg, "a list of tensors")
            descs.append(TensorArg(value, op_name=self.op.name, name=f"{name}[{i}]"))
        desc = self.arg_descs[arg] = TensorListArg(descs)
        if inplace_tied:
            self._tie(arg, desc)
        return desc

    def _tie(self, arg: int, desc: TensorArg | TensorListArg) -> None:
        if arg not in self.op.mutated_args:
            raise RegistrationError(
                f"{self.op.name}: `{self._name(arg)}` is declared inplace_tied, "
                "must be marked mutable in the signature, as Tensor(a!)"
            )
        self.inplace_tied_arg_descs.append(desc)

    def arg_int(self, arg: int) -> IntArg:
        value = self._value(arg)
        if isinstance(value, bool) or not isinstance(value, int | torch.SymInt):
            raise self._refusal(arg, "an int")
        number: Any = value
        desc = self.arg_descs[arg] = IntArg(number, op_name=self.op.name, name=self._name(arg))
        return desc

    def arg_optional_int(self, arg: int) -> IntArg | None:
        if self._value(arg) is None:
            self.arg_descs[arg] = EmptyOptionalTensorArg()
            return None
        return self.arg_int(arg)

    def attr_str(self, arg: int) -> AttrArg:
        return self._attr(arg, str, "a string")

    def attr_int(self, arg: int) -> AttrArg:
        return self._attr(arg, int, "an int")

    def attr_float(self, arg: int) -> AttrArg:
        return self._attr(arg, float, "a float")

    def attr_bool(self, arg: int) -> AttrArg:
        return self._attr(arg, bool, "a bool")

    def attr_dtype(self, arg: int) -> AttrArg:
        value = self._value(arg)
        if type(value) is int:  # torch's number of the dtype, as in schemas and graphs
            desc = self.arg_descs[arg] = AttrArg(dtype_of_code(value))
            return desc
        return self._attr(arg, torch.dtype, "a dtype")

    def attr_list_str(self, arg: int) -> AttrArg:
        return self._attr_list(arg, str, "a list of strings")

    def attr_list_int(self, arg: int) -> AttrArg:
        return self._attr_list(arg, int, "a list of ints")

    def attr_list_float(self, arg: int) -> AttrArg:
        return self._attr_list(arg, float, "a list of floats")

    def attr_list_bool(self, arg: int) -> AttrArg:
        return self._attr_list(arg, bool, "a list of bools")

    def return_tensor(self, t: Tensor) -> TensorArg:
        desc = TensorArg(t)
        self.result_descs.append(desc)
        return desc

    def wanted_variants(self) -> Mapping[str, str]:
        asked_for = _asked_for.get()
        if asked_for is not None:
            return asked_for
        source = self.op.variant_source
        return {} if source is None else source(self.args)

    def alike_number(self, operands: Sequence[int]) -> tuple[int, NumberRange] | None:
        """Return the first argument whose number may be another one in calls like this.

        Args:
            operands: positions of the arguments that the kernel takes.
        """
        index = 0
        for i in operands:
            desc = self.arg_descs[i]
            if isinstance(desc, IntArg):
                if desc.alike is not None:
                    return i, NumberRange(index, *desc.alike)
                index += 1
        return None

    def _attr(self, arg: int, kind: type, expected: str) -> AttrArg:
        value = self._value(arg)
        if value is not None or not self._is_optional(arg):
            value = _constant(value, kind)
            if type(value) is not kind:
                raise self._refusal(arg, expected)
        desc = self.arg_descs[arg] = AttrArg(value)
        return desc

    def _attr_list(self, arg: int, kind: type, expected: str) -> AttrArg:
        values = self._value(arg)
        if values is not None or not self._is_optional(arg):
            if not isinstance(values, list | tuple):
                raise self._refusal(arg, expected)
            values = [_constant(value, kind) for value in values]
            if any(type(value) is not kind for value in values):
                raise self._refusal(arg, expected)
        desc = self.arg_descs[arg] = AttrArg(values)
        return desc

    def _value(self, arg: int) -> Any:
        """Return an argument of the call.

        Raises:
            NoSuchArgumentError: the signature has no such argument.
        """
        if not -len(self.args) <= arg < len(self.args):
            raise no_such_argument(self.op, arg)
        return self.args[arg]

    def _tensor(self, arg: int) -> Tensor:
        value = self._value(arg)
        if not isinstance(value, Tensor):
            raise self._refusal(arg, "a tensor")
        return value

    def _is_optional(self, arg: int) -> bool:
        return str(self.op.schema.arguments[arg].type).startswith("Optional[")

    def _name(self, arg: int) -> str:
        return self.op.arg_names[arg]

    def _refusal(self, arg: int, expected: str) -> ArgumentError:
        value = self._value(arg)
        shown = format_tensor(value) if isinstance(value, Tensor) else repr(value)
        return ArgumentError(f"{self.op.name}: `{self._name(arg)}` is {shown}, must be {expected}")


def _constant(value: Any, kind: type) -> Any:
    """Return the value to compile in; for a symbolic one, the traced graph becomes specialised."""
    if isinstance(value, torch.SymInt):
        value = int(value)
    elif isinstance(value, torch.SymFloat):
        value = float(value)
    elif isinstance(value, torch.SymBool):
        value = bool(value)
    return float(value) if kind is float and type(value) is int else value
