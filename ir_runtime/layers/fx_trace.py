"""Trace layers by `torch.fx.symbolic_trace`: a layer is one node, as modules of torch.nn are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch.fx import Proxy, _symbolic_trace

from ir_runtime.ir import IrOp

if TYPE_CHECKING:
    from ir_runtime.layers.layer import Layer

__all__ = ["call_op", "is_traced", "trace_forward"]


def is_traced(args: Any, kwargs: Mapping[str, Any]) -> bool:
    """Tell whether a forward is called to be traced; `args` are one proxy in a root module."""
    if not _symbolic_trace._is_fx_tracing_flag:
        return False
    values = (args, kwargs) if isinstance(args, Proxy) else (*args, *kwargs.values())
    return any(isinstance(value, Proxy) for value in values)


def trace_forward(layer: Layer, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Record the call of a layer as one node; of the module that is traced, what it runs."""
    if isinstance(args, Proxy):  # the layer is the root, whose forward takes *args
        every: Any = args
        return layer._forward_function(layer, *(every[i] for i in range(_arity(layer))))
    proxy = next(value for value in (*args, *kwargs.values()) if isinstance(value, Proxy))
    tracer: Any = proxy.tracer
    if getattr(tracer, "root", None) is layer:
        return layer._forward_function(layer, *args, **kwargs)
    path = tracer.path_of_module(layer)
    return tracer.create_proxy("call_module", path, tuple(args), dict(kwargs))


def call_op(op: IrOp, arguments: Sequence[Any]) -> Any:
    """Call an op, as its torch op where the arguments are traced."""
    traced = any(isinstance(value, Proxy) for value in arguments)
    return op.torch_op(*op.all_arguments(arguments)) if traced else op(*arguments)


def _arity(layer: Layer) -> int:
    """Return how many arguments the forward of a layer must have."""
    from ir_runtime.layers.layer import Layer

    cls = type(layer)
    functions: list[Callable[..., Any]] = [layer._forward_function, cls.op_arguments]
    functions += [cls.forward_native]
    own = [f for f in functions if f not in vars(Layer).values()]
    if not own and layer.ir_op is not None:
        found = list(layer.ir_op.signature.parameters.values())
    else:
        found = list(inspect.signature(own[0]).parameters.values())[1:] if own else []
    return sum(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in found)
