"""A layer of a cache that grows does what a layer of transformers does, and copies less."""

from __future__ import annotations

import copy
import io
import pickle
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip("transformers")

from transformers.cache_utils import (
    DynamicCache,
    DynamicLayer,
    DynamicSlidingWindowLayer,
    StaticCache,
)

from ir_runtime.models.growing_layer import GrowingLayer, grow_cache

HEADS, KEYS, VALUES = 2, 4, 3


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def new(batch: int, tokens: int, seed: int = 0, **more: Any) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    keys, values = (
        torch.randn(batch, tokens, HEADS, depth, generator=generator).to(**more).transpose(1, 2)
        for depth in (KEYS, VALUES)
    )
    return keys, values


def both(batch: int = 2, tokens: int = 0) -> tuple[DynamicLayer, DynamicLayer]:
    """Return a layer of transformers, and one of ours."""
    layers = DynamicLayer(), GrowingLayer()
    for layer in layers:
        if tokens:
            layer.update(*new(batch, tokens))
    return layers


def equal(one: Any, other: Any) -> None:
    assert (one is None) == (other is None)
    if one is not None:
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def pickled(layer: Any) -> Any:
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    assert type(pickle.loads(pickle.dumps(layer))) is DynamicLayer
    return torch.load(file, weights_only=False)


def set_keys(layer: DynamicLayer) -> DynamicLayer:
    layer.keys, layer.values = layer.keys + 1, layer.values + 1
    return layer


def change_data(layer: DynamicLayer) -> DynamicLayer:
    layer.keys.data = layer.keys.data.clone()
    layer.keys.mul_(2)
    return layer


def share(layer: Any) -> Any:
    """Return a second layer with the same attributes; the first one goes on, too."""
    other = type(layer)()
    vars(other).update(vars(layer))
    layer.update(*new(layer.keys.shape[0], 2, seed=9))
    return other


def method(name: str, make: Callable[[int], Any]) -> Callable[[Any], Any]:
    def call(layer: Any) -> Any:
        getattr(layer, name)(make(layer.keys.shape[0]))
        return layer

    return call


ACTIONS: dict[str, Callable[[Any], Any]] = {
    "crop": method("crop", lambda _: -2),
    "keep": method("crop", lambda _: 0),
    "reorder": method("reorder_cache", lambda batch: torch.arange(batch).flip(0).clamp(max=1)),
    "repeat": method("batch_repeat_interleave", lambda batch: 2 if batch < 4 else 1),
    "select": method("batch_select_indices", lambda batch: torch.tensor([batch - 1, 0])),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": pickled,
    "set": set_keys,
    "data": change_data,
    "share": share,
}


@pytest.mark.parametrize("seed", range(20))
def test_it_is_as_transformers_layer_after_any_actions(seed: int):
    rng = random.Random(seed)
    layers: list[Any] = list(both(tokens=rng.randint(1, 9)))
    held: list[tuple[Any, Any]] = []
    for step in range(40):
        name = rng.choice([*ACTIONS, *["update"] * 12, "reset"])
        held += [(getattr(layers[1], n), getattr(layers[1], n).clone()) for n in ("keys", "values")]
        if name == "update":
            fresh = new(layers[0].keys.shape[0], rng.choice([1, 1, 1, 5]), step)
            ours = [layer.update(*fresh) for layer in layers]
            equal(*ours)
        elif name == "reset":
            for layer in layers:
                layer.reset()
                layer.update(*new(2, 3, step))
        elif layers[0].keys.shape[2] > 3:
            if name == "data":  # the user changes what is held
                held.clear()
            layers = [ACTIONS[name](layer) for layer in layers]
            if name in ("deepcopy", "copy", "pickle"):
                assert type(layers[1]) is DynamicLayer, "others need nothing of ours"
                layers[1].__class__ = GrowingLayer
        for attribute in ("keys", "values"):
            equal(getattr(layers[0], attribute), getattr(layers[1], attribute))
        assert layers[0].get_seq_length() == layers[1].get_seq_length()
    for now, before in held:
        equal(now, before)


def test_tokens_are_copied_once_until_the_memory_is_full():
    layer = GrowingLayer()
    layer.update(*new(2, 5))
    places = []
    for step in range(60):
        first = layer.keys
        layer.update(*new(2, 1, step))
        length, tensor = layer.keys.shape[2], layer.keys
        places.append(tensor.data_ptr())
        size = tensor.untyped_storage().nbytes()
        assert size <= 2 * tensor.numel() * tensor.itemsize, f"{length} tokens"
        equal(tensor[:, :, :-1], first)
    assert len(set(places)) == 5, "room for 8, 16, 32, 64 and 128 tokens"


def test_beams_are_reordered_in_one_copy():
    layer = GrowingLayer()
    layer.update(*new(2, 5))
    layer.reorder_cache(torch.tensor([1, 1]))
    place = layer.keys.data_ptr()
    layer.update(*new(2, 1))
    assert layer.keys.data_ptr() == place


