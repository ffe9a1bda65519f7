"""The description of code and of the values that it reads; equal descriptions mean equal results.

A description is the same in each process: it contains no addresses and no order of a hash table. A
value that cannot be described, or that may change later, is refused with its name and a fix.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from ir_runtime.errors import UndescribedStateError
from ir_runtime.late_import import import_late_names
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.op_reg.digest.bytecode_read import code_digest_parts
from ir_runtime.op_reg.digest.function_read import FunctionReads
from ir_runtime.op_reg.digest.library_code import (
    dotted_name,
    follows,
    is_framework,
    library_version,
)
from ir_runtime.op_reg.digest.torch_op_code import describe_op, is_foreign_op
from ir_runtime.op_reg.digest.value import describe_value
from ir_runtime.op_reg.op.stand_in import known_names, op_named

__all__ = ["Description"]

_BUILDER = "ir_runtime.op_reg."
_NO_CODE_OF_OPS = ("abc", "builtins", "typing")
_NO_MEMBERS = (
    *("__dict__", "__weakref__", "__doc__", "__firstlineno__", "__static_attributes__"),
    *("_abc_impl", "__slotnames__"),  # the second comes with the first copy of an instance
)
_ALWAYS_RUN = ("select", "generate", "native", "fake")


class Description:
    """Code, and the values that it reads, as a list of texts.

    Attributes:
        parts: the texts.
        names: attribute names that the code reads anywhere. A method with another name does not
            run, so the outside reads of such a method are not refused.
        reads_any_name: whether the code computes names of attributes, as `getattr` allows.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.parts: list[str] = []
        self.names: set[str] = set()
        self.reads_any_name = False
        self._seen: dict[int, int] = {}
        self._alive: list[Any] = []  # keeps the objects, so that no address is used twice
        self._where: list[str] = []
        self._guards: list[str] = []
        self._refused: list[tuple[tuple[str, ...], UndescribedStateError]] = []
        self._refused_in: dict[int, list[UndescribedStateError]] = {}
        self._scopes: list[list[UndescribedStateError]] = []
        self._foreign: list[str] = []

    @property
    def names_foreign_ops(self) -> bool:
        """Whether it names torch ops of others, which count by name, though a trace enters them."""
        return bool(self._foreign)

    def digest(self) -> str:
        """Digest the parts.

        Raises:
            UndescribedStateError: the code reads a value that no key can hold.
        """
        # A refusal counts only if its code can run: all names that guard it must be read.
        for guards, error in self._refused:
            if self.reads_any_name or all(name in self.names for name in guards):
                raise error
        return digest_of(*self.parts)

    # values

    def value(self, value: Any) -> None:
        """Describe a value, with all values that it refers to."""
        try:
            describe_value(self, value)
        except RecursionError:
            raise self._error("a value that is nested too deep", "make it flat") from None

    def add(self, *parts: Any) -> None:
        """Add texts."""
        self.parts.extend(map(str, parts))

    def enter(self, value: Any) -> bool:
        """Tell whether an object is new; for a known object, add its number instead."""
        number = self._seen.get(id(value))
        if number is not None:
            self.parts.append(f"number {number}")
            return False
        self._seen[id(value)] = len(self._seen)
        self._alive.append(value)
        return True

    def unordered(self, items: Sequence[Any]) -> None:
        """Describe items whose order differs in each process."""
        found: list[str] = []
        for item in items:
            inner = self._within()
            inner.value(item)
            found.append(digest_of(*inner.parts))
        self.parts.extend(sorted(found))

    def _within(self) -> Description:
        inner = Description(self.root)
        inner.__dict__.update({**self.__dict__, "parts": [], "_seen": dict(self._seen)})
        return inner

    @contextmanager
    def only_if_read(self, *names: str) -> Generator[None]:
        """Make refusals inside count only if the code reads attributes of these names."""
        self._guards.extend(names)
        yield
        del self._guards[len(self._guards) - len(names) :]

    def refuse(self, what: str, fix: str) -> None:
        """Refuse a value that the code reads; it counts only if this code can run."""
        error = self._error(what, fix)
        self._refused.append((tuple(self._guards), error))
        for scope in self._scopes:
            scope.append(error)

    def _error(self, what: str, fix: str) -> UndescribedStateError:
        reader = " in ".join(reversed(self._where)) or "the code"
        return UndescribedStateError(
            f"{reader}: it reads {what}, must read only what the key of a kernel can hold",
            facts=["a stored kernel is found by its key, before this code runs"],
            fix=fix,
        )

    # code

    def code_of(self, function: Any) -> None:
        """Describe a callable, following the code of its own package."""
        inner = function
        while isinstance(inner, functools.partial):
            inner = inner.func
        module = getattr(inner, "__module__", None)
        module = module if isinstance(module, str) else type(inner).__module__
        outer, self.root = self.root, "" if is_framework(module) else module
        self.value(function)
        self.root = outer

    def follows(self, module: str | None) -> bool:
        """Tell whether a module's code is described; else only its name counts."""
        return follows(module, self.root)

    def library(self, value: Any) -> None:
        """Describe an object of a library: its name and, for an installed package, its version."""
        name = dotted_name(value)
        self.add(name, library_version(name))

    @contextmanager
    def at(self, name: str) -> Generator[None]:
        """Add a name to the path in messages, for the values described inside."""
        known = len(self._where)
        if name not in self._where[-1:]:
            self._where.append(name)
        yield
        del self._where[known:]

    def function(self, function: types.FunctionType) -> None:
        """Describe a function: its instructions, defaults, closure, and the values it reads."""
        written = function.__globals__.get("__name__")  # functools.wraps changes `__module__`
        if not self.follows(function.__module__) or not self.follows(written):
            self.library(function)
            self._closure_of_library(function)
            return
        # A function may be read again under other guards: its refusals then count under these.
        if not self.enter(function):
            for error in self._refused_in.get(id(function), ()):
                self._refused.append((tuple(self._guards), error))
            return
        scope: list[UndescribedStateError] = []
        self._refused_in[id(function)] = scope
        self._scopes.append(scope)
        with self.at(f"`{function.__qualname__}`"):
            self._code(function.__code__)
            self._cells(function)
            self.value((function.__defaults__, function.__kwdefaults__))
            FunctionReads(self, function).describe()
        self._scopes.pop()

    def _code(self, code: types.CodeType) -> None:
        for part in code_digest_parts(code):
            self.value(part)

    def _cells(self, function: types.FunctionType) -> None:
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            try:
                value = cell.cell_contents
            except ValueError:  # the cell is still empty
                continue
            with self.at(f"`{name}`"):
                self.value(value)

    def _closure_of_library(self, function: types.FunctionType) -> None:
        """Describe the user's functions in the closure of a library's wrapper."""
        if not function.__closure__ or not self.enter(function):
            return
        inner = function.__dict__.get("_torchdynamo_orig_callable")
        if inner is not None:  # the function that torch.compile wraps
            self.value(inner)
        else:
            self.value(function.__dict__.get("__wrapped__"))
            self._cells(function)

    def module(self, module: types.ModuleType, names: Sequence[str] | None) -> None:
        """Describe the members of a module with some names, or all members."""
        if not self.follows(module.__name__):
            return
        if names is None and not self.enter(module):
            return
        import_late_names(module, names)
        members = vars(module)
        for name in sorted(members if names is None else set(names) & set(members)):
            skipped = name.startswith("__") or isinstance(members[name], types.ModuleType)
            if names is not None or not skipped:
                self.add(name)
                with self.at(f"`{module.__name__}.{name}`"):
                    self.value(members[name])

    def registered(self, wanted: set[str]) -> None:
        """Describe the registered ops among these names: traced code contains their kernels."""
        known = set(known_names())
        self._foreign += [name for name in wanted - known if is_foreign_op(name)]
        for name in sorted(wanted & known):
            op = op_named(name)
            self.add(name)
            if op is not None:
                self.op_class(type(op))
            else:  # it has no kernel of its own: traced code contains its torch functions
                describe_op(self, name)

    def op_class(self, cls: type) -> None:
        """Describe an op's class and its bases; MLIR_SCHEMA stands for this package's bases."""
        if not self.enter(cls):
            return
        outer, self.root = self.root, cls.__module__
        for owner in cls.__mro__:
            where = owner.__module__
            if owner is not cls and (where.startswith(_BUILDER) or where in _NO_CODE_OF_OPS):
                continue
            for name, member in sorted(vars(owner).items()):
                if name not in _NO_MEMBERS:
                    self.add(name)
                    guards = () if name in _ALWAYS_RUN or name.startswith("__") else (name,)
                    with self.at(f"op `{cls.__name__}`"), self.only_if_read(*guards):
                        self.value(member)
        self.root = outer
