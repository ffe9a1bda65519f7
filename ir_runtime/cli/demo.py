"""`ir-runtime demo`: a real model on real text, with plain PyTorch and with our kernels."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ir_runtime.cli.decoder import DecoderReport, measure_decoder
from ir_runtime.cli.embedding import (
    WayReport,
    align_layer_norms,
    check_packages,
    load_model,
    make_ways,
    measure_ways,
    tokenize,
)
from ir_runtime.cli.progress import Display, open_display
from ir_runtime.cli.sentence import load_sentences
from ir_runtime.frozen import frozen
from ir_runtime.settings import current_settings

__all__ = ["DemoReport", "run"]

MIN_COSINE = 0.99999
"""The least cosine between two embeddings of one sentence; below it, they count as wrong."""

_PLAIN_WIDTH = 120
"""Columns of the table if the output is no terminal."""


@frozen
class DemoReport:
    """The results of a run of the demo.

    Attributes:
        sentences: number of embedded sentences.
        batch_size: sentences per batch.
        tokens: tokens of all sentences together.
        padded_tokens: tokens with plain PyTorch's padding; our ways pack and do not pad.
        shortest: tokens of the shortest sentence.
        longest: tokens of the longest sentence.
        moved_weights: layer norm parameters that were moved to an aligned address.
        store: directory of the compiled kernels.
        ways: the report of each way, plain PyTorch first.
        decoder: the report of the decoder; None if it generated no tokens.
    """

    sentences: int
    batch_size: int
    tokens: int
    padded_tokens: int
    shortest: int
    longest: int
    moved_weights: int
    store: str
    ways: tuple[WayReport, ...]
    decoder: DecoderReport | None = None

    @property
    def failures(self) -> tuple[str, ...]:
        """One line for each way with other embeddings, or another text, than plain PyTorch."""
        wrong = tuple(
            f"{way.name}: smallest cosine {way.worst_cosine:.7f}, must be >= {MIN_COSINE}"
            for way in self.ways
            if math.isnan(way.worst_cosine) or way.worst_cosine < MIN_COSINE
        )
        return wrong if self.decoder is None else (*wrong, *self.decoder.failures)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo and print its report.

    Args:
        arguments: `sentences`, `batch_size`, `tokens` and `json`.

    Returns:
        0, or 1 if a way's embeddings differ from those of plain PyTorch.

    Raises:
        IrRuntimeError: a package is missing, or a kernel cannot be made or run.
    """
    check_packages()
    with open_display(sys.stderr) as display:
        report = _measure(display, arguments.sentences, arguments.batch_size, arguments.tokens)
    if arguments.json:
        print(json.dumps(asdict(report) | {"failures": report.failures}, indent=1))
    else:
        _print_table(report)
    for failure in report.failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if report.failures else 0


def _measure(display: Display, count: int, batch_size: int, tokens: int) -> DemoReport:
    sentences = load_sentences(count)
    with display.step("loading all-MiniLM-L6-v2"):
        model = load_model()
    moved = align_layer_norms(model)
    ways = measure_ways(make_ways(model), sentences, batch_size, display)
    lengths = [len(ids) for ids in tokenize(model, sentences)]
    return DemoReport(
        sentences=count,
        batch_size=batch_size,
        tokens=sum(lengths),
        padded_tokens=_padded_tokens(lengths, batch_size),
        shortest=min(lengths),
        longest=max(lengths),
        moved_weights=moved,
        store=str(current_settings().store),
        ways=ways,
        decoder=measure_decoder(sentences, tokens, display) if tokens else None,
    )


def _padded_tokens(lengths: Sequence[int], batch_size: int) -> int:
    """Count the tokens of batches of sorted sentences, each padded to its longest sentence."""
    ordered = sorted(lengths, reverse=True)
    batches = [ordered[i : i + batch_size] for i in range(0, len(ordered), batch_size)]
    return sum(batch[0] * len(batch) for batch in batches)


def _print_table(report: DemoReport) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"{report.sentences} sentences of {report.shortest} to {report.longest} tokens "
        f"({report.tokens} in all), in batches of {report.batch_size}"
    )
    table.add_column("")
    for way in report.ways:
        table.add_column(way.name, justify="right")
    for label, *cells in _rows(report.ways):
        table.add_row(label, *cells)
    console = Console() if sys.stdout.isatty() else Console(width=_PLAIN_WIDTH)
    console.print(table)
    print(f"store: {report.store}")
    print(
        f"plain PyTorch pads the {report.tokens} tokens to {report.padded_tokens}, "
        f"{report.padded_tokens / report.tokens:.2f} times as many; our ways pack them"
    )
    if report.moved_weights:
        print(
            f"{report.moved_weights} layer norm weights moved once to 64-byte boundaries, "
            "so that no call copies them"
        )
    if report.decoder is not None:
        _print_decoder(console, report.decoder)


def _print_decoder(console: Any, report: DecoderReport) -> None:
    """Print the texts and times of the decoder, before and after `optimize`."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=f"{report.tokens} bytes of text from a decoder of {report.parameters / 1e6:.1f} "
        f"million parameters, trained for {report.train_s:.0f} s"
    )
    table.add_column("")
    for way in report.ways:
        table.add_column(way.name, justify="right")
    for label, form, field in (
        ("text", "", "text"),
        ("tokens equal to plain", "d", "equal_tokens"),
        ("tokens per second", ".0f", "tokens_per_s"),
        ("first text, s", ".2f", "first_s"),
        ("places replaced", "d", "replaced"),
        ("kernels compiled", "d", "compiles"),
        ("store hits", "d", "store_hits"),
    ):
        cells = [escape(_cell(getattr(way, field), form)) for way in report.ways]
        table.add_row(label, *cells)
    console.print(table)


def _rows(ways: Sequence[WayReport]) -> list[list[str]]:
    def row(label: str, form: str, field: str) -> list[str]:
        return [label, *(_cell(getattr(way, field), form) for way in ways)]

    return [
        row("largest difference to plain", ".1e", "largest_difference"),
        row("smallest cosine to plain", ".7f", "smallest_cosine"),
        row("largest difference, batch 1 to batches", ".1e", "batch_difference"),
        row("smallest cosine, batch 1 to batches", ".7f", "batch_cosine"),
        row("ms per sentence", ".2f", "time_per_sentence_ms"),
        row("first pass, s", ".2f", "first_pass_s"),
        row("kernels compiled", "d", "compiles"),
        row("store hits", "d", "store_hits"),
        row("copies made", "d", "copies"),
        row("compiler loaded", "", "compiler_loaded"),
    ]


def _cell(value: Any, form: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format(value, form)
