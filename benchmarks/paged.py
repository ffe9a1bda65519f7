"""Attention of decoders: a paged cache beside a copy, and `causal_attention` beside torch's own.

A cache has four times the bytes of the last-level cache of the CPU, lies in memory as `PagedCache`
makes it, and its pages are in random order. A rate is the bytes of keys and values, with scales,
per second, and then the same as a part of the bytes that a large copy of torch reads and writes per
second, measured in turn with it. The promise: at least 0.7 of that, for pages of 64 keys. A cache
lies in large pages of the system, as `PagedCache` allocates it, where tensors of torch do not; the
last column is the part of a copy that lies in large pages, too.

The peer of `causal_attention` is the faster of torch's `scaled_dot_product_attention` with grouped
heads, and with key heads repeated before. That of `rotary_reshape_and_cache` is its two ops.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.machine import MeasuredMachine, measure_machine
from benchmarks.measure import measure_interleaved, summarise
from ir_runtime.ir import ops, strict_priority
from kernels_mlir.attention.paged_cache import PagedCache
from kernels_mlir.large_pages import empty_in_large_pages

__all__ = ["add_arguments", "run"]

CACHES = 4
"""How many last-level caches the keys and values have."""
LEAST_OF_COPY = 0.7
HEADS, KV_HEADS = 32, 8
LEAST_COPIED_BYTES = 256 << 20

Call = Callable[[], object]


@dataclass(frozen=True)
class Line:
    """What was measured of one call.

    Attributes:
        name: the call.
        us: its median time.
        peer_us: that of the peer: a copy of as many bytes, read and written, or torch's function.
        ratio: of the two times; for a cache the peer's to ours, so that more is better.
        gigabytes_per_s: bytes of keys and values per second; 0 for prefills.
        least: the promise of a ratio, None without.
        to_large: for a cache, the ratio to a copy in large pages.
    """

    name: str
    us: float
    peer_us: float
    ratio: float
    gigabytes_per_s: float = 0.0
    least: float | None = None
    to_large: float = 0.0

    @property
    def kept(self) -> bool:
        """Whether the promise is kept, or there is none."""
        return self.least is None or self.ratio >= self.least


@dataclass(frozen=True)
class Cache:
    """A cache to measure.

    Attributes:
        dtype: of keys and values; queries are in bf16, or f32 for f32.
        batch: sequences, of equal lengths.
        depth: channels of a head.
        page: keys of a page.
    """

    dtype: torch.dtype
    batch: int
    depth: int
    page: int

    @property
    def name(self) -> str:
        """The row of the table."""
        short = {torch.float32: "f32", torch.bfloat16: "bf16", torch.int8: "int8"}[self.dtype]
        return f"{short}, {self.batch} x {self.depth} channels, pages of {self.page}"


CACHED = (
    *(
        Cache(dtype, batch, 128, 64)
        for dtype in (torch.bfloat16, torch.float32, torch.int8)
        for batch in (1, 8)
    ),
    Cache(torch.bfloat16, 1, 64, 64),
    Cache(torch.bfloat16, 1, 128, 16),
    Cache(torch.int8, 1, 128, 16),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice of small sizes."""
    parser.add_argument("--small", action="store_true", help="small caches, and one prefill")


def run(arguments: argparse.Namespace) -> bool:
    """Measure caches, prefills and single tokens."""
    machine = measure_machine()
    rounds = arguments.rounds or 15
    bytes_all = 1 << 22 if arguments.small else CACHES * machine.l3_bytes
    caches = CACHED[:1] if arguments.small else CACHED
    shapes = ((128, 128),) if arguments.small else ((128, 128), (1024, 1024), (1, 128), (1, 2048))
    dtypes = (torch.float32,) if arguments.small else (torch.float32, torch.bfloat16)
    reads = [_measure_cache(c, bytes_all, rounds, judge=not arguments.small) for c in caches]
    dense = [
        _measure_dense(dtype, tokens, keys, rounds) for dtype in dtypes for tokens, keys in shapes
    ]
    sizes = (1,) if arguments.small else (1, 8, 256)
    cached = (torch.bfloat16,) if arguments.small else (torch.bfloat16, torch.int8)
    writes = [_measure_write(dtype, tokens, rounds) for dtype in cached for tokens in sizes]
    kept = all(line.kept for line in reads)
    if arguments.json:
        tables = {"paged": reads, "causal": dense, "written": writes}
        rows = {name: [asdict(line) for line in lines] for name, lines in tables.items()}
        print(json.dumps({"machine": str(machine), "kept": kept, **rows}, indent=1))
    else:
        _print(machine, bytes_all, reads, dense, writes)
    return kept


