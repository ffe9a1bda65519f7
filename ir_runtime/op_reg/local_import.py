"""Which code does a function bring in by an `import` in its body?

Such modules are read, not imported: `generate` imports there what needs the compiler, and a stored
kernel must be found without it, under the same key.
"""

from __future__ import annotations

import ast
import dis
import importlib.util
import sys
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TypeGuard

from ir_runtime.launch.key import digest_of

__all__ = ["imported_modules", "module_digest"]


class _TextConstant(ast.Constant):
    value: str  # pyright: ignore[reportIncompatibleVariableOverride]


@dataclass(frozen=True)
class _Source:
    text: str
    is_package: bool
    origin: str | None

    def files_beside(self, names: Sequence[str]) -> Iterator[bytes]:
        if self.origin is None:
            return
        for name in names:
            path = Path(self.origin).parent / name
            if path.is_file():
                yield path.read_bytes()


def _source_of(name: str) -> _Source | None:
    """Return the source of a module, loaded or not; None if it has none or cannot be found."""
    spec = _spec_of(name)
    read = getattr(spec and spec.loader, "get_source", None)
    text = read(name) if read is not None else None
    if spec is None or text is None:
        return None
    return _Source(text, spec.submodule_search_locations is not None, spec.origin)


def _spec_of(name: str) -> ModuleSpec | None:
    """Find a module without importing it or the packages that it lies in."""
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


def imported_modules(function: types.FunctionType) -> list[str]:
    """Return the full names of the modules that a function's body imports, sorted."""
    package = _package_of(function.__globals__)
    found: set[str] = set()
    for level, name, members in _import_instructions(function.__code__):
        found.update(_resolved(level, name, members, package))
    return sorted(found)


def _import_instructions(code: types.CodeType) -> Iterator[tuple[int, str, Sequence[str]]]:
    """Yield level, module and members of each import; the two are constants pushed before it."""
    instructions = [i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
    for i, instruction in enumerate(instructions):
        if instruction.opname == "IMPORT_NAME":
            level, members = instructions[i - 2].argval, instructions[i - 1].argval
            yield level, instruction.argval, members or ()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _import_instructions(constant)


def _package_of(scope: dict[str, object]) -> str:
    package = scope.get("__package__")
    if package is None:
        name = str(scope.get("__name__", ""))
        package = name if "__path__" in scope else name.rpartition(".")[0]
    return str(package)


def _resolved(level: int, name: str, members: Sequence[str], package: str) -> Iterator[str]:
    """Yield the modules of one import: submodules among the members, else the module itself."""
    try:
        full = importlib.util.resolve_name("." * level + name, package) if level else name
    except ImportError:  # relative, in a module that is in no package
        return
    if full.partition(".")[0] != package.partition(".")[0]:
        yield full  # another package: only its name counts
        return
    submodules = [f"{full}.{m}" for m in members if _is_module(f"{full}.{m}")]
    yield from submodules
    if len(submodules) < len(members) or not members:
        yield full


def _is_module(name: str) -> bool:
    return name in sys.modules or _source_of(name) is not None


def module_digest(name: str) -> str | None:
    """Digest the text of a module of some package, and what it needs of that package.

    None if there is no source text.
    """
    pending, texts = [name], dict[str, str]()
    while pending:
        at = pending.pop()
        if at in texts:
            continue
        source = _source_of(at)
        if source is None:
            continue
        text, imports = _read(at, source)
        texts[at] = text
        pending.extend(imports)
    return digest_of(*(part for item in sorted(texts.items()) for part in item)) if texts else None


def _read(name: str, source: _Source) -> tuple[str, list[str]]:
    """Return the digest of a module and its data files, and the modules that it imports."""
    tree = ast.parse(source.text)
    package = name if source.is_package else name.rpartition(".")[0]
    top = name.partition(".")[0]
    imports: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            members = [alias.name for alias in node.names]
            imports.update(_resolved(node.level, node.module or "", members, package))
    ours = __name__.partition(".")[0]  # this package's builder counts in each digest anyway
    followed = [i for i in imports if i.partition(".")[0] == top != ours]
    named = sorted({n.value for n in ast.walk(tree) if _names_template(n)})
    return digest_of(source.text, *source.files_beside(named)), followed


def _names_template(node: ast.AST) -> TypeGuard[_TextConstant]:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.endswith(".mlir")
        and "\0" not in node.value
    )
