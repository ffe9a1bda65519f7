"""Whole models of `transformers`, tiny and with random weights, and how exact they are."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.utils import _pytree as pytree

from ir_runtime import aot

transformers = pytest.importorskip("transformers")

__all__ = ["MODELS", "Deviation", "deviations_of", "draw_words", "model_of"]

WORDS = 32
DECODER = {
    "vocab_size": WORDS, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
    "bos_token_id": 1, "eos_token_id": 2, "use_cache": False,
}  # fmt: skip
ENCODER = {
    "vocab_size": WORDS, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 4, "max_position_embeddings": 64,
}  # fmt: skip


class ResidualCnn(nn.Module):
    """A stem, a block with a shortcut, and a classifier, with batch norms that were trained."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )  # fmt: skip
        self.block = nn.Sequential(
            nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8),
        )  # fmt: skip
        self.shortcut = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))
        self.classify = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.classify(torch.relu(self.block(x) + self.shortcut(x)))


def draw_words(batch: int, length: int) -> Tensor:
    """Draw a batch of sentences."""
    return torch.randint(0, WORDS, (batch, length))


def _image(batch: int, length: int) -> Tensor:
    del length
    return torch.randn(batch, 3, 16, 16)


def _sound(batch: int, length: int) -> Tensor:
    del length
    return torch.randn(batch, 8, 20)


def _whisper_encoder() -> Any:
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    sizes = dict.fromkeys(("encoder_layers", "decoder_layers"), 2)
    sizes |= dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4)
    config = transformers.WhisperConfig(
        **sizes, d_model=16, encoder_ffn_dim=24, decoder_ffn_dim=24, num_mel_bins=8,
        max_source_positions=10, vocab_size=WORDS, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1,
    )  # fmt: skip
    return WhisperEncoder(config)


def _of(kind: str, config: str, **options: Any) -> Callable[[], Any]:
    return lambda: getattr(transformers, kind)(getattr(transformers, config)(**options))


MODELS: dict[str, tuple[Callable[[], Any], Callable[[int, int], Tensor]]] = {
    "gpt2": (
        _of("GPT2LMHeadModel", "GPT2Config", vocab_size=WORDS, n_embd=16, n_layer=2, n_head=4,
            n_positions=64, bos_token_id=1, eos_token_id=2, use_cache=False),
        draw_words,
    ),
    "cnn": (ResidualCnn, _image),
    "mamba": (
        _of("MambaForCausalLM", "MambaConfig", vocab_size=WORDS, hidden_size=16, state_size=4,
            num_hidden_layers=2, use_cache=False),
        draw_words,
    ),
    "llama": (_of("LlamaForCausalLM", "LlamaConfig", **DECODER), draw_words),
    "qwen3": (_of("Qwen3ForCausalLM", "Qwen3Config", **DECODER, head_dim=4), draw_words),
    "gemma2": (
        _of("Gemma2ForCausalLM", "Gemma2Config", **DECODER, head_dim=4, sliding_window=4,
            query_pre_attn_scalar=4),
        draw_words,
    ),
    "mixtral": (
        _of("MixtralForCausalLM", "MixtralConfig", **DECODER, num_local_experts=4,
            num_experts_per_tok=2),
        draw_words,
    ),
    "bert": (_of("BertModel", "BertConfig", **ENCODER), draw_words),
    "distilbert": (
        _of("DistilBertModel", "DistilBertConfig", vocab_size=WORDS, dim=16, n_layers=2, n_heads=4,
            hidden_dim=24, max_position_embeddings=64),
        draw_words,
    ),
    "t5_encoder": (
        _of("T5EncoderModel", "T5Config", vocab_size=WORDS, d_model=16, d_kv=4, d_ff=24,
            num_layers=2, num_heads=4),
        draw_words,
    ),
    "vit": (
        _of("ViTForImageClassification", "ViTConfig", hidden_size=16, num_hidden_layers=2,
            num_attention_heads=4, intermediate_size=24, image_size=16, patch_size=4),
        _image,
    ),
    "whisper_encoder": (_whisper_encoder, _sound),
}  # fmt: skip
STATIC_LENGTH = ("mamba",)
"""Models whose torch code loops over the length in Python."""
_CLEAR = 0.05


@dataclass(frozen=True)
class Deviation:
    """The largest errors of one result against float64: ours and torch's.

    Attributes:
        ours: of the exported program.
        torchs: of the module in its own dtype.
        is_alike: whether both results have the same shape and dtype.
    """

    ours: float
    torchs: float
    is_alike: bool


def model_of(name: str, dtype: torch.dtype) -> Any:
    """Make a model, always with the same weights."""
    torch.manual_seed(1)
    model = MODELS[name][0]().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.to(dtype)


def deviations_of(name: str, dtype: torch.dtype, *, dynamic: bool) -> list[Deviation]:
    """Export a model, run it at some sizes, and compare each result with float64."""
    model, draw = model_of(name, dtype), MODELS[name][1]
    reference = _exact_reference(model)
    open_sizes = {0: Dim.DYNAMIC}
    if draw is draw_words and name not in STATIC_LENGTH:
        open_sizes[1] = Dim.DYNAMIC

    def given(batch: int, length: int) -> Tensor:
        for _ in range(100):
            x = draw(batch, length)
            if _chooses_clearly(reference, x):
                break
        return x.to(dtype) if x.is_floating_point() else x

    program = aot.export(
        model, (given(2, 5),), dynamic_shapes=(open_sizes,) if dynamic else None, name=name
    )
    sizes = [(2, 5)] if not dynamic else [(3, 5)] if 1 not in open_sizes else [(3, 7), (1, 9)]
    found: list[Deviation] = []
    for batch, length in sizes:
        x = given(batch, length)
        with torch.no_grad():
            exact = reference(x.double() if x.is_floating_point() else x)
            results = zip(_tensors(program(x)), _tensors(exact), _tensors(model(x)), strict=True)
        for got, wanted, torchs in results:
            alike = (got.shape, got.dtype) == (torchs.shape, torchs.dtype)
            ours, theirs = ((v.double() - wanted).abs().max().item() for v in (got, torchs))
            found.append(Deviation(ours, theirs, alike))
    return found


def _exact_reference(model: Any) -> Any:
    """Return the model in float64; grouped matrix products have no such form."""
    exact = copy.deepcopy(model).double()
    if hasattr(exact, "set_experts_implementation"):
        exact.set_experts_implementation("eager")
    return exact


def _chooses_clearly(reference: Any, x: Tensor) -> bool:
    """Tell whether no rounding can make a mixture of experts choose another expert."""
    chosen = getattr(getattr(reference, "config", None), "num_experts_per_tok", None)
    if chosen is None:
        return True
    with torch.no_grad():
        layers = reference(x, output_router_logits=True).router_logits
    for logits in layers:
        ordered = logits.sort(-1, descending=True).values
        if (ordered[:, chosen - 1] - ordered[:, chosen]).min() < _CLEAR * logits.std():
            return False
    return True


def _tensors(results: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(results) if isinstance(leaf, Tensor)]
