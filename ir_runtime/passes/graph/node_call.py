"""The call that a node of a graph makes: its op, and its arguments as fake tensors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import fx
from torch._guards import detect_fake_mode

from ir_runtime.ir.op import IrOp

__all__ = ["call_key", "fake_value", "op_of", "where"]


def op_of(node: fx.Node) -> IrOp | None:
    """Return the IR op whose overload `default` or `maybe_inplace` a node calls, None for others.

    An op is looked up when it is met, so one that was registered after the pass was made is found.
    """
    target = node.target
    if node.op != "call_function" or not isinstance(target, torch._ops.OpOverload):
        return None
    if target._overloadname not in ("default", "maybe_inplace"):
        return None
    name = target._schema.name.rpartition("::")[2]
    op = IrOp.registry.present().get(name)
    return op if op is not None and op.packet is target.overloadpacket else None


def fake_value(node: fx.Node) -> Any:
    """Return the fake tensor, symbol or value that a node stands for.

    Raises:
        KeyError: the node has none.
    """
    if "val" in node.meta or node.op != "get_attr":
        return node.meta["val"]
    owner: Any = node.graph.owning_module
    value: Any = owner
    for part in str(node.target).split("."):
        value = getattr(value, part)
    if not isinstance(value, torch.Tensor):
        return value
    every = [n.meta["val"] for n in node.graph.nodes if "val" in n.meta]
    mode = detect_fake_mode(every)
    return value if mode is None else mode.from_tensor(value, static_shapes=True)


def call_key(values: Sequence[Any]) -> tuple[Any, ...]:
    """Return what tells calls of one graph apart: shapes as text, dtypes, devices, other values."""
    return tuple(_fact(value) for value in values)


def _fact(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        sizes = f"{list(value.shape)} {list(value.stride())} {value.storage_offset()}"
        return (sizes, value.dtype, value.device)
    if isinstance(value, list | tuple):
        return (type(value).__name__, *(_fact(v) for v in value))
    if isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool):
        return ("symbol", str(value))
    return (type(value).__name__, repr(value))


_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in .*\n\s*(?P<text>.*)')
_OWN = str(Path(__file__).parents[2])


def where(node: fx.Node) -> str:
    """Return the line of the user's code that a node comes from, "" if it is not known."""
    frames = list(_FRAME.finditer(str(node.meta.get("stack_trace") or "")))
    for frame in reversed(frames):
        file = frame["file"]
        if not file.startswith(("<", _OWN)):
            return f"{file}:{frame['line']}: {frame['text'].strip()}"
    return ""
