"""Children that a replaced MLP does not call, because its own op computes what they would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from ir_runtime.models.change import has_new_forward

__all__ = ["Covered"]


class Covered:
    """The children of an MLP that it does without, as long as they compute what they did.

    A hook, another forward or another class (of an adapter, or of a parametrization) makes them
    compute more, so they must be called then.

    Args:
        module: the MLP, as it is optimized.
        names: of the children.
    """

    def __init__(self, module: nn.Module, names: Iterable[str]) -> None:
        self._classes = {name: type(module.get_submodule(name)) for name in names}

    def compute_more(self, module: nn.Module) -> bool:
        """Tell whether a child must be called; `module` is the MLP or a copy of it."""
        children: Any = module._modules
        for name, known in self._classes.items():
            child = children.get(name)
            if (
                type(child) is not known
                or child._forward_hooks
                or child._forward_pre_hooks
                or child._backward_hooks
                or child._backward_pre_hooks
                or ("forward" in child.__dict__ and not has_new_forward(child))
            ):
                return True
        return False
