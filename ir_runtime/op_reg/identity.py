"""When is an op still the same op?  A digest of all code that decides what kernel it generates.

The digest takes the place of the generated text in a kernel's key, so that a stored kernel is
found without generating MLIR, and a redefined op never runs a stale one.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ir_runtime.launch.key import digest_of
from ir_runtime.op_reg.template import MlirTemplate

__all__ = ["code_digest"]

_CONSTANTS = int | float | complex | str | bytes | bool | None


def code_digest(cls: type, base: type) -> str:
    """Digest a class: its methods, what they refer to, and this package's builder.

    Functions and classes of the same top-level package, templates, constants and closures that
    the code refers to by name are followed; other packages are not.

    Args:
        cls: the class of an op.
        base: the class whose own code does not count.
    """
    parts: list[str] = [_builder_digest()]
    seen: set[int] = set()
    for owner in cls.__mro__:
        if owner is base:
            break
        for name, member in sorted(vars(owner).items()):
            if name not in ("__dict__", "__weakref__", "__doc__", "__firstlineno__"):
                parts.append(name)
                parts.extend(_describe(member, cls.__module__, seen))
    return digest_of(*parts)


def _describe(value: Any, module: str, seen: set[int]) -> Iterator[str]:
    value = _unwrapped(value)
    if isinstance(value, _CONSTANTS | tuple | list | set | frozenset | dict):
        yield repr(value)
    elif isinstance(value, MlirTemplate):
        yield value.digest
    elif id(value) not in seen and _same_package(getattr(value, "__module__", None), module):
        seen.add(id(value))
        if isinstance(value, types.FunctionType):
            yield from _describe_function(value, module, seen)
        elif isinstance(value, type):
            for name, member in sorted(vars(value).items()):
                if not name.startswith("__") or name == "__init__":
                    yield name
                    yield from _describe(member, module, seen)


def _unwrapped(value: Any) -> Any:
    if isinstance(value, staticmethod | classmethod):
        return value.__func__
    return value.fget if isinstance(value, property) else value


def _describe_function(function: types.FunctionType, module: str, seen: set[int]) -> Iterator[str]:
    yield _source_or_bytecode(function)
    for cell in function.__closure__ or ():
        try:
            yield from _describe(cell.cell_contents, module, seen)
        except ValueError:  # not filled yet
            continue
    yield repr(function.__defaults__)
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            yield name
            yield from _describe(function.__globals__[name], module, seen)


def _source_or_bytecode(function: types.FunctionType) -> str:
    """Prefer source, which no Python version changes; code typed at a prompt has none."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return _bytecode(function.__code__)


def _bytecode(code: types.CodeType) -> str:
    constants = [_bytecode(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    return digest_of(code.co_code, *code.co_names, *constants)


def _names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _same_package(one: str | None, other: str) -> bool:
    return one is not None and one.partition(".")[0] == other.partition(".")[0]


@functools.cache
def _builder_digest() -> str:
    here = Path(__file__).parent
    files = ("builder.py", "from_torch.py", "lower_torch.py", "merge.py", "shape.py", "template.py")
    return digest_of(*((here / name).read_bytes() for name in files))
