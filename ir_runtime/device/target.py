"""`Target`: what code is compiled for, as a value with a name such as `cpu:x86-64-v3`."""

from __future__ import annotations

import re
from typing import Protocol

from ir_runtime.device.machine import Machine
from ir_runtime.frozen import frozen

__all__ = ["HOST_FLAGS", "ChipTargets", "NamedTargets", "Target"]

HOST_FLAGS = ("--iree-hal-memoization=false", "--iree-hal-indirect-command-buffers=false")
"""Flags with which a host program contains everything that a launch needs. The compiler accepts
them only for a whole process."""


@frozen
class Target:
    """A kind of device that code is compiled for.

    Attributes:
        name: `<kind>:<chip>`, as `cpu:x86-64-v3`, `cuda:sm_89`, `hip:gfx942`, `vulkan:ampere`.
        family: the device family.
        flags: the compiler flags that select it.
        machine: of a CPU, the machine that code is made for; None for others.
    """

    name: str
    family: str
    flags: tuple[str, ...]
    machine: Machine | None = None

    @property
    def device_type(self) -> str:
        """The part of a key for the device: family and flags."""
        return f"{self.family}:{';'.join(self.flags)}"


class NamedTargets(Protocol):
    """The targets of a driver that have names."""

    @property
    def kind(self) -> str:
        """The word before the colon."""
        ...

    @property
    def back_end(self) -> str:
        """The compiler's name of what makes code for them."""
        ...

    @property
    def chips(self) -> tuple[str, ...]:
        """The names after the colon, for people."""
        ...

    def named(self, chip: str) -> Target | None:
        """Return the target of a name, None if it is unknown.

        Raises:
            ArgumentError: a part of the name is unknown.
        """
        ...

    def is_chip(self, chip: str) -> bool:
        """Tell whether a name is that of a chip, if of one that the compiler does not know."""
        ...

    def name_of(self, flags: tuple[str, ...]) -> str | None:
        """Return the name of the target that compiler flags select, None if it has none."""
        ...


@frozen
class ChipTargets:
    """The targets of a driver that have one chip each, selected by one flag.

    Attributes:
        kind: the word before the colon; the name of IREE's device and family, too.
        back_end: the compiler's name of what makes code for them.
        flag: the flag, without its value.
        chips: what the compiler makes code for.
        pattern: matches the names of all chips, also of those that the compiler does not know.
    """

    kind: str
    back_end: str
    flag: str
    chips: tuple[str, ...]
    pattern: str

    def target(self, chip: str) -> Target:
        """Return the target of a chip."""
        flags = (f"--iree-hal-target-device={self.kind}", f"{self.flag}={chip}")
        return Target(f"{self.kind}:{chip}", self.kind, flags)

    def named(self, chip: str) -> Target | None:
        return self.target(chip) if chip in self.chips else None

    def is_chip(self, chip: str) -> bool:
        return re.fullmatch(self.pattern, chip) is not None

    def name_of(self, flags: tuple[str, ...]) -> str | None:
        prefix = f"{self.flag}="
        chips = [flag.removeprefix(prefix) for flag in flags if flag.startswith(prefix)]
        return f"{self.kind}:{chips[0]}" if chips else None
