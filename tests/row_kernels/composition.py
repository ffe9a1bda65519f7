"""Random functions over rows, made of the operations that row kernels know."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

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
PAIRS: dict[str, Callable[..., Tensor]] = {
    "pairs": lambda a: torch.stack((-a[..., 1::2], a[..., 0::2] * 0.5), -1).flatten(-2),
    "evens": lambda a: a[..., 0::2] - a[..., 1::2].exp().clamp(max=2),
}
GROUPS: dict[str, Callable[..., Tensor]] = {
    "softmax of groups": lambda a: torch.softmax(a.unflatten(-1, (4, -1)), -1).flatten(-2),
    "share of groups": lambda a: (
        a.unflatten(-1, (4, -1)) / (1 + a.unflatten(-1, (4, -1)).abs().amax(-1, keepdim=True))
    ).flatten(-2),
    "most of groups": lambda a: (
        a.unflatten(-1, (4, -1)).amax(-1, keepdim=True).expand(-1, 4, a.shape[-1] // 4).flatten(-2)
    ),
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
                values.append((ONE | TWO | ROW | WHOLE | SHAPED | PAIRS | GROUPS)[name](*a))
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
    kinds = [Kind(found.width)] * found.inputs + [Kind(found.width, has_rows=False)]
    for _ in range(rng.randint(3, 12)):
        _add_step(rng, found, kinds)
    lanes = [i for i, k in enumerate(kinds) if k.width > 1 and k.has_rows and i > found.inputs]
    found.results = [lanes[-1] if lanes else 0]
    if len(lanes) > 1 and rng.random() < 0.4:
        found.results.append(lanes[-2])
    numbers = [i for i, k in enumerate(kinds) if k.width == 1 and k.has_rows]
    if numbers and rng.random() < 0.4:
        found.results.append(numbers[-1])
    return found


@dataclass(frozen=True)
class Kind:
    """What is known of a value.

    Attributes:
        width: its last size.
        has_rows: whether each row has its own.
        is_flat: whether it consists of groups, which row kernels do not divide otherwise.
        has_parts: whether it was joined.
    """

    width: int
    has_rows: bool = True
    is_flat: bool = False
    has_parts: bool = False

    def fits(self, name: str) -> bool:
        """Tell whether a step can begin with it."""
        if name in (ROW | WHOLE | SHAPED | PAIRS):
            large = self.width > 8 and self.has_rows and not self.is_flat
            return large and (name not in PAIRS or self.width % 4 == 0)
        if name in GROUPS:
            whole = self.width > 8 and self.has_rows and not self.has_parts
            return whole and self.width % 8 == 0
        return True

    def fits_beside(self, other: Kind) -> bool:
        """Tell whether an operation can combine them."""
        if 1 in (self.width, other.width):
            return True
        parts = self.has_parts or other.has_parts
        return self.width == other.width and not (parts and (self.is_flat or other.is_flat))


def _add_step(rng: random.Random, found: Composition, kinds: list[Kind]) -> None:
    def pick(fits: Callable[[Kind], bool]) -> int | None:
        fitting = [i for i, kind in enumerate(kinds) if fits(kind)]
        return rng.choice(fitting[-6:] + fitting[: found.inputs + 1]) if fitting else None

    names: list[str] = [*ONE] * 2 + [*TWO] * 3 + [*ROW] * 2 + [*WHOLE] * 2 + [*SHAPED] * 2
    name = rng.choice([*names, *CASTS, *CASTS, *GROUPS, *GROUPS, *PAIRS, *PAIRS])
    first = pick(lambda kind: kind.fits(name))
    if first is None:
        return
    operands, kind = [first], kinds[first]
    if name in TWO:
        second = pick(kind.fits_beside)
        assert second is not None
        operands.append(second)
        both = kinds[first], kinds[second]
        kind = Kind(
            max(k.width for k in both),
            any(k.has_rows for k in both),
            any(k.is_flat for k in both),
            any(k.has_parts for k in both),
        )
    elif name in ROW:
        kind = Kind(1)
    elif name == "cat":
        second = pick(lambda other: other.has_rows and not other.is_flat)
        if second is None or kind.width + kinds[second].width > 2000:
            return
        operands.append(second)
        kind = Kind(kind.width + kinds[second].width, has_parts=True)
    elif name in GROUPS:
        kind = replace(kind, is_flat=True)
    elif name in (SHAPED | PAIRS):
        half = kind.width // 2
        widths = {"left": kind.width - half, "right": kind.width - half, "cut": kind.width - 2}
        widths |= {"evens": half, "pairs": kind.width}
        parts = name == "pad" or kind.has_parts
        kind = Kind(widths.get(name, kind.width + 3), has_parts=parts)
    found.steps.append((name, tuple(operands)))
    kinds.append(kind)


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
