"""Does an install without the compiler run what another machine compiled?  See `make test-install`.

`fill` compiles kernels into the store; `run`, in an environment without the compiler, must find
each of them there, and must say clearly what is missing for another.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Generator
from contextlib import contextmanager

import torch

import kernels_mlir
from ir_runtime.counters import current_counts
from ir_runtime.errors import ArtifactNotFoundError
from ir_runtime.op_reg import explain

SIZE = 48


def call_all(size: int) -> None:
    """Run each op once and compare it with torch."""
    functional = torch.nn.functional
    x, w, b = torch.randn(3, size), torch.randn(size), torch.randn(size)
    q = torch.randn(1, 5, 2, size // 2)
    close = torch.testing.assert_close
    close(kernels_mlir.rms_norm(x, w, 1e-6), functional.rms_norm(x, (size,), w, 1e-6))
    close(kernels_mlir.layer_norm(x, w, b, 1e-6), functional.layer_norm(x, (size,), w, b, 1e-6))
    close(kernels_mlir.gelu(x), functional.gelu(x))
    gate, up = x.chunk(2, -1)
    close(kernels_mlir.silu_and_mul(x), functional.silu(gate) * up)
    attention = functional.scaled_dot_product_attention(*(q.transpose(1, 2),) * 3)
    close(kernels_mlir.mm_encoder_attn(q, q, q), attention.transpose(1, 2))


@contextmanager
def refused() -> Generator[list[str]]:
    """Expect a kernel that nobody compiled to be refused; gives the message."""
    message: list[str] = []
    try:
        yield message
    except ArtifactNotFoundError as error:
        message.append(str(error))
    assert message, "a kernel ran that nobody compiled"


def main(mode: str) -> None:
    """Run one side."""
    call_all(SIZE)
    counts = current_counts()
    if mode == "fill":
        print(f"compiled {counts.compiles} kernels")
        return
    assert importlib.util.find_spec("iree.compiler") is None, "the compiler is installed here"
    assert (counts.compiles, counts.store_hits) == (0, 5), counts
    with refused() as message:
        call_all(SIZE + 2)
    assert "the compiler is not installed" in message[0], message
    assert "pip install 'iree-base-compiler==3.13.*'" in message[0], message
    call_all(SIZE)
    found = explain(torch.ops.ir_kernels.gelu, torch.randn(3, SIZE))
    assert found.executor == "direct", found
    print(f"ran {counts.store_hits} stored kernels without the compiler")


if __name__ == "__main__":
    main(sys.argv[1])
