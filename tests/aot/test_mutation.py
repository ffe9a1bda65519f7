"""Arguments and buffers that a program changes are changed after a call, as in eager mode."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.device import Device
from ir_runtime.errors import ArgumentError, ExportError, LaunchError
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.launch.launchable import Launchable
from ir_runtime.launch.operand.mutation import changed_arguments


def decode_step(x: Tensor, keys: Tensor, values: Tensor, position: Tensor) -> Tensor:
    """Write one token into two caches, each in its way, and attend over them."""
    keys.index_copy_(1, position, x)
    values[:, position] = x * 2
    values[0, -1] += 1
    return torch.softmax(x @ keys.transpose(1, 2), -1) @ values


def _decode_arguments() -> tuple[Tensor, ...]:
    torch.manual_seed(3)
    return torch.randn(2, 1, 4), torch.randn(2, 8, 4), torch.randn(2, 8, 4), torch.tensor([5])


def _assert_changed_as_eager(run: Any, given: tuple[Tensor, ...]) -> None:
    expected = [value.clone() for value in given]
    torch.testing.assert_close(run(*given), decode_step(*expected))
    for got, wanted in zip(given, expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def step() -> aot.Program:
    return aot.export(decode_step, _decode_arguments(), name="decode_step")


def test_arguments_are_changed_on_each_local_device(step: aot.Program) -> None:
    for uri in ("local-sync", "local-task"):
        with Device(uri):
            _assert_changed_as_eager(step, _decode_arguments())
            _assert_changed_as_eager(step.launchable(), _decode_arguments())


def test_arguments_of_any_layout_are_changed(step: aot.Program) -> None:
    x, keys, values, position = _decode_arguments()
    strided = keys.transpose(0, 1).contiguous().transpose(0, 1)
    misaligned = torch.empty(values.numel() + 1)[1:].view(values.shape).copy_(values)
    _assert_changed_as_eager(step, (x, strided, misaligned, position))


def test_halves_of_one_tensor_are_changed(step: aot.Program) -> None:
    x, keys, values, position = _decode_arguments()
    both = torch.stack([keys, values], -1)
    _assert_changed_as_eager(step, (x, both[..., 0], both[..., 1], position))


def test_a_saved_program_changes_its_arguments(
    step: aot.Program, store: DirectoryStore, tmp_path: Path
) -> None:
    path = tmp_path / "step.vmfb"
    step.compile("local-task", path=path)

    def load(device: Device) -> Any:
        from iree.runtime import VmModule

        return VmModule.copy_buffer(device.vm_instance, path.read_bytes())

    _assert_changed_as_eager(Launchable.from_vm_module(load), _decode_arguments())
    stored = Launchable.from_file_cache_only(store.root, selector="decode_step")
    _assert_changed_as_eager(stored, _decode_arguments())


def _refusal(step: aot.Program, *args: Tensor) -> str:
    before = [value.clone() for value in args]
    with pytest.raises(ArgumentError) as caught:
        step(*args)
    assert all(map(torch.equal, args, before))
    return str(caught.value)


def test_arguments_that_cannot_be_changed_alone_are_refused(step: aot.Program) -> None:
    x, keys, values, position = _decode_arguments()
    assert _refusal(step, x, keys, keys, position) == (
        "decode_step: argument 1, which the program changes, shares memory with argument 2, must "
        "have memory of its own\n  fix: pass a clone of one of them"
    )
    overlapping = torch.zeros(3, 8, 4)
    assert "shares memory" in _refusal(step, x, overlapping[:2], overlapping[1:], position)
    assert "shares memory" in _refusal(step, values[:, 2:3], keys, values, position)
    foreign = torch.from_numpy(keys.numpy())  # the same memory in another storage
    assert "shares memory" in _refusal(step, x, keys, foreign, position)
    assert _refusal(step, x, keys[:1].expand(2, 8, 4), values, position) == (
        "decode_step: argument 1, which the program changes, is f32[2, 8, 4] with elements that "
        "share memory, must have memory for each\n  fix: pass tensor.contiguous()"
    )
    assert "requires a gradient" in _refusal(
        step, x, keys.clone().requires_grad_(), values, position
    )
    with torch.inference_mode():
        inference = torch.zeros(2, 8, 4)
    assert "is an inference tensor" in _refusal(step, x, inference, values, position)


class Stateful(torch.nn.Module):
    """Changes buffers of each kind and a parameter, and returns one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("cache", torch.zeros(6, 3))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64), persistent=False)
        self.weight = torch.nn.Parameter(torch.full((3,), 2.0))
        self.scale = torch.nn.Parameter(torch.full((3,), 0.5))

    def forward(self, x: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
        self.cache[row] = x.sum(0)
        self.steps += 1
        with torch.no_grad():
            self.weight.mul_(self.scale)
        return self.cache * self.weight, self.steps


@pytest.mark.parametrize("parameters", ["inline", "external"])
def test_buffers_and_parameters_of_the_module_are_changed(parameters: Any) -> None:
    module = Stateful()
    eager = copy.deepcopy(module)
    args = torch.ones(2, 3), torch.tensor([4])
    program = aot.export(module, args, dynamic_shapes=({0: Dim.AUTO}, None), parameters=parameters)
    assert [state.name for state in program.state] == ["weight", "cache", "steps"]
    for rows in (2, 5):
        x = torch.randn(rows, 3), torch.tensor([rows])
        torch.testing.assert_close(program(*x), tuple(t.detach() for t in eager(*x)))
    program.launchable()(*x)
    eager(*x)
    for got, wanted in zip(module.state_dict().values(), eager.state_dict().values(), strict=True):
        torch.testing.assert_close(got, wanted)
    assert module.steps == 3
    assert module.weight.requires_grad


class Windowed(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("cache", torch.zeros(4, 3))
        self.register_buffer("window", self.cache[2:4])

    def forward(self, x: Tensor) -> Tensor:
        self.cache += x
        return self.window + 1


def test_state_that_shares_memory_is_refused_at_export() -> None:
    with pytest.raises(ExportError) as caught:
        aot.export(Windowed(), (torch.ones(3),), name="net")
    assert caught.value.headline == (
        "net: changes `cache`, which shares memory with `window`, must have memory of its own"
    )


@pytest.mark.parametrize("text", ["3", "0,0", "-1", "x", "1,0,2"])
def test_a_program_that_says_it_changes_what_it_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(LaunchError):
        changed_arguments("main", {"ir_runtime.changed": text}, arguments=3, results=2)
