"""Optimised models in `torch.compile` and `aot.export`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ir_runtime
from ir_runtime import aot
from tests.models.families import FAMILIES, prompt

pytest.importorskip("transformers")

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
