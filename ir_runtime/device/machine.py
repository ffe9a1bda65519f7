"""The CPU machine that code is made for: its features, cores and caches, as a small value.

Code for this machine is made for its own caches. Code for a named target (`x86-64-v3`) is made for
usual caches of such machines, so that every machine of a fleet makes, and finds, the same code.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Generator, Mapping
from contextvars import ContextVar
from pathlib import Path

from ir_runtime.device.cpu import CpuTarget, host_cpu_target
from ir_runtime.device.cpu_name import (
    OWN,
    contained_levels,
    cpu_name,
    cpu_named,
    features_of,
    missing_features,
)
from ir_runtime.errors import ArgumentError, DeviceError
from ir_runtime.frozen import frozen
from ir_runtime.settings import Settings, current_settings

__all__ = [
    "Machine",
    "code_for",
    "code_machine",
    "code_machines",
    "fleet_machines",
    "machine_named",
    "read_machine",
    "this_machine",
    "usual_machine",
]

_CPU0 = Path("/sys/devices/system/cpu/cpu0")
_USUAL: Mapping[str, tuple[int, int, int]] = {
    "x86-64-v4": (32 << 10, 1 << 20, 32 << 20),
    "x86-64-v3": (32 << 10, 512 << 10, 16 << 20),
    "aarch64": (64 << 10, 1 << 20, 32 << 20),
}
"""Usual caches in bytes by the name of a target, of one core but for the last one."""
_OTHERS = (32 << 10, 256 << 10, 8 << 20)
_USUAL_CORES = 8


@frozen
class Machine:
    """A CPU machine, as far as choices of code and of threads depend on it.

    Attributes:
        cpu: its instruction set.
        cores: cores that this process may use; hyper-threads of a core count once.
        l1_bytes: the data cache of a core.
        l2_bytes: the second cache of a core.
        l3_bytes: the last cache, which cores share; that of a core where there is no shared one.
    """

    cpu: CpuTarget
    cores: int
    l1_bytes: int
    l2_bytes: int
    l3_bytes: int

    @property
    def vector_bytes(self) -> int:
        """The bytes of a vector register."""
        features = features_of(self.cpu)
        return 64 if "avx512f" in features else 32 if "avx" in features else 16

    def has(self, *features: str) -> bool:
        """Tell whether the CPU has each feature beyond its level, such as `amx-bf16`."""
        return all(f"+{feature}" in self.cpu.features for feature in features)


def read_machine(cpu: CpuTarget, root: Path = _CPU0, cores: int | None = None) -> Machine:
    """Return the machine that Linux describes.

    Args:
        cpu: its instruction set.
        root: the directory of its first core in sysfs; what it lacks is taken as usual.
        cores: how many there are; None to ask the system.
    """
    l1, l2, l3 = _usual_caches(cpu)
    found: dict[int, int] = {}
    for index in root.glob("cache/index*"):
        with contextlib.suppress(OSError, ValueError):
            if (index / "type").read_text().strip() != "Instruction":
                size = (index / "size").read_text().strip().removesuffix("K")
                found[int((index / "level").read_text())] = int(size) << 10
    l1, l2 = found.get(1, l1), found.get(2, l2)
    last = max(found.values(), default=l3)
    return Machine(cpu, cores or _usable_cores(root), l1, l2, last)


def _usable_cores(root: Path) -> int:
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    siblings = 1
    with contextlib.suppress(OSError, ValueError):
        text = (root / "topology/thread_siblings_list").read_text().strip()
        siblings = sum(_width(part) for part in text.split(","))
    return max(1, (threads or 1) // siblings)


def _width(part: str) -> int:
    """Return how many numbers a range of sysfs has: 1 of `3`, 2 of `3-4`."""
    first, _, last = part.partition("-")
    return int(last or first) - int(first) + 1


def _usual_caches(cpu: CpuTarget) -> tuple[int, int, int]:
    return _USUAL.get(cpu_name(CpuTarget(cpu.triple, cpu.cpu)), _OTHERS)


@functools.cache
def _own_machine(cpu: CpuTarget) -> Machine:
    return read_machine(cpu)


def this_machine() -> Machine:
    """Return the machine that this process runs on; the system is asked once."""
    return _own_machine(host_cpu_target())


@functools.cache
def usual_machine(cpu: CpuTarget) -> Machine:
    """Return a usual machine of an instruction set."""
    return Machine(cpu, _USUAL_CORES, *_usual_caches(cpu))


def machine_named(name: str) -> Machine:
    """Return the machine of a CPU's name: this one for `native`, else a usual one.

    Raises:
        ArgumentError: the name is unknown.
    """
    return this_machine() if name == OWN else usual_machine(cpu_named(name))


def fleet_machines() -> tuple[Machine, ...]:
    """Return the machines that commands compile for: those of `IR_RUNTIME_CPU`, else this one.

    Raises:
        ArgumentError: a name in `IR_RUNTIME_CPU` is unknown.
    """
    wanted = current_settings().cpu
    return (this_machine(),) if wanted is None else _listed(wanted)


@functools.cache
def _listed(wanted: str) -> tuple[Machine, ...]:
    names = [name.strip().removeprefix("cpu:") for name in wanted.split(",") if name.strip()]
    if not names:
        raise ArgumentError(
            f"IR_RUNTIME_CPU: {wanted!r} names no CPU, must be a name such as x86-64-v3, or "
            "several with commas between"
        )
    try:
        return tuple(dict.fromkeys(map(machine_named, names)))
    except ArgumentError as error:
        error.headline = f"IR_RUNTIME_CPU: {error.headline}"
        raise


_latest: tuple[Settings, tuple[Machine, ...]] | None = None


def code_machines() -> tuple[Machine, ...]:
    """Return the machines whose code this process runs, the best one first; it is compiled for.

    Without `IR_RUNTIME_CPU` these are this machine, and the named levels that it contains. Else
    they are those of the variable that this machine contains.

    Raises:
        ArgumentError: a name in `IR_RUNTIME_CPU` is unknown.
        DeviceError: this machine contains none of them; the message has what it lacks.
    """
    global _latest
    settings, latest = current_settings(), _latest
    if latest is None or latest[0] is not settings:  # every `select` asks
        _latest = latest = settings, _code_machines(settings.cpu, this_machine())
    return latest[1]


@functools.cache
def _code_machines(wanted: str | None, own: Machine) -> tuple[Machine, ...]:
    if wanted is None:
        return (own, *(usual_machine(level) for level in contained_levels(own.cpu)))
    listed = _listed(wanted)
    lacking = {machine: missing_features(machine.cpu, own.cpu) for machine in listed}
    contained = [machine for machine in listed if not lacking[machine]]
    if not contained:
        raise DeviceError(
            f"IR_RUNTIME_CPU: this machine ({cpu_name(own.cpu)}) runs none of {wanted}, "
            "must run one of them",
            facts=[f"{cpu_name(m.cpu)} needs {', '.join(lacking[m])}" for m in listed],
            fix="name a weaker target, such as x86-64-v2, or unset IR_RUNTIME_CPU",
        )
    return tuple(sorted(contained, key=lambda machine: -len(features_of(machine.cpu))))


_in_force: ContextVar[Machine | None] = ContextVar("ir_runtime_code_machine", default=None)


def code_machine() -> Machine:
    """Return the machine that code is made for now: that of `code_for`, else of `code_machines`.

    `select` and `generate` read this, never the host: a kernel may be made for another machine.
    """
    return _in_force.get() or code_machines()[0]


@contextlib.contextmanager
def code_for(machine: Machine | None) -> Generator[None]:
    """Make code for a machine in a `with` block, on this thread; None changes nothing."""
    token = _in_force.set(machine or _in_force.get())
    try:
        yield
    finally:
        _in_force.reset(token)
