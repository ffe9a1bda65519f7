"""The description of one value: a constant, a container, a class, or an object with its state."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import fractions
import functools
import io
import logging
import pathlib
import re
import threading
import types
import typing
import uuid
import weakref
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch

from ir_runtime.op_reg.digest.array import describe_array, describe_tensor
from ir_runtime.op_reg.digest.library_code import dotted_name, module_of_class
from ir_runtime.op_reg.digest.object_state import has_hidden_state, own_dict, state_of
from ir_runtime.op_reg.digest.sink import Sink
from ir_runtime.op_reg.generate.template import MlirTemplate
from ir_runtime.op_reg.generate.template_loader import TemplateLoader
from ir_runtime.op_reg.op.op import Op

__all__ = ["describe_value"]

_BY_REPR = (
    *(type(None), bool, int, float, complex, str, bytes, bytearray, range, slice),
    *(type(...), type(NotImplemented), torch.dtype, torch.device, torch.layout),
    *(torch.memory_format, decimal.Decimal, fractions.Fraction, uuid.UUID, re.Pattern),
    *(dt.date, dt.time, dt.timedelta, np.dtype, pathlib.PurePath),
    *(types.GenericAlias, types.UnionType, typing.TypeVar, type(typing.Union[int, str])),  # noqa: UP007
    *(type(typing.List[int]), torch.Tag, re.RegexFlag),  # noqa: UP006
)
_BY_NAME = (
    *(type(threading.Lock()), type(threading.RLock())),  # noqa: TID251 - asks for their types
    *(threading.Condition, threading.Event),
    *(weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet),
    *(logging.Logger, logging.LoggerAdapter, logging.Handler, torch.library.Library),
    *(types.GetSetDescriptorType, types.MemberDescriptorType, types.WrapperDescriptorType),
    *(types.MethodDescriptorType, types.ClassMethodDescriptorType, np.ufunc),
    *(torch._ops._Ops, torch._ops._OpNamespace, torch._ops.HigherOrderOperator),
)
_RUNNING = (
    *(io.IOBase, types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType),
    *(types.FrameType, types.TracebackType, threading.local, ContextVar, threading.Thread),
    torch.Generator,
)
_CONTAINERS = (tuple, list, set, frozenset, dict, collections.deque, types.MappingProxyType)
_UNORDERED = (set, frozenset)
_NO_MEMBERS = (
    *("__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__slots__"),
    *("__firstlineno__", "__static_attributes__", "__parameters__", "__orig_bases__"),
    *("__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
    *("__dataclass_fields__", "__dataclass_params__", "_abc_impl"),
)
_FIX = "read what the kernel needs of it into a number, a text, or a tuple of them, and use that"


def describe_value(into: Sink, value: Any) -> None:
    """Add a value to a description."""
    kind = type(value)
    if kind in _EXACT:
        into.add(f"{kind.__name__} {value!r}")
        return
    for kinds, describe in _KINDS:
        if isinstance(value, kinds):
            describe(into, value)
            return
    wrapped = own_dict(value).get("__wrapped__")
    if isinstance(wrapped, types.FunctionType):
        into.value(wrapped)  # functools.cache and the like
    else:
        _instance(into, value)


def _by_repr(into: Sink, value: Any) -> None:
    kind = type(value)
    if not into.follows(module_of_class(kind)):
        into.add(f"{kind.__qualname__} {value!r}")
        return
    base = next(c for c in kind.__mro__ if not into.follows(module_of_class(c)))
    text: Any = base.__repr__
    into.add(f"{base.__name__} {text(value)}")
    into.value(kind)
    _state(into, state_of(value))


def _by_name(into: Sink, value: Any) -> None:
    name = dotted_name(value) if not isinstance(value, logging.Logger) else ""
    into.add(type(value).__qualname__, name)


def _template(into: Sink, value: MlirTemplate | TemplateLoader) -> None:
    into.add(value.digest)
    into.value(type(value))


def _tensor(into: Sink, value: torch.Tensor) -> None:
    for part in describe_tensor(value):
        into.value(part)


def _array(into: Sink, value: Any) -> None:
    for part in describe_array(value):
        into.value(part)


def _enum(into: Sink, value: enum.Enum) -> None:
    into.add(f"{type(value).__qualname__}.{value.name}")
    into.value(value.value)
    into.value(type(value))


def _partial(into: Sink, value: Any) -> None:
    into.add(type(value).__name__)
    for part in (value.func, value.args, dict(value.keywords)):
        into.value(part)


def _method(into: Sink, value: types.MethodType) -> None:
    into.value(value.__func__)
    into.value(value.__self__)


def _wrapped(into: Sink, value: Any) -> None:
    into.add(type(value).__name__)
    into.value(value.__func__)


def _property(into: Sink, value: property) -> None:
    for function in (value.fget, value.fset, value.fdel):
        into.value(function)


def _cached_property(into: Sink, value: Any) -> None:
    into.value(value.func)


def _torch_op(into: Sink, value: Any) -> None:
    packet = isinstance(value, torch._ops.OpOverloadPacket)
    name = str(value._qualified_op_name) if packet else value._schema.name
    into.add(str(value))
    into.registered({name})


def _builtin(into: Sink, value: Any) -> None:
    into.library(value)
    owner = value.__self__
    if owner is not None and not isinstance(owner, types.ModuleType | type):
        into.value(owner)


def _reference(into: Sink, value: weakref.ref[Any]) -> None:
    into.value(value())


def _script(into: Sink, value: Any) -> None:
    into.add(value.code)
    if isinstance(value, torch.nn.Module):
        into.value(dict(value.state_dict()))


def _graph(into: Sink, value: torch.fx.GraphModule) -> None:
    into.add(value.code)
    into.value(dict(value.state_dict()))
    for module in value.modules():
        if module is not value and not isinstance(module, torch.fx.GraphModule):
            into.value(module)


def _container(into: Sink, value: Any) -> None:
    kind = type(value)
    if not value and kind in _CONTAINERS:
        into.add(f"{kind.__name__} of 0")
        return
    if kind is not tuple and not into.enter(value):
        return
    into.add(f"{kind.__qualname__} of {len(value)}")
    if isinstance(value, _UNORDERED):
        into.unordered(list(value))
    elif isinstance(value, Mapping):
        for item in value.items():
            into.value(item[0])
            into.value(item[1])
    else:
        for item in value:
            into.value(item)
    if kind not in _CONTAINERS:
        into.value(kind)
        _state(into, state_of(value))
        if isinstance(value, collections.defaultdict):
            into.value(value.default_factory)


def _class(into: Sink, value: type) -> None:
    if not into.follows(module_of_class(value)):
        into.library(value)
        return
    if not into.enter(value):
        return
    into.add(value.__qualname__)
    for owner in value.__mro__[1:-1]:
        into.value(owner)
    if issubclass(value, enum.Enum):
        into.value({name: member.value for name, member in value.__members__.items()})
    for name, member in sorted(vars(value).items()):
        if name not in _NO_MEMBERS and not _of_enum(value, name):
            into.add(name)
            with into.at(f"`{value.__qualname__}`"), into.only_if_read(*_guard(name)):
                into.value(member)
    if type(value) is not type:
        into.value(type(value))


def _of_enum(cls: type, name: str) -> bool:
    kept = issubclass(cls, enum.Enum)
    return kept and (name in cls.__members__ or name.startswith(("_", "__")))


def _guard(name: str) -> tuple[str, ...]:
    """Return the name that must be read for a member to run; operators need no name."""
    return () if name.startswith("__") and name != "__init__" else (name,)


def _instance(into: Sink, value: Any) -> None:
    if not into.enter(value):
        return
    cls = type(value)
    if _digest_of_its_own(into, value):
        return
    into.value(cls)
    if has_hidden_state(cls):
        _opaque(into, value)
    else:
        _state(into, state_of(value))


def _digest_of_its_own(into: Sink, value: Any) -> bool:
    """Describe an op of this package by its own rules; tells whether the value is such an op."""
    if isinstance(value, Op):
        into.op_class(type(value))
        return True
    name = getattr(type(value), "qualified_name", None)
    if isinstance(name, property):
        into.add(value.qualified_name)
        into.registered({value.qualified_name})
        return True
    return False


def _state(into: Sink, state: Mapping[str, Any]) -> None:
    for name in sorted(state):
        into.add(name)
        with into.at(f"`{name}`"), into.only_if_read(name):
            into.value(state[name])


def _opaque(into: Sink, value: Any) -> None:
    """Describe an object with state in C by the values that pickle would store."""
    try:
        reduced = value.__reduce_ex__(4)
    except Exception:  # noqa: BLE001 - whatever the class raises, it cannot be pickled
        _refuse(into, value)
        return
    if isinstance(reduced, str):
        into.add(reduced)
        return
    for i, part in enumerate(reduced):
        into.value(list(part) if i in (3, 4) and part is not None else part)


def _refuse(into: Sink, value: Any) -> None:
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    into.add(kind)
    into.refuse(f"an object of type {kind}", _FIX)


def _function(into: Sink, value: types.FunctionType) -> None:
    into.function(value)


def _module(into: Sink, value: types.ModuleType) -> None:
    into.module(value, sorted(into.names))


_EXACT = frozenset((*_BY_REPR,))
_Kinds = type | tuple[Any, ...]
_KINDS: tuple[tuple[_Kinds, Callable[[Any, Any], None]], ...] = (
    (types.FunctionType, _function),
    ((MlirTemplate, TemplateLoader), _template),
    (enum.EnumType, _class),
    (enum.Enum, _enum),
    (type, _class),
    (types.ModuleType, _module),
    (torch.Tensor, _tensor),
    ((np.ndarray, np.generic), _array),
    ((functools.partial, functools.partialmethod), _partial),
    (types.MethodType, _method),
    ((staticmethod, classmethod), _wrapped),
    (property, _property),
    (functools.cached_property, _cached_property),  # noqa: TID251 - users have them
    ((torch._ops.OpOverloadPacket, torch._ops.OpOverload), _torch_op),
    ((torch.jit.ScriptFunction, torch.jit.ScriptModule), _script),
    (torch.fx.GraphModule, _graph),
    (types.BuiltinFunctionType, _builtin),
    (weakref.ref, _reference),
    (_BY_NAME, _by_name),
    (_RUNNING, _refuse),
    (_CONTAINERS, _container),
    (_BY_REPR, _by_repr),
)
