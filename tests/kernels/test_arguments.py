"""K5, K6: a call means the same whoever computes it: refused in one set of words, or computed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import kernels_mlir
from ir_runtime import ir
from ir_runtime.errors import ArgumentError, MixedDeviceError
from ir_runtime.ir import IrOp
from tests.sampling import sampled

ROWS, WEIGHT = torch.randn(2, 48), torch.ones(48)
QUERY, KEY = torch.randn(2, 6, 4, 8), torch.randn(2, 6, 2, 8)
POSITIONS, HEADS, CACHE = torch.tensor([0, 1, 2]), torch.randn(3, 16), torch.randn(5, 8)
FEW, MATRIX = torch.randn(2, 4), torch.randn(3, 4)
F64 = torch.float64


def meta(x: Tensor) -> Tensor:
    return x.to("meta")


def rotary(positions: Tensor = POSITIONS, query: Tensor = HEADS, key: Tensor | None = None,
           dim: int = 8, cache: Tensor = CACHE) -> tuple[Any, ...]:  # fmt: skip
    return positions, query, key, 8, dim, cache, True


REFUSED: dict[str, tuple[tuple[Any, ...], ...]] = {
    "gelu": ((ROWS.int(), "none"), (ROWS > 0, "none"), (ROWS.double(), "sigmoid"),
             (ROWS, "sigmoid"), (ROWS.to(torch.complex64), "none")),
    "softmax": ((torch.tensor([1, 2, 3]),),),
    "silu_and_mul": ((ROWS.int(),), (ROWS[:, :47],), (torch.tensor(1.0),)),
    "linear": ((FEW.long(), MATRIX, None), (FEW, MATRIX.int(), None), (FEW, meta(MATRIX), None),
               (FEW, MATRIX, meta(torch.ones(3))), (FEW[:, 1:], MATRIX, None),
               (FEW, MATRIX, torch.ones(2))),
    "rms_norm": ((ROWS.double(), WEIGHT.double(), -5.0), (ROWS, WEIGHT.long(), 1e-5),
                 (ROWS, meta(WEIGHT), 1e-5), (ROWS, WEIGHT[1:], 1e-5),
                 (ROWS.double(), None, 1e-5, 49)),
    "layer_norm": ((ROWS.double(), WEIGHT, WEIGHT, -5.0), (ROWS, WEIGHT, meta(WEIGHT), 1e-5),
                   (ROWS, WEIGHT, WEIGHT.bool(), 1e-5), (ROWS, torch.ones(3, 2, 48), WEIGHT, 1e-5)),
    "mm_encoder_attn": ((QUERY, meta(KEY), KEY), (QUERY, KEY, meta(KEY)), (QUERY.long(), KEY, KEY),
                        (QUERY, KEY, KEY, None, meta(torch.tensor([0, 6], dtype=torch.int32))),
                        (QUERY, KEY, KEY, None, torch.tensor([0, 7])),
                        (QUERY.double(), KEY.double(), KEY.double(), float("nan"))),
    "rotary_embedding": (rotary(meta(POSITIONS)), rotary(key=HEADS.int()), rotary(dim=3),
                         rotary(POSITIONS.float()), rotary(torch.tensor([0, 1, 9])),
                         rotary(torch.tensor([0, 1, -1]))),
}  # fmt: skip

TAKEN: dict[str, tuple[tuple[Any, ...], ...]] = {
    "softmax": ((torch.tensor(2.0),), (ROWS.double(),)),
    "gelu": ((ROWS.double(),),),
    "silu_and_mul": ((ROWS.double(),),),
    "linear": ((FEW, MATRIX.bfloat16()), (FEW, MATRIX, torch.randn(1)),
               (FEW.bfloat16(), MATRIX.double(), torch.randn(3)),
               (torch.zeros(2, 0), torch.zeros(3, 0), torch.ones(3)),
               (FEW, torch.nn.Parameter(MATRIX), torch.randn(3, dtype=F64))),
    "rms_norm": ((ROWS, torch.randn(1), 1e-5), (ROWS, torch.randn(2, 1), 1e-5),
                 (ROWS, torch.tensor(2.0), 1e-5), (ROWS, WEIGHT.double(), 1e-5, 12)),
    "layer_norm": ((ROWS, torch.randn(1), WEIGHT, 1e-5), (ROWS, ROWS, torch.randn(2, 1), 1e-5)),
    "mm_encoder_attn": ((QUERY, torch.randn(2, 9, 2, 8), torch.randn(2, 9, 2, 8)),
                        (QUERY, KEY.double(), KEY), (QUERY, KEY, torch.randn(2, 6, 2, 5)),
                        (QUERY, KEY[:1], KEY[:1]),
                        (QUERY, KEY, KEY, None, torch.tensor([0, 2, 6]))),
    "rotary_embedding": (rotary(key=HEADS.double()), rotary(POSITIONS.int()),
                         rotary(query=torch.randn(3, 2, 2, 8), cache=CACHE.double()),
                         rotary(key=torch.randn(3, 0))),
}  # fmt: skip


def ways(op: IrOp, call: tuple[Any, ...]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield each way in which a call can be made."""
    kernel = getattr(torch.ops.ir_kernels, op.name)
    needing = [
        v.clone().requires_grad_() if isinstance(v, Tensor) and v.is_floating_point() else v
        for v in call
    ]
    yield "ir.ops", lambda: op(*call)
    yield "torch.ops", lambda: op.packet(*call)
    yield "kernel", lambda: kernel(*call)
    yield "function", lambda: getattr(kernels_mlir, op.name)(*call)
    yield "gradient", lambda: op(*needing)
    if len(op.torch_op._schema.returns) == 1:
        yield "out", lambda: op.packet.out(*call, out=torch.empty(2, 48))
        yield "kernel's out", lambda: kernel.out(*call, out=torch.empty(2, 48))


