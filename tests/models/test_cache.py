"""An optimised decoder keeps its tokens in memory that grows, and attends to them there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import ir_runtime
from ir_runtime.counters import count_since
from ir_runtime.models.attend import attend
from ir_runtime.models.errors import OptimizeError
from tests.models.families import FAMILIES, prompt

pytest.importorskip("transformers")
pytestmark = pytest.mark.timeout(900)

SIZE = 16
"""Of a head."""


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def generated(model: Any, **settings: Any) -> Any:
    ids = prompt()
    settings = {"max_new_tokens": 20, "do_sample": False, **settings}
    mask = torch.ones_like(ids)
    return model.generate(ids, attention_mask=mask, return_dict_in_generate=True, **settings)


class Joined(TorchDispatchMode):
    """Counts how often whole heads, as of keys and values, are concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.cat.default:
            self.count += any(t.ndim == 4 and t.shape[-1] == SIZE for t in args[0])
        return func(*args, **(kwargs or {}))


def layers_of(model: Any) -> set[str]:
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config)
    for _ in range(2):
        model(input_ids=prompt(), past_key_values=cache)
    return {type(layer).__name__ for layer in cache.layers}


def test_no_step_concatenates_or_copies_the_cache():
    model: Any = FAMILIES["llama"].make()
    with Joined() as before:
        want = generated(model)
    report = ir_runtime.optimize(model, ops="attention, cache")
    assert before.count == 2 * 2 * 20, "keys and values of two layers"
    generated(model, max_new_tokens=2)
    with Joined() as after, count_since() as counts:
        found = generated(model)
    assert after.count == 0
    assert counts[0].copies == 0
    assert torch.equal(found.sequences, want.sequences)
    assert {type(layer).__name__ for layer in found.cache.layers} == {"GrowingLayer"}
    (place,) = [place for place in report.replaced if place.kind == "cache"]
    assert (place.path, place.module, place.op) == ("model", "LlamaModel", "GrowingLayer")
    with pytest.raises(OptimizeError, match="model is optimised already"):
        ir_runtime.optimize(model, ops="norm")
    report.undo()
    assert layers_of(model) == {"DynamicLayer"}


@pytest.mark.parametrize(
    "settings",
    [
        {"num_beams": 3},
        {"prompt_lookup_num_tokens": 3},
        {"assistant": True},
        {"do_sample": True, "num_return_sequences": 2},
    ],
    ids=str,
)
def test_ways_to_generate_give_the_same_tokens(settings: dict[str, Any]):
    models: list[Any] = [FAMILIES["llama"].make() for _ in range(2)]
    ir_runtime.optimize(models[1], ops="cache")
    found: list[Tensor] = []
    for model in models:
        more = dict(settings)
        if more.pop("assistant", False):
            more["assistant_model"] = model
        if set(settings) & {"assistant", "prompt_lookup_num_tokens"}:
            model.generation_config.pad_token_id = 0
            one, mask = prompt()[:1], torch.ones(1, 7, dtype=torch.long)
            found.append(model.generate(one, attention_mask=mask, max_new_tokens=12, **more))
            continue
        torch.manual_seed(0)
        found.append(generated(model, max_new_tokens=12, **more).sequences)
    assert torch.equal(*found)


def test_layers_that_slide_are_listed_as_left():
    report = ir_runtime.optimize(FAMILIES["mistral"].make(), ops="cache")
    (left,) = [place for place in report.left if place.kind == "cache"]
    assert (left.path, left.reason) == (
        "model",
        "no layer of its cache keeps all tokens, as its layers are DynamicSlidingWindowLayer",
    )
    assert not report.replaced


def test_training_with_a_cache_has_the_same_gradients():
    gradients: list[Tensor] = []
    for optimised in (False, True):
        model: Any = FAMILIES["llama"].make().train()
        if optimised:
            ir_runtime.optimize(model, ops="cache")
        first = model(input_ids=prompt())
        with torch.enable_grad():
            second = model(input_ids=prompt(), past_key_values=first.past_key_values)
            third = model(input_ids=prompt(), past_key_values=second.past_key_values)
            third.logits.square().sum().backward()
        gradients.append(model.model.layers[0].self_attn.k_proj.weight.grad)
    assert torch.equal(*gradients)


def test_a_compiled_model_is_called_with_a_cache():
    from transformers import DynamicCache

    model: Any = FAMILIES["llama"].make()
    want = model(input_ids=prompt()).logits
    ir_runtime.optimize(model, ops="cache")
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="aot_eager")
    for cache in (DynamicCache(config=model.config), None):
        if cache is not None:
            model(input_ids=prompt(), past_key_values=cache)  # layers that grow reach the graph
            cache.crop(-cache.get_seq_length())
        found = compiled(input_ids=prompt(), past_key_values=cache).logits
        torch.testing.assert_close(found, want, atol=1e-5, rtol=1e-5)


SLICES = {
    "heads": ((2, 2, 40, 16), slice(0, 30)),
    "one head": ((2, 1, 40, 16), slice(0, 30)),
    "one sequence": ((1, 2, 40, 16), slice(0, 30)),
    "one of all": ((1, 1, 40, 16), slice(0, 30)),
    "not from the first": ((2, 2, 40, 16), slice(10, 40)),
    "all": ((2, 2, 30, 16), slice(None)),
}


@pytest.mark.parametrize("name", SLICES)
@pytest.mark.parametrize("tokens", [1, 4])
def test_attention_reads_slices_of_memory(name: str, tokens: int):
    shape, part = SLICES[name]
    generator = torch.Generator().manual_seed(0)
    key, value = (torch.randn(shape, generator=generator)[:, :, part] for _ in range(2))
    query = torch.randn(shape[0], 4, tokens, 16, generator=generator)
    mask = torch.zeros(1, 1, tokens, 30)
    mask[..., -tokens:].masked_fill_(~torch.ones(tokens, tokens).tril().bool(), float("-inf"))
    module = torch.nn.Module()
    with count_since() as counts:
        found, _ = attend(module, query, key, value, mask)
    whole = torch.nn.functional.scaled_dot_product_attention(
        query.double(), key.double(), value.double(), mask.double(), enable_gqa=True
    )
    torch.testing.assert_close(found, whole.transpose(1, 2).float(), atol=1e-5, rtol=1e-5)
    copied = 2 if name == "not from the first" else 0
    assert counts[0].copies == copied + (tokens > 1), "the queries, whose heads come first"
