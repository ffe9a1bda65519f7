"""The selection: what `select` declares about one call's arguments and results."""

from __future__ import annotations

import copy
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from ir_runtime.device.machine import Machine, code_machine
from ir_runtime.errors import (
    NoSuchArgumentError,
    RegistrationError,
)
from ir_runtime.op_reg.op.schema import is_symbolic
from ir_runtime.op_reg.select.argument import (
    ArgDescriptor,
    AttrArg,
    EmptyOptionalTensorArg,
    IntArg,
    ResultDescriptor,
    ScalarResult,
    TensorArg,
    TensorListArg,
)

if TYPE_CHECKING:
    from ir_runtime.op_reg.op.op import Op

__all__ = ["KernelSelection", "no_such_argument"]


class KernelSelection(ABC):
    """The arguments of one call, reduced to the facts that determine the kernel.

    Attributes:
        op: the op of the call.
        own_op: a copy of `op`. Its `select` and `generate` run, so `select` may store values in
            `self` for `generate`; no other call sees them, not even a nested one.
        arg_descs: the descriptor of each argument; None for one that is not declared.
        inplace_tied_arg_descs: the arguments that the kernel changes, in declared order.
        result_descs: the results, in order.
        variant: the name of the kernel, if there are several for the same arguments.
        offered_variants: what `choose_variant` may choose from, by name.
        variants: what it chose, by name.
        device_family: the device family of the kernel: `local` (CPUs), `vulkan`, `cuda` or
            `hip`. An op may have different kernels for them.
        machine: the CPU machine that code is made for: features, cores and caches. A choice that
            depends on more of it than its features belongs into `variant`.
        within_program: whether the kernel becomes part of another program: its operands and
            results may then have any alignment, else they are aligned to 64 bytes.
    """

    device_family: str = "local"
    within_program: ClassVar[bool] = False

    def __init__(self, op: Op, arg_arity: int) -> None:
        self.op = op
        self.own_op: Op = copy.copy(op)
        # Any: the op knows the descriptor of each argument, the type checker does not.
        self.arg_descs: list[Any] = [None] * arg_arity
        self.inplace_tied_arg_descs: list[TensorArg | TensorListArg] = []
        self.result_descs: list[ResultDescriptor] = []
        self.variant: str = "default"
        self.machine: Machine = code_machine()
        self.offered_variants: dict[str, tuple[str, ...]] = {}
        self.variants: dict[str, str] = {}

    @abstractmethod
    def arg_tensor(self, arg: int, *, inplace_tied: bool = False) -> TensorArg:
        """Declare argument `arg` a tensor; `inplace_tied` if the kernel changes it."""

    @abstractmethod
    def arg_optional_tensor(self, arg: int, *, inplace_tied: bool = False) -> TensorArg | None:
        """Declare argument `arg` a tensor that may be absent; returns None if it is."""

    @abstractmethod
    def arg_tensor_list(self, arg: int, *, inplace_tied: bool = False) -> TensorListArg:
        """Declare argument `arg` a list of tensors; `inplace_tied` if the kernel changes each."""

    @abstractmethod
    def arg_int(self, arg: int) -> IntArg:
        """Declare argument `arg` an integer operand."""

    @abstractmethod
    def arg_optional_int(self, arg: int) -> IntArg | None:
        """Declare argument `arg` an integer operand that may be absent; returns None if it is."""

    @abstractmethod
    def attr_str(self, arg: int) -> AttrArg:
        """Declare argument `arg` text, or an absent optional, that is compiled in."""

    @abstractmethod
    def attr_int(self, arg: int) -> AttrArg:
        """Declare argument `arg` an integer, or an absent optional, that is compiled in."""

    @abstractmethod
    def attr_float(self, arg: int) -> AttrArg:
        """Declare argument `arg` a float, or an absent optional, that is compiled in."""

    @abstractmethod
    def attr_bool(self, arg: int) -> AttrArg:
        """Declare argument `arg` a switch, or an absent optional, that is compiled in."""

    @abstractmethod
    def attr_dtype(self, arg: int) -> AttrArg:
        """Declare argument `arg` a dtype, or an absent optional, that is compiled in."""

    @abstractmethod
    def attr_list_str(self, arg: int) -> AttrArg:
        """Declare argument `arg` a list of texts, or an absent optional, that is compiled in."""

    @abstractmethod
    def attr_list_int(self, arg: int) -> AttrArg:
        """Declare argument `arg` a list of integers, or an absent optional, that is compiled in."""

    @abstractmethod
    def attr_list_float(self, arg: int) -> AttrArg:
        """Declare argument `arg` a list of floats, or an absent optional, that is compiled in."""

    @abstractmethod
    def attr_list_bool(self, arg: int) -> AttrArg:
        """Declare argument `arg` a list of switches, or an absent optional, that is compiled in."""

    @abstractmethod
    def return_tensor(self, t: Tensor) -> TensorArg:
        """Declare the next result to have the shape and dtype of `t`, a meta tensor."""

    def choose_variant(self, name: str, choices: Sequence[str]) -> str:
        """Offer several forms of the kernel that compute the same, and return the one to use.

        That is the form that a tuned table found fastest for such calls on this device type, and
        the first one where nothing was measured. It becomes part of the selection.

        Args:
            name: what the forms differ in, such as `"tile"`; a Python identifier.
            choices: names of the forms: letters, digits and `_`, each once. The first is the
                default.

        Raises:
            RegistrationError: a name is not well formed, or is given twice.
        """
        offered = tuple(choices)
        problem = _variant_problem(name, offered)
        if problem is None and name in self.offered_variants:
            problem = "is offered twice, must be once"
        if problem is not None:
            raise RegistrationError(f"{self.op.name}: variant {name!r} {problem}")
        wanted = self.wanted_variants().get(name)
        chosen = wanted if wanted in offered else offered[0]
        self.offered_variants[name] = offered
        self.variants[name] = chosen
        return chosen

    def wanted_variants(self) -> Mapping[str, str]:
        """Return the forms that are wanted, by name; here the defaults."""
        return {}

    def return_new_tensor(self, size: Sequence[int], dtype: torch.dtype) -> TensorArg:
        """Declare the next result by size and dtype."""
        return self.return_tensor(torch.empty(tuple(size), dtype=dtype, device="meta"))

    def maybe_return_tensor(self, t: Tensor | None) -> TensorArg | None:
        """Declare the next result, a `Tensor?`, like `t`; if None, the kernel writes nothing."""
        if t is not None:
            return self.return_tensor(t)
        self.result_descs.append(EmptyOptionalTensorArg())
        return None

    def return_tensor_list(self, ts: Sequence[Tensor]) -> TensorListArg:
        """Declare the next result, a `Tensor[]`, by a meta tensor for each element.

        The kernel yields the elements one after another.
        """
        desc = TensorListArg([TensorArg(t, op_name=self.op.name) for t in ts])
        self.result_descs.append(desc)
        return desc

    def return_new_tensor_list(
        self, sizes: Sequence[Sequence[int]], dtypes: torch.dtype | Sequence[torch.dtype]
    ) -> TensorListArg:
        """Declare the next result, a `Tensor[]`, by a size and a dtype for each element.

        Args:
            sizes: one for each element.
            dtypes: one for each element, or one for all.

        Raises:
            RegistrationError: the numbers of sizes and dtypes differ.
        """
        each = [dtypes] * len(sizes) if isinstance(dtypes, torch.dtype) else dtypes
        if len(each) != len(sizes):
            raise RegistrationError(
                f"{self.op.name}: `select` declares result {len(self.result_descs)} with "
                f"{len(sizes)} sizes and {len(each)} dtypes, must be one dtype for each size"
            )
        return self.return_tensor_list(
            [
                torch.empty(tuple(size), dtype=dtype, device="meta")
                for size, dtype in zip(sizes, each, strict=True)
            ]
        )

    def return_int(self) -> ScalarResult:
        """Declare the next result a number, `SymInt` or `int`; the kernel yields i64 or index.

        An op that returns `SymInt` can be compiled and exported; one that returns `int` works
        only in eager calls.
        """
        return self._return_scalar(int)

    def return_float(self) -> ScalarResult:
        """Declare the next result a `float`, only for eager calls; the kernel yields a float."""
        return self._return_scalar(float)

    def return_bool(self) -> ScalarResult:
        """Declare the next result a `bool`, only for eager calls; the kernel yields i1."""
        return self._return_scalar(bool)

    def _return_scalar(self, kind: type) -> ScalarResult:
        new = [r for r in self.op.schema.returns if r.alias_info is None]
        at = len(self.result_descs)
        symbolic = at < len(new) and is_symbolic(new[at])
        desc = ScalarResult(kind, symbolic=symbolic, op_name=self.op.name)
        self.result_descs.append(desc)
        return desc

    def generate_meta_returns(self) -> Any:
        """Return the results of the meta function: None, one result, or a tuple.

        Each is a meta tensor, a list of them, None for an absent one, or a symbol for a `SymInt`.
        """
        metas = [desc.generate_meta() for desc in self.result_descs]
        if not metas:
            return None
        return metas[0] if len(metas) == 1 else tuple(metas)

    def get_provided_arg_descs(self) -> list[ArgDescriptor | None]:
        """Return the argument descriptors without absent optional tensors."""
        return [d for d in self.arg_descs if not isinstance(d, EmptyOptionalTensorArg)]

    @property
    def spec_key(self) -> str:
        """Text that is equal for two calls if and only if they have the same kernel."""
        arguments = ", ".join("unused" if d is None else d.spec_key for d in self.arg_descs)
        results = ", ".join(d.spec_key for d in self.result_descs)
        tied = ", ".join(
            str(i) for i, d in enumerate(self.arg_descs) if d in self.inplace_tied_arg_descs
        )
        forms = "".join(f" {name}={form}" for name, form in self.variants.items())
        return (
            f"{self.op.qualified_name}::{self.variant!r}({arguments})->({results}) "
            f"tied({tied}){forms}"
        )

    def __repr__(self) -> str:
        arguments = ", ".join("unused" if d is None else repr(d) for d in self.arg_descs)
        results = ", ".join(repr(d) for d in self.result_descs)
        return f"<{self.op.qualified_name}::{self.variant!r}({arguments})->({results})>"


def _variant_problem(name: str, choices: Sequence[str]) -> str | None:
    if not name.isidentifier():
        return "is no identifier, must be one"
    wrong = [c for c in choices if not re.fullmatch(r"\w+", c) or choices.count(c) > 1]
    if not choices or wrong:
        return f"has the forms {list(choices)}, must be one or more words, each once"
    return None


def no_such_argument(op: Op, arg: int) -> NoSuchArgumentError:
    """Return the error for a position that no argument of an op has."""
    listed = (
        ", ".join(f"{i} `{name}`" for i, name in enumerate(op.arg_names)) or "none: it has none"
    )
    return NoSuchArgumentError(f"{op.name}: it has no argument {arg}, must be one of {listed}")
