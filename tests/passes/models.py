"""Small models of transformers with random weights, and what is to be raised in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["MODELS", "Exactly", "Model"]

WIDTH, WORDS, TOKENS = 64, 96, 12

Inputs = dict[str, Tensor]


@dataclass(frozen=True)
class Model:
    """A model of two layers.

    Attributes:
        build: makes it, with random weights, in float32.
        counts: by form, how many places are raised; other forms may match, too.
        masked: whether it takes a mask of padding.
    """

    build: Callable[[], torch.nn.Module]
    counts: dict[str, int]
    masked: bool = True

    def make(self, dtype: torch.dtype = torch.float32) -> torch.nn.Module:
        torch.manual_seed(0)
        model = self.build()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "norm" in name.lower():  # they begin as ones or zeros
                    parameter.add_(0.3 * torch.randn_like(parameter))
        if dtype == torch.float64 and hasattr(model, "set_experts_implementation"):
            model.set_experts_implementation("eager")  # torch has no grouped product of float64
        return model.to(dtype).eval()

    def inputs(self, batch: int = 2, *, padded: bool = False) -> Inputs:
        generator = torch.Generator().manual_seed(batch)
        made = {"input_ids": torch.randint(0, WORDS, (batch, TOKENS), generator=generator)}
        if padded and self.masked:
            lengths = torch.arange(batch) % 3
            made["attention_mask"] = (torch.arange(TOKENS) >= lengths[:, None]).long()
        return made


def _attention_sizes() -> dict[str, Any]:
    return {
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": WORDS,
    }


def _decoder(kind: str, **options: Any) -> torch.nn.Module:
    import transformers

    config = getattr(transformers, f"{kind}Config")
    sizes = {**_attention_sizes(), "num_key_value_heads": 2, "use_cache": False, **options}
    model = getattr(transformers, f"{kind}ForCausalLM", None)
    return model(config(**sizes))


def _llama() -> torch.nn.Module:
    return _decoder("Llama")


def _qwen3() -> torch.nn.Module:
    return _decoder("Qwen3", head_dim=16)


def _gemma3() -> torch.nn.Module:
    import transformers

    sizes = {**_attention_sizes(), "num_key_value_heads": 2, "head_dim": 16, "use_cache": False}
    config = transformers.Gemma3TextConfig(**sizes, sliding_window=8)
    return transformers.Gemma3ForCausalLM(config)


def _mixtral() -> torch.nn.Module:
    return _decoder("Mixtral", num_local_experts=4, num_experts_per_tok=2)


def _phi() -> torch.nn.Module:
    return _decoder("Phi", num_key_value_heads=4, partial_rotary_factor=0.5)


def _bert() -> torch.nn.Module:
    import transformers

    return transformers.BertModel(transformers.BertConfig(**_attention_sizes()))


def _mamba() -> torch.nn.Module:
    import transformers

    config = transformers.MambaConfig(
        hidden_size=WIDTH, num_hidden_layers=2, vocab_size=WORDS, state_size=4, use_cache=False
    )
    return transformers.MambaForCausalLM(config)


MODELS = {
    "llama": Model(_llama, {"rms_norm": 5, "rotary": 2}),
    "qwen3": Model(_qwen3, {"rms_norm": 9, "rotary": 2}),
    "gemma3": Model(_gemma3, {"gemma_rms_norm": 13, "rotary": 2, "gelu": 2}),
    "mixtral": Model(_mixtral, {"rms_norm": 5, "rotary": 2, "silu_and_mul": 2}),
    "bert": Model(_bert, {"layer_norm": 5, "gelu": 2}),
    "phi": Model(_phi, {"layer_norm": 3, "gelu_new": 2, "rotary": 2}),
    "mamba": Model(_mamba, {"rms_norm": 3}, masked=False),
}


class Exactly(TorchFunctionMode):
    """Compute in float64 where a model of float64 weights would go back to float32."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is Tensor.float:
            func = Tensor.double
        args = tuple(torch.float64 if a is torch.float32 else a for a in args)
        named = {
            name: torch.float64 if value is torch.float32 else value
            for name, value in (kwargs or {}).items()
        }
        return func(*args, **named)
