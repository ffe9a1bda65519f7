"""`kernel_mapping`: HuggingFace's `kernels` finds our ops by the names of layers, offline."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ir_runtime.errors import ArgumentError
from ir_runtime.frozen import frozen
from ir_runtime.models.errors import KernelsMissingError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["DEVICES", "LayerSource", "kernel_mapping"]

DEVICES = ("cpu", "cuda", "rocm")
"""The device types, in the words of `kernels`, on which our ops run."""


@frozen
class LayerSource:
    """What `kernels` calls a repository: it loads one layer, from this package.

    Attributes:
        layer_name: the name of the layer.
    """

    layer_name: str

    def load(self) -> type[nn.Module]:
        """Return the class whose forward a marked module gets."""
        import kernels_mlir  # noqa: F401 # pyright: ignore[reportUnusedImport] - promises the ops
        from ir_runtime.models.hub.layers import FUNCTIONS, LAYERS

        return (LAYERS | FUNCTIONS)[self.layer_name]

    def __str__(self) -> str:
        return f"`ir_runtime`, layer `{self.layer_name}`"


def kernel_mapping(devices: Sequence[str] = DEVICES) -> dict[str, dict[str, Any]]:
    """Return our ops as a mapping for `kernels.register_kernel_mapping`, without any network.

    A module that its class marks with a name of the mapping, such as `RMSNorm`, gets our layer from
    `kernels.kernelize`. The layer computes with an op if the module computes the same, which is
    found out in the first call; otherwise the module computes as before, and a warning of the
    logger `ir_runtime.models` says why. Layers work in each mode of `kernels`.

    Args:
        devices: device types of `kernels`, some of `cpu`, `cuda` and `rocm`. Rotary embeddings are
            mapped on `cpu` alone.

    Returns:
        By name of the layer and by device type, an object that loads it.

    Raises:
        ArgumentError: a device type is none of these.
        KernelsMissingError: the package `kernels` is not installed.

    Example:
        >>> from kernels import Mode, kernelize, register_kernel_mapping
        >>> register_kernel_mapping(kernel_mapping())
        >>> kernelize(model, mode=Mode.INFERENCE, device="cpu")
    """
    unknown = [name for name in devices if name not in DEVICES]
    if unknown:
        raise ArgumentError(
            f"kernel_mapping: `devices` has {unknown[0]!r}, must be of {', '.join(DEVICES)}"
        )
    if find_spec("kernels") is None:
        raise KernelsMissingError(
            "kernel_mapping: the package 'kernels' is not installed, must be, for it replaces the "
            "layers",
            fix="pip install 'ir-runtime[kernels]'",
        )
    from ir_runtime.models.hub.layers import FUNCTIONS, LAYERS

    sources = [(name, devices) for name in LAYERS]
    sources += [(name, [d for d in devices if d == "cpu"]) for name in FUNCTIONS]
    return {name: {device: LayerSource(name) for device in served} for name, served in sources}
