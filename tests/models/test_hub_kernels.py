"""`kernels` of HuggingFace finds our layers, which compute only what an op computes."""

from __future__ import annotations

import copy
import logging
import sys
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

import ir_runtime
from ir_runtime.errors import ArgumentError
from ir_runtime.ir import IrOp
from ir_runtime.models.errors import KernelsMissingError
from ir_runtime.models.hub import DEVICES, kernel_mapping
from tests.models.families import FAMILIES
from tests.models.look_alikes import LEFT, N, RmsNorm

kernels = pytest.importorskip("kernels")  # not there in an install without the extra
transformers = pytest.importorskip("transformers")
Mode = kernels.Mode
MODES = [
    Mode.INFERENCE,
    Mode.TRAINING,
    Mode.INFERENCE | Mode.TORCH_COMPILE,
    Mode.TRAINING | Mode.TORCH_COMPILE,
]


class Seen(TorchDispatchMode):
    """Counts the calls of our ops."""

    def __init__(self) -> None:
        super().__init__()
        self.ops: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace in ("ir_runtime", "ir_kernels"):
            self.ops[func._opname] += 1
        return func(*args, **(kwargs or {}))


def seen(model: nn.Module, *given: Any, **named: Any) -> tuple[Any, Counter[str]]:
    with torch.no_grad(), Seen() as mode:
        result = model(*given, **named)
    return result, mode.ops


def kernelized(model: nn.Module, mode: Any = Mode.INFERENCE, *, some: bool = False) -> nn.Module:
    """Give our layers to all marked modules, or with `some` to those whose names are mapped."""
    with kernels.use_kernel_mapping(kernel_mapping(), inherit_mapping=False):
        return kernels.kernelize(model, mode=mode, device="cpu", use_fallback=some)


