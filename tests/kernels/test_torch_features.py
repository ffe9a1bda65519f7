"""K13: the ops under torch's other features: jvp, vmap, FLOP counts, sharded tensors."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils.flop_counter import FlopCounterMode

from tests.cases import BY_OP, CASES, OpCase
from tests.sampling import covering


def of_tensors(case: OpCase, op: Any, arguments: tuple[Any, ...]) -> Callable[..., Tensor]:
    """Return an op as a function of its differentiable arguments alone."""

    def call(*tensors: Tensor) -> Tensor:
        values = list(arguments)
        for i, tensor in zip(case.differentiable, tensors, strict=True):
            values[i] = tensor
        return case.one_result(op)(*values)

    return call


@covering(case=[c for c in CASES if c.variant != "mixed"], kinds=BY_OP)
def test_forward_mode_and_vmap_are_those_of_native(case: OpCase) -> None:
    arguments = case.arguments()
    given = tuple(arguments[i] for i in case.differentiable)
    tangents = tuple(torch.ones_like(x) for x in given)
    native = of_tensors(case, case.ir_op.native, arguments)
    exact = torch.func.jvp(native, given, tangents)
    pairs = [torch.stack((x, x + 1)) for x in given]
    mapped = torch.vmap(native)(*pairs)
    for op in (case.ir_op, case.packet):
        call = of_tensors(case, op, arguments)
        torch.testing.assert_close(torch.func.jvp(call, given, tangents), exact)
        torch.testing.assert_close(torch.vmap(call)(*pairs), mapped)
        with forward_ad.dual_level():
            duals = [forward_ad.make_dual(x, t) for x, t in zip(given, tangents, strict=True)]
            torch.testing.assert_close(forward_ad.unpack_dual(call(*duals)).tangent, exact[1])


def test_forward_over_reverse() -> None:
    x, v = torch.randn(3, 48), torch.randn(3, 48)

    def pushed(op: Callable[..., Tensor]) -> Tensor:
        return torch.func.jvp(torch.func.grad(lambda t: op(t).square().sum()), (x,), (v,))[1]

    mine, own = pushed(torch.ops.ir_runtime.gelu), pushed(torch.nn.functional.gelu)
    torch.testing.assert_close(mine, own, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("namespace", ["ir_runtime", "ir_kernels"])
def test_flops_are_counted(namespace: str) -> None:
    ops = getattr(torch.ops, namespace)
    x, weight = torch.randn(2, 5, 48, requires_grad=True), torch.randn(16, 48)
    query, bounds = torch.randn(2, 6, 4, 8), torch.tensor([0, 2, 6], dtype=torch.int32)

    def count(call: Callable[[], Any]) -> int:
        with FlopCounterMode(display=False) as mode:
            call()
        return mode.get_total_flops()

    own = count(lambda: torch.nn.functional.linear(x, weight).sum().backward())
    assert count(lambda: ops.linear(x, weight).sum().backward()) == own == 2 * (2 * 10 * 48 * 16)
    dense = 2 * (2 * 2 * 4 * 6 * 6 * 8)
    assert count(lambda: ops.mm_encoder_attn(query, query, query)) == dense
    packed = count(lambda: ops.mm_encoder_attn(query, query, query, None, bounds))
    assert packed == dense * (2 * 2 + 4 * 4) // (6 * 6)


SHARDED = """
import os, torch, kernels_mlir  # before torch.distributed.tensor is there
import torch.distributed as dist
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Replicate, Shard

dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)
mesh = init_device_mesh("cpu", (2,))

def place(t, where):
    part = t.chunk(2, where.dim)[0] if isinstance(where, Shard) else t
    return DTensor.from_local(part, mesh, [where], run_check=False)

S, R = Shard(0), Replicate()
x, w, q = torch.randn(4, 48), torch.randn(16, 48), torch.randn(2, 6, 4, 8)
ones, tokens, cache = torch.ones(48), torch.randn(4, 16), torch.randn(5, 8)
calls = {
    "gelu": ((x, "none"), (S, None)),
    "softmax": ((x,), (S,)),
    "silu_and_mul": ((x,), (S,)),
    "rms_norm": ((x, ones, 1e-5), (S, R, None)),
    "layer_norm": ((x, ones, ones, 1e-5), (S, R, R, None)),
    "linear": ((x, w, ones[:16]), (S, R, R)),
    "rotary_embedding": (
        (torch.arange(4), tokens, None, 8, 8, cache, True), (S, S, None, None, None, R, None)
    ),
    "mm_encoder_attn": ((q, q, q), (S, S, S)),
}
first = lambda y: y[0] if isinstance(y, tuple) else y
for op, (values, places) in calls.items():
    sharded = [v if p is None else place(v, p) for v, p in zip(values, places)]
    for namespace in (torch.ops.ir_runtime, torch.ops.ir_kernels):
        y = first(getattr(namespace, op)(*sharded))
        whole = first(getattr(namespace, op)(*values))
        assert y.placements == (S,) and y.shape == whole.shape, op
        torch.testing.assert_close(y.to_local(), whole.chunk(2)[0])
columns = torch.ops.ir_runtime.linear(place(x, R), place(w, S))
assert columns.placements == (Shard(1),)
wide = place(x, S).requires_grad_()
torch.ops.ir_runtime.rms_norm(wide, place(ones, R), 1e-5).sum().backward()
assert wide.grad.placements == (S,)
print("sharded")
"""


def test_sharded_tensors() -> None:
    """In a process of its own: a process group belongs to the whole of one."""
    command = [sys.executable, "-W", "ignore", "-c", SHARDED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.stdout.strip() == "sharded", done.stderr[-2000:]
