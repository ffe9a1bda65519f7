"""A layer of transformers' `DynamicCache` that writes new tokens into memory it has already."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

# This module is imported when a model of transformers is optimised, and no earlier.
from transformers.cache_utils import DynamicCache, DynamicLayer

from ir_runtime.models.forward import is_recorded

__all__ = ["GrowingLayer", "grow_cache"]

_OWN = ("_room", "_views")


class _Room:
    """Memory for the keys and the values of a layer.

    Args:
        keys: `[B, Hkv, any, D]`, of the shape, dtype and device of new keys.
        values: the same for values; `D` may be another.
        capacity: the number of tokens.

    Attributes:
        keys: `[B, Hkv, capacity, D]`, contiguous.
        values: the same for values.
        written: how many of the tokens somebody may look at. These never change.
    """

    def __init__(self, keys: Tensor, values: Tensor, capacity: int) -> None:
        self.keys, self.values = (_memory(tensor, capacity) for tensor in (keys, values))
        self.written = 0

    @property
    def capacity(self) -> int:
        return self.keys.shape[2]

    def write(self, first: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write tokens from the place `first` on; return all tokens up to them."""
        end = first + keys.shape[2]
        for memory, new in ((self.keys, keys), (self.values, values)):
            # `data` counts no change: what autograd saved of earlier tokens is as it was.
            memory.data[:, :, first:end].copy_(new)
        return self._up_to(end)

    def take(self, at: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write the sequences `at` of other tensors; return all their tokens."""
        end = keys.shape[2]
        for memory, old in ((self.keys, keys), (self.values, values)):
            torch.index_select(old, 0, at, out=memory.data[:, :, :end])
        return self._up_to(end)

    def _up_to(self, end: int) -> tuple[Tensor, Tensor]:
        self.written = end
        return self.keys[:, :, :end], self.values[:, :, :end]


def _memory(like: Tensor, capacity: int) -> Tensor:
    batch, heads, _, depth = like.shape
    with torch.inference_mode(mode=False):  # else it could not be written outside of one
        return torch.empty(batch, heads, capacity, depth, dtype=like.dtype, device=like.device)


class GrowingLayer(DynamicLayer):
    """A layer that copies a token once, and all tokens only when its memory is full.

    `keys` and `values` are views of the first tokens in memory for up to twice as many. No token
    is changed that was in `keys` once: after `crop`, or if `keys` is set, the next tokens go into
    new memory. Where a gradient, a transform or a graph is recorded, tokens are concatenated as in
    transformers. Copies, and what is pickled, are layers of transformers.
    """

    _room: _Room | None = None
    _views: tuple[Tensor, Tensor] | None = None

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Append tokens; return all keys and values.

        Args:
            key_states: `[B, Hkv, n, D]`.
            value_states: `[B, Hkv, n, Dv]`.
            args: ignored, as in transformers.
            kwargs: ignored, as in transformers.
        """
        if is_recorded() or not self._fits(key_states, value_states):
            self._room = self._views = None
            return super().update(key_states, value_states, *args, **kwargs)
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        length = self.get_seq_length()
        end = length + key_states.shape[2]
        room = self._present_room()
        if room is None or length < room.written or end > room.capacity:
            room = _Room(key_states, value_states, 1 << end.bit_length())
            if length:
                room.write(0, *self._tokens())
        return self._look_at(room, room.write(length, key_states, value_states))

    def reorder_cache(self, beam_idx: Any) -> None:
        """Take the sequences `beam_idx`, in memory for as many tokens as before."""
        room = self._present_room()
        if room is None or is_recorded():
            super().reorder_cache(beam_idx)
            return
        keys, values = self._tokens()
        at = beam_idx.to(keys.device)
        many = (len(at), -1, -1, -1)
        moved = _Room(keys[:1].expand(many), values[:1].expand(many), room.capacity)
        self._look_at(moved, moved.take(at, keys, values))

    def reset(self) -> None:
        """Forget all tokens, and the memory."""
        self._room = self._views = None
        super().reset()

    def _tokens(self) -> tuple[Tensor, Tensor]:
        """Return keys and values; the layer has some."""
        keys: Any = self.keys
        values: Any = self.values
        return keys, values

    def _look_at(self, room: _Room, views: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        self._room, self._views = room, views
        self.keys, self.values = views
        return views

    def _present_room(self) -> _Room | None:
        """Return the memory, if `keys` and `values` are still what was written there last."""
        room, views = self._room, self._views
        if room is None or views is None:
            return None
        same = self.keys is views[0] and self.values is views[1]
        return room if same and views[0].data_ptr() == room.keys.data_ptr() else None

    def _fits(self, keys: Tensor, values: Tensor) -> bool:
        """Tell whether new tokens are like those that are there, and none needs a gradient."""
        plain = keys.ndim == values.ndim == 4 and keys.shape[:3] == values.shape[:3]
        if not plain or not keys.numel() or not values.numel():
            return False
        pairs = [(None, keys), (None, values)]
        if self.is_initialized:
            pairs = [(self.keys, keys), (self.values, values)]
        return all(_is_next(old, new) for old, new in pairs)

    def _as_plain(self) -> DynamicLayer:
        """Return a layer of transformers with copies of the tokens that are there."""
        plain = DynamicLayer.__new__(DynamicLayer)
        vars(plain).update({name: v for name, v in vars(self).items() if name not in _OWN})
        if self._present_room() is not None:
            plain.keys, plain.values = (
                t.clone(memory_format=torch.contiguous_format) for t in self._tokens()
            )
        return plain

    def __reduce_ex__(self, protocol: Any) -> Any:
        del protocol  # from 2 on, pickle insists on an object of this class
        return self._as_plain().__reduce_ex__(1)

    def __deepcopy__(self, memo: dict[int, Any]) -> DynamicLayer:
        memo[id(self)] = plain = self._as_plain()
        for name, value in vars(plain).items():
            if value is vars(self)[name]:  # no copy yet
                setattr(plain, name, copy.deepcopy(value, memo))
            else:
                memo[id(vars(self)[name])] = value
        return plain


def _is_next(old: Tensor | None, new: Tensor) -> bool:
    """Tell whether a tensor can be written behind another one."""
    if type(new) is not Tensor or (torch.is_grad_enabled() and new.requires_grad):
        return False
    if old is None:
        return True
    if type(old) is not Tensor or old.dtype is not new.dtype or old.device != new.device:
        return False
    if torch.is_grad_enabled() and old.requires_grad:
        return False
    if old.ndim == 1:  # of a layer that has no tokens yet
        return not len(old)
    return old.ndim == 4 and (*old.shape[:2], old.shape[3]) == (*new.shape[:2], new.shape[3])


def grow_cache(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Make the layers of a cache that a model is called with grow; a hook before its forward.

    Layers of other classes, and those of other caches, stay as they are.
    """
    del module
    if torch.compiler.is_compiling():
        return
    for value in (*args, *kwargs.values()):
        if type(value) is DynamicCache and not value.offloading:
            for layer in value.layers:
                if type(layer) is DynamicLayer:  # the layer itself: somebody may hold it
                    layer.__class__ = GrowingLayer
