"""Layers: modules that run their op, a forward written for the platform, or torch functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

import torch

from ir_runtime.errors import LayerClassError, NoForwardError
from ir_runtime.ir import IrOp
from ir_runtime.layers.config import get_compilation_config
from ir_runtime.layers.fx_trace import call_op, is_traced, trace_forward
from ir_runtime.layers.name import warn_once
from ir_runtime.layers.platform import platform_name
from ir_runtime.layers.pluggable import PluggableLayer

__all__ = ["Layer"]


class Layer(PluggableLayer):
    """A module whose forward is chosen when it is made, by the platform and the enable list.

    A layer of an op needs no forward, only the arguments for the op::

        @Layer.register("rms_norm")
        class RMSNorm(Layer):
            def __init__(self, size, epsilon=1e-6):
                super().__init__()
                self.weight, self.epsilon = nn.Parameter(torch.ones(size)), epsilon

            def op_arguments(self, x):
                return x, self.weight, self.epsilon

    | the layer is | it runs |
    |---|---|
    | enabled | `forward_<platform>`; by default its op, by the op's priority |
    | disabled | `forward_native`; by default the op's native function |

    If the priority chooses "native", `forward_native` runs. A layer without an op overrides
    `forward_native`, and `forward_<platform>` where a platform needs another forward.

    Args:
        enforce_enable: enable the layer, even if the enable list does not.
        compile_native: compile `forward_native` if the layer is disabled, and the config has a
            level above 0 and a backend other than "eager".

    Attributes:
        ir_op: the op or its name, set in the class. Default: the `IrOp` with the name of the layer;
            None if there is none.
    """

    ir_op: IrOp | None

    def __init__(self, *, enforce_enable: bool = False, compile_native: bool = False) -> None:
        super().__init__()
        self._enforce_enable = enforce_enable
        self._compiled_backend: str | None = None
        self._bind_op()
        self._forward_method = self.dispatch_forward(compile_native=compile_native)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the forward that was chosen when the layer was made."""
        if is_traced(args, kwargs):
            run, count = self._forward_function, self._count_arguments
            return trace_forward(self, run, args, kwargs, count_arguments=count)
        return self._forward_function(self, *args, **kwargs)

    def dispatch_forward(self, *, compile_native: bool = False) -> Callable[..., Any]:
        """Choose the function that `forward` runs, and count the choice in the config."""
        config = get_compilation_config()
        enabled = self._enforce_enable or type(self).enabled()
        counter = config.enabled_custom_ops if enabled else config.disabled_custom_ops
        counter[getattr(type(self), "name", type(self).__name__)] += 1
        if enabled:
            return getattr(self, f"forward_{platform_name()}")
        if compile_native and config.compiles_native:
            self._compiled_backend = config.backend
            return MethodType(self._compile_native(), self)
        return self.forward_native

    @classmethod
    def enabled(cls) -> bool:
        """Tell whether the enable list in force enables layers of this class."""
        name = getattr(cls, "name", None)
        if name is None:
            warn_once(
                f"{cls.__module__}.{cls.__qualname__}: has no name, must be registered to be in "
                "custom_ops; 'all' or 'none' decides whether it is enabled"
            )
            return cls.default_on()
        return get_compilation_config().enables(name)

    @staticmethod
    def default_on() -> bool:
        """Tell whether the enable list in force enables layers that it does not name."""
        return get_compilation_config().default_on()

    def op_arguments(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Return the arguments of the op for those of `forward`; by default the same."""
        if not kwargs:
            return args
        assert self.ir_op is not None, "called only with an op"
        return self.ir_op.all_arguments(args, kwargs)

    def forward_op(self, *args: Any, **kwargs: Any) -> Any:
        """Run the provider that the op's priority chooses; `forward_native` if it is native."""
        op = self.ir_op
        if op is None:
            return self.forward_native(*args, **kwargs)
        arguments = self.op_arguments(*args, **kwargs)
        if is_traced(arguments, {}):
            return call_op(op, arguments)
        if (
            type(self).forward_native is not Layer.forward_native
            and op.dispatch_guarded(*arguments).provider == "native"
        ):
            return self.forward_native(*args, **kwargs)
        return op(*arguments)

    def forward_native(self, *args: Any, **kwargs: Any) -> Any:
        """Compute with torch functions; by default with the op's native."""
        if self.ir_op is None:
            raise self._no_forward("native")
        op = self.ir_op
        return op.impls["native"].traced(*op.normal_arguments(self.op_arguments(*args, **kwargs)))

    def forward_cuda(self, *args: Any, **kwargs: Any) -> Any:
        """Run on Nvidia's GPUs; by default the op."""
        if self.ir_op is None:
            raise self._no_forward("cuda")
        return self.forward_op(*args, **kwargs)

    def forward_hip(self, *args: Any, **kwargs: Any) -> Any:
        """Run on AMD's GPUs; by default `forward_cuda`."""
        return self.forward_cuda(*args, **kwargs)

    def forward_cpu(self, *args: Any, **kwargs: Any) -> Any:
        """Run on the CPU; by default the op, or else `forward_native`."""
        return self.forward_op(*args, **kwargs)

    def forward_xpu(self, *args: Any, **kwargs: Any) -> Any:
        """Run on Intel's GPUs; by default the op, or else `forward_native`."""
        return self.forward_op(*args, **kwargs)

    def forward_tpu(self, *args: Any, **kwargs: Any) -> Any:
        """Run on TPUs; by default the op, or else `forward_native`."""
        return self.forward_op(*args, **kwargs)

    def forward_vulkan(self, *args: Any, **kwargs: Any) -> Any:
        """Run on Vulkan devices; by default the op, or else `forward_native`."""
        return self.forward_op(*args, **kwargs)

    def forward_oot(self, *args: Any, **kwargs: Any) -> Any:
        """Run on a platform outside of torch; by default the op, or else `forward_native`."""
        return self.forward_op(*args, **kwargs)

    def _count_arguments(self) -> int:
        """Return the number of arguments that a call must have.

        The first function that the layer's class overrides decides, else the op.
        """
        cls = type(self)
        functions = [self._forward_function, cls.op_arguments, cls.forward_native]
        own = [f for f in functions if f not in vars(Layer).values()]
        if not own and self.ir_op is not None:
            found = list(self.ir_op.signature.parameters.values())
        else:
            found = list(inspect.signature(own[0]).parameters.values())[1:] if own else []
        return sum(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in found)

    def _no_forward(self, platform: str) -> NoForwardError:
        name = getattr(type(self), "name", type(self).__name__)
        return NoForwardError(
            f"layer {name}: {type(self).__qualname__} has no forward_{platform} and no op, "
            "must have one of them",
        )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "ir_op" in vars(cls):
            cls.ir_op = _checked_op(cls, vars(cls)["ir_op"])

    def _bind_op(self) -> None:
        if hasattr(type(self), "ir_op"):
            _checked_op(type(self), vars(type(self)).get("ir_op"))
        else:
            self.ir_op = IrOp.registry.get(getattr(type(self), "name", ""))

    def _compile_native(self) -> Callable[..., Any]:
        return torch.compile(
            type(self).forward_native, dynamic=True, backend=self._compiled_backend or "inductor"
        )

    # The chosen forward is kept as a function that takes the layer. A bound method would be a
    # reference cycle, and a copy of the layer would run on the weights of the original.
    @property
    def _forward_method(self) -> Callable[..., Any]:
        return MethodType(self._forward_function, self)

    @_forward_method.setter
    def _forward_method(self, method: Callable[..., Any]) -> None:
        if isinstance(method, MethodType) and method.__self__ is self:
            self._forward_function: Callable[..., Any] = method.__func__
        else:
            self._forward_function = partial(_call_without_layer, method)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state.pop("ir_op", None)
        if self._compiled_backend is not None:
            del state["_forward_function"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._bind_op()
        if self._compiled_backend is not None:
            self._forward_function = self._compile_native()


def _checked_op(layer_class: type[Layer], found: Any) -> Any:
    """Return the op of a layer class, given its `ir_op`.

    Raises:
        LayerClassError: `ir_op` is no op, and no name of one.
    """
    if isinstance(found, str) and found in IrOp.registry:
        return IrOp.registry[found]
    if found is None or isinstance(found, IrOp | property):
        return found
    fix = "ir_op = ir.ops.<name>, of " + ", ".join(sorted(IrOp.registry))
    raise LayerClassError(
        f"layer class {layer_class.__module__}.{layer_class.__qualname__}: `ir_op` is {found!r}, "
        "must be an IrOp, the name of one that is registered, or None",
        fix=fix if IrOp.registry else "import the module that registers the op",
    )


def _call_without_layer(function: Callable[..., Any], _: Layer, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)
