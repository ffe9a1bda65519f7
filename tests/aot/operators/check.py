"""Run operators as exported programs, and compare with torch and with float64."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.dtypes import format_tensor, short_name
from ir_runtime.errors import ExportError
from tests.aot.operators.cases import Case

__all__ = ["Sample", "difference", "is_settled", "samples_of", "verdicts"]


@dataclass(frozen=True)
class Sample:
    """One call of an operator."""

    case: Case
    dtype: torch.dtype
    arguments: tuple[Tensor, ...]

    def results(self, arguments: Sequence[Tensor] | None = None) -> list[Tensor]:
        return _listed(self.case.fn(*(self.arguments if arguments is None else arguments)))

    def reference(self, arguments: Sequence[Tensor] | None = None) -> list[Tensor]:
        """Return the results in f64."""
        wide = _wide(self.arguments if arguments is None else arguments)
        return _listed((self.case.reference or self.case.fn)(*wide))


def _listed(found: Any) -> list[Tensor]:
    return [found] if isinstance(found, Tensor) else list(found)


def samples_of(case: Case) -> list[Sample]:
    """Return the samples that torch itself computes; each way to make one, in some dtype."""
    found: list[Sample] = []
    computed: set[int] = set()
    for dtype in case.dtypes:
        for i, make in enumerate(case.makes):
            sample = Sample(case, dtype, make(dtype))
            try:
                sample.results()
            except (RuntimeError, NotImplementedError, IndexError):  # not in this dtype
                continue
            found.append(sample)
            computed.add(i)
    assert len(computed) == len(case.makes), f"{case.name}: torch refuses a sample in each dtype"
    return found


def verdicts(samples: Sequence[Sample], *, dynamic: bool) -> dict[tuple[str, str], str]:
    """Return for each case and dtype: "" if right, else what is wrong.

    All samples go into one program; if it fails, into one for each case, then for each dtype.
    """
    try:
        got = _run(samples, dynamic=dynamic)
    except Exception as error:
        return _apart(samples, error, dynamic=dynamic)
    found: dict[tuple[str, str], str] = {}
    for sample, results in zip(samples, got, strict=True):
        key = sample.case.name, short_name(sample.dtype)
        wrong = difference(sample, results)
        found[key] = found.get(key, "") or wrong
    return found


def _apart(samples: Sequence[Sample], error: Exception, *, dynamic: bool) -> dict[Any, str]:
    for key in (lambda s: s.case.name, lambda s: s.dtype):
        groups: dict[Any, list[Sample]] = {}
        for sample in samples:
            groups.setdefault(key(sample), []).append(sample)
        if len(groups) > 1:
            found: dict[Any, str] = {}
            for group in groups.values():
                found |= verdicts(group, dynamic=dynamic)
            return found
    sample = samples[0]
    verdict = _refusal(error) if isinstance(error, ExportError) else _failure(error)
    return {(sample.case.name, short_name(sample.dtype)): verdict}


def _refusal(error: ExportError) -> str:
    """Say what a refusal says; it must name an operator, and the line that calls it."""
    headline = str(error).split("\n", maxsplit=1)[0]
    if not re.search(r"\b(aten|prims)\.\w+", headline):
        return f"fails: names no operator: {headline[:400]}"
    if f'File "{__file__}"' not in str(error):
        return f"fails: names no line: {headline[:400]}"
    return f"refused: {headline[:400]}"


def _failure(error: Exception) -> str:
    return f"fails: {type(error).__name__}: " + " | ".join(str(error).split("\n")[:4])[:400]


def is_settled(verdict: str) -> bool:
    """Tell whether a verdict is one that may be: right, or refused."""
    return not verdict or verdict.startswith("refused: ")


class _Together(torch.nn.Module):
    def __init__(self, samples: Sequence[Sample]) -> None:
        super().__init__()
        self.samples = samples

    def forward(self, *arguments: Tensor) -> list[Tensor]:
        rest, found = list(arguments), []
        for sample in self.samples:
            count = len(sample.arguments)
            found += sample.results(rest[:count])
            rest = rest[count:]
        return found


def _run(samples: Sequence[Sample], *, dynamic: bool) -> list[list[Tensor]]:
    flat = [a for s in samples for a in s.arguments]
    shapes = tuple(
        {i: Dim.AUTO if is_open and size > 1 else Dim.STATIC for i, size in enumerate(a.shape)}
        for s in samples
        for a in s.arguments
        for is_open in [dynamic and not s.case.static and 0 not in a.shape]
    )
    program = aot.export(
        _Together(samples), tuple(flat), dynamic_shapes=(shapes,), name="operators"
    )
    results = list(program(*flat))
    got: list[list[Tensor]] = []
    for sample in samples:
        count = len(sample.results())
        got.append(results[:count])
        results = results[count:]
    return got


def difference(sample: Sample, got: Sequence[Tensor]) -> str:
    """Say in one line how results differ from torch's; "" if they agree."""
    reference = sample.reference()
    for i, (mine, torchs, wide) in enumerate(zip(got, sample.results(), reference, strict=True)):
        if mine.dtype != torchs.dtype or mine.shape != torchs.shape:
            shapes = f"{format_tensor(mine)}, not {format_tensor(torchs)}"
            return f"differs: result {i} is {shapes}"
        if sample.case.exact or not torchs.is_floating_point():
            wrong = _unequal(mine, torchs, either_zero=sample.case.either_zero)
        else:
            wrong = _too_far(mine, torchs, wide, sample, i)
        if wrong:
            return f"differs: result {i}: {wrong}"
    return ""


