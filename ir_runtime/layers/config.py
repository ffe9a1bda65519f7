"""The compilation config: it enables layers to run their kernels, and counts the layers made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from ir_runtime.enable_list import default_of, layer_name, parse_enable_list
from ir_runtime.errors import ArgumentError, EnableListError
from ir_runtime.layers.name import close_names, op_registry, warn_once
from ir_runtime.settings import current_settings

__all__ = [
    "CompilationConfig",
    "CompilationLevel",
    "get_compilation_config",
    "set_compilation_config",
    "set_default_compilation_config",
]


class CompilationLevel(IntEnum):
    """How much of a model torch.compile sees."""

    NO_COMPILATION = 0
    DYNAMO_AS_IS = 1
    DYNAMO_ONCE = 2
    PIECEWISE = 3


@dataclass
class CompilationConfig:
    """How a model is compiled, and which of its layers run kernels of their own.

    Layers read it when they are made. Nothing here compiles the model.

    Attributes:
        level: a `CompilationLevel`.
        use_inductor: whether Inductor compiles everything except kernels.
        custom_ops: "all" or "none", then "+name" and "-name" for single layers; given as a list or
            as one string with commas. Without "all" and "none" the default is "none" if Inductor
            compiles piecewise, because it then fuses the torch functions of layers, else "all".
        backend: the backend of torch.compile, for layers made with `compile_native`.
        enabled_custom_ops: by name, the number of layers made to run their kernels.
        disabled_custom_ops: by name, the number of layers made to run their torch functions.
        static_forward_context: layers that ops find by name; see `forward_context`.
    """

    level: int = CompilationLevel.NO_COMPILATION
    use_inductor: bool = True
    custom_ops: list[str] = field(default_factory=list)
    backend: str = "inductor"
    enabled_custom_ops: Counter[str] = field(default_factory=Counter, init=False)
    disabled_custom_ops: Counter[str] = field(default_factory=Counter, init=False)
    static_forward_context: dict[str, Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        try:
            self.level = CompilationLevel(self.level)
        except ValueError as error:
            raise ArgumentError(
                f"CompilationConfig: `level` is {self.level!r}, must be 0, 1, 2 or 3"
            ) from error
        self.custom_ops = parse_enable_list(self.custom_ops)
        if default_of(self.custom_ops) is None:
            fuses = self.level >= CompilationLevel.PIECEWISE and self.use_inductor
            self.custom_ops.append("none" if fuses else "all")
        self._warn_of_unknown()

    def _warn_of_unknown(self) -> None:
        for item in self.custom_ops:
            name = layer_name(item)
            if name is not None and name not in op_registry:
                close = close_names(name, op_registry)[0]
                warn_once(
                    f"custom_ops: item {item!r} names no layer that is registered so far ({close})"
                )

    @property
    def compiles_native(self) -> bool:
        """Whether a disabled layer made with `compile_native` is compiled."""
        eager = self.backend == "eager" or (self.backend == "inductor" and not self.use_inductor)
        return self.level > CompilationLevel.NO_COMPILATION and not eager

    def default_on(self) -> bool:
        """Tell whether layers that the list does not name are enabled.

        Raises:
            EnableListError: the list was changed, and does not contain just one of "all" and
                "none".
        """
        count = self.custom_ops.count("all") + self.custom_ops.count("none")
        if count != 1:
            raise EnableListError(
                f"custom_ops: {self.custom_ops} has 'all' and 'none' {count} times, "
                "must have one of them, once"
            )
        return "all" in self.custom_ops

    def enables(self, name: str) -> bool:
        """Tell whether a layer of this name is enabled.

        Raises:
            EnableListError: the list was changed, and contradicts itself.
        """
        on, off = f"+{name}" in self.custom_ops, f"-{name}" in self.custom_ops
        if on and off:
            raise EnableListError(
                f"custom_ops: item '+{name}' contradicts '-{name}', must have one of them"
            )
        return (self.default_on() or on) and not off

    def custom_op_log_check(self) -> None:
        """Warn about items that name no layer of the model; call it after the model is made."""
        made = self.enabled_custom_ops.keys() | self.disabled_custom_ops.keys()
        for item in self.custom_ops:
            name = layer_name(item)
            if name is not None and name not in made:
                what = "a layer, but none of the model" if name in op_registry else "no layer"
                warn_once(f"custom_ops: item {item!r} has no effect, because it names {what}")


_in_context: ContextVar[CompilationConfig | None] = ContextVar(
    "ir_runtime_compilation_config", default=None
)
_default: CompilationConfig | None = None
_of_settings: tuple[str | None, CompilationConfig] | None = None


def get_compilation_config() -> CompilationConfig:
    """Return the config of this context, else of the process, else of the settings.

    The config of the settings has level 0 and the enable list of `IR_RUNTIME_CUSTOM_OPS`; if that
    is unset, all layers are enabled.
    """
    global _of_settings
    found = _in_context.get() or _default
    if found is not None:
        return found
    wanted = current_settings().custom_ops
    if _of_settings is None or _of_settings[0] != wanted:
        _of_settings = (wanted, CompilationConfig(custom_ops=parse_enable_list(wanted or "")))
    return _of_settings[1]


@contextmanager
def set_compilation_config(config: CompilationConfig) -> Generator[CompilationConfig]:
    """Put a config in force inside a `with` block; other threads do not see it."""
    token = _in_context.set(config)
    try:
        yield config
    finally:
        _in_context.reset(token)


def set_default_compilation_config(config: CompilationConfig | None) -> None:
    """Set the config of the process, for contexts without one; None for that of the settings."""
    global _default
    _default = config
