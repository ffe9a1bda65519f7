"""llama.cpp as a side of `python -m benchmarks models`: the same shapes, random weights.

It needs `llama-cpp-python` (built on this machine, so that llama.cpp uses its instructions) and
`gguf`. A weight has 8.5 bits in `Q8_0` and 4.5 in `Q4_0`, scales included.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

__all__ = ["BITS", "LlamaCpp", "missing"]

BITS = {"f32": 32.0, "bf16": 16.0, "int8": 8.5, "int4": 4.5}
"""Bits of a weight, by the dtype of a case."""

_TYPES = {"f32": "F32", "bf16": "BF16", "int8": "Q8_0", "int4": "Q4_0"}
_SEED = 0


def missing() -> str:
    """Return what must be installed for it; "" if nothing."""
    lacks = {"llama_cpp": "llama-cpp-python", "gguf": "gguf"}
    return " and ".join(name for module, name in lacks.items() if find_spec(module) is None)


class LlamaCpp:
    """A decoder in llama.cpp.

    Args:
        config: of the transformers model; its family is llama or qwen3.
        dtype: of its weights: `f32`, `bf16`, `int8` or `int4`.
        batch: how many sequences it computes together.
        tokens: of each sequence before a step.
    """

    _model: Any = None
    _context: Any = None

    def __init__(self, config: Any, dtype: str, batch: int, tokens: int) -> None:
        import llama_cpp as lib

        self._lib = lib
        with tempfile.TemporaryDirectory() as folder, _silence():
            path = Path(folder, "model.gguf")
            _write(path, config, dtype)
            options = lib.llama_model_default_params()
            options.use_mmap = False
            self._model = lib.llama_model_load_from_file(os.fsencode(path), options)
            if not self._model:
                raise RuntimeError(f"llama.cpp refuses the {config.model_type} model in {dtype}")
            self._context = self._make_context(batch, tokens)
        self._vocabulary: int = config.vocab_size
        self._batch, self._tokens = batch, tokens

    def _make_context(self, batch: int, tokens: int) -> Any:
        lib = self._lib
        options = lib.llama_context_default_params()
        options.n_ctx = batch * (tokens + 16)
        options.n_batch = options.n_ubatch = max(batch * tokens, 1)
        options.n_seq_max = batch
        options.n_threads = options.n_threads_batch = torch.get_num_threads()
        context = lib.llama_init_from_model(self._model, options)
        if not context:
            raise RuntimeError(f"llama.cpp makes no context of {batch} x {tokens} tokens")
        return context

    def prefill(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """Return a call that computes all prompts, and what forgets them."""
        return lambda: self._decode(range(self._tokens)), lambda: self._forget(0)

    def decode(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """Return a step after the prompts, and what forgets it."""
        self._decode(range(self._tokens))
        return lambda: self._decode([self._tokens]), lambda: self._forget(self._tokens)

    def _decode(self, positions: Any) -> tuple[torch.Tensor]:
        """Compute tokens at these positions of each sequence; return the logits of the last."""
        lib, count = self._lib, len(positions) * self._batch
        batch = lib.llama_batch_init(count, 0, 1)
        batch.n_tokens = count
        for n in range(count):
            sequence, position = divmod(n, len(positions))
            batch.token[n] = 7
            batch.pos[n] = positions[position]
            batch.n_seq_id[n] = 1
            batch.seq_id[n][0] = sequence
            batch.logits[n] = position == len(positions) - 1
        failed = lib.llama_decode(self._context, batch)
        lib.llama_batch_free(batch)
        if failed:
            raise RuntimeError(f"llama_decode of {count} tokens returned {failed}")
        pointer = ctypes.cast(
            lib.llama_get_logits(self._context),
            ctypes.POINTER(ctypes.c_float * (self._batch * self._vocabulary)),
        )
        logits = np.frombuffer(pointer.contents, np.float32).reshape(self._batch, -1)
        return (torch.from_numpy(logits),)

    def _forget(self, start: int) -> None:
        memory = self._lib.llama_get_memory(self._context)
        for sequence in range(self._batch):
            self._lib.llama_memory_seq_rm(memory, sequence, start, -1)

    def __del__(self) -> None:
        with _silence():
            if self._context:
                self._lib.llama_free(self._context)
            if self._model:
                self._lib.llama_model_free(self._model)


def _write(path: Path, config: Any, dtype: str) -> None:
    """Write a GGUF file of a decoder with random weights, and without a tokenizer."""
    import gguf

    file = gguf.GGUFWriter(path, config.model_type)
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    file.add_context_length(config.max_position_embeddings)
    file.add_embedding_length(config.hidden_size)
    file.add_block_count(config.num_hidden_layers)
    file.add_feed_forward_length(config.intermediate_size)
    file.add_head_count(config.num_attention_heads)
    file.add_head_count_kv(config.num_key_value_heads)
    file.add_key_length(size)
    file.add_value_length(size)
    file.add_rope_dimension_count(size)
    file.add_layer_norm_rms_eps(config.rms_norm_eps)
    file.add_vocab_size(config.vocab_size)
    file.add_tokenizer_model("no_vocab")
    kind = gguf.GGMLQuantizationType[_TYPES[dtype]]
    for name, shape in _tensors(config, size):
        if len(shape) == 1:
            file.add_tensor(name, np.ones(shape, np.float32))
        else:
            file.add_tensor(name, _random(shape, kind), raw_dtype=kind)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


def _tensors(config: Any, size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the names and shapes, `[out, in]`; the head is the embedding."""
    width, wide = config.hidden_size, config.intermediate_size
    queries, keys = config.num_attention_heads * size, config.num_key_value_heads * size
    yield "token_embd.weight", (config.vocab_size, width)
    yield "output_norm.weight", (width,)
    for n in range(config.num_hidden_layers):
        yield f"blk.{n}.attn_norm.weight", (width,)
        yield f"blk.{n}.attn_q.weight", (queries, width)
        yield f"blk.{n}.attn_k.weight", (keys, width)
        yield f"blk.{n}.attn_v.weight", (keys, width)
        yield f"blk.{n}.attn_output.weight", (width, queries)
        if config.model_type == "qwen3":
            yield f"blk.{n}.attn_q_norm.weight", (size,)
            yield f"blk.{n}.attn_k_norm.weight", (size,)
        yield f"blk.{n}.ffn_norm.weight", (width,)
        yield f"blk.{n}.ffn_gate.weight", (wide, width)
        yield f"blk.{n}.ffn_up.weight", (wide, width)
        yield f"blk.{n}.ffn_down.weight", (width, wide)


def _random(shape: tuple[int, ...], kind: Any) -> Any:
    """Return random weights; rows after the first 256 repeat them, which saves time here only."""
    import gguf

    generator = np.random.default_rng(_SEED)
    rows = 0.02 * generator.standard_normal((min(256, shape[0]), shape[1]), np.float32)
    packed = gguf.quants.quantize(rows, kind)
    return np.resize(packed, (shape[0], packed.shape[1]))


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Drop what llama.cpp says of a model, which it writes past Python."""
    kept = os.dup(2)
    with Path(os.devnull).open("w", encoding="ascii") as nothing:
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
