"""The layers of norms: their weights, and their settings as model code names them."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.ir import IrOp, IrOpInplace
from ir_runtime.layers import Layer
from ir_runtime.layers.fx_trace import call_op, is_traced

__all__ = ["GemmaRMSNorm", "LayerNorm", "Mixer2RMSNormGated", "RMSNorm", "RMSNormGated"]


class _AddingNorm(Layer):
    """A norm whose forward takes a residual, too, which another op adds before the norm.

    Attributes:
        adding: the name of the other op. It takes the residual after `x`, then the other arguments
            of the layer's op.
    """

    adding: ClassVar[str]

    def _bind_op(self) -> None:
        super()._bind_op()
        op = IrOp.registry[self.adding]
        assert isinstance(op, IrOpInplace)
        self._adding_op = op

    def forward_op(self, x: Tensor, residual: Tensor | None = None) -> Any:
        """Norm `x`, or return the normed sum and the sum.

        A provider may write them to `x` and `residual`: do not use either afterwards.
        """
        settings = self.op_arguments(x)
        if residual is None:
            assert self.ir_op is not None
            return call_op(self.ir_op, settings)
        arguments = (x, residual, *settings[1:])
        if is_traced(arguments, {}):
            return call_op(self._adding_op, arguments)
        return self._adding_op.maybe_inplace(*arguments)

    def forward_native(self, x: Tensor, residual: Tensor | None = None) -> Any:
        """Compute the same with torch functions."""
        settings = self.op_arguments(x)
        if residual is None:
            assert self.ir_op is not None
            return self.ir_op.impls["native"].traced(*settings)
        adding = self._adding_op
        arguments = adding.normal_arguments((x, residual, *settings[1:]))
        return adding.impls["native"].traced(*arguments)


@Layer.register("rms_norm")
class RMSNorm(_AddingNorm):
    """Divide each row by its root mean square, and scale it by a weight.

    `forward(x)` returns the normed rows; `forward(x, residual)` returns the normed sum and the sum,
    and may overwrite both arguments.

    Args:
        hidden_size: the length of a row.
        eps: added to the mean square.
        var_hidden_size: the number of first elements that enter the mean; default: all.
        has_weight: False for a norm without a weight.
        dtype: of the weight; default: torch's.
    """

    adding = "fused_add_rms_norm"

    weight: nn.Parameter | None

    def __init__(
        self,
        hidden_size: int,
        eps: float = 1e-6,
        var_hidden_size: int | None = None,
        has_weight: bool = True,  # noqa: FBT001, FBT002 - the order that model code knows
        dtype: torch.dtype | None = None,
        **choice: bool,
    ) -> None:
        super().__init__(**choice)
        self.hidden_size, self.variance_epsilon = hidden_size, eps
        self.variance_size_override = None if var_hidden_size == hidden_size else var_hidden_size
        weight = nn.Parameter(torch.ones(hidden_size, dtype=dtype)) if has_weight else None
        self.register_parameter("weight", weight)

    def op_arguments(self, x: Tensor) -> tuple[Any, ...]:
        """Return the arguments of the op; without a weight, the layer checks the size of rows."""
        plain = self.weight is None and isinstance(x, Tensor)
        if plain and x.ndim and x.shape[-1] != self.hidden_size:
            raise ArgumentError(
                f"rms_norm: `x` is {format_tensor(x)}, must have a last dimension of "
                f"{self.hidden_size}"
            )
        return x, self.weight, self.variance_epsilon, self.variance_size_override

    def extra_repr(self) -> str:
        return f"{self.hidden_size}, eps={self.variance_epsilon}"


@Layer.register("gemma_rms_norm")
class GemmaRMSNorm(_AddingNorm):
    """Divide each row by its root mean square, and scale it by 1 + weight.

    `forward(x)` returns the normed rows; `forward(x, residual)` returns the normed sum and the sum,
    and may overwrite both arguments.

    Args:
        hidden_size: the length of a row.
        eps: added to the mean square.
    """

    adding = "fused_add_gemma_rms_norm"

    def __init__(self, hidden_size: int, eps: float = 1e-6, **choice: bool) -> None:
        super().__init__(**choice)
        self.variance_epsilon = eps
        self.weight = nn.Parameter(torch.zeros(hidden_size))

    def op_arguments(self, x: Tensor) -> tuple[Any, ...]:
        return x, self.weight, self.variance_epsilon

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.variance_epsilon}"


@Layer.register("layer_norm")
class LayerNorm(Layer):
    """Normalise each row to mean 0 and variance 1, then scale and shift it.

    Args:
        dim: the length of a row.
        eps: added to the variance.
        dtype: of weight and bias; default: torch's.
    """

    def __init__(
        self, dim: int, eps: float = 1e-6, dtype: torch.dtype | None = None, **choice: bool
    ) -> None:
        super().__init__(**choice)
        self.dim, self.eps = dim, eps
        self.weight = nn.Parameter(torch.ones(dim, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(dim, dtype=dtype))

    def op_arguments(self, x: Tensor) -> tuple[Any, ...]:
        return x, self.weight, self.bias, self.eps

    def extra_repr(self) -> str:
        return f"{self.dim}, eps={self.eps}"


@Layer.register("rms_norm_gated")
class RMSNormGated(Layer):
    """Norm each group of a row by its root mean square, and multiply the row by a gate `z`.

    Args:
        hidden_size: the length of a row.
        eps: added to the mean square.
        group_size: the number of elements that are normed together; default: all.
        norm_before_gate: whether the norm comes before the product with the gate.
        device: of the weight.
        dtype: of the weight; default: torch's.
        activation: of the gate: "swish", "silu" (the same) or "sigmoid".
    """

    def __init__(
        self,
        hidden_size: int,
        eps: float = 1e-5,
        group_size: int | None = None,
        norm_before_gate: bool = False,  # noqa: FBT001, FBT002 - the order that model code knows
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        activation: str = "swish",
        **choice: bool,
    ) -> None:
        super().__init__(**choice)
        self.eps, self.group_size = eps, group_size
        self.norm_before_gate, self.activation = norm_before_gate, activation
        self.weight = nn.Parameter(torch.ones(hidden_size, device=device, dtype=dtype))

    def op_arguments(self, x: Tensor, z: Tensor | None = None) -> tuple[Any, ...]:
        settings = (self.eps, self.group_size, self.norm_before_gate, self.activation)
        return x, z, self.weight, *settings

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.eps}, group_size={self.group_size}"


@Layer.register("mixer2_gated_rms_norm")
class Mixer2RMSNormGated(Layer):
    """Multiply rows by the SiLU of a gate, then norm each group of a row.

    It computes whole rows, on one device.

    Args:
        full_hidden_size: the length of a row.
        full_n_groups: the number of groups of a row.
        use_rms_norm: False for the gate alone; there is no weight then.
        eps: added to the mean square.
    """

    weight: nn.Parameter | None

    def __init__(
        self,
        full_hidden_size: int,
        full_n_groups: int,
        use_rms_norm: bool = True,  # noqa: FBT001, FBT002 - the order that model code knows
        eps: float = 1e-6,
        **choice: bool,
    ) -> None:
        super().__init__(**choice)
        if full_n_groups < 1 or full_hidden_size % full_n_groups:
            raise ArgumentError(
                f"mixer2_gated_rms_norm: `full_n_groups` is {full_n_groups}, must divide "
                f"`full_hidden_size`, {full_hidden_size}"
            )
        self.n_groups, self.use_rms_norm, self.variance_epsilon = full_n_groups, use_rms_norm, eps
        weight = nn.Parameter(torch.ones(full_hidden_size)) if use_rms_norm else None
        self.register_parameter("weight", weight)

    def op_arguments(self, x: Tensor, gate: Tensor) -> tuple[Any, ...]:
        settings = (self.variance_epsilon, self.n_groups, self.use_rms_norm)
        return x, gate, self.weight, *settings

    def extra_repr(self) -> str:
        return f"n_groups={self.n_groups}, eps={self.variance_epsilon}"
