"""The forms of attention on CPUs: the instructions that multiply, and the sizes of their blocks.

The scale of a form's softmax is that of `softmax(q k^T * scale)`; all forms take any length, any
grouping of heads, and any number of channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ir_runtime.device.machine import Machine, code_machine

__all__ = ["AmxForm", "form_for"]

POWER4 = (1.00000259, 0.693003836, 0.241442753, 0.0520114639, 0.0135341676)
"""2 to the power of 0..1 as a polynomial, of an error of 3e-6, far below that of bfloat16."""

SCORE_BYTES = 32 * 6
"""Bytes of a key in a block: of 32 scores in float32 and 32 probabilities in bfloat16."""


@dataclass(frozen=True)
class AmxForm:
    """Attention in AMX tiles, for bfloat16.

    Attributes:
        block: keys of a block, whose scores and probabilities are in the first cache.
        workers: workgroups; each has a part of the scratch buffer.
    """

    block: int
    workers: int

    template = "attention_amx"
    rows = 32

    @property
    def name(self) -> str:
        """A name that differs for each choice of sizes, for the variant of a kernel."""
        return f"amx{self.block}x{self.workers}"

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the template."""
        return {
            "form": self.template,
            "rows": self.rows,
            "block": self.block,
            "workers": self.workers,
            "polynomial": POWER4,
        }


def form_for(dtype: torch.dtype, machine: Machine | None = None) -> AmxForm | None:
    """Return the form for operands of a dtype on a machine; None for the one code is made for."""
    machine = machine or code_machine()
    if dtype == torch.bfloat16 and machine.has("amx-tile", "amx-bf16", "avx512bf16"):
        block = max(1, machine.l1_bytes // SCORE_BYTES // 32) * 32
        return AmxForm(block, machine.cores)
    return None
