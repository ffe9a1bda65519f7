"""What a launch needs of a GPU's executable is read from it; damaged bytes are refused."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import torch

from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.launch.compile.program_record import stored_gpu_exports, stored_host_program
from ir_runtime.launch.direct.evaluate import evaluate
from ir_runtime.launch.direct.plan import Dispatch, Plan
from ir_runtime.launch.host_program.gpu_executable import GPU_FORMATS, read_gpu_executable
from ir_runtime.launch.host_program.program import HostProgram
from tests.cases import CASES, DTYPES, OpCase
from tests.full_inputs import KERNEL_INPUTS
from tests.launch.gpu.kernels import (
    CHIPS,
    RMS_NORM,
    artifact,
    binaries,
    host_text,
    ptx_parameters,
)
from tests.sampling import covering

FULL_INPUTS = (*KERNEL_INPUTS, "ir_runtime/device/cuda.py", "ir_runtime/device/hip.py")
KINDS = {"cuda": "cuda-nvptx-fb", "hip": "rocm-hsaco-fb"}


def plan_of(chip: str, case: OpCase, dtype: torch.dtype) -> tuple[HostProgram, Plan]:
    program = stored_host_program(artifact(chip, case, dtype))
    assert isinstance(program, HostProgram), program
    args = [value for value in case.arguments(dtype) if isinstance(value, torch.Tensor)]
    tensors = args[: program.operands]
    shapes = [tuple(tensor.shape) for tensor in tensors]
    return program, evaluate(program, shapes, [tensor.dtype for tensor in tensors])


def check_code(chip: str, case: OpCase, dtype: torch.dtype) -> None:
    """The plan gives each kernel what its code takes."""
    stored = artifact(chip, case, dtype)
    exports = stored_gpu_exports(stored)
    program = stored_host_program(stored)
    assert isinstance(program, HostProgram), program
    assert not program.constants
    for name in program.executables:
        image = stored.executables[name]
        known = {export.name: export for export in exports[name]}
        assert image.startswith(b"\x7fELF") == (chip.startswith("hip"))
        for step in program.steps:
            export = known[program.functions[step.executable][step.function]]
            if program.executables[step.executable] == name:
                assert len(step.bindings) == export.bindings
                assert len(step.constants) == export.constants
        if chip.startswith("cuda"):
            check_ptx(image.decode(), known)


def check_ptx(ptx: str, known: dict) -> None:
    """Pointers come first, then 32-bit numbers; nothing asks for more than 16 bytes."""
    parameters = ptx_parameters(ptx)
    assert set(known) <= set(parameters)
    for name, export in known.items():
        sizes = [size for size, _ in parameters[name]]
        assert sizes == [8] * export.bindings + [4] * export.constants
        assert max(alignment for _, alignment in parameters[name]) <= 16


@pytest.mark.parametrize("chip", CHIPS)
def test_code_of_an_op_fits_its_plan(chip: str) -> None:
    check_code(chip, RMS_NORM, torch.bfloat16)
    _, plan = plan_of(chip, RMS_NORM, torch.bfloat16)
    (step,) = plan.steps
    assert isinstance(step, Dispatch)
    assert step.workgroups[1:] == (1, 1)
    x, weight, *_ = RMS_NORM.arguments(torch.bfloat16)
    assert [span.length for span in step.bindings] == [x.nbytes, weight.nbytes, x.nbytes]


@pytest.mark.full
@covering(case=CASES, dtype=DTYPES, chip=CHIPS)
def test_code_of_each_op_fits_its_plan(case: OpCase, dtype: torch.dtype, chip: str) -> None:
    check_code(chip, case, dtype)


@pytest.mark.full
@pytest.mark.usefixtures("no_compile_cache")
def test_same_input_gives_the_same_files() -> None:
    for chip in (CHIPS[1], CHIPS[2]):
        once = artifact.__wrapped__(chip)
        host_text.cache_clear()
        assert artifact.__wrapped__(chip).executables == once.executables


@pytest.mark.skipif(shutil.which("ptxas") is None, reason="ptxas is not installed")
@pytest.mark.parametrize("chip", ["sm_89", "sm_90"])
def test_ptx_assembles(chip: str, tmp_path: Path) -> None:
    (image,) = artifact("cuda:sm_89").executables.values()
    source, out = tmp_path / "kernel.ptx", tmp_path / "kernel.cubin"
    source.write_bytes(image)
    subprocess.run(["ptxas", f"-arch={chip}", source, "-o", out], check=True)
    assert out.read_bytes().startswith(b"\x7fELF")


@pytest.mark.parametrize("chip", [CHIPS[0], CHIPS[2]])
def test_store_keeps_code_under_its_own_name(chip: str, tmp_path: Path) -> None:
    stored, store = artifact(chip), DirectoryStore(tmp_path / "store")
    store.save(stored)
    suffix = ".ptx" if chip.startswith("cuda") else ".hsaco"
    names = sorted(path.suffix for path in store.path_of(stored.key).iterdir())
    assert names == sorted([".json", ".json", ".mlir", ".vmfb", suffix])
    assert store.load(stored.key) == stored


@pytest.mark.parametrize("chip", [CHIPS[0], CHIPS[2]])
def test_damaged_code_is_refused(chip: str) -> None:
    kind = KINDS[chip.partition(":")[0]]
    (data,) = binaries(chip).values()
    whole = read_gpu_executable(data, kind)
    rng = random.Random(20)
    for cut in (*range(80), *(rng.randrange(len(data) - 64) for _ in range(60))):
        with pytest.raises(ValueError, match="code"):
            read_gpu_executable(data[:cut], kind)
    tables = [*range(64, 464), *range(len(data) - 400, len(data))]
    same = 0
    for _ in range(400):
        damaged = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.choice(tables)] = rng.randrange(256)
        try:
            same += read_gpu_executable(bytes(damaged), kind) == whole
        except ValueError:
            continue
    assert same < 400


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"HIP1" + data[4:], "does not begin with CDA1"),
        (lambda data: data[:4] + b"\1" + data[5:], "is of version 1, not 0"),
        (lambda data: data[:8] + struct.pack("<Q", 1 << 40) + data[16:], "bytes of 1099511627776"),
        (lambda data: data[:64] + b"\xff" * 4 + data[68:], "is damaged"),
        (lambda data: data[:68] + b"ABCD" + data[72:], "is not of type CDA1"),
        (lambda data: data.replace(b".version", b".versiom"), "is no PTX"),
        (lambda data: b"CDA1", "does not begin with CDA1"),
    ],
)
def test_foreign_code_is_refused_with_a_reason(change, message: str) -> None:
    (data,) = binaries("cuda:sm_80").values()
    with pytest.raises(ValueError, match=message):
        read_gpu_executable(change(data), "cuda-nvptx-fb")


def test_string_that_reaches_beyond_the_code_is_refused() -> None:
    stored = artifact("cuda:sm_80")
    ((name, data),) = binaries("cuda:sm_80").items()
    at = data.index(stored.executables[name]) - 4
    longer = data[:at] + struct.pack("<I", len(data)) + data[at + 4 :]
    with pytest.raises(ValueError, match=f"is damaged: a string of {len(data)} bytes"):
        read_gpu_executable(longer, "cuda-nvptx-fb")


def test_each_format_is_known_by_its_first_bytes() -> None:
    assert len(set(GPU_FORMATS.values())) == len(GPU_FORMATS)
    for chip in (CHIPS[0], CHIPS[2]):
        kind = KINDS[chip.partition(":")[0]]
        assert all(data.startswith(GPU_FORMATS[kind]) for data in binaries(chip).values())
