"""The activations of the catalogue: what each is compared with, and how it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers.activations import ACT2FN, XIELUActivation
from transformers.models.gemma3n.modeling_gemma3n import Gemma3nTextMLP
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssExperts

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime.ir import IrOp

__all__ = ["ACTIVATIONS", "Activation", "coefficients"]


@dataclass(frozen=True, eq=False)
class Activation:
    """An op of one tensor and some settings.

    Attributes:
        name: of the op.
        oracle: computes it without this package, in float64; takes the arguments of the op.
        settings: makes the arguments after the tensor, for a dtype.
        gates: whether the rows have two parts.
        form: the first words of `explain` about its kernel.
        layer: the class of its layer, as model code names it.
        options: arguments of the layer's class, for the same settings.
    """

    name: str
    oracle: Callable[..., Tensor]
    layer: str
    settings: Callable[[torch.dtype], tuple[Any, ...]] = lambda dtype: ()
    gates: bool = False
    form: str = "a row kernel"
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def op(self) -> IrOp:
        return IrOp.registry[self.name]

    def arguments(self, x: Tensor) -> tuple[Any, ...]:
        """Return the arguments of the op for elements; those of a gate get a factor beside them."""
        if self.gates:
            factor = torch.randn(x.shape, generator=torch.Generator().manual_seed(1)).to(x.dtype)
            pair = (factor, x) if self.name == "mul_and_silu" else (x, factor)
            joined = torch.stack(pair, -1).flatten(-2)
            x = joined if self.name == "swigluoai_and_mul" else torch.cat(pair, -1)
        return x, *self.settings(x.dtype)


def of_transformers(name: str) -> Callable[[Tensor], Tensor]:
    return lambda x: ACT2FN[name](x.double())


def halves(x: Tensor) -> tuple[Tensor, Tensor]:
    one, two = x.double().chunk(2, -1)
    return one, two


def fatrelu(x: Tensor, threshold: float) -> Tensor:
    """The threshold is rounded to the dtype of `x`."""
    gate, up = halves(x)
    return functional.threshold(gate, torch.tensor(threshold, dtype=x.dtype).item(), 0.0) * up


def sparse(x: Tensor, sparsity: float, approximate: str) -> Tensor:
    gate, up = halves(x)
    layer = SimpleNamespace(activation_sparsity=sparsity)
    kept = Gemma3nTextMLP._gaussian_topk(layer, gate)
    return functional.gelu(kept, approximate=approximate) * up


def swigluoai(x: Tensor, alpha: float, limit: float) -> Tensor:
    return GptOssExperts._apply_gate(SimpleNamespace(alpha=alpha, limit=limit), x.double())


def xielu(x: Tensor, alpha_p: Tensor, alpha_n: Tensor, beta: Tensor, eps: Tensor) -> Tensor:
    layer = XIELUActivation(dtype=torch.float64)
    del layer.alpha_p, layer.alpha_n
    layer.alpha_p, layer.alpha_n = alpha_p.double(), alpha_n.double()
    layer.beta, layer.eps = beta.double(), eps.double()
    return layer._xielu_python(x.double())


def coefficients(dtype: torch.dtype) -> tuple[Tensor, ...]:
    values = ([0.2], [-1.1], 0.5, -1e-6)
    return tuple(torch.tensor(v, dtype=dtype) for v in values)


ACTIVATIONS = (
    Activation("silu", lambda x: functional.silu(x.double()), "Silu"),
    Activation("quick_gelu", of_transformers("quick_gelu"), "QuickGELU"),
    Activation("gelu_new", of_transformers("gelu_new"), "NewGELU"),
    Activation("gelu_fast", of_transformers("gelu_fast"), "FastGELU"),
    Activation("relu2", of_transformers("relu2"), "ReLUSquaredActivation"),
    Activation("xielu", xielu, "XIELU", coefficients),
    Activation(
        "mul_and_silu",
        lambda x: halves(x)[0] * functional.silu(halves(x)[1]),
        "MulAndSilu",
        gates=True,
    ),
    Activation(
        "gelu_and_mul",
        lambda x, approximate: (
            functional.gelu(halves(x)[0], approximate=approximate) * halves(x)[1]
        ),
        "GeluAndMul",
        lambda dtype: ("none",),
        gates=True,
        options={"approximate": "none"},
    ),
    Activation(
        "gelu_and_mul_sparse",
        sparse,
        "GeluAndMulSparse",
        lambda dtype: (0.8, "tanh"),
        gates=True,
        options={"activation_sparsity": 0.8, "approximate": "tanh"},
    ),
    Activation(
        "fatrelu_and_mul",
        fatrelu,
        "FatreluAndMul",
        lambda dtype: (0.3,),
        gates=True,
        options={"threshold": 0.3},
    ),
    Activation(
        "swigluoai_and_mul",
        swigluoai,
        "SwigluOAIAndMul",
        lambda dtype: (1.5, 5.0),
        gates=True,
        options={"alpha": 1.5, "limit": 5.0},
    ),
)
