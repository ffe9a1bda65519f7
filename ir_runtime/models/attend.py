"""The attention function that transformers' `AttentionInterface` finds under `ir_runtime`."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.ir import ops

__all__ = ["ATTENTION", "CAUSAL", "ENCODER", "attend"]

ATTENTION = "ir_runtime"
"""The name of our function in the interface."""

CAUSAL, ENCODER = "causal_attention", "mm_encoder_attn"
"""The ops for decoders and for encoders."""


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,  # noqa: FBT001 - as the interface calls it
    **settings: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attend as transformers' functions do, by our ops where they compute the call.

    With dropout, for gradients, with a mask that shows later keys, in a graph with any mask of more
    than one token, or if the weights of the attention are asked for, transformers' own function
    computes it.

    Args:
        module: the attention module.
        query: `[b, h, q, d]`.
        key: `[b, hkv, k, d]`, with those of the cache first.
        value: `[b, hkv, k, dv]`.
        attention_mask: bool or to be added, expands to `[b, h, q, k]`; None for what `is_causal`
            says.
        dropout: probability.
        scaling: of the scores.
        is_causal: default: the attribute of `module`.
        settings: what else the model passes: `sliding_window`, `softcap` and `s_aux` matter.

    Returns:
        `[b, q, h, dv]`, contiguous; and the weights, or None.
    """
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    softcap, sinks = settings.get("softcap"), settings.get("s_aux")
    special = softcap is not None or sinks is not None
    plain = dropout == 0.0 and not settings.get("output_attentions")
    if plain and _is_served(query, key, value, attention_mask):
        if causal and _hides_later_keys(attention_mask, query, key):
            return _causal(query, key, value, attention_mask, scaling, softcap, sinks), None
        if not causal and attention_mask is None and not special:
            return ops.mm_encoder_attn(*_by_token(query, key, value), scaling), None
    settings = {**settings, "dropout": dropout, "scaling": scaling}
    if special or settings.get("output_attentions"):
        mask = _added(attention_mask, query, key, causal=causal)
        return _eagerly(module, query, key, value, mask, settings)
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    return sdpa_attention_forward(
        module, query, key, value, attention_mask, is_causal=is_causal, **settings
    )


def _is_served(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> bool:
    """Tell whether a call needs no gradient, and torch would change no dtype in it."""
    given = (query, key, value, *([] if mask is None else [mask]))
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given):
        return False
    if torch.is_autocast_enabled(query.device.type) or value.shape != key.shape:
        return False
    same = query.dtype == key.dtype == value.dtype
    return same and (mask is None or (mask.ndim == 4 and mask.shape[-1] == key.shape[2]))


def _hides_later_keys(mask: Tensor | None, query: Tensor, key: Tensor) -> bool:
    """Tell whether a call hides the keys behind a token's own, as the op always does.

    A mask alone decides what a token sees in transformers: one for a prefix, for images or for the
    keys of an encoder may show later keys. In a graph its values are not known.
    """
    tokens, length = query.shape[2], key.shape[2]
    if length < tokens:
        return False
    if mask is None or tokens == 1:
        return True
    if torch.compiler.is_compiling():
        return False
    later = mask[..., length - tokens + 1 :]
    if mask.dtype != torch.bool:
        later = later > torch.finfo(mask.dtype).min
    return not bool(later.triu().any())


def _causal(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scaling: float | None,
    softcap: float | None,
    sinks: Tensor | None,
) -> Tensor:
    """Attend to the keys up to the own one; a mask hides more of them."""
    length = query.shape[2]
    if mask is None and length > 1:  # the rest of a static cache is empty
        key, value = key[:, :, :length], value[:, :, :length]
    if mask is not None and mask.dtype == torch.bool:
        mask = torch.zeros((), dtype=query.dtype).masked_fill(~mask, float("-inf"))
    key, value, there = _with_room(key, value)
    query = query.transpose(1, 2)
    return ops.causal_attention(
        query, key, value, scaling, None, softcap, sinks, mask, heads_first=True, length=there
    )


def _with_room(key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, int | None]:
    """Return keys and values with the memory for more tokens that lies between their heads.

    A kernel would copy the views that a cache which grows returns: they are not contiguous. What
    they are views of is, and the kernel takes the number of tokens besides.

    Returns:
        Keys and values, and how many tokens count; None if all do.
    """
    if torch.compiler.is_compiling() or type(key) is not Tensor or type(value) is not Tensor:
        return key, value, None
    room = _room(key)
    if room is None or _room(value) != room:
        return key, value, None
    batch, heads, length, depth = key.shape
    whole = (batch, heads, room, depth)
    strides = (heads * room * depth, room * depth, depth, 1)
    return key.as_strided(whole, strides), value.as_strided(whole, strides), length


def _room(tensor: Tensor) -> int | None:
    """Return for how many tokens a head has memory; None if it is that of the tokens there."""
    batch, heads, length, depth = tensor.shape
    strides = tensor.stride()
    if strides[3] != 1 or strides[2] != depth or batch * heads < 2 or not length * depth:
        return None
    room, rest = divmod(strides[1] if heads > 1 else strides[0], depth)
    if rest or room <= length or (batch > 1 and strides[0] != heads * room * depth):
        return None
    end = tensor.storage_offset() + batch * heads * room * depth
    return room if end * tensor.itemsize <= tensor.untyped_storage().nbytes() else None


def _by_token(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return `[b, h, s, d]` as `[b, s, h, d]`."""
    return tuple(tensor.transpose(1, 2) for tensor in tensors)


def _added(mask: Tensor | None, query: Tensor, key: Tensor, *, causal: bool) -> Tensor | None:
    """Return a mask as numbers that are added to the scores."""
    if mask is None and causal:
        length, total = query.shape[2], key.shape[2]
        rows = torch.arange(total - length, total, device=query.device)[:, None]
        mask = (torch.arange(total, device=query.device) <= rows)[None, None]
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros((), dtype=query.dtype).masked_fill(~mask, torch.finfo(query.dtype).min)


def _eagerly(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Any, settings: Any
) -> tuple[Tensor, Tensor | None]:
    """Call the function of the model's own file, which returns the weights, too."""
    function: Any = inspect.unwrap(type(module).forward)
    eager = function.__globals__["eager_attention_forward"]
    return eager(module, query, key, value, mask, **settings)
