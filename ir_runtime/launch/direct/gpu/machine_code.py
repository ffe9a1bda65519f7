"""Machine code for the very chip of an NVIDIA GPU, assembled where `ptxas` is installed.

It spares the driver's compiler at the first launch. It is kept beside the artifacts of the store,
not in them: artifacts are the same bytes on every machine. Without `ptxas`, or where it fails, or
if it is newer than the driver, the driver compiles the PTX itself.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ir_runtime.child_process import run_child, temporary_directory
from ir_runtime.errors import StoreError
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.launch.artifact.entry_files import CorruptEntryError, read_entry, write_entry
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.launch.artifact.leftover import discard
from ir_runtime.launch.artifact.trust import check_trusted
from ir_runtime.settings import current_settings

__all__ = ["find_ptxas", "machine_code", "ptxas_release"]

_log = logging.getLogger("ir_runtime.machine_code")
_FILE = "kernel.cubin"
_TIMEOUT_S = 60.0
_lock = fork_safe_lock()


@functools.cache
def find_ptxas() -> str | None:
    """Return the path of NVIDIA's assembler: in PATH, of a CUDA installation, or Triton's."""
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    found = shutil.which("ptxas") or shutil.which("ptxas", path=str(Path(home, "bin")))
    if found is not None:
        return found
    import importlib.util

    triton = importlib.util.find_spec("triton")
    for root in [] if triton is None else triton.submodule_search_locations or []:
        path = Path(root, "backends", "nvidia", "bin", "ptxas")
        if os.access(path, os.X_OK):
            return str(path)
    return None


@functools.cache
def ptxas_release(ptxas: str) -> tuple[int, int]:
    """Return the CUDA release of an assembler; (0, 0) if it does not say."""
    try:
        said, _ = run_child([ptxas, "--version"], timeout_s=_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return 0, 0
    found = re.search(rb"release (\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def machine_code(
    name: str, ptx: bytes, chip: str, driver_version: int, ptxas: str | None
) -> bytes | None:
    """Return the machine code of PTX for a chip, kept or new; None if the driver should compile.

    Args:
        name: of the op, for people.
        ptx: the text.
        chip: such as `sm_90`; PTX for an older chip may be assembled for it.
        driver_version: what the driver says, as 12040 for CUDA 12.4.
        ptxas: path of the assembler, None if there is none.
    """
    if ptxas is None:
        return None
    release = ptxas_release(ptxas)
    # A driver loads code of its own major release, whatever the minor one, and of older ones.
    if not 0 < release[0] <= driver_version // 1000:
        return None
    key = {"chip": chip, "ptx": digest_of(ptx), "ptxas": f"{release[0]}.{release[1]}"}
    path = (
        _directory() / f"{re.sub(r'[^A-Za-z0-9_]', '_', name)[:60]}-{digest_of(*key.values())[:16]}"
    )
    kept = _load(path, key)
    if kept is not None:
        return kept
    with _lock:
        made = _load(path, key) or _assemble(ptx, chip, ptxas)
    if made is not None:
        with contextlib.suppress(OSError, StoreError):
            check_trusted(path.parent, "machine code", "IR_RUNTIME_STORE")
            write_entry(path, key, {_FILE: made}, sync=False)
    return made


def _directory() -> Path:
    return current_settings().store / "v1" / ".machine_code"


def _load(path: Path, key: Any) -> bytes | None:
    try:
        check_trusted(path.parent, "machine code", "IR_RUNTIME_STORE")
        found = read_entry(path)
        if found is None:
            return None
        if found[0] == key:
            return found[1][_FILE]
    except (OSError, StoreError):
        return None
    except (CorruptEntryError, KeyError, TypeError):
        pass
    discard(path)
    return None


def _assemble(ptx: bytes, chip: str, ptxas: str) -> bytes | None:
    try:
        with temporary_directory("ir-runtime-ptxas-") as directory:
            source, out = Path(directory, "kernel.ptx"), Path(directory, _FILE)
            source.write_bytes(ptx)
            command = [ptxas, f"-arch={chip}", str(source), "-o", str(out)]
            run_child(command, timeout_s=_TIMEOUT_S)
            return out.read_bytes()
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", b"") or b""
        _log.warning(
            "%s does not assemble for %s, the driver will compile it: %s",
            ptxas,
            chip,
            said.decode("utf-8", "replace").strip() or error,
        )
        return None
