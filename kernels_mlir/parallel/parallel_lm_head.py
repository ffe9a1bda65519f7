"""parallel_lm_head: the weight that gives logits, of which each rank holds some rows."""

from __future__ import annotations

from typing import Any, NoReturn

import torch

from ir_runtime.layers import PluggableLayer
from kernels_mlir.parallel.sharded_weight import sharded
from kernels_mlir.parallel.vocab_parallel_embedding import DEFAULT_PADDING, VocabParallelEmbedding

__all__ = ["ParallelLMHead"]


@PluggableLayer.register("parallel_lm_head")
class ParallelLMHead(VocabParallelEmbedding):
    """Hold the weight that gives logits, a row an id; `LogitsProcessor` computes with it.

    Args:
        num_embeddings: the number of ids, with those added to the vocabulary.
        embedding_dim: the length of a row.
        bias: whether there is a bias, a number an id.
        params_dtype: of the weight and the bias; default: torch's.
        org_num_embeddings: the number of ids of the original vocabulary; default: all.
        padding_size: the weight is padded to a multiple of it.

    Raises:
        ArgumentError: the padded sizes cannot be shared equally by the ranks.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        bias: bool = False,  # noqa: FBT001, FBT002 - the order that model code knows
        params_dtype: torch.dtype | None = None,
        org_num_embeddings: int | None = None,
        padding_size: int = DEFAULT_PADDING,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, params_dtype, org_num_embeddings, padding_size
        )
        own = sharded(self, len(self.weight), dtype=params_dtype) if bias else None
        self.register_parameter("bias", own)
        if own is not None:
            torch.nn.init.zeros_(own)

    def tie_weights(self, embedding: VocabParallelEmbedding) -> ParallelLMHead:
        """Use the weight of an embedding of the same vocabulary; returns the head itself."""
        self.weight = embedding.weight
        return self

    def forward(self, *arguments: Any) -> NoReturn:
        """Refuse: logits are computed by `LogitsProcessor`.

        Raises:
            RuntimeError: always.
        """
        del arguments
        raise RuntimeError("ParallelLMHead: holds a weight only, LogitsProcessor computes with it")
