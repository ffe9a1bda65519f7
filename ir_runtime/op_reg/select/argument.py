"""The descriptors of one argument or one result in a selection."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DynamicOutputShapeException

from ir_runtime.dtypes import dtype_info, format_tensor, short_name
from ir_runtime.errors import ArgumentError, UnsupportedTypeError

__all__ = [
    "ArgDescriptor",
    "AttrArg",
    "EmptyOptionalTensorArg",
    "IntArg",
    "ResultDescriptor",
    "ScalarResult",
    "TensorArg",
    "TensorListArg",
]


class AttrArg:
    """A value compiled into the kernel; not an operand of it.

    Attributes:
        v: the argument's value; None for an absent optional one.
        spec_value: the value that the kernel is compiled for; `v`, unless `select` sets a
            representative value for several values with the same kernel.
    """

    ir_arity: int = 0
    is_list: bool = False
    maybe_tensor_value: Tensor | None = None

    def __init__(self, v: Any) -> None:
        self.v = v
        self.spec_value: Any | None = v

    def generate_meta(self) -> object:
        """Return the value itself."""
        return self.v

    @property
    def mlir_type_asm(self) -> str:
        """Raise: an attribute has no operand type."""
        raise ArgumentError(
            f"attribute {self.v!r}: has no MLIR type, must not be used as an operand"
        )

    @property
    def spec_key(self) -> str:
        """The exact compiled-in value; lists as lists, text quoted."""
        return f"attr<{self.spec_value!r}>"

    def __repr__(self) -> str:
        return self.spec_key


class IntArg:
    """An integer operand (`i64`); any value runs in one kernel, unless `spec_value` is set.

    Attributes:
        v: the argument's value.
        alike: the lowest and the highest value for which `select` declares the same, as it does for
            `v`; None if nothing is known. Calls that differ only in such a number then share what
            is remembered of them, as far as their launches are the same.
    """

    is_list: bool = False
    maybe_tensor_value: Tensor | None = None
    alike: tuple[int, int] | None = None

    def __init__(self, v: int, *, op_name: str = "", name: str = "") -> None:
        self.v = v
        self.name = name
        self._op_name = op_name
        self._spec_value: int | None = None

    @property
    def spec_value(self) -> int | None:
        """The value that is compiled in, None if the kernel takes any value.

        Set it for a kernel with only this value; the argument is then no operand.

        Raises:
            ArgumentError: it is set to another value than the argument's.
        """
        return self._spec_value

    @spec_value.setter
    def spec_value(self, value: int | None) -> None:
        if value is not None and (isinstance(value, bool) or value != self.v):
            shown = self.v if isinstance(self.v, int) else "no constant"
            raise ArgumentError(
                f"{self._op_name}: `{self.name}` is {shown}, must be {value!r}, "
                "which `select` compiles in"
            )
        self._spec_value = None if value is None else int(value)

    @property
    def ir_arity(self) -> int:
        """1 for an operand, 0 if the value is compiled in."""
        return 1 if self._spec_value is None else 0

    def generate_meta(self) -> int:
        """Return the value itself."""
        return self.v

    @property
    def mlir_type_asm(self) -> str:
        """The operand type."""
        if self._spec_value is not None:
            raise ArgumentError(
                f"{self._op_name}: `{self.name}` is compiled in as {self._spec_value}, "
                "must not be used as an operand"
            )
        return "i64"

    @property
    def spec_key(self) -> str:
        """Equal for all values, unless one is compiled in."""
        return "int" if self._spec_value is None else f"int={self._spec_value}"

    def __repr__(self) -> str:
        return f"int<{self.v}>" if self._spec_value is None else f"int<={self._spec_value}>"


class TensorArg:
    """A tensor operand or result: rank and dtype are fixed, dimensions only where specialised.

    Attributes:
        t: the argument, or a meta tensor.
        spec_dims: for each dimension its size if it is compiled in, None for a dynamic one.
        name: the argument's name in the op's schema, "" for a result.
        kept_dims: the number of last dimensions that the kernel sees as they are, after one
            dynamic dimension for all others; None if it sees all.
    """

    ir_arity: int = 1
    is_list: bool = False

    def __init__(self, t: Tensor, *, op_name: str = "", name: str = "") -> None:
        self.t = t
        self.name = name
        self._op_name = op_name
        self.spec_dims: list[int | None] = [None] * t.ndim
        self.kept_dims: int | None = None

    @property
    def maybe_tensor_value(self) -> Tensor:
        """The tensor."""
        return self.t

    def generate_meta(self) -> Tensor:
        """Return a contiguous meta tensor of this shape and dtype."""
        if self.t.device.type == "meta":
            return self.t
        return torch.empty(self.t.shape, dtype=self.t.dtype, device="meta")

    def specialize_all_dims(self) -> TensorArg:
        """Compile in the size of each dimension."""
        self.spec_dims = list(self.t.shape)
        return self

    def specialize_dims(self, *indices: int) -> TensorArg:
        """Compile in the size of some dimensions; negative indices count from the end.

        Raises:
            ArgumentError: the tensor has fewer dimensions.
        """
        for index in indices:
            if not -self.t.ndim <= index < self.t.ndim:
                raise self._refusal(f"must have a dimension {index}")
            self.spec_dims[index] = self.t.shape[index]
        return self

    def merge_rows(self, *, keep: int) -> TensorArg:
        """Merge all but the last `keep` dimensions for the kernel, which serves all ranks then.

        Only for kernels of calls of their own, not within a program.
        """
        if self.t.ndim < keep:
            raise self._refusal(f"must have at least {keep} dimensions")
        self.kept_dims = keep
        return self

    def merged(self, tensor: Tensor) -> Tensor:
        """Return a tensor as the kernel sees it."""
        if self.kept_dims is None or tensor.ndim == 1 + self.kept_dims:
            return tensor
        return tensor.reshape(self.merged_shape)

    @property
    def merged_shape(self) -> tuple[int, ...]:
        """The shape that the kernel sees."""
        shape = tuple(self.t.shape)
        if self.kept_dims is None:
            return shape
        lead = len(shape) - self.kept_dims
        return (math.prod(shape[:lead]), *shape[lead:])

    @property
    def _kernel_dims(self) -> list[int | None]:
        if self.kept_dims is None:
            return self.spec_dims
        return [None, *self.spec_dims[len(self.spec_dims) - self.kept_dims :]]

    def require(
        self, *, dtypes: Sequence[torch.dtype] = (), rank: int | None = None, min_rank: int = 0
    ) -> TensorArg:
        """Refuse a tensor that the op does not support.

        Args:
            dtypes: the supported dtypes; empty means all.
            rank: the number of dimensions, if it is fixed.
            min_rank: the least number of dimensions.

        Raises:
            ArgumentError: the tensor has another dtype or rank.
        """
        if dtypes and self.t.dtype not in dtypes:
            wanted = " or ".join(dtype_info(dtype).short for dtype in dtypes)
            raise self._refusal(f"must be {wanted}")
        if rank is not None and self.t.ndim != rank:
            raise self._refusal(f"must have {rank} dimension{'s' if rank != 1 else ''}")
        if self.t.ndim < min_rank:
            raise self._refusal(
                f"must have at least {min_rank} dimension{'s' if min_rank > 1 else ''}"
            )
        return self

    def require_shape(self, other: TensorArg) -> TensorArg:
        """Refuse a tensor with another shape than `other`.

        Compiled code does not check sizes that the kernel's MLIR uses as equal: an op that
        combines tensors with dynamic dimensions must check that they agree.

        Raises:
            ArgumentError: the shapes differ.
        """
        if self.t.shape != other.t.shape:
            raise self._refusal(f"must have the shape of `{other.name}` {format_tensor(other.t)}")
        return self

    def _refusal(self, expected: str) -> ArgumentError:
        return ArgumentError(
            f"{self._op_name}: `{self.name}` is {format_tensor(self.t)}, {expected}"
        )

    @property
    def mlir_type_asm(self) -> str:
        """The tensor type, such as `tensor<?x384xf32>`."""
        dims = "".join(f"{'?' if dim is None else int(dim)}x" for dim in self._kernel_dims)
        return f"tensor<{dims}{dtype_info(self.t.dtype).mlir}>"

    @property
    def spec_key(self) -> str:
        """Dtype, signed or unsigned, and dimensions, `?` for a dynamic one."""
        dims = ",".join("?" if dim is None else str(int(dim)) for dim in self._kernel_dims)
        return f"{dtype_info(self.t.dtype).short}[{dims}]"

    def __repr__(self) -> str:  # never raises, even for an unknown dtype or size
        dims = ",".join("?" if dim is None else str(dim) for dim in self.spec_dims)
        return f"tensor<{short_name(self.t.dtype)}[{dims}]>"


class TensorListArg:
    """A list of tensors, each an operand; the length is compiled in.

    Attributes:
        ts: the descriptor of each tensor.
    """

    is_list: bool = True
    maybe_tensor_value: Tensor | None = None

    def __init__(self, ts: Sequence[TensorArg]) -> None:
        self.ts = list(ts)
        self.ir_arity = len(self.ts)

    def generate_meta(self) -> list[Tensor]:
        """Return a meta tensor for each element."""
        return [t.generate_meta() for t in self.ts]

    @property
    def mlir_type_asm(self) -> list[str]:
        """The type of each operand."""
        return [t.mlir_type_asm for t in self.ts]

    @property
    def spec_key(self) -> str:
        """The elements' keys in order."""
        return f"list<{';'.join(t.spec_key for t in self.ts)}>"

    def __repr__(self) -> str:
        return f"list<{'; '.join(repr(t) for t in self.ts)}>"


