"""Layers that share their weights among ranks: shapes, weights, refusals, on one rank."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.nn import functional

from ir_runtime.errors import ArgumentError, IndexOutOfRangeError
from ir_runtime.ir import ops
from kernels_mlir.parallel.column_parallel_linear import (
    ColumnParallelLinear,
    MergedColumnParallelLinear,
    QKVParallelLinear,
)
from kernels_mlir.parallel.logits_processor import LogitsProcessor
from kernels_mlir.parallel.parallel_lm_head import ParallelLMHead
from kernels_mlir.parallel.replicated_linear import ReplicatedLinear
from kernels_mlir.parallel.row_parallel_linear import RowParallelLinear
from kernels_mlir.parallel.vocab_parallel_embedding import (
    VocabParallelEmbedding,
    VocabPart,
    vocab_parallel_embedding,
)


@pytest.fixture(autouse=True)
def _native_products() -> Iterator[None]:
    """Compile nothing: what is multiplied matters here, not how."""
    with ops.linear.set_priority(["native"]):
        yield


LINEARS = (ReplicatedLinear, ColumnParallelLinear, RowParallelLinear)


def loaded(layer: nn.Module) -> nn.Module:
    """Return the layer with random weights, as `nn.Linear` would hold them."""
    with torch.no_grad():
        for param in layer.parameters():
            param.normal_()
    return layer


@pytest.mark.parametrize("kind", LINEARS)
def test_a_linear_layer_loads_and_computes_as_torchs(kind: type[nn.Module]):
    peer = nn.Linear(12, 8)
    layer = kind(12, 8, return_bias=False)
    layer.load_state_dict(peer.state_dict())
    x = torch.randn(2, 3, 12)
    torch.testing.assert_close(layer(x), peer(x))
    assert layer.state_dict().keys() == peer.state_dict().keys()
    torch.testing.assert_close(copy.deepcopy(layer)(x), peer(x))


@pytest.mark.parametrize("kind", LINEARS)
def test_a_bias_is_added_or_returned(kind: type[nn.Module]):
    x = torch.randn(3, 4)
    layer = loaded(kind(4, 6, skip_bias_add=True))
    y, bias = layer(x)
    assert bias is layer.bias
    torch.testing.assert_close(y + bias, functional.linear(x, layer.weight, layer.bias))
    assert loaded(kind(4, 6))(x)[1] is None
    assert loaded(kind(4, 6, bias=False, return_bias=False))(x).shape == (3, 6)


def test_joined_layers_load_their_shards_or_all():
    gate, up = torch.randn(6, 4), torch.randn(10, 4)
    layer = MergedColumnParallelLinear(4, [6, 10], bias=False, return_bias=False)
    for i, whole in enumerate((gate, up)):
        layer.weight.weight_loader(layer.weight, whole, i)
    assert torch.equal(layer.weight, torch.cat((gate, up)))
    layer.weight.weight_loader(layer.weight, torch.cat((up, gate)))
    assert torch.equal(layer.weight, torch.cat((up, gate)))

    q, k, v = torch.randn(16, 4), torch.randn(8, 4), torch.randn(8, 4)
    layer = QKVParallelLinear(4, 4, 4, 2, bias=False, return_bias=False)
    for name, whole in zip("qkv", (q, k, v), strict=True):
        layer.weight.weight_loader(layer.weight, whole, name)
    x = torch.randn(3, 4)
    parts = layer(x).split((16, 8, 8), dim=-1)
    for part, whole in zip(parts, (q, k, v), strict=True):
        torch.testing.assert_close(part, x @ whole.T)


def test_what_cannot_be_loaded_is_named():
    layer = MergedColumnParallelLinear(4, [6, 10], bias=False)
    with pytest.raises(
        ArgumentError, match=r"loaded `weight` is f32\[5, 4\], must be of shape \[6, 4\]"
    ):
        layer.weight.weight_loader(layer.weight, torch.zeros(5, 4), 0)
    with pytest.raises(ArgumentError, match="`shard_id` is 'q', must be one of 0, 1"):
        layer.weight.weight_loader(layer.weight, torch.zeros(6, 4), "q")
    plain = RowParallelLinear(4, 6, bias=False)
    with pytest.raises(ArgumentError, match="`param` is of another layer"):
        plain.weight_loader(layer.weight, torch.zeros(6, 4))
    with pytest.raises(ArgumentError, match="has one weight, `shard_id` must be None"):
        plain.weight.weight_loader(plain.weight, torch.zeros(6, 4), 0)
    with pytest.raises(RuntimeError, match=r"loaded `weight` is f32\[6, 5\], must be of shape"):
        plain.load_state_dict({"weight": torch.zeros(6, 5)})
    with pytest.raises(ArgumentError, match=r"`reduce_results` is False.*\n.*fix: skip_bias_add"):
        RowParallelLinear(4, 6, reduce_results=False)


def test_a_vocabulary_is_padded_and_looked_up():
    layer = VocabParallelEmbedding(101, 8, org_num_embeddings=97)
    whole = torch.randn(101, 8)
    layer.load_state_dict({"weight": whole})
    assert layer.weight.shape == (192, 8)
    ids = torch.tensor([[0, 96, 97], [100, 5, 5]])
    assert torch.equal(layer(ids), whole[ids])
    assert torch.equal(layer(ids.int()), whole[ids])
    layer.weight.weight_loader(layer.weight, whole[:97])
    assert torch.equal(layer(ids[:1, :2]), whole[ids[:1, :2]])
    assert torch.equal(layer(ids[1, :1]), torch.zeros(1, 8)), "added rows were not loaded"
    for bad in (101, -1):
        with pytest.raises(IndexOutOfRangeError, match=f"ids.*{bad}"):
            layer(torch.tensor([3, bad]))


def test_the_parts_of_a_vocabulary_cover_each_id_once():
    for ranks in (1, 2, 4, 8):
        parts = [VocabPart(101, 97, 16, ranks, rank) for rank in range(ranks)]
        ids = [i for part in parts for i in range(*part.org)]
        assert ids == list(range(97))
        assert [i for part in parts for i in range(*part.added)] == list(range(97, 101))
    with pytest.raises(ArgumentError, match=r"112 padded rows, must be a multiple of the 3 ranks"):
        VocabPart(101, 97, 16, 3, 0)
    with pytest.raises(ArgumentError, match=r"102 original ids, must be in 0\.\.101"):
        VocabPart(101, 102, 16, 1, 0)


def test_an_id_that_is_elsewhere_gives_zeros_and_no_gradient():
    weight = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    ids = torch.tensor([2, 7, 3, 9])
    y = vocab_parallel_embedding(ids, weight, 10, 2, 6, 5, 9, 10)
    zero = torch.zeros(3, dtype=torch.float64)
    assert torch.equal(y, torch.stack((weight[0], zero, weight[1], weight[5])))
    y.sum().backward()
    assert weight.grad[:, 0].tolist() == [1, 1, 0, 0, 0, 1]
    with pytest.raises(ArgumentError, match=r"`org_end` is 1, must be in 2\.\.10"):
        vocab_parallel_embedding(ids, weight, 10, 2, 1, 5, 9, 10)
    for rows in (3, 6):
        with pytest.raises(ArgumentError, match=f"`org_rows` is {rows}, must be at least as many"):
            vocab_parallel_embedding(ids, weight, 10, 2, 6, rows, 9, 10)


def head_of(ids: int, org: int | None = None, **options) -> ParallelLMHead:
    head = ParallelLMHead(ids, 8, org_num_embeddings=org, **options)
    rows = torch.randn(ids, 8)
    head.weight.weight_loader(head.weight, rows)
    return head


@pytest.mark.parametrize(("org", "cap", "scale"), [(None, None, 1.0), (97, 5.0, 0.25)])
def test_logits_are_capped_then_scaled(org: int | None, cap: float | None, scale: float):
    head = head_of(101, org, bias=True)
    nn.init.normal_(head.bias)
    hidden = torch.randn(2, 3, 8)
    processor = LogitsProcessor(101, org, scale, soft_cap=cap)
    expected = hidden @ head.weight.T + head.bias
    expected = expected[..., : org or 101]
    expected = expected if cap is None else torch.tanh(expected / cap) * cap
    torch.testing.assert_close(processor(head, hidden), expected * scale)
    values, ids = processor.get_top_k_tokens(head, hidden, 4)
    torch.testing.assert_close(values, (expected * scale).topk(4).values)
    assert torch.equal(ids, expected.topk(4).indices)
    assert torch.equal(processor.get_top_tokens(head, hidden), expected.argmax(-1))
    assert processor(head, hidden, skip_gather=True).shape == (2, 3, len(head.weight))


def test_logits_that_are_given_stay_unchanged():
    logits = torch.randn(2, 5)
    before = logits.clone()
    processor = LogitsProcessor(5, logits_as_input=True, soft_cap=1.0, scale=2.0)
    assert torch.equal(processor(ParallelLMHead(5, 8), logits), torch.tanh(logits) * 2)
    assert torch.equal(logits, before)


def test_a_head_is_tied_and_computes_nothing_itself():
    embedding = VocabParallelEmbedding(101, 8)
    head = ParallelLMHead(101, 8).tie_weights(embedding)
    assert head.weight is embedding.weight
    with pytest.raises(RuntimeError, match="LogitsProcessor computes with it"):
        head(torch.ones(3, 8))
    processor = LogitsProcessor(101, scale=-1.0)
    with pytest.raises(ArgumentError, match=r"`scale` is -1\.0, must be above 0"):
        processor.get_top_tokens(head, torch.ones(3, 8))
    with pytest.raises(ArgumentError, match=r"`k` is 102, must be in 1\.\.101"):
        LogitsProcessor(101).get_top_k_tokens(head, torch.ones(3, 8), 102)


def test_logits_in_another_dtype():
    head = ParallelLMHead(11, 8, params_dtype=torch.bfloat16)
    head.weight.weight_loader(head.weight, torch.randn(11, 8))
    hidden = torch.randn(3, 8).bfloat16()
    logits = LogitsProcessor(11, head_dtype=torch.float32)(head, hidden)
    torch.testing.assert_close(logits, hidden.float() @ head.weight[:11].float().T)
