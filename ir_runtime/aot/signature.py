"""Give callables without a signature of their own one that `torch.export` can read."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from inspect import Parameter, Signature
from typing import Any

import torch

__all__ = ["with_signature"]


def with_signature(
    fn: Callable[..., Any], args: Sequence[Any], kwargs: Iterable[str]
) -> Callable[..., Any]:
    """Return a function as it is, or one with a signature that calls it.

    Args:
        fn: a Python function, a torch op, a builtin such as `torch.matmul`, or another callable.
        args: the arguments that it is to be called with; a builtin's are named `arg0`, `arg1`, ...
        kwargs: names of keyword arguments that it is to be called with.
    """
    if inspect.isfunction(fn) or inspect.ismethod(fn):
        return fn
    if isinstance(fn, torch._ops.OpOverloadPacket):
        fn = fn.default
    signature = _signature_of(fn)
    if signature is None:
        positional = [Parameter(f"arg{i}", Parameter.POSITIONAL_ONLY) for i in range(len(args))]
        signature = Signature(
            [*positional, *(Parameter(name, Parameter.KEYWORD_ONLY) for name in kwargs)]
        )

    def call(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    call.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    return call


def _signature_of(fn: Any) -> Signature | None:
    if isinstance(fn, torch._ops.OpOverload):
        return Signature([_parameter_of(argument) for argument in fn._schema.arguments])
    try:
        return inspect.signature(fn)
    except (TypeError, ValueError):
        return None


def _parameter_of(argument: Any) -> Parameter:
    kind = Parameter.KEYWORD_ONLY if argument.kwarg_only else Parameter.POSITIONAL_OR_KEYWORD
    default = argument.default_value if argument.has_default_value() else Parameter.empty
    return Parameter(argument.name, kind, default=default)
