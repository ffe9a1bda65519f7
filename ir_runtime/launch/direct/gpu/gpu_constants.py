"""The constants of a kernel on GPUs: one memory of torch's on each GPU, which holds them all."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ir_runtime.device.driver_error import CaptureError
from ir_runtime.fork_lock import fork_safe_lock

__all__ = ["GpuConstants"]

_ALIGNMENT = 64


class GpuConstants:
    """Uploads the constants of a kernel at its first launch on a GPU.

    The C launcher calls it before a launch, unless the last launch of the plan was on the same GPU
    and stream. The memory is freed with the kernel, when all streams that read it are done.

    Args:
        name: of the op or program, for messages.
        data: the bytes of each constant.

    Attributes:
        spans: of each constant its offset in the memory, a multiple of 64, and its length.
    """

    def __init__(self, name: str, data: Sequence[bytes]) -> None:
        self._name = name
        spans: list[tuple[int, int]] = []
        size = 0
        for part in data:
            spans.append((size, len(part)))
            size += -(-len(part) // _ALIGNMENT) * _ALIGNMENT
        self.spans = tuple(spans)
        self._bytes = torch.zeros(max(size, 1), dtype=torch.uint8, device="cpu")
        for (offset, length), part in zip(spans, data, strict=True):
            self._bytes.numpy()[offset : offset + length] = memoryview(part)
        self._memories: dict[int, Tensor] = {}
        self._streams: set[tuple[int, int]] = set()
        self._lock = fork_safe_lock()

    def __call__(self, device: int, stream: int, captured: bool) -> int:  # noqa: FBT001 - from C
        """Return the address of the constants on a GPU, where `stream` may read them.

        Args:
            device: number of the GPU.
            stream: torch's current stream there, as the driver numbers it.
            captured: whether the stream is captured.

        Raises:
            CaptureError: they must still be uploaded, which cannot be a part of a capture.
        """
        with self._lock:
            memory = self._memories.get(device)
            if memory is None:
                if captured:
                    raise CaptureError(
                        f"{self._name}: its constants are not on device {device} while its stream "
                        "is captured, must be there before a capture begins",
                        fix="call the op once with such tensors before the capture",
                    )
                memory = self._memories[device] = _uploaded(self._bytes, device)
            if (device, stream) not in self._streams:
                _tell_of_stream(memory, device)
                self._streams.add((device, stream))
        return memory.data_ptr()

    def is_on(self, device: int) -> bool:
        """Tell whether a GPU has the constants."""
        return device in self._memories


def _uploaded(data: Tensor, device: int) -> Tensor:
    """Copy bytes to a GPU on torch's current stream, and wait, so that any stream may read them."""
    return data.to(torch.device("cuda", device))


def _tell_of_stream(memory: Tensor, device: int) -> None:
    """Tell torch that its current stream of a GPU reads the memory, which is freed after that."""
    memory.record_stream(torch.cuda.current_stream(device))
