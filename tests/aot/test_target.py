"""Exported programs for named targets."""

from __future__ import annotations

import pytest
import torch

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime import Device, aot
from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.settings import override_settings

X, WEIGHT = torch.randn(3, 64), torch.randn(40, 64)
pytestmark = pytest.mark.skipif(
    "cpu:x86-64-v3" not in [target.name for target in Device("local-sync").targets[1:]],
    reason="needs more than the features of x86-64-v3",
)


def product(x: torch.Tensor) -> torch.Tensor:
    return torch.ops.ir_kernels.linear(x, WEIGHT, None)


def test_program_is_built_for_its_targets_and_the_best_one_runs(store: DirectoryStore) -> None:
    """The kernels in it are those of the target, also in the look-up for it."""
    program = aot.export(product, (X,), target=["cpu:x86-64-v3", "cpu:aarch64"])
    assert list(program.build()) == ["cpu:x86-64-v3", "cpu:aarch64"]
    assert program.mlir() == program.mlir("cpu:x86-64-v3")
    with override_settings(compile=False), count_since() as counts:
        torch.testing.assert_close(program(X), X @ WEIGHT.T)
    assert (counts[0].store_hits, counts[0].weaker_hits) == (1, 1)
    assert program.compile("cpu:aarch64") == program.build("cpu:aarch64")["cpu:aarch64"]


def test_one_target_is_the_default_of_compile(store: DirectoryStore) -> None:
    program = aot.export(product, (X,), target="cpu:x86-64-v3")
    program.compile()
    (key,) = store.keys()
    assert "--iree-llvmcpu-target-cpu=x86-64-v3" in key.device_type.split(";")


def test_unknown_and_several_targets_are_refused() -> None:
    with pytest.raises(ArgumentError, match="not known, must be one of"):
        aot.export(product, (X,), target="sparc")
    program = aot.export(product, (X,), target="cpu:x86-64-v3,cuda:sm_80")
    with pytest.raises(ArgumentError) as caught:
        program.compile()
    assert str(caught.value) == (
        "product: exported for 2 targets, must be one to compile\n"
        "    cpu:x86-64-v3\n"
        "    cuda:sm_80\n"
        "  fix: name one of them, or call build(), which compiles for all"
    )


def test_flags_of_another_cpu_make_code_for_it() -> None:
    """The kernels in the program were those of this host."""
    from ir_runtime.aot.target_flag import target_of_flags

    flags = ("--iree-hal-target-backends=llvm-cpu", "--iree-llvmcpu-target-cpu=x86-64-v3")
    target = target_of_flags("program", flags)
    assert target.machine is not None
    assert (target.name, target.machine.vector_bytes) == ("cpu:x86-64-v3", 32)
