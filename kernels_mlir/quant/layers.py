"""The layer of quantisation to eight-bit floats, with the names that model code uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor, short_name
from ir_runtime.errors import ArgumentError
from ir_runtime.ir import IrOp
from ir_runtime.layers import Layer
from kernels_mlir.library import run_native
from kernels_mlir.quant.dynamic_group_quant_fp8 import dynamic_group_quant_fp8
from kernels_mlir.quant.dynamic_quant_fp8 import dynamic_quant_fp8
from kernels_mlir.quant.scale import FLOAT8
from kernels_mlir.quant.static_group_quant_fp8 import static_group_quant_fp8
from kernels_mlir.quant.static_quant_fp8 import static_quant_fp8

__all__ = ["GroupShape", "QuantFP8"]

Run = Callable[..., Any]
"""Takes an op and its arguments, and computes the call."""


class _Sizes(NamedTuple):
    row: int
    col: int


class GroupShape(_Sizes):
    """The rows and columns that share a scale; -1 stands for all of them."""

    __slots__ = ()

    PER_TENSOR: ClassVar[GroupShape]
    PER_TOKEN: ClassVar[GroupShape]
    PER_CHANNEL: ClassVar[GroupShape]


GroupShape.PER_TENSOR = GroupShape(-1, -1)
GroupShape.PER_TOKEN = GroupShape(1, -1)
GroupShape.PER_CHANNEL = GroupShape(-1, 1)
_NO_GROUPS = (GroupShape.PER_TENSOR, GroupShape.PER_TOKEN, GroupShape.PER_CHANNEL)


@Layer.register("quant_fp8")
class QuantFP8(Layer):
    """Quantise `[tokens, n]` to eight-bit floats; returns the numbers and their scales.

    A static layer gets its scale from the caller; a dynamic one computes it. It runs
    `static_quant_fp8`, `dynamic_quant_fp8`, or their counterparts for groups.

    Args:
        static: whether `forward` gets the scale.
        group_shape: what shares a scale. Static: anything. Dynamic: `PER_TENSOR`, `PER_TOKEN` or
            `(1, group size)`.
        num_token_padding: add rows of zeros to the numbers, up to this many rows; not to scales,
            and not with dynamic groups.
        column_major_scales: store the scales of dynamic groups column by column.
        use_ue8m0: make the scales of dynamic groups powers of two. Default: no.
        dtype: `float8_e4m3fn`, `float8_e4m3fnuz` or `float8_e5m2`.

    Raises:
        ArgumentError: a choice is not as above, or has no effect.
    """

    ir_op: IrOp | None = None

    def __init__(
        self,
        static: bool,  # noqa: FBT001 - the order of arguments that callers of this layer know
        group_shape: GroupShape | tuple[int, int],
        num_token_padding: int | None = None,
        column_major_scales: bool = False,  # noqa: FBT001, FBT002
        use_ue8m0: bool | None = None,  # noqa: FBT001
        *,
        dtype: torch.dtype = torch.float8_e4m3fn,
        **choice: bool,
    ) -> None:
        super().__init__(**choice)
        self.static = static
        self.group_shape = GroupShape(*group_shape)
        self.num_token_padding = num_token_padding
        self.column_major_scales = column_major_scales
        self.use_ue8m0 = bool(use_ue8m0)
        self.dtype = dtype
        self.is_group_quant = self.group_shape not in _NO_GROUPS
        self._check_choices()

    def _check_choices(self) -> None:
        if self.dtype not in FLOAT8:
            names = " or ".join(map(short_name, FLOAT8))
            raise ArgumentError(f"quant_fp8: `dtype` is {short_name(self.dtype)}, must be {names}")
        if any(size != -1 and size < 1 for size in self.group_shape):
            raise ArgumentError(
                f"quant_fp8: `group_shape` is {tuple(self.group_shape)}, must have sizes of at "
                "least 1, or -1 for the whole dimension"
            )
        takes = self.group_shape != GroupShape.PER_CHANNEL and (
            not self.is_group_quant or self.group_shape.row == 1
        )
        if not (self.static or takes):
            raise ArgumentError(
                f"quant_fp8: `group_shape` is {tuple(self.group_shape)}, must be per tensor, per "
                "token or (1, group size) for dynamic scales"
            )
        dynamic_groups = not self.static and self.is_group_quant
        for name in ("column_major_scales", "use_ue8m0"):
            if getattr(self, name) and not dynamic_groups:
                raise ArgumentError(
                    f"quant_fp8: `{name}` is True, must be False without dynamic groups"
                )

    def forward_native(
        self, x: Tensor, scale: Tensor | None = None, scale_ub: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self._quantized(run_native, x, scale, scale_ub)

    def forward_op(
        self, x: Tensor, scale: Tensor | None = None, scale_ub: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self._quantized(_run_op, x, scale, scale_ub)

    def forward_cuda(
        self, x: Tensor, scale: Tensor | None = None, scale_ub: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.forward_op(x, scale, scale_ub)

    def _quantized(
        self, run: Run, x: Tensor, scale: Tensor | None, scale_ub: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        if self.static != (scale is not None):
            wanted = "a tensor" if self.static else "None for a dynamic layer"
            raise ArgumentError(f"quant_fp8: `scale` is {_shown(scale)}, must be {wanted}")
        if scale_ub is not None and (self.static or self.group_shape != GroupShape.PER_TOKEN):
            raise ArgumentError(
                f"quant_fp8: `scale_ub` is {_shown(scale_ub)}, must be None unless the layer is "
                "dynamic with scales of tokens"
            )
        if scale is not None:
            return self._static(run, x, scale)
        if self.is_group_quant:
            return self._dynamic_groups(run, x)
        per = "tensor" if self.group_shape == GroupShape.PER_TENSOR else "token"
        y, found = run(dynamic_quant_fp8, x, self.dtype, per, scale_ub)
        return self._padded(y), found

    def _static(self, run: Run, x: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        scale = self._shaped(scale)
        if self.is_group_quant and scale.numel() > 1:
            y = run(static_group_quant_fp8, x, scale, self.dtype, list(self.group_shape))
        else:
            y = run(static_quant_fp8, x, scale, self.dtype)
        return self._padded(y), scale

    def _shaped(self, scale: Tensor) -> Tensor:
        """Return a scale of one dimension, or none, in the dimensions of a matrix."""
        if self.group_shape == GroupShape.PER_TENSOR:
            return scale
        if scale.numel() == 1:
            return scale.reshape(1, 1)
        if scale.ndim != 1:
            return scale
        if self.group_shape == GroupShape.PER_CHANNEL:
            return scale[None, :]
        if self.group_shape == GroupShape.PER_TOKEN:
            return scale[:, None]
        raise ArgumentError(
            f"quant_fp8: `scale` is {format_tensor(scale)}, must have 2 dimensions for groups"
        )

    def _dynamic_groups(self, run: Run, x: Tensor) -> tuple[Tensor, Tensor]:
        y, scale = run(dynamic_group_quant_fp8, x, self.dtype, self.group_shape.col, self.use_ue8m0)
        if self.column_major_scales and scale.ndim > 1:
            scale = scale.transpose(-1, -2).contiguous().transpose(-1, -2)
        return y, scale

    def _padded(self, y: Tensor) -> Tensor:
        """Add rows of zeros."""
        missing = (self.num_token_padding or 0) - y.shape[0]
        if missing <= 0:
            return y
        zeros = y.new_zeros((missing, *y.shape[1:]), dtype=torch.uint8)
        return torch.cat((y.view(torch.uint8), zeros)).view(self.dtype)

    def extra_repr(self) -> str:
        kind = "static" if self.static else "dynamic"
        return f"{kind}, group_shape={tuple(self.group_shape)}, dtype={short_name(self.dtype)}"


def _run_op(op: IrOp, *args: Any) -> Any:
    return op(*args)


def _shown(value: Tensor | None) -> str:
    return "None" if value is None else format_tensor(value)
