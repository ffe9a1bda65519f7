"""Rotary embeddings: functions of query, key and angles that the forward of an attention calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from types import CellType, FunctionType, MethodType
from typing import Any, cast

import torch
from torch import Tensor

from ir_runtime.errors import NotTakenError
from ir_runtime.ir import IrOp
from ir_runtime.models.change import Change, NewForward
from ir_runtime.models.found import Found, Place, Request
from ir_runtime.models.probe import close
from ir_runtime.models.report import Left, Replaced

__all__ = ["find_rotary", "rotate_as", "rotates_by_halves", "with_global"]

Rotate = Callable[..., tuple[Tensor, Tensor]]

_FIRST = ("q", "k", "cos", "sin")
_TOKENS, _SIZE = 5, 16


def find_rotary(place: Place, request: Request) -> Found | Left | None:
    """Recognise an attention whose forward calls a rotary embedding; None if it calls none."""
    del request
    module = place.module
    outer: Any = type(module).forward
    inner = inspect.unwrap(outer)
    if not isinstance(inner, FunctionType) or not isinstance(outer, FunctionType):
        return None
    named = {name: inner.__globals__.get(name) for name in inner.__code__.co_names}
    rotating = [name for name, value in named.items() if _looks_like_rotary(value)]
    if not rotating:
        return None
    (name,) = rotating[:1]
    if "forward" in vars(module):
        return place.left("rotary", "its forward was replaced on the instance")
    if not rotates_by_halves(named[name]):
        return place.left("rotary", f"{name} computes another rotation than the op")
    forward = _with_kernel(outer, name, named[name])

    def changes() -> list[Change]:
        return [NewForward(module, forward)]

    replaced = Replaced(place.path, "rotary", place.called, "apply_rotary_pos_emb", "iree")
    return Found(replaced, changes)


@lru_cache(64)
def _with_kernel(outer: FunctionType, name: str, before: Rotate) -> FunctionType:
    """Return a copy of a method that rotates by our kernel; all layers of a model share it."""
    inner = cast("FunctionType", inspect.unwrap(outer))
    return with_global(outer, inner, name, rotate_as(before))


def rotate_as(before: Rotate) -> Rotate:
    """Return a rotation by the kernel, which calls another function where it does not serve.

    The kernel is called without the op's priority, in which native comes first: native is slower
    than what models call, the kernel is faster. Compilers fuse the model's function themselves.

    Args:
        before: the rotation of the model, for gradients and graphs.
    """
    kernel: Any = IrOp.registry["apply_rotary_pos_emb"].impls["iree"]

    def rotate(
        q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, unsqueeze_dim: int = 1
    ) -> tuple[Tensor, Tensor]:
        graph = torch.compiler.is_compiling() or type(q) is not Tensor
        gradient = torch.is_grad_enabled() and (q.requires_grad or k.requires_grad)
        mixed = torch.is_autocast_enabled(q.device.type) or not q.dtype == k.dtype == cos.dtype
        if graph or gradient or mixed or unsqueeze_dim != 1 or cos.ndim != 3:
            return before(q, k, cos, sin, unsqueeze_dim)
        try:  # heads and tokens are swapped in memory: tokens come first
            q_rows, k_rows = q.transpose(1, 2), k.transpose(1, 2)
            q_rows, k_rows = kernel.functional(q_rows, k_rows, cos, sin, 2, False)  # noqa: FBT003
        except NotTakenError:
            return before(q, k, cos, sin, unsqueeze_dim)
        return q_rows.transpose(1, 2), k_rows.transpose(1, 2)

    return rotate


def _looks_like_rotary(value: Any) -> bool:
    if hasattr(type(value), "kernel_layer_name"):  # `kernels` made a module of the function
        value = value.forward
    if not isinstance(value, (FunctionType, MethodType)):
        return False
    parameters = list(inspect.signature(value).parameters.values())
    names = tuple(p.name for p in parameters[:4])
    return names == _FIRST and all(p.default is not p.empty for p in parameters[4:])


@lru_cache(64)
def rotates_by_halves(function: Callable[..., Any]) -> bool:
    """Tell whether a function rotates heads as the op does, completely or their first elements."""
    native = IrOp.registry["apply_rotary_pos_emb"].native
    generator = torch.Generator().manual_seed(0)

    def made(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    for batch, width in ((2, _SIZE), (1, _SIZE), (2, _SIZE // 2)):
        q, k = made(2, 4, _TOKENS, _SIZE), made(2, 2, _TOKENS, _SIZE)
        cos, sin = made(batch, _TOKENS, width), made(batch, _TOKENS, width)
        exact = native(*(t.double() for t in (q, k, cos, sin)))
        try:
            got = function(q, k, cos, sin)
        except Exception:  # noqa: BLE001 - this function rotates whole heads only
            if width == _SIZE:
                return False
            continue
        if len(got) != 2 or not all(
            close(mine, theirs, 1e-5, 1e-6) for mine, theirs in zip(got, exact, strict=True)
        ):
            return False
    return True


def with_global(outer: FunctionType, inner: FunctionType, name: str, value: Any) -> FunctionType:
    """Return a copy of a method that finds another value under one global name.

    Args:
        outer: the method; decorators may have wrapped it.
        inner: the function that they wrapped.
        name: the global name in the code of `inner`.
        value: what it stands for.
    """
    scope = dict(inner.__globals__)
    scope[name] = value
    # Dynamo guards globals of a named module in that module, where this value is not.
    scope.pop("__name__", None)
    copied = FunctionType(
        inner.__code__, scope, inner.__name__, inner.__defaults__, inner.__closure__
    )
    copied.__kwdefaults__ = inner.__kwdefaults__
    copied.__module__ = inner.__module__
    return _wrapped_again(outer, inner, copied)


def _wrapped_again(outer: FunctionType, inner: FunctionType, new: FunctionType) -> FunctionType:
    """Return a copy of a decorated function, around another function."""
    if outer is inner:
        return new
    cells = outer.__closure__ or ()
    made = FunctionType(
        outer.__code__,
        outer.__globals__,
        outer.__name__,
        outer.__defaults__,
        tuple(_cell_around(cell, inner, new) for cell in cells),
    )
    made.__kwdefaults__ = outer.__kwdefaults__
    made.__module__ = outer.__module__
    return made


def _cell_around(cell: CellType, inner: FunctionType, new: FunctionType) -> CellType:
    content = cell.cell_contents
    if content is inner:
        return CellType(new)
    if isinstance(content, FunctionType) and inspect.unwrap(content) is inner:
        return CellType(_wrapped_again(content, inner, new))
    return cell
