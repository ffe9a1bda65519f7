"""Catalogues whose entries register themselves when their modules are first imported.

To register a catalogue of forty ops takes a quarter of a second; most processes use a few of them.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Generator, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, TypeVar

import torch

from ir_runtime.late_import import import_module

__all__ = ["LateTable", "LateTorchNamespace", "promise_torch_ops"]

Value = TypeVar("Value")


class _Promises:
    """Names, and the modules that register them."""

    def __init__(self) -> None:
        self._homes: dict[str, str] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._homes

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._homes))

    def add(self, homes: Mapping[str, str]) -> None:
        self._homes.update((n, home) for n, home in homes.items() if not _is_imported(home))

    def keep(self, name: object) -> None:
        """Import the module of a name, and wait for it if another thread imports it.

        The module itself, while it is imported, looks its names up before it registers them.
        """
        home = self._homes.get(name)  # pyright: ignore[reportArgumentType, reportCallIssue]
        if home is not None:
            import_module(home)
            if _is_imported(home):
                self._homes.pop(name, None)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def keep_all(self) -> None:
        for name in self:
            self.keep(name)


def _is_imported(module: str) -> bool:
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)


class LateTable(dict[str, Value]):
    """A table by name; modules add the entries of some names when they are imported.

    A lookup of such a name imports its module. Whatever needs all entries, such as an iteration,
    imports all modules, but for `present` and what runs in `only_present`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._promises = _Promises()
        self._thread = threading.local()

    def promise(self, homes: Mapping[str, str]) -> None:
        """Announce names.

        Args:
            homes: by name, the full name of the module that adds the entry.
        """
        self._promises.add(homes)

    def present(self) -> dict[str, Value]:
        """Return the entries that are there now, and import nothing."""
        return dict(super().items())

    def names(self) -> set[str]:
        """Return the names of all entries, also of those that are not there yet."""
        return {*super().keys(), *self._promises}

    @contextlib.contextmanager
    def only_present(self) -> Generator[None]:
        """Let iterations of this thread see the entries that are there now."""
        before = getattr(self._thread, "only_present", False)
        self._thread.only_present = True
        try:
            yield
        finally:
            self._thread.only_present = before

    def _import_all(self) -> None:
        if not getattr(self._thread, "only_present", False):
            self._promises.keep_all()

    def __getitem__(self, name: str) -> Value:
        self._promises.keep(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._promises.keep(name)
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._promises.keep(name)
        return super().get(name, default)

    def __iter__(self) -> Iterator[str]:
        self._import_all()
        return super().__iter__()

    def __len__(self) -> int:
        self._import_all()
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        self._import_all()
        return super().__eq__(other)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def keys(self) -> KeysView[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._import_all()
        return super().keys()

    def values(self) -> ValuesView[Value]:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._import_all()
        return super().values()

    def items(self) -> ItemsView[str, Value]:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._import_all()
        return super().items()


_torch_promises: dict[str, _Promises] = {}
_early_packets: dict[tuple[str, str], Any] = {}


class LateTorchNamespace(torch._ops._OpNamespace):
    """`torch.ops.<namespace>`, with ops whose modules are imported when they are first used.

    While its module is imported, an op may be incomplete: other threads do not see it.
    """

    __module__ = torch._ops._OpNamespace.__module__  # torch names ops by it, and pickles that

    def __getattr__(self, op_name: str) -> Any:
        promises = _torch_promises[self.name]
        promises.keep(op_name)
        early = _early_packets.get((self.name, op_name))
        if early is None:
            return super().__getattr__(op_name)
        if op_name not in promises:
            setattr(self, op_name, early)
        return early

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _torch_promises[self.__dict__["name"]]:
            _early_packets[self.name, name] = value
        else:
            super().__setattr__(name, value)


def promise_torch_ops(namespace: str, homes: Mapping[str, str]) -> None:
    """Announce ops of a namespace of `torch.ops`.

    Args:
        namespace: such as `ir_kernels`.
        homes: by name of the op, the full name of the module that registers it.
    """
    _torch_promises.setdefault(namespace, _Promises()).add(homes)
    getattr(torch.ops, namespace).__class__ = LateTorchNamespace
