"""Does a loop over a paged cache generate what transformers does, while sequences come and go?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from ir_runtime import ir
from ir_runtime.errors import ArgumentError, CacheFullError, UnknownSequenceError
from kernels_mlir.attention.layers import Attention
from kernels_mlir.attention.paged_cache import PagedCache, PagedStep
from tests.decoder.arguments import DEPTH, HEADS, KV_HEADS, PAGE

LAYERS, WORDS, POSITIONS = 2, 64, 256
CHUNK = 24
"""Most tokens of a prompt in one step."""


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=WORDS,
        hidden_size=HEADS * DEPTH,
        intermediate_size=64,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        head_dim=DEPTH,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config).eval()


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def forward(
    model: LlamaForCausalLM,
    attention: Attention,
    cache: PagedCache,
    ids: Tensor,
    step: PagedStep,
) -> Tensor:
    """Return the logits of the last token of each sequence of a step."""
    hidden = model.model.embed_tokens(ids)
    every = torch.arange(POSITIONS).unsqueeze(0)
    cos, sin = (t[0, :, : DEPTH // 2] for t in model.model.rotary_emb(hidden, every))
    angles = torch.cat((cos, sin), dim=-1)
    for layer, pages in zip(model.model.layers, cache.layers, strict=True):
        x, own = layer.input_layernorm(hidden), layer.self_attn
        q, k, v = (p(x).unflatten(1, (-1, DEPTH)) for p in (own.q_proj, own.k_proj, own.v_proj))
        out = attention(q, k, v, pages, step, cos_sin_cache=angles)
        hidden = hidden + own.o_proj(out.flatten(1))
        hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
    return model.lm_head(model.model.norm(hidden)[step.last])


class Loop:
    """Continuous batching: sequences start when there is room, and end at their length."""

    def __init__(self, model: LlamaForCausalLM, cache: PagedCache, most: int) -> None:
        self.model, self.cache, self.most = model, cache, most
        self.attention = Attention(HEADS, DEPTH, num_kv_heads=KV_HEADS)
        self.waiting: list[tuple[int, list[int], int]] = []
        self.running: dict[int, tuple[list[int], int, int]] = {}  # tokens, how many are in, the end
        self.done: dict[int, list[int]] = {}
        self.steps: list[tuple[int, ...]] = []

    def run(self) -> dict[int, list[int]]:
        while self.waiting or self.running:
            while self.waiting and len(self.running) < self.most:
                name, prompt, new = self.waiting.pop(0)
                self.running[name] = (prompt, 0, len(prompt) + new)
            self.advance()
        return self.done

    def advance(self) -> None:
        counts = {
            name: min(len(tokens) - inside, CHUNK)
            for name, (tokens, inside, _) in self.running.items()
        }
        try:
            step = self.cache.step(counts)
        except CacheFullError:  # the youngest one waits, and begins again
            name, (tokens, _, end) = list(self.running.items())[-1]
            del self.running[name]
            if name in self.cache.sequences:
                self.cache.free(name)
            self.waiting.insert(0, (name, tokens, end - len(tokens)))
            self.most = max(1, len(self.running))
            return
        self.steps.append(step.counts)
        inputs = [
            tokens[inside : inside + counts[name]]
            for name, (tokens, inside, _) in self.running.items()
        ]
        ids = torch.tensor([i for part in inputs for i in part])
        logits = forward(self.model, self.attention, self.cache, ids, step)
        rows = logits.shape[0]
        cold, zeros = torch.zeros(rows), torch.zeros(rows, dtype=torch.int64)
        chosen = ir.ops.sample_tokens(logits, cold, zeros, zeros).tolist()
        for name, token in zip(step.sequences, chosen, strict=True):
            tokens, inside, end = self.running[name]
            inside += counts[name]
            if inside == len(tokens):
                tokens = [*tokens, token]
            self.running[name] = (tokens, inside, end)
            if len(tokens) == end:
                self.done[name] = tokens
                del self.running[name]
                self.cache.free(name)


def test_greedy_tokens_are_those_of_transformers(model: LlamaForCausalLM) -> None:
    """Prompts of many lengths, chunks against a cache, and a cache that is full on the way."""
    generator = torch.Generator().manual_seed(1)
    lengths = [(1, 5), (5, 14), (60, 6), (17, 1), (33, 8), (2, 12)]
    cache = PagedCache(LAYERS, 8, KV_HEADS, DEPTH, page=PAGE, dtype=torch.float32)
    loop = Loop(model, cache, most=4)
    for name, (prompt, new) in enumerate(lengths):
        ids = torch.randint(1, WORDS, (prompt,), generator=generator)
        loop.waiting.append((name, ids.tolist(), new))
    wanted = {
        name: model.generate(torch.tensor([ids]), max_new_tokens=new, do_sample=False)[0].tolist()
        for name, ids, new in loop.waiting
    }
    assert loop.run() == wanted
    assert cache.free_pages == 8
    assert loop.most < 4, "the cache was never full"
    kinds = [set(counts) for counts in loop.steps]
    assert {1} in kinds
    assert any(1 in kind and len(kind) > 1 for kind in kinds)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.int8])
def test_a_narrow_cache_is_near_the_wide_one(dtype: torch.dtype) -> None:
    """Native computes, so that nothing is compiled for it."""
    generator = torch.Generator().manual_seed(2)
    attention = Attention(HEADS, DEPTH, num_kv_heads=KV_HEADS, window=20, soft_cap=10.0, sinks=True)
    found: list[Tensor] = []
    ops = (ir.ops.causal_attention, ir.ops.paged_attention_decode)
    rows = [torch.randn(37, heads, DEPTH, generator=generator) for heads in (HEADS, 2, 2)]
    for kind in (torch.float32, dtype):
        cache = PagedCache(1, 4, KV_HEADS, DEPTH, page=PAGE, dtype=kind)
        parts: list[Tensor] = []
        for first, end in ((0, 20), (20, 36), (36, 37)):
            step = cache.step({"one": end - first})
            with ops[0].set_priority(["native"]), ops[1].set_priority(["native"]):
                parts.append(attention(*(r[first:end] for r in rows), cache.layers[0], step))
        found.append(torch.cat(parts))
    torch.testing.assert_close(found[1], found[0], atol=0.03, rtol=0.03)
    assert not torch.equal(found[1], found[0])


def test_a_full_cache_says_who_needs_what_and_changes_nothing() -> None:
    cache = PagedCache(1, 3, KV_HEADS, DEPTH, page=PAGE, dtype=torch.float32)
    cache.step({"a": 20})
    with pytest.raises(CacheFullError) as caught:
        cache.step({"a": 13, "b": 1})
    assert str(caught.value) == (
        "PagedCache: the cache is full: 2 more pages of 16 keys are needed, must be at most 1, "
        "the free ones of 3\n"
        "    'a' needs 1, 'b' needs 1\n"
        "  fix: free a sequence, let fewer run at once, or make the cache with more blocks"
    )
    assert isinstance(caught.value, MemoryError)
    assert (cache.free_pages, cache.length("a"), cache.sequences) == (1, 20, ("a",))
    step = cache.step({"a": 12, "b": 1})
    assert step.table.tolist() == [[0, 1], [2, 0]]
    assert step.lengths.tolist() == [32, 1]
    assert step.positions.tolist() == [*range(20, 32), 0]
    assert step.slots.tolist() == [*range(20, 32), 32]
    cache.free("a")
    assert cache.step({"b": 17}).table.tolist() == [[2, 0]]


def test_a_step_without_tokens_is_empty() -> None:
    step = PagedCache(1, 3, KV_HEADS, DEPTH).step({})
    assert (step.table.shape, step.slots.shape, step.last.shape) == ((0, 0), (0,), (0,))


class Yielding(str):
    """A name that lets another thread run each time it is searched for."""

    __slots__ = ()

    def __hash__(self) -> int:
        time.sleep(0)
        return super().__hash__()


def test_threads_share_the_pages_and_none_has_anothers() -> None:
    """Together they ask for more pages than there are."""
    cache = PagedCache(1, 8, KV_HEADS, 1, page=1, dtype=torch.float32)

    def serve(name: int) -> None:
        for _ in range(100):
            one, other = Yielding(f"{name}a"), Yielding(f"{name}b")
            try:
                step = cache.step({one: 2, other: 3})
            except CacheFullError:
                continue
            cache.layers[0].key[step.slots] = name
            assert (cache.layers[0].key[step.slots] == name).all()
            cache.free(one)
            cache.free(other)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(serve, range(4)))
    assert (cache.free_pages, cache.sequences) == (8, ())


def test_a_sequence_that_is_not_there_is_refused() -> None:
    cache = PagedCache(1, 3, KV_HEADS, DEPTH)
    for ask in (cache.free, cache.length):
        with pytest.raises(UnknownSequenceError) as caught:
            ask("x")
        assert str(caught.value) == ("PagedCache: there is no sequence 'x', must be one of none")
    for count in (0, 1.5):
        with pytest.raises(ArgumentError, match=f"gets {count} tokens, must get at least 1, as"):
            cache.step({"y": 1, "x": count})  # pyright: ignore[reportArgumentType]
    assert cache.sequences == ()
    with pytest.raises(ArgumentError, match=r"`dtype` is torch\.int32, must be f32, bf16 or int8"):
        PagedCache(1, 3, KV_HEADS, DEPTH, dtype=torch.int32)
    with pytest.raises(ArgumentError, match="`page` is 0, must be at least 1"):
        PagedCache(1, 3, KV_HEADS, DEPTH, page=0)


def test_the_layer_refuses_what_does_not_fit() -> None:
    with pytest.raises(ArgumentError, match="`num_kv_heads` is 3, must divide 4"):
        Attention(4, DEPTH, num_kv_heads=3)
    layer = Attention(HEADS, DEPTH, num_kv_heads=KV_HEADS)
    cache = PagedCache(1, 3, KV_HEADS, DEPTH, page=PAGE, dtype=torch.float32)
    step = cache.step({"a": 2})
    query, key = torch.zeros(2, HEADS * DEPTH), torch.zeros(2, KV_HEADS * DEPTH)
    turned = torch.zeros(2, DEPTH, HEADS)
    cases = (((query[:1], key, key), "query"), ((query, query, key), "key"))
    for changed, name in (*cases, ((turned, key, key), "query")):
        with pytest.raises(ArgumentError) as caught:
            layer(*changed, cache.layers[0], step)
        assert str(caught.value).startswith(f"attention: `{name}` is f32[")
