"""Frequencies of rotary embeddings, and how models stretch them to longer texts.

Element `i` of the frequencies is the angle, in radians, by which pair `i` of a head turns from one
position to the next. All is computed in float64.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = [
    "cos_sin_cache",
    "frequencies",
    "llama3_frequencies",
    "ntk_base",
    "yarn_attention_factor",
    "yarn_frequencies",
]


def frequencies(rotary_dim: int, base: float) -> Tensor:
    """Return `base ** (-2 i / rotary_dim)`: a geometric series from 1 to almost `1 / base`."""
    exponents = torch.arange(0, rotary_dim, 2, dtype=torch.float64) / -rotary_dim
    return torch.tensor(base, dtype=torch.float64) ** exponents


def ntk_base(base: float, rotary_dim: int, factor: float) -> float:
    """Return the base that divides the lowest frequency by `factor` and keeps the highest.

    Source:
        bloc97, "NTK-Aware Scaled RoPE", 2023; YaRN, arXiv:2309.00071, section 3.1.
    """
    return base * factor ** (rotary_dim / (rotary_dim - 2))


def yarn_frequencies(
    rotary_dim: int,
    base: float,
    factor: float,
    trained_positions: int,
    *,
    beta_fast: float = 32.0,
    beta_slow: float = 1.0,
    truncate: bool = True,
) -> Tensor:
    """Return frequencies of which the high ones are kept, and the low ones divided by `factor`.

    Args:
        rotary_dim: number of elements that are rotated.
        base: of the frequencies before.
        factor: by how much the text gets longer.
        trained_positions: the length of text that the model was trained with.
        beta_fast: pairs with more turns than this within `trained_positions` are kept.
        beta_slow: pairs with fewer turns than this are divided; between the two, a mix.
        truncate: move both limits outwards to whole pairs.

    Source:
        YaRN, arXiv:2309.00071, section 3.2, "NTK-by-parts".
    """

    def pair_with(turns: float) -> float:
        wavelength = trained_positions / turns
        return rotary_dim * math.log(wavelength / (2 * math.pi)) / (2 * math.log(base))

    low, high = pair_with(beta_fast), pair_with(beta_slow)
    if truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, rotary_dim - 1)
    pairs = torch.arange(rotary_dim // 2, dtype=torch.float64)
    share = ((pairs - low) / (high - low or 0.001)).clamp(0, 1)
    kept = frequencies(rotary_dim, base)
    return kept * (1 - share) + kept / factor * share


def yarn_attention_factor(
    factor: float, mscale: float | None = None, mscale_all_dim: float | None = None
) -> float:
    """Return the factor of cosines and sines with which attention keeps its temperature.

    Source:
        YaRN, arXiv:2309.00071, section 3.3; with `mscale`, DeepSeek-V2, arXiv:2405.04434.
    """

    def growth(weight: float) -> float:
        return 1.0 if factor <= 1 else 0.1 * weight * math.log(factor) + 1.0

    if mscale and mscale_all_dim:
        return growth(mscale) / growth(mscale_all_dim)
    return growth(1.0)


def llama3_frequencies(
    rotary_dim: int,
    base: float,
    factor: float,
    trained_positions: int,
    *,
    low_freq_factor: float,
    high_freq_factor: float,
) -> Tensor:
    """Return frequencies of which the high ones are kept, and the low ones divided by `factor`.

    Pairs with more than `high_freq_factor` turns within `trained_positions` are kept, pairs with
    fewer than `low_freq_factor` are divided; between the two, a mix.

    Source:
        The Llama 3 herd of models, arXiv:2407.21783, and the code of Llama 3.1.
    """
    kept = frequencies(rotary_dim, base)
    turns = kept * (trained_positions / (2 * math.pi))
    share = ((turns - low_freq_factor) / (high_freq_factor - low_freq_factor)).clamp(0, 1)
    return kept * share + kept / factor * (1 - share)


def cos_sin_cache(
    turns: Tensor, positions: int, dtype: torch.dtype, *, factor: float = 1.0
) -> Tensor:
    """Return the cosines of each position, then its sines: `[positions, rotary_dim]`.

    Args:
        turns: the frequencies, float64.
        positions: number of rows.
        dtype: to which they are rounded once.
        factor: all are multiplied by it.
    """
    angles = torch.arange(positions, dtype=torch.float64)[:, None] * turns
    return (torch.cat((angles.cos(), angles.sin()), dim=-1) * factor).to(dtype)
