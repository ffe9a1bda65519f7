"""The common part of the CUDA and HIP drivers: torch calls both `cuda`, memory crosses by DLPack.

IREE runs on its own stream, unless its HAL device is tied to torch's stream. So a launch first
waits, on the host, for the work that torch has enqueued. It has ended when the call returns.
"""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.device.buffer_view import check_size, retyped
from ir_runtime.device.driver_error import CaptureError
from ir_runtime.device.place import HalPlace
from ir_runtime.device.plain_tensor import GPU_ALIGNMENT, plain
from ir_runtime.device.staging import download, new_buffer_view, upload
from ir_runtime.device.target import HOST_FLAGS
from ir_runtime.dtypes import dtype_info, format_tensor
from ir_runtime.errors import DeviceError, UnsupportedTorchDeviceError

if TYPE_CHECKING:
    from iree.runtime import HalBufferView

    from ir_runtime.device.open_device import OpenDevice

__all__ = [
    "TorchGpuDriver",
    "current_gpu",
    "gpu_uri",
    "index_of_identity",
    "refuse_capture",
]

_to_dlpack = torch._C._to_dlpack
_from_dlpack = torch._C._from_dlpack


class TorchGpuDriver(abc.ABC):
    """Serve torch's `cuda` tensors in place, and CPU tensors by staging copies."""

    family: str
    names: tuple[str, ...]
    torch_type: str = "cuda"
    zero_copy: bool = False
    host_flags: tuple[str, ...] = HOST_FLAGS
    dlpack_device_type_code: int

    @abc.abstractmethod
    def is_torch_build(self) -> bool:
        """Tell whether torch was built for GPUs of this driver."""

    def serves(self, torch_device: torch.device) -> bool:
        return torch_device.type == "cuda" and self.is_torch_build()

    def torch_device(self, place: HalPlace) -> torch.device:
        """Return torch's own GPU, or `cpu` where torch was built without GPUs.

        Raises:
            DeviceError: torch has GPUs, and none of them is this one.
        """
        if not (self.is_torch_build() and torch.cuda.is_available()):
            return torch.device("cpu")
        path, identities = str(place.row.get("path", "")), _torch_identities()
        index = index_of_identity(path, identities)
        if index is None:
            raise DeviceError(
                f"device {place.uri}: torch does not see it, must be one of torch's GPUs",
                facts=[f"torch sees cuda:{i}: {uuid}" for i, uuid in enumerate(identities)],
                fix="set IR_RUNTIME_LAUNCH=direct: it needs no device of IREE; "
                "parts of a GPU (MIG) have other identities in IREE than in torch",
            )
        return torch.device("cuda", index)

    def wait_for_torch(self, state: OpenDevice) -> None:
        where = state.torch_device
        if where is None or where.type != "cuda":
            return
        refuse_capture(where)
        if state.torch_stream is None:
            torch.cuda.current_stream(where).synchronize()

    def current(self, state: OpenDevice) -> AbstractContextManager[Any]:
        """Make the GPU torch's current one, and with it its context that of the thread."""
        return current_gpu(state.torch_device)

    def import_tensor(self, state: OpenDevice, tensor: Tensor) -> HalBufferView:
        if tensor.device.type == "cpu":
            return upload(state.device, tensor)
        _refuse_elsewhere(state, tensor)
        ready = plain(tensor).contiguous()
        ready = ready if ready.data_ptr() % GPU_ALIGNMENT == 0 else ready.clone()
        if ready.data_ptr() != tensor.data_ptr():
            add_count("copies")
            self.wait_for_torch(state)  # the copy runs on torch's stream
        info = dtype_info(ready.dtype)
        if info.carrier is None:
            return state.device.from_dlpack_capsule(_to_dlpack(ready))
        carried = state.device.from_dlpack_capsule(_to_dlpack(ready.view(info.carrier)))
        return retyped(carried, list(ready.shape), info.element_type)

    def import_scratch(self, state: OpenDevice, tensor: Tensor) -> HalBufferView:
        if tensor.device.type == "cpu":
            return upload(state.device, tensor)
        add_count("copies")
        copied = tensor.clone(memory_format=torch.contiguous_format)
        self.wait_for_torch(state)  # the copy runs on torch's stream
        return self.import_tensor(state, copied)

    def import_destination(
        self, state: OpenDevice, tensor: Tensor, *, transfers: bool
    ) -> HalBufferView:
        lies_here = tensor.device.type == "cuda" and tensor.numel() > 0
        if transfers or not lies_here or dtype_info(tensor.dtype).carrier is not None:
            return new_buffer_view(state.device, tensor)  # only dispatches may write DLPack buffers
        return state.device.from_dlpack_capsule(_to_dlpack(tensor))

    def finish_destination(self, state: OpenDevice, view: HalBufferView, tensor: Tensor) -> None:
        if tensor.device.type == "cpu":
            download(state.device, view, tensor)
            return
        if tensor.numel() == 0:
            return
        source = self._borrowed(state, view, tensor)
        if source.data_ptr() != tensor.data_ptr():
            add_count("copies")
            tensor.copy_(source)
            torch.cuda.current_stream(tensor.device).synchronize()  # `view` may be freed now

    def export_tensor(self, state: OpenDevice, view: HalBufferView, like: Tensor) -> Tensor:
        """Return a result in memory of torch's allocator.

        IREE would reuse its own memory while kernels on torch's stream may still read it.
        """
        where = state.torch_device or torch.device("cpu")
        out = torch.empty(like.shape, dtype=like.dtype, device=where)
        check_size(view, out)
        self.finish_destination(state, view, out)
        return out

    def _borrowed(self, state: OpenDevice, view: HalBufferView, like: Tensor) -> Tensor:
        """View a buffer as a torch tensor that must not outlive it."""
        size = like.numel() * like.element_size()
        capsule = state.device.create_dlpack_capsule(
            retyped(view, [size], "SINT_8"), self.dlpack_device_type_code, like.device.index or 0
        )
        return _from_dlpack(capsule).view(like.dtype).view(like.shape)