def _wide(arguments: Sequence[Tensor]) -> list[Tensor]:
    return [a.double() if a.is_floating_point() and a.element_size() > 1 else a for a in arguments]


def _unequal(mine: Tensor, torchs: Tensor, *, either_zero: bool) -> str:
    if torchs.is_floating_point() and torchs.element_size() == 1:
        same = mine.view(torch.uint8) == torchs.view(torch.uint8)
        same |= mine.float().isnan() & torchs.float().isnan()
    else:
        same = mine == torchs
        if torchs.is_floating_point() and not either_zero:
            same &= torch.signbit(mine) == torch.signbit(torchs)
        if torchs.is_floating_point():
            same |= mine.isnan() & torchs.isnan()
    if bool(same.all()):
        return ""
    return f"{_shown(mine, ~same)}, not {_shown(torchs, ~same)}, {int((~same).sum())} times"


def _shown(values: Tensor, where: Tensor) -> str:
    return str(values[where][:4].tolist())


def _ulp(values: Tensor, dtype: torch.dtype) -> Tensor:
    limits = torch.finfo(dtype)
    smallest = limits.smallest_normal
    _, exponent = torch.frexp(values.abs().clamp(smallest, limits.max))
    return torch.ldexp(torch.full_like(values, limits.eps / 2), exponent)


def _too_far(mine: Tensor, torchs: Tensor, wide: Tensor, sample: Sample, place: int) -> str:
    rounded = wide.to(torchs.dtype)
    settled = (mine == torchs) | (mine.isnan() & torchs.isnan()) | (mine == rounded)
    both = mine.isfinite() & torchs.isfinite() & wide.isfinite()
    # IREE's VM takes subnormal numbers for 0
    settled |= both & (wide.abs() < torch.finfo(torchs.dtype).smallest_normal)
    odd = ~settled & ~both
    if bool(odd.any()):
        return f"{_shown(mine, odd)}, not {_shown(torchs, odd)}"
    both &= ~settled
    if not bool(both.any()):
        return ""
    by_element = sample.case.group == "elementwise"
    mine_far = _units(mine, wide, both, by_element=by_element)
    torch_far = _units(torchs, wide, both, by_element=by_element)
    least = 0.5
    if torchs.dtype == torch.float64:  # then torch's result is the reference, and has an error, too
        least = 2.0 if by_element else 4.0
    if mine_far <= 2 * max(torch_far, least):
        return ""
    torch_far = max(torch_far, _usual_error(sample, place))
    if mine_far <= 2 * torch_far:
        return ""
    apart = (mine.double() - wide.double())[both].abs()
    worst = int((apart / _ulp(wide.double()[both], mine.dtype) if by_element else apart).argmax())
    return (
        f"{mine_far:.3g} units in the last place off, torch {torch_far:.3g}: "
        f"{float(mine[both][worst])!r} for {float(wide[both][worst])!r}"
    )


def _units(values: Tensor, wide: Tensor, where: Tensor, *, by_element: bool) -> float:
    """Return the largest error in units in the last place: of each element, or of the largest."""
    found, right = values[where].double(), wide[where].double()
    ulp = _ulp(right, values.dtype)
    return float(((found - right).abs() / (ulp if by_element else ulp.max())).max())


def _usual_error(sample: Sample, place: int) -> float:
    """Return the largest error of torch itself over the sample's inputs times several factors.

    The error of a sum is a matter of luck: of one sample torch's may be 0.
    """
    if sample.case.group == "elementwise":
        return 0.0
    errors = [0.0]
    for sixteenths in range(9, 16):
        scaled = [a * (sixteenths / 16) if a.is_floating_point() else a for a in sample.arguments]
        torchs, wide = sample.results(scaled)[place], sample.reference(scaled)[place]
        finite = torchs.isfinite() & wide.isfinite()
        if bool(finite.any()):
            errors.append(_units(torchs, wide, finite, by_element=False))
    return max(errors)
