"""Models with weights in 8 and 4 bits: what they compute, load, save, free and restore."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import ir_runtime
from ir_runtime.models.errors import OptimizeError
from kernels_mlir.matmul.quantized_layer import PackedModule, QuantizedLinear
from tests.models.families import FAMILIES, prompt
from tests.models.look_alikes import Gated

pytest.importorskip("transformers")

FAMILY = FAMILIES["llama"]


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def logits(model: nn.Module) -> Tensor:
    return model(input_ids=prompt())[0]


def rounded_model(bits: int, model: nn.Module | None = None) -> nn.Module:
    """Return the model with each weight of a linear layer as its rounded form stands for it."""
    made = FAMILY.make() if model is None else copy.deepcopy(model)
    for module in made.modules():
        if isinstance(module, nn.Linear):
            module.weight.copy_(QuantizedLinear.from_linear(module, bits).dequantize())
    return made


def close(got: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(got, want, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("bits", [8, pytest.param(4, marks=pytest.mark.full)])
@pytest.mark.parametrize("undo", [True, False])
def test_a_model_computes_with_its_rounded_weights(bits: int, undo: bool):
    model = FAMILY.make()
    report = ir_runtime.optimize(model, weights=f"int{bits}", undo=undo)
    rounded = {place.kind for place in report.replaced if place.weights == f"int{bits}"}
    assert rounded == ({"linear", "mlp"} if undo else {"linear"})
    close(logits(model), logits(rounded_model(bits)))
    sequence = model.generate(prompt(), max_new_tokens=4, do_sample=False)
    assert sequence.shape == (2, 11)


def test_the_state_dict_is_that_of_the_model_and_a_load_is_seen():
    model = FAMILY.make()
    before = model.state_dict(keep_vars=True)
    ir_runtime.optimize(model, weights="int8")
    after = model.state_dict(keep_vars=True)
    assert after.keys() == before.keys()
    assert all(after[key] is before[key] for key in before)
    halves = halved()
    model.load_state_dict(halves.state_dict())
    close(logits(model), logits(rounded_model(8, halves)))


def test_a_model_without_its_floats_saves_and_loads_both_forms():
    model, halves = FAMILY.make(), halved()
    ir_runtime.optimize(model, weights="int8", undo=False)
    saved = {key: value.clone() for key, value in model.state_dict().items()}
    assert saved["model.layers.0.mlp.up_proj.weight"].dtype == torch.int8
    want = logits(model)
    model.load_state_dict(halves.state_dict(), strict=False)
    close(logits(model), logits(rounded_model(8, halves)))
    model.load_state_dict(saved)
    assert torch.equal(logits(model), want)


def test_a_copy_of_a_model_rounds_its_own_weights():
    model = FAMILY.make()
    ir_runtime.optimize(model, weights="int8")
    want, twin = logits(model), copy.deepcopy(model)
    assert torch.equal(logits(twin), want)
    twin.load_state_dict({key: value / 2 for key, value in model.state_dict().items()})
    close(logits(twin), logits(rounded_model(8, halved())))
    assert torch.equal(logits(model), want)


def halved() -> nn.Module:
    model = FAMILY.make()
    model.load_state_dict({key: value / 2 for key, value in model.state_dict().items()})
    return model


def test_a_graph_sees_a_load():
    model, x = nn.Sequential(nn.Linear(64, 64)), torch.randn(3, 64)
    ir_runtime.optimize(model, weights="int8")
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    before = compiled(x)
    model.load_state_dict({key: 2 * value for key, value in model.state_dict().items()})
    torch.testing.assert_close(compiled(x), 2 * before)


def test_a_changed_bias_is_seen():
    model, x = nn.Sequential(Gated(nn.SiLU())), torch.randn(3, 64)
    for child in (model[0].gate, model[0].up):
        child.bias = nn.Parameter(torch.zeros(64))
    report = ir_runtime.optimize(model, weights="int8", ops="mlp")
    before = model(x)
    model[0].up.bias.add_(1)
    changed = model(x)
    report.undo()
    assert float((changed - before).abs().max()) > 0.1
    torch.testing.assert_close(changed, model(x), atol=0.05, rtol=0.1)


@pytest.mark.parametrize("undo", [True, False])
def test_a_layer_that_two_modules_share_is_rounded_in_both(undo: bool):
    shared, x = nn.Linear(64, 64), torch.randn(3, 64)
    model = nn.Sequential(nn.Sequential(shared), nn.Sequential(shared))
    state, want = {k: v.clone() for k, v in model.state_dict().items()}, model(x)
    report = ir_runtime.optimize(model, weights="int8", undo=undo)
    assert len(report.replaced) == 1
    assert model[0][0] is model[1][0]
    assert isinstance(model[0][0], PackedModule) != undo
    torch.testing.assert_close(model(x), want, atol=0.05, rtol=0.1)
    report.undo(state)
    assert model[0][0] is model[1][0] is shared
    assert torch.equal(model(x), want)


def test_weights_that_were_freed_are_restored_from_a_state_dict():
    model = FAMILY.make()
    before, want = {k: v.clone() for k, v in model.state_dict().items()}, logits(model)
    linear = model.get_submodule("model.layers.0.mlp.up_proj")
    report = ir_runtime.optimize(model, weights="int8", undo=False)
    assert linear.weight is None, "its memory is free"
    with pytest.raises(OptimizeError, match="the weights were freed"):
        report.undo()
    assert isinstance(model.get_submodule("model.layers.0.mlp.up_proj"), PackedModule)
    report.undo(before)
    assert model.get_submodule("model.layers.0.mlp.up_proj") is linear
    assert torch.equal(logits(model), want)


def test_a_tied_weight_stays_where_else_it_is():
    model: Any = FAMILIES["gpt2"].make()
    embedding = model.transformer.wte.weight
    assert model.lm_head.weight is embedding
    report = ir_runtime.optimize(model, weights="int8", undo=False, ops="linear")
    assert model.transformer.wte.weight is embedding
    assert isinstance(model.lm_head, PackedModule)
    report.undo({k: v for k, v in FAMILIES["gpt2"].make().state_dict().items() if k != "lm_head"})
    assert model.lm_head.weight is embedding


def test_training_is_with_the_weights_as_they_are():
    model, plain = FAMILY.make().train(), FAMILY.make().train()
    ir_runtime.optimize(model, weights="int8")
    close(logits(model), logits(plain))


def test_a_weight_that_is_not_finite_is_left_alone():
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
    model[1].weight[3, 3] = float("nan")
    report = ir_runtime.optimize(model, weights="int8", undo=False)
    assert [place.path for place in report.replaced] == ["0"]
    assert [left.reason for left in report.left] == ["its weight has elements that are not finite"]


def test_a_weight_of_inputs_first_is_rounded_and_loaded_turned():
    from transformers.pytorch_utils import Conv1D

    torch.manual_seed(0)
    model, x = nn.Sequential(Conv1D(64, 64)), torch.randn(3, 64)
    want, state = model(x), {k: v.clone() for k, v in model.state_dict().items()}
    ir_runtime.optimize(model, weights="int8", undo=False)
    torch.testing.assert_close(model(x), want, atol=0.01, rtol=0.1)
    rounded = model(x)
    model.load_state_dict(state, strict=False)
    assert torch.equal(model(x), rounded)


class Alive(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive, and the most there ever were."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._owners: dict[int, int] = {}
        self.now = 0
        for parameter in model.parameters():
            self._see(parameter)
        self.most = self.now

    def _see(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        self.now += 0 if key in self._owners else size
        self._owners[key] = self._owners.get(key, 0) + 1
        weakref.finalize(tensor, self._drop, key, size)

    def _drop(self, key: int, size: int) -> None:
        self._owners[key] -= 1
        if not self._owners[key]:
            del self._owners[key]
            self.now -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in torch.utils._pytree.tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._see(tensor)
        self.most = max(self.most, self.now)
        return result


@pytest.mark.parametrize("bits", [8, 4])
def test_no_more_than_a_tenth_of_the_weights_is_taken_at_any_moment(
    bits: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("kernels_mlir.matmul.rounding.CHUNK", 1 << 15)
    layers = [nn.Linear(512, 512, bias=False, dtype=torch.bfloat16) for _ in range(12)]
    model = nn.Sequential(*layers)
    del layers
    with Alive(model) as alive:
        weights = alive.now
        ir_runtime.optimize(model, weights=f"int{bits}", undo=False)
    assert weights == 12 * 512 * 512 * 2
    packed = sum(b.numel() * b.element_size() for b in model.buffers())
    assert packed <= alive.now <= 1.01 * packed, "nothing else is kept"
    assert alive.most <= 1.1 * weights


@pytest.mark.full
def test_memory_stays_within_a_tenth_more_than_the_weights():
    model = nn.Sequential(*(nn.Linear(2048, 2048, bias=False) for _ in range(24)))
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    before = _peak_bytes(reset=True)
    ir_runtime.optimize(model, weights="int8", undo=False)
    assert _peak_bytes() - before <= 0.1 * weights


def _peak_bytes(*, reset: bool = False) -> int:
    from pathlib import Path

    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10
