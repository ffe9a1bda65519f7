"""Ways to make the arguments of a call strange: legal ones, and ones that torch refuses."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tests.hostile.subject import Subject

__all__ = ["FAULTS", "Fault", "applicable"]

Change = Callable[[random.Random, Subject, int, Any], Any]
"""Returns another value for the argument at a position; NotImplemented where it does not apply."""


@dataclass(frozen=True)
class Fault:
    """A change of one argument.

    Attributes:
        name: for the table.
        change: what it does.
        legal: torch computes with it what it computes without; a call must not refuse it.
        raises_index_error: a call must raise IndexError.
        has_no_reference: torch itself may crash, or compute with foreign memory.
        lies_in_memory: the tensor's memory is wrong; a call that computes nothing reads none.
    """

    name: str
    change: Change
    legal: bool = False
    raises_index_error: bool = False
    has_no_reference: bool = False
    lies_in_memory: bool = False


def _of_tensor(function: Callable[[random.Random, Tensor], Any]) -> Change:
    def change(rng: random.Random, subject: Subject, place: int, value: Any) -> Any:
        del subject, place
        return function(rng, value) if isinstance(value, Tensor) else NotImplemented

    return change


def _of_floats(function: Callable[[random.Random, Tensor], Any]) -> Change:
    def change(rng: random.Random, value: Tensor) -> Any:
        applies = value.is_floating_point() and value.numel()
        return function(rng, value) if applies else NotImplemented

    return _of_tensor(change)


def _of_index(function: Callable[[random.Random, Tensor, int], Any]) -> Change:
    def change(rng: random.Random, subject: Subject, place: int, value: Any) -> Any:
        if place not in subject.limits or not value.numel():
            return NotImplemented
        return function(rng, value.clone(), subject.limits[place])

    return change


def _with_index(draw: Callable[[random.Random, int], int]) -> Change:
    def change(rng: random.Random, value: Tensor, limit: int) -> Tensor:
        wanted = draw(rng, limit)
        if not torch.iinfo(value.dtype).min <= wanted <= torch.iinfo(value.dtype).max:
            return value  # pragma: no cover - indices are i64 here
        value.view(-1)[rng.randrange(value.numel())] = wanted
        return value

    return _of_index(change)


def _wrapped(rng: random.Random, subject: Subject, place: int, value: Any) -> Any:
    if not subject.wraps or place not in subject.limits or not value.numel():
        return NotImplemented
    out, at = value.clone(), rng.randrange(value.numel())
    out.view(-1)[at] -= subject.limits[place]
    return out


def _too_low(rng: random.Random, subject: Subject, place: int, value: Any) -> Any:
    if place not in subject.limits or not value.numel():
        return NotImplemented
    lowest = -subject.limits[place] if subject.wraps else 0
    out = value.clone()
    out.view(-1)[rng.randrange(value.numel())] = lowest - rng.choice((1, 2, 1000, 1 << 31, 1 << 40))
    return out


def _transposed(_: random.Random, x: Tensor) -> Any:
    return x.mT.contiguous().mT if x.ndim > 1 else NotImplemented


def _strided(_: random.Random, x: Tensor) -> Any:
    if not x.ndim:
        return NotImplemented
    wide = x.new_zeros((*x.shape[:-1], 2 * x.shape[-1]))
    wide[..., ::2] = x
    return wide[..., ::2]


def _at_an_offset(rng: random.Random, x: Tensor) -> Tensor:
    skipped = rng.choice((1, 3, 5))
    memory = x.new_empty(x.numel() + skipped)
    return memory[skipped:].view(x.shape).copy_(x)


def _of_one_row(_: random.Random, x: Tensor) -> Any:
    return x[:1].expand(x.shape) if x.ndim > 1 and x.shape[0] else NotImplemented


def _with_special_values(rng: random.Random, x: Tensor) -> Tensor:
    values = (float("nan"), float("inf"), -float("inf"), -0.0, torch.finfo(x.dtype).tiny / 4)
    out = x.clone()
    out.view(-1)[rng.randrange(x.numel())] = rng.choice(values)
    return out


def _of_dtype(rng: random.Random, x: Tensor) -> Tensor:
    dtypes = (
        torch.int64,
        torch.int32,
        torch.uint8,
        torch.bool,
        torch.float64,
        torch.complex64,
        torch.float8_e4m3fn,
        torch.bfloat16,
        torch.float32,
    )
    return x.to(rng.choice([d for d in dtypes if d != x.dtype]))


def _of_another_size(rng: random.Random, x: Tensor) -> Any:
    if not x.ndim:
        return NotImplemented
    dim = rng.randrange(x.ndim)
    size = rng.choice([n for n in (0, 1, x.shape[dim] - 1, x.shape[dim] + 1) if n >= 0])
    if size == x.shape[dim]:
        return NotImplemented
    shape = (*x.shape[:dim], size, *x.shape[dim + 1 :])
    return x.new_zeros(shape)


def _of_another_rank(rng: random.Random, x: Tensor) -> Tensor:
    choices = [x[None], x.reshape(-1)]
    choices += [x[0]] if x.ndim and x.shape[0] else []
    choices += [x.new_zeros(())]
    return rng.choice([c for c in choices if c.ndim != x.ndim] or choices)


def _shrunk(_: random.Random, x: Tensor) -> Any:
    if x.numel() < 2:
        return NotImplemented
    out = x.clone()
    out.untyped_storage().resize_(x.itemsize)
    return out


def _on_meta(rng: random.Random, subject: Subject, place: int, value: Any) -> Any:
    """Make one tensor of several a meta tensor; one alone is a legal question for a shape."""
    del rng, place
    alone = subject.name.partition(".")[2].startswith(_OF_ONE_TENSOR)
    return value.to("meta") if isinstance(value, Tensor) and not alone else NotImplemented


_OF_ONE_TENSOR = ("gelu", "softmax", "silu_and_mul", "rms_norm-weightless")


def _not_a_tensor(rng: random.Random, subject: Subject, place: int, value: Any) -> Any:
    del subject, place
    if not isinstance(value, Tensor):
        return NotImplemented
    return rng.choice((None, 3, 2.5, "x", [1, 2], [value, value]))


def _another_number(rng: random.Random, subject: Subject, place: int, value: Any) -> Any:
    del subject, place
    if isinstance(value, Tensor) or value is None:
        return NotImplemented
    if isinstance(value, str):
        return rng.choice(("", "sigmoid", "NONE", "tanh\0"))
    return rng.choice((-5, 0, 1 << 40, float("nan"), float("inf"), -1e-5, None, "x"))


FAULTS: tuple[Fault, ...] = (
    Fault("nothing", lambda _r, _s, _p, value: value, legal=True),
    Fault("transposed memory", _of_tensor(_transposed), legal=True),
    Fault("each second element", _of_tensor(_strided), legal=True),
    Fault("offset in memory", _of_tensor(_at_an_offset), legal=True),
    Fault("one row for all", _of_floats(_of_one_row), legal=True),
    Fault("negative view", _of_floats(lambda _, x: torch._neg_view(-x)), legal=True),
    Fault("requires a gradient", _of_floats(lambda _, x: x.clone().requires_grad_()), legal=True),
    Fault("special values", _of_floats(_with_special_values), legal=True),
    Fault("index from the end", _wrapped, legal=True),
    Fault("index just too high", _with_index(lambda _, n: n), raises_index_error=True),
    Fault(
        "index far too high",
        _with_index(lambda rng, n: n + rng.choice((1, 1000, 1 << 31, (1 << 62) - 1))),
        raises_index_error=True,
    ),
    Fault("index too low", _too_low, raises_index_error=True),
    Fault("indices of 32 bits", _of_index(lambda _r, x, _n: x.int())),
    Fault("another dtype", _of_tensor(_of_dtype)),
    Fault("another size", _of_tensor(_of_another_size)),
    Fault("another rank", _of_tensor(_of_another_rank)),
    Fault("on meta", _on_meta, has_no_reference=True),
    Fault("shrunk storage", _of_tensor(_shrunk), has_no_reference=True, lies_in_memory=True),
    Fault("not a tensor", _not_a_tensor),
    Fault("another number", _another_number),
)
"""All that is tried on an argument."""


def applicable(
    rng: random.Random,
    subject: Subject,
    arguments: Sequence[Any],
    legal: bool,
) -> tuple[Fault, int, Any]:
    """Choose a fault, legal or not, and an argument that it applies to; return its new value."""
    faults = [fault for fault in FAULTS if fault.legal is legal]
    while True:
        fault, place = rng.choice(faults), rng.randrange(len(arguments))
        value = fault.change(rng, subject, place, arguments[place])
        if value is not NotImplemented:
            return fault, place, value
