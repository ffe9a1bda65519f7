"""Faults in what `optimize` puts into models: the cache that grows, and how attention reads it."""

from __future__ import annotations

from tests.mutation.mutant import Mutant, mutants_in

__all__ = ["MODEL_MUTANTS"]

MODEL_MUTANTS: tuple[Mutant, ...] = (
    *mutants_in(
        "ir_runtime/models/growing_layer.py",
        ("models/test_growing_layer.py",),
        (
            "cache: tokens that somebody holds are written over",
            "or length < room.written or end",
            "or end",
        ),
        (
            "cache: what autograd saved counts as changed",
            "memory.data[:, :, first:end].copy_(new)",
            "memory[:, :, first:end].copy_(new)",
        ),
        (
            "cache: keys that the user set are not seen",
            "same = self.keys is views[0] and self.values is views[1]",
            "same = True",
        ),
        (
            "cache: memory made in inference mode",
            "torch.inference_mode(mode=False)",
            "torch.no_grad()",
        ),
        (
            "cache: memory for more than twice the tokens",
            "1 << end.bit_length()",
            "2 << end.bit_length()",
        ),
    ),
    *mutants_in(
        "ir_runtime/models/attend.py",
        ("models/test_cache.py",),
        (
            "cache: attention reads behind the memory",
            "return room if end * tensor.itemsize <= tensor.untyped_storage().nbytes() else None",
            "return room",
        ),
    ),
    *mutants_in(
        "ir_runtime/models/gated_mlp/covered.py",
        ("models/test_covered.py",),
        ("optimize: a hook of a child that is not called", "or child._forward_hooks\n", "\n"),
        ("optimize: a child of another class", "type(child) is not known\n", "False\n"),
        (
            "optimize: a child with another forward",
            'or ("forward" in child.__dict__ and not has_new_forward(child))',
            "",
        ),
    ),
)
