"""How do tests launch without a GPU?  A recording driver, and CPU memory that passes for a GPU's.

The launcher runs as it does on a GPU: it opens a library, loads code, asks for streams, allocates,
and enqueues. The library writes down each call; torch's table of tensors is wrapped, so that
tensors in marked memory are on a GPU as the launcher sees them.
"""

from __future__ import annotations

import ctypes
import functools
import re
import subprocess
import tempfile
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import ir_runtime.launch.direct.native
from ir_runtime.launch.direct.native import _launcher

__all__ = ["FakeGpu", "Launch", "fake_gpu", "recorder_path"]

_HERE = Path(__file__).parent
_HEADERS = Path(ir_runtime.launch.direct.native.__file__).parent
_DEVICE_TYPES = {"cuda": 2, "hip": 10}
_CAPSULE = b"dlpack_exchange_api"
_LAUNCH = re.compile(
    r"(?:cuLaunchKernel|hipModuleLaunchKernel) thread=(\d+) context=(-?\d+) (\w+) grid=([\d,]+) "
    r"block=([\d,]+) shared=(\d+) stream=(\d+) parameters=(\S*)"
)


@dataclass(frozen=True)
class Launch:
    """A kernel as the driver was asked to launch it."""

    thread: int
    context: int
    kernel: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared_bytes: int
    stream: int
    parameters: tuple[int, ...]
    sizes: tuple[int, ...]


@functools.cache
def recorder_path() -> Path:
    """Build the recording driver; the directory goes with the process."""
    directory = tempfile.TemporaryDirectory(prefix="ir-runtime-recorder-")
    recorder_path.directory = directory
    path = Path(directory.name) / "librecorder.so"
    source = _HERE / "recorder.c"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{_HEADERS}"]
    subprocess.run(["cc", *flags, source, "-o", path, "-lpthread"], check=True)
    return path


@functools.cache
def _library() -> Any:
    library = ctypes.CDLL(str(recorder_path()))
    library.recorder_take.restype = ctypes.c_void_p
    library.recorder_free.argtypes = [ctypes.c_void_p]
    library.recorder_exchange.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.recorder_exchange.restype = ctypes.c_void_p
    library.recorder_add_memory.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.recorder_remove_memory.argtypes = [ctypes.c_void_p]
    library.recorder_set_stream.argtypes = [ctypes.c_int, ctypes.c_void_p]
    library.recorder_capture.argtypes = [ctypes.c_void_p, ctypes.c_int]
    return library


@functools.cache
def _torch_table() -> int:
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return pointer(torch.Tensor.__dlpack_c_exchange_api__, _CAPSULE)


def _capsule(table: int) -> Any:
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return new(table, _CAPSULE, None)


class FakeGpu:
    """GPUs of a kind of driver, as many as wanted, in CPU memory.

    Attributes:
        driver: the recording driver, opened by the launcher.
        allocations: how many tensors the launcher has allocated.
        frees: how many of them are gone.
        blocks: address and bytes of each, the latest last.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.driver = _launcher.GpuDriver(kind, str(recorder_path()))
        self.library = _library()
        self.allocations = self.frees = 0
        self.blocks: deque[tuple[int, int]] = deque(maxlen=64)
        self._thread = threading.local()
        self.fail_allocation = False

    def use_device(self, device: int) -> None:
        """Make a device the one that the thread allocates on."""
        self._thread.device = device

    def place(self, tensor: Tensor, device: int = 0) -> Tensor:
        """Mark a tensor's memory as that of a GPU."""
        storage = tensor.untyped_storage()
        begin = storage.data_ptr()
        self.library.recorder_add_memory(begin, storage.nbytes(), device)
        weakref.finalize(tensor, self.library.recorder_remove_memory, begin)
        return tensor

    def allocate(self, shape: Any, strides: Any, dtype: torch.dtype) -> Tensor:
        """Allocate as torch does on its current device."""
        if self.fail_allocation:
            raise torch.OutOfMemoryError("CUDA out of memory")
        size = max(64, sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + 1)
        whole = self.place(torch.empty(size, dtype=dtype), getattr(self._thread, "device", 0))
        made = torch.as_strided(whole, shape, strides)
        self.allocations += 1
        self.blocks.append((made.data_ptr(), whole.nbytes))
        self.library.recorder_note(b"allocate")
        weakref.finalize(made, self._freed, [whole])
        return made

    def _freed(self, kept: list[Tensor]) -> None:
        kept.clear()
        self.frees += 1
        self.library.recorder_note(b"free")

    def set_stream(self, stream: int, device: int = 0) -> None:
        """Make a stream the thread's current one on a device."""
        self.library.recorder_set_stream(device, stream)

    def fail(self, call: str, code: int, nth: int = 1) -> None:
        """Make the `nth` next call of a function of the driver fail."""
        self.library.recorder_fail(call.encode(), nth, code)

    @contextmanager
    def capture(self, stream: int) -> Iterator[None]:
        self.library.recorder_capture(stream, 1)
        try:
            yield
        finally:
            self.library.recorder_capture(stream, 0)

    def take(self) -> list[str]:
        """Return the lines of all calls since the last time."""
        address = self.library.recorder_take()
        text = ctypes.string_at(address).decode()
        self.library.recorder_free(address)
        return text.splitlines()

    def names(self) -> list[str]:
        """Return the names of the calls since the last time, without the look at contexts."""
        words = [line.split() for line in self.take()]
        names = [line[-1] if line[0] == "note" else line[0] for line in words]
        quiet = ("cuCtxGetCurrent", "cuStreamIsCapturing", "hipGetDevice", "hipStreamIsCapturing")
        return [name for name in names if name not in quiet]

    def launches(self) -> list[Launch]:
        """Return the launches since the last time."""
        return [launch for launch in map(launch_of, self.take()) if launch is not None]


def launch_of(line: str) -> Launch | None:
    found = _LAUNCH.fullmatch(line)
    if found is None:
        return None
    thread, context, kernel, grid, block, shared, stream, parameters = found.groups()
    words = [word for word in parameters.split(",") if word]
    x, y, z = map(int, grid.split(","))
    a, b, c = map(int, block.split(","))
    return Launch(
        int(thread),
        int(context),
        kernel,
        (x, y, z),
        (a, b, c),
        int(shared),
        int(stream),
        tuple(int(word, 16) for word in words),
        tuple(len(word) // 2 for word in words),
    )


@contextmanager
def fake_gpu(kind: str = "cuda") -> Iterator[FakeGpu]:
    """Let the launcher see GPUs."""
    gpu = FakeGpu(kind)
    table = gpu.library.recorder_exchange(_torch_table(), _DEVICE_TYPES[kind])
    before = _launcher.use_gpu_memory(_capsule(table), gpu.allocate)
    gpu.library.recorder_set_context(-1)
    gpu.library.recorder_fail(b"", 0, 0)
    gpu.library.recorder_slow_loads(0)
    gpu.library.recorder_hide_streams(0)
    for device in range(8):
        gpu.set_stream(0, device)
    gpu.take()
    try:
        yield gpu
    finally:
        _launcher.use_gpu_memory(*before)
