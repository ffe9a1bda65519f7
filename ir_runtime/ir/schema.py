"""The schema of an op: made from native's annotations, and compared with those of providers."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import OpDefinitionError

__all__ = [
    "check_name",
    "check_parameters",
    "check_same_schema",
    "check_supports_args",
    "infer_schema",
    "with_mutation",
]

_NAME = re.compile(r"[a-z_][a-z_0-9]*")
_RESULT = re.compile(r"->\s*(?P<results>.*)$")


def check_name(name: str, what: str) -> None:
    """Refuse a name that torch, a file or a variable could not have.

    Raises:
        OpDefinitionError: it does not match `[a-z_][a-z_0-9]*`.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OpDefinitionError(
            f"{what} name {name!r} is invalid, must be lowercase letters, digits and underscores, "
            "and begin with no digit"
        )


def check_parameters(op: str, native: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a native function.

    Raises:
        OpDefinitionError: it has keyword-only or variadic parameters.
    """
    signature = inspect.signature(native)
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            raise OpDefinitionError(
                f"op {op}: has keyword-only arguments (`{parameter.name}`), must have only "
                "positional ones: nodes of a graph are lowered by position"
            )
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise OpDefinitionError(
                f"op {op}: `{parameter.name}` stands for any number of arguments, "
                "must be one with a name and a type"
            )
    return signature


def infer_schema(op: str, function: Callable[..., Any]) -> str:
    """Return the schema of a functional op as torch writes it: `(Tensor x) -> Tensor`.

    Raises:
        OpDefinitionError: a parameter or the result has no annotation, or one that torch does not
            know.
    """
    optional = _optional_results(function)
    try:
        if optional is None:
            return torch.library.infer_schema(function, mutates_args=[])
        plain = _with_result(function, Tensor)
        return _RESULT.sub(f"-> ({optional})", torch.library.infer_schema(plain, mutates_args=[]))
    except (ValueError, NameError) as error:
        raise OpDefinitionError(
            f"op {op}: its schema cannot be inferred from the annotations of "
            f"`{getattr(function, '__qualname__', function)}`",
            facts=str(error).split("\n"),
        ) from error


def _optional_results(function: Callable[..., Any]) -> str | None:
    """Write the types of a tuple with optional tensors, which torch cannot infer; else None."""
    try:
        result = typing.get_type_hints(function).get("return")
    except (NameError, TypeError):
        return None
    if typing.get_origin(result) is not tuple:
        return None
    parts = typing.get_args(result)
    kinds = ["Tensor" if part is Tensor else "Tensor?" for part in parts]
    known = all(part in (Tensor, Tensor | None) for part in parts)
    return ", ".join(kinds) if known and "Tensor?" in kinds else None


def _with_result(function: Callable[..., Any], result: Any) -> Callable[..., Any]:
    def like() -> None:
        return None

    hints = typing.get_type_hints(function)
    signature = inspect.signature(function)
    parameters = [p.replace(annotation=hints[n]) for n, p in signature.parameters.items()]
    like.__signature__ = signature.replace(  # pyright: ignore[reportFunctionMemberAccess]
        parameters=parameters, return_annotation=result
    )
    return like


def with_mutation(schema: str, names: Sequence[str]) -> str:
    """Return a schema with some tensors marked as written: `Tensor(a0!) x`."""
    for i, name in enumerate(names):
        schema, count = re.subn(rf"\bTensor {name}\b", f"Tensor(a{i}!) {name}", schema, count=1)
        if not count:
            raise OpDefinitionError(
                f"activation `{name}` is no tensor, must be one to be written", facts=[schema]
            )
    return schema


def check_same_schema(op: str, provider: str, schema: str, native: str) -> None:
    """Refuse a provider whose signature differs from native's.

    Raises:
        OpDefinitionError: names, types, defaults or results differ.
    """
    if _normal(schema) != _normal(native):
        raise OpDefinitionError(
            f"op {op}: the schema of provider {provider} does not match native schema",
            facts=[f"{provider}: {schema}", f"native: {native}"],
        )


def _normal(schema: str) -> str:
    """Return a schema with one spelling of integers, quotes, spaces and default numbers."""
    text = " ".join(schema.replace("SymInt", "int").replace("'", '"').split())
    return re.sub(r"(?<==)(-?\d+\.?\d*(?:e[-+]?\d+)?)", lambda m: repr(float(m[1])), text)


def check_supports_args(provider: str, function: object, native: inspect.Signature) -> None:
    """Refuse a `supports_args` that cannot be called with the arguments of the op.

    Raises:
        OpDefinitionError: it is no function, or its parameters differ from native's.
    """
    subject = f"supports_args for provider {provider}"
    if not callable(function):
        raise OpDefinitionError(f"{subject} must be a callable, is {function!r}")
    found, wanted = inspect.signature(function).parameters, native.parameters
    if any(p.kind is p.KEYWORD_ONLY for p in found.values()):
        raise OpDefinitionError(f"{subject} has keyword-only parameters, must have native's")
    if len(found) != len(wanted):
        raise OpDefinitionError(
            f"{subject} has {len(found)}, must have the same number of parameters "
            f"as native: {len(wanted)}"
        )
    for mine, other in zip(found.values(), wanted.values(), strict=True):
        if mine.name != other.name:
            raise OpDefinitionError(
                f"{subject}: parameter '{mine.name}' does not match native parameter '{other.name}'"
            )
        if mine.default != other.default or type(mine.default) is not type(other.default):
            raise OpDefinitionError(
                f"{subject}: the default of '{mine.name}' is {_default(mine)}, "
                f"does not match native default {_default(other)}"
            )


def _default(parameter: inspect.Parameter) -> str:
    return "absent" if parameter.default is parameter.empty else repr(parameter.default)
