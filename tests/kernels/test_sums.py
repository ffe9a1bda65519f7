"""Are the sums of a tile added to those in memory without waiting?"""

from __future__ import annotations

import itertools
import platform
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from kernels_mlir.attention.form import VectorForm, form_for
from kernels_mlir.matmul.packed import pack_weight
from tests.kernels.assembly import assembly_of
from tests.kernels.test_cpu_kinds import MACHINES

HEADS = torch.zeros(1, 40, 2, 64)
HALF = HEADS.bfloat16()
WEIGHT = torch.zeros(64, 400)
"""Its rows are so long that sums are added to earlier ones."""


def packed() -> tuple[Any, ...]:
    rows, weight = torch.zeros(40, 400), pack_weight(WEIGHT)
    return rows, weight, None, *WEIGHT.shape


KERNELS = {
    "ir_packed::linear": (packed, 40),
    "ir_kernels::mm_encoder_attn": (lambda: (HEADS, HEADS, HEADS, None, None), 100),
    "ir_kernels::causal_attention": (lambda: (HALF, HALF, HALF, *[None] * 5, False, None), 130),
}
"""The arguments of a call, and the most jumps; there were 114, 229 and 148."""


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads the assembly of x86-64")
def test_a_tile_is_stored_without_jumps(name: str, tmp_path: Path) -> None:
    """LLVM makes jumps of a select of a vector that is loaded."""
    arguments, most = KERNELS[name]
    text = assembly_of(name, arguments(), tmp_path)
    body = re.search(r"^(?:linear|attention)_\w+:(.*?)^\.Lfunc_end", text, re.DOTALL | re.MULTILINE)
    assert body is not None
    jumps = re.findall(r"^\tj(?!mp)\w+\t", body[1], re.MULTILINE)
    assert 10 < len(jumps) <= most


@pytest.mark.parametrize("kind", ["Ice Lake", "laptop with AVX2"])
@pytest.mark.parametrize("lines", [1, 4, 5, 8, 12, 16, 32, 63, 64, 65, 128])
def test_no_two_vectors_of_a_tile_have_equal_low_bits(kind: str, lines: int) -> None:
    """A read waits for a write if both addresses are equal modulo 4096 (Intel's CPUs)."""
    form = form_for(torch.float32, MACHINES[kind])
    assert isinstance(form, VectorForm)
    apart = form.lines_apart(lines)
    tile = itertools.product(range(form.tile_rows), range(form.vectors))
    places = [(row * apart + vector) % 64 for row, vector in tile]
    assert len(set(places)) == len(places)
    assert lines <= apart <= lines + 3
