"""The layers of rotary embeddings for texts that are longer than those of the training."""

from __future__ import annotations

import torch
from torch import Tensor

from kernels_mlir.rope.frequency import (
    cos_sin_cache,
    frequencies,
    llama3_frequencies,
    ntk_base,
    yarn_attention_factor,
    yarn_frequencies,
)
from kernels_mlir.rope.layers import RotaryEmbeddingBase

__all__ = [
    "DynamicNTKScalingRotaryEmbedding",
    "LinearScalingRotaryEmbedding",
    "Llama3RotaryEmbedding",
    "NTKScalingRotaryEmbedding",
    "YaRNScalingRotaryEmbedding",
]


class _Scaled(RotaryEmbeddingBase):
    """A rotary embedding for texts that are longer by a factor than those of the training."""

    def __init__(
        self,
        head_size: int,
        rotary_dim: int,
        max_position_embeddings: int,
        base: float,
        is_neox_style: bool,  # noqa: FBT001
        scaling_factor: float,
        dtype: torch.dtype | None = None,
        **choice: bool,
    ) -> None:
        if not scaling_factor > 0:
            self._refuse("scaling_factor", scaling_factor, "above 0")
        self.scaling_factor = scaling_factor
        super().__init__(
            head_size, rotary_dim, max_position_embeddings, base, is_neox_style, dtype, **choice
        )

    def _cache_length(self) -> int:
        return int(self.max_position_embeddings * self.scaling_factor)


class LinearScalingRotaryEmbedding(_Scaled):
    """Divide all positions by `scaling_factor`.

    Args: as `RotaryEmbeddingBase`, and

        scaling_factor: > 0. The cache has `scaling_factor * max_position_embeddings` positions.

    Source:
        Extending Context Window of Large Language Models via Positional Interpolation,
        arXiv:2306.15595.
    """

    def _compute_inv_freq(self) -> Tensor:
        return frequencies(self.rotary_dim, self.base) / self.scaling_factor


class NTKScalingRotaryEmbedding(_Scaled):
    """Divide the lowest frequency by `scaling_factor`, and keep the highest: a larger base.

    Args: as `LinearScalingRotaryEmbedding`; `rotary_dim` above 2.

    Source:
        bloc97, "NTK-Aware Scaled RoPE", 2023; YaRN, arXiv:2309.00071, section 3.1.
    """

    def _compute_inv_freq(self) -> Tensor:
        return frequencies(self.rotary_dim, self._scaled_base(self.scaling_factor))

    def _scaled_base(self, factor: float) -> float:
        if self.rotary_dim <= 2:
            self._refuse("rotary_dim", self.rotary_dim, "above 2 for another base")
        return ntk_base(self.base, self.rotary_dim, factor)


class DynamicNTKScalingRotaryEmbedding(NTKScalingRotaryEmbedding):
    """The base grows with the length of the text; here that of the longest one.

    For `n` positions it is the base of `NTKScalingRotaryEmbedding` with the factor
    `scaling_factor * n / max_position_embeddings - (scaling_factor - 1)`. One cache serves all
    texts, so `n` is `scaling_factor * max_position_embeddings`, the length of the cache.

    Args: as `NTKScalingRotaryEmbedding`; `scaling_factor` at least 1.

    Source:
        YaRN, arXiv:2309.00071, section 3.3, "Dynamic NTK".
    """

    def _compute_inv_freq(self) -> Tensor:
        factor = self.scaling_factor
        if factor < 1:
            self._refuse("scaling_factor", factor, "at least 1")
        longer = self._cache_length() / self.max_position_embeddings
        return frequencies(self.rotary_dim, self._scaled_base(factor * longer - (factor - 1)))


