"""`optimize`: replace modules and functions of a model by ops that compute the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from torch import nn

import kernels_mlir  # noqa: F401 # pyright: ignore[reportUnusedImport] - promises the ops
from ir_runtime.errors import ArgumentError
from ir_runtime.models.activation import find_activation
from ir_runtime.models.attention import find_attention
from ir_runtime.models.cache import find_cache
from ir_runtime.models.change import Changes
from ir_runtime.models.errors import OptimizeError
from ir_runtime.models.found import KINDS, Found, Place, Request
from ir_runtime.models.gated_mlp.gated import find_gated
from ir_runtime.models.linear import find_linear
from ir_runtime.models.norm import find_norm
from ir_runtime.models.refusal import refuse_model
from ir_runtime.models.report import Left, Replaced, Report
from ir_runtime.models.rotary import find_rotary

__all__ = ["optimize"]

Find = Callable[[Place, Request], Found | Left | None]

_FINDERS: dict[str, Find] = {
    "mlp": find_gated,  # first: it covers modules that others would replace
    "norm": find_norm,
    "linear": find_linear,
    "activation": find_activation,
    "rotary": find_rotary,
    "attention": find_attention,
    "cache": find_cache,
}


def optimize(
    model: nn.Module,
    *,
    ops: str | Sequence[str] = "all",
    weights: Literal["int8", "int4"] | None = None,
    tune: bool = False,
    undo: bool = True,
) -> Report:
    """Replace the parts of a model that ops compute faster; the model is changed where it is.

    A part is replaced on its instance, for what it computes: its forward is traced, and tried on
    random numbers beside the op. Classes and other models stay as they are. `state_dict()`,
    `load_state_dict()` and training work as before.

    Args:
        model: a model on the CPU, such as one of transformers, in f32, bf16 or f16.
        ops: the kinds of parts to replace: `all`, or some of `norm`, `mlp`, `linear`,
            `activation`, `rotary`, `attention` and `cache`, as a list or with commas.
        weights: `int8` or `int4`: linear layers compute with rounded weights, which take less
            memory to read. None: with the weights as they are.
        tune: measure each replacement beside what it replaces, for one row and for 128, and leave
            what is more than 3 % slower.
        undo: keep what is replaced, for `Report.undo` and for `state_dict()`. False with `weights`
            frees each weight as soon as it is rounded, so memory never exceeds 1.1 times that of
            the model; the state dict then has the rounded weights.

    Returns:
        What was replaced and what was not, with the reasons, and the way back.

    Raises:
        ArgumentError: an argument is not as above.
        OptimizeError: the model is optimised, quantised or offloaded already, or on another device.
            The model is unchanged after this and any other error; only weights that `undo=False`
            freed before a failure stay rounded, and the message says so.

    Example:
        >>> report = ir_runtime.optimize(model, weights="int8")
        >>> print(report)
        >>> report.undo()
    """
    request = _request(ops, weights, undo=undo)
    refuse_model(model)
    found, left = _plan(model, request)
    if tune:
        from ir_runtime.models.tune import keep_faster

        found, slower = _parted(keep_faster(found))
        left += slower
    return _made(model, found, left)


def _request(ops: str | Sequence[str], weights: Any, *, undo: bool) -> Request:
    names = [n.strip() for n in ops.split(",")] if isinstance(ops, str) else list(ops)
    kinds = KINDS if names == ["all"] else tuple(names)
    unknown = [name for name in kinds if name not in KINDS]
    if unknown:
        raise ArgumentError(
            f"optimize: `ops` has {unknown[0]!r}, must be 'all' or of {', '.join(KINDS)}"
        )
    if weights not in (None, "int8", "int4"):
        raise ArgumentError(f"optimize: `weights` is {weights!r}, must be 'int8', 'int4' or None")
    return Request(frozenset(kinds), weights, undo)


def _plan(model: nn.Module, request: Request) -> tuple[list[Found], list[Left]]:
    """Return what can be replaced, and what stays."""
    found: list[Found] = []
    left: list[Left] = []
    covered: set[int] = set()
    for place in _places(model):
        verdicts = [v for v in _verdicts(place, request) if v is not None]
        if id(place.module) in covered:
            continue
        for verdict in verdicts:
            if isinstance(verdict, Found):
                found.append(verdict)
                covered.update(map(id, verdict.covers))
            else:
                left.append(verdict)
        if not verdicts and place.module._parameters:
            left.append(place.left("other", _why_other(place.module)))
    return found, left


def _verdicts(place: Place, request: Request) -> Iterator[Found | Left | None]:
    for kind, find in _FINDERS.items():
        if kind in request.kinds:
            yield find(place, request)


def _why_other(module: nn.Module) -> str:
    if any(p is not None and p.ndim == 3 for p in module._parameters.values()):
        return "experts: no op computes a mixture of experts"
    return "it computes none of the kinds that were asked for"


def _places(model: nn.Module) -> Iterator[Place]:
    """Yield each module once, parents first."""
    holders: dict[int, list[tuple[nn.Module, str]]] = {}
    for module in model.modules():
        for name, child in module._modules.items():
            if child is not None:
                holders.setdefault(id(child), []).append((module, name))
    for path, module in model.named_modules():
        yield Place(path, module, tuple(holders.get(id(module), ())))


def _parted(verdicts: Sequence[Found | Left]) -> tuple[list[Found], list[Left]]:
    found = [v for v in verdicts if isinstance(v, Found)]
    return found, [v for v in verdicts if isinstance(v, Left)]


def _made(model: nn.Module, found: Sequence[Found], left: Sequence[Left]) -> Report:
    """Make all changes, or none."""
    changes = Changes()
    replaced: list[Replaced] = []
    try:
        for each in found:
            for change in each.changes():
                changes.make(change)
            replaced.append(each.replaced)
    except BaseException as error:
        lost = changes.roll_back()
        if not lost:
            raise
        failure = OptimizeError(
            f"{type(model).__name__}: it failed after {lost} weights were rounded and freed; "
            "these layers stay rounded, everything else is as it was",
            fix="load the model again, or use undo=True",
        )
        if isinstance(error, Exception):
            raise failure from error
        error.add_note(str(failure))  # an interrupt stays one
        raise
    return Report(type(model).__name__, tuple(replaced), tuple(left), changes)
