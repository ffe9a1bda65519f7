import pytest
import torch
import torch.nn.functional as F
from torch._dynamo.testing import CompileCounter

from ir_runtime.cli.packed_encoder import EncoderOps, PackedEncoder, pack_sentences
from ir_runtime.errors import ArgumentError

transformers = pytest.importorskip("transformers")


def torch_attention(query, key, value, cu_seqlens):
    position = torch.arange(query.shape[1], dtype=cu_seqlens.dtype)
    segment = torch.bucketize(position, cu_seqlens[1:], right=True)
    q, k, v = (x.transpose(1, 2) for x in (query, key, value))
    mask = segment[:, None] == segment[None, :]
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return out.transpose(1, 2).contiguous()


TORCH_OPS = EncoderOps(
    layer_norm=lambda x, weight, bias, epsilon: F.layer_norm(
        x, x.shape[-1:], weight, bias, epsilon
    ),
    gelu=F.gelu,
    attention=torch_attention,
)


@pytest.fixture(scope="module")
def bert():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    return transformers.BertModel(config).eval()


@pytest.fixture(scope="module")
def sentences():
    generator = torch.Generator().manual_seed(1)
    lengths = [1, 2, 17, 40, 5, 9, 3, 3, *range(1, 25)]
    return [torch.randint(1, 50, (n,), generator=generator).tolist() for n in lengths]


def embed(encoder, sentences, batch_size):
    rows = []
    with torch.inference_mode():
        for start in range(0, len(sentences), batch_size):
            batch = pack_sentences(sentences[start : start + batch_size])
            rows.append(encoder(batch.token_ids, batch.position_ids, batch.cu_seqlens))
    return torch.cat(rows)


def embed_padded(bert, sentences):
    length = max(map(len, sentences))
    ids = torch.tensor([s + [0] * (length - len(s)) for s in sentences])
    mask = torch.tensor([[1] * len(s) + [0] * (length - len(s)) for s in sentences])
    with torch.inference_mode():
        states = bert(input_ids=ids, attention_mask=mask).last_hidden_state
    weights = mask.unsqueeze(-1).float()
    return F.normalize((states * weights).sum(1) / weights.sum(1), dim=-1)


def test_pack_lays_tokens_end_to_end():
    batch = pack_sentences([[5, 6, 7], [8], [9, 10]])
    assert batch.token_ids.tolist() == [5, 6, 7, 8, 9, 10]
    assert batch.position_ids.tolist() == [0, 1, 2, 0, 0, 1]
    assert batch.cu_seqlens.tolist() == [0, 3, 4, 6]
    assert (batch.token_ids.dtype, batch.cu_seqlens.dtype) == (torch.int64, torch.int32)


@pytest.mark.parametrize("sentences", [[], [[1], []]])
def test_pack_refuses_what_is_empty(sentences):
    with pytest.raises(ArgumentError, match="must be at least one sentence of at least one token"):
        pack_sentences(sentences)


def test_packed_equals_padded(bert, sentences):
    packed = embed(PackedEncoder(bert, TORCH_OPS), sentences, len(sentences))
    torch.testing.assert_close(packed, embed_padded(bert, sentences), rtol=0, atol=1e-5)


def test_batch_size_does_not_matter(bert, sentences):
    encoder = PackedEncoder(bert, TORCH_OPS)
    torch.testing.assert_close(
        embed(encoder, sentences, 1), embed(encoder, sentences, 32), rtol=0, atol=1e-5
    )


def test_weights_are_shared(bert):
    ours = {p.data_ptr() for p in PackedEncoder(bert, TORCH_OPS).parameters()}
    assert ours <= {p.data_ptr() for p in bert.parameters()}


def test_one_dynamic_graph_serves_all_batches(bert, sentences):
    torch._dynamo.reset()
    counter = CompileCounter()
    encoder = PackedEncoder(bert, TORCH_OPS)
    compiled = torch.compile(encoder, dynamic=True, fullgraph=True, backend=counter)
    embed(compiled, sentences[2:], 5)
    assert counter.frame_count == 1


def test_another_activation_is_refused(bert):
    class Other:
        config = transformers.BertConfig(hidden_act="relu")

    with pytest.raises(ArgumentError, match="its activation is 'relu', must be 'gelu'"):
        PackedEncoder(Other(), TORCH_OPS)
