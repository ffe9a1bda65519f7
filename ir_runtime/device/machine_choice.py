"""Sizes that depend on the machine: when to use threads, when to write past the cache, and groups.

Each is a function of a `Machine`, and says why. The figures in them give the thresholds that were
measured on two machines with AVX-512 (Zen 4 and Sapphire Rapids); for others, they are assumed to
grow with vector width and cores.
"""

from __future__ import annotations

from ir_runtime.device.machine import Machine
from ir_runtime.frozen import frozen

__all__ = [
    "Choice",
    "choices_for",
    "group_elements",
    "parallel_bytes",
    "streaming_bytes",
    "worker_pool_bytes",
]

_BYTES_A_US = 400
"""Bytes that a kernel on one core moves in a microsecond, for each byte of its vectors."""
_WAKE_US, _WAKE_CORE_US = 1.0, 0.125
"""The time to wake torch's threads and to wait for them: at least, and for each core."""
_POOL_WAKE_US = 80.0
"""The time to wake the worker pool of IREE's VM, and to wait for it."""
_BYTES_AN_ELEMENT = 16
"""Bytes of the first cache that an elementwise kernel needs for an element: three f32, and room."""


@frozen
class Choice:
    """A size, and why it is right for a machine."""

    size: int
    why: str


def parallel_bytes(machine: Machine) -> Choice:
    """Return from how many bytes on a launch is spread over torch's threads."""
    wake_us = _WAKE_US + _WAKE_CORE_US * machine.cores
    return _worth_waking(machine, wake_us, f"{machine.cores} cores take")


def worker_pool_bytes(machine: Machine) -> Choice:
    """Return from how many bytes on a launch in IREE's VM runs on its worker pool."""
    return _worth_waking(machine, _POOL_WAKE_US, "the worker pool takes")


def _worth_waking(machine: Machine, wake_us: float, who: str) -> Choice:
    """Return the bytes that one core moves in twice the time that it takes to wake others."""
    speed = _BYTES_A_US * machine.vector_bytes
    return Choice(
        int(2 * wake_us * speed),
        f"{who} {wake_us:.3g} us to start; a core with vectors of {machine.vector_bytes} bytes "
        f"moves {speed} bytes in a us, must have twice that to do",
    )


def streaming_bytes(machine: Machine) -> Choice:
    """Return from how many bytes, read and written, on results are written past the cache."""
    return Choice(machine.l3_bytes, f"the last cache has {machine.l3_bytes >> 20} MiB")


def group_elements(machine: Machine) -> Choice:
    """Return how many elements a workgroup of an elementwise kernel takes, a power of two."""
    room = max(1, machine.l1_bytes // _BYTES_AN_ELEMENT)
    return Choice(
        1 << (room.bit_length() - 1),
        f"the first cache has {machine.l1_bytes >> 10} KiB, an element takes "
        f"{_BYTES_AN_ELEMENT} bytes of it",
    )


def choices_for(machine: Machine) -> dict[str, Choice]:
    """Return all choices for a machine, by name."""
    chosen = (parallel_bytes, worker_pool_bytes, streaming_bytes, group_elements)
    return {choose.__name__: choose(machine) for choose in chosen}
