"""`PagedCache`: the keys and values of many sequences, in pages of memory that they share."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError, CacheFullError, UnknownSequenceError
from ir_runtime.fork_lock import fork_safe_lock
from kernels_mlir.attention.rules import CACHES
from kernels_mlir.large_pages import empty_in_large_pages

__all__ = ["CachePages", "PagedCache", "PagedStep"]


@dataclass(frozen=True)
class CachePages:
    """The pages of one layer.

    Attributes:
        key: `[N, Hkv, P, D]`.
        value: like `key`.
        key_scale: `[N, Hkv, P]` f32 if the cache is int8, else None.
        value_scale: like `key_scale`.
    """

    key: Tensor
    value: Tensor
    key_scale: Tensor | None
    value_scale: Tensor | None

    def gather(self, blocks: Tensor, length: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Copy the keys and values of a sequence out of its pages.

        Args:
            blocks: the pages in order, int64.
            length: how many keys count.
            dtype: of the result.

        Returns:
            Keys and values, each `[1, Hkv, length, D]`.
        """
        found: list[Tensor] = []
        for cache, scale in ((self.key, self.key_scale), (self.value, self.value_scale)):
            rows = cache[blocks]
            if scale is not None:
                rows = rows * scale[blocks].unsqueeze(-1)
            rows = rows.transpose(0, 1).flatten(1, 2)[:, :length]
            found.append(rows.to(dtype).contiguous().unsqueeze(0))
        return found[0], found[1]


@dataclass(frozen=True)
class PagedStep:
    """The tokens of one forward pass, which belong to several sequences.

    Attributes:
        sequences: their names, in the order of their tokens.
        counts: how many tokens of each are new.
        positions: `[T]` int64, the place of each token in its sequence.
        slots: `[T]` int64, where the cache puts each token.
        table: `[B, M]` int32, the pages of each sequence; 0 beyond its last one.
        lengths: `[B]` int32, the keys of each sequence, the new ones too.
        last: `[B]` int64, the place of the last token of each sequence among the `T` tokens.
    """

    sequences: tuple[Hashable, ...]
    counts: tuple[int, ...]
    positions: Tensor
    slots: Tensor
    table: Tensor
    lengths: Tensor
    last: Tensor

    @property
    def is_decode(self) -> bool:
        """Whether each sequence has one new token."""
        return all(count == 1 for count in self.counts)


