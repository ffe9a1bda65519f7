"""One case for each core ATen operator, and for operators that torch decomposes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tests.aot.operators.inputs import ALL, FLOATS, INTS

__all__ = ["CASES", "Case", "case", "core"]

Make = Callable[[torch.dtype], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Case:
    """An operator and inputs for it.

    Attributes:
        name: of the operator: an overload of `torch.ops.aten`, or torch's public name.
        fn: what is exported.
        makes: give arguments for a dtype; each is a sample of its own.
        dtypes: those that torch computes it in.
        exact: whether results must be bit-equal whatever the dtype.
        either_zero: whether a zero of either sign is right: torch's own depends on the dtype.
        reference: computes in f64 what torch's own loses there; by default `fn` does.
        static: whether the sizes must be those of the example.
        group: the file that it stands in.
    """

    name: str
    fn: Callable[..., Any]
    makes: tuple[Make, ...]
    dtypes: tuple[torch.dtype, ...] = FLOATS
    exact: bool = False
    either_zero: bool = False
    reference: Callable[..., Any] | None = None
    static: bool = False
    group: str = ""

    @property
    def id(self) -> str:
        return self.name


CASES: dict[str, Case] = {}


def case(name: str, fn: Callable[..., Any], *makes: Make, **options: Any) -> None:
    """Add a case; `dtypes` is `f`, `fi`, `i` or `fib`."""
    kinds = {"f": FLOATS, "fi": (*FLOATS, *INTS), "i": INTS, "fib": ALL, "b": (torch.bool,)}
    kinds["ib"] = (*INTS, torch.bool)
    dtypes = options.pop("dtypes", "f")
    assert name not in CASES, name
    group = sys._getframe(1 if options.pop("own", True) else 2).f_globals["__name__"]
    found = kinds.get(dtypes, dtypes) if isinstance(dtypes, str) else dtypes
    CASES[name] = Case(name, fn, makes, found, group=group.rsplit(".", 1)[1], **options)


def core(name: str, *makes: Make, **options: Any) -> None:
    """Add a case that calls an overload of `torch.ops.aten`; `call` may give further arguments."""
    packet, overload = name.split(".")
    op = getattr(getattr(torch.ops.aten, packet), overload)
    call = options.pop("call", None)
    case(name, op if call is None else lambda *a: call(op, *a), *makes, own=False, **options)
