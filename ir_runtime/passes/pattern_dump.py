"""The patterns of a matcher as a file of Python text."""

from __future__ import annotations

import ast
import itertools
import keyword
import operator
import re
from pathlib import Path
from typing import Any

from torch._inductor.pattern_matcher import PatternMatcherPass, PatternPrettyPrinter

from ir_runtime.passes.graph_dump import as_comment

__all__ = ["dump_patterns", "patterns_text", "with_op_names"]

_OVERLOAD = re.compile(r"<OpOverload\(op='([^'.]*)\.([^']*)', overload='([^']*)'\)>")
_QUALIFIED = re.compile(r"<OpOverload\(op='([^':]*)::([^']*)', overload='([^']*)'\)>")
_PACKET = re.compile(r"<OpOverloadPacket\(op='([^'.]*)\.([^']*)'\)>")
_HIGHER_ORDER = re.compile(r"<torch\._higher_order_ops\.[\w.]* object at 0x[0-9a-f]+>")
_HEADER = """\
# The patterns of the pass {name}, as torch's matcher has them. For reading: a pattern is a function
# that returns what is matched; KeywordArg is an input, a name used twice is a value used twice.

import operator

import torch
from torch._higher_order_ops.auto_functionalize import auto_functionalized
from torch._inductor.pattern_matcher import *

ir_runtime = torch.ops.ir_runtime
"""


def with_op_names(text: str) -> str:
    """Return a text in which ops are written as Python reads them: `torch.ops.<ns>.<op>`."""
    for form in (_OVERLOAD, _QUALIFIED, _PACKET):
        text = form.sub(lambda m: "torch.ops." + ".".join(_part(p) for p in m.groups()), text)
    return _HIGHER_ORDER.sub("auto_functionalized", text)


def _part(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def dump_patterns(matcher: PatternMatcherPass, name: str, directory: Path) -> Path:
    """Write the patterns of a matcher as `patterns.<name>.<i>.py`, with the first free `i`.

    Returns:
        The file.

    Raises:
        OSError: it cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    text = patterns_text(matcher, name)
    for i in itertools.count():
        path = directory / f"patterns.{name}.{i}.py"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path
    raise AssertionError


def patterns_text(matcher: PatternMatcherPass, name: str) -> str:
    """Return the patterns of a matcher as Python text, one function each; it parses."""
    parts = [_HEADER.format(name=name)]
    for target, entries in matcher.patterns.items():
        parts.append(f"\n# patterns that end in {_target_text(target)}\n")
        for i, entry in enumerate(entries):
            parts.append(_parsed(_function_text(i, entry.pattern)))
    return "\n".join(parts)


def _target_text(target: Any) -> str:
    op, function = target
    named = "operator.getitem" if function is operator.getitem else repr(function)
    return with_op_names(f"({op!r}, {named})")


def _function_text(number: int, pattern: Any) -> str:
    printer = PatternPrettyPrinter()
    printer.namespace.create_name("auto_functionalized", None)  # the import has this name
    result = printer.pretty_print(pattern)
    lines = [f"def pattern_{number}():"]
    lines += [
        f"    {name} = {printer.memoized_objs_pp[key]}"
        for key, name in printer.memoized_objs_names.items()
    ]
    lines.append(f"    return {result}")
    return with_op_names("\n".join(lines)) + "\n"


def _parsed(text: str) -> str:
    try:
        ast.parse(text)
    except SyntaxError:
        return as_comment(text)
    return text