def mark(monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> None:
    """Mark a class for the time of a test, as transformers does with the `kernels` it wants."""
    for attribute in ("kernel_layer_name", "kernel_condition"):
        monkeypatch.setattr(kind, attribute, None, raising=False)
    kernels.replace_kernel_forward_from_hub(kind, name)


@pytest.fixture
def llama(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    from transformers.models.llama import modeling_llama as file

    mark(monkeypatch, file.LlamaRMSNorm, "RMSNorm")
    given: Any = file.apply_rotary_pos_emb
    rotate = getattr(given, "forward", given)

    def rotary(q: Any, k: Any, cos: Any, sin: Any, unsqueeze_dim: int = 1) -> Any:
        return rotate(q, k, cos, sin, unsqueeze_dim)

    marked = kernels.use_kernel_forward_from_hub("rotary_pos_emb")(rotary)
    monkeypatch.setattr(file, "apply_rotary_pos_emb", marked)
    monkeypatch.setattr(file.LlamaAttention, "__init__", file.LlamaAttention.__init__)
    kernels.use_kernelized_func(marked)(file.LlamaAttention)
    return FAMILIES["llama"].make()


def test_a_llama_gets_our_norms_and_rotations(llama: nn.Module):
    inputs = FAMILIES["llama"].arguments()
    before, none = seen(llama, **inputs)
    assert not none
    kernelized(llama, some=True)  # transformers marks SiLU, too
    result, ops = seen(llama, **inputs)
    assert ops == {"rms_norm": 5, "apply_rotary_pos_emb": 2}
    torch.testing.assert_close(result[0], before[0], atol=1e-5, rtol=1e-5)
    norm, x = llama.model.norm, torch.randn(2, 7, 64)  # pyright: ignore[reportAttributeAccessIssue]
    call = IrOp.registry["rms_norm"].dispatch(x, norm.weight, norm.variance_epsilon)
    assert call.provider == "iree"
    twin = copy.deepcopy(llama)
    nn.init.zeros_(twin.model.norm.weight)  # pyright: ignore[reportAttributeAccessIssue]
    assert not seen(twin, **inputs)[0][0].any()
    assert torch.equal(seen(llama, **inputs)[0][0], result[0])


def test_a_graph_has_our_norms_though_no_call_was_made_before(llama: nn.Module):
    inputs, graphs = FAMILIES["llama"].arguments(), []
    before, _ = seen(llama, **inputs)

    def backend(graph: torch.fx.GraphModule, example: Any) -> Any:
        graphs.append(graph)
        return graph

    kernelized(llama, Mode.INFERENCE | Mode.TORCH_COMPILE, some=True)
    with torch.no_grad():
        result = torch.compile(llama, backend=backend, fullgraph=True)(**inputs)
    torch.testing.assert_close(result[0], before[0], atol=1e-5, rtol=1e-5)
    (graph,) = graphs
    called = Counter(str(node.target) for node in graph.graph.nodes)
    assert called["ir_runtime.rms_norm.default"] == 5


def test_optimize_finds_a_rotation_that_kernels_made_a_module(llama: nn.Module):
    before, _ = seen(llama, **FAMILIES["llama"].arguments())
    assert ir_runtime.optimize(llama, ops="rotary").counts() == {"rotary": 2}
    result, ops = seen(llama, **FAMILIES["llama"].arguments())
    assert ops == {"apply_rotary_pos_emb": 2}
    torch.testing.assert_close(result[0], before[0], atol=1e-5, rtol=1e-5)


def test_modules_that_share_a_graph_keep_their_epsilon(monkeypatch: pytest.MonkeyPatch):
    mark(monkeypatch, RmsNorm, "RMSNorm")
    norms = [kernelized(RmsNorm(epsilon).double()) for epsilon in (1e-6, 0.05)]
    x = 0.1 * torch.randn(3, N, dtype=torch.float64)
    shared = torch.compile(lambda norm, x: norm(x), backend="eager", fullgraph=True)
    for norm in norms:
        torch.testing.assert_close(
            shared(norm, x), functional.rms_norm(x, (N,), None, norm.epsilon)
        )


@pytest.mark.parametrize("name", [name for name in LEFT if "norm" in name])
def test_look_alikes_compute_as_before(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    make, reason = LEFT[name]
    module, x = make(), torch.randn(2, 3, N)
    before = module(x)
    mark(monkeypatch, type(module), "RMSNorm")
    kernelized(module)
    with caplog.at_level(logging.WARNING, "ir_runtime.models"):
        results = [seen(module, x) for _ in range(2)]
    assert all(torch.equal(result, before) and not ops for result, ops in results)
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{type(module).__name__} computes as before: ")
    assert reason in record.getMessage()


class Gate(nn.Module):
    """`act(x[..., :d]) * x[..., d:]`."""

    def __init__(self, act: Any) -> None:
        super().__init__()
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        d = x.shape[-1] // 2
        return self.act(x[..., :d]) * x[..., d:]


class Swapped(Gate):
    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, -1)
        return first * self.act(second)


def gemma() -> nn.Module:
    return transformers.models.gemma.modeling_gemma.GemmaRMSNorm(N)


def act(name: str) -> nn.Module:
    return transformers.activations.ACT2FN[name]


MARKED = [
    ("RMSNorm", lambda: nn.RMSNorm(N, eps=1e-5), "rms_norm"),
    ("RMSNorm", gemma, "gemma_rms_norm"),
    ("RMSNormZeroCentered", gemma, "gemma_rms_norm"),
    ("LayerNorm", lambda: nn.LayerNorm(N), "layer_norm"),
    ("LayerNorm", lambda: nn.LayerNorm(N, elementwise_affine=False), None),
    ("GeLU", lambda: act("gelu"), "gelu"),
    ("GeLU", nn.Mish, None),
    ("GeluTanh", lambda: act("gelu_pytorch_tanh"), "gelu"),
    ("NewGELU", lambda: act("gelu_new"), "gelu"),
    ("FastGELU", lambda: act("gelu_fast"), "gelu"),
    ("QuickGELU", lambda: act("quick_gelu"), "quick_gelu"),
    ("SiluAndMul", lambda: Gate(functional.silu), "silu_and_mul"),
    ("GeluAndMul", lambda: Gate(functional.gelu), "gelu_and_mul"),
    ("GeluTanhAndMul", lambda: Gate(nn.GELU("tanh")), "gelu_and_mul"),
    ("SiluAndMul", lambda: Swapped(functional.silu), None),
    ("SiluAndMul", lambda: Gate(functional.hardswish), None),
]


@pytest.mark.parametrize("case", MARKED, ids=lambda case: f"{case[0]}-{case[2]}")
def test_each_name_has_a_layer_in_each_mode(case: Any, monkeypatch: pytest.MonkeyPatch):
    name, make, op = case
    torch.manual_seed(0)
    module: nn.Module = make().double()  # computed by native, so that nothing is compiled
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(3, N, dtype=torch.float64)
    before = module(x)
    mark(monkeypatch, type(module), name)
    for mode in MODES:
        result, ops = seen(kernelized(module, mode), x)
        assert ops == ({op: 1} if op else {})
        torch.testing.assert_close(result, before, rtol=1e-6, atol=1e-6)


def test_a_layer_has_the_gradients_of_its_module(monkeypatch: pytest.MonkeyPatch):
    mark(monkeypatch, RmsNorm, "RMSNorm")
    given, gradients = torch.randn(3, N, dtype=torch.float64), []
    for module in (RmsNorm().double(), kernelized(RmsNorm().double(), Mode.TRAINING)):
        x = given.clone().requires_grad_()
        module(x).square().sum().backward()
        gradients.append((x.grad, module.weight.grad))
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-5, atol=1e-5)


def test_rows_of_another_dtype_are_promoted_as_before(monkeypatch: pytest.MonkeyPatch):
    mark(monkeypatch, RmsNorm, "RMSNorm")
    module = kernelized(RmsNorm())
    result, ops = seen(module, torch.ones(2, N, dtype=torch.bfloat16))
    assert (result.dtype, ops) == (torch.float32, {})


def test_each_name_is_mapped_on_the_devices_that_were_asked_for():
    everywhere = kernel_mapping()
    assert {*everywhere["RMSNorm"]} == {*DEVICES}
    assert {*everywhere["rotary_pos_emb"]} == {"cpu"}
    assert {*kernel_mapping(["cuda"])["RMSNorm"]} == {"cuda"}
    assert str(everywhere["GeLU"]["cpu"]) == "`ir_runtime`, layer `GeLU`"


def test_another_device_is_refused():
    with pytest.raises(ArgumentError) as caught:
        kernel_mapping(["cpu", "tpu"])
    assert str(caught.value) == ("kernel_mapping: `devices` has 'tpu', must be of cpu, cuda, rocm")


def test_without_kernels_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "kernels", None)
    with pytest.raises(KernelsMissingError) as caught:
        kernel_mapping()
    assert str(caught.value) == (
        "kernel_mapping: the package 'kernels' is not installed, must be, for it replaces the "
        "layers\n  fix: pip install 'ir-runtime[kernels]'"
    )
