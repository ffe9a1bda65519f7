"""logits_processor: compute logits from hidden states, on all ranks."""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError
from ir_runtime.ir import ops
from ir_runtime.layers import PluggableLayer
from kernels_mlir.parallel.parallel_lm_head import ParallelLMHead

__all__ = ["LogitsProcessor"]


@PluggableLayer.register("logits_processor")
class LogitsProcessor(PluggableLayer):
    """Compute logits from hidden states: product, soft cap, scale.

    `forward(lm_head, hidden_states, embedding_bias=None)` takes `[*, d]` and returns `[*,
    org_vocab_size]` on each rank. With `skip_gather` it returns a rank's own logits `[*, rows]`,
    padding included.

    Args:
        vocab_size: the number of ids.
        org_vocab_size: how many of them get logits; default: all.
        scale: the logits are multiplied by it, after the cap.
        logits_as_input: whether `hidden_states` are logits already.
        soft_cap: the logits `l` become `soft_cap * tanh(l / soft_cap)`; None for none.
        head_dtype: dtype of the product; default: that of the hidden states.

    Source:
        Gemma 2, arXiv:2408.00118 (soft cap).
    """

    def __init__(
        self,
        vocab_size: int,
        org_vocab_size: int | None = None,
        scale: float = 1.0,
        logits_as_input: bool = False,  # noqa: FBT001, FBT002 - the order that model code knows
        soft_cap: float | None = None,
        *,
        head_dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.vocab_size, self.scale, self.soft_cap = vocab_size, scale, soft_cap
        self.org_vocab_size = vocab_size if org_vocab_size is None else org_vocab_size
        self.logits_as_input, self.head_dtype = logits_as_input, head_dtype

    def forward(
        self,
        lm_head: ParallelLMHead,
        hidden_states: Tensor,
        embedding_bias: Tensor | None = None,
        *,
        skip_gather: bool = False,
    ) -> Tensor:
        """Compute the logits.

        Args:
            lm_head: the weight.
            hidden_states: `[*, d]`, the same on each rank; or logits, which stay unchanged.
            embedding_bias: this rank's part, a number a row of the weight; default: that of
                `lm_head`.
            skip_gather: return a rank's own logits.
        """
        if self.logits_as_input:
            return self._settled(hidden_states)
        own = self._own_logits(lm_head, hidden_states, embedding_bias)
        return self._settled(own if skip_gather else self._gathered(lm_head, own))

    def get_top_tokens(
        self, lm_head: ParallelLMHead, hidden_states: Tensor, embedding_bias: Tensor | None = None
    ) -> Tensor:
        """Return the ids `[*]` of the largest logits; each rank sends only its own largest.

        Raises:
            ArgumentError: the scale is not positive, so the order of logits is another one.
        """
        return self.get_top_k_tokens(lm_head, hidden_states, 1, embedding_bias)[1][..., 0]

    def get_top_k_tokens(
        self,
        lm_head: ParallelLMHead,
        hidden_states: Tensor,
        k: int,
        embedding_bias: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the `k` largest logits and their ids, both `[*, k]`, the largest one first.

        Raises:
            ArgumentError: the scale is not positive, or there are fewer than `k` ids.
        """
        if self.scale <= 0:
            raise ArgumentError(
                f"logits_processor: `scale` is {self.scale}, must be above 0 for the largest logits"
            )
        if not 1 <= k <= self.org_vocab_size:
            raise ArgumentError(
                f"logits_processor: `k` is {k}, must be in 1..{self.org_vocab_size}, the ids"
            )
        own = self._own_logits(lm_head, hidden_states, embedding_bias)
        ids = _ids_of_rows(lm_head, own.device)
        is_padding = (ids < 0) | (ids >= self.org_vocab_size)
        own = own.masked_fill(is_padding, float("-inf"))
        values, rows = own.topk(min(k, own.shape[-1]), dim=-1)
        every = lm_head.tp.gather(values)
        every_id = lm_head.tp.gather(ids[rows])
        best, which = every.topk(k, dim=-1)
        return self._settled(best), every_id.gather(-1, which)

    def _own_logits(
        self, lm_head: ParallelLMHead, hidden: Tensor, embedding_bias: Tensor | None
    ) -> Tensor:
        bias = lm_head.bias if embedding_bias is None else embedding_bias
        weight: Tensor = lm_head.weight
        dtype = self.head_dtype
        if dtype is not None:
            hidden, weight = hidden.to(dtype), weight.to(dtype)
            bias = None if bias is None else bias.to(dtype)
        return ops.linear(lm_head.tp.spread(hidden), weight, bias)

    def _gathered(self, lm_head: ParallelLMHead, own: Tensor) -> Tensor:
        """Put the logits of all ranks into the order of ids: original ones, then added ones."""
        part, tp = lm_head.part, lm_head.tp
        every = tp.gather(own).unflatten(-1, (tp.size, part.org_rows + part.added_rows))
        org = every[..., : part.org_rows].flatten(-2)[..., : part.org_vocab_size]
        added = every[..., part.org_rows :].flatten(-2)
        added = added[..., : part.vocab_size - part.org_vocab_size]
        return torch.cat((org, added), dim=-1)[..., : self.org_vocab_size]

    def _settled(self, logits: Tensor) -> Tensor:
        if self.soft_cap is not None:
            logits = torch.tanh(logits / self.soft_cap) * self.soft_cap
        return logits if self.scale == 1.0 else logits * self.scale

    def extra_repr(self) -> str:
        return (
            f"vocab_size={self.vocab_size}, org_vocab_size={self.org_vocab_size}, "
            f"scale={self.scale}, soft_cap={self.soft_cap}"
        )


def _ids_of_rows(lm_head: ParallelLMHead, device: torch.device) -> Tensor:
    """Return the id of each row of a rank's weight, -1 for padding."""
    part = lm_head.part
    ids = torch.full((part.org_rows + part.added_rows,), -1, device=device)
    for (start, end), first in ((part.org, 0), (part.added, part.org_rows)):
        ids[first : first + end - start] = torch.arange(start, end, device=device)
    return ids
