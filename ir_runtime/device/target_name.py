"""Names of targets, such as `cpu:x86-64-v3`: read, listed and found for a device type."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ir_runtime.device.driver_table import DRIVERS
from ir_runtime.device.local import cpu_target_for
from ir_runtime.device.machine import fleet_machines
from ir_runtime.device.target import NamedTargets, Target
from ir_runtime.errors import ArgumentError

__all__ = [
    "back_end_of",
    "fleet_targets",
    "parse_target",
    "parse_targets",
    "target_names",
    "type_name",
]


def target_names() -> tuple[str, ...]:
    """Return the names of the known targets, driver by driver."""
    return tuple(f"{named.kind}:{chip}" for named in _named() for chip in named.chips)


def parse_target(name: str) -> Target:
    """Return the target of a name: `cpu:x86-64-v3`, `cuda:sm_89`, `hip:gfx942`, `vulkan:ampere`.

    Raises:
        ArgumentError: it is unknown, or the compiler has no back end for it; the message lists
            the known ones.
    """
    kind, _, chip = name.partition(":")
    named = next((named for named in _named() if named.kind == kind and chip), None)
    if named is None:
        raise ArgumentError(f"target {name!r}: not known, must be one of", facts=_listed(_named()))
    target = named.named(chip)
    if target is None:
        what = "not known"
        if named.is_chip(chip):
            what = f"the compiler's back end {named.back_end!r} (IREE 3.13) does not know it"
        raise ArgumentError(f"target {name!r}: {what}, must be one of", facts=_listed([named]))
    return target


def _named() -> list[NamedTargets]:
    return [driver.named_targets for driver in DRIVERS]


def _listed(known: Sequence[NamedTargets]) -> list[str]:
    return [", ".join(f"{named.kind}:{chip}" for chip in named.chips) for named in known]


def parse_targets(wanted: str | Target | Sequence[str | Target]) -> tuple[Target, ...]:
    """Return the targets of a name, of names with commas between, or of several.

    Raises:
        ArgumentError: there is none, or a name is unknown.
    """
    parts = [wanted] if isinstance(wanted, str | Target) else wanted
    found: dict[Target, None] = {}
    for part in parts:
        names = [part] if isinstance(part, Target) else part.split(",")
        for name in names:
            found[name if isinstance(name, Target) else parse_target(name.strip())] = None
    if not found:
        raise ArgumentError("targets: none given, must be one or more")
    return tuple(found)


def fleet_targets() -> tuple[Target, ...]:
    """Return the targets of commands that compile: `IR_RUNTIME_CPU`, else this machine's CPU.

    Raises:
        ArgumentError: a name in `IR_RUNTIME_CPU` is unknown.
    """
    return tuple(cpu_target_for(machine) for machine in fleet_machines())


def back_end_of(target: Target) -> str:
    """Return the compiler's name of what makes code for a target."""
    return next(d.named_targets.back_end for d in DRIVERS if d.family == target.family)


@functools.cache
def type_name(device_type: str) -> str:
    """Return the name of the target that a device type stands for, the type if it has no name."""
    family, _, flags = device_type.partition(":")
    named = [driver.named_targets for driver in DRIVERS if driver.family == family]
    found = [each.name_of(tuple(flags.split(";"))) for each in named]
    return next((name for name in found if name), device_type)
