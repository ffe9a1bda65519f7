"""The declaration of an exported function: which of its arguments receive results."""

from __future__ import annotations

import re
from typing import Any

from ir_runtime.launch.host_program.executable_text import UnreadableProgramError

__all__ = ["destinations_of"]

_OUTPUT = re.compile(r"iree\.abi\.output = (\d+)")
_CLOSING = {"<": ">", "(": ")", "{": "}", "[": "]"}


def destinations_of(function: Any) -> dict[int, int]:
    """Return the arguments of a function that receive a result, with the number of the result.

    Raises:
        UnreadableProgramError: an argument is a buffer, and the declaration gives it no result.
    """
    kinds = [str(argument.type) for argument in function.regions[0].blocks[0].arguments]
    attributes = function.attributes
    stated = None
    if "iree.reflection" in attributes and "iree.abi.declaration" in attributes["iree.reflection"]:
        stated = attributes["iree.reflection"]["iree.abi.declaration"].value
    if stated is None:
        if "!hal.buffer" in kinds:
            raise UnreadableProgramError("nothing says what the entry's buffer arguments are for")
        return {}
    # The declaration has the arguments that the user wrote; IREE adds fences at the end.
    declared = _declared_arguments(stated)
    if len(declared) != len([kind for kind in kinds if kind != "!hal.fence"]):
        raise UnreadableProgramError("the entry's declaration has another number of arguments")
    found = {i: _OUTPUT.search(text) for i, text in enumerate(declared)}
    outputs = {i: int(match[1]) for i, match in found.items() if match}
    # A plain buffer has neither shape nor dtype, so it is readable only as a place for a result.
    for i, kind in enumerate(kinds):
        if kind == "!hal.buffer" and i not in outputs:
            raise UnreadableProgramError(f"argument {i} of the entry is a buffer without shape")
    if len(set(outputs.values())) != len(outputs):
        raise UnreadableProgramError("two arguments of the entry receive one result")
    return outputs


def _declared_arguments(declaration: str) -> list[str]:
    """Split the arguments of `sync func @main(%a: tensor<?x8xf32>, ...) -> (...)`."""
    start = declaration.find("(")
    open_brackets: list[str] = []
    parts = [""]
    quoted = False
    for at, character in enumerate(declaration[start + 1 :], start + 1):
        if character == '"':
            quoted = not quoted
        elif quoted:
            pass
        elif character in _CLOSING:
            open_brackets.append(_CLOSING[character])
        # The `>` of an arrow `->` closes no bracket.
        elif open_brackets and character == open_brackets[-1] and declaration[at - 1] != "-":
            open_brackets.pop()
        elif not open_brackets and character == ")":
            return [part for part in parts if part.strip()]
        elif not open_brackets and character == ",":
            parts.append("")
            continue
        parts[-1] += character
    raise UnreadableProgramError("the entry's declaration is not understood")
