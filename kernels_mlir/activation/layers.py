"""The layers of activations, with the names that model configurations use.

All compute in float32 (float64 if the input is) and round once. An enabled layer runs the IR op of
the same name, if there is one.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ir_runtime.errors import ArgumentError
from ir_runtime.layers import Layer, register_act_and_mul_fn, register_act_fn
from kernels_mlir.activation.gelu import native_gelu
from kernels_mlir.activation.silu_and_mul import native_silu_and_mul

__all__ = [
    "XIELU",
    "FastGELU",
    "Gelu",
    "GeluAndMul",
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


class _Activation(Layer):
    """A layer with torch functions for every platform that has no kernel."""

    def forward_cuda(self, x: Tensor) -> Tensor:
        return self.forward_op(x)


def _wide(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


class _Approximated(_Activation):
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

    def forward_native(self, x: Tensor) -> Tensor:
        return native_gelu(x, self.approximate)


@Layer.register("gelu_and_mul")
class GeluAndMul(_Approximated):
    """Multiply the second half of each row by the GELU of its first half."""

    def forward_native(self, x: Tensor) -> Tensor:
        gate, up = _wide(x).chunk(2, dim=-1)
        return (native_gelu(gate, self.approximate) * up).to(x.dtype)


@Layer.register("gelu_new")
class NewGELU(_Activation):
    """Compute `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)))`."""

    def forward_native(self, x: Tensor) -> Tensor:
        v = _wide(x)
        inner = math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)
        return (0.5 * v * (1 + torch.tanh(inner))).to(x.dtype)


@Layer.register("gelu_fast")
class FastGELU(_Activation):
    """Compute `x / 2 * (1 + tanh(0.7978845608 * x * (1 + 0.044715 * x * x)))`."""

    def forward_native(self, x: Tensor) -> Tensor:
        v = _wide(x)
        inner = 0.7978845608 * v * (1 + 0.044715 * v * v)
        return (0.5 * v * (1 + torch.tanh(inner))).to(x.dtype)


@Layer.register("quick_gelu")
class QuickGELU(_Activation):
    """Compute `x * sigmoid(1.702 * x)`."""

    def forward_native(self, x: Tensor) -> Tensor:
        v = _wide(x)
        return (v * torch.sigmoid(1.702 * v)).to(x.dtype)


@Layer.register("relu")
class Relu(_Activation):
    """Set negative elements to zero."""

    def forward_native(self, x: Tensor) -> Tensor:
        return torch.relu(x)


@Layer.register("relu2")
class ReLUSquaredActivation(_Activation):
    """Square positive elements, and set the others to zero."""

    def forward_native(self, x: Tensor) -> Tensor:
        return torch.square(torch.relu(_wide(x))).to(x.dtype)


@Layer.register("silu")
class Silu(_Activation):
    """Compute `x * sigmoid(x)`."""

    def forward_native(self, x: Tensor) -> Tensor:
        return functional.silu(_wide(x)).to(x.dtype)


@Layer.register("tanh")
class Tanh(_Activation):
    """Compute the hyperbolic tangent."""

    def forward_native(self, x: Tensor) -> Tensor:
        return torch.tanh(x)


@Layer.register("sigmoid")
class Sigmoid(_Activation):
    """Compute `1 / (1 + exp(-x))`."""

    def forward_native(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)


@Layer.register("silu_and_mul")
class SiluAndMul(_Activation):
    """Multiply the second half of each row by the SiLU of its first half."""

    def forward_native(self, x: Tensor) -> Tensor:
        return native_silu_and_mul(x)


@Layer.register("swigluoai_and_mul")
class SwigluOAIAndMul(_Activation):
    """Gate the odd elements of each row by the even ones, clamped.

    Computes `(u + 1) * g * sigmoid(alpha * g)`, with `g = min(x[..., 0::2], limit)` and
    `u = clamp(x[..., 1::2], -limit, limit)`.
    """

    def __init__(self, alpha: float = 1.702, limit: float = 7.0, **choice: bool) -> None:
        super().__init__(**choice)
        self.alpha, self.limit = alpha, limit

    def op_arguments(self, x: Tensor) -> tuple[Any, ...]:
        return x, self.alpha, self.limit

    def forward_native(self, x: Tensor) -> Tensor:
        v = _wide(x)
        gate = v[..., 0::2].clamp(max=self.limit)
        up = v[..., 1::2].clamp(-self.limit, self.limit)
        return ((up + 1) * gate * torch.sigmoid(self.alpha * gate)).to(x.dtype)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}, limit={self.limit}"


@Layer.register("xielu")
class XIELU(_Activation):
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

    def forward_native(self, x: Tensor) -> Tensor:
        v = _wide(x)
        beta, eps = self.beta.to(v.dtype), self.eps.to(v.dtype)
        above = functional.softplus(self.alpha_p.to(v.dtype))
        below = beta + functional.softplus(self.alpha_n.to(v.dtype))
        curve = torch.where(v > 0, above * v * v, (torch.expm1(torch.minimum(v, eps)) - v) * below)
        return (curve + beta * v).to(x.dtype)


for _name, _factory in {
    "gelu": Gelu,
    "gelu_fast": FastGELU,
    "gelu_new": NewGELU,
    "gelu_pytorch_tanh": functools.partial(Gelu, approximate="tanh"),
    "relu": Relu,
    "relu2": ReLUSquaredActivation,
    "silu": Silu,
    "quick_gelu": QuickGELU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "xielu": XIELU,
}.items():
    register_act_fn(_name, _factory)

for _name, _factory in {
    "gelu": GeluAndMul,
    "silu": SiluAndMul,
    "geglu": GeluAndMul,
    "swigluoai": SwigluOAIAndMul,
}.items():
    register_act_and_mul_fn(_name, _factory)
