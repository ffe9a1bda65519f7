"""The values that a function reads by name: globals, members of modules, imports, files."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import random
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from ir_runtime.frozen import frozen
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.op_reg.digest.bytecode_read import (
    Attribute,
    Constant,
    Load,
    Other,
    Token,
    read_tokens,
)
from ir_runtime.op_reg.digest.library_code import (
    dotted_name,
    is_framework,
    is_library,
    library_version,
)
from ir_runtime.op_reg.digest.local_import import definitions_of, function_imports, templates_beside
from ir_runtime.op_reg.digest.object_state import MISSING, attribute_of
from ir_runtime.op_reg.digest.outside_read import FILES, OutsideRead, outside_read
from ir_runtime.op_reg.digest.sink import Sink
from ir_runtime.op_reg.op.registry import ALL_CUSTOM_OP_REGS

__all__ = ["FunctionReads"]

_PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device)
_STORE = Other("store")
_FILE_METHODS = ("read_text", "read_bytes")


@frozen
class _Found:
    """The value of a load.

    Attributes:
        value: the value; in a library, MISSING if only running code could find it.
        library: its full name, if a library defines it; else "".
    """

    value: Any
    library: str


class FunctionReads:
    """The names that the code of a function reads, and their values.

    Args:
        into: the description that they are added to.
        function: the function; its nested functions count, too.
    """

    def __init__(self, into: Sink, function: types.FunctionType) -> None:
        self._into = into
        self._function = function
        self._scope = function.__globals__
        self._tokens = read_tokens(function.__code__)
        self._words = sorted(set(_words(self._tokens)))
        into.names.update(self._words)

    def describe(self) -> None:
        """Add all values that the function reads."""
        for at, token in enumerate(self._tokens):
            if isinstance(token, Load):
                self._load(at, token)
            elif isinstance(token, Attribute) and token.name in self._file_methods():
                self._refuse(OutsideRead(token.name, None, *FILES))
        self._templates()
        self._imports()
        if "inline_torch" in self._words:
            self._into.add(f"torch {torch.__version__}")
        if "ops" in self._words:  # torch.ops.<namespace>.<name>
            self._into.registered({f"{a}::{b}" for a in self._words for b in self._words})

    def _file_methods(self) -> tuple[str, ...]:
        uses_paths = not {"Path", "pathlib"}.isdisjoint(self._words)
        return (*_FILE_METHODS, "open") if uses_paths else _FILE_METHODS

    def _load(self, at: int, load: Load) -> None:
        found = self._find(load)
        if found is None:
            return
        name, value = found.library, found.value
        if isinstance(value, types.MethodType) and isinstance(value.__self__, pathlib.Path):
            name = name or f"pathlib.Path.{value.__name__}"
        if self._token(at + 1) == _STORE and (name or isinstance(value, types.ModuleType)):
            return  # the new local name is read as the same load later
        if name and not isinstance(value, types.ModuleType):
            self._of_library(at, name, value)
        elif isinstance(value, types.ModuleType):
            self._module_as_value(at, value)
        else:
            words = ".".join((load.root, *load.attributes)).partition(".()")[0]
            self._into.add(words)
            with self._into.at(f"`{words}`"):
                self._into.value(value)

    def _find(self, load: Load) -> _Found | None:
        """Find the value of a load without running code; None if the name does not exist."""
        value, library = self._root(load)
        if value is MISSING and not library:
            return None
        for attribute in load.attributes:
            if attribute == "()":
                break
            inner = attribute_of(value, attribute)
            if library:
                library = _library_name(inner) if _is_module(inner) else f"{library}.{attribute}"
            elif inner is MISSING:
                break
            else:
                library = _library_name(inner)
            value = inner
        if library and self._into.follows(library):
            library = ""  # its code is followed even if it is installed
        return _Found(value, library)

    def _root(self, load: Load) -> tuple[Any, str]:
        if load.level is not None:
            name = self._absolute(load)
            if not is_library(name) or self._into.follows(name):
                return MISSING, ""  # its text counts, see _imports
            # A module that the body imports may not be loaded yet: the key must not depend on it.
            is_torch = name.partition(".")[0] == "torch"
            return sys.modules.get(name, MISSING) if is_torch else MISSING, name
        if load.root in self._scope:
            value = self._scope[load.root]
            return value, _library_name(value)
        builtins = self._scope.get("__builtins__", {})
        members = builtins if isinstance(builtins, dict) else vars(builtins)
        return members.get(load.root, MISSING), f"builtins.{load.root}"

    def _absolute(self, load: Load) -> str:
        package = str(self._scope.get("__package__") or "")
        try:
            return importlib.util.resolve_name("." * (load.level or 0) + load.root, package)
        except ImportError:
            return load.root

    def _token(self, at: int) -> Token:
        return self._tokens[at] if 0 <= at < len(self._tokens) else Other("end")

    def _of_library(self, at: int, name: str, value: Any) -> None:
        """Describe a library's value: by its name, and by the value itself if it is plain data."""
        outside = outside_read(name, self._tokens, at, self._value_of)
        by_text = {
            "builtins.globals": self._global_by_text,
            "builtins.eval": self._eval_text,
            "builtins.exec": self._text_of_code,
            "builtins.getattr": self._attribute_by_text,
            "builtins.__import__": self._module_by_name,
            "importlib.import_module": self._module_by_name,
            "sys.modules": self._module_by_name,
        }.get(name)
        if outside is not None:
            self._refuse(outside)
        elif by_text is not None:
            by_text(at)
        elif isinstance(value, _PLAIN):
            self._into.value(value)
        elif name.startswith("builtins."):
            pass  # its name is part of the code
        elif isinstance(getattr(type(value), "qualified_name", None), property):
            self._into.value(value)  # it is an op of this package
        else:
            self._into.add(name, library_version(name))
            if isinstance(value, types.FunctionType) and not is_framework(name):
                self._into.value(value)  # a library's wrapper may contain the user's functions

    def _value_of(self, load: Load) -> object:
        found = self._find(load)
        return None if found is None else found.value

    def _refuse(self, outside: OutsideRead) -> None:
        if outside.described is not None:
            self._into.add(outside.described)
        else:
            what = f"{outside.kind} by `{outside.name}`"
            self._into.refuse(what, outside.fix)

    def _global_by_text(self, at: int) -> None:
        """Describe the global of `globals()["S"]`; refuse a name that is computed."""
        key = self._token(at + 1)
        key = key.value if isinstance(key, Constant) else None
        if isinstance(key, str):
            if key in self._scope:
                self._into.value(self._scope[key])
            return
        fix = "name the variable in the code: globals()['NAME']"
        self._refuse(OutsideRead("globals", None, "names that the code does not hold", fix))

    def _attribute_by_text(self, at: int) -> None:
        named = self._token(at + 2)
        if not (isinstance(named, Constant) and isinstance(named.value, str)):
            self._into.reads_any_name = True

    def _eval_text(self, at: int) -> None:
        if not self._text_of_code(at):
            fix = "write the expression as code"
            self._refuse(OutsideRead("eval", None, "names that the code does not hold", fix))

    def _text_of_code(self, at: int) -> bool:
        """Describe the globals that a constant text uses; tell whether the text is constant.

        A computed text is not refused here: `exec` may run it in its own scope.
        """
        text = self._token(at + 1)
        if not (isinstance(text, Constant) and isinstance(text.value, str)):
            return False
        try:
            named = compile(text.value, "<text>", "exec").co_names
        except SyntaxError:
            return True
        for word in named:
            if word in self._scope:
                self._into.add(word)
                self._into.value(self._scope[word])
        return True

    def _module_by_name(self, at: int) -> None:
        key = self._token(at + 1)
        name = key.value if isinstance(key, Constant) else None
        name = self._value_of(key) if isinstance(key, Load) else name
        if isinstance(name, str):
            if self._into.follows(name) and name not in sys.modules:
                self._imported(name, self._words)
            elif name in sys.modules:
                self._module_as_value(at, sys.modules[name])
        else:
            fix = "name the module in the code: import it"
            self._refuse(OutsideRead("sys.modules", None, "names that the code does not hold", fix))

    def _module_as_value(self, at: int, module: types.ModuleType) -> None:
        """Describe the members of a module that the code names, or all if it computes names."""
        before, after = self._token(at - 1), self._token(at + 1)
        here = self._tokens[at]
        asked = isinstance(before, Load) and before.root in ("getattr", "vars", "dir")
        asked |= isinstance(here, Load) and "__dict__" in here.attributes
        is_named = isinstance(after, Constant) and isinstance(after.value, str)
        self._into.module(module, None if asked and not is_named else self._words)

    def _templates(self) -> None:
        """Describe the text of each `.mlir` file that the code names and that is beside it."""
        file = self._scope.get("__file__")
        if isinstance(file, str):
            constants = [token.value for token in self._tokens if isinstance(token, Constant)]
            self._into.add(*map(digest_of, templates_beside(file, constants)))

    def _imports(self) -> None:
        """Describe the text of each module that the body imports; it may not be loaded yet."""
        for imported, member in function_imports(self._function):
            if self._into.follows(imported):
                self._imported(imported, self._words if member is None else [member])

    def _imported(self, module: str, wanted: Sequence[str]) -> None:
        found = definitions_of(module, wanted)
        if found is not None:
            self._into.add(f"{module} {found.digest}")
            for outside in found.outside:
                self._refuse(outside)
        elif module in sys.modules:
            self._into.module(sys.modules[module], wanted)


