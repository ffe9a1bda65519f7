"""Do import, and calls that hit the store, do without the compiler package?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime import Device
from ir_runtime.launch import Launchable
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.op_reg import build_kernel

WEAKEST = Device("local-sync").targets[-1].name
# Hides the compiler as if it had not been installed: neither importable nor a known distribution.
HIDE = """
import importlib.abc, importlib.metadata, sys
class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.startswith("iree.compiler"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
real = importlib.metadata.version
def version(name):
    if name == "iree-base-compiler":
        raise importlib.metadata.PackageNotFoundError(name)
    return real(name)
importlib.metadata.version = version
"""
RUN = """
import sys, torch
import ir_runtime
from ir_runtime.counters import current_counts
x = torch.arange(5.0)
program = ir_runtime.Launchable.jit_compile(sys.argv[2], file_cache_dir=sys.argv[1])
assert torch.equal(program(x), x + x)
assert torch.equal(ir_runtime.Launchable.from_file_cache_only(sys.argv[1])(x), x + x)
loaded = [name for name in sys.modules if name.startswith("iree.compiler")]
print(loaded, current_counts().compiles, current_counts().store_hits)
"""
LINEAR = """
import sys, torch, kernels_mlir
from ir_runtime.counters import current_counts
y = torch.ops.ir_kernels.linear(torch.ones(2, 64), torch.ones(8, 64), None)
loaded = [name for name in sys.modules if name.startswith("iree.compiler")]
print(loaded, current_counts().weaker_hits, float(y.sum()))
"""
MISS = """
import sys
from ir_runtime import Launchable
from ir_runtime.errors import ArtifactNotFoundError
try:
    Launchable.jit_compile("module {}", file_cache_dir=sys.argv[1]).preload("cpu")
except ArtifactNotFoundError as error:
    print(error)
"""
DIRECT = """
from ir_runtime.errors import CompilerNotFoundError
from ir_runtime.launch.compile.compiler import compile_program
try:
    compile_program("softcap", b"module {}", ())
except CompilerNotFoundError as error:
    print(error)
"""


@pytest.fixture
def stored(tmp_path: Path, doubling: Callable[..., str]) -> Path:
    Launchable.jit_compile(doubling(), file_cache_dir=tmp_path / "s").preload("cpu")
    return tmp_path / "s"


def printed_by(ended: Any) -> str:
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_stored_program_runs_without_loading_the_compiler(
    stored: Path, run_python: Any, doubling: Callable[..., str]
) -> None:
    assert printed_by(run_python(RUN, stored, doubling())) == "[] 0 2\n"


def test_stored_program_runs_where_no_compiler_is_installed(
    stored: Path, run_python: Any, doubling: Callable[..., str]
) -> None:
    assert printed_by(run_python(HIDE + RUN, stored, doubling())) == "[] 0 2\n"


def rewrite_compiler_version(root: Path, version: str) -> None:
    """Make the one artifact of a store that of another compiler, consistently."""
    store = DirectoryStore(root)
    (key,) = store.keys()
    artifact = store.load(key)
    assert artifact is not None
    path = store.path_of(key)
    record = json.loads((path / "key.json").read_text())
    record["key"]["compiler"] = version
    (path / "key.json").write_text(json.dumps(record))
    path.rename(store.path_of(type(key).from_json(record["key"])))


@pytest.mark.full
def test_program_of_another_compiler_of_the_release_runs_where_none_is_installed(
    stored: Path, run_python: Any, doubling: Callable[..., str]
) -> None:
    rewrite_compiler_version(stored, "3.13.99")
    assert printed_by(run_python(HIDE + RUN, stored, doubling())) == "[] 0 2\n"


@pytest.mark.full
def test_program_of_another_release_is_not_taken(
    stored: Path, run_python: Any, doubling: Callable[..., str]
) -> None:
    rewrite_compiler_version(stored, "2.0.0")
    ended = run_python(HIDE + RUN, stored, doubling())
    assert ended.returncode != 0
    assert "nearest artifact differs in: compiler" in ended.stderr


def test_kernel_of_a_weaker_target_is_found_where_no_compiler_is_installed(
    store: DirectoryStore, run_python: Any
) -> None:
    """Also one whose MLIR differs from that of this machine: keys are made without generating."""
    built, _ = build_kernel(
        "ir_kernels::linear", torch.ones(2, 64), torch.ones(8, 64), target=WEAKEST
    )
    assert built.compiled
    assert printed_by(run_python(HIDE + LINEAR)) == "[] 1 1024.0\n"


def test_miss_says_that_no_compiler_is_installed(tmp_path: Path, run_python: Any) -> None:
    lines = printed_by(run_python(HIDE + MISS, tmp_path)).splitlines()
    assert lines[0].startswith("program: no artifact program-")
    assert lines[0].endswith(", and the compiler is not installed")
    assert lines[1] == f"    store {tmp_path}"
    assert lines[2].startswith("    device type local:")
    assert lines[3:] == [
        "    nothing named 'program' is stored",
        (
            "  fix: fill the store on a machine that has it: "
            "pip install 'iree-base-compiler==3.13.*'"
        ),
    ]


@pytest.mark.full
def test_compile_says_that_no_compiler_is_installed(run_python: Any) -> None:
    assert printed_by(run_python(HIDE + DIRECT)) == (
        "softcap: must be compiled, and the compiler is not installed\n"
        "  fix: pip install 'iree-base-compiler==3.13.*', or ship the store of one that has it\n"
    )
