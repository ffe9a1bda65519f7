"""Do the ops that speak to IREE do nothing else in eager mode, and reach the program?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.export import Dim

import ir_runtime.ops.iree as iree_ops
from ir_runtime import aot
from ir_runtime.device import get_vm_instance
from ir_runtime.device.cpu import host_cpu_target
from ir_runtime.device.place import open_place
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg.trace.import_program import quiet_tracing

X = torch.randn(3, 4)
T = torch.ops.iree


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Tensor]]]:
    """Give what was traced."""
    seen: list[tuple[str, Tensor]] = []
    monkeypatch.setattr(
        iree_ops, "trace_tensor_callback", lambda key, tensor: seen.append((key, tensor.clone()))
    )
    return seen


def tracing(x: Tensor) -> Tensor:
    y = x + 1
    T.trace_tensor("first", y)
    T.trace_tensor("second", y * 2)
    return y * 3


def moving(x: Tensor) -> Tensor:
    y = T.transfer_to_logical_device("1", x * 2)
    y = T.barrier_on_logical_device("1", y + 1)
    return T.transfer_to_logical_device("0", y * 3)


def separated(x: Tensor) -> Tensor:
    return T.compute_barrier_end(T.compute_barrier_start(x * 2) + 1)


def export(fn: Any) -> aot.Program:
    return aot.export(fn, (X,), dynamic_shapes=({0: Dim.AUTO},))


def test_a_trace_calls_back(traced: list[tuple[str, Tensor]]) -> None:
    tracing(X)
    assert [key for key, _ in traced] == ["first", "second"]
    assert torch.equal(traced[1][1], (X + 1) * 2)


def test_a_trace_survives_compile_on_each_call(traced: list[tuple[str, Tensor]]) -> None:
    compiled = torch.compile(tracing, fullgraph=True)
    for _ in range(2):
        assert torch.equal(compiled(X), tracing(X))
    assert [key for key, _ in traced] == ["first", "second"] * 4


def test_a_trace_survives_export(traced: list[tuple[str, Tensor]]) -> None:
    class Module(torch.nn.Module):
        forward = staticmethod(tracing)

    with quiet_tracing():
        program = torch.export.export(Module(), (X,)).run_decompositions()
    assert torch.equal(program.module()(X), (X + 1) * 3)
    assert [key for key, _ in traced] == ["first", "second"]


def test_a_trace_lets_gradients_by(traced: list[tuple[str, Tensor]]) -> None:
    x = X.clone().requires_grad_()
    tracing(x).sum().backward()
    assert torch.equal(x.grad, torch.full_like(X, 3.0))


def test_a_trace_is_in_the_program_and_prints(capfd: pytest.CaptureFixture[str]) -> None:
    program = export(tracing)
    text = program.mlir()
    assert text.index('flow.tensor.trace "first"') < text.index('flow.tensor.trace "second"')
    assert torch.equal(program(torch.ones(2, 4)), torch.full((2, 4), 6.0))
    said = capfd.readouterr()
    assert "=== first ===" in said.err + said.out
    assert "2x4xf32=[2 2 2 2][2 2 2 2]" in said.err + said.out


def test_by_default_a_trace_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "ir_runtime.trace"):
        T.trace_tensor("key", torch.arange(3))
    assert caplog.messages == ["key: i64[3] [0, 1, 2]"]


def test_traces_are_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iree_ops, "trace_tensor_callback", iree_ops.save_tensor_in(tmp_path / "t"))
    T.trace_tensor("layer/0", X)
    T.trace_tensor("narrow", X.bfloat16())
    assert np.array_equal(np.load(tmp_path / "t" / "layer_0.npy"), X.numpy())
    assert np.array_equal(np.load(tmp_path / "t" / "narrow.npy"), X.bfloat16().float().numpy())


@pytest.mark.parametrize("fn", [moving, separated])
def test_eager_and_compiled_they_are_identities(fn: Any) -> None:
    wanted = X * 2 + 1 if fn is separated else (X * 2 + 1) * 3
    assert torch.equal(fn(X), wanted)
    assert torch.equal(torch.compile(fn, fullgraph=True)(X), wanted)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: T.transfer_to_logical_device("0", x),
        lambda x: T.barrier_on_logical_device("0", x),
        T.compute_barrier_start,
        T.compute_barrier_end,
    ],
)
def test_an_identity_is_a_copy_with_a_gradient(call: Any) -> None:
    x = X.clone().requires_grad_()
    y = call(x)
    assert y.data_ptr() != x.data_ptr()
    assert torch.equal(y, x)
    (y * 2).sum().backward()
    assert torch.equal(x.grad, torch.full_like(X, 2.0))


def test_compute_barriers_are_in_the_program_and_run() -> None:
    program = export(separated)
    text = program.mlir()
    assert "iree_tensor_ext.compute_barrier.start" in text
    assert "iree_tensor_ext.compute_barrier.end" in text
    assert torch.equal(program(X), separated(X))


def test_transfers_and_barriers_name_their_device() -> None:
    text = export(moving).mlir()
    assert "flow.tensor.transfer %arg0 : tensor<?x?xf32>{%dim, %dim_0} to " in text
    assert text.count("#hal.device.promise<@__device_1>") == 2
    assert text.count("#hal.device.promise<@__device_0>") == 1
    assert "flow.tensor.barrier" in text


def test_a_program_on_two_devices_runs() -> None:
    flags = (
        "--iree-hal-target-device=local[0]",
        "--iree-hal-target-device=local[1]",
        "--iree-hal-local-target-device-backends=llvm-cpu",
        *host_cpu_target().flags,
    )
    vmfb = export(moving).compile(flags=flags)
    assert torch.equal(run_on_two_devices(vmfb, X), moving(X))


def run_on_two_devices(vmfb: bytes, x: Tensor) -> Tensor:
    from iree import runtime

    instance = get_vm_instance()
    devices = [open_place("local-sync").hal, open_place("local-task").hal]
    hal = runtime.create_hal_module(instance, devices=devices)
    module = runtime.VmModule.copy_buffer(instance, vmfb)
    context = runtime.VmContext(instance, [hal, module])
    arguments, results = runtime.VmVariantList(1), runtime.VmVariantList(1)
    view = devices[0].from_dlpack_capsule(torch.utils.dlpack.to_dlpack(x))
    arguments.push_ref(view)
    context.invoke(module.lookup_function("main"), arguments, results)
    result = results.get_as_object(0, runtime.HalBufferView)
    return torch.from_numpy(runtime.DeviceArray(devices[0], result).to_host().copy())


def test_a_moniker_that_is_no_symbol_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        aot.export(lambda x: T.transfer_to_logical_device("a b", x), (X,))
    assert "transfer_to_logical_device: moniker 'a b', must be letters, digits and" in str(
        caught.value.__cause__ or caught.value
    )
