"""Which providers do ops have where nobody says so, and which modules bring them?"""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

from ir_runtime.ir.choice.priority import Priority
from ir_runtime.ir.config import IrOpPriorityConfig
from ir_runtime.ir.op import IrOp

__all__ = ["Platform", "current_platform", "set_platform", "set_platform_default"]


class Platform:
    """A kind of machine, and what is best there; other packages derive from it.

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
        """Return the lists of the ops that are registered now.

        They are `iree`, then native, in eager calls and in compiled graphs alike: the kernels are
        faster than what Inductor makes of native (see the README), and one list for both makes
        both give the same numbers.

        Args:
            config: what the caller knows of how a model is run; here it makes no difference.
        """
        del config
        return IrOpPriorityConfig().with_default(["iree", "native"])

    def import_ir_kernels(self) -> None:
        """Import the modules that register providers, then set the defaults of their ops anew.

        Raises:
            ImportError: a module cannot be imported.
        """
        for module in self.kernel_modules:
            importlib.import_module(module)
        _renew_defaults()


_platform = Platform()
_set_here: dict[str, Priority] = {}
_native_first: set[str] = set()


def current_platform() -> Platform:
    """Return the platform whose defaults hold."""
    return _platform


def set_platform(platform: Platform) -> None:
    """Let the defaults of a platform hold from now on.

    Ops that follow the platform get their new default; one that was given another by
    `IrOp.set_default` keeps that.
    """
    global _platform
    _platform = platform
    _renew_defaults()


def set_platform_default(op: IrOp, *, native_first: bool = False) -> None:
    """Let an op follow the platform, as the catalogue's ops do.

    Args:
        op: the op.
        native_first: put native before the other providers of the platform's list, if it is in
            the list: for an op whose kernel is not tuned for this machine.
    """
    if native_first:
        _native_first.add(op.name)
    else:
        _native_first.discard(op.name)
    op.set_default(_default_of(_platform.get_default_ir_op_priority(), op.name))
    _set_here[op.name] = op.default_priority


def _default_of(config: IrOpPriorityConfig, name: str) -> list[str]:
    providers = config[name]
    if name not in _native_first:
        return providers
    return sorted(providers, key=lambda provider: provider != "native")


def _renew_defaults() -> None:
    config = _platform.get_default_ir_op_priority()
    for name, priority in list(_set_here.items()):
        op = IrOp.registry.get(name)
        if op is not None and op.default_priority is priority:
            op.set_default(_default_of(config, name))
            _set_here[name] = op.default_priority
