"""Which kernels do the tests of GPUs share?  One op, compiled for a chip, as the store has it."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

import torch

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime.device.driver_table import host_flags_for
from ir_runtime.device.target import Target
from ir_runtime.device.target_name import parse_target
from ir_runtime.launch.artifact.key import KernelKey
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.compile.compiler import BASE_FLAGS, compile_program
from ir_runtime.launch.compile.program_record import program_files, stored_gpu_exports
from ir_runtime.launch.direct.direct_program import DirectProgram
from ir_runtime.launch.host_program.executable_text import split_executables
from ir_runtime.op_reg.call.kernel import kernel_source
from tests.cases import CASES, OpCase
from tests.kernels.test_targets import selection

CHIPS = ("cuda:sm_80", "cuda:sm_89", "hip:gfx942", "hip:gfx1100")
RMS_NORM = next(case for case in CASES if case.op == "rms_norm")
_ENTRY = re.compile(r"\.entry (\w+)\((.*?)\)", re.DOTALL)
_PARAMETER = re.compile(r"\.param \.[ubs](\d+)(?: \.ptr(?: \.global)? \.align (\d+))? \w+")


def target(chip: str) -> Target:
    return parse_target(chip)


@functools.cache
def host_text(
    chip: str, case: OpCase = RMS_NORM, dtype: torch.dtype = torch.bfloat16
) -> tuple[bytes, Any]:
    """Return the MLIR of an op's kernel, and what the compiler makes of it for a chip."""
    wanted = target(chip)
    ksel = selection(case, case.arguments(dtype), wanted.family)
    source = kernel_source(ksel.op, ksel)
    flags = (*wanted.flags, *BASE_FLAGS, *host_flags_for(wanted), *ksel.op.compile_flags)
    return source, compile_program(case.op, source, flags)


def binaries(chip: str, case: OpCase = RMS_NORM) -> dict[str, bytes]:
    return split_executables(host_text(chip, case)[1].host_text)[1]


@functools.cache
def artifact(chip: str, case: OpCase = RMS_NORM, dtype: torch.dtype = torch.bfloat16) -> Artifact:
    source, compiled = host_text(chip, case, dtype)
    program, executables = program_files(compiled, source, "main")
    key = KernelKey(case.op, "0" * 64, target(chip).device_type, "3.13", (), "main")
    return Artifact(key, source, compiled.vmfb, program, executables)


def record(chip: str, case: OpCase = RMS_NORM, dtype: torch.dtype = torch.bfloat16) -> Any:
    return json.loads(artifact(chip, case, dtype).program)


def use_readable_images(artifact: Artifact, direct: DirectProgram) -> None:
    """Load text in place of HSACO files on each GPU: the recorder reads the entries of PTX."""
    assert direct.gpu is not None
    exports = stored_gpu_exports(artifact)
    for name, executable in zip(direct.program.executables, direct.gpu.executables, strict=True):
        lines = [
            f".visible .entry {each.name}("
            + ", ".join([".param .u64"] * each.bindings + [".param .b32"] * each.constants)
            + ")"
            for each in exports[name]
        ]
        for device in range(8):
            executable.use_image(device, "\n".join(lines).encode())


def ptx_parameters(ptx: str) -> dict[str, list[tuple[int, int]]]:
    """Return size and alignment of what each parameter points to, of each kernel of a PTX text."""
    found: dict[str, list[tuple[int, int]]] = {}
    for name, parameters in _ENTRY.findall(ptx):
        found[name] = [
            (int(bits) // 8, int(alignment or 0))
            for bits, alignment in _PARAMETER.findall(parameters)
        ]
        assert len(found[name]) == parameters.count(".param")
    return found
