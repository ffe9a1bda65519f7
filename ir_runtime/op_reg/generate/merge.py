"""The merge of MLIR text into the module of a kernel, with new names for symbols that clash."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ir_runtime.errors import GenerateError
from ir_runtime.launch.artifact.key import digest_of

if TYPE_CHECKING:
    from iree.compiler.ir import SymbolTable

    from ir_runtime.op_reg.generate.module_builder import ModuleBuilder
    from ir_runtime.op_reg.generate.template import MlirTemplate

__all__ = ["merge_module", "merged_function", "numbered_lines", "unique_symbol"]


def merge_module(kb: ModuleBuilder, name: str, text: str) -> dict[str, str]:
    """Parse `text` and move its symbols into the module of `kb`; equal texts are moved once.

    Returns:
        For each function of the text, its name in the module.

    Raises:
        GenerateError: the text does not parse; the message shows it with line numbers.
    """
    from iree.compiler.ir import Module, StringAttr, SymbolTable

    digest = digest_of(text)
    known = kb.merged.get(digest)
    if known is not None:
        return known
    text = _with_own_exports(kb.symbol_table, text)
    try:
        module = Module.parse(text, kb.context)
    except Exception as error:
        raise GenerateError(
            f"{kb.ksel.op.name}: template {name} does not parse",
            facts=[*(line for line in str(error).split("\n") if line), *numbered_lines(text)],
        ) from error
    functions: dict[str, str] = {}
    with kb.context, kb.location:
        for op in list(module.body.operations):
            operation = op.operation
            if "sym_name" in operation.attributes:
                old = StringAttr(operation.attributes["sym_name"]).value
                new = unique_symbol(kb.symbol_table, old)
                if new != old:
                    SymbolTable.replace_all_symbol_uses(old, new, module.operation)
                    operation.attributes["sym_name"] = StringAttr.get(new)
                operation.attributes["sym_visibility"] = StringAttr.get("private")
                if operation.name in ("util.func", "func.func"):
                    functions[old] = new
            operation.detach_from_parent()
            kb.module_body.append(operation)
            if "sym_name" in operation.attributes:
                kb.symbol_table.insert(operation)
    kb.merged[digest] = functions
    return functions


_EXECUTABLE = re.compile(
    r"^ *hal\.executable\.source (?:\w+ )?@(\w+).*?(?=^ *hal\.executable\.source|\Z)",
    re.MULTILINE | re.DOTALL,
)
_PUBLIC = r"hal\.executable\.export public "
_EXPORT = re.compile(_PUBLIC + r"@(\w+)")


def _with_own_exports(symbol_table: SymbolTable, text: str) -> str:
    """Rename the entry points of executables whose names the module has already.

    IREE links all executables of a program into one, where two entry points of one name clash.
    Another executable of the text keeps its names.
    """
    renamed: list[tuple[str, str, str]] = []

    def rename(found: re.Match[str]) -> str:
        whole, executable = found[0], found[1]
        suffix = unique_symbol(symbol_table, executable)[len(executable) :]
        for export in _EXPORT.findall(whole) if suffix else ():
            own = f"{export}{suffix}"
            renamed.append((executable, export, own))
            whole = re.sub(rf"({_PUBLIC})@{export}\b", rf"\1@{own}", whole)
            whole = re.sub(rf"(func\.func )@{export}(?=\(\))", rf"\1@{own}", whole)
        return whole

    text = _EXECUTABLE.sub(rename, text)
    for executable, export, own in renamed:
        text = re.sub(rf"(@{executable}::)@{export}\b", rf"\1@{own}", text)
    return text


def numbered_lines(text: str) -> list[str]:
    """Return the lines of `text`, each with its number, for a message."""
    return [f"{n:4d}: {line}" for n, line in enumerate(text.split("\n"), 1)]


def merged_function(
    kb: ModuleBuilder, template: MlirTemplate, aliases: Mapping[str, Any], function: str | None
) -> tuple[str, Any]:
    """Merge a template into the module; return the called function's name in the text, and itself.

    Raises:
        GenerateError: the text does not parse, or has no such function.
    """
    names = merge_module(kb, template.name, template.instantiate(aliases))
    wanted = function or (template.name if template.name in names else None)
    if wanted is None and len(names) == 1:
        wanted = next(iter(names))
    if wanted is None or wanted not in names:
        raise GenerateError(
            f"template {template.name}: no function {wanted!r}, must be one of {', '.join(names)}"
        )
    return wanted, kb.symbol_table[names[wanted]]


def unique_symbol(symbol_table: SymbolTable, name: str) -> str:
    """Return `name`, with a number if needed, so that no symbol of the module has it."""
    base = re.sub(r"\W", "_", name)
    candidate, number = base, 0
    while candidate in symbol_table:
        number += 1
        candidate = f"{base}_{number}"
    return candidate
