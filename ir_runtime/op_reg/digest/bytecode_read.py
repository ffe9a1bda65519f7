"""The names that a function's bytecode reads: globals, imports, and the attributes of both.

Bytecode is read instead of source, because code from a prompt has no source, and because a file may
be edited after it was imported.
"""

from __future__ import annotations

import dis
import functools
import types
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ir_runtime.frozen import frozen

__all__ = ["Attribute", "Constant", "Load", "Other", "Token", "code_digest_parts", "read_tokens"]

_NOTHING = ("CACHE", "EXTENDED_ARG", "PRECALL", "PUSH_NULL", "RESUME", "NOP", "COPY_FREE_VARS")
_LOADS = ("LOAD_GLOBAL", "LOAD_NAME")
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
_LOCAL_LOADS = ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW", "LOAD_DEREF")
_LOCAL_STORES = ("STORE_FAST", "STORE_DEREF", "STORE_NAME")


@frozen
class Load:
    """A name that code loads, and the attributes that it reads directly after.

    Attributes:
        root: a global name, or the full name of a module.
        level: 0 or more for an import of `root`, None for a global name.
        attributes: a chain of attributes, as in `a.b.c`; "()" is a call without arguments.
    """

    root: str
    level: int | None = None
    attributes: tuple[str, ...] = ()


@frozen
class Constant:
    """A constant that code loads."""

    value: Any


@frozen
class Attribute:
    """An attribute of a computed value, not of a loaded name."""

    name: str


@frozen
class Other:
    """Any other instruction."""

    name: str


_KINDS = 0xFFF
"""The flags for the kind of a function, without those for its `__future__` imports."""

Token = Load | Constant | Attribute | Other

_STORE = Other("store")


@functools.lru_cache(maxsize=4096)
def read_tokens(code: types.CodeType) -> tuple[Token, ...]:
    """Return the loads and constants of code in their order, with those of nested functions."""
    return tuple(_Reader({}).tokens(code))


class _Reader:
    """Reads instructions in turn; a local variable that holds a load counts as the load itself."""

    def __init__(self, outer: Mapping[str, Load]) -> None:
        self._known: dict[str, Load] = dict(outer)
        self._found: list[Token] = []
        self._open = False  # whether the last token is a load that an attribute may extend
        self._module: Load | None = None  # the module of the import that is being read
        self._is_nested = False  # whether the import is `import a.b as c`

    def tokens(self, code: types.CodeType) -> Iterator[Token]:
        for instruction in dis.get_instructions(code):
            if instruction.opname not in _NOTHING:
                self._read(instruction)
        yield from self._found
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                yield Other("function")
                yield from _Reader(self._known).tokens(constant)

    def _read(self, instruction: dis.Instruction) -> None:
        name, value = instruction.opname, instruction.argval
        if name in _LOADS:
            self._begin(Load(str(value)))
        elif name == "IMPORT_NAME":
            self._import(str(value))
        elif name == "IMPORT_FROM" and self._module is not None:
            self._import_member(self._module, str(value))
        elif name in ("SWAP", "POP_TOP") and self._module is not None:
            pass  # between the names of one import
        elif name in _LOCAL_LOADS and value in self._known:
            self._begin(self._known[value])
        elif name in _LOCAL_STORES:
            self._store(str(value))
        elif name in _ATTRIBUTES:
            self._attribute(str(value))
        elif name == "CALL" and not instruction.arg and self._open:
            self._attribute("()")
        elif name in ("LOAD_CONST", "LOAD_SMALL_INT"):
            self._end(Constant(value))
        else:
            self._end(Other(name))

    def _begin(self, load: Load) -> None:
        self._found.append(load)
        self._open = True

    def _end(self, token: Token) -> None:
        self._found.append(token)
        self._open = False
        if token != _STORE:
            self._module = None

    def _attribute(self, name: str) -> None:
        last = self._found[-1] if self._found else None
        if self._open and isinstance(last, Load):
            self._found[-1] = replace(last, attributes=(*last.attributes, name))
        elif name != "()":
            self._end(Attribute(name))

    def _store(self, name: str) -> None:
        last = self._found[-1] if self._found else None
        if self._open and isinstance(last, Load):
            self._known[name] = last
        else:
            self._known.pop(name, None)
        self._end(_STORE)

    def _import(self, name: str) -> None:
        """Begin a load of a module; its level and members are the two constants before it."""
        level, members = (token.value for token in self._found[-2:] if isinstance(token, Constant))
        top = name.partition(".")[0]
        self._is_nested = not members and not level
        self._begin(Load(top if self._is_nested else name, level))
        self._module = Load(top if self._is_nested else name, level)

    def _import_member(self, module: Load, name: str) -> None:
        if self._found[-1] == module:
            self._found.pop()  # only the members are read, not the module itself
        if self._is_nested:
            self._module = Load(f"{module.root}.{name}", module.level)
            self._begin(self._module)
        else:
            self._begin(replace(module, attributes=(name,)))


def code_digest_parts(code: types.CodeType) -> Iterator[Any]:
    """Yield the instructions, names and constants of code, without its file and lines.

    Nested code is yielded in place of its constant; the caller describes the other constants.
    """
    yield from (code.co_code, code.co_exceptiontable)
    yield from (
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & _KINDS,
    )
    yield from (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from code_digest_parts(constant)
        else:
            yield constant
