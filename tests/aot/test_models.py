"""Whole models of `transformers`, tiny and with random weights, compute what torch computes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.utils import _pytree as pytree

from ir_runtime import aot
from ir_runtime.errors import ExportError

transformers = pytest.importorskip("transformers")

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


def _words(batch: int, length: int) -> Tensor:
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
        _words,
    ),
    "cnn": (ResidualCnn, _image),
    "mamba": (
        _of("MambaForCausalLM", "MambaConfig", vocab_size=WORDS, hidden_size=16, state_size=4,
            num_hidden_layers=2, use_cache=False),
        _words,
    ),
    "llama": (_of("LlamaForCausalLM", "LlamaConfig", **DECODER), _words),
    "qwen3": (_of("Qwen3ForCausalLM", "Qwen3Config", **DECODER, head_dim=4), _words),
    "gemma2": (
        _of("Gemma2ForCausalLM", "Gemma2Config", **DECODER, head_dim=4, sliding_window=4,
            query_pre_attn_scalar=4),
        _words,
    ),
    "mixtral": (
        _of("MixtralForCausalLM", "MixtralConfig", **DECODER, num_local_experts=4,
            num_experts_per_tok=2),
        _words,
    ),
    "bert": (_of("BertModel", "BertConfig", **ENCODER), _words),
    "distilbert": (
        _of("DistilBertModel", "DistilBertConfig", vocab_size=WORDS, dim=16, n_layers=2, n_heads=4,
            hidden_dim=24, max_position_embeddings=64),
        _words,
    ),
    "t5_encoder": (
        _of("T5EncoderModel", "T5Config", vocab_size=WORDS, d_model=16, d_kv=4, d_ff=24,
            num_layers=2, num_heads=4),
        _words,
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
STATIC = ("mixtral",)
"""Models that run with static sizes alone; in bf16 a rounding chooses another expert."""
QUICK = {("gpt2", True, torch.float32), ("cnn", False, torch.float32)}
ROWS = [
    pytest.param(name, dynamic, dtype, marks=() if (name, dynamic, dtype) in QUICK
                 else pytest.mark.full)
    for name in MODELS for dynamic in (False, True) for dtype in (torch.float32, torch.bfloat16)
    if name not in STATIC or (not dynamic and dtype is torch.float32)
]  # fmt: skip


@contextmanager
def _exact_reference(model: Any) -> Iterator[Any]:
    """Give the model in float64; grouped matrix products have no such form."""
    exact = copy.deepcopy(model).double()
    if hasattr(exact, "set_experts_implementation"):
        exact.set_experts_implementation("eager")
    yield exact


def _model(make: Callable[[], Any], dtype: torch.dtype) -> Any:
    torch.manual_seed(1)
    model = make().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.to(dtype)


def _tensors(results: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(results) if isinstance(leaf, Tensor)]


@pytest.mark.parametrize(("name", "dynamic", "dtype"), ROWS)
def test_model_is_as_exact_as_torch(name: str, dynamic: bool, dtype: torch.dtype) -> None:
    make, draw = MODELS[name]
    model = _model(make, dtype)
    open_sizes = {0: Dim.DYNAMIC}
    if draw is _words and name not in STATIC_LENGTH:
        open_sizes[1] = Dim.DYNAMIC

    def given(batch: int, length: int, kind: torch.dtype) -> Tensor:
        x = draw(batch, length)
        return x.to(kind) if x.is_floating_point() else x

    program = aot.export(
        model,
        (given(2, 5, dtype),),
        dynamic_shapes=(open_sizes,) if dynamic else None,
        name=name,
    )
    sizes = [(2, 5)] if not dynamic else [(3, 5)] if 1 not in open_sizes else [(3, 7), (1, 9)]
    for batch, length in sizes:
        x = given(batch, length, dtype)
        with torch.no_grad(), _exact_reference(model) as reference:
            exact = reference(x.double() if x.is_floating_point() else x)
            results = zip(_tensors(program(x)), _tensors(exact), _tensors(model(x)), strict=True)
        for got, wanted, torchs in results:
            assert (got.shape, got.dtype) == (torchs.shape, torchs.dtype)
            error, allowed = ((value.double() - wanted).abs().max() for value in (got, torchs))
            assert error <= 2 * allowed + 4 * torch.finfo(dtype).eps


def test_experts_of_dynamic_batches_are_refused() -> None:
    rows = torch.randn(6, 8, dtype=torch.bfloat16)
    weights, ends = torch.randn(2, 8, 8, dtype=torch.bfloat16), torch.tensor([2, 6]).int()

    def multiply(x: Tensor) -> Tensor:
        return nn.functional.grouped_mm(x, weights, offs=ends)

    with pytest.raises(ExportError, match="grouped_mm: the number of rows is dynamic"):
        aot.export(multiply, (rows,), dynamic_shapes=({0: Dim.DYNAMIC},))


def test_result_is_of_the_class_that_the_model_returns() -> None:
    model = _model(MODELS["gpt2"][0], torch.float32)
    program = aot.export(model, (_words(2, 5),), name="gpt2")
    got, wanted = program(x := _words(2, 5)), model(x)
    assert type(got) is type(wanted)
    assert got.keys() == wanted.keys()
