"""One rank of `test_ranks.py`: `python -m tests.parallel.rank RANK RANKS FILE`.

A model of parallel layers gives what the same model gives alone, forwards and backwards.
"""

from __future__ import annotations

import sys

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from ir_runtime.errors import ArgumentError
from ir_runtime.ir import ops
from kernels_mlir.parallel.column_parallel_linear import (
    ColumnParallelLinear,
    MergedColumnParallelLinear,
    QKVParallelLinear,
)
from kernels_mlir.parallel.logits_processor import LogitsProcessor
from kernels_mlir.parallel.parallel_lm_head import ParallelLMHead
from kernels_mlir.parallel.row_parallel_linear import RowParallelLinear
from kernels_mlir.parallel.tensor_parallel import set_tensor_parallel_group
from kernels_mlir.parallel.vocab_parallel_embedding import VocabParallelEmbedding

IDS, ORG, WIDTH, HEADS, KV_HEADS, HEAD = 101, 97, 24, 4, 2, 6


class Model(nn.Module):
    """An embedding, one attention-like product of heads, a gated product, logits."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = VocabParallelEmbedding(IDS, WIDTH, org_num_embeddings=ORG, padding_size=16)
        self.qkv = QKVParallelLinear(WIDTH, HEAD, HEADS, KV_HEADS)
        self.out = RowParallelLinear(HEADS * HEAD, WIDTH)
        self.up = MergedColumnParallelLinear(WIDTH, [16, 16], bias=False)
        self.down = RowParallelLinear(16, WIDTH, bias=False, return_bias=False)
        self.wide = ColumnParallelLinear(WIDTH, 32, gather_output=True, return_bias=False)
        self.narrow = RowParallelLinear(32, WIDTH, input_is_parallel=False, return_bias=False)
        self.head = ParallelLMHead(IDS, WIDTH, org_num_embeddings=ORG, padding_size=16)
        self.logits = LogitsProcessor(IDS, soft_cap=8.0, scale=0.5)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        x = x + self.out(self._attended(self.qkv(x)[0]))[0]
        gate, up = self.up(x)[0].chunk(2, dim=-1)
        x = x + self.down(torch.sigmoid(gate) * up)
        return self.logits(self.head, x + self.narrow(torch.relu(self.wide(x))))

    def _attended(self, y: Tensor) -> Tensor:
        own, kv = self.qkv.num_heads, self.qkv.num_kv_heads
        q, k, v = (
            t.unflatten(-1, (-1, HEAD)) for t in y.split((own * HEAD, kv * HEAD, kv * HEAD), -1)
        )
        k, v = (t.repeat_interleave(own // kv, dim=-2) for t in (k, v))
        return (q * torch.tanh(k) + v).flatten(-2)


def whole_weights(model: Model) -> dict[str, Tensor]:
    """Return random weights of a model that is alone, tables without their padding."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(
            (IDS, WIDTH) if name in ("embed.weight", "head.weight") else param.shape,
            generator=generator,
            dtype=param.dtype,
        )
        for name, param in model.named_parameters()
    }


def check(ranks: int) -> None:
    torch.set_default_dtype(torch.float64)
    alone = Model()
    weights = whole_weights(alone)
    alone.load_state_dict(weights)
    set_tensor_parallel_group(dist.group.WORLD)
    shared = Model()
    shared.load_state_dict(weights)
    assert shared.qkv.num_kv_head_replicas == max(1, ranks // KV_HEADS)

    ids = torch.arange(IDS).reshape(1, -1)
    with torch.no_grad():
        expected = alone(ids)
        torch.testing.assert_close(shared(ids), expected)
        compiled = torch.compile(shared, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(ids), expected)
        hidden = torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(1))
        for mine, theirs in zip(
            shared.logits.get_top_k_tokens(shared.head, hidden, 5),
            alone.logits.get_top_k_tokens(alone.head, hidden, 5),
            strict=True,
        ):
            torch.testing.assert_close(mine, theirs)

    scale = torch.linspace(-1, 1, expected.numel()).reshape(expected.shape)
    for model in (alone, shared):
        (model(ids) * scale).sum().backward()
    peer = Model()  # its parameters get the parts of the gradients of the model that is alone
    gradients = {name: param.grad for name, param in alone.named_parameters()}
    for name in ("embed.weight", "head.weight"):
        gradients[name] = table_rows(gradients[name])
    peer.load_state_dict(gradients)
    heads = shared.qkv.num_heads * HEAD
    for (name, param), part in zip(shared.named_parameters(), peer.parameters(), strict=True):
        # Ranks that hold the same key head each have a part of its gradient.
        rows = heads if "qkv" in name and shared.qkv.num_kv_head_replicas > 1 else None
        expected = part.detach()[:rows]
        torch.testing.assert_close(
            param.grad[:rows], expected, msg=lambda text, n=name: f"{n}: {text}"
        )
    if ranks == 2:  # as many original ids as rows of a part
        unclear = VocabParallelEmbedding(32, 4, org_num_embeddings=16, padding_size=16)
        with pytest.raises(RuntimeError, match="may be a whole tensor or a rank's part"):
            unclear.load_state_dict({"weight": torch.zeros(16, 4)})
    with pytest.raises(ArgumentError, match=f"must be a multiple of the {ranks} ranks"):
        ColumnParallelLinear(4, ranks + 1)


def table_rows(padded: Tensor) -> Tensor:
    """Return the rows of ids, without those that pad the table."""
    start = -(-ORG // 16) * 16
    return torch.cat((padded[:ORG], padded[start : start + IDS - ORG]))


def main() -> None:
    rank, ranks, file = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=ranks)
    with ops.linear.set_priority(["native"]):
        check(ranks)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
