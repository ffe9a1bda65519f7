"""Raise a clear error when an op is called after its library is gone.

Torch 2.13 itself raises an AttributeError without the reason, or fails an internal assertion if the
caller still holds the op. Ops that are alive are not changed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch._ops import OpOverloadPacket, _OpNamespace

from ir_runtime.errors import DeadLibraryError

__all__ = ["bury_op", "revive_op"]

_buried: set[str] = set()


def bury_op(name: str) -> None:
    """Make calls of an op raise `DeadLibraryError`, before it is removed; `name` is qualified."""
    namespace_name, _, op_name = name.partition("::")
    _buried.add(name)
    namespace = getattr(torch.ops, namespace_name)
    packet = vars(namespace).get(op_name)
    if isinstance(packet, OpOverloadPacket):
        for overload in packet.overloads():
            _silence(getattr(packet, overload), name)
        _silence(packet, name)
    if type(namespace) is _OpNamespace:
        namespace.__class__ = _NamespaceWithGraves


def revive_op(name: str) -> None:
    """Undo `bury_op` for a name: a new op has it."""
    _buried.discard(name)


def _silence(op: Any, name: str) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        raise _error(name)

    op._op = refuse


class _NamespaceWithGraves(_OpNamespace):
    """A namespace of torch with its own error for ops that existed before."""

    __module__ = _OpNamespace.__module__  # ops are looked up by it, as modules are

    def __getattr__(self, op_name: str) -> Any:
        try:
            return super().__getattr__(op_name)
        except AttributeError:
            if f"{self.name}::{op_name}" not in _buried:
                raise
        raise _error(f"{self.name}::{op_name}")


def _error(name: str) -> DeadLibraryError:
    return DeadLibraryError(
        f"{name}: the library that the op was registered in is gone, must outlive the op",
        fix="keep a reference to the library, such as a global of the module that registers the "
        "op, or register it in the default library",
    )
