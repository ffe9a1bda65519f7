"""The layers of activations, with the names that model configurations use.

Each op of this room has a layer with the op's settings; `relu`, `tanh` and `sigmoid` are torch's.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.errors import ArgumentError
from ir_runtime.layers import Layer, register_act_and_mul_fn, register_act_fn

__all__ = [
    "XIELU",
    "FastGELU",
    "FatreluAndMul",
    "Gelu",
    "GeluAndMul",
    "GeluAndMulSparse",
    "MulAndSilu",
    "NewGELU",
    "QuickGELU",
    "ReLUSquaredActivation",
    "Relu",
    "Sigmoid",
    "Silu",
    "SiluAndMul",
    "SwigluOAIAndMul",
    "Tanh",
]


class _Torchs(Layer):
    """A layer of torch functions on every platform."""

    def forward_cuda(self, x: Tensor) -> Tensor:
        return self.forward_native(x)


class _Approximated(Layer):
    def __init__(self, approximate: str = "none", **choice: bool) -> None:
        super().__init__(**choice)
        if approximate not in ("none", "tanh"):
            raise ArgumentError(
                f"{type(self).name}: `approximate` is {approximate!r}, must be 'none' or 'tanh'"
            )
        self.approximate = approximate

    def op_arguments(self, x: Tensor) -> tuple[Any, ...]:
        return x, self.approximate

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


@Layer.register("gelu")
class Gelu(_Approximated):
    """Weigh each element by the probability that a normal variable lies below it."""


@Layer.register("gelu_and_mul")
class GeluAndMul(_Approximated):
    """Multiply the second half of each row by the GELU of its first half."""


@Layer.register("gelu_and_mul_sparse")
class GeluAndMulSparse(_Approximated):
    """Multiply the second half of each row by the GELU of the largest elements of the first half.

    Args:
        activation_sparsity: the part of normal numbers that becomes zero, above 0, at most 1.
        approximate: "none" or "tanh".
    """

    def __init__(
        self, activation_sparsity: float, approximate: str = "none", **choice: bool
    ) -> None:
        super().__init__(approximate, **choice)
        if not 0 < activation_sparsity <= 1:
            raise ArgumentError(
                f"gelu_and_mul_sparse: `activation_sparsity` is {activation_sparsity}, must be "
                "above 0 and at most 1",
                fix="for 0, use GeluAndMul",
            )
        self.activation_sparsity = activation_sparsity

    def op_arguments(self, x: Tensor) -> tuple[Any, ...]:
        return x, self.activation_sparsity, self.approximate

    def extra_repr(self) -> str:
        return f"activation_sparsity={self.activation_sparsity}, {super().extra_repr()}"


@Layer.register("gelu_new")
class NewGELU(Layer):
    """Compute `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)))`."""


@Layer.register("gelu_fast")
class FastGELU(Layer):
    """Compute `x / 2 * (1 + tanh(0.7978845608 * x * (1 + 0.044715 * x * x)))`."""


@Layer.register("quick_gelu")
class QuickGELU(Layer):
    """Compute `x * sigmoid(1.702 * x)`."""


@Layer.register("relu")
class Relu(_Torchs):
    """Set negative elements to zero."""

    def forward_native(self, x: Tensor) -> Tensor:
        return torch.relu(x)


@Layer.register("relu2")
class ReLUSquaredActivation(Layer):
    """Square positive elements, and set the others to zero."""


@Layer.register("silu")
class Silu(Layer):
    """Compute `x * sigmoid(x)`."""


@Layer.register("tanh")
class Tanh(_Torchs):
    """Compute the hyperbolic tangent."""

    def forward_native(self, x: Tensor) -> Tensor:
        return torch.tanh(x)


@Layer.register("sigmoid")
class Sigmoid(_Torchs):
    """Compute `1 / (1 + exp(-x))`."""

    def forward_native(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)


@Layer.register("silu_and_mul")
class SiluAndMul(Layer):
    """Multiply the second half of each row by the SiLU of its first half."""


@Layer.register("mul_and_silu")
class MulAndSilu(Layer):
    """Multiply the first half of each row by the SiLU of its second half."""


@Layer.register("fatrelu_and_mul")
class FatreluAndMul(Layer):
    """Multiply the second half of each row by elements of its first half above a threshold."""

    def __init__(self, threshold: float = 0.0, **choice: bool) -> None:
        super().__init__(**choice)
        self.threshold = threshold

    def op_arguments(self, x: Tensor) -> tuple[Any, ...]:
        return x, self.threshold

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}"


@Layer.register("swigluoai_and_mul")
class SwigluOAIAndMul(Layer):
    """Gate the odd elements of each row by the even ones, clamped.

    Computes `(u + 1) * g * sigmoid(alpha * g)`, with `g = min(x[..., 0::2], limit)` and
    `u = clamp(x[..., 1::2], -limit, limit)`.
    """

    def __init__(self, alpha: float = 1.702, limit: float = 7.0, **choice: bool) -> None:
        super().__init__(**choice)
        self.alpha, self.limit = alpha, limit

    def op_arguments(self, x: Tensor) -> tuple[Any, ...]:
        return x, self.alpha, self.limit

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}, limit={self.limit}"


@Layer.register("xielu")
class XIELU(Layer):
    """Compute a quadratic above zero and an exponential below, with learned coefficients.

    With `ap = softplus(alpha_p)` and `an = beta + softplus(alpha_n)`, the result is
    `ap * x * x + beta * x` if `x > 0`, else `(expm1(min(x, eps)) - x) * an + beta * x`.

    Args:
        alpha_p_init: initial `ap`, > 0.
        alpha_n_init: initial `an`, > `beta`.
        beta: slope at zero.
        eps: negative and tiny, keeps `expm1` away from zero.
        dtype: dtype of the parameters.

    Source:
        Deriving Activation Functions Using Integration, arXiv:2411.13010.
    """

    beta: Tensor
    eps: Tensor

    def __init__(
        self,
        alpha_p_init: float = 0.8,
        alpha_n_init: float = 0.8,
        beta: float = 0.5,
        eps: float = -1e-6,
        dtype: torch.dtype = torch.bfloat16,
        **choice: bool,
    ) -> None:
        super().__init__(**choice)
        if not (alpha_p_init > 0 and alpha_n_init > beta):
            raise ArgumentError(
                f"xielu: `alpha_p_init` is {alpha_p_init} and `alpha_n_init` {alpha_n_init}, "
                f"must be above 0 and above `beta`, {beta}"
            )
        inverse_p = math.log(math.expm1(alpha_p_init))
        inverse_n = math.log(math.expm1(alpha_n_init - beta))
        self.alpha_p = nn.Parameter(torch.tensor([inverse_p], dtype=dtype))
        self.alpha_n = nn.Parameter(torch.tensor([inverse_n], dtype=dtype))
        self.register_buffer("beta", torch.tensor(beta, dtype=dtype))
        self.register_buffer("eps", torch.tensor(eps, dtype=dtype))

    def op_arguments(self, x: Tensor) -> tuple[Any, ...]:
        return x, self.alpha_p, self.alpha_n, self.beta, self.eps


for _name, _factory in {
    "gelu": Gelu,
    "gelu_fast": FastGELU,
    "gelu_new": NewGELU,
    "gelu_pytorch_tanh": functools.partial(Gelu, approximate="tanh"),
    "relu": Relu,
    "relu2": ReLUSquaredActivation,
    "silu": Silu,
    "swish": Silu,
    "quick_gelu": QuickGELU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "xielu": XIELU,
}.items():
    register_act_fn(_name, _factory)

for _name, _factory in {
    "gelu": GeluAndMul,
    "gelu_pytorch_tanh": functools.partial(GeluAndMul, approximate="tanh"),
    "silu": SiluAndMul,
    "swish": SiluAndMul,
    "geglu": GeluAndMul,
    "swigluoai": SwigluOAIAndMul,
}.items():
    register_act_and_mul_fn(_name, _factory)
