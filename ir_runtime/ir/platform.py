"""The default providers of ops for a kind of machine, and the modules that register them."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

from ir_runtime.ir.choice.priority import Priority
from ir_runtime.ir.config import IrOpPriorityConfig
from ir_runtime.ir.op import IrOp

__all__ = ["Platform", "current_platform", "set_platform", "set_platform_default"]


class Platform:
    """A kind of machine, with its default providers; other packages derive from it.

    Attributes:
        kernel_modules: modules that register providers when they are imported.

    Example:
        >>> class Accelerator(ir.Platform):
        ...     kernel_modules = ("kernels_mlir", "accelerator.kernels")
        ...
        ...     def get_default_ir_op_priority(self, config=None):
        ...         return ir.IrOpPriorityConfig().with_default(["accelerator", "native"])
        >>> ir.set_platform(Accelerator())
    """

    kernel_modules: ClassVar[tuple[str, ...]] = ("kernels_mlir",)

    def get_default_ir_op_priority(self, config: Any = None) -> IrOpPriorityConfig:
        """Return the default providers of the ops that are registered now.

        Each list is `iree`, then native, for eager calls and for compiled graphs. The kernels are
        faster than Inductor's code for native (see the README), and with one list both give the
        same numbers. A tuned table may reorder these lists.

        Args:
            config: the caller's configuration of the model; it has no effect here.
        """
        del config
        return IrOpPriorityConfig().with_default(["iree", "native"])

    def import_ir_kernels(self) -> None:
        """Import the modules that register providers, then update the defaults of their ops.

        Raises:
            ImportError: a module cannot be imported.
        """
        for module in self.kernel_modules:
            importlib.import_module(module)
        _renew_defaults()


_platform = Platform()
_set_here: dict[str, Priority] = {}
"""The default that each op got from its platform; an op with another default does not follow."""
_native_first: set[str] = set()
"""Ops whose kernels are not tuned for this machine."""


def current_platform() -> Platform:
    """Return the platform that gives ops their defaults."""
    return _platform


def set_platform(platform: Platform) -> None:
    """Use the defaults of a platform from now on.

    Ops that follow the platform get their new default. An op with a default from
    `IrOp.set_default` keeps it.
    """
    global _platform
    _platform = platform
    _renew_defaults()


def set_platform_default(op: IrOp, *, native_first: bool = False) -> None:
    """Make an op follow the platform's defaults, like the catalogue's ops.

    Args:
        op: the op.
        native_first: put native before the other providers of the platform's list, if it is in
            the list: for an op whose kernel is not tuned for this machine.
    """
    if native_first:
        _native_first.add(op.name)
    else:
        _native_first.discard(op.name)
    default = _default_of(_defaults(), op.name)
    op.priority.set_default(default, auto=True)
    _set_here[op.name] = op.default_priority


def _defaults() -> IrOpPriorityConfig:
    """Return the platform's lists for the ops that are there; others ask when they register."""
    with IrOp.registry.only_present():
        return _platform.get_default_ir_op_priority()


def _default_of(config: IrOpPriorityConfig, name: str) -> list[str]:
    providers = config[name]
    if name not in _native_first:
        return providers
    return sorted(providers, key=lambda provider: provider != "native")


def _renew_defaults() -> None:
    config = _defaults()
    for name, priority in list(_set_here.items()):
        op = IrOp.registry.get(name)
        if op is not None and op.default_priority is priority:
            op.priority.set_default(_default_of(config, name), auto=True)
            _set_here[name] = op.default_priority
