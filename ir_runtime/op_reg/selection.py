"""Which kernel does a call need?  `select` answers by declaring each argument and result here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError, MixedDeviceError, RegistrationError
from ir_runtime.op_reg.argument import (
    ArgDescriptor,
    AttrArg,
    EmptyOptionalTensorArg,
    IntArg,
    TensorArg,
    TensorListArg,
)

if TYPE_CHECKING:
    from ir_runtime.op_reg.custom_op import CustomOp

__all__ = ["CallSelection", "KernelSelection"]


class KernelSelection(ABC):
    """The arguments of one call reduced to what matters for the code.

    Attributes:
        op: the op that selects.
        arg_descs: what was declared of each argument; None where nothing was.
        inplace_tied_arg_descs: the arguments that the kernel changes, in declared order.
        result_descs: the results, in order; None for an optional result that is absent.
        variant: names the kernel among several for the same arguments.
        device_family: the kind of device that the kernel is for: `local` (CPUs), `vulkan`,
            `cuda`, `hip`. An op may have kernels of its own for some of them.
    """

    device_family: str = "local"

    def __init__(self, op: CustomOp, arg_arity: int) -> None:
        self.op = op
        # What an op put in an ArgDescriptor slot, it knows better than a type checker.
        self.arg_descs: list[Any] = [None] * arg_arity
        self.inplace_tied_arg_descs: list[TensorArg] = []
        self.result_descs: list[TensorArg] = []
        self.variant: str = "default"

    @abstractmethod
    def arg_tensor(self, arg: int, *, inplace_tied: bool = False) -> TensorArg:
        """Declare argument `arg` a tensor; `inplace_tied` if the kernel changes it."""

    @abstractmethod
    def arg_optional_tensor(self, arg: int) -> TensorArg | None:
        """Declare argument `arg` a tensor that may be absent; None if it is."""

    @abstractmethod
    def arg_tensor_list(self, arg: int) -> TensorListArg:
        """Declare argument `arg` a list of tensors."""

    @abstractmethod
    def arg_int(self, arg: int) -> IntArg:
        """Declare argument `arg` an integer operand."""

    @abstractmethod
    def attr_str(self, arg: int) -> AttrArg:
        """Declare argument `arg` text that is compiled in."""

    @abstractmethod
    def attr_int(self, arg: int) -> AttrArg:
        """Declare argument `arg` an integer, or an absent `int?`, that is compiled in."""

    @abstractmethod
    def attr_float(self, arg: int) -> AttrArg:
        """Declare argument `arg` a float that is compiled in."""

    @abstractmethod
    def attr_bool(self, arg: int) -> AttrArg:
        """Declare argument `arg` a switch that is compiled in."""

    @abstractmethod
    def attr_list_int(self, arg: int) -> AttrArg:
        """Declare argument `arg` a list of integers that is compiled in."""

    @abstractmethod
    def attr_list_float(self, arg: int) -> AttrArg:
        """Declare argument `arg` a list of floats that is compiled in."""

    @abstractmethod
    def attr_list_bool(self, arg: int) -> AttrArg:
        """Declare argument `arg` a list of switches that is compiled in."""

    @abstractmethod
    def return_tensor(self, t: Tensor) -> TensorArg:
        """Declare the next result to have the shape and dtype of `t`, a meta tensor."""

    def return_new_tensor(self, size: Sequence[int], dtype: torch.dtype) -> TensorArg:
        """Declare the next result by size and dtype."""
        return self.return_tensor(torch.empty(tuple(size), dtype=dtype, device="meta"))

    def generate_meta_returns(self) -> Any:
        """Return meta tensors for the results: None, one, or a tuple."""
        metas = [desc.generate_meta() for desc in self.result_descs]
        if not metas:
            return None
        return metas[0] if len(metas) == 1 else tuple(metas)

    def get_provided_arg_descs(self) -> list[ArgDescriptor | None]:
        """Return the argument descriptors without absent optional tensors."""
        return [d for d in self.arg_descs if not isinstance(d, EmptyOptionalTensorArg)]

    @property
    def spec_key(self) -> str:
        """Text that is equal for two calls exactly if one kernel serves both."""
        arguments = ", ".join("unused" if d is None else d.spec_key for d in self.arg_descs)
        results = ", ".join(d.spec_key for d in self.result_descs)
        tied = ", ".join(
            str(i) for i, d in enumerate(self.arg_descs) if d in self.inplace_tied_arg_descs
        )
        return f"{self.op.qualified_name}::{self.variant!r}({arguments})->({results}) tied({tied})"


class CallSelection(KernelSelection):
    """A selection that reads the arguments of a call, real, meta or fake.

    Args:
        op: the op that is called.
        args: all arguments in schema order, defaults filled in.
    """

    def __init__(self, op: CustomOp, args: Sequence[Any]) -> None:
        super().__init__(op, len(args))
        self.args = args

    def arg_tensor(self, arg: int, *, inplace_tied: bool = False) -> TensorArg:
        desc = TensorArg(self._tensor(arg), op_name=self.op.name, name=self._name(arg))
        self.arg_descs[arg] = desc
        if inplace_tied:
            if arg not in self.op.mutated_args:
                raise RegistrationError(
                    f"{self.op.name}: `{self._name(arg)}` is declared inplace_tied, "
                    "must be marked mutable in the signature, as Tensor(a!)"
                )
            self.inplace_tied_arg_descs.append(desc)
        return desc

    def arg_optional_tensor(self, arg: int) -> TensorArg | None:
        if self.args[arg] is None:
            self.arg_descs[arg] = EmptyOptionalTensorArg()
            return None
        return self.arg_tensor(arg)

    def arg_tensor_list(self, arg: int) -> TensorListArg:
        values = self.args[arg]
        if not isinstance(values, list | tuple):
            raise self._refusal(arg, "a list of tensors")
        name = self._name(arg)
        descs = []
        for i, value in enumerate(values):
            if not isinstance(value, Tensor):
                raise self._refusal(arg, "a list of tensors")
            descs.append(TensorArg(value, op_name=self.op.name, name=f"{name}[{i}]"))
        desc = self.arg_descs[arg] = TensorListArg(descs)
        return desc

    def arg_int(self, arg: int) -> IntArg:
        value = self.args[arg]
        if isinstance(value, bool) or not isinstance(value, int | torch.SymInt):
            raise self._refusal(arg, "an int")
        desc = self.arg_descs[arg] = IntArg(value)  # pyright: ignore[reportArgumentType]
        return desc

    def attr_str(self, arg: int) -> AttrArg:
        return self._attr(arg, str, "a string")

    def attr_int(self, arg: int) -> AttrArg:
        return self._attr(arg, int, "an int")

    def attr_float(self, arg: int) -> AttrArg:
        return self._attr(arg, float, "a float")

    def attr_bool(self, arg: int) -> AttrArg:
        return self._attr(arg, bool, "a bool")

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

    def _attr(self, arg: int, kind: type, expected: str) -> AttrArg:
        value = self.args[arg]
        if value is None and self._is_optional(arg):
            desc = self.arg_descs[arg] = AttrArg(None)
            return desc
        if kind is float and type(value) is int:
            value = float(value)
        if isinstance(value, torch.SymInt):
            value = int(value)  # compiled in, so the graph is specialised on it
        if type(value) is not kind:
            raise self._refusal(arg, expected)
        desc = self.arg_descs[arg] = AttrArg(value)
        return desc

    def _attr_list(self, arg: int, kind: type, expected: str) -> AttrArg:
        values = self.args[arg]
        if not isinstance(values, list | tuple) or any(type(v) is not kind for v in values):
            raise self._refusal(arg, expected)
        desc = self.arg_descs[arg] = AttrArg(list(values))
        return desc

    def _tensor(self, arg: int) -> Tensor:
        value = self.args[arg]
        if not isinstance(value, Tensor):
            raise self._refusal(arg, "a tensor")
        return value

    def _is_optional(self, arg: int) -> bool:
        return str(self.op.schema.arguments[arg].type).startswith("Optional[")

    def _name(self, arg: int) -> str:
        return self.op.arg_names[arg]

    def _refusal(self, arg: int, expected: str) -> ArgumentError:
        value = self.args[arg]
        shown = format_tensor(value) if isinstance(value, Tensor) else repr(value)
        return ArgumentError(f"{self.op.name}: `{self._name(arg)}` is {shown}, must be {expected}")


def call_device(op_name: str, arg_names: Sequence[str], args: Sequence[Any]) -> torch.device | None:
    """Return the device that all tensors of a call live on, None if there are no tensors.

    Raises:
        MixedDeviceError: they live on several; says which is where.
    """
    found: dict[torch.device, list[str]] = {}
    for name, value in zip(arg_names, args, strict=True):
        for tensor in value if isinstance(value, list | tuple) else (value,):
            if isinstance(tensor, Tensor):
                found.setdefault(tensor.device, []).append(f"`{name}` on {tensor.device}")
    if len(found) > 1:
        where = ", ".join(places[0] for places in found.values())
        raise MixedDeviceError(f"{op_name}: {where}, must all be on one device")
    return next(iter(found), None)
