"""What can a compiled program not do?  Keep state, change arguments, draw random numbers."""

from __future__ import annotations

from typing import Any

import torch

from ir_runtime.errors import ExportError
from ir_runtime.op_reg.legal import place_of

__all__ = ["refuse_unsupported"]


def refuse_unsupported(name: str, program: Any) -> None:
    """Refuse a functional program that does what a compiled one cannot.

    Raises:
        ExportError: says what, and where that is known.
    """
    from torch.export.graph_signature import OutputKind, SymIntArgument, TensorArgument
    from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols

    for node in program.graph.nodes:
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            raise ExportError(
                f"{name}: draws random numbers ({node.target}), must be deterministic",
                facts=place_of(node),
                fix="call eval() on the module first, or pass the numbers as an argument",
            )
        value = node.meta.get("val")
        # IREE 3.13 compiles the indexing and `nonzero` that make such sizes without ever ending
        if isinstance(value, torch.Tensor) and free_unbacked_symbols(value.shape):
            raise ExportError(
                f"{name}: makes a tensor whose size depends on values ({node.target}), must make "
                "sizes of argument sizes only",
                facts=place_of(node),
            )
    for spec in program.graph_signature.output_specs:
        if spec.kind is OutputKind.BUFFER_MUTATION:
            raise ExportError(
                f"{name}: changes its buffer `{spec.target}`, must leave it as it is",
                fix="call eval() on the module first, or make the buffer an argument and a result",
            )
        if spec.kind is OutputKind.USER_INPUT_MUTATION:
            raise ExportError(
                f"{name}: changes its argument `{spec.target}`, must leave it as it is",
                fix="change a clone of it, and return that",
            )
        if spec.kind is not OutputKind.USER_OUTPUT:
            raise ExportError(
                f"{name}: has an output of kind {spec.kind.name.lower()}, must be a result"
            )

    results = [s.arg for s in program.graph_signature.output_specs]
    for i, result in enumerate(results):
        if not isinstance(result, TensorArgument | SymIntArgument):
            raise ExportError(
                f"{name}: result {i} is {getattr(result, 'value', result)!r}, "
                "must be a tensor or an integer that depends on sizes"
            )
