"""The code that a function imports in its body.

Such modules are read as text, not imported: they often need the compiler, and a stored kernel must
be found without the compiler, under the same key.
"""

from __future__ import annotations

import ast
import dis
import importlib.util
import sys
import types
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from ir_runtime.frozen import frozen
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.op_reg.digest.bytecode_read import Load, read_tokens
from ir_runtime.op_reg.digest.library_code import follows
from ir_runtime.op_reg.digest.outside_read import OutsideRead, outside_read

__all__ = ["Definitions", "definitions_of", "function_imports", "templates_beside"]

_IMPORT_NAME = dis.opmap["IMPORT_NAME"]


def function_imports(function: types.FunctionType) -> list[tuple[str, str | None]]:
    """Return the modules and members that a function's body imports, sorted.

    Each is the full name of a module, and the imported member, None for the module itself.
    """
    scope = function.__globals__
    package = scope.get("__package__")
    if package is None:
        package = str(scope.get("__name__", "")).rpartition(".")[0]
    found: set[tuple[str, str | None]] = set()
    for level, name, members in _import_instructions(function.__code__):
        found.update(_resolved(level, name, members, package))
    return sorted(found, key=str)


def _import_instructions(code: types.CodeType) -> Iterator[tuple[int, str, Sequence[str]]]:
    """Yield level, module and members of each import; level and members are pushed before it."""
    if _IMPORT_NAME in code.co_code[::2]:
        instructions = [i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
        for i, instruction in enumerate(instructions):
            if instruction.opname == "IMPORT_NAME":
                level, members = instructions[i - 2].argval, instructions[i - 1].argval
                yield level, instruction.argval, members or ()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _import_instructions(constant)


def _resolved(
    level: int, name: str, members: Sequence[str], package: str
) -> Iterator[tuple[str, str | None]]:
    try:
        full = importlib.util.resolve_name("." * level + name, package) if level else name
    except ImportError:  # relative, in a module that is in no package
        return
    if not members or full.partition(".")[0] != package.partition(".")[0]:
        yield full, None
        return
    for member in members:
        inner = f"{full}.{member}"
        is_module = inner in sys.modules or _source_of(inner) is not None
        yield (inner, None) if is_module else (full, None if member == "*" else member)


@frozen
class Definitions:
    """The definitions of some names in a module, and the definitions that they refer to.

    Attributes:
        digest: digest of their texts.
        outside: their reads from outside of the program.
    """

    digest: str
    outside: Sequence[OutsideRead]


def definitions_of(module: str, names: Collection[str]) -> Definitions | None:
    """Digest the definitions of some names in a module, and the definitions that they refer to.

    Names are followed within the module, and into modules of the same package that it imports.
    `.mlir` files beside them are read if a definition names them.

    Args:
        module: the full name of a module.
        names: the names that count; the module may lack some of them.

    Returns:
        None if the module has no source text.
    """
    modules: dict[str, _Module | None] = {module: _parsed(module)}
    used = frozenset(names)
    pending = [(module, name, used) for name in used]
    seen: set[tuple[str, str, frozenset[str]]] = set()
    texts: dict[tuple[str, int], str] = {}
    outside: list[OutsideRead] = []
    while pending:
        reference = pending.pop()
        if reference in seen:
            continue
        seen.add(reference)
        at, name, used = reference
        if at not in modules:
            modules[at] = _parsed(at)
        parsed = modules[at]
        if parsed is None:
            continue
        for statement in parsed.binding(name):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                pending.extend(parsed.imported(statement, name, used))
            elif (at, statement.lineno) not in texts:
                texts[at, statement.lineno] = parsed.text_of(statement)
                outside.extend(parsed.outside_reads(statement))
                pending.extend(parsed.references(statement))
    in_order = [texts[place] for place in sorted(texts)]
    found = sorted(set(outside), key=str)
    return Definitions(digest_of(*in_order), found) if modules[module] is not None else None


_Reference = tuple[str, str, frozenset[str]]
"""A module, a name in it, and all names that the referring code uses."""


@dataclass
class _Module:
    """A parsed module: for each name, the top-level statements that define or may change it."""

    name: str
    source: _Source
    statements: dict[str, list[ast.stmt]] = field(default_factory=dict)

    def binding(self, name: str) -> Sequence[ast.stmt]:
        """Return the statements that bind a name; if there are none, the imports of `*`."""
        return self.statements.get(name) or self.statements.get("*", ())

    def text_of(self, statement: ast.stmt) -> str:
        """Digest the lines of a statement, and each template that it names."""
        decorators = getattr(statement, "decorator_list", ())
        first = min(node.lineno for node in (statement, *decorators))
        text = "\n".join(self.source.lines[first - 1 : statement.end_lineno])
        constants = {n.value for n in ast.walk(statement) if isinstance(n, ast.Constant)}
        return digest_of(self.name, text, *templates_beside(self.source.origin or "", constants))

    def outside_reads(self, statement: ast.stmt) -> Iterator[OutsideRead]:
        """Yield a statement's reads from outside of the program: environment, files, clocks."""
        code = compile(ast.Module([statement], []), "<definition>", "exec")
        tokens = read_tokens(code)
        for at, token in enumerate(tokens):
            if isinstance(token, Load) and token.level is None:
                name = ".".join((self._library_name(token.root), *token.attributes))
                found = outside_read(name, tokens, at, lambda _: None)
                if found is not None:
                    yield found

    def _library_name(self, name: str) -> str:
        """Return the full name of an imported object; a name that is not bound is a builtin's."""
        for statement in self.statements.get(name, ()):
            for alias in getattr(statement, "names", ()):
                if isinstance(alias, ast.alias) and _bound_name(alias) == name:
                    if isinstance(statement, ast.ImportFrom):
                        return f"{statement.module}.{alias.name}"
                    return alias.name if alias.asname else name
        return name if name in self.statements else f"builtins.{name}"

    def references(self, statement: ast.stmt) -> Iterator[_Reference]:
        """Yield the names that a statement refers to, with those of its own imports."""
        used = frozenset(_names_in(statement))
        yield from ((self.name, name, used) for name in used)
        for node in ast.walk(statement):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    yield from self.imported(node, _bound_name(alias), used)

    def imported(
        self, statement: ast.Import | ast.ImportFrom, name: str, used: frozenset[str]
    ) -> Iterator[_Reference]:
        """Yield the target of a name that an import binds, if the code there is followed."""
        package = self.name if self.source.is_package else self.name.rpartition(".")[0]
        found: list[tuple[str, str | None]] = []
        for alias in statement.names:
            if _bound_name(alias) not in (name, "*"):
                continue
            if isinstance(statement, ast.Import):
                found.append((alias.name, None))
            elif alias.name == "*":
                members = _resolved(statement.level, statement.module or "", ["*"], package)
                found.extend((module, name) for module, _ in members)
            else:
                found.extend(
                    _resolved(statement.level, statement.module or "", [alias.name], package)
                )
        for module, member in found:
            if follows(module, self.name):
                wanted = used if member is None else (member,)
                yield from ((module, each, used) for each in wanted)


def _parsed(name: str) -> _Module | None:
    source = _source_of(name)
    if source is None:
        return None
    module = _Module(name, source)
    pending: list[ast.stmt] = list(ast.parse("\n".join(source.lines)).body)
    while pending:
        statement = pending.pop()
        if isinstance(statement, _BLOCKS):
            pending.extend(n for n in ast.iter_child_nodes(statement) if isinstance(n, ast.stmt))
            handlers = statement.handlers if isinstance(statement, ast.Try) else ()
            pending.extend(n for handler in handlers for n in handler.body)
        for bound in _bound_by(statement):
            module.statements.setdefault(bound, []).append(statement)
    return module


def _bound_by(statement: ast.stmt) -> set[str]:
    """Return the names that a top-level statement defines, or may change."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {_bound_name(alias) for alias in statement.names}
    if isinstance(statement, _BLOCKS):
        return set()
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


_BLOCKS = (ast.If, ast.Try, ast.With)
"""Blocks at the top of a module; each statement in them binds names of the module."""


def _bound_name(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _names_in(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


@frozen
class _Source:
    lines: Sequence[str]
    is_package: bool
    origin: str | None


def templates_beside(module_file: str, constants: Collection[object]) -> Iterator[bytes]:
    """Yield the contents of `.mlir` files beside a module that are named by some constants."""
    folder = Path(module_file).parent
    for name in sorted(c for c in constants if isinstance(c, str) and c.endswith(".mlir")):
        path = folder / name
        if "\0" not in name and path.is_file():
            yield path.read_bytes()


def _source_of(name: str) -> _Source | None:
    """Return the source of a module without importing it; None if it has none or is missing."""
    spec = _spec_of(name)
    read = getattr(spec and spec.loader, "get_source", None)
    try:
        text = read(name) if read is not None else None
    except ImportError:  # its file is gone
        return None
    if spec is None or text is None:
        return None
    return _Source(text.split("\n"), spec.submodule_search_locations is not None, spec.origin)


def _spec_of(name: str) -> ModuleSpec | None:
    """Find a module without importing it or the packages around it."""
    spec, path, full = None, None, ""
    for part in name.split("."):
        full = f"{full}.{part}" if full else part
        if full in sys.modules:
            spec = getattr(sys.modules[full], "__spec__", None)
        else:
            spec = PathFinder.find_spec(full, path)
        if spec is None:
            return None
        path = spec.submodule_search_locations or []
    return spec
