"""Names of CPU targets, such as `x86-64-v3` or `x86-64-v4+avx512bf16`, and which contains which."""

from __future__ import annotations

import functools
import re

from ir_runtime.device.cpu import (
    ARM_EXTRA,
    X86_EXTRA,
    X86_LEVELS,
    CpuTarget,
    cpu_target_from_flags,
    host_cpu_target,
)
from ir_runtime.errors import ArgumentError

__all__ = [
    "CPU_NAMES",
    "OWN",
    "contained_levels",
    "cpu_from_flags",
    "cpu_name",
    "cpu_named",
    "features_of",
    "missing_features",
]

OWN = "native"
"""The name of the machine that this process runs on."""

_X86_TRIPLE = cpu_target_from_flags("x86_64", frozenset()).triple
_ARM_TRIPLE = cpu_target_from_flags("aarch64", frozenset()).triple
_LEVELS = tuple(level for level, _ in X86_LEVELS)
CPU_NAMES = (OWN, "x86-64", *_LEVELS, "aarch64")
"""Known names, weaker ones of an architecture first; features may follow, each after a `+`."""

_FLAG = re.compile(r"--iree-llvmcpu-target-(triple|cpu|cpu-features)=(.*)")


def cpu_named(name: str) -> CpuTarget:
    """Return the target of a name: one of `CPU_NAMES`, with `+feature` for each further feature.

    Raises:
        ArgumentError: the name or a feature is unknown; the message lists the known ones.
    """
    base, *features = name.split("+")
    if base == OWN and not features:
        return host_cpu_target()
    if base not in CPU_NAMES[1:]:
        raise ArgumentError(
            f"CPU {name!r}: not known, must be one of {', '.join(CPU_NAMES)}, "
            "with further features after it, as in x86-64-v4+avx512bf16"
        )
    is_arm = base == "aarch64"
    known = _known_features(is_arm=is_arm)
    for feature in features:
        if feature not in known:
            raise ArgumentError(
                f"CPU {name!r}: no feature {feature!r}, must be one of {', '.join(sorted(known))}"
            )
    target = CpuTarget(_ARM_TRIPLE if is_arm else _X86_TRIPLE, "generic" if is_arm else base)
    more = sorted(set(features) - features_of(target))
    return CpuTarget(target.triple, target.cpu, tuple(f"+{feature}" for feature in more))


def _known_features(*, is_arm: bool) -> frozenset[str]:
    if is_arm:
        return frozenset(ARM_EXTRA.values())
    of_levels = (feature for _, needed in X86_LEVELS for feature in needed.values())
    return frozenset((*of_levels, *X86_EXTRA.values()))


def cpu_name(target: CpuTarget) -> str:
    """Return the name of a target, which `cpu_named` reads."""
    base = target.triple.partition("-")[0] if target.cpu == "generic" else target.cpu
    return base + "".join(target.features)


@functools.cache
def features_of(target: CpuTarget) -> frozenset[str]:
    """Return all features of a target that this package knows, those of its level included."""
    found = {feature.removeprefix("+") for feature in target.features}
    if target.cpu in _LEVELS:
        for level, needed in X86_LEVELS:
            found.update(needed.values())
            if level == target.cpu:
                break
    return frozenset(found)


def missing_features(target: CpuTarget, machine: CpuTarget) -> tuple[str, ...]:
    """Return what a machine lacks to run code of a target, sorted; empty if it runs it.

    Of another architecture its instructions are what is missing.
    """
    if target.triple != machine.triple:
        return (f"the instructions of {target.triple.partition('-')[0]}",)
    return tuple(sorted(features_of(target) - features_of(machine)))


def contained_levels(machine: CpuTarget) -> tuple[CpuTarget, ...]:
    """Return the named levels whose code a machine runs, the strongest first."""
    levels = (cpu_named(name) for name in reversed(CPU_NAMES[1:]))
    return tuple(level for level in levels if not missing_features(level, machine))


def cpu_from_flags(flags: tuple[str, ...]) -> CpuTarget | None:
    """Return the target that compiler flags select, None if they select none."""
    found = {match[1]: match[2] for flag in flags if (match := _FLAG.fullmatch(flag))}
    if not found:
        return None
    triple, cpu = found.get("triple", host_cpu_target().triple), found.get("cpu", "generic")
    features = found.get("cpu-features", "")
    return CpuTarget(triple, cpu, tuple(features.split(",")) if features else ())