class PagedCache:
    """Keys and values of sequences, in pages that are taken as sequences grow.

    All layers of a model have pages of their own, at the same places; so a sequence has one table.
    Threads may share a cache. The pages of a sequence that is freed go to others at once: free it
    after the steps that have it.

    Args:
        layers: how many layers the model has.
        blocks: pages of each layer.
        kv_heads: key heads.
        depth: channels of a head.
        page: keys of a page; a multiple of 16 for the kernel. Large pages are read faster.
        dtype: f32, bf16, or int8, with a scale for each key and value of a head.
        device: where the pages are.

    Attributes:
        layers: the pages of each layer.
        page: keys of a page.

    Raises:
        ArgumentError: a size is below 1, or the dtype is another one.
    """

    def __init__(
        self,
        layers: int,
        blocks: int,
        kv_heads: int,
        depth: int,
        *,
        page: int = 64,
        dtype: torch.dtype = torch.bfloat16,
        device: torch.device | str = "cpu",
    ) -> None:
        sizes = {"layers": layers, "blocks": blocks, "kv_heads": kv_heads, "depth": depth}
        for name, size in {**sizes, "page": page}.items():
            if size < 1:
                raise ArgumentError(f"PagedCache: `{name}` is {size}, must be at least 1")
        if dtype not in CACHES:
            raise ArgumentError(f"PagedCache: `dtype` is {dtype}, must be f32, bf16 or int8")
        self.page = page
        shape = (blocks, kv_heads, page, depth)
        self.layers = tuple(_new_pages(shape, dtype, device) for _ in range(layers))
        self._free = list(range(blocks))[::-1]
        self._pages: dict[Hashable, list[int]] = {}
        self._lengths: dict[Hashable, int] = {}
        self._blocks = blocks
        self._device = device
        self._lock = fork_safe_lock()

    @property
    def free_pages(self) -> int:
        """How many pages no sequence has."""
        return len(self._free)

    @property
    def sequences(self) -> tuple[Hashable, ...]:
        """The names of the sequences, in the order of their first tokens."""
        with self._lock:
            return tuple(self._pages)

    def length(self, sequence: Hashable) -> int:
        """Return how many tokens a sequence has.

        Raises:
            UnknownSequenceError: there is no such sequence.
        """
        with self._lock:
            self._require(sequence)
            return self._lengths[sequence]

    def step(self, counts: Mapping[Any, int]) -> PagedStep:
        """Take pages for new tokens; a sequence begins with its first ones.

        Args:
            counts: for each sequence of the step, how many tokens are new; at least 1.

        Returns:
            The step, for `Attention` in each layer.

        Raises:
            CacheFullError: there are too few free pages; nothing was changed.
            ArgumentError: a count is no int, or below 1; nothing was changed.
        """
        counts = dict(counts)
        for sequence, count in counts.items():
            if type(count) is not int or count < 1:
                raise ArgumentError(
                    f"PagedCache: sequence {sequence!r} gets {count!r} tokens, must get at least "
                    "1, as an int"
                )
        with self._lock:
            lengths = {s: self._lengths.get(s, 0) + count for s, count in counts.items()}
            needed = {
                s: -(-length // self.page) - len(self._pages.get(s, ()))
                for s, length in lengths.items()
            }
            left = len(self._free) - sum(needed.values())
            if left < 0:
                raise self._full(needed)
            fresh = iter(self._free[: left - 1 if left else None : -1])
            pages = {
                s: [*self._pages.get(s, ()), *itertools.islice(fresh, count)]
                for s, count in needed.items()
            }
            step = self._step_of(counts, pages, lengths)
            del self._free[left:]
            self._pages.update(pages)
            self._lengths.update(lengths)
        return step

    def free(self, sequence: Hashable) -> None:
        """Give the pages of a sequence back.

        Raises:
            UnknownSequenceError: there is no such sequence.
        """
        with self._lock:
            self._require(sequence)
            self._free.extend(reversed(self._pages.pop(sequence)))
            del self._lengths[sequence]

    def _step_of(
        self,
        counts: Mapping[Hashable, int],
        pages: Mapping[Hashable, list[int]],
        lengths: Mapping[Hashable, int],
    ) -> PagedStep:
        width = max(map(len, pages.values()), default=0)
        rows = [[*own, *[0] * (width - len(own))] for own in pages.values()]
        table = torch.tensor(rows, dtype=torch.int32).view(len(rows), width)
        length, count = (
            torch.tensor(list(numbers.values()), dtype=torch.int64) for numbers in (lengths, counts)
        )
        ends = count.cumsum(0)
        row = torch.repeat_interleave(torch.arange(len(rows)), count)
        positions = torch.arange(row.shape[0]) + (length - ends)[row]
        block = table[row, positions // self.page].to(torch.int64)
        slots = block * self.page + positions % self.page
        parts = (positions, slots, table, length.to(torch.int32), ends - 1)
        return PagedStep(
            tuple(counts), tuple(counts.values()), *(t.to(self._device) for t in parts)
        )

    def _require(self, sequence: Hashable) -> None:
        if sequence not in self._pages:
            known = ", ".join(map(repr, self._pages)) or "none"
            raise UnknownSequenceError(
                f"PagedCache: there is no sequence {sequence!r}, must be one of {known}"
            )

    def _full(self, needed: Mapping[Hashable, int]) -> CacheFullError:
        wanted = sum(needed.values())
        growing = [f"{s!r} needs {n}" for s, n in needed.items() if n]
        shown = growing if len(growing) <= 8 else [*growing[:8], f"{len(growing) - 8} more"]
        return CacheFullError(
            f"PagedCache: the cache is full: {wanted} more pages of {self.page} keys are needed, "
            f"must be at most {len(self._free)}, the free ones of {self._blocks}",
            facts=[", ".join(shown)],
            fix="free a sequence, let fewer run at once, or make the cache with more blocks",
        )


def _new_pages(
    shape: tuple[int, int, int, int], dtype: torch.dtype, device: torch.device | str
) -> CachePages:
    def zeros(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return empty_in_large_pages(shape, dtype, device).zero_()

    key, value = (zeros(shape, dtype) for _ in range(2))
    if dtype != torch.int8:
        return CachePages(key, value, None, None)
    return CachePages(key, value, *(zeros(shape[:3], torch.float32) for _ in range(2)))
