"""Layers that have a name, and that another package can replace by its own class."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from torch import nn

from ir_runtime.errors import LayerClassError, OpConflictError, OpDefinitionError
from ir_runtime.layers.name import op_registry, op_registry_oot

__all__ = ["PluggableLayer"]

_NAME = re.compile(r"[A-Za-z_]\w*")
_Class = TypeVar("_Class", bound=type)


class PluggableLayer(nn.Module):
    """A module that has a name, and that another package can replace by its own class.

    For modules that hold state and compose others; `Layer` adds the choice of a forward::

        @PluggableLayer.register("mamba_mixer")
        class MambaMixer(PluggableLayer): ...

        @MambaMixer.register_oot
        class FastMambaMixer(MambaMixer): ...

        MambaMixer()  # makes a FastMambaMixer

    Attributes:
        name: its name in enable lists; inherited by subclasses that are not registered.
    """

    name: ClassVar[str]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        other = op_registry_oot.get(cls.__name__, cls)
        return super().__new__(other if issubclass(other, cls) else cls)

    @classmethod
    def register(cls, name: str) -> Callable[[_Class], _Class]:
        """Give a class its name; a class decorator.

        Raises:
            OpDefinitionError: the name is no identifier, or is a word of enable lists.
            OpConflictError: another layer has the name, or the class has a name already.
            LayerClassError: the decorated object is no class, or no subclass of this class.
        """
        if not isinstance(name, str):
            raise LayerClassError(
                f"{cls.__name__}.register: takes the layer's name, is given {name!r}",
                fix=f'@{cls.__name__}.register("name")',
            )
        if not _NAME.fullmatch(name) or name in ("all", "none"):
            raise OpDefinitionError(
                f"layer name {name!r} is invalid, must be an identifier other than 'all' and 'none'"
            )

        def decorate(layer_class: _Class) -> _Class:
            _check_class(layer_class, cls, f"layer {name}")
            if name in op_registry:
                raise OpConflictError(
                    f"layer {name}: Duplicate op name: {_place(op_registry[name])} has it, "
                    f"{_place(layer_class)} must have another"
                )
            if "name" in vars(layer_class):
                raise OpConflictError(
                    f"layer {name}: {_place(layer_class)} has the name {layer_class.name!r}, "
                    "must be registered once"
                )
            layer_class.name = name
            op_registry[name] = layer_class
            return layer_class

        return decorate

    @classmethod
    def register_oot(cls, layer_class: Any = None, *, name: str | None = None) -> Any:
        """Register a class that replaces an in-tree class; a class decorator.

        Write `@InTree.register_oot`, with or without parentheses, or
        `@Layer.register_oot(name="InTree")`. The new class must be a subclass of the in-tree class,
        because Python runs the `__init__` of subclasses only. Both have one name in enable lists.

        Args:
            layer_class: the new class.
            name: the name of the in-tree class; default: the class that this is called on.

        Raises:
            OpConflictError: the in-tree class is replaced already.
            LayerClassError: `layer_class` is no class, or no subclass of the in-tree one.
        """
        replaced = cls.__name__ if name is None else name

        def decorate(new_class: _Class) -> _Class:
            _check_class(new_class, PluggableLayer, f"replacement of {replaced}")
            in_tree = [base for base in new_class.__mro__[1:] if base.__name__ == replaced]
            if not in_tree or in_tree[0].__module__.startswith("ir_runtime.layers."):
                raise LayerClassError(
                    f"replacement of {replaced}: {_place(new_class)} is none of its subclasses, "
                    "must be one",
                    fix="@InTree.register_oot, or @Layer.register_oot(name='InTree')",
                )
            if replaced in op_registry_oot:
                raise OpConflictError(
                    f"replacement of {replaced}: {_place(op_registry_oot[replaced])} replaces it, "
                    f"{_place(new_class)} must replace another class"
                )
            op_registry_oot[replaced] = new_class
            return new_class

        return decorate if layer_class is None else decorate(layer_class)


def _check_class(found: object, wanted: type, subject: str) -> None:
    if not isinstance(found, type):
        raise LayerClassError(f"{subject}: {found!r} is no class, must be a subclass of Layer")
    if not issubclass(found, wanted):
        raise LayerClassError(
            f"{subject}: {_place(found)} is no {wanted.__name__}, must be a subclass of it"
        )


def _place(layer_class: type) -> str:
    return f"{layer_class.__module__}.{layer_class.__qualname__}"
