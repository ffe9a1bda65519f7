"""The refusal of programs that draw random numbers, or compute sizes from values."""

from __future__ import annotations

from typing import Any

import torch
from torch.export.graph_signature import OutputKind

from ir_runtime.errors import ExportError
from ir_runtime.op_reg.trace.legal import operator_name, place_of, user_operator

__all__ = ["refuse_unsupported"]

_KINDS = (
    OutputKind.USER_OUTPUT,
    OutputKind.USER_INPUT_MUTATION,
    OutputKind.BUFFER_MUTATION,
    OutputKind.PARAMETER_MUTATION,
)


def refuse_unsupported(name: str, program: Any) -> None:
    """Refuse a functional program that no compiled program can replace.

    Raises:
        ExportError: the message has the reason, and the user's line if it is known.
    """
    from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols

    for node in program.graph.nodes:
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            raise ExportError(
                f"{name}: draws random numbers ({node.target}), must be deterministic",
                facts=place_of(node),
                fix="call eval() on the module first, or pass the numbers as an argument",
            )
        value = node.meta.get("val")
        # With the indexing and `nonzero` that make such sizes, a compile of IREE 3.13 never ends.
        if isinstance(value, torch.Tensor) and free_unbacked_symbols(value.shape):
            maker = node.target if operator_name(node.target) else user_operator(node)
            raise ExportError(
                f"{name}: makes a tensor whose size depends on values ({maker}), must make "
                "sizes of argument sizes only",
                facts=place_of(node),
            )
    for spec in program.graph_signature.output_specs:
        if spec.kind not in _KINDS:
            raise ExportError(
                f"{name}: has an output of kind {spec.kind.name.lower()}, must be a result"
            )
