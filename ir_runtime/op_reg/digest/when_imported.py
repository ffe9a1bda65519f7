"""Callbacks that run after the import of a module, for optional parts of torch."""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from ir_runtime.fork_lock import fork_safe_lock

__all__ = ["when_imported"]

_waiting: dict[str, list[Callable[[], None]]] = {}
_lock = fork_safe_lock()


def when_imported(module: str, callback: Callable[[], None]) -> None:
    """Run a callback now if a module is imported, else at the end of its first import.

    Args:
        module: its full name. This function does not import it.
        callback: may import the module.
    """
    with _lock:
        if module not in sys.modules:
            if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
                sys.meta_path.insert(0, _Finder())
            _waiting.setdefault(module, []).append(callback)
            return
    callback()


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules with waiting callbacks, through the other finders."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _waiting:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader(importlib.abc.Loader):
    """Loads a module with its own loader, and then runs its callbacks."""

    def __init__(self, own: importlib.abc.Loader) -> None:
        self._own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._own
        self._own.exec_module(module)
        with _lock:
            callbacks = _waiting.pop(module.__name__, [])
        for callback in callbacks:
            callback()
