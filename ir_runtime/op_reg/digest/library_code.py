"""The difference between followed code, whose text counts, and library code, whose name counts."""

from __future__ import annotations

import contextlib
import functools
import importlib.machinery
import importlib.metadata
import site
import sys
import sysconfig
import types
from pathlib import Path
from typing import Any

__all__ = [
    "dotted_name",
    "follows",
    "is_framework",
    "is_library",
    "library_version",
    "module_of_class",
]

_OWN = "ir_runtime"
_FRAMEWORKS = frozenset({"torch", "numpy", "iree", "triton", "jinja2", "functorch"})
_SITES = ("site-packages", "dist-packages")
_MADE_IN_PYTHON = 1 << 9
"""The flag of a class that Python code has made, not C code."""

_known: dict[str, bool] = {}


def follows(module: str | None, root: str) -> bool:
    """Tell whether code of a module is followed from code of the module `root`.

    Modules of the same top-level package are followed, and so are modules outside of libraries: a
    script and the modules beside it. Within this package, each module counts as its own package.
    """
    name = module or ""
    top = name.partition(".")[0]
    if top == _OWN:
        return name == root
    return top == root.partition(".")[0] or not is_library(top)


def is_library(module: str) -> bool:
    """Tell whether a module belongs to Python, to an installed package or to this one."""
    top = module.partition(".")[0]
    if top == _OWN or is_framework(top):
        return True
    found = _known.get(top)
    if found is None:
        places = _places_of(top)
        found = any(_is_installed(place) for place in places)
        if places:  # else it may be imported later
            _known[top] = found
    return found


def is_framework(module: str) -> bool:
    """Tell whether a module belongs to Python, or to a framework that this package uses."""
    top = module.partition(".")[0]
    return top in _FRAMEWORKS or (top in sys.stdlib_module_names and top != "__main__")


def library_version(module: str) -> str:
    """Return the version of an installed package, "" if it has none.

    torch's version does not count here: most kernels do not depend on it. Code that calls
    `inline_torch` does, and adds it.
    """
    top = module.partition(".")[0]
    if top == _OWN or (is_framework(top) and top != "numpy"):
        return ""
    return _installed_version(top)


@functools.cache
def _installed_version(top: str) -> str:
    """Return a package's version, even if it is not loaded: a key must not depend on that."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(top)
    version = getattr(sys.modules.get(top), "__version__", "")
    return version if isinstance(version, str) else ""


def module_of_class(cls: type) -> str:
    """Return the module of a class; "" if its scope has no name.

    Python says `builtins` for such a class.
    """
    module = cls.__module__
    if not isinstance(module, str) or (module == "builtins" and cls.__flags__ & _MADE_IN_PYTHON):
        return ""
    return module


def dotted_name(value: Any) -> str:
    """Return the full name of a module, class or function, "" for anything else."""
    if isinstance(value, types.ModuleType):
        return value.__name__
    if isinstance(value, type):
        return f"{module_of_class(value)}.{value.__qualname__}"
    if not isinstance(value, _NAMED):
        return ""
    module = getattr(value, "__module__", None) or getattr(value, "__objclass__", None)
    owner = getattr(value, "__self__", None)
    if module is None and owner is not None:
        module = owner if isinstance(owner, types.ModuleType | type) else type(owner)
    if isinstance(module, types.ModuleType | type):
        module = dotted_name(module)
    return f"{module}.{value.__name__ if owner is not None else value.__qualname__}"


_NAMED = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
)


def _places_of(top: str) -> list[str]:
    module = sys.modules.get(top)
    spec = getattr(module, "__spec__", None)
    if module is None:
        spec = importlib.machinery.PathFinder.find_spec(top)
    places = [getattr(module, "__file__", None), getattr(spec, "origin", None)]
    places += list(getattr(spec, "submodule_search_locations", None) or ())
    return [place for place in places if isinstance(place, str)]


def _is_installed(place: str) -> bool:
    path = Path(place)
    if any(part in _SITES for part in path.parts):
        return True
    roots = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    roots.append(site.getusersitepackages())
    return any(path.is_relative_to(root) for root in roots)
