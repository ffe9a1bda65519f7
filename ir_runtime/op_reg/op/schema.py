"""The accepted schemas of an op, and facts in a schema: defaults, dtypes, kinds of results."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch

from ir_runtime.errors import RegistrationError

__all__ = ["check_dispatch_keys", "check_schema", "default_value", "dtype_of_code", "is_symbolic"]

_TENSOR_ARGUMENTS = ("Tensor", "Optional[Tensor]", "List[Tensor]")
_RESULTS = (*_TENSOR_ARGUMENTS, "int", "float", "bool")


def check_dispatch_keys(name: str, keys: Sequence[str]) -> None:
    """Refuse dispatch keys that kernels cannot serve, before torch knows the op.

    Raises:
        RegistrationError: torch does not know a key, or registration uses the key itself.
    """
    for key in keys:
        known = torch._C._parse_dispatch_key(key) is not None
        if not known or key == "Meta" or key.startswith(("Autograd", "CompositeImplicit")):
            raise RegistrationError(
                f"{name}: dispatch key {key!r} takes no kernels, must be that of a backend, "
                "such as 'CPU', or 'CompositeExplicitAutograd' for all"
            )


def check_schema(name: str, schema: Any) -> None:
    """Refuse a schema that no selection can declare.

    Raises:
        RegistrationError: an argument or result has an unsupported type, or a result aliases an
            argument in an unsupported way.
    """
    for argument in schema.arguments:
        kind = str(argument.type)
        if "Tensor" in kind and kind not in _TENSOR_ARGUMENTS:
            raise RegistrationError(
                f"{name}: argument `{argument.name}` is {argument.type}, "
                "must be Tensor, Tensor?, Tensor[] or no tensor"
            )
    for i, result in enumerate(schema.returns):
        if str(result.type) not in _RESULTS:
            raise RegistrationError(
                f"{name}: result {i} is {result.type}, "
                "must be Tensor, Tensor?, Tensor[], SymInt, int, float or bool"
            )
    _check_aliases(name, schema)


def _check_aliases(name: str, schema: Any) -> None:
    written: set[str] = set()
    for argument in schema.arguments:
        if argument.alias_info is not None and not argument.alias_info.is_write:
            raise RegistrationError(
                f"{name}: argument `{argument.name}` may be aliased by a result, "
                "must be marked mutable, as Tensor(a!), or not at all"
            )
        if argument.alias_info is not None:
            written |= argument.alias_info.before_set
    for i, result in enumerate(schema.returns):
        if result.alias_info is None:
            continue
        if str(result.type) != "Tensor":
            raise RegistrationError(
                f"{name}: result {i} is a changed list or optional argument, must return () then"
            )
        if not result.alias_info.before_set <= written:
            raise RegistrationError(
                f"{name}: result {i} aliases no mutable argument, must be new or one of those"
            )


def default_value(argument: Any) -> Any:
    """Return the default of a schema argument, as the dispatcher would pass it.

    torch stores a dtype as a number in the schema, but passes a dtype.
    """
    value = argument.default_value
    is_dtype = str(argument.real_type) in ("ScalarType", "Optional[ScalarType]")
    return dtype_of_code(value) if is_dtype and value is not None else value


@functools.cache
def dtype_of_code(code: int) -> torch.dtype:
    """Return the dtype with this number in torch."""
    return torch.ops.aten.empty.memory_format([0], dtype=code, device="meta").dtype


def is_symbolic(result: Any) -> bool:
    """Tell whether a scalar result is a `SymInt`; `str(result.type)` shows it as `int`."""
    return result.real_type.kind() == "SymIntType"
