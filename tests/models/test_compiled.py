"""Optimised models in `torch.compile` and `aot.export`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ir_runtime
from ir_runtime import aot
from ir_runtime.counters import count_since
from tests.models.families import FAMILIES, prompt

pytest.importorskip("transformers")

from torch._dynamo.utils import counters
from transformers import DynamicCache, StaticCache

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`"),
]
FORMS = [None, "int8"]


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


class Logits(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor) -> Tensor:
        return self.model(input_ids=ids, use_cache=False)[0]


def optimised(weights: Any) -> tuple[nn.Module, Tensor]:
    model = FAMILIES["llama"].make()
    ir_runtime.optimize(model, weights=weights)
    return Logits(model), model(input_ids=prompt())[0]


@pytest.mark.parametrize("weights", FORMS)
@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.full)])
def test_a_model_is_compiled_in_one_graph(weights: Any, backend: str):
    model, want = optimised(weights)
    compiled = torch.compile(model, fullgraph=True, backend=backend)
    torch.testing.assert_close(compiled(prompt()), want, atol=1e-5, rtol=1e-4)


def keys_of(layer: Any) -> int:
    return layer.keys.data_ptr()


@pytest.mark.full
def test_steps_on_a_static_cache_are_one_graph_of_kernels_that_are_bound_once():
    """Residuals join norms, the cache is written in place, and lengths grow without a new bind."""
    model: Any = FAMILIES["llama"].make()
    ir_runtime.optimize(model, weights="int8")
    cache, ids, counts = StaticCache(model.config, max_cache_len=32), prompt(batch=1), []
    dynamic = DynamicCache(config=model.config)
    want, got = (model(input_ids=ids, past_key_values=c).logits for c in (dynamic, cache))
    compiled = ir_runtime.compile(model, fullgraph=True, dynamic=False)
    counters.clear()
    for _ in range(5):
        token = want[:, -1:].argmax(-1)
        assert torch.equal(got[:, -1:].argmax(-1), token)
        memory = [keys_of(layer) for layer in cache.layers]
        want = model(input_ids=token, past_key_values=dynamic).logits
        with count_since() as since:
            got = compiled(input_ids=token, past_key_values=cache).logits
        counts.append(since[0])
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)
        assert memory == [keys_of(layer) for layer in cache.layers]
    assert counters["stats"]["unique_graphs"] == 1
    assert [count.selects for count in counts[2:]] == [0, 0, 0]
    selected = compiled.report().selected_impls
    assert {op: (len(found), *set(found.values())) for op, found in selected.items()} == {
        "rms_norm": (1, "iree"),
        "fused_add_rms_norm": (4, "iree"),
        "linear_w8": (13, "iree"),
        "causal_attention": (2, "iree"),
    }


@pytest.mark.full
@pytest.mark.parametrize("weights", FORMS)
def test_a_model_is_exported(weights: Any):
    model, want = optimised(weights)
    program = aot.export(model, (prompt(),))
    torch.testing.assert_close(program(prompt()), want, atol=1e-5, rtol=1e-4)


@pytest.mark.full
@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_is_compiled(name: str):
    family = FAMILIES[name]
    model = family.make()
    ir_runtime.optimize(model)
    want = model(**family.arguments())[0]
    got = torch.compile(model)(**family.arguments())[0]
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)


@pytest.mark.full
def test_a_compiled_model_generates_what_it_does_eagerly():
    model: Any = FAMILIES["llama"].make()
    ir_runtime.optimize(model)
    settings = {"max_new_tokens": 8, "do_sample": False}
    want = model.generate(prompt(), **settings)
    model.forward = torch.compile(model.forward)
    assert torch.equal(model.generate(prompt(), **settings), want)