def current_gpu(where: torch.device | None) -> AbstractContextManager[Any]:
    """Return a context in which a torch device is the thread's current one; it does, if a GPU."""
    gpu = where is not None and where.type == "cuda"
    return torch.cuda.device(where) if gpu else contextlib.nullcontext()


def refuse_capture(where: torch.device) -> None:
    """Refuse a launch by IREE on a stream that is captured: the host would wait for the stream.

    Raises:
        CaptureError: torch's current stream is captured.
    """
    with current_gpu(where):
        if not torch.cuda.is_current_stream_capturing():
            return
    raise CaptureError(
        f"torch device {where}: its stream is captured, must not be for a launch by IREE's VM, "
        "which waits for the stream",
        fix="capture only calls that `direct` runs; `explain` says why one does not",
    )


def _refuse_elsewhere(state: OpenDevice, tensor: Tensor) -> None:
    if tensor.device != state.torch_device:
        raise UnsupportedTorchDeviceError(
            f"{format_tensor(tensor)} on {tensor.device}: not on {state.torch_device}, the torch "
            f"device of {state.uri}, must be there or on the CPU"
        )


def gpu_uri(driver_name: str, torch_device: torch.device) -> str:
    """Return the URI of a torch `cuda` device, by its identity.

    Raises:
        DeviceError: this is a forked process that cannot use the GPU any more.
    """
    if torch.cuda._is_in_bad_fork():
        raise DeviceError(
            f"torch device {torch_device}: in use by the parent of this forked process, "
            "must be used in one of them only",
            fix="start processes with spawn",
        )
    index = torch.cuda.current_device() if torch_device.index is None else torch_device.index
    uuid = torch.cuda.get_device_properties(index).uuid
    return f"{driver_name}://GPU-{uuid}"


def index_of_identity(path: str, identities: Sequence[str]) -> int | None:
    """Return the index of torch's device with the identity `GPU-<uuid>`, None if there is none."""
    wanted = path.removeprefix("GPU-").replace("-", "").lower()
    for index, identity in enumerate(identities):
        if identity.replace("-", "").lower() == wanted:
            return index
    return None


def _torch_identities() -> list[str]:
    count = torch.cuda.device_count()
    return [str(torch.cuda.get_device_properties(i).uuid) for i in range(count)]
