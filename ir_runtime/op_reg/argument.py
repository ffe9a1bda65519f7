"""What does a selection know of one argument or result?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.dtypes import dtype_info, format_tensor
from ir_runtime.errors import ArgumentError

__all__ = [
    "ArgDescriptor",
    "AttrArg",
    "EmptyOptionalTensorArg",
    "IntArg",
    "TensorArg",
    "TensorListArg",
]


class AttrArg:
    """A value compiled into the kernel; not an operand of it."""

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
        """The value, exactly; lists as lists, text quoted."""
        return f"attr<{self.v!r}>"

    def __repr__(self) -> str:
        return self.spec_key


class IntArg:
    """An integer operand (`i64`); any value runs in one kernel."""

    ir_arity: int = 1
    is_list: bool = False
    maybe_tensor_value: Tensor | None = None
    spec_value: Any | None = None

    def __init__(self, v: int) -> None:
        self.v = v

    def generate_meta(self) -> int:
        """Return the value itself."""
        return self.v

    @property
    def mlir_type_asm(self) -> str:
        """The operand type."""
        return "i64"

    @property
    def spec_key(self) -> str:
        """Equal for all values."""
        return "int"

    def __repr__(self) -> str:
        return f"int<{self.v}>"


class TensorArg:
    """A tensor operand or result: rank and dtype are fixed, dimensions only where specialised.

    Attributes:
        t: the argument, or a meta tensor.
        spec_dims: a dimension's size where it is compiled in, None where any size runs.
        name: the argument's name in the op's schema, "" for a result.
    """

    ir_arity: int = 1
    is_list: bool = False

    def __init__(self, t: Tensor, *, op_name: str = "", name: str = "") -> None:
        self.t = t
        self.name = name
        self._op_name = op_name
        self.spec_dims: list[int | None] = [None] * t.ndim

    @property
    def maybe_tensor_value(self) -> Tensor:
        """The tensor."""
        return self.t

    def generate_meta(self) -> Tensor:
        """Return a contiguous meta tensor of this shape and dtype."""
        if self.t.device.type == "meta":
            return self.t
        return torch.empty(self.t.shape, dtype=self.t.dtype, device="meta")

    def specialize_all_dims(self) -> None:
        """Compile in the size of each dimension."""
        self.spec_dims = list(self.t.shape)

    def specialize_dims(self, *indices: int) -> None:
        """Compile in the size of some dimensions; negative indices count from the end."""
        for index in indices:
            self.spec_dims[index] = self.t.shape[index]

    def require(
        self, *, dtypes: Sequence[torch.dtype] = (), rank: int | None = None, min_rank: int = 0
    ) -> TensorArg:
        """Refuse a tensor that the op does not take.

        Args:
            dtypes: those it takes; empty means all.
            rank: the number of dimensions, if only one will do.
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
        """Refuse a tensor whose shape is not that of `other`.

        Compiled code takes sizes that the kernel's MLIR uses as one to be one: an op that combines
        tensors with dynamic dimensions must check that they agree.

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
        dims = "".join(f"{'?' if dim is None else int(dim)}x" for dim in self.spec_dims)
        return f"tensor<{dims}{dtype_info(self.t.dtype).mlir}>"

    @property
    def spec_key(self) -> str:
        """Dtype and dimensions, `?` for a dynamic one; tells signed from unsigned."""
        dims = ",".join("?" if dim is None else str(int(dim)) for dim in self.spec_dims)
        return f"{dtype_info(self.t.dtype).short}[{dims}]"

    def __repr__(self) -> str:
        return f"tensor<{self.spec_key}>"


class TensorListArg:
    """A list of tensors, each an operand; the length is compiled in.

    Attributes:
        ts: one descriptor a tensor.
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
        return self.spec_key


class EmptyOptionalTensorArg:
    """An optional tensor that the call left out; not an operand."""

    ir_arity: int = 0
    is_list: bool = False
    maybe_tensor_value: Tensor | None = None
    spec_key: str = "none"

    def generate_meta(self) -> None:
        """Return None."""

    @property
    def mlir_type_asm(self) -> str:
        """Raise: nothing was passed."""
        raise ArgumentError("absent optional tensor: has no MLIR type, must be tested for first")

    def __repr__(self) -> str:
        return "none"


ArgDescriptor = AttrArg | IntArg | TensorArg | TensorListArg | EmptyOptionalTensorArg
