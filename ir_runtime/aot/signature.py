"""A signature for callables without one, so that `torch.export` can read it."""

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
    """Return a Python function unchanged; wrap another callable in a function with a signature.

    Args:
        fn: a Python function, a torch op, a builtin such as `torch.matmul`, or another callable.
        args: the arguments of the call; those of a builtin get the names `arg0`, `arg1`, ...
        kwargs: names of the keyword arguments of the call.
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