class EmptyOptionalTensorArg:
    """An optional tensor or int that the call omits, or an optional result that is None."""

    ir_arity: int = 0
    is_list: bool = False
    maybe_tensor_value: Tensor | None = None
    spec_key: str = "none"

    def generate_meta(self) -> None:
        """Return None."""

    @property
    def mlir_type_asm(self) -> str:
        """Raise: an absent tensor has no operand type."""
        raise ArgumentError("absent optional tensor: has no MLIR type, must be tested for first")

    def __repr__(self) -> str:
        return "none"


class ScalarResult:
    """A result that is a number: the kernel writes it as a 0-d tensor, the call returns its value.

    Attributes:
        kind: `int`, `float` or `bool`.
        t: a 0-d meta tensor like the one that the kernel writes: i64, f64 or bool.
    """

    ir_arity: int = 1
    is_list: bool = False
    maybe_tensor_value: Tensor | None = None

    def __init__(self, kind: type, *, symbolic: bool = False, op_name: str = "") -> None:
        self.kind = kind
        self.t = torch.empty((), dtype=_SCALAR_DTYPES[kind], device="meta")
        self._symbolic = symbolic
        self._op_name = op_name

    def generate_meta(self) -> torch.SymInt:
        """Return a new symbol: the value is not known while a graph is traced.

        Raises:
            UnsupportedTypeError: the schema says `int`, `float` or `bool`; only `SymInt` can be a
                symbol.
        """
        if not self._symbolic:
            raise UnsupportedTypeError(
                f"{self._op_name}: returns {_ARTICLES[self.kind]}, which is not known while "
                "tracing, must return a 0-d tensor to be compiled or exported",
                fix="declare `-> SymInt` in the signature" if self.kind is int else None,
            )
        # `new_dynamic_size` would promise torch that the value is not negative.
        context = torch.library.get_ctx()
        shapes = context._shape_env
        if shapes is None or not shapes.allow_dynamic_output_shape_ops:
            raise DynamicOutputShapeException(context._op)
        return shapes.create_unbacked_symint()

    @property
    def mlir_type_asm(self) -> str:
        """The type of the 0-d tensor."""
        return f"tensor<{dtype_info(self.t.dtype).mlir}>"

    @property
    def spec_key(self) -> str:
        """The name of the Python type."""
        return self.kind.__name__

    def __repr__(self) -> str:
        return f"scalar<{self.spec_key}>"


_SCALAR_DTYPES = {int: torch.int64, float: torch.float64, bool: torch.bool}
_ARTICLES = {int: "an int", float: "a float", bool: "a bool"}

ResultDescriptor = TensorArg | TensorListArg | EmptyOptionalTensorArg | ScalarResult
ArgDescriptor = AttrArg | IntArg | TensorArg | TensorListArg | EmptyOptionalTensorArg
