"""Machine code for the very chip: made once where there is an assembler, kept, and verified."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

import pytest

from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.launch.direct.direct_program import DirectProgram
from ir_runtime.launch.direct.gpu.driver_library import use_library
from ir_runtime.launch.direct.gpu.machine_code import machine_code, ptxas_release
from ir_runtime.launch.direct.gpu_launch import bind_gpu_launch, load_gpu_direct
from tests.launch.gpu.fake_gpu import fake_gpu, recorder_path
from tests.launch.gpu.kernels import artifact
from tests.launch.gpu.test_gpu_launch import HERE, operands, results

ASSEMBLER = """#!/bin/sh
[ "$1" = --version ] && { echo "Cuda compilation tools, release 12.4, V12.4.1"; exit 0; }
echo run >> "$0.log"
case "$(cat "$2")" in *broken*) echo "ptxas fatal: no" >&2; exit 1;; esac
printf 'code of %s for %s' "$(cat "$2")" "$1" > "$4"
"""


@pytest.fixture
def ptxas(tmp_path: Path) -> Path:
    """Write an assembler of release 12.4 that logs its runs."""
    path = tmp_path / "ptxas"
    path.write_text(ASSEMBLER)
    path.chmod(0o755)
    return path


def runs(ptxas: Path) -> int:
    log = ptxas.with_name("ptxas.log")
    return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.mark.usefixtures("store")
def test_code_is_assembled_once_and_kept(ptxas: Path) -> None:
    for _ in range(2):
        made = machine_code("op", b"text", "sm_90", 12040, str(ptxas))
        assert made == b"code of text for -arch=sm_90"
    assert runs(ptxas) == 1
    assert machine_code("op", b"text", "sm_80", 12040, str(ptxas)) != made
    assert machine_code("op", b"other", "sm_90", 12040, str(ptxas)) != made
    assert runs(ptxas) == 3


def test_code_is_beside_the_artifacts_not_one_of_them(ptxas: Path, store: DirectoryStore) -> None:
    machine_code("op", b"text", "sm_90", 12040, str(ptxas))
    assert store.keys() == []
    assert store.size() == (0, 0)
    assert len(list((store.root / "v1" / ".machine_code").iterdir())) == 1


@pytest.mark.parametrize("version", [11080, 0])
def test_driver_of_an_older_release_compiles_itself(ptxas: Path, version: int) -> None:
    assert machine_code("op", b"text", "sm_90", version, str(ptxas)) is None
    assert runs(ptxas) == 0


def test_without_an_assembler_the_driver_compiles() -> None:
    assert machine_code("op", b"text", "sm_90", 13000, None) is None
    assert machine_code("op", b"text", "sm_90", 13000, "/nowhere/ptxas") is None


@pytest.mark.usefixtures("store")
def test_failure_of_the_assembler_is_logged(ptxas: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "ir_runtime"):
        assert machine_code("op", b"broken", "sm_90", 12040, str(ptxas)) is None
    assert caplog.messages == [
        f"{ptxas} does not assemble for sm_90, the driver will compile it: ptxas fatal: no"
    ]


@pytest.mark.usefixtures("store")
def test_full_disk_leaves_it_to_the_driver(
    ptxas: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    assert machine_code("op", b"text", "sm_90", 12040, str(ptxas)) is None
    assert "does not assemble for sm_90, the driver will compile it: [Errno 2]" in caplog.text


def test_damaged_or_foreign_code_is_made_again(ptxas: Path, store: DirectoryStore) -> None:
    made = machine_code("op", b"text", "sm_90", 12040, str(ptxas))
    (kept,) = (store.root / "v1" / ".machine_code").glob("*/kernel.cubin")
    kept.write_bytes(b"evil")
    assert machine_code("op", b"text", "sm_90", 12040, str(ptxas)) == made
    assert runs(ptxas) == 2
    kept.parent.chmod(0o777)
    assert machine_code("op", b"text", "sm_90", 12040, str(ptxas)) == made
    assert runs(ptxas) == 3


def test_code_of_another_key_is_made_again(ptxas: Path, store: DirectoryStore) -> None:
    """As if two keys had one digest."""
    chips = ("sm_89", "sm_90")
    first, second = (machine_code("op", b"text", chip, 12040, str(ptxas)) for chip in chips)
    one, other = (store.root / "v1" / ".machine_code").iterdir()
    shutil.rmtree(other)
    shutil.copytree(one, other)
    made = [machine_code("op", b"text", chip, 12040, str(ptxas)) for chip in chips]
    assert made == [first, second]
    assert runs(ptxas) == 3


@pytest.mark.usefixtures("store")
def test_each_gpu_loads_the_code_of_its_chip(ptxas: Path) -> None:
    with use_library("cuda", str(recorder_path())), fake_gpu("cuda"):
        direct = load_gpu_direct(artifact("cuda:sm_89"))
        assert isinstance(direct, DirectProgram)
        assert direct.gpu is not None
        for device, chip in ((0, "sm_89"), (1, "sm_90"), (1, "sm_90")):
            direct.gpu.use_machine_code(device, chip, str(ptxas))
    assert runs(ptxas) == 2


@pytest.mark.usefixtures("store")
def test_driver_that_refuses_machine_code_gets_ptx(
    ptxas: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with use_library("cuda", str(recorder_path())), fake_gpu("cuda") as gpu:
        direct = load_gpu_direct(artifact("cuda:sm_89"))
        assert isinstance(direct, DirectProgram)
        assert direct.gpu is not None
        direct.gpu.use_machine_code(0, "sm_89", str(ptxas))
        given, out = operands(gpu)
        launch, _ = bind_gpu_launch(direct, given, results(out), where=HERE)
        gpu.fail("cuModuleLoadDataEx", 209)
        launch(given, [out])
        lines = gpu.take()
        # another thread that found out at the same time tries again, too
        assert [direct.gpu.drop_machine_code(device) for device in (0, 1)] == [True, False]
    sizes = [line.split("bytes=")[1] for line in lines if "cuModuleLoadDataEx" in line]
    (ptx,) = artifact("cuda:sm_89").executables.values()
    assert len(sizes) == 2
    assert int(sizes[0]) > int(sizes[1]) == len(ptx)
    assert sum("cuLaunchKernel" in line for line in lines) == 1
    assert caplog.messages == [
        "rms_norm: the driver refuses its machine code, and compiles it itself"
    ]


@pytest.mark.skipif(shutil.which("ptxas") is None, reason="ptxas is not installed")
@pytest.mark.usefixtures("store")
def test_real_assembler_makes_code_of_a_kernel() -> None:
    ptxas = str(shutil.which("ptxas"))
    (image,) = artifact("cuda:sm_89").executables.values()
    made = machine_code("rms_norm", image, "sm_90", 1000 * ptxas_release(ptxas)[0], ptxas)
    assert made is not None
    assert made.startswith(b"\x7fELF")
