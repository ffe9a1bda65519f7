"""Which real kernels do the launcher's tests run?  What the compiler makes of static programs."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ir_runtime.device import Device
from ir_runtime.launch.compile.compiler import BASE_FLAGS
from ir_runtime.launch.direct.native._launcher import Executable, Plan

_FLAGS = ("--iree-hal-memoization=false", "--iree-hal-indirect-command-buffers=false")
_DISPATCH = re.compile(
    r"lookup\.function .*?::@(\w+)\) : i64.*?workgroups\(\[(.*?)\]\) bindings\(\[(.*?)\]\) flags",
    re.DOTALL,
)
_BINDING = re.compile(r"\(%(\w+) : !hal\.buffer\)\[%c(\d+), %c(\d+)\]")
_TRANSIENT = re.compile(r"%(transient_buffer\w*) = .*?: !hal\.buffer\{%c(\d+)\}")


@dataclass(frozen=True)
class Compiled:
    """A static program of one result, as the launcher runs it and as IREE's VM does."""

    plan: Plan
    vmfb: bytes
    text: str


def _compile(source: Path, *flags: str) -> str:
    tool = shutil.which("iree-compile", path=str(Path(sys.executable).parent)) or "iree-compile"
    target = Device("local-sync").compile_target_flags
    command = [tool, str(source), *target, *BASE_FLAGS, *_FLAGS, *flags]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@functools.cache
def compiled(program: str, operands: int) -> Compiled:
    """Compile a program whose sizes are all static, without constants, in one executable."""
    with tempfile.TemporaryDirectory() as directory:
        source, vmfb = Path(directory, "source.mlir"), Path(directory, "out.vmfb")
        source.write_text(program)
        dump = Path(directory, "executables")
        flag = f"--iree-hal-dump-executable-binaries-to={dump}"
        host = _compile(source, "--compile-to=hal", flag).partition("util.func public @main")[2]
        _compile(source, "-o", str(vmfb))
        (library,) = dump.glob("*.so")
        return Compiled(_plan(host, library.read_bytes(), operands), vmfb.read_bytes(), program)


def _plan(host: str, library: bytes, operands: int) -> Plan:
    transients = _TRANSIENT.findall(host)
    slots = {f"buffer{i}": i for i in range(operands)}
    names = dict.fromkeys(re.findall(r"%(buffer\w*) = hal\.buffer_view\.buffer<%arg", host))
    slots = {name: i for i, name in enumerate(names)} | {f"arg{operands}": operands}
    slots |= {name: operands + 1 + i for i, (name, _) in enumerate(transients)}
    sizes = [0] * (operands + 1)
    loaded = Executable("compiled", library)
    steps = []
    for name, grid, bindings in _DISPATCH.findall(host):
        x, y, z = (int(part) for part in re.findall(r"%c(\d+)", grid))
        spans = tuple((slots[b], int(o), int(n)) for b, o, n in _BINDING.findall(bindings))
        steps.append(("dispatch", 0, loaded.functions.index(name), (x, y, z), (), spans))
        for slot, offset, length in spans:
            if slot <= operands:
                sizes[slot] = max(sizes[slot], offset + length)
    assert steps
    assert "fill_buffer" not in host
    assert "copy_buffer" not in host
    total = sum(length for step in steps for *_, length in step[5])
    return Plan([loaded], operands, 1, sizes, [int(n) for _, n in transients], steps, total)
