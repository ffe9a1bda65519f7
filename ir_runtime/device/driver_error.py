"""The exceptions of GPUs and their drivers; their root is `ir_runtime.errors.IrRuntimeError`.

::

    LaunchError
    ├── CaptureError                           a launch cannot be part of a captured CUDA graph
    └── DriverError                            the driver of a GPU refused a call
        ├── DeviceLostError    (DeviceError)   the GPU failed, and this process lost it
        └── DriverTooOldError  (DeviceError)   the driver does not know the compiled code
"""

from __future__ import annotations

from collections.abc import Sequence

from ir_runtime.errors import DeviceError, LaunchError

__all__ = ["CaptureError", "DeviceLostError", "DriverError", "DriverTooOldError"]


class CaptureError(LaunchError):
    """A launch cannot be part of a captured CUDA graph."""


class DriverError(LaunchError):
    """The driver of a GPU refused a call.

    Attributes:
        call: the function of the driver, such as `cuLaunchKernel`.
        code: the number that it returned.
        error: the driver's name of the error.
        device: the number of the GPU.
    """

    def __init__(
        self,
        headline: str,
        *,
        facts: Sequence[str] = (),
        fix: str | None = None,
        call: str = "",
        code: int = 0,
        error: str = "",
        device: int = -1,
    ) -> None:
        self.call = call
        self.code = code
        self.error = error
        self.device = device
        super().__init__(headline, facts=facts, fix=fix)


class DeviceLostError(DriverError, DeviceError):
    """A GPU failed; this process cannot use it any more."""


class DriverTooOldError(DriverError, DeviceError):
    """The driver of a GPU is older than the compiled code, or does not know it."""
