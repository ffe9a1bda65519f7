"""The demo's decoder: a small model is trained on the sentences, and generates text in each way."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from ir_runtime.cli.progress import Display
from ir_runtime.counters import count_since
from ir_runtime.frozen import frozen

__all__ = ["DecoderReport", "TextWay", "make_decoder", "measure_decoder"]

PROMPT = "Return the "
MOST_GAP = 1e-4
"""Two tokens count as equally likely if their logits are closer."""

_STEPS, _BATCH, _LENGTH = 250, 8, 64
_RATE = 4e-3
_FIRST_WEIGHTS = 0.1
"""The deviation of the first weights; with the usual 0.02 a model of this size learns no words."""
_PASSES = 3


@frozen
class TextWay:
    """The measurements of one way to generate text.

    Attributes:
        name: of the way.
        text: what the model wrote after the prompt.
        equal_tokens: how many of its first tokens are those of plain PyTorch.
        tokens_per_s: the median of a few runs in turns.
        first_s: the first run, in which kernels are compiled or loaded, and weights packed.
        replaced: places of the model that ops compute.
        compiles: kernels compiled.
        store_hits: kernels read from the store.
    """

    name: str
    text: str
    equal_tokens: int
    tokens_per_s: float
    first_s: float
    replaced: int
    compiles: int
    store_hits: int


@frozen
class DecoderReport:
    """The results of the demo's decoder.

    Attributes:
        parameters: of the model.
        tokens: how many were generated, bytes of text.
        train_s: the time of the training.
        gap: where the float ways first differ, how far apart the logits of the two best tokens
            are; 0 if they never differ.
        ways: plain PyTorch first.
    """

    parameters: int
    tokens: int
    train_s: float
    gap: float
    ways: tuple[TextWay, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """One line if a model with the weights as they are wrote another text."""
        if self.gap <= MOST_GAP:
            return ()
        return (f"generated text differs where logits are {self.gap:.1e} apart",)


def make_decoder(sentences: Sequence[str]) -> Any:
    """Train a small Llama on the bytes of sentences, always with the same result.

    Returns:
        A `LlamaForCausalLM` of 2 layers, 128 features and 256 tokens, in inference mode.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=256,
        max_position_embeddings=1024,
        pad_token_id=0,
        eos_token_id=None,
        initializer_range=_FIRST_WEIGHTS,
    )
    model: Any = LlamaForCausalLM(config)
    data = torch.tensor(list("\n".join(sentences).encode()))
    steps = torch.optim.AdamW(model.parameters(), lr=_RATE, betas=(0.9, 0.95))
    rates = torch.optim.lr_scheduler.OneCycleLR(steps, _RATE, total_steps=_STEPS, pct_start=0.1)
    generator = torch.Generator().manual_seed(0)
    for _ in range(_STEPS):
        starts = torch.randint(len(data) - _LENGTH, (_BATCH,), generator=generator)
        ids = torch.stack([data[start : start + _LENGTH] for start in starts])
        loss = model(input_ids=ids, labels=ids).loss
        steps.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        steps.step()
        rates.step()
    return model.eval().requires_grad_(requires_grad=False)


def measure_decoder(sentences: Sequence[str], tokens: int, display: Display) -> DecoderReport:
    """Generate text with a model as it is, optimised, and optimised with weights of 8 bits.

    Args:
        sentences: what the model is trained on.
        tokens: how many bytes each run generates, at most 1000.
        display: shows each step.
    """
    import ir_runtime

    began = time.perf_counter()
    with display.step("training a small decoder on the sentences"):
        plain = make_decoder(sentences)
    train_s = time.perf_counter() - began
    models: dict[str, tuple[Any, int]] = {"plain PyTorch": (plain, 0)}
    forms: tuple[Literal["int8"] | None, ...] = (None, "int8")
    for weights in forms:
        model = copy.deepcopy(plain)
        report = ir_runtime.optimize(model, weights=weights)
        name = "optimize" if weights is None else f'optimize, weights="{weights}"'
        models[name] = model, len(report.replaced)
    trials: list[_Trial] = []
    for name, (model, replaced) in models.items():
        with display.step(f"generating text: {name}"):
            trials.append(_try(name, model, replaced, tokens))
    times: list[list[float]] = [[] for _ in trials]
    for turn in range(1, _PASSES + 1):
        with display.step(f"timing text, pass {turn} of {_PASSES}"):
            for trial, seen_s in zip(trials, times, strict=True):
                seen_s.append(_generate(trial.model, tokens)[1])
    reference = trials[0].ids
    ways = tuple(
        trial.way(reference, tokens / statistics.median(seen_s))
        for trial, seen_s in zip(trials, times, strict=True)
    )
    count = sum(p.numel() for p in plain.parameters())
    return DecoderReport(count, tokens, train_s, _gap(plain, reference, trials[1].ids), ways)


@frozen
class _Trial:
    """The first run of one way."""

    name: str
    model: Any
    ids: Tensor
    first_s: float
    replaced: int
    compiles: int
    store_hits: int

    def way(self, reference: Tensor, tokens_per_s: float) -> TextWay:
        """Return the report of the way."""
        text = bytes(self.ids.tolist()).decode(errors="replace")
        equal = int((self.ids == reference).long().cumprod(0).sum())
        return TextWay(
            self.name,
            text,
            equal,
            tokens_per_s,
            self.first_s,
            self.replaced,
            self.compiles,
            self.store_hits,
        )


def _try(name: str, model: Any, replaced: int, tokens: int) -> _Trial:
    with count_since() as counts:
        ids, first_s = _generate(model, tokens)
    compiles = sum(each.compiles for each in counts)
    hits = sum(each.store_hits for each in counts)
    return _Trial(name, model, ids, first_s, replaced, compiles, hits)


def _prompt() -> Tensor:
    return torch.tensor([list(PROMPT.encode())])


def _generate(model: Any, tokens: int) -> tuple[Tensor, float]:
    """Return the tokens behind the prompt, and the time that they took."""
    ids = _prompt()
    began = time.perf_counter()
    found = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False
    )
    return found[0, ids.shape[1] :], time.perf_counter() - began


def _gap(model: Any, reference: Tensor, ids: Tensor) -> float:
    """Return how far apart the two best tokens are where two texts first differ."""
    different = (reference != ids).nonzero()
    if not len(different):
        return 0.0
    before = torch.cat((_prompt()[0], reference[: int(different[0])]))[None]
    best = model(input_ids=before).logits[0, -1].topk(2).values
    return float(best[0] - best[1])
