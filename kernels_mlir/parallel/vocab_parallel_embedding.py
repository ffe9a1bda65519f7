"""vocab_parallel_embedding: look ids up in a table of which each rank holds some rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ir_runtime import ir
from ir_runtime.errors import ArgumentError
from ir_runtime.launch.operand.index_fault import refuse_indices
from ir_runtime.layers import PluggableLayer
from kernels_mlir.library import FLOATING
from kernels_mlir.parallel.sharded_weight import ParallelLayer, ShardId, sharded

__all__ = ["VocabParallelEmbedding", "VocabPart", "vocab_parallel_embedding"]

DEFAULT_PADDING = 64


def _between(end: str, start: str) -> ir.Constraint:
    return ir.Constraint(
        end,
        f"in `{start}`..`vocab_size`",
        lambda end, start, most: start <= end <= most,
        repr,
        others=(start, "vocab_size"),
        expected=lambda _, start, most: f"be in {start}..{most}",
        reads=ir.Reads.CALL,
    )


def _rows_are_there(org_rows: int, weight: Tensor, *ends: int) -> bool:
    org_start, org_end, added_start, added_end = ends
    return org_end - org_start <= org_rows <= weight.shape[0] - (added_end - added_start)


@ir.register_op(
    activations=[],
    accepts=[
        ir.dtypes("ids", torch.int64, torch.int32),
        ir.dtypes("weight", *FLOATING),
        ir.rank("weight", 2),
        ir.number("vocab_size", "at least 0", lambda size: size >= 0),
        ir.number("org_start", "at least 0", lambda start: start >= 0),
        _between("org_end", "org_start"),
        ir.number("added_start", "at least 0", lambda start: start >= 0),
        _between("added_end", "added_start"),
        ir.Constraint(
            "org_rows",
            "at least as many as original ids, with room for the added ones in `weight`",
            _rows_are_there,
            repr,
            others=("weight", "org_start", "org_end", "added_start", "added_end"),
        ),
    ],
)
def vocab_parallel_embedding(
    ids: Tensor,
    weight: Tensor,
    vocab_size: int,
    org_start: int,
    org_end: int,
    org_rows: int,
    added_start: int,
    added_end: int,
) -> Tensor:
    """Look ids up in a part of a table; ids of other parts give zeros.

    The first rows of `weight` are those of the ids from `org_start` to `org_end`; the row
    `org_rows` and those that follow are of the ids from `added_start` to `added_end`. The sum of
    all parts' results is the embedding.

    Args:
        ids: any shape, i64 or i32.
        weight: `[rows, d]` f32, bf16, f16 or f64.
        vocab_size: the number of ids.
        org_start: the first id of the original vocabulary that is here.
        org_end: the end of those ids.
        org_rows: rows of the original vocabulary, with those that pad it.
        added_start: the first id added to the vocabulary that is here.
        added_end: the end of those ids.

    Returns:
        `[*ids.shape, d]`, dtype and device of `weight`.

    Raises:
        ArgumentError: another dtype, or ranges that are none.
        IndexOutOfRangeError: an id is negative or not below `vocab_size`, on every rank.

    Numerics:
        The rows of `weight`, bit for bit.

    Source:
        Megatron-LM, arXiv:1909.08053.

    Example:
        >>> rows = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> vocab_parallel_embedding(torch.tensor([3, 1]), rows, 4, 2, 4, 2, 4, 4)
        tensor([[3., 4.],
                [0., 0.]])
    """
    del vocab_size  # the check of values uses it
    is_org = (ids >= org_start) & (ids < org_end)
    is_added = (ids >= added_start) & (ids < added_end)
    rows = torch.where(is_added, ids - added_start + org_rows, torch.zeros_like(ids))
    rows = torch.where(is_org, ids - org_start, rows)
    here = (is_org | is_added).unsqueeze(-1)
    return torch.where(here, functional.embedding(rows, weight), torch.zeros_like(weight[:1, :1]))


@vocab_parallel_embedding.register_value_check
def _refuse_ids(ids: Tensor, weight: Tensor, vocab_size: int, *others: Any) -> None:
    del weight, others
    refuse_indices("vocab_parallel_embedding", "ids", ids, vocab_size)


@vocab_parallel_embedding.register_input_generator
def vocab_parallel_embedding_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> tuple[Any, ...]:
    """Make a table of 512 ids and 64 added ones, of which the first half of each is here."""
    ids = torch.arange(num_tokens, device=device) * 7 % 576
    weight = torch.randn(288, hidden_size, device=device).to(dtype)
    return ids, weight, 576, 0, 256, 256, 512, 544


vocab_parallel_embedding.set_default(["native"])  # a kernel would not see which ids are too large


class VocabPart:
    """The rows of a vocabulary's table that a rank holds.

    The original vocabulary is padded, then what was added to it. Each rank has as many rows of
    both as the others; the last ranks may have only padding.

    Args:
        vocab_size: the number of ids, original and added.
        org_vocab_size: the number of original ids.
        padding_size: both are padded to multiples of it.
        ranks: their number.
        rank: which one.

    Raises:
        ArgumentError: the number of ranks does not divide a padded size, or there are more original
            ids than ids.

    Attributes:
        padded_size: rows of all ranks.
        org_rows, added_rows: rows of this rank, padding included.
        org: first id and end of the original ids of this rank.
        added: the same of added ids.
    """

    def __init__(
        self, vocab_size: int, org_vocab_size: int, padding_size: int, ranks: int, rank: int
    ) -> None:
        if not 0 <= org_vocab_size <= vocab_size:
            raise ArgumentError(
                f"vocabulary: {org_vocab_size} original ids, must be in 0..{vocab_size}, all ids"
            )
        org_padded = _padded(org_vocab_size, padding_size)
        self.padded_size = _padded(org_padded + vocab_size - org_vocab_size, padding_size)
        for size in (org_padded, self.padded_size):
            if size % ranks:
                raise ArgumentError(
                    f"vocabulary: {size} padded rows, must be a multiple of the {ranks} ranks",
                    fix=f"a padding_size that {ranks} divides",
                )
        self.vocab_size, self.org_vocab_size = vocab_size, org_vocab_size
        self.org_rows = org_padded // ranks
        self.added_rows = (self.padded_size - org_padded) // ranks
        self.org = _range(0, self.org_rows, rank, org_vocab_size)
        self.added = _range(org_vocab_size, self.added_rows, rank, vocab_size)


def _padded(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


def _range(first: int, rows: int, rank: int, end: int) -> tuple[int, int]:
    return min(first + rank * rows, end), min(first + (rank + 1) * rows, end)


@PluggableLayer.register("vocab_parallel_embedding")
class VocabParallelEmbedding(ParallelLayer):
    """Look ids up in a table of which each rank holds some rows.

    `forward(ids)` takes ids of any shape and returns `[*, embedding_dim]` on each rank.
    `load_state_dict` and `weight_loader` take the rows of all ids, or of the original ones.

    Args:
        num_embeddings: the number of ids, with those added to the vocabulary.
        embedding_dim: the length of a row.
        params_dtype: of the weight; default: torch's.
        org_num_embeddings: the number of ids of the original vocabulary; default: all.
        padding_size: the table is padded to a multiple of it.

    Raises:
        ArgumentError: the padded sizes cannot be shared equally by the ranks.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        params_dtype: torch.dtype | None = None,
        org_num_embeddings: int | None = None,
        padding_size: int = DEFAULT_PADDING,
    ) -> None:
        super().__init__()
        org = num_embeddings if org_num_embeddings is None else org_num_embeddings
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.org_vocab_size = org
        self.part = VocabPart(num_embeddings, org, padding_size, self.tp_size, self.tp_rank)
        rows = self.part.org_rows + self.part.added_rows
        self.weight = sharded(self, rows, embedding_dim, dtype=params_dtype)
        nn.init.zeros_(self.weight)  # those rows that pad it stay so

    def forward(self, ids: Tensor) -> Tensor:
        """Look up."""
        part = self.part
        y = vocab_parallel_embedding(
            ids, self.weight, self.num_embeddings, *part.org, part.org_rows, *part.added
        )
        return self.tp.sum(y)

    def _target_and_part(
        self, name: str, own: Tensor, whole: Tensor, shard_id: ShardId
    ) -> tuple[Tensor, Tensor]:
        own.zero_()
        return super()._target_and_part(name, own, whole, shard_id)

    def _may_be_whole(self, part: Tensor) -> bool:
        return self.tp_size > 1 and len(part) in (self.num_embeddings, self.org_vocab_size)

    def _part_of(self, name: str, own: Tensor, whole: Tensor) -> Tensor:
        sizes = (self.num_embeddings, self.org_vocab_size)
        if whole.shape[1:] != own.shape[1:] or len(whole) not in sizes:
            rows = " or ".join(str(size) for size in dict.fromkeys(sizes))
            raise self._refuse(name, whole, f"of {rows} rows of shape {list(own.shape[1:])}")
        part = self.part
        filled = torch.zeros_like(own, dtype=whole.dtype, device=whole.device)
        for (start, end), first in ((part.org, 0), (part.added, part.org_rows)):
            rows = whole[start:end]
            filled[first : first + len(rows)] = rows
        return filled

    def extra_repr(self) -> str:
        return (
            f"{self.num_embeddings}, {self.embedding_dim}, original={self.org_vocab_size}, "
            f"ranks={self.tp_size}"
        )