def _print(
    machine: MeasuredMachine,
    bytes_all: int,
    reads: Sequence[Line],
    dense: Sequence[Line],
    writes: Sequence[Line],
) -> None:
    print(machine)
    print(f"paged_attention_decode, {HEADS} / {KV_HEADS} heads, {bytes_all >> 20} MiB of keys and")
    print(f"values {'':28} {'us':>9} {'GB/s':>7} {'of copy':>8}{'':12} {'large':>5}")
    for line in reads:
        mark = "" if line.least is None else f" {line.least:g} {'kept' if line.kept else 'MISSED'}"
        numbers = f"{line.us:9.0f} {line.gigabytes_per_s:7.1f} {line.ratio:8.2f}"
        print(f"  {line.name:33} {numbers}{mark:12} {line.to_large:5.2f}")
    print(f"causal_attention, {HEADS} / {KV_HEADS} heads of 64")
    print(f"{'':35} {'us':>9} {'torch us':>9} {'ratio':>6}")
    for line in dense:
        print(f"  {line.name:33} {line.us:9.0f} {line.peer_us:9.0f} {line.ratio:6.2f}")
    print(f"rotary_reshape_and_cache, {HEADS} / {KV_HEADS} heads of 128")
    print(f"{'':35} {'us':>9} {'2 ops us':>9} {'ratio':>6}")
    for line in writes:
        print(f"  {line.name:33} {line.us:9.1f} {line.peer_us:9.1f} {line.ratio:6.2f}")


