"""Small functions that are added to a module and called; equal texts become one function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["build_util_call", "call_values", "module_function", "parse_type"]


def parse_type(text: str) -> Any:
    """Return the MLIR type with a given text."""
    from iree.compiler.ir import Type

    return Type.parse(text)


def module_function(body: Any, symbols: Any, text: str) -> Any:
    """Return the function of a text, added to the module at the first use."""
    from iree.compiler.ir import Module, StringAttr

    from ir_runtime.launch.artifact.key import digest_of

    module = Module.parse(text)  # must live longer than its operations
    found = module.body.operations[0].operation
    name = f"{found.attributes['sym_name'].value}_{digest_of(text)[:8]}"
    if name in symbols:
        return symbols[name].operation
    found.detach_from_parent()
    found.attributes["sym_name"] = StringAttr.get(name)
    body.append(found)
    symbols.insert(found)
    return found


def build_util_call(function: Any, operands: Sequence[Any], results: Sequence[Any]) -> Any:
    """Build a call at the current insertion point; `results` are types."""
    from iree.compiler.ir import FlatSymbolRefAttr, Operation

    name = function.attributes["sym_name"].value
    return Operation.create(
        "util.call",
        results=list(results),
        operands=list(operands),
        attributes={"callee": FlatSymbolRefAttr.get(name)},
    )


def call_values(function: Any, operands: Sequence[Any], results: Sequence[Any]) -> list[Any]:
    """Build a call and return its results."""
    return list(build_util_call(function, operands, results).results)
