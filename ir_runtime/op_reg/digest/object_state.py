"""The attributes and the state of objects, read without running their code."""

from __future__ import annotations

import enum
import functools
import struct
import sys
import types
from collections.abc import Mapping
from typing import Any

import torch

from ir_runtime.op_reg.digest.library_code import is_framework

__all__ = ["MISSING", "attribute_of", "has_hidden_state", "own_dict", "state_of"]

MISSING: Any = enum.Enum("_Missing", ["MISSING"]).MISSING
"""Means: there is no such attribute, or only running code could find it."""

_POINTER = struct.calcsize("P")
_DICT_BEFORE, _WEAKREF_BEFORE = 1 << 4, 1 << 3
"""Flags of classes that keep these pointers before an object, so that they add nothing to its
size."""

_TABLES = ("_parameters", "_buffers", "_modules")


def attribute_of(value: Any, name: str) -> Any:
    """Return an attribute that is plain data, a function or a method; MISSING for others.

    It follows Python's look-up, but never calls a descriptor, a property or `__getattr__`, but for
    that of a module: it imports what the module has not imported yet, and a key must not depend on
    that.
    """
    if isinstance(value, types.ModuleType):
        return _member(value, name)
    if isinstance(value, types.FunctionType):
        return value.__dict__.get(name, MISSING)
    if isinstance(value, type):
        return _bound(_in_classes(value, name), None, value)
    cls = type(value)
    if cls.__getattribute__ is not object.__getattribute__:
        return MISSING
    # Python's order: a slot or another descriptor with `__set__` in the class comes before the
    # object's own `__dict__`; a plain attribute or a method of the class comes after it.
    found = _in_classes(cls, name)
    if isinstance(found, types.MemberDescriptorType):
        return _slot(found, value)
    if isinstance(found, property) or hasattr(type(found), "__set__"):
        return MISSING
    own = own_dict(value)
    if name in own:
        return own[name]
    # `nn.Module.__getattr__` reads these tables, and is plain enough to be imitated.
    if found is MISSING and isinstance(value, torch.nn.Module):
        tables = [own.get(table) or {} for table in _TABLES]
        return next((table[name] for table in tables if name in table), MISSING)
    return _bound(found, value, cls)


def _member(module: types.ModuleType, name: str) -> Any:
    found = vars(module).get(name, MISSING)
    if found is MISSING:
        found = sys.modules.get(f"{module.__name__}.{name}", MISSING)
    late = vars(module).get("__getattr__")
    if found is not MISSING or late is None or is_framework(module.__name__):
        return found
    try:
        return late(name)
    except AttributeError:
        return MISSING


def has_hidden_state(cls: type) -> bool:
    """Tell whether objects of a class have state in C besides their attributes."""
    slots = sum(
        isinstance(member, types.MemberDescriptorType)
        for owner in cls.__mro__[:-1]
        for member in vars(owner).values()
    )
    slots += cls.__dictoffset__ > 0 and not cls.__flags__ & _DICT_BEFORE
    slots += cls.__weakrefoffset__ > 0 and not cls.__flags__ & _WEAKREF_BEFORE
    return bool(cls.__itemsize__) or cls.__basicsize__ > object.__basicsize__ + slots * _POINTER


def state_of(value: Any) -> Mapping[str, Any]:
    """Return the attributes of an object by name, with those in slots."""
    cls = type(value)
    slots: dict[str, Any] = {}
    for owner in cls.__mro__[:-1]:
        for name, member in vars(owner).items():
            if isinstance(member, types.MemberDescriptorType):
                held = _slot(member, value)
                if held is not MISSING:
                    slots.setdefault(name, held)
    own = {name: held for name, held in own_dict(value).items() if not _is_cache(cls, name)}
    return {**slots, **own}


def _is_cache(cls: type, name: str) -> bool:
    """Tell whether an attribute is a cached property, which follows from the other state."""
    return isinstance(_in_classes(cls, name), functools.cached_property)  # noqa: TID251 - users have them


def own_dict(value: Any) -> Mapping[str, Any]:
    """Return the `__dict__` of an object, {} if it has none."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found if isinstance(found, dict) else {}


def _in_classes(cls: type, name: str) -> Any:
    return next((vars(c)[name] for c in cls.__mro__ if name in vars(c)), MISSING)


def _slot(descriptor: types.MemberDescriptorType, value: Any) -> Any:
    try:
        return descriptor.__get__(value, type(value))
    except AttributeError:  # the slot is empty
        return MISSING


def _bound(found: Any, value: Any, cls: type) -> Any:
    if isinstance(found, types.FunctionType):
        return found if value is None else types.MethodType(found, value)
    if isinstance(found, staticmethod | classmethod):
        return found.__get__(value, cls)
    return MISSING if hasattr(type(found), "__get__") else found
