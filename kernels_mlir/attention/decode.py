"""The kernel of attention for one query token a sequence, on CPUs, and the sizes of its blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ir_runtime.device.machine import Machine, code_machine
from ir_runtime.dtypes import dtype_info
from ir_runtime.op_reg import JinjaTemplateLoader, call_function
from ir_runtime.rows.vector_functions import vector_functions
from kernels_mlir.attention.form import POWER6

if TYPE_CHECKING:
    from iree.compiler.ir import Value

    from ir_runtime.op_reg import KernelBuilder

__all__ = ["Decode", "DecodeForm", "call_decode", "decode_form"]

TEMPLATES = JinjaTemplateLoader(__name__)

CHUNK = 256
"""Keys of an item of work: it leaves a sum that is merged, a few hundredths of what it reads."""

BLOCK = 64
"""Keys of a block: sums are made of as many products. One is fetched while one is computed."""

BYTE_KEYS = 2
"""How many times as many keys of 8 bits are in a chunk and a block, to have as many bytes."""

MOST_TILE_HEADS = 8

MOST_CHANNEL_VECTORS = 8

HEADS_INSIDE = ("pages", "tokens_first")
"""Places where the same keys of all heads lie together: a worker reads them one after another."""


@dataclass(frozen=True)
class DecodeForm:
    """The sizes for a machine.

    Attributes:
        lanes: numbers of a vector; as many sums are in registers.
        workers: workgroups, one for each core.
        pairs: whether the CPU multiplies pairs of bfloat16 into sums in float32.
        words: the instruction that multiplies pairs of 16-bit integers, for int8; "" without one.
            CPUs with `vpdpwssd` multiply bytes, too.
    """

    lanes: int
    workers: int
    pairs: bool = False
    words: str = ""

    @property
    def name(self) -> str:
        """A name that differs for each choice of sizes, for the variant of a kernel."""
        pairs = " vdpbf16ps" if self.pairs else ""
        words = f" {self.words}" if self.words else ""
        return f"decode{self.lanes}x{self.workers}{pairs}{words}"

    def parameters(
        self, group: int, depth: int, slots: int, *, scaled: bool, words: bool
    ) -> dict[str, int]:
        """Return the sizes of the template.

        Args:
            group: query heads a key head.
            depth: channels of a head.
            slots: key heads whose queries a worker holds.
            scaled: whether keys have 8 bits.
            words: whether channels are counted in pairs of vectors.
        """
        chunk, block = (n * (BYTE_KEYS if scaled else 1) for n in (CHUNK, BLOCK))
        heads_each = min(1 << (group - 1).bit_length(), MOST_TILE_HEADS, self.lanes // 2)
        tiles, out_lines = -(-group // heads_each), -(-depth // self.lanes)
        unit = 2 if words else 1
        d_lines = -(-out_lines // unit) * unit
        most = min(self.lanes // heads_each, MOST_CHANNEL_VECTORS)
        fitting = [n for n in range(unit, most + 1, unit) if d_lines % n == 0]
        tile_lines = heads_each * d_lines + 2
        q_lines, s_lines = tiles * heads_each * d_lines, block * heads_each // self.lanes
        own_lines = slots * (q_lines + 2 * tiles) + s_lines + 2 + block // self.lanes
        return {
            "lanes": self.lanes,
            "workers": self.workers,
            "chunk": chunk,
            "block": block,
            "heads_each": heads_each,
            "keys_each": self.lanes // heads_each,
            "channel_vectors": fitting[-1],
            "tiles": tiles,
            "d_lines": d_lines,
            "out_lines": out_lines,
            "tile_lines": tile_lines,
            "part_lines": tiles * tile_lines,
            "q_lines": q_lines,
            "s_lines": s_lines,
            "own_lines": own_lines,
            "slots": slots,
        }


def decode_form(machine: Machine | None = None) -> DecodeForm:
    """Return the form for a machine; None for the one code is made for."""
    machine = machine or code_machine()
    wide = machine.cpu.cpu == "x86-64-v4"
    words = "vpmaddwd" if wide or machine.cpu.cpu == "x86-64-v3" else ""
    if wide and machine.has("avx512vnni"):
        words = "vpdpwssd"
    return DecodeForm(16 if wide else 8, machine.cores, wide and machine.has("avx512bf16"), words)


@dataclass(frozen=True)
class Decode:
    """The parameters of the template that a call decides.

    Attributes:
        heads: query heads.
        kv_heads: key heads.
        depth: channels of a head.
        dtype: of query and result.
        cache: dtype of keys and values.
        place: `pages`, `heads_first` or `tokens_first`.
        scale: factor of the scores.
        page: keys of a page.
        index_dtypes: of the table and of the lengths.
        window: keys that a token sees, None for all.
        soft_cap: bound of the scores, None for none.
        sinks: dtype of the sinks, None without.
        mask: dtype of the mask, None without.
        sliced: whether a number says how many keys are there, of those that there is memory for;
            not with pages.
    """

    heads: int
    kv_heads: int
    depth: int
    dtype: torch.dtype
    cache: torch.dtype
    place: str
    scale: float
    page: int = 0
    index_dtypes: tuple[torch.dtype, torch.dtype] = (torch.int32, torch.int32)
    window: int | None = None
    soft_cap: float | None = None
    sinks: torch.dtype | None = None
    mask: torch.dtype | None = None
    sliced: bool = False

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the template."""
        paged, scaled = self.place == "pages", self.cache == torch.int8
        entry, length = (_name(dtype) for dtype in self.index_dtypes)
        inputs = ["q", "k", "v"] + ["ksc", "vsc"] * scaled + ["table", "lengths"] * paged
        merged = ["parts"] + ["lengths"] * paged + ["sinks"] * (self.sinks is not None)
        group = self.heads // self.kv_heads
        form = decode_form()
        words = form.words if scaled and self.dtype == torch.bfloat16 else ""
        inside = self.place in HEADS_INSIDE
        slots = self.kv_heads if inside else 1
        return {
            "place": self.place,
            "paged": paged,
            "sliced": self.sliced,
            "scaled": scaled,
            "words": words,
            "by_bytes": words == "vpdpwssd",
            "pairs": form.pairs and self.dtype == self.cache == torch.bfloat16,
            "kv_heads": self.kv_heads,
            "group": group,
            "depth": self.depth,
            "element": _name(self.dtype),
            "cache": _name(self.cache),
            "cache_bytes": self.cache.itemsize,
            "heads_inside": inside,
            "scale": self.scale,
            "page": self.page,
            "entry": entry,
            "length": length,
            "window": self.window,
            "soft_cap": self.soft_cap,
            "sinks": None if self.sinks is None else _name(self.sinks),
            "mask": None if self.mask is None else _name(self.mask),
            "polynomial": POWER6,
            "functions": vector_functions(["tanh"] * (self.soft_cap is not None), form.lanes),
            "dfull": "true" if self.depth % form.lanes == 0 else "false",
            "numbers": ["batch", "width", "blocks", "part_all", "own_all"]
            + ["mask_rows"] * (self.mask is not None)
            + ["room"] * self.sliced,
            "inputs": inputs + ["mask"] * (self.mask is not None),
            "outputs": ["parts", "own"] + ["report"] * paged,
            "merge_inputs": merged,
            **form.parameters(group, self.depth, slots, scaled=scaled, words=bool(words)),
        }


def call_decode(kb: KernelBuilder, what: Decode, operands: Sequence[Value]) -> list[Value]:
    """Call the template.

    Args:
        kb: the builder.
        what: the parameters.
        operands: query `[B, H, D]`, keys, values, and what else there is: the scales of keys and
            of values, the table, the lengths, the mask `[B or 1, L]`, the sinks, and the number of
            keys.

    Returns:
        The result `[B, H, D]`; with pages also the rows of the index report for the lengths and for
        the table.
    """
    function = TEMPLATES.inline_template_function(kb, "decode", "decode", **what.parameters())
    with kb.context, kb.location, kb.ip:
        return call_function(function, *operands)


def _name(dtype: torch.dtype) -> str:
    return dtype_info(dtype).mlir
