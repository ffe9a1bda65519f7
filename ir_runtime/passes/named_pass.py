"""Passes by name: those of this package, and classes of any module as "module.Qualname"."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ir_runtime.errors import ArgumentError
from ir_runtime.late_import import import_module
from ir_runtime.passes.errors import PassClassError
from ir_runtime.passes.inductor_pass import InductorPass

__all__ = ["pass_class", "pass_names", "pass_of", "passes_of", "register_pass"]

Class = TypeVar("Class", bound=type[InductorPass])

_HOMES: dict[str, str] = {
    "ActivationQuantFusion": "fusion.activation_quant",
    "AddNormCanonicalization": "cleanup.add_norm",
    "AddNormFusion": "fusion.add_norm",
    "CloneElimination": "inplace.clone_elimination",
    "FixFunctionalizationPass": "inplace.fix_functionalization",
    "InplaceFunctionalization": "inplace.inplace_functionalization",
    "IrLowering": "lowering.ir_lowering",
    "NoOpElimination": "cleanup.noop_elimination",
    "NormQuantFusion": "fusion.norm_quant",
    "NormScaleFusion": "fusion.norm_scale",
    "PostCleanup": "cleanup.post_cleanup",
    "QkNormRopeFusion": "fusion.qk_norm_rope",
    "RaiseForms": "raising.raise_forms",
    "RowNeighbourFusion": "fusion.row_neighbours",
    "ScatterSplitReplacement": "cleanup.scatter_split",
    "SplitCoalescing": "cleanup.split_coalescing",
}
"""By name of a pass of this package, its module below this package."""

_registered: dict[str, type[InductorPass]] = {}


def register_pass(cls: Class) -> Class:
    """Make a pass known by the name of its class; a decorator. A later class replaces it."""
    _check_class(cls, cls.__name__)
    _registered[cls.__name__] = cls
    return cls


def pass_names() -> list[str]:
    """Return the names of known passes, sorted."""
    return sorted(_HOMES.keys() | _registered.keys())


def pass_class(name: str) -> type[InductorPass]:
    """Return the class of a pass, by its name, or by "module.Qualname".

    Raises:
        ArgumentError: there is no such name or module.
        PassClassError: the name stands for something that is no class of passes.
    """
    if name in _registered:
        return _registered[name]
    if name in _HOMES:
        return getattr(import_module(f"ir_runtime.passes.{_HOMES[name]}"), name)
    module, _, qualname = name.rpartition(".")
    found = _member(module, qualname) if module else None
    if found is None:
        near = difflib.get_close_matches(name, pass_names(), 1)
        raise ArgumentError(
            f"pass {name!r}: is not known, must be a name of `ir-runtime passes` or "
            '"module.Qualname" of a class',
            fix=f"did you mean {near[0]}?" if near else None,
        )
    return _check_class(found, name)


def _member(module: str, qualname: str) -> Any:
    """Return a member of a module; the module's name ends where an import succeeds."""
    while module:
        try:
            found: Any = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not (module + ".").startswith(error.name + "."):
                raise
            module, _, part = module.rpartition(".")
            qualname = f"{part}.{qualname}"
            continue
        for part in qualname.split("."):
            found = getattr(found, part, None)
        return found
    return None


def _check_class(found: Any, name: str) -> type[InductorPass]:
    if isinstance(found, type) and issubclass(found, InductorPass):
        return found
    raise PassClassError(
        f"pass {name!r}: is {found!r}, must be a class derived from InductorPass", pass_name=name
    )


def pass_of(item: Any, make: Callable[[type[InductorPass]], InductorPass] | None = None) -> Any:
    """Return a pass: of itself, its class, its name, or a function.

    Args:
        item: what stands for the pass.
        make: makes an object of a class; default: without arguments.

    Raises:
        ArgumentError: a name is not known, or a class cannot be made so.
        PassClassError: it is none of these.
    """
    if isinstance(item, str):
        item = pass_class(item.strip())
    if isinstance(item, type):
        return _made(_check_class(item, item.__name__), make or _made_plainly)
    if isinstance(item, InductorPass):
        return item
    if inspect.isfunction(item):
        from ir_runtime.passes.inductor_pass import CallableInductorPass

        return CallableInductorPass(item)
    raise PassClassError(
        f"pipeline: {item!r} is no pass, must be an InductorPass, its class, its name, or a "
        "function of a graph"
    )


def passes_of(items: Iterable[Any]) -> tuple[InductorPass, ...]:
    """Return the passes of a list as `pass_of`; a text is names with commas between."""
    if isinstance(items, str):
        items = [part for part in items.split(",") if part.strip()]
    return tuple(pass_of(item) for item in items)


def _made_plainly(cls: type[InductorPass]) -> InductorPass:
    return cls()


def _made(cls: type[InductorPass], make: Callable[[type[InductorPass]], Any]) -> InductorPass:
    try:
        return make(cls)
    except TypeError as error:
        raise ArgumentError(
            f"pass {cls.__name__}: cannot be made from its class alone, must have defaults for all "
            "parameters",
            facts=[str(error)],
            fix="give an object of the class",
        ) from error
