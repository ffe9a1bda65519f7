"""Which instructions does a kernel have?"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ir_runtime.device import Device
from ir_runtime.launch.compile.compiler import BASE_FLAGS
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.call.kernel import kernel_source, run_select

__all__ = ["assembly_of"]


def assembly_of(name: str, arguments: tuple[Any, ...], directory: Path) -> str:
    """Return the assembly of the kernel that a call of an op has on this machine's CPU."""
    op = ALL_CUSTOM_OP_REGS[name]
    source = directory / "kernel.mlir"
    source.write_bytes(kernel_source(op, run_select(op, arguments)))
    tool = shutil.which("iree-compile", path=str(Path(sys.executable).parent)) or "iree-compile"
    flags = (*Device("local-sync").compile_target_flags, *BASE_FLAGS, *op.compile_flags)
    dump = f"--iree-hal-dump-executable-intermediates-to={directory}"
    command = [tool, str(source), *flags, dump, "-o", str(directory / "kernel.vmfb")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    found = [file.read_text() for file in directory.glob("*.s")]
    assert found
    return "\n".join(found)
