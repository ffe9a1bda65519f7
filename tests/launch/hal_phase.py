"""Compile to IREE's HAL phase and from there to a VMFB, as kernels of ops are."""

from __future__ import annotations

import functools

from ir_runtime.device.target import HOST_FLAGS
from ir_runtime.launch.compile.compiler import BASE_FLAGS, compile_program
from ir_runtime.launch.host_program.program import HostProgram
from ir_runtime.launch.host_program.read_program import find_written_operands, read_program

GOLDEN_TARGET = (
    "--iree-hal-target-device=local",
    "--iree-hal-local-target-device-backends=llvm-cpu",
    "--iree-llvmcpu-target-triple=x86_64-unknown-unknown-eabi-elf",
    "--iree-llvmcpu-target-cpu=x86-64-v3",
)
"""A fixed target, so that what is compiled is the same on every machine."""


@functools.cache
def host_target() -> tuple[str, ...]:
    from ir_runtime.device import Device

    return Device("local-sync").compile_target_flags


@functools.cache
def compile_phases(source: bytes, target: tuple[str, ...]) -> tuple[bytes, bytes, bytes]:
    """Return the stream phase, the HAL phase and the VMFB of one compile."""
    compiled = compile_program("host program", source, (*BASE_FLAGS, *HOST_FLAGS, *target))
    return compiled.stream, compiled.host_text, compiled.vmfb


def read_source(source: bytes, entry: str, target: tuple[str, ...] = GOLDEN_TARGET) -> HostProgram:
    """Compile a program and read it, as a compile for a device does."""
    stream, hal, _ = compile_phases(source, target)
    return read_program(hal, entry, written_operands=find_written_operands(stream, entry))
