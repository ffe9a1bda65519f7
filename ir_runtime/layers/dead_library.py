"""What does a call of an op say whose library is gone?

Torch 2.13 then has no attribute of the op's name, or, for who holds the op, an internal assertion.
Nothing here touches an op that is alive.
"""

from __future__ import annotations

from typing import Any

import torch
from torch._ops import OpOverloadPacket, _OpNamespace

from ir_runtime.errors import DeadLibraryError

__all__ = ["bury_op", "revive_op"]

_buried: set[str] = set()


def bury_op(name: str) -> None:
    """Note that an op is about to go, and have what holds it say so; `name` is qualified."""
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
    """Forget that an op of this name is gone: there is another."""
    _buried.discard(name)


def _silence(op: Any, name: str) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        raise _error(name)

    op._op = refuse


class _NamespaceWithGraves(_OpNamespace):
    """A namespace of torch that tells ops that are gone from those that never were."""

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
