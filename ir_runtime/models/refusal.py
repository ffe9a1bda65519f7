"""Models that are not changed at all, and why."""

from __future__ import annotations

from torch import nn

from ir_runtime.errors import ArgumentError
from ir_runtime.models.attend import ATTENTION
from ir_runtime.models.cache import GROWING
from ir_runtime.models.change import has_new_forward
from ir_runtime.models.errors import OptimizeError

__all__ = ["refuse_model"]


def refuse_model(model: nn.Module) -> None:
    """Refuse a model that was optimised already, or whose weights are not plain and here.

    Raises:
        ArgumentError: it is no module.
        OptimizeError: it is refused.
    """
    if not isinstance(model, nn.Module):
        raise ArgumentError(f"optimize: `model` is {type(model).__name__}, must be an nn.Module")
    name = type(model).__name__
    for path, module in model.named_modules():
        where = f"{name}: {path or 'the model'}"
        if has_new_forward(module) or _is_ours(module) or _has_our_hook(module):
            raise OptimizeError(
                f"{where} is optimised already, must be as it was made",
                fix="call `undo()` of its report first",
            )
        if hasattr(module, "_hf_hook"):
            raise OptimizeError(
                f"{where} has a hook of accelerate, which may offload its weights; must have none",
                fix="load the model on the CPU without `device_map`, or call "
                "accelerate.hooks.remove_hook_from_submodules(model)",
            )
    if getattr(model, "is_quantized", False) or getattr(model, "hf_quantizer", None) is not None:
        raise OptimizeError(
            f"{name}: it is quantised already, must have floating-point weights",
            fix="load it without a quantization_config, then optimize with `weights=`",
        )
    _refuse_devices(model)


def _is_ours(module: nn.Module) -> bool:
    """Tell whether a module has our attention, or stands for one with its weight rounded."""
    config = vars(module).get("config")
    asks = getattr(config, "_attn_implementation", None) == ATTENTION
    return asks or type(module).__module__.startswith(f"{__package__}.")


def _has_our_hook(module: nn.Module) -> bool:
    """Tell whether a module makes caches grow."""
    hooks = module._forward_pre_hooks.values()
    return any(getattr(hook, "__module__", "") == GROWING for hook in hooks)


def _refuse_devices(model: nn.Module) -> None:
    tensors = [*model.named_parameters(), *model.named_buffers()]
    elsewhere = [(name, t) for name, t in tensors if t.device.type != "cpu"]
    if not elsewhere:
        return
    path, tensor = elsewhere[0]
    count = f"{len(elsewhere)} of {len(tensors)} tensors"
    if tensor.is_meta:
        raise OptimizeError(
            f"{type(model).__name__}: {count} are on the meta device, such as {path}; must have "
            "values",
            fix="load the weights first; offloaded models are not supported",
        )
    raise OptimizeError(
        f"{type(model).__name__}: {count} are on {tensor.device}, such as {path}; must be on the "
        "CPU, where our kernels for models run",
        fix='model.to("cpu")',
    )
