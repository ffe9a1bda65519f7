"""Trace layers by `torch.fx.symbolic_trace`: a layer is one node, as modules of torch.nn are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn
from torch.fx import Proxy, _symbolic_trace

from ir_runtime.ir import IrOp

__all__ = ["call_op", "is_traced", "trace_forward"]


def is_traced(args: Any, kwargs: Mapping[str, Any]) -> bool:
    """Tell whether `torch.fx` is tracing a forward; in a root module `args` is one proxy."""
    if not _symbolic_trace._is_fx_tracing_flag:
        return False
    values = (args, kwargs) if isinstance(args, Proxy) else (*args, *kwargs.values())
    return any(isinstance(value, Proxy) for value in values)


def trace_forward(
    layer: nn.Module,
    run: Callable[..., Any],
    args: Any,
    kwargs: Mapping[str, Any],
    *,
    count_arguments: Callable[[], int],
) -> Any:
    """Record a call of a layer as one node; if the layer is the root, record the calls inside it.

    Args:
        layer: the layer.
        run: computes a call; takes the layer, then the arguments.
        args: of the call; one proxy for all of them if the layer is the root.
        kwargs: of the call.
        count_arguments: returns the number of arguments that a call must have.
    """
    if isinstance(args, Proxy):  # the layer is the root, whose forward takes *args
        every: Any = args
        return run(layer, *(every[i] for i in range(count_arguments())))
    proxy = next(value for value in (*args, *kwargs.values()) if isinstance(value, Proxy))
    tracer: Any = proxy.tracer
    if getattr(tracer, "root", None) is layer:
        return run(layer, *args, **kwargs)
    path = tracer.path_of_module(layer)
    return tracer.create_proxy("call_module", path, tuple(args), dict(kwargs))


def call_op(op: IrOp, arguments: Sequence[Any]) -> Any:
    """Call an op; if an argument is being traced, call its torch op."""
    traced = any(isinstance(value, Proxy) for value in arguments)
    return op.torch_op(*op.all_arguments(arguments)) if traced else op(*arguments)
