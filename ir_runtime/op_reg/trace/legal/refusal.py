"""The refusal of operators that compiled programs cannot do, by torch's name and user's line."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ir_runtime.dtypes import short_name
from ir_runtime.errors import UnsupportedOperatorError

__all__ = [
    "blame",
    "called_operators",
    "operator_name",
    "place_of",
    "places_of",
    "refuse_import",
    "refuse_operators",
    "refuse_unknown_operators",
    "user_operator",
]

_FIX = "write it with the operators of the table in docs/export.md, or leave it out of the program"
_UNSIGNED = {
    kind
    for name in ("uint16", "uint32", "uint64")
    if (kind := getattr(torch, name, None)) is not None
}

_REFUSED: dict[tuple[str, torch.dtype | None], str] = {
    ("aten.fmod", torch.float64): "of f64, which remainders and floor divisions need, is not exact",
}
"""By operator and dtype of its result, the reason why no compiled program can do it."""

_NOT_USERS = tuple(
    str(Path(file).parent) for file in (torch.__file__, str(Path(__file__).parents[2]))
)
_NAMED = re.compile(r"torch\.(aten|prims|prim)\.(\w+)")
_OPERATOR = re.compile(r'name = "torch\.(aten|prims|prim)\.(\w+)')
_LINE = re.compile(r"\.mlir:(\d+):\d+")
_PLACE = re.compile(r'"?([^\s"()]+\.py)"?:(\d+)')


def refuse_operators(name: str, program: Any) -> None:
    """Refuse a functional program with an operator, or a dtype, that cannot be compiled.

    Args:
        name: of the program, for messages.
        program: a `torch.export.ExportedProgram`, after the rewrites.

    Raises:
        UnsupportedOperatorError: the message has the operator, the reason and the user's line.
    """
    for node in program.graph.nodes:
        if node.op == "placeholder":
            _refuse_dtype(name, node, f"argument `{node.name}`")
        if node.op != "call_function":
            continue
        operator = operator_name(node.target)
        if operator is None:
            continue
        _refuse_dtype(name, node, operator)
        _refuse_broadcast(name, node, operator)
        why = _REFUSED.get((operator, getattr(node.meta.get("val"), "dtype", None)))
        if why is not None:
            raise _refusal(name, operator, why, place_of(node))


def operator_name(target: Any) -> str | None:
    """Return the name of a torch operator, such as `aten.relu`; None for another target."""
    if not isinstance(target, torch._ops.OpOverload):
        return None
    namespace, _, rest = target.name().partition("::")
    return f"{namespace}.{rest.partition('.')[0]}" if namespace in ("aten", "prims") else None


def _refuse_dtype(name: str, node: Any, what: str) -> None:
    values = node.meta.get("val")
    for value in values if isinstance(values, tuple | list) else (values,):
        if not isinstance(value, Tensor):
            continue
        if value.is_complex() and node.op != "placeholder":
            why = f"makes complex numbers ({short_name(value.dtype)})"
        elif value.dtype in _UNSIGNED:
            why = f"has dtype {short_name(value.dtype)}"
        else:
            continue
        raise _refusal(name, what, why, place_of(node))


def _refuse_broadcast(name: str, node: Any, operator: str) -> None:
    """Refuse to broadcast an open dimension that had the size 1 when the program was traced.

    The compiler assumes that an open size is the size of the result: the result would be too small.
    """
    result = node.meta.get("val")
    if not isinstance(result, Tensor) or not _broadcasts(node.target):
        return
    for argument in node.all_input_nodes:
        value = argument.meta.get("val")
        if not isinstance(value, Tensor):
            continue
        places = range(result.ndim - value.ndim, result.ndim)
        for dim, (size, place) in enumerate(zip(value.shape, places, strict=True)):
            if _is_open_one(size) and str(size) != str(result.shape[place]):
                raise UnsupportedOperatorError(
                    f"{name}: {operator} widens dimension {dim} of `{argument.name}`, which is 1 "
                    "and dynamic, must be static",
                    operator=operator,
                    place="".join(place_of(node)),
                    fix="leave that dimension out of the dynamic ones",
                )


def _is_open_one(size: Any) -> bool:
    """Tell whether a size is a symbol with the representative value 1."""
    return isinstance(size, torch.SymInt) and size.node.has_hint() and size.node.hint == 1


def _broadcasts(target: Any) -> bool:
    return torch.Tag.pointwise in target.tags or target is torch.ops.aten.expand.default


def refuse_unknown_operators(name: str, module: Any, program: Any) -> None:
    """Refuse an imported program with an operator that the compiler does not know.

    Args:
        name: of the program, for messages.
        module: the program in the torch dialect.
        program: the `torch.export.ExportedProgram` that was imported.
    """
    from iree.compiler.ir import WalkResult

    found: list[str] = []

    def visit(operation: Any) -> Any:
        if operation.name == "torch.operator":
            found.append(operation.attributes["name"].value)
        return WalkResult.ADVANCE

    module.operation.walk(visit)
    for text in found:
        namespace, _, rest = text.removeprefix("torch.").partition(".")
        packet = rest.partition(".")[0]
        if namespace in ("aten", "prims"):
            why = "has no counterpart in the compiler"
            raise _refusal(
                name, f"{namespace}.{packet}", why, _place_in(program, namespace, packet)
            )


def refuse_import(name: str, error: Exception) -> UnsupportedOperatorError | None:
    """Make an error from an importer's exception, None if it does not come from a node.

    An importer's message may not have the node, so the node is read from the stack frames.
    """
    node, trace = None, error.__traceback__
    while trace is not None:
        found = trace.tb_frame.f_locals.get("node")
        node = found if isinstance(found, torch.fx.Node) else node
        trace = trace.tb_next
    if node is None:
        return None
    operator = user_operator(node)
    why = "computes with sizes, or takes arguments, in a way that the importer does not know"
    return _refusal(name, operator, why, place_of(node))


def user_operator(node: Any) -> str:
    """Return the name of a node's operator, or of the operator whose sizes or items it uses."""
    for target in (node.target, node.meta.get("original_aten")):
        named = operator_name(target)
        if named is not None:
            return named
    pending, seen = [*node.all_input_nodes], set[Any]()
    while pending:
        source = pending.pop(0)
        named = operator_name(source.target)
        if named is not None and named != "aten.sym_size":
            return named
        if source not in seen:
            seen.add(source)
            pending += source.all_input_nodes
    named = next((n for user in node.users if (n := operator_name(user.target))), None)
    return named or getattr(node.target, "__name__", str(node.target))