def _measure_cache(cache: Cache, bytes_all: int, rounds: int, *, judge: bool) -> Line:
    torch.manual_seed(0)
    scaled = cache.dtype == torch.int8
    key_bytes = KV_HEADS * (cache.depth * cache.dtype.itemsize + 4 * scaled)
    pages = max(1, bytes_all // (2 * key_bytes * cache.page * cache.batch))
    blocks = pages * cache.batch
    paged = PagedCache(1, blocks, KV_HEADS, cache.depth, page=cache.page, dtype=cache.dtype)
    layer = paged.layers[0]
    for t in (layer.key, layer.value):
        t.copy_(_filled(t.shape, cache.dtype))
    for t in (layer.key_scale, layer.value_scale):
        if t is not None:
            t.fill_(0.01)
    table = torch.randperm(blocks, dtype=torch.int32).view(cache.batch, pages)
    lengths = torch.full((cache.batch,), pages * cache.page, dtype=torch.int32)
    wide = torch.float32 if cache.dtype == torch.float32 else torch.bfloat16
    query = torch.randn(cache.batch, HEADS, cache.depth).to(wide)
    op = ops.paged_attention_decode
    copied = max(LEAST_COPIED_BYTES, bytes_all)
    source, target = (torch.ones(copied // 4) for _ in range(2))
    large, into = (empty_in_large_pages((copied // 4,), torch.float32).fill_(1.0) for _ in range(2))
    copies = {"copy": lambda: target.copy_(source), "large": lambda: into.copy_(large)}

    def ours() -> Tensor:
        scales = (layer.key_scale, layer.value_scale)
        return op(query, layer.key, layer.value, table, lengths, None, None, None, None, *scales)

    with torch.no_grad(), op.set_priority(["iree"]), strict_priority():
        times = measure_interleaved({"ours": ours, **copies}, rounds=rounds, calls=1)
    seconds, copy, faster = (summarise(times[name], 1.0)[0] for name in ("ours", *copies))
    moved = 2 * key_bytes * cache.page * blocks
    peer = copy * moved / (2 * copied)
    least = LEAST_OF_COPY if judge and cache.page >= 64 else None
    rate = moved / seconds / 1e9
    to_large = faster * moved / (2 * copied) / seconds
    return Line(cache.name, seconds * 1e6, peer * 1e6, peer / seconds, rate, least, to_large)


def _measure_write(dtype: torch.dtype, tokens: int, rounds: int) -> Line:
    """Measure the rotation and the write of a step in one launch, beside two."""
    torch.manual_seed(0)
    paged = PagedCache(1, 2 * tokens, KV_HEADS, 128, page=64, dtype=dtype)
    layer = paged.layers[0]
    query, key, value = (
        torch.randn(tokens, heads, 128).to(torch.bfloat16) for heads in (HEADS, KV_HEADS, KV_HEADS)
    )
    angles = torch.randn(4096, 128)
    positions, slots = torch.randint(4096, (tokens,)), torch.randperm(128 * tokens)[:tokens]
    scales = layer.key_scale, layer.value_scale
    caches = layer.key, layer.value, slots

    def ours() -> Tensor:
        rotate = torch.ops.ir_inplace.rotary_reshape_and_cache
        return rotate(positions, query, key, value, angles, *caches, True, *scales)

    def apart() -> Tensor:
        q, k = ops.rotary_embedding(positions, query, key, 128, 128, angles, True)
        torch.ops.ir_inplace.reshape_and_cache(k, value, *caches, *scales)
        return q

    with torch.no_grad():
        times = measure_interleaved({"ours": ours, "apart": apart}, rounds=rounds)
    seconds, other = (summarise(times[name], 1.0)[0] for name in ("ours", "apart"))
    name = f"{str(dtype).removeprefix('torch.')}, {tokens} tokens"
    return Line(name, seconds * 1e6, other * 1e6, seconds / other)


def _filled(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    if dtype == torch.int8:
        return torch.randint(-127, 128, shape, dtype=torch.int8)
    return torch.randn(shape).to(dtype)


def _measure_dense(dtype: torch.dtype, tokens: int, keys: int, rounds: int) -> Line:
    torch.manual_seed(0)
    query = torch.randn(1, tokens, HEADS, 64).to(dtype)
    key, value = (torch.randn(1, KV_HEADS, keys, 64).to(dtype) for _ in range(2))
    op, sdpa = ops.causal_attention, functional.scaled_dot_product_attention
    causal, by_head = tokens > 1, query.transpose(1, 2)

    def ours() -> Tensor:
        return op(query, key, value, None, None, None, None, None, True)

    def grouped() -> Tensor:
        return sdpa(by_head, key, value, is_causal=causal, enable_gqa=True)

    def repeated() -> Tensor:
        k, v = (t.repeat_interleave(HEADS // KV_HEADS, dim=1) for t in (key, value))
        return sdpa(by_head, k, v, is_causal=causal)

    cases: dict[str, Call] = {"ours": ours, "grouped": grouped, "repeated": repeated}
    with torch.no_grad(), op.set_priority(["iree"]), strict_priority():
        torch.testing.assert_close(ours(), repeated().transpose(1, 2), atol=2e-2, rtol=2e-2)
        times = measure_interleaved(cases, rounds=rounds, calls=max(2, 256 // tokens))
    medians = {name: summarise(samples, 1e6)[0] for name, samples in times.items()}
    peer = min(medians["grouped"], medians["repeated"])
    short = {torch.float32: "f32", torch.bfloat16: "bf16"}[dtype]
    name = f"{short}, {tokens} token{'s' * (tokens > 1)}, {keys} keys"
    read = 2 * KV_HEADS * keys * 64 * dtype.itemsize / medians["ours"] / 1e3
    return Line(name, medians["ours"], peer, medians["ours"] / peer, read if tokens == 1 else 0.0)