@pytest.mark.parametrize(
    ("name", "call"), [(name, call) for name, calls in REFUSED.items() for call in calls]
)
def test_each_way_of_calling_refuses_in_the_same_words(name: str, call: tuple[Any, ...]) -> None:
    op = IrOp.registry[name]
    said: dict[str, str] = {}

    def note(way: str, function: Callable[[], Any]) -> None:
        with pytest.raises(ArgumentError) as caught:
            function()
        said[way] = str(caught.value)

    for way, function in ways(op, call):
        note(way, function)
    with op.set_priority(["native"]):
        note("native", lambda: op(*call))
    with ir.enable_torch_wrap(False):
        note("past torch", lambda: op(*call))
    with torch.inference_mode():
        note("inference", lambda: op(*call))
    message = said["ir.ops"]
    of_values = "`cu_seqlens` is [" in message or "`positions` has" in message
    if not (of_values or "one device" in message):
        on_meta = [meta(v) if isinstance(v, Tensor) else v for v in call]
        note("meta", lambda: op(*on_meta))
        note("kernel's meta", lambda: getattr(torch.ops.ir_kernels, name)(*on_meta))
    assert set(said.values()) == {message}, said


@pytest.mark.parametrize("namespace", ["ir_runtime", "ir_kernels"])
def test_out_on_another_device_is_refused(namespace: str) -> None:
    with pytest.raises(MixedDeviceError) as caught:
        getattr(torch.ops, namespace).gelu.out(ROWS, out=meta(ROWS))
    assert str(caught.value) == "gelu: `x` on cpu, `out` on meta, must all be on one device"


def called(op: IrOp) -> Callable[..., Any]:
    """Return a function that calls an op, for a compiler to trace."""

    def call(*args: Any) -> Any:
        return op(*args)

    return call


@sampled(1, name=("rms_norm", "gelu", "mm_encoder_attn"))
def test_a_compiled_call_refuses_in_the_same_words(name: str) -> None:
    op = IrOp.registry[name]
    for call in REFUSED[name][-1:]:
        with pytest.raises(ArgumentError) as eager:
            op(*call)
        torch._dynamo.reset()
        compiled = torch.compile(called(op), backend="eager", fullgraph=True)
        with pytest.raises(Exception, match=re.escape(eager.value.headline)):
            compiled(*call)


def floating(values: tuple[Any, ...]) -> tuple[list[Any], list[Tensor]]:
    """Return the arguments with floating-point tensors that need a gradient, and those."""
    given = [v.detach().clone() if isinstance(v, Tensor) else v for v in values]
    wanted = [v for v in given if isinstance(v, Tensor) and v.is_floating_point()]
    return given, [v.requires_grad_() for v in wanted]


def total(results: Any) -> Tensor:
    listed = results if isinstance(results, tuple) else (results,)
    return sum((r.double().sum() for r in listed if r is not None), torch.zeros((), dtype=F64))


@pytest.mark.parametrize(
    ("name", "call"), [(name, call) for name, calls in TAKEN.items() for call in calls]
)
def test_what_the_kernel_does_not_take_native_computes(name: str, call: tuple[Any, ...]) -> None:
    op = IrOp.registry[name]
    every = op.all_arguments(call)
    wanted = op.native(*every)
    assert op.explain(*call).chosen == "native"
    torch.testing.assert_close(op(*call), wanted)
    torch.testing.assert_close(op(*call), wanted)  # remembered
    with ir.enable_torch_wrap(False):
        torch.testing.assert_close(op(*call), wanted)
    on_meta = op(*(meta(v) if isinstance(v, Tensor) else v for v in call))
    for one, other in zip(*((r if isinstance(r, tuple) else (r,)) for r in (on_meta, wanted)),
                          strict=True):  # fmt: skip
        assert (one is None) == (other is None)
        assert one is None or (one.shape, one.dtype) == (other.shape, other.dtype)
    (mine, leaves), (theirs, others) = floating(every), floating(every)
    found = torch.autograd.grad(total(op(*mine)), leaves, allow_unused=True)
    exact = torch.autograd.grad(total(op.native(*theirs)), others, allow_unused=True)
    for one, other in zip(found, exact, strict=True):
        assert one is not None
        assert other is not None
        close = 1e-2 if other.dtype == torch.bfloat16 else 1e-4
        torch.testing.assert_close(one, other, atol=close, rtol=close)


@sampled(1, name=("rms_norm", "linear", "mm_encoder_attn", "rotary_embedding", "softmax"))
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_compiled_call_goes_to_native_too(name: str, wrapped: bool) -> None:
    op = IrOp.registry[name]
    for call in TAKEN[name]:
        torch._dynamo.reset()
        compiled = torch.compile(called(op), backend="aot_eager", fullgraph=True)
        with ir.enable_torch_wrap(wrapped):
            torch.testing.assert_close(compiled(*call), op.native(*op.all_arguments(call)))
