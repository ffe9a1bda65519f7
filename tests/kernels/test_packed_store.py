"""A packed weight of `linear` where compiling is off, and the store is for weaker CPUs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from ir_runtime.cli import main
from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.device.machine import code_for, machine_named
from ir_runtime.errors import ArtifactNotFoundError
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, forget_kernels
from ir_runtime.op_reg.call.kernel import kernel_source, run_select
from ir_runtime.settings import override_settings
from kernels_mlir import linear
from kernels_mlir.matmul.linear import native_linear
from kernels_mlir.matmul.packed import forget_packed, pack_weight, packed_call, packed_for
from kernels_mlir.matmul.tile import tile_for, tile_of_packed

WEAK = "x86-64-v3"
PACKED = ALL_CUSTOM_OP_REGS["ir_packed::linear"]

pytestmark = pytest.mark.skipif(
    f"cpu:{WEAK}" not in {target.name for target in Device("local-sync").targets},
    reason=f"this machine does not run code for {WEAK}",
)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    forget_packed()
    forget_kernels()
    yield
    forget_packed()
    forget_kernels()


def parameter() -> tuple[Tensor, nn.Parameter]:
    torch.manual_seed(0)
    return torch.randn(3, 48), nn.Parameter(torch.randn(80, 48), requires_grad=False)


def test_build_makes_both_kernels_and_a_better_machine_packs_for_them(
    store: DirectoryStore, capsys: pytest.CaptureFixture[str]
) -> None:
    build = ["build", "linear", "f32[3,48]", "f32[80,48]", "--target", f"cpu:{WEAK}", "--json"]
    assert main(build) == 0
    built = json.loads(capsys.readouterr().out)["built"]
    assert [(row["target"], row["compiled"]) for row in built] == [(f"cpu:{WEAK}", True)] * 2
    assert {row["kernel"] for row in built} == {key.label for key in store.keys()}
    x, weight = parameter()
    with override_settings(compile=False), count_since() as counts:
        y = linear(x, weight)
        assert torch.equal(linear(x, weight.detach()), y)
        packed = packed_for(weight)
        with pytest.raises(ArtifactNotFoundError):  # of another shape nothing is stored
            linear(torch.randn(3, 40), nn.Parameter(torch.randn(80, 40), requires_grad=False))
    torch.testing.assert_close(y, native_linear(x, weight), atol=1e-4, rtol=1e-4)
    assert packed is not None
    assert packed.shape == tile_for(torch.float32, machine_named(WEAK)).packed_shape(80, 48)
    assert (counts[0].compiles, counts[0].weaker_hits) == (0, 2)
    with override_settings(compile=True):  # packed again, for this machine
        packed = packed_for(weight, lambda: packed_call(x, None, weight))
    assert packed is not None
    assert packed.shape == tile_for(torch.float32).packed_shape(80, 48)


def test_a_kernel_reads_the_layout_that_its_weight_has() -> None:
    x, weight = parameter()
    with code_for(machine_named(WEAK)):
        packed, weak = pack_weight(weight.detach()), tile_for(torch.float32)
    assert tile_of_packed(tuple(packed.shape), torch.float32, 80, 48) is not None
    ksel = run_select(PACKED, (x, packed, None, 80, 48))
    assert ksel.variant == weak.name or packed.shape == tile_for(x.dtype).packed_shape(80, 48)
    read = f"tensor<{'x'.join(map(str, packed.shape))}xf32>"
    assert read in kernel_source(PACKED, ksel).decode()
