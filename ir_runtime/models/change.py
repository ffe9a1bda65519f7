"""Changes of a model that can be reverted: new forwards, new modules, new settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any, Protocol

from torch import Tensor, nn

from ir_runtime.models.errors import OptimizeError

__all__ = ["Change", "Changes", "NewForward", "has_new_forward"]

_MARK = "of_ir_runtime"


class Change(Protocol):
    """A change of a model."""

    def apply(self) -> None:
        """Make the change."""
        ...

    def check(self, state_dict: Mapping[str, Tensor] | None) -> None:
        """Raise an OptimizeError if `revert` cannot restore what was there."""
        ...

    def revert(self, state_dict: Mapping[str, Tensor] | None) -> None:
        """Restore what was there before."""
        ...


class NewForward:
    """A forward of one module instance; its class, and other instances, stay as they are.

    The function becomes an attribute of the instance, as a bound method. A copy of the model has
    it, bound to its own modules. A pickled model is loaded with the forward of the class.

    Args:
        module: the module.
        forward: takes the module, then the arguments of its forward.
    """

    def __init__(self, module: nn.Module, forward: Callable[..., Any]) -> None:
        # A bound method is pickled by its name: what is loaded then is the forward of the class.
        forward.__name__ = "forward"
        setattr(forward, _MARK, True)
        self._module, self._forward = module, forward

    def apply(self) -> None:
        """Give the instance its forward."""
        self._module.__dict__["forward"] = MethodType(self._forward, self._module)

    def check(self, state_dict: Mapping[str, Tensor] | None) -> None:
        """Accept: nothing was freed."""

    def revert(self, state_dict: Mapping[str, Tensor] | None) -> None:
        """Give it back the forward of its class."""
        del state_dict
        self._module.__dict__.pop("forward", None)


def has_new_forward(module: nn.Module) -> bool:
    """Tell whether a module has a forward of ours."""
    method = vars(module).get("forward")
    return getattr(getattr(method, "__func__", None), _MARK, False)


class Changes:
    """The changes of one model, in the order in which they were made."""

    def __init__(self) -> None:
        self._made: list[Change] = []
        self._undone = False

    def make(self, change: Change) -> None:
        """Make a change and remember it.

        If it fails half way, what it did is reverted, too.
        """
        self._made.append(change)
        change.apply()

    def roll_back(self) -> int:
        """Revert everything, the latest change first; return how many changes cannot be."""
        lost = 0
        while self._made:
            try:
                self._made.pop().revert(None)
            except OptimizeError:  # what it needs was freed
                lost += 1
        return lost

    def undo(self, model: str, state_dict: Mapping[str, Tensor] | None) -> None:
        """Revert everything once; see `Report.undo`."""
        if self._undone:
            raise OptimizeError(
                f"{model}: the report has been undone already, can be undone once",
                fix="optimize the model again",
            )
        for change in self._made:
            change.check(state_dict)
        while self._made:
            self._made.pop().revert(state_dict)
        self._undone = True
