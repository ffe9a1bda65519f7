"""Modules that are imported when they are first used, to keep the import of this package short.

Such an import may be part of a call, while another thread forks. A child that is forked while a
module is being imported would wait for ever for the lock of this module. So the fork waits.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from ir_runtime.fork_lock import fork_waits

__all__ = ["import_late_names", "import_module", "late_module", "late_names"]

_late_names: dict[Any, frozenset[str]] = {}
"""By the `__getattr__` of a package, the names that it imports late."""


class _LateModule:
    """Stands for a module, and imports it when an attribute is first read."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: ModuleType | None = None

    def __getattr__(self, attribute: str) -> Any:
        if self._module is None:
            self._module = import_module(self._name)
        return getattr(self._module, attribute)


def late_module(name: str) -> Any:
    """Return a stand-in for a module, which imports it when it is first used.

    Type checkers and the check of layers need the import itself beside it::

        if TYPE_CHECKING:
            from ir_runtime.launch.vm import destination
        else:
            destination = late_module("ir_runtime.launch.vm.destination")

    Functions that `torch.compile` traces must not use it.

    Args:
        name: full name of the module. Its body must use no stand-in.
    """
    return _LateModule(name)


def late_names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package whose public names are imported at their first use.

    `dir` of the package lists them.

    Args:
        package: full name of the package.
        homes: by public name, its module, relative to the package. A name that is its own module
            stands for the module.
    """

    def find(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{home}")
        value = module if home == name else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    _late_names[find] = frozenset(homes)
    members = vars(sys.modules[package])
    members["__dir__"] = lambda: sorted(members.keys() | homes.keys())
    return find


def import_late_names(module: ModuleType, names: Iterable[str] | None) -> None:
    """Import those of these names that a package imports late, so that its `__dict__` has them.

    Args:
        module: any module.
        names: None for all that it imports late.
    """
    late = _late_names.get(vars(module).get("__getattr__"), frozenset())
    for name in sorted(late if names is None else late & set(names)):
        getattr(module, name)


def import_module(name: str) -> ModuleType:
    """Import a module by its full name; a fork of another thread waits for it."""
    with fork_waits(), _collector_paused():
        return importlib.import_module(name)


@contextmanager
def _collector_paused() -> Generator[None]:
    """Collect no garbage meanwhile.

    An import makes many objects and hardly any garbage, and so many that a full collection becomes
    due. With torch's objects in memory that takes 80 ms and more, longer than our import itself.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
