"""Modules that look like what `optimize` replaces, and compute something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

__all__ = ["LEFT", "RmsNorm"]

N = 64


class RmsNorm(nn.Module):
    """As models of the Llama family write it."""

    def __init__(self, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(N))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        h = x.to(torch.float32)
        h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return self.weight * h.to(x.dtype)


class PlusTwo(RmsNorm):
    def forward(self, x: Tensor) -> Tensor:
        h = x.float()
        h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return ((2.0 + self.weight.float()) * h).type_as(x)


class EpsilonOutside(RmsNorm):
    def forward(self, x: Tensor) -> Tensor:
        h = x.to(torch.float32)
        h = h / (h.pow(2).mean(-1, keepdim=True).sqrt() + self.epsilon)
        return self.weight * h.to(x.dtype)


class WithoutCast(RmsNorm):
    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon))


class OverTokens(RmsNorm):
    def forward(self, x: Tensor) -> Tensor:
        h = x.to(torch.float32)
        h = h * torch.rsqrt(h.pow(2).mean(1, keepdim=True) + self.epsilon)
        return self.weight * h.to(x.dtype)


class Branching(RmsNorm):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if x.shape[1] < 1000 else x


class Counting(RmsNorm):
    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x)


class OtherInTraining(RmsNorm):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + 1 if self.training else x)


class Doubling(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class Calibrated(nn.Linear):
    """Its buffer is one now, and another number after a load."""

    def __init__(self) -> None:
        super().__init__(N, N)
        self.register_buffer("factor", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * super().forward(x)


class Gated(nn.Module):
    def __init__(self, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.gate, self.up, self.down = (nn.Linear(N, N, bias=False) for _ in range(3))
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.act(self.gate(x)) * self.up(x))


class GateOfUp(Gated):
    """Its gate reads what the other projection made."""

    def forward(self, x: Tensor) -> Tensor:
        up = self.up(x)
        return self.down(self.act(self.gate(up)) * up)


class HalfBiased(Gated):
    def __init__(self) -> None:
        super().__init__(nn.SiLU())
        self.gate = nn.Linear(N, N)


class Sloped(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.1 * x)


def _hooked() -> nn.Module:
    linear = nn.Linear(N, N)
    linear.register_forward_hook(lambda module, args, output: output * 2)
    return linear


def _patched() -> nn.Module:
    linear = nn.Linear(N, N)
    linear.forward = lambda x: 3 * x  # type: ignore[method-assign]
    return linear


def _pruned() -> nn.Module:
    from torch.nn.utils import prune

    linear: Any = nn.Linear(N, N)
    prune.l1_unstructured(linear, "weight", amount=0.5)
    return linear


LEFT: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "a norm with another addend": (PlusTwo, "it computes another function than rms_norm"),
    "a norm with epsilon outside": (EpsilonOutside, "it computes another function than rms_norm"),
    "a norm without a cast": (WithoutCast, "with more roundings than two"),
    "a norm over tokens": (OverTokens, "it computes another function than rms_norm"),
    "a norm with a branch": (Branching, "its forward cannot be traced"),
    "a norm that counts": (Counting, "its forward writes to the module"),
    "a norm with a mode": (OtherInTraining, "it computes otherwise in training"),
    "a linear that doubles": (lambda: Doubling(N, N), "another function than a linear layer"),
    "a linear with a buffer": (Calibrated, "it has children, buffers or parameters beside"),
    "a linear with a hook": (_hooked, "it has hooks"),
    "a linear with another forward": (_patched, "its forward was replaced on the instance"),
    "a linear with parametrizations": (
        lambda: parametrizations.weight_norm(nn.Linear(N, N)),
        "it has parametrizations",
    ),
    "a linear with a pruned weight": (
        _pruned,
        "it has parametrizations",
    ),
    "a gate of gelu": (lambda: Gated(nn.GELU()), "no op joins two projections by gelu"),
    "a gate of a steeper curve": (lambda: Gated(Sloped()), ""),
    "a gate of up": (lambda: GateOfUp(nn.SiLU()), ""),
}
