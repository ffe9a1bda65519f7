"""`kernels_mlir.<op>(...)`, with `out` or without, and the shortest way of its calls."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import kernels_mlir
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg.op.find_op import registered_op
from tests.ir.ops import captured

KERNEL = torch.ops.ir_kernels.softmax
X = torch.randn(4, 64)


class _Seeing(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen.append(func)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("into", [False, True], ids=["new", "out"])
def test_a_plain_call_goes_straight_to_the_launcher(into):
    out = torch.empty_like(X)
    given = {"out": out} if into else {}
    wanted = kernels_mlir.softmax(X, **given).clone()
    assert torch.allclose(wanted, torch.softmax(X, -1))
    fast = registered_op("ir_kernels::softmax").calls.fast
    assert fast is not None
    entrance = fast._guarded_out if into else fast._guarded
    before = entrance.hits
    found = kernels_mlir.softmax(X, **given)
    assert entrance.hits == before + 1
    assert torch.equal(found, wanted)
    assert (found is out) == into


def test_what_sees_calls_sees_the_torch_op():
    out = torch.empty_like(X)
    with _Seeing() as mode:
        kernels_mlir.softmax(X)
        kernels_mlir.softmax(X, out=out)
    assert [func for func in mode.seen if "ir_kernels" in str(func)] == [KERNEL.default, KERNEL.out]
    x = X.clone().requires_grad_()
    kernels_mlir.softmax(x)[0, 0].backward()
    assert x.grad is not None
    with pytest.raises(ArgumentError, match="out= overloads are not differentiable"):
        kernels_mlir.softmax(x, out=out)


def test_a_compiler_sees_the_torch_op():
    _, targets = captured(lambda x: kernels_mlir.softmax(x) + 1, X)
    assert KERNEL.default in targets
    out = torch.empty_like(X)
    torch.compile(lambda x: kernels_mlir.softmax(x, out=out), backend="aot_eager", fullgraph=True)(
        X
    )
    assert torch.allclose(out, torch.softmax(X, -1))


WRITTEN = (
    *("gelu", "silu_and_mul", "softmax", "rms_norm", "layer_norm", "linear", "rotary_embedding"),
    *("mm_encoder_attn", "causal_attention", "paged_attention_decode"),
)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_function_takes_what_its_kernel_takes(name):
    packet = getattr(torch.ops.ir_kernels, name)
    names = list(inspect.signature(getattr(kernels_mlir, name)).parameters)
    wanted = [argument.name for argument in packet.default._schema.arguments]
    assert names == [*wanted, *(["out"] if "out" in packet.overloads() else [])]
