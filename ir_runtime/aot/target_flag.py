"""The target that a user's compiler flags select, for programs compiled without a device."""

from __future__ import annotations

import re

from ir_runtime.device import Target
from ir_runtime.device.cpu_name import cpu_from_flags
from ir_runtime.device.machine import usual_machine
from ir_runtime.device.target_name import type_name
from ir_runtime.errors import ArgumentError

__all__ = ["target_of_flags"]

_TARGET = re.compile(
    r"--iree-hal-target-(?:device|backends)=(?:\w+=)?(?P<target>[\w-]+)(?:\[\d+\])?(?:,.*)?"
)
_FAMILY_BY_TARGET = {
    "local": "local",
    "llvm-cpu": "local",
    "vulkan": "vulkan",
    "vulkan-spirv": "vulkan",
    "cuda": "cuda",
    "hip": "hip",
    "rocm": "hip",
}


def target_of_flags(name: str, flags: tuple[str, ...]) -> Target:
    """Return the target that compiler flags select."""
    for flag in flags:
        match = _TARGET.fullmatch(flag)
        if match is not None and match["target"] in _FAMILY_BY_TARGET:
            family = _FAMILY_BY_TARGET[match["target"]]
            cpu = cpu_from_flags(flags) if family == "local" else None
            machine = None if cpu is None else usual_machine(cpu)
            return Target(type_name(f"{family}:{';'.join(flags)}"), family, flags, machine)
    raise ArgumentError(
        f"{name}: there is no target, must be a device or flags with a target",
        facts=[f"flags {' '.join(flags) or 'none'}"],
        fix="pass device='local-task', or a flag such as --iree-hal-target-device=cuda",
    )
