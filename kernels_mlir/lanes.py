"""The conversion of any float dtype in CPU kernels, by functions that are linked into a template.

A template declares `@widen_<operand>` and `@narrow` on vectors of 32; their definitions depend on
the dtypes of a call. So a kernel of any dtype converts while it reads and writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from ir_runtime.dtypes import dtype_info
from ir_runtime.errors import GenerateError
from ir_runtime.op_reg import MlirTemplate

__all__ = ["LANE_COUNT", "element_aliases", "link_function", "link_lanes"]

LANE_COUNT = 32
"""Elements that the CPU kernels process at a time."""

LANES = MlirTemplate.beside(__file__, "lanes.mlir")

_DECLARATION = re.compile(
    r"^ *(?P<dialect>util|func)\.func private @(?P<name>widen_(?P<operand>\w+)|narrow)"
    r"\((?P<taken>[!\w<>]+)\) -> (?P<given>[!\w<>]+)$",
    re.MULTILINE,
)


def link_lanes(template: MlirTemplate, dtypes: Mapping[str, torch.dtype]) -> MlirTemplate:
    """Define the conversions that a template declares.

    Args:
        template: declares `@widen_<operand>` for each operand that it reads as lanes, and
            `@narrow` for results.
        dtypes: the dtype of each operand. The dtype of `x` decides the order of lanes, and is the
            dtype of results.

    Returns:
        The template with definitions in place of the declarations.

    Raises:
        GenerateError: the template reads an operand that has no dtype here.
    """
    order = "_split" if dtypes["x"] == torch.bfloat16 else ""
    payloads = "_any_nan" if order and set(dtypes.values()) != {torch.bfloat16} else ""

    def define(match: re.Match[str]) -> str:
        operand = match["operand"] or "x"
        if operand not in dtypes:
            raise GenerateError(
                f"template {template.name}: declares @{match['name']}, "
                f"must be of an operand among {', '.join(dtypes)}"
            )
        conversion = f"{dtype_info(dtypes[operand]).short}{order}"
        target = f"widen_{conversion}" if match["operand"] else f"narrow_{conversion}{payloads}"
        taken, given = match["taken"], match["given"]
        dialect = match["dialect"]
        return (
            f"{dialect}.func private @{match['name']}(%x: {taken}) -> {given} {{\n"
            f"  %y = {dialect}.call @{target}(%x) : ({taken}) -> {given}\n"
            f"  {dialect}.return %y : {given}\n"
            "}"
        )

    first = _DECLARATION.search(template.text)
    if first is None:
        return template
    # Functions inside of an executable are `func.func`; functions of the host are `util.func`.
    lanes = LANES.text.replace("util.", f"{first['dialect']}.")
    at = first.start()
    text = f"{template.text[:at]}{lanes}\n{_DECLARATION.sub(define, template.text[at:])}"
    return MlirTemplate(template.name, text)


def link_function(template: MlirTemplate, name: str, definition: MlirTemplate) -> MlirTemplate:
    """Put the definition of a function in place of its declaration in a template.

    Raises:
        GenerateError: the template does not declare such a function exactly once.
    """
    declaration = re.compile(rf"^ *util\.func private @{name}\([^{{]*?$\n", re.MULTILINE)
    text, count = declaration.subn(lambda _: definition.text, template.text)
    if count != 1:
        raise GenerateError(
            f"template {template.name}: has {count} declarations of @{name}, must have 1"
        )
    return MlirTemplate(template.name, text)


def element_aliases(dtypes: Mapping[str, torch.dtype]) -> dict[str, str]:
    """Return the aliases `!element_<operand>` of a template."""
    return {f"!element_{name}": dtype_info(dtype).short for name, dtype in dtypes.items()}
