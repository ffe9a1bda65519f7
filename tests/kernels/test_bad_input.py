"""What does each op say to arguments that it cannot take?  Each message is tested whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch

import kernels_mlir
from ir_runtime.errors import (
    ArgumentError,
    IrRuntimeError,
    MixedDeviceError,
    UnsupportedTorchDeviceError,
)
from tests.cases import CASES, OpCase, case_named

NAN, INF = float("nan"), float("inf")
ROWS = torch.zeros(2, 48)
WEIGHT = torch.ones(48)
QUERY = torch.zeros(2, 6, 4, 48)
KEY = torch.zeros(2, 6, 2, 48)
FLOATING = "must be f32 or bf16 or f16 or f64"
"""What the ops are defined for; their kernels take less."""

GOOD: dict[str, dict[str, Any]] = {
    "gelu": {"x": ROWS, "approximate": "none"},
    "silu_and_mul": {"x": ROWS},
    "softmax": {"x": ROWS},
    "layer_norm": {"x": ROWS, "weight": WEIGHT, "bias": WEIGHT, "epsilon": 1e-5},
    "rms_norm": {"x": ROWS, "weight": WEIGHT, "epsilon": 1e-5, "variance_size": None},
    "mm_encoder_attn": {
        "query": QUERY,
        "key": KEY,
        "value": KEY,
        "scale": None,
        "cu_seqlens": torch.tensor([0, 2, 6], dtype=torch.int32),
    },
}


@dataclass(frozen=True)
class Refusal:
    """Good arguments but for some, and what is said of those."""

    op: str
    bad: dict[str, Any]
    message: str
    error: type[IrRuntimeError] = ArgumentError
    facts: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[Any, ...]:
        return tuple((GOOD[self.op] | self.bad).values())

    @property
    def text(self) -> str:
        lines = [f"{self.op}: {self.message}", *(f"    {fact}" for fact in self.facts)]
        return "\n".join(lines)


def cu(*bounds: int) -> dict[str, Any]:
    return {"cu_seqlens": torch.tensor(bounds, dtype=torch.int32)}


def cu_refusal(*bounds: int, shown: str | None = None) -> Refusal:
    rule = "must start at 0, never fall, and end at 6, the sequence length"
    shown = str(list(bounds)) if shown is None else shown
    return Refusal("mm_encoder_attn", cu(*bounds), f"`cu_seqlens` is {shown}, {rule}")


def row_refusals(op: str) -> Iterator[Refusal]:
    floats = "must be f32 or bf16 or f16"
    yield Refusal(op, {"x": ROWS.double()}, f"`x` is f64[2, 48], {floats}")
    yield Refusal(op, {"x": ROWS.int()}, f"`x` is i32, {FLOATING}")
    yield Refusal(op, {"x": ROWS.bool()}, f"`x` is bool, {FLOATING}")
    yield Refusal(op, {"x": None}, "`x` is None, must be a tensor")
    if op != "gelu":
        rank = "must have at least 1 dimension"
        yield Refusal(op, {"x": torch.tensor(1.0)}, f"`x` is f32[], {rank}")


def feature_refusals(op: str, name: str) -> Iterator[Refusal]:
    length = "must be f32[48] to match the last dimension of `x` f32[2, 48]"
    yield Refusal(op, {name: WEIGHT[1:]}, f"`{name}` is f32[47], {length}")
    yield Refusal(op, {name: torch.ones(1)}, f"`{name}` is f32[1], {length}")
    yield Refusal(
        op,
        {name: torch.ones(49, dtype=torch.float16)},
        f"`{name}` is f16[49], {length.replace('f32', 'f16', 1)}",
    )
    yield Refusal(op, {name: WEIGHT[None]}, f"`{name}` is f32[1, 48], must have 1 dimension")
    floats = "must be f32 or bf16 or f16"
    yield Refusal(op, {name: WEIGHT.double()}, f"`{name}` is f64[48], {floats}")
    yield Refusal(op, {name: WEIGHT.long()}, f"`{name}` is i64, {FLOATING}")
    yield Refusal(
        op,
        {name: WEIGHT.to("meta")},
        f"`x` on cpu, `{name}` on meta, must all be on one device",
        MixedDeviceError,
    )


def epsilon_refusals(op: str) -> Iterator[Refusal]:
    for epsilon in (NAN, -1.0, INF, -INF):
        yield Refusal(op, {"epsilon": epsilon}, f"`epsilon` is {epsilon}, must be finite and >= 0")


def attention_refusals() -> Iterator[Refusal]:
    op = "mm_encoder_attn"
    floats = "must be f32 or bf16 or f16"
    yield Refusal(op, {"query": QUERY.double()}, f"`query` is f64[2, 6, 4, 48], {floats}")
    yield Refusal(op, {"query": QUERY.long()}, f"`query` is i64, {FLOATING}")
    yield Refusal(op, {"key": KEY.half()}, "`key` is f16[2, 6, 2, 48], must be f32")
    yield Refusal(op, {"value": KEY.int()}, f"`value` is i32, {FLOATING}")
    yield Refusal(op, {"query": QUERY[0]}, "`query` is f32[6, 4, 48], must have 4 dimensions")
    yield Refusal(op, {"key": KEY[None]}, "`key` is f32[1, 2, 6, 2, 48], must have 4 dimensions")
    yield Refusal(op, {"value": KEY[0]}, "`value` is f32[6, 2, 48], must have 4 dimensions")
    depth = {
        0: "must have a last dimension of at least 1",
        481: "its last dimension must be in 1..480",
    }
    for size, wanted in depth.items():
        x = torch.zeros(2, 6, 1, size)
        bad = {"query": x, "key": x, "value": x}
        yield Refusal(op, bad, f"`query` is f32[2, 6, 1, {size}], {wanted}")
    agree = "must agree with `query` f32[2, 6, 4, 48] but for its "
    of_op = agree + "length and its heads, which must divide those of `query`"
    for shape in ((2, 6, 3, 48), (2, 6, 8, 48), (2, 6, 0, 48), (3, 6, 2, 48), (2, 6, 2, 47)):
        key = torch.zeros(shape)
        yield Refusal(op, {"key": key}, f"`key` is f32{list(shape)}, {of_op}")
    of_key = "must agree with `key` f32[2, 6, 2, 48] but for its channels"
    for shape in ((2, 6, 3, 48), (2, 5, 2, 48), (1, 6, 2, 48)):
        value = torch.zeros(shape)
        yield Refusal(op, {"value": value}, f"`value` is f32{list(shape)}, {of_key}")
    of_kernel = agree + "heads, which must divide those of `query`"
    for shape in ((2, 5, 2, 48), (1, 6, 2, 48)):
        bad = {"key": torch.zeros(shape), "value": torch.zeros(shape), "cu_seqlens": None}
        yield Refusal(op, bad, f"`key` is f32{list(shape)}, {of_kernel}")
    other = torch.zeros(2, 6, 2, 47)
    yield Refusal(op, {"value": other}, f"`value` is f32[2, 6, 2, 47], {of_kernel}")
    for name in ("key", "value"):
        yield Refusal(
            op,
            {name: KEY.to("meta")},
            f"`query` on cpu, `{name}` on meta, must all be on one device",
            MixedDeviceError,
        )
    for name in ("query", "key", "value"):
        yield Refusal(op, {name: None}, f"`{name}` is None, must be a tensor")
    shorter = {"key": KEY[:, 1:], "value": KEY[:, 1:]}
    wanted = "must have an element, and `key` the length of `query`"
    yield Refusal(op, shorter, f"`cu_seqlens` is i32[3], {wanted}")
    for scale in (NAN, INF, -INF):
        yield Refusal(op, {"scale": scale}, f"`scale` is {scale}, must be finite")


def cu_seqlens_refusals() -> Iterator[Refusal]:
    op = "mm_encoder_attn"
    good = GOOD[op]["cu_seqlens"]
    for dtype, short in ((torch.int64, "i64"), (torch.int16, "i16")):
        bad = {"cu_seqlens": good.to(dtype)}
        yield Refusal(op, bad, f"`cu_seqlens` is {short}[3], must be i32")
    integers = "must be i64 or i32 or i16 or i8 or u8"
    yield Refusal(op, {"cu_seqlens": good.float()}, f"`cu_seqlens` is f32, {integers}")
    shape = "`cu_seqlens` is i32[1, 3], must have 1 dimension"
    yield Refusal(op, {"cu_seqlens": good[None]}, shape)
    yield cu_refusal()
    yield cu_refusal(0)
    yield cu_refusal(6)
    yield cu_refusal(1, 6)
    yield cu_refusal(-1, 6)
    yield cu_refusal(0, 5)
    yield cu_refusal(0, 7)
    yield cu_refusal(0, 4, 3, 6)
    yield cu_refusal(0, 2**31 - 1, 6)
    yield cu_refusal(*range(20), shown="[0, 1, 2, 3, 4, 5, 6, 7, ..., 13, 14, 15, 16, 17, 18, 19]")
    yield Refusal(
        op,
        {"cu_seqlens": good.to("meta")},
        "`query` on cpu, `cu_seqlens` on meta, must all be on one device",
        MixedDeviceError,
    )


REFUSALS: tuple[Refusal, ...] = (
    *(r for op in GOOD if op != "mm_encoder_attn" for r in row_refusals(op)),
    *feature_refusals("layer_norm", "weight"),
    *feature_refusals("layer_norm", "bias"),
    *feature_refusals("rms_norm", "weight"),
    *epsilon_refusals("layer_norm"),
    *epsilon_refusals("rms_norm"),
    *(
        Refusal(
            "rms_norm",
            {"variance_size": size},
            f"`variance_size` is {size}, must be in 1..48 as the last dimension of `x`",
        )
        for size in (0, -1, 49, 2**40)
    ),
    *(
        Refusal(
            "gelu",
            {"approximate": word},
            f"`approximate` is {word!r}, must be 'none' or 'tanh'",
        )
        for word in ("sigmoid", "", "Tanh", "it's")
    ),
    *(
        Refusal(
            "silu_and_mul",
            {"x": torch.zeros(2, width)},
            f"`x` is f32[2, {width}], must have an even last dimension",
        )
        for width in (1, 47)
    ),
    Refusal("layer_norm", {"weight": None}, "`weight` is None, must be a tensor"),
    Refusal("layer_norm", {"bias": None}, "`bias` is None, must be a tensor"),
    *attention_refusals(),
    *cu_seqlens_refusals(),
    *(
        Refusal(
            op,
            {"x": ROWS.to_sparse()},
            "no kernel for these tensors, must be dense and on cpu or cuda",
            UnsupportedTorchDeviceError,
            ("`x` is f32[2, 48] on cpu, layout torch.sparse_coo",),
        )
        for op in ("gelu", "silu_and_mul")
    ),
)


def _id(refusal: Refusal) -> str:
    return f"{refusal.op}-{refusal.message.partition(', must')[0].replace('`', '')[:60]}"


each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


GOOD_CASE = {case.op: case for case in CASES}


def assert_good_call_works(op: str) -> None:
    case = GOOD_CASE[op]
    arguments = case.arguments()
    torch.testing.assert_close(
        case.function(*arguments), case.native(*arguments), atol=1e-5, rtol=1.3e-6
    )


@pytest.mark.parametrize("refusal", REFUSALS, ids=_id)
def test_refusal(refusal: Refusal) -> None:
    with pytest.raises(refusal.error) as caught:
        getattr(kernels_mlir, refusal.op)(*refusal.arguments)
    assert type(caught.value) is refusal.error
    assert str(caught.value) == refusal.text
    assert_good_call_works(refusal.op)


@pytest.mark.parametrize("refusal", [r for r in REFUSALS if r.error is ArgumentError], ids=_id)
def test_refusal_when_a_gradient_is_needed(refusal: Refusal) -> None:
    """The way through autograd says the same."""
    arguments = [
        a.clone().requires_grad_() if isinstance(a, torch.Tensor) and a.is_floating_point() else a
        for a in refusal.arguments
    ]
    with pytest.raises(ArgumentError) as caught:
        getattr(kernels_mlir, refusal.op)(*arguments)
    assert str(caught.value) == refusal.text


@pytest.mark.parametrize(
    "refusal",
    [r for r in REFUSALS if r.error is ArgumentError and "cu_seqlens` is [" not in r.message],
    ids=_id,
)
def test_refusal_on_meta_tensors(refusal: Refusal) -> None:
    """What shapes and dtypes tell is said without values, too."""
    arguments = [a.to("meta") if isinstance(a, torch.Tensor) else a for a in refusal.arguments]
    with pytest.raises(ArgumentError) as caught:
        getattr(kernels_mlir, refusal.op)(*arguments)
    assert str(caught.value) == refusal.text


@each_case
def test_missing_argument(case: OpCase) -> None:
    schema = case.packet.default._schema
    name = schema.arguments[0].name
    with pytest.raises(RuntimeError) as caught:
        case.packet.default()
    assert str(caught.value) == (
        f"ir_kernels::{case.op}() is missing value for argument '{name}'. Declaration: {schema}"
    )
    with pytest.raises(TypeError, match=f"^{case.op}\\(\\) missing .* required positional"):
        case.function()
    assert_good_call_works(case.op)


def test_bad_segments_are_refused_in_a_compiled_call() -> None:
    torch._dynamo.reset()
    arguments = case_named("mm_encoder_attn-packed").arguments()
    compiled = torch.compile(kernels_mlir.mm_encoder_attn, fullgraph=True)
    expected = compiled(*arguments)
    bad = torch.tensor([0, 2, 1, 9], dtype=torch.int32)
    with pytest.raises(ArgumentError) as caught:
        compiled(*arguments[:4], bad)
    assert str(caught.value) == (
        "mm_encoder_attn: `cu_seqlens` is [0, 2, 1, 9], must start at 0, never fall, "
        f"and end at {arguments[0].shape[1]}, the sequence length"
    )
    assert torch.equal(compiled(*arguments), expected)
    torch._dynamo.reset()


def test_refusal_while_tracing_keeps_its_message() -> None:
    torch._dynamo.reset()
    compiled = torch.compile(kernels_mlir.rms_norm, fullgraph=True)
    with pytest.raises(Exception, match="`weight` is f32\\[47\\], must be f32\\[48\\] to match"):
        compiled(ROWS, WEIGHT[1:], 1e-5)
    torch._dynamo.reset()