class YaRNScalingRotaryEmbedding(_Scaled):
    """Keep high frequencies, divide low ones by `scaling_factor`, and scale cosines and sines.

    Args: as `LinearScalingRotaryEmbedding`, with the positions of the training, and

        beta_fast: pairs with more turns within `max_position_embeddings` are kept.
        beta_slow: pairs with fewer turns are divided.
        attention_factor: cosines and sines are multiplied by it. Default: `0.1 ln(scaling_factor)
            + 1`, or the quotient of two such numbers with weights `mscale` and `mscale_all_dim`.
        mscale: weight of the logarithm; only with `mscale_all_dim`.
        mscale_all_dim: weight of the logarithm in the divisor.
        truncate: move both limits between pairs outwards to whole pairs.

    Source:
        YaRN, arXiv:2309.00071.
    """

    def __init__(
        self,
        head_size: int,
        rotary_dim: int,
        max_position_embeddings: int,
        base: float,
        is_neox_style: bool,  # noqa: FBT001
        scaling_factor: float,
        dtype: torch.dtype | None = None,
        *,
        beta_fast: float = 32.0,
        beta_slow: float = 1.0,
        attention_factor: float | None = None,
        mscale: float | None = None,
        mscale_all_dim: float | None = None,
        truncate: bool = True,
        **choice: bool,
    ) -> None:
        self.beta_fast, self.beta_slow, self.truncate = beta_fast, beta_slow, truncate
        if attention_factor is None:
            attention_factor = yarn_attention_factor(scaling_factor, mscale, mscale_all_dim)
        self.attention_factor = attention_factor
        super().__init__(
            head_size,
            rotary_dim,
            max_position_embeddings,
            base,
            is_neox_style,
            scaling_factor,
            dtype,
            **choice,
        )

    def _compute_inv_freq(self) -> Tensor:
        return yarn_frequencies(
            self.rotary_dim,
            self.base,
            self.scaling_factor,
            self.max_position_embeddings,
            beta_fast=self.beta_fast,
            beta_slow=self.beta_slow,
            truncate=self.truncate,
        )

    def _compute_cos_sin_cache(self) -> Tensor:
        turns, factor = self._compute_inv_freq(), self.attention_factor
        return cos_sin_cache(turns, self._cache_length(), self.dtype, factor=factor)


class Llama3RotaryEmbedding(RotaryEmbeddingBase):
    """Keep high frequencies, and divide low ones by `scaling_factor`.

    Args: as `RotaryEmbeddingBase`, and

        scaling_factor: > 0.
        low_freq_factor: pairs with fewer turns within `orig_max_position` are divided.
        high_freq_factor: pairs with more turns are kept; above `low_freq_factor`.
        orig_max_position: positions of the training.

    Source:
        The Llama 3 herd of models, arXiv:2407.21783, and the code of Llama 3.1.
    """

    def __init__(
        self,
        head_size: int,
        rotary_dim: int,
        max_position_embeddings: int,
        base: float,
        is_neox_style: bool,  # noqa: FBT001
        dtype: torch.dtype | None,
        scaling_factor: float,
        low_freq_factor: float,
        high_freq_factor: float,
        orig_max_position: int,
        **choice: bool,
    ) -> None:
        if not scaling_factor > 0:
            self._refuse("scaling_factor", scaling_factor, "above 0")
        if not high_freq_factor > low_freq_factor:
            wanted = f"above `low_freq_factor`, {low_freq_factor}"
            self._refuse("high_freq_factor", high_freq_factor, wanted)
        self.scaling_factor = scaling_factor
        self.low_freq_factor, self.high_freq_factor = low_freq_factor, high_freq_factor
        self.orig_max_position = orig_max_position
        super().__init__(
            head_size, rotary_dim, max_position_embeddings, base, is_neox_style, dtype, **choice
        )

    def _compute_inv_freq(self) -> Tensor:
        return llama3_frequencies(
            self.rotary_dim,
            self.base,
            self.scaling_factor,
            self.orig_max_position,
            low_freq_factor=self.low_freq_factor,
            high_freq_factor=self.high_freq_factor,
        )
