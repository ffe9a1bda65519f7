"""Random functions over rows, made of the operations that row kernels know."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

ONE: dict[str, Callable[..., Tensor]] = {
    "neg": torch.neg,
    "abs": torch.abs,
    "exp": lambda a: torch.exp(a.clamp(-20, 5)),
    "expm1": lambda a: torch.expm1(a.clamp(-20, 5)),
    "log": lambda a: torch.log(a.abs() + 0.5),
    "log1p": lambda a: torch.log1p(a.abs()),
    "tanh": torch.tanh,
    "erf": torch.erf,
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
    "silu": functional.silu,
    "mish": functional.mish,
    "gelu": functional.gelu,
    "sin": lambda a: torch.sin(a.clamp(-100, 100)),
    "cos": lambda a: torch.cos(a.clamp(-100, 100)),
    "rsqrt": lambda a: torch.rsqrt(a.abs() + 1e-2),
    "sqrt": lambda a: torch.sqrt(a.abs()),
    "square": lambda a: a.clamp(-30, 30).square(),
    "clamp": lambda a: a.clamp(-1.5, 2),
    "relu": torch.relu,
}
TWO: dict[str, Callable[..., Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": lambda a, b: a.clamp(-30, 30) * b.clamp(-30, 30),
    "div": lambda a, b: a / (b.abs() + 0.5),
    "max": torch.maximum,
    "min": torch.minimum,
    "where": lambda a, b: torch.where(a > 0.25, b, -a),
}
ROW: dict[str, Callable[..., Tensor]] = {
    "sum": lambda a: a.sum(-1, keepdim=True) / 16,
    "mean": lambda a: a.mean(-1, keepdim=True),
    "amax": lambda a: a.amax(-1, keepdim=True),
    "amin": lambda a: a.amin(-1).unsqueeze(-1),
    "var": lambda a: a.clamp(-30, 30).var(-1, keepdim=True, correction=0),
}
WHOLE: dict[str, Callable[..., Tensor]] = {
    "softmax": lambda a: torch.softmax(a, -1),
    "log_softmax": lambda a: torch.log_softmax(a, -1),
    "layer_norm": lambda a: functional.layer_norm(a, a.shape[-1:]),
}
SHAPED: dict[str, Callable[..., Tensor]] = {
    "left": lambda a: a.chunk(2, -1)[0],
    "right": lambda a: a[..., a.shape[-1] // 2 :],
    "cut": lambda a: a[..., 1:-1],
    "cat": lambda a, b: torch.cat((a, b), -1),
    "pad": lambda a: functional.pad(a, (1, 2), value=0.5),
}
CASTS = {"bf16": torch.bfloat16, "f16": torch.float16}


@dataclass
class Composition:
    """A random function: steps on the values that the earlier ones made.

    Attributes:
        seed: it is made of this number.
        inputs: tensors with rows; one with shared features follows.
        width: their last size.
    """

    seed: int
    inputs: int
    width: int
    dtype: torch.dtype
    steps: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    results: list[int] = field(default_factory=list)

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        dtype = tensors[0].dtype
        wide = torch.promote_types(dtype, torch.float32)
        values = [t.to(wide) for t in tensors]
        for name, operands in self.steps:
            a = [values[i] for i in operands]
            if name in CASTS:
                # The float64 reference rounds as well, else all that follows would differ.
                values.append(a[0].to(CASTS[name]).to(wide))
            else:
                values.append((ONE | TWO | ROW | WHOLE | SHAPED)[name](*a))
        return tuple(values[i].to(dtype) for i in self.results)

    def tensors(self, rows: int = 5) -> list[Tensor]:
        generator = torch.Generator().manual_seed(self.seed)
        shapes = [(rows, self.width)] * self.inputs + [(self.width,)]
        return [torch.randn(shape, generator=generator).to(self.dtype) for shape in shapes]


def compose(
    seed: int, width: int | None = None, dtype: torch.dtype | None = None, inputs: int | None = None
) -> Composition:
    """Make the random function of a seed."""
    rng = random.Random(seed)
    choices = (rng.choice((1, 2)), rng.choice((17, 64, 300, 1000)), rng.choice((0, 1, 2)))
    found = Composition(
        seed,
        inputs or choices[0],
        width or choices[1],
        dtype or (torch.float32, torch.bfloat16, torch.float16)[choices[2]],
    )
    widths = [found.width] * (found.inputs + 1)
    rows = [True] * found.inputs + [False]
    for _ in range(rng.randint(3, 12)):
        _add_step(rng, found, widths, rows)
    lanes = [i for i, w in enumerate(widths) if w > 1 and rows[i] and i > found.inputs]
    found.results = [lanes[-1] if lanes else 0]
    if len(lanes) > 1 and rng.random() < 0.4:
        found.results.append(lanes[-2])
    numbers = [i for i, w in enumerate(widths) if w == 1 and rows[i]]
    if numbers and rng.random() < 0.4:
        found.results.append(numbers[-1])
    return found


def _add_step(rng: random.Random, found: Composition, widths: list[int], rows: list[bool]) -> None:
    def pick(fits: Callable[[int], bool] = lambda _: True) -> int | None:
        fitting = [i for i in range(len(widths)) if fits(i)]
        return rng.choice(fitting[-6:] + fitting[: found.inputs + 1]) if fitting else None

    groups: list[Any] = [*ONE] * 2 + [*TWO] * 3 + [*ROW] * 2 + [*WHOLE] * 2 + [*SHAPED] * 2
    name = rng.choice([*groups, *CASTS, *CASTS])
    first = pick(lambda i: widths[i] > 8 and rows[i]) if name in (ROW | WHOLE | SHAPED) else pick()
    if first is None:
        return
    operands, width, is_row = [first], widths[first], rows[first]
    if name in TWO:
        second = pick(lambda i: widths[i] in (width, 1) or width == 1)
        assert second is not None
        operands.append(second)
        width, is_row = max(width, widths[second]), is_row or rows[second]
    elif name in ROW:
        width = 1
    elif name == "cat":
        second = pick(lambda i: rows[i])
        if second is None or width + widths[second] > 2000:
            return
        operands.append(second)
        width += widths[second]
    elif name in SHAPED:
        changed = {"left": -(-width // 2), "right": width - width // 2, "cut": width - 2}
        width = changed.get(name, width + 3)
    found.steps.append((name, tuple(operands)))
    widths.append(width)
    rows.append(is_row)


def wrong_results(made: Composition, got: tuple[Tensor, ...], tensors: list[Tensor]) -> list[str]:
    """Return in words which results differ from float64 by more than torch's own results do."""
    eager, wanted = made(*tensors), made(*(t.double() for t in tensors))
    wrong = []
    for number, (g, e, w) in enumerate(zip(got, eager, wanted, strict=True)):
        scale = w.abs().max().item()
        # Rounding in the middle may fall to either side, which is one step of that dtype.
        steps = {"bf16": 2.0**-8, "f16": 2.0**-11}
        slack = max([2e-6, *(4 * steps[name] for name, _ in made.steps if name in steps)])
        error, torchs = ((v.double() - w).abs().max().item() for v in (g, e))
        if g.shape != e.shape or g.dtype != e.dtype:
            wrong.append(f"{number}: {g.dtype}{list(g.shape)} is not {e.dtype}{list(e.shape)}")
        elif not torch.equal(g.isnan(), e.isnan()):
            wrong.append(f"{number}: NaN elsewhere")
        elif error > 3 * torchs + slack * max(scale, 1.0):
            wrong.append(f"{number}: error {error:.3g}, torch's {torchs:.3g}, scale {scale:.3g}")
    return wrong
