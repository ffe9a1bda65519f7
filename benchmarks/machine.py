"""The machine that numbers are measured on: a number without its machine means nothing."""

from __future__ import annotations

import re
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from ir_runtime.device.cpu_name import cpu_name
from ir_runtime.device.machine import this_machine

__all__ = ["MeasuredMachine", "measure_machine"]

_COPIED_BYTES = 256 << 20
_ROUNDS = 7


@dataclass(frozen=True)
class MeasuredMachine:
    """A machine, and the speed of its memory.

    Attributes:
        model: the name of the CPU, from the operating system.
        cpu: the CPU that code is made for, with its features.
        cores: cores that this process may use.
        threads: threads of torch.
        l1_bytes: the data cache of a core.
        l2_bytes: the second cache of a core.
        l3_bytes: the last cache.
        copy_gigabytes_per_s: bytes read and written per second by a large copy of torch.
        torch: its version.
    """

    model: str
    cpu: str
    cores: int
    threads: int
    l1_bytes: int
    l2_bytes: int
    l3_bytes: int
    copy_gigabytes_per_s: float
    torch: str

    @property
    def kind(self) -> str:
        """A name for files: maker, instruction set, the extensions for products, cores."""
        maker = re.match(r"[a-z]+", self.model.lower())
        level = self.cpu.partition("+")[0]
        extra = "amx" if "amx-bf16" in self.cpu else "bf16" if "bf16" in self.cpu else ""
        parts = (maker[0] if maker else "cpu", level, extra, f"{self.cores}-cores")
        return "-".join(part for part in parts if part)

    def __str__(self) -> str:
        caches = (self.l1_bytes >> 10, self.l2_bytes >> 10, self.l3_bytes >> 20)
        return (
            f"{self.model}, {self.cores} cores, {self.threads} threads; {self.cpu}; caches "
            f"{caches[0]} KiB, {caches[1]} KiB, {caches[2]} MiB; a copy moves "
            f"{self.copy_gigabytes_per_s:.1f} GB/s; torch {self.torch}"
        )


def measure_machine() -> MeasuredMachine:
    """Describe this machine, and measure a copy on it."""
    machine = this_machine()
    return MeasuredMachine(
        _model(),
        cpu_name(machine.cpu),
        machine.cores,
        torch.get_num_threads(),
        machine.l1_bytes,
        machine.l2_bytes,
        machine.l3_bytes,
        _copy_speed() / 1e9,
        torch.__version__.partition("+")[0],
    )


def _model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "unknown CPU"
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else "unknown CPU"


def _copy_speed() -> float:
    source = torch.ones(_COPIED_BYTES // 4)
    target = torch.empty_like(source)
    times: list[float] = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        target.copy_(source)
        times.append(time.perf_counter() - started)
    return 2 * _COPIED_BYTES / statistics.median(times)