def test_a_copy_has_no_spare_memory():
    layer = GrowingLayer()
    layer.update(*new(2, 9))
    for other in (copy.deepcopy(layer), pickled(layer)):
        assert other.keys.untyped_storage().nbytes() == 2 * HEADS * 9 * KEYS * 4
    again = copy.deepcopy([layer, layer, layer.keys])
    assert again[0] is again[1]
    assert again[0].keys is again[2]


@pytest.mark.parametrize("modes", ["in", "out"])
def test_inference_mode_may_change_between_steps(modes: str):
    layers = both()
    for step in range(9):
        with torch.inference_mode((step % 2 == 0) == (modes == "in")):
            fresh = new(2, 1, step)
            equal(*(layer.update(*fresh) for layer in layers))


def test_gradients_reach_the_tokens():
    gradients = []
    for layer in both(tokens=5):
        layer.update(*new(2, 1, 1))
        keys, values = new(2, 2, 2)
        with torch.enable_grad():
            keys.requires_grad_()
            first = layer.update(keys, values)[0]
            second = layer.update(*new(2, 1, 3))[0]
            (first.pow(2).sum() + second.pow(3).sum()).backward()
        layer.update(*new(2, 1, 4))
        assert not layer.keys.requires_grad
        gradients += [keys.grad, layer.keys]
    equal(gradients[0], gradients[2])
    equal(gradients[1], gradients[3])


def test_later_steps_leave_what_autograd_saved():
    """A frozen projection of keys: only queries have gradients, which need the earlier keys."""
    with torch.enable_grad():
        layer = GrowingLayer()
        layer.update(*new(2, 5))
        query = torch.ones(2, HEADS, 1, KEYS, requires_grad=True)
        keys, _ = layer.update(*new(2, 1, 1))
        kept = keys.clone()
        scores = (query @ keys.transpose(2, 3)).sum()
        layer.update(*new(2, 1, 2))
        scores.backward()
    assert layer.keys.data_ptr() == keys.data_ptr(), "in the same memory"
    torch.testing.assert_close(query.grad, kept.sum(2, keepdim=True))


@pytest.mark.parametrize("later", [{"batch": 3}, {"dtype": torch.float64}], ids=str)
def test_tokens_that_do_not_fit_are_left_to_transformers(later: dict[str, Any]):
    batch = later.pop("batch", 2)
    outcomes = []
    for layer in both(tokens=5):
        try:
            outcomes.append(layer.update(*new(batch, 1, **later)))
        except RuntimeError as error:
            outcomes.append(str(error))
    if isinstance(outcomes[0], str):
        assert outcomes[0] == outcomes[1]
    else:
        equal(*outcomes)


def test_transforms_concatenate():
    for layer in both(tokens=5):
        keys, values = new(2, 1)

        def length(k: Tensor, layer: Any = layer, values: Tensor = values) -> Tensor:
            return copy.copy(layer).update(k, values)[0].sum()

        def ours(k: Tensor, layer: Any = layer, values: Tensor = values) -> Tensor:
            return layer.update(k, values)[0].sum()

        torch.testing.assert_close(torch.func.grad(length)(keys), torch.ones_like(keys))
        torch.testing.assert_close(torch.func.grad(ours)(keys), torch.ones_like(keys))


def test_a_graph_is_traced_with_the_tokens_in_it():
    from torch.fx.experimental.proxy_tensor import make_fx

    keys, values = new(2, 1)
    layer = both(tokens=5)[1]
    graph = make_fx(lambda k: layer.update(k, values)[0])(keys)
    torch.testing.assert_close(graph(keys + 1)[:, :, -1:], keys + 1)


def grown(cache: Any) -> list[type]:
    grow_cache(None, (None,), {"cache": cache})
    return [type(layer) for layer in cache.layers]


def test_other_layers_and_caches_stay_as_they_are():
    import transformers

    config = transformers.Gemma2Config(
        num_hidden_layers=2, sliding_window=8, head_dim=4, num_key_value_heads=2
    )
    mixed = DynamicCache(config=config)
    same = list(mixed.layers)
    assert grown(mixed) == [DynamicSlidingWindowLayer, GrowingLayer]
    assert all(one is other for one, other in zip(mixed.layers, same, strict=True))
    static = StaticCache(config=config, max_cache_len=9)
    kinds = [type(layer) for layer in static.layers]
    assert grown(static) == kinds

    class OwnCache(DynamicCache):
        pass

    class OwnLayer(DynamicLayer):
        pass

    own = DynamicCache()
    own.layers = [OwnLayer()]
    offloaded = DynamicCache(config=config)
    offloaded.offloading = True
    assert grown(own) == [OwnLayer]
    for cache in (OwnCache(config=config), offloaded):
        assert GrowingLayer not in grown(cache)


def test_a_cache_that_holds_tokens_already_goes_on():
    caches = [DynamicCache([new(2, 5)] * 2) for _ in range(2)]
    assert grown(caches[1]) == [GrowingLayer] * 2
    for cache in caches:
        cache.update(*new(2, 1, 1), 0)
    for (keys, values, _), (mine, my_values, _) in zip(*caches, strict=True):
        equal(mine, keys)
        equal(my_values, values)
