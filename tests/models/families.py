"""Small models of transformers with random weights, of the families that `optimize` knows.

Almost all products have the same sizes, so that the tests share their kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["FAMILIES", "WORDS", "Family", "prompt"]

WIDTH, WORDS = 64, 64


@dataclass(frozen=True)
class Family:
    """A model of two layers.

    Attributes:
        build: makes it, in float32.
        counts: by kind, how many places are replaced where all kernels are tuned.
        decodes: whether it has `generate`.
        inputs: makes the arguments of a call, None for token ids.
    """

    build: Callable[[], nn.Module]
    counts: dict[str, int]
    decodes: bool = True
    inputs: Callable[[], dict[str, Tensor]] | None = None

    def make(self, dtype: torch.dtype = torch.float32) -> nn.Module:
        torch.manual_seed(0)
        model = self.build()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "norm" in name.lower() or ".ln_" in name:  # they begin as ones or zeros
                    parameter.add_(0.3 * torch.randn_like(parameter))
                else:  # as large as in trained models: else all logits are alike
                    parameter.mul_(4)
        return model.to(dtype).eval()

    def arguments(self) -> dict[str, Tensor]:
        return {"input_ids": prompt()} if self.inputs is None else self.inputs()


def prompt(batch: int = 2, tokens: int = 7) -> Tensor:
    generator = torch.Generator().manual_seed(batch)
    return torch.randint(2, WORDS, (batch, tokens), generator=generator)


def _sizes(**more: Any) -> dict[str, Any]:
    return {
        "hidden_size": WIDTH,
        "intermediate_size": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": WORDS,
        "max_position_embeddings": 128,
        **more,
    }


def _decoder(name: str, **more: Any) -> nn.Module:
    import transformers

    config = getattr(transformers, f"{name}Config")
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": None}
    made = config(**_sizes(num_key_value_heads=2, **tokens, **more))
    return getattr(transformers, f"{name.removesuffix('Text')}ForCausalLM")(made)


def _gpt2() -> nn.Module:
    import transformers

    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            n_embd=WIDTH,
            n_inner=WIDTH,
            n_layer=2,
            n_head=4,
            n_positions=128,
            vocab_size=WORDS,
            bos_token_id=1,
            eos_token_id=None,
        )
    )


def _bert() -> nn.Module:
    import transformers

    return transformers.BertModel(transformers.BertConfig(**_sizes()))


def _vit() -> nn.Module:
    import transformers

    sizes = _sizes(image_size=16, patch_size=4, num_channels=1)
    return transformers.ViTModel(transformers.ViTConfig(**sizes))


def _image() -> dict[str, Tensor]:
    return {"pixel_values": torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))}


def _llama() -> nn.Module:
    return _decoder("Llama")


_SLIDING = {"norm": 5, "rotary": 2, "attention": 2, "linear": 15, "mlp": 2}
_LLAMA = {**_SLIDING, "cache": 1}

FAMILIES = {
    "llama": Family(_llama, _LLAMA),
    "qwen2": Family(lambda: _decoder("Qwen2"), _LLAMA),
    "qwen3": Family(lambda: _decoder("Qwen3", head_dim=16), {**_LLAMA, "norm": 9}),
    "mistral": Family(lambda: _decoder("Mistral", sliding_window=8), _SLIDING),
    "gemma2": Family(
        lambda: _decoder("Gemma2", head_dim=16, sliding_window=8),
        {"norm": 9, "rotary": 2, "attention": 2, "activation": 2, "linear": 15, "cache": 1},
    ),
    "gemma3": Family(
        lambda: _decoder("Gemma3Text", head_dim=16, sliding_window=8),
        {"norm": 13, "rotary": 2, "attention": 2, "activation": 2, "linear": 15},
    ),
    "phi3": Family(
        lambda: _decoder("Phi3"),
        {"norm": 5, "rotary": 2, "attention": 2, "mlp": 2, "linear": 9, "cache": 1},
    ),
    "mixtral": Family(
        lambda: _decoder("Mixtral", num_local_experts=4, num_experts_per_tok=2),
        {"norm": 5, "rotary": 2, "attention": 2, "linear": 9, "cache": 1},
    ),
    "gpt2": Family(_gpt2, {"norm": 5, "attention": 2, "activation": 2, "linear": 1, "cache": 1}),
    "bert": Family(
        _bert,
        {"norm": 5, "attention": 2, "activation": 2, "linear": 13},
        decodes=False,
    ),
    "vit": Family(
        _vit,
        {"norm": 5, "attention": 2, "activation": 2, "linear": 13},
        decodes=False,
        inputs=_image,
    ),
}
