"""What a recogniser finds at a place of a model, and what it needs to know of the request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from ir_runtime.frozen import frozen
from ir_runtime.models.change import Change
from ir_runtime.models.report import Left, Replaced

__all__ = ["KINDS", "Found", "Place", "Request", "Trial"]

KINDS = ("norm", "mlp", "linear", "activation", "rotary", "attention", "cache")
"""The kinds of places."""


@frozen
class Request:
    """What the user asked for.

    Attributes:
        kinds: the kinds of places that may be replaced.
        weights: `int8`, `int4` or None.
        undo: whether the originals are kept.
    """

    kinds: frozenset[str]
    weights: str | None
    undo: bool

    @property
    def bits(self) -> int | None:
        """The bits of a rounded weight, None for weights as they are."""
        return None if self.weights is None else int(self.weights.removeprefix("int"))


@frozen
class Place:
    """A module of the model.

    Attributes:
        path: its name in the model.
        module: the module.
        holders: the modules that have it as a child, with its name there; several if it is shared,
            none for the model itself.
    """

    path: str
    module: nn.Module
    holders: tuple[tuple[nn.Module, str], ...]

    @property
    def called(self) -> str:
        """The name of its class."""
        return type(self.module).__name__

    def left(self, kind: str, reason: str) -> Left:
        """Return that it stays as it is."""
        return Left(self.path, kind, self.called, reason)


@frozen
class Trial:
    """How a replacement is measured beside what it replaces.

    Attributes:
        alike: places with equal values take the same time.
        before: computes as the module did.
        after: makes the function that computes as it will.
        inputs: makes the arguments of both for a number of rows.
    """

    alike: tuple[Any, ...]
    before: Callable[..., Any]
    after: Callable[[], Callable[..., Any]]
    inputs: Callable[[int], tuple[torch.Tensor, ...]]


@frozen
class Found:
    """A place that an op can compute.

    Attributes:
        replaced: the line of the report.
        changes: makes the changes of the model; called when the place is replaced, because it may
            take memory.
        covers: modules within the place that need no replacement of their own.
        trial: its measurement; None if it is not measured.
    """

    replaced: Replaced
    changes: Callable[[], Sequence[Change]]
    covers: tuple[nn.Module, ...] = ()
    trial: Trial | None = None
