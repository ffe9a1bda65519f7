"""The ops `torch.ops.iree.*`, which tell IREE where and how a program runs.

In eager mode they return a copy of their tensor; `trace_tensor` calls a callback.

In an exported program they become ops of IREE's own dialects: `flow.tensor.trace`,
`flow.tensor.transfer`, `flow.tensor.barrier`, `iree_tensor_ext.compute_barrier.*`.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._higher_order_ops.effects import _EffectType, _register_effectful_op
from torch.fx.node import has_side_effect

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import CustomOp, KernelBuilder, KernelSelection, def_library

__all__ = [
    "IREE_LIBRARY",
    "barrier_on_logical_device",
    "compute_barrier_end",
    "compute_barrier_start",
    "log_tensor",
    "save_tensor_in",
    "trace_tensor",
    "trace_tensor_callback",
    "transfer_to_logical_device",
]

IREE_LIBRARY = def_library("iree")
_NUMPY_FLOATS = (torch.float16, torch.float32, torch.float64)
_log = logging.getLogger("ir_runtime.trace")


def log_tensor(trace_key: str, tensor: Tensor) -> None:
    """Log the key, dtype, shape and first values of a traced tensor."""
    values = tensor.detach().reshape(-1)[:8].tolist()
    _log.info("%s: %s %s", trace_key, format_tensor(tensor), values)


def save_tensor_in(directory: str | os.PathLike[str]) -> Callable[[str, Tensor], None]:
    """Return a trace callback that writes each tensor to `<directory>/<key>.npy`.

    A second trace of a key overwrites its file. Characters that are not allowed in file names
    become `_`. Floating-point dtypes that numpy lacks are written as float32.
    """
    import numpy as np

    root = Path(directory)
    root.mkdir(parents=True, exist_ok=True)

    def save(trace_key: str, tensor: Tensor) -> None:
        name = re.sub(r"[^\w.-]", "_", trace_key)
        kept = tensor.detach().cpu().resolve_conj().resolve_neg()
        known = not kept.is_floating_point() or kept.dtype in _NUMPY_FLOATS
        wide = kept if known else kept.float()
        np.save(root / f"{name}.npy", wide.numpy())

    return save


trace_tensor_callback: Callable[[str, Tensor], None] = log_tensor
"""The callback of `trace_tensor` in eager mode; assign another function to replace it."""


class _Identity(CustomOp):
    """An op that returns its last argument, a tensor, as a new tensor."""

    def select(self, ksel: KernelSelection) -> None:
        last = len(ksel.arg_descs) - 1
        for i in range(last):
            ksel.attr_str(i)
        x = ksel.arg_tensor(last)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def eager_execute(self, *args: Any) -> Tensor:
        return args[-1].clone()

    def backward(self, ctx: Any, *gradients: Any) -> Any:
        del ctx
        return (*[None] * (len(self.schema.arguments) - 1), gradients[0])


@CustomOp.register(library=IREE_LIBRARY)
class trace_tensor(CustomOp):
    """Show a tensor when the program runs: `flow.tensor.trace`, in eager mode the callback."""

    signature = "trace_tensor(str trace_key, Tensor tensor) -> ()"

    def select(self, ksel: KernelSelection) -> None:
        ksel.attr_str(0)
        ksel.arg_tensor(1)

    def eager_execute(self, *args: Any) -> None:
        trace_key, tensor = args
        trace_tensor_callback(trace_key, tensor)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        from iree.compiler.dialects import flow

        value = kb.arg_value(1)
        flow.TensorTraceOp(ksel.arg_descs[0].v, [value], _open_sizes(kb, value))
        kb.yield_results()


# It has no result, but must not be removed, moved or merged with another call.
_register_effectful_op(trace_tensor.default, _EffectType.ORDERED)
has_side_effect(trace_tensor.default)


@CustomOp.register(library=IREE_LIBRARY)
class transfer_to_logical_device(_Identity):
    """Move a tensor to the device `@__device_<moniker>` of the program."""

    signature = "transfer_to_logical_device(str moniker, Tensor tensor) -> Tensor"

    def select(self, ksel: KernelSelection) -> None:
        super().select(ksel)
        _check_moniker(self.name, ksel.arg_descs[0].v)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        from iree.compiler.dialects import flow

        value, device = kb.arg_value(1), _promised_device(ksel.arg_descs[0].v)
        kb.yield_results(flow.TensorTransferOp(value, _open_sizes(kb, value), device).result)


@CustomOp.register(library=IREE_LIBRARY)
class barrier_on_logical_device(_Identity):
    """Complete a tensor on `@__device_<moniker>` before any later operation begins."""

    signature = "barrier_on_logical_device(str moniker, Tensor tensor) -> Tensor"

    def select(self, ksel: KernelSelection) -> None:
        super().select(ksel)
        _check_moniker(self.name, ksel.arg_descs[0].v)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        from iree.compiler.dialects import flow

        value, device = kb.arg_value(1), _promised_device(ksel.arg_descs[0].v)
        kb.yield_results(flow.TensorBarrierOp(value, _open_sizes(kb, value), device).result)


@CustomOp.register(library=IREE_LIBRARY)
class compute_barrier_start(_Identity):
    """Begin a region of computation that the compiler does not fuse with the code before it."""

    signature = "compute_barrier_start(Tensor tensor) -> Tensor"

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        from iree.compiler.dialects import iree_tensor_ext

        del ksel
        x = kb.arg_value(0)
        kb.yield_results(
            iree_tensor_ext.ComputeBarrierStartOp(x.type, x, _open_sizes(kb, x)).result
        )


@CustomOp.register(library=IREE_LIBRARY)
class compute_barrier_end(_Identity):
    """End a region of computation that the compiler does not fuse with the code after it."""

    signature = "compute_barrier_end(Tensor tensor) -> Tensor"

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        from iree.compiler.dialects import iree_tensor_ext

        del ksel
        x = kb.arg_value(0)
        kb.yield_results(iree_tensor_ext.ComputeBarrierEndOp(x.type, x, _open_sizes(kb, x)).result)


def _open_sizes(kb: KernelBuilder, value: Any) -> list[Any]:
    """Build the sizes of the dynamic dimensions of a tensor."""
    from iree.compiler.dialects import tensor
    from iree.compiler.ir import RankedTensorType

    kind = RankedTensorType(value.type)
    return [
        tensor.dim(value, kb.constant_index(i)) for i in range(kind.rank) if kind.is_dynamic_dim(i)
    ]


def _promised_device(moniker: str) -> Any:
    from iree.compiler.ir import Attribute

    return Attribute.parse(f"#hal.device.promise<@__device_{moniker}>")


def _check_moniker(op_name: str, moniker: str) -> None:
    if not re.fullmatch(r"\w+", moniker):
        raise ArgumentError(
            f"{op_name}: moniker {moniker!r}, must be letters, digits and underscores"
        )
