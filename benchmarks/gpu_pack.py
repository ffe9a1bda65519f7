"""Make the folder with which a bare machine tests and measures the GPU.

    python -m benchmarks.gpu_pack FOLDER [--targets cuda:sm_80]

The machine needs Linux on x86-64, Python 3.12 and torch 2.11 or later with its GPU; no network, no
IREE. The folder has the sources, a store of compiled kernels, IREE's runtime and pytest, and the C
launcher if this machine has the headers of Python 3.12; `run.sh` in it does the rest. There is no
compiler in it: a kernel that is not in the store is an error there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["fill_store", "pack"]

ROOT = Path(__file__).parents[1]
PYTHON = "3.12"
WHEELS = (
    *("iree-base-runtime==3.13.*", "filelock<5"),
    *("pytest<9", "pluggy", "iniconfig", "packaging", "pygments"),
)
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64")
SOURCES = ("ir_runtime", "kernels_mlir", "benchmarks", "tests/gpu", "tests/cases.py")
UNUSED = ("iree/_runtime_libs_tracy", "iree/build")
NATIVE = Path("ir_runtime/launch/direct/native")
RUN = """\
#!/bin/bash
# On the GPU machine: bash run.sh [OUTPUT]. Ends by itself after some four minutes.
set -u
here=$(cd "$(dirname "$0")" && pwd); out=${1:-${OUT:-$here/output}}; mkdir -p "$out"
python=${PYTHON:-python3}
export PYTHONPATH="$here/tree:$here/site" IR_RUNTIME_STORE="$here/store"
export IR_RUNTIME_COMPILE=${IR_RUNTIME_COMPILE:-0}
export PYTHONDONTWRITEBYTECODE=1 TORCHINDUCTOR_CACHE_DIR=$(mktemp -d)
cd "$here/tree" || exit 2
"$python" -m ir_runtime.cli doctor > "$out/doctor.txt" 2>&1
timeout 150 "$python" -m pytest -q -c tests/gpu/pack.ini --rootdir . --confcutdir tests/gpu \\
    tests/gpu --device "${DEVICE:-cuda}" 2>&1 | tee "$out/tests.txt" | tail -n 40
timeout 240 "$python" -m benchmarks gpu --device "${DEVICE:-cuda}" \\
    --seconds "${SECONDS_MOST:-90}" --output "$out/gpu.json" 2>&1 | tee "$out/gpu.txt" | tail -n 80
"""


def main() -> int:
    """Make the folder that the command names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_pack", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--targets", default="cuda:sm_80", help="newer chips run sm_80, too")
    parser.add_argument("--without-wheels", action="store_true", help="IREE's runtime is there")
    arguments = parser.parse_args()
    pack(arguments.folder, arguments.targets, wheels=not arguments.without_wheels)
    return 0


def pack(folder: Path, targets: str, *, wheels: bool = True) -> None:
    """Make the folder; what it had before is replaced.

    Args:
        folder: the folder.
        targets: names of targets with commas between, as for `build_kernel`.
        wheels: whether IREE's runtime and pytest go into it; they are downloaded.
    """
    for part in ("tree", "site", "store"):
        shutil.rmtree(folder / part, ignore_errors=True)
    copy_sources(folder / "tree")
    if wheels:
        unpack_wheels(folder / "site")
    print(build_launcher(folder / "tree"), flush=True)
    environment = {**os.environ, "IR_RUNTIME_STORE": str((folder / "store").resolve())}
    command = [
        sys.executable,
        "-c",
        f"from benchmarks import gpu_pack; gpu_pack.fill_store({targets!r})",
    ]
    subprocess.run(command, check=True, env=environment, cwd=ROOT)
    (folder / "run.sh").write_text(RUN, "utf-8")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size >> 20} MiB; on the GPU machine: bash {folder.name}/run.sh")


def copy_sources(tree: Path) -> None:
    """Copy the files of the checkout that tests and benchmarks on a GPU need."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *SOURCES],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tree / name)


def unpack_wheels(site: Path) -> None:
    """Download what the machine lacks, for its Python, and unpack it."""
    with tempfile.TemporaryDirectory() as folder:
        platforms = [word for name in PLATFORMS for word in ("--platform", name)]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--python-version", PYTHON, "--implementation", "cp"]
        subprocess.run([*command, *platforms, "-d", folder, *WHEELS], check=True)
        for wheel in sorted(Path(folder).glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(site)
    for name in UNUSED:
        shutil.rmtree(site / name, ignore_errors=True)
    for program in (site / "iree/_runtime_libs").glob("iree-*"):
        program.unlink()


def build_launcher(tree: Path) -> str:
    """Compile the C launcher for the machine's Python; returns in words what came of it."""
    headers = next((path for path in _headers() if (path / "Python.h").is_file()), None)
    if headers is None or shutil.which("gcc") is None:
        return f"no C launcher: the headers of Python {PYTHON}, or gcc, are not here"
    tag = f"cpython-{PYTHON.replace('.', '')}-x86_64-linux-gnu"
    sources = sorted(str(path) for path in (tree / NATIVE).rglob("*.c"))
    flags = ["-shared", "-fPIC", "-std=gnu11", "-O2", "-fvisibility=hidden", f"-I{headers}"]
    flags += [f"-I{tree / NATIVE}", "-o", str(tree / NATIVE / f"_launcher.{tag}.so")]
    ran = subprocess.run(
        ["gcc", *flags, *sources, "-ldl", "-lpthread"], capture_output=True, text=True, check=False
    )
    return "the C launcher is built" if ran.returncode == 0 else f"no C launcher: {ran.stderr}"


def _headers() -> Iterator[Path]:
    found = os.environ.get("PYTHON312_INCLUDE")
    if found:
        yield Path(found)
    yield Path(f"/usr/include/python{PYTHON}")
    yield from Path.home().glob(f".pyenv/versions/{PYTHON}*/include/python{PYTHON}")


def fill_store(targets: str) -> None:
    """Compile the kernels of all calls in `tests/gpu` and `benchmarks.gpu` into the store."""
    from benchmarks.gpu_cases import gpu_cases
    from ir_runtime.op_reg import build_kernel
    from tests.cases import CASES, DTYPES

    calls: list[tuple[Any, tuple[Any, ...]]] = [
        (case.kernel, case.arguments(2, "cpu")) for case in gpu_cases()
    ]
    calls += [(case.packet.default, case.arguments(dtype)) for case in CASES for dtype in DTYPES]
    built = [row for op, given in calls for row in build_kernel(op, *given, target=targets)]
    print(f"{sum(row.compiled for row in built)} kernels compiled, {len(built)} calls", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