def _is_module(value: Any) -> bool:
    return isinstance(value, types.ModuleType)


def _library_name(value: Any) -> str:
    """Return the full name of an object that a library defines, "" for other objects."""
    if value is os.environ:
        return "os.environ"
    if value is ALL_CUSTOM_OP_REGS:
        return "ir_runtime.op_reg.ALL_CUSTOM_OP_REGS"  # not all ops of the process
    if isinstance(value, types.MethodType | types.BuiltinFunctionType):
        owner = value.__self__
        if owner is random._inst:  # pyright: ignore[reportAttributeAccessIssue]
            return f"random.{value.__name__}"
        if not (owner is None or isinstance(owner, type | types.ModuleType)):
            hidden = getattr(sys.modules.get("numpy.random.mtrand"), "_rand", value)
            return "numpy.random" if owner is hidden else ""
        if isinstance(value, types.MethodType):
            name = dotted_name(value.__func__)
            return name if is_library(name) else ""
    name = dotted_name(value)
    return name if name and is_library(name) else ""


def _words(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield each name that code uses, and each string constant that could be a name."""
    for token in tokens:
        if isinstance(token, Load):
            yield from (token.root, *token.attributes)
        elif isinstance(token, Attribute):
            yield token.name
        elif (
            isinstance(token, Constant)
            and isinstance(token.value, str)
            and token.value.isidentifier()
        ):
            yield token.value