def blame(
    name: str, program_places: Mapping[str, str], diagnostics: Sequence[str], source: str = ""
) -> UnsupportedOperatorError:
    """Make an error in torch's words from the compiler's diagnostics of a torch program.

    The operator is searched in this order: in the diagnostics, in the lines of MLIR that they
    mention, by the user's line that they mention. Else all operators of the program are listed.

    Args:
        name: of the program.
        program_places: by operator, such as `aten.relu`, a line of the user's code that calls it.
        diagnostics: the compiler's messages; kept in the error's field.
        source: the MLIR that was compiled; the diagnostics mention its lines.
    """
    text = "\n".join(diagnostics)
    lines = "\n".join(_lines_at(source, text))
    found = (*_OPERATOR.finditer(text), *_NAMED.finditer(text), *_NAMED.finditer(lines))
    for match in found:
        operator = f"{match[1]}.{match[2]}"
        if operator in program_places:
            return _refusal(
                name,
                operator,
                "does not compile with these dtypes and shapes",
                program_places[operator],
                diagnostics,
            )
    for match in _PLACE.finditer(text):
        path, line = match[1], match[2]
        named = [o for o, p in program_places.items() if f'"{path}", line {line}' in p]
        if named:
            what = ", ".join(named)
            why = "does not compile with these dtypes and shapes"
            return _refusal(name, what, why, program_places[named[0]], diagnostics)
    what, places = ", ".join(program_places), set(filter(None, program_places.values()))
    place = places.pop() if len(places) == 1 else ""
    if len(program_places) == 1:
        why = "does not compile with these dtypes and shapes"
        return _refusal(name, what, why, place, diagnostics)
    why = "does not compile together with the others of the program"
    return _refusal(name, f"one of {what or 'the program'}", why, place, diagnostics)


def _lines_at(source: str, text: str) -> list[str]:
    """Return the lines of a program that the compiler's diagnostics mention."""
    lines = source.split("\n")
    numbers = dict.fromkeys(int(match[1]) for match in _LINE.finditer(text))
    return [lines[n - 1] for n in numbers if 0 < n <= len(lines)]


def places_of(program: Any) -> dict[str, str]:
    """Return, for each torch operator of a program, a line of the user's code that calls it."""
    found: dict[str, str] = {}
    for node in program.graph.nodes:
        operator = operator_name(node.target)
        if operator is not None and not found.get(operator):
            found[operator] = "".join(place_of(node))
    return found


def called_operators(call: Callable[[], Any]) -> dict[str, str]:
    """Return the torch operators that a call runs, each with a line outside of torch."""
    found: dict[str, str] = {}

    class Recorder(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            del types
            operator = operator_name(func)
            if operator is not None:
                found.setdefault(operator, _caller())
            return func(*args, **(kwargs or {}))

    try:
        with Recorder():
            call()
    except Exception:  # noqa: BLE001 -- the operators called before it count
        return found
    return found


def _caller() -> str:
    for frame in reversed(traceback.extract_stack()):
        if not frame.filename.startswith(_NOT_USERS):
            return f'File "{frame.filename}", line {frame.lineno}, in {frame.name}'
    return ""


def _place_in(program: Any, namespace: str, packet: str) -> str:
    wanted = (f"{namespace}::{packet}", f"{namespace}::sym_{packet}")
    for node in program.graph.nodes:
        target = node.target
        if isinstance(target, torch._ops.OpOverload) and target.name().partition(".")[0] in wanted:
            return "".join(place_of(node))
    return ""


def place_of(node: Any) -> list[str]:
    """Return the line of the user's code that made a node, if it is known."""
    trace = [line for line in str(node.meta.get("stack_trace", "")).split("\n") if "File " in line]
    return [trace[-1].strip()] if trace else []


def _refusal(
    name: str,
    operator: str,
    why: str,
    place: str | list[str],
    diagnostics: Sequence[str] = (),
) -> UnsupportedOperatorError:
    line = place if isinstance(place, str) else "".join(place)
    return UnsupportedOperatorError(
        f"{name}: {operator} {why}, must be an operator that compiled programs can do",
        operator=operator,
        place=line,
        diagnostics=diagnostics,
        fix=_FIX,
    )
