"""Compile to IREE's HAL phase and from there to a VMFB, in a child process.

Two of the flags are of the process, so it must not be that of the tests.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import itertools
import os
import subprocess
import sys
from typing import Any

from ir_runtime.launch.compiler import BASE_FLAGS
from ir_runtime.launch.host_program import HostProgram
from ir_runtime.launch.program import find_written_operands, read_program
from ir_runtime.launch.worker import read_message, write_message

GOLDEN_TARGET = (
    "--iree-hal-target-device=local",
    "--iree-hal-local-target-device-backends=llvm-cpu",
    "--iree-llvmcpu-target-triple=x86_64-unknown-unknown-eabi-elf",
    "--iree-llvmcpu-target-cpu=x86-64-v3",
)
"""A fixed target, so that what is compiled is the same on every machine."""

_PROCESS_FLAGS = ("--iree-hal-memoization=false", "--iree-hal-indirect-command-buffers=false")


@functools.cache
def host_target() -> tuple[str, ...]:
    from ir_runtime.device import Device

    return Device("local-sync").compile_target_flags


@functools.cache
def compile_phases(source: bytes, target: tuple[str, ...]) -> tuple[bytes, bytes, bytes]:
    """Return the stream phase, the HAL phase and the VMFB of one compile."""
    child = _child()
    write_message(child.stdin, {"flags": [*BASE_FLAGS, *target]}, source)
    reply = read_message(child.stdout)
    assert reply is not None, "the compiler died"
    header, payload = reply
    assert header["ok"], "does not compile"
    ends = itertools.accumulate(header["sizes"], initial=0)
    stream, hal, vmfb = (payload[a:b] for a, b in itertools.pairwise(ends))
    return stream, hal, vmfb


def read_source(source: bytes, entry: str, target: tuple[str, ...] = GOLDEN_TARGET) -> HostProgram:
    """Compile a program and read it, as a compile for a device does."""
    stream, hal, _ = compile_phases(source, target)
    return read_program(hal, entry, written_operands=find_written_operands(stream, entry))


@functools.cache
def _child() -> Any:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.launch.hal_phase"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )

    @atexit.register
    def close() -> None:
        child.stdin.close()
        child.wait()
        child.stdout.close()

    return child


def _serve() -> None:
    from iree.compiler.api import ctypes_dl

    ctypes_dl._initializeGlobalCL("hal_phase", *_PROCESS_FLAGS)
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while (message := read_message(requests)) is not None:
        header, source = message
        phases = _compile(source, header["flags"])
        sizes = [len(phase) for phase in phases]
        write_message(replies, {"ok": len(phases) == 3, "sizes": sizes}, b"".join(phases))


def _compile(source: bytes, flags: list[str]) -> list[bytes]:
    from iree.compiler.api import Output, Session, Source

    phases: list[bytes] = []
    with Session() as session:
        session.set_flags(*flags)
        invocation: Any = session.invocation()
        with invocation, Source.wrap_buffer(session, source) as wrapped:
            if not invocation.parse_source(wrapped):
                return phases
            for phase, following in itertools.pairwise(("stream", "hal", "end", "")):
                _set_phase(invocation, "To", phase)
                if not invocation.execute():
                    break
                last = phase == "end"
                write = invocation.output_vm_bytecode if last else invocation.output_ir
                phases.append(_output(Output, write))
                if following:
                    _set_phase(invocation, "From", phase)
    return phases


def _output(kind: Any, write: Any) -> bytes:
    with kind.open_membuffer() as output:
        write(output)
        return bytes(output.map_memory())


def _set_phase(invocation: Any, end: str, phase: str) -> None:
    from iree.compiler.api import ctypes_dl

    set_phase = getattr(ctypes_dl._dylib, f"ireeCompilerInvocationSetCompile{end}Phase")
    set_phase.argtypes, set_phase.restype = [ctypes.c_void_p, ctypes.c_char_p], None
    set_phase(invocation._inv_p, phase.encode())


if __name__ == "__main__":
    _serve()
