"""Digest the code that decides what kernel an op generates.

The digest takes the place of the generated text in a kernel's key, so that a stored kernel is
found without generating MLIR, and a redefined op never runs a stale one. Of this package's own
code only `MLIR_SCHEMA` counts, and the code of an op that is defined in it.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from ir_runtime.launch.key import digest_of
from ir_runtime.op_reg.loader import TemplateLoader
from ir_runtime.op_reg.local_import import definitions_digest, function_imports
from ir_runtime.op_reg.mlir_schema import MLIR_SCHEMA
from ir_runtime.op_reg.template import MlirTemplate

__all__ = ["code_digest", "function_digest"]


_OWN = "ir_runtime"
_BUILDER = "ir_runtime.op_reg"
_NO_CODE_OF_OPS = ("abc", "builtins", "typing")


def code_digest(cls: type) -> str:
    """Digest the class of an op: its methods, what they refer to, and the number `MLIR_SCHEMA`.

    Functions, classes and modules of the same top-level package, templates, template loaders,
    constants, containers and closures that the code refers to by name are followed; of other
    packages the name counts. What a function imports in its body counts by its text, and the
    `.mlir` files that it names. Registered ops are followed, too, since `inline_torch` puts their
    kernels into the caller's. Where the code calls `inline_torch`, the version of torch counts,
    since torch's decompositions are part of the kernel.

    Args:
        cls: a subclass of `CustomOp`.
    """
    return digest_of(f"MLIR schema {MLIR_SCHEMA}", *_describe_op_class(cls, set()))


def function_digest(function: Callable[..., Any]) -> str:
    """Digest a Python callable: its code, its closure and defaults, and what they refer to.

    Followed are the same things as for the class of an op: functions, classes, constants and
    templates of the same top-level package, or of the same module if that is in none; of other
    packages the name counts. Bound arguments of a `functools.partial`, the object of a bound
    method and the attributes of an object that is called count, too; other objects by their
    `repr`. The digest is the same in each process.

    Args:
        function: need not have a source file; an object without code, such as a builtin, counts by
            its name.
    """
    return digest_of(*_describe_callable(function, set()))


def _describe_callable(function: Any, seen: set[int]) -> Iterator[str]:
    if isinstance(function, functools.partial):
        yield "partial"
        yield from _describe_callable(function.func, seen)
        module = getattr(function.func, "__module__", None) or ""
        yield from _describe_container((function.args, function.keywords), module, seen)
    elif isinstance(function, types.MethodType):
        yield from _describe_callable(function.__func__, seen)
        yield from _describe_callable(function.__self__, seen)
    elif isinstance(function, types.FunctionType | type) or _is_known(function):
        yield from _describe(function, getattr(function, "__module__", None) or "", seen)
    else:
        cls = type(function)
        yield from _describe(cls, cls.__module__, seen)
        yield from _describe(dict(getattr(function, "__dict__", {})), cls.__module__, seen)


def _is_known(value: Any) -> bool:
    """Whether `_describe` says more of an object than its `repr` does, or that suffices."""
    kinds = (types.BuiltinFunctionType, torch._ops.OpOverload, torch._ops.OpOverloadPacket)
    return isinstance(value, (*kinds, torch.nn.Module)) or hasattr(value, "__wrapped__")


def _describe_op_class(cls: type, seen: set[int]) -> Iterator[str]:
    """Describe a class and its bases; `MLIR_SCHEMA` stands for the bases that the builder has."""
    seen.add(id(cls))
    for owner in cls.__mro__:
        where = owner.__module__
        if owner is not cls and (where.startswith(f"{_BUILDER}.") or where in _NO_CODE_OF_OPS):
            continue
        for name, member in sorted(vars(owner).items()):
            if name not in ("__dict__", "__weakref__", "__doc__", "__firstlineno__"):
                yield name
                yield from _describe(member, cls.__module__, seen)


def _describe(value: Any, module: str, seen: set[int]) -> Iterator[str]:
    value = _unwrapped(value)
    if isinstance(value, MlirTemplate):
        yield value.digest
    elif isinstance(value, TemplateLoader):
        yield value.digest
        yield from _describe(type(value), module, seen)
    elif isinstance(value, tuple | list | set | frozenset | dict):
        yield from _describe_container(value, module, seen)
    elif isinstance(value, functools.partial):
        yield from _describe_container((value.func, value.args, value.keywords), module, seen)
    elif isinstance(value, types.FunctionType | type) and _same_package(value.__module__, module):
        if id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, type):
            yield from _describe_class(value, module, seen)
        else:
            yield from _describe_function(value, module, seen)
    else:
        yield from _describe_object(value, module, seen)


def _describe_object(value: Any, module: str, seen: set[int]) -> Iterator[str]:
    if isinstance(value, torch.Tensor):
        yield _describe_tensor(value)
    elif isinstance(value, torch.nn.Module):
        yield from _describe(type(value), module, seen)
        yield repr(value)
        yield from _describe(value.state_dict(), module, seen)
    else:
        yield _stable_repr(value)
        if isinstance(value, torch._ops.OpOverloadPacket):
            yield from _describe_registered({str(value._qualified_op_name)}, seen)
        elif isinstance(value, torch._ops.OpOverload):
            yield from _describe_registered({value._schema.name}, seen)


def _describe_registered(wanted: set[str], seen: set[int]) -> Iterator[str]:
    """Describe registered ops, given their qualified names: traced code holds their kernels."""
    from ir_runtime.op_reg.stand_in import known_names, op_named

    for name in sorted(wanted & set(known_names())):
        op = op_named(name)
        if op is not None and id(type(op)) not in seen:
            yield name
            yield from _describe_op_class(type(op), seen)


def _describe_tensor(value: torch.Tensor) -> str:
    """Digest a tensor that the code holds: traced code has its elements compiled in."""
    seen = f"{type(value).__name__} {value.dtype} {tuple(value.shape)}"
    if type(value) not in (torch.Tensor, torch.nn.Parameter) or value.is_meta or value.is_sparse:
        return seen
    plain = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
    return digest_of(seen, plain.reshape(-1).view(torch.uint8).numpy().tobytes())


def _stable_repr(value: Any) -> str:
    """An address differs in each process; what shows one counts by its name alone."""
    text = repr(value)
    if " at 0x" not in text:
        return text
    return f"{type(value).__name__} {getattr(value, '__qualname__', '')}"


def _describe_container(value: Any, module: str, seen: set[int]) -> Iterator[str]:
    if id(value) in seen:  # it contains itself
        return
    seen.add(id(value))
    yield f"{type(value).__name__} of {len(value)}"
    if isinstance(value, set | frozenset):  # its order differs in each process
        yield from sorted(digest_of(*_describe(item, module, seen)) for item in value)
    else:
        for item in value.items() if isinstance(value, dict) else value:
            for part in item if isinstance(value, dict) else (item,):
                yield from _describe(part, module, seen)
    seen.discard(id(value))


def _describe_class(value: type, module: str, seen: set[int]) -> Iterator[str]:
    for name, member in sorted(vars(value).items()):
        if not name.startswith("__") or name == "__init__":
            yield name
            yield from _describe(member, module, seen)


def _unwrapped(value: Any) -> Any:
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    elif isinstance(value, property):
        value = value.fget
    elif isinstance(value, functools.cached_property):
        value = value.func
    if isinstance(value, types.FunctionType):
        return value  # what it wraps is in its closure, if it calls it
    return inspect.unwrap(value) if hasattr(value, "__wrapped__") else value


def _describe_function(function: types.FunctionType, module: str, seen: set[int]) -> Iterator[str]:
    yield _source_or_bytecode(function)
    for cell in function.__closure__ or ():
        try:
            yield from _describe(cell.cell_contents, module, seen)
        except ValueError:  # not filled yet
            continue
    yield from _describe((function.__defaults__, function.__kwdefaults__), module, seen)
    names = sorted(_names(function.__code__))
    if "inline_torch" in names:
        yield f"torch {torch.__version__}"
    for name in names:
        if name in function.__globals__:
            yield name
            yield from _describe_global(function.__globals__[name], names, module, seen)
    yield from _describe_imports(function, names, module, seen)
    if "ops" in names:  # torch.ops.<namespace>.<name>
        yield from _describe_registered({f"{a}::{b}" for a in names for b in names}, seen)


def _describe_imports(
    function: types.FunctionType, names: Sequence[str], module: str, seen: set[int]
) -> Iterator[str]:
    """Of a module that a function imports in its body, describe the text; it need not be loaded.

    One that has no text, typed in at a prompt, counts as a module among the globals does.
    """
    for imported, member in function_imports(function):
        if not _same_package(imported, module):
            continue
        wanted = names if member is None else [member]
        text = definitions_digest(imported, wanted)
        if text is not None:
            yield f"{imported} {text}"
        elif imported in sys.modules:
            yield from _describe_global(sys.modules[imported], wanted, module, seen)


def _describe_global(
    value: Any, names: Sequence[str], module: str, seen: set[int]
) -> Iterator[str]:
    """Of a module of the same package, describe what the code may use."""
    if not isinstance(value, types.ModuleType):
        yield from _describe(value, module, seen)
    elif _same_package(value.__name__, module):
        for name in names:
            if name in vars(value):
                yield name
                yield from _describe(vars(value)[name], module, seen)


def _source_or_bytecode(function: types.FunctionType) -> str:
    """Prefer source, which no Python version changes; code typed at a prompt has none.

    The source of a lambda is that of its line, on which there may be others.
    """
    code = function.__code__
    try:
        source = inspect.getsource(code)
    except (OSError, TypeError):
        return _bytecode(code)
    return source + _bytecode(code) if code.co_name == "<lambda>" else source


def _bytecode(code: types.CodeType) -> str:
    constants = [
        _bytecode(c)
        if isinstance(c, types.CodeType)
        else digest_of(*_describe(c, "", set()))  # a frozenset's order differs in each process
        for c in code.co_consts
    ]
    return digest_of(code.co_code, *code.co_names, *constants)


def _names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _same_package(one: str | None, other: str) -> bool:
    """None is the module of code that was run in a scope without a name, as "" is."""
    return _package(one) == _package(other)


def _package(module: str | None) -> str:
    """Return the top-level package of a module; each module of this package counts as one."""
    top = (module or "").partition(".")[0]
    return module or "" if top == _OWN else top
