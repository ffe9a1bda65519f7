"""Does each provider of each op compute what the op means, in each way of calling?"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch._functorch.config
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

import kernels_mlir
from ir_runtime import ir
from ir_runtime.counters import count_since
from ir_runtime.dtypes import dtype_info
from ir_runtime.errors import ArgumentError
from ir_runtime.ir import IrOp
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, forget_kernels
from ir_runtime.settings import override_settings
from tests.cases import BY_OP, CASES, DTYPES, Arguments, OpCase, case_named, widen
from tests.sampling import covering

PROVIDERS = ("native", "iree")
FACTOR = 1.5
GRADIENT_TOLERANCE = {
    torch.float32: {"rtol": 1e-4, "atol": 1e-5},
    torch.bfloat16: {"rtol": 1.6e-2, "atol": 1e-2},
}

OPS = sorted({case.op for case in CASES})

each_op = pytest.mark.parametrize("name", OPS)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
CASES_WITH_OUT = [case for case in CASES if case.op != "rotary_embedding"]
"""One of the results of the other op may be None."""

each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype_info(dtype).short)


@pytest.fixture
def fresh_dynamo() -> Iterator[None]:
    torch._dynamo.reset()
    with torch._functorch.config.patch(enable_autograd_cache=False):
        yield
    torch._dynamo.reset()


def computed_by(case: OpCase, provider: str, arguments: Arguments, call: Any = None) -> Tensor:
    """Compute a case, and see to it that it was this provider who did."""
    op = case.ir_op
    forget_kernels()
    with op.set_priority([provider, "native"]):
        assert op.dispatch(*arguments).provider == provider
        with count_since() as counts:
            result = case.one_result(op if call is None else call)(*arguments)
    assert counts[0].selects == (1 if provider == "iree" else 0)
    return result


def compile_call(op: IrOp, **options: Any) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        return op(*args)

    return torch.compile(call, fullgraph=True, **options)


def error_of(actual: Tensor, exact: Tensor) -> Tensor:
    return (actual.double() - exact).abs()


@covering(
    strength=2,
    case=CASES,
    dtype=DTYPES,
    provider=("iree", "native"),
    kinds=BY_OP | {"provider": lambda _: None},
)
def test_results_are_near_float64(case: OpCase, dtype: torch.dtype, provider: str) -> None:
    """At most 1.5 times torch's own error, or the op's tolerance where torch has no such op."""
    arguments = case.arguments(dtype)
    exact = case.native(*widen(arguments))
    result = computed_by(case, provider, arguments)
    assert result.is_contiguous()
    error = error_of(result, exact)
    if case.torch_own is not None:
        theirs = error_of(case.torch_own(*arguments), exact).max()
        if error.max() <= FACTOR * theirs:
            return
    allowed = case.ir_op.get_tolerance(dtype)
    assert (error <= allowed["atol"] + allowed["rtol"] * exact.abs()).all()


@covering(strength=2, case=CASES, provider=PROVIDERS, kinds=BY_OP)
def test_all_ways_of_calling_give_the_same_bits(case: OpCase, provider: str) -> None:
    arguments = case.arguments()
    op = case.ir_op
    expected = computed_by(case, provider, arguments, op.impls[provider].impl_fn)
    for call in (op, op.packet, op.torch_op, op.impls[provider].func_impl_fn):
        result = computed_by(case, provider, arguments, call)
        torch.testing.assert_close(result, expected, rtol=0, atol=0)


@covering(strength=2, case=CASES_WITH_OUT, provider=PROVIDERS, kinds=BY_OP)
def test_out_is_written(case: OpCase, provider: str) -> None:
    op = case.ir_op
    arguments = case.arguments()
    expected = computed_by(case, provider, arguments)
    out = torch.empty_like(expected)
    written = computed_by(case, provider, arguments, lambda *a: op.packet.out(*a, out=out))
    assert written is out
    torch.testing.assert_close(out, expected, rtol=0, atol=0)


@covering(case=CASES, provider=PROVIDERS, kinds=BY_OP)
def test_opcheck(case: OpCase, provider: str) -> None:
    """IR-27, and with gradients."""
    arguments = case.arguments()
    needing = tuple(
        a.requires_grad_() if i in case.differentiable and a is not None else a
        for i, a in enumerate(case.arguments())
    )
    with case.ir_op.set_priority([provider, "native"]):
        torch.library.opcheck(case.ir_op.torch_op, arguments)
        torch.library.opcheck(case.ir_op.torch_op, needing)


@covering(case=CASES_WITH_OUT, provider=PROVIDERS, kinds=BY_OP)
def test_opcheck_of_out(case: OpCase, provider: str) -> None:
    op = case.ir_op
    arguments = case.arguments()
    with op.set_priority([provider, "native"]):
        out = torch.empty_like(op(*arguments))
        torch.library.opcheck(op.packet.out, arguments, {"out": out})


def gradients_of(
    case: OpCase, call: Callable[..., Any], arguments: Arguments
) -> tuple[Tensor, ...]:
    wanted = [
        arguments[i].requires_grad_() for i in case.differentiable if arguments[i] is not None
    ]
    result = case.one_result(call)(*arguments)
    generator = torch.Generator().manual_seed(7)
    weights = torch.randn(result.shape, generator=generator).to(result.dtype)
    return torch.autograd.grad(result, wanted, weights)


@covering(strength=2, case=CASES, provider=PROVIDERS, kinds=BY_OP)
def test_gradients_are_those_of_native(case: OpCase, provider: str) -> None:
    op = case.ir_op
    expected = gradients_of(case, op.native, widen(case.arguments()))
    with op.set_priority([provider, "native"]):
        for call in (op, op.torch_op):
            found = gradients_of(case, call, case.arguments())
            for mine, exact in zip(found, expected, strict=True):
                torch.testing.assert_close(mine.double(), exact, **GRADIENT_TOLERANCE[mine.dtype])


@covering(case=CASES, kinds=BY_OP)
def test_gradients_in_float64_are_not_rounded(case: OpCase) -> None:
    """Native runs, and the op's backward, which is the kernel's, is as wide as its arguments."""
    op = case.ir_op
    arguments = widen(case.arguments())
    assert op.dispatch(*arguments).provider == "native"
    expected = gradients_of(case, op.native, arguments)
    for mine, exact in zip(gradients_of(case, op, arguments), expected, strict=True):
        assert mine.dtype == exact.dtype
        torch.testing.assert_close(mine, exact, rtol=1e-10, atol=1e-10)


@covering(case=CASES, provider=PROVIDERS, kinds=BY_OP)
def test_fake_call_matches_real_call(case: OpCase, provider: str) -> None:
    """Strides, too, of arguments whose dimensions lie in another order."""
    arguments = tuple(
        a.transpose(0, -1).contiguous().transpose(0, -1) if isinstance(a, Tensor) else a
        for a in case.arguments()
    )
    real = computed_by(case, provider, arguments)
    assert real.is_contiguous()
    with FakeTensorMode() as mode:
        fake = case.one_result(case.ir_op.torch_op)(
            *(mode.from_tensor(a) if isinstance(a, Tensor) else a for a in arguments)
        )
    assert (fake.shape, fake.dtype, fake.stride()) == (real.shape, real.dtype, real.stride())


@covering(case=CASES, provider=PROVIDERS, kinds=BY_OP)
def test_compiled_equals_eager(case: OpCase, provider: str, fresh_dynamo: None) -> None:
    """One node whatever runs; dynamic sizes."""
    targets: list[Any] = []

    def backend(graph: torch.fx.GraphModule, _: Any) -> Any:
        targets.extend(n.target for n in graph.graph.nodes if n.op == "call_function")
        return graph.forward

    op = case.ir_op
    compiled = compile_call(op, dynamic=True, backend=backend)
    arguments = case.arguments()
    expected = computed_by(case, provider, arguments)
    result = computed_by(case, provider, arguments, compiled)
    torch.testing.assert_close(result, expected, rtol=0, atol=0)
    assert [t for t in targets if t is not operator.getitem] == [op.torch_op]


@covering(name=OPS, provider=PROVIDERS)
def test_inductor_runs_the_provider(name: str, provider: str, fresh_dynamo: None) -> None:
    case = next(case for case in CASES if case.op == name)
    op = case.ir_op
    compiled = compile_call(op)
    expected = computed_by(case, provider, case.arguments())
    result = computed_by(case, provider, case.arguments(), compiled)
    torch.testing.assert_close(result, expected, rtol=0, atol=0)


@covering(case=CASES, kinds=BY_OP)
def test_compiled_past_torch_traces_native(case: OpCase, fresh_dynamo: None) -> None:
    """IR-84: without the wrap a compiler sees what native is made of."""
    op = case.ir_op
    compiled = compile_call(op, backend="aot_eager")
    with ir.enable_torch_wrap(False):
        result = computed_by(case, "native", case.arguments(), compiled)
    expected = computed_by(case, "native", case.arguments())
    torch.testing.assert_close(result, expected)


@each_op
def test_the_platform_gives_the_default(name: str) -> None:
    """IR-82"""
    op = IrOp.registry[name]
    assert op.get_priority() == ["iree", "native"]
    assert op.supported_providers() == ["native", "iree"]


@each_case
@each_dtype
def test_kernels_compute_the_dtypes_they_have(case: OpCase, dtype: torch.dtype) -> None:
    assert case.ir_op.dispatch(*case.arguments(dtype)).provider == "iree"


@each_case
def test_native_computes_float64(case: OpCase) -> None:
    arguments = widen(case.arguments())
    found = case.ir_op.explain(*arguments)
    assert found.chosen == "native"
    assert "is f64, must be f32 or bf16 or f16" in found.verdicts[0].reason
    assert case.one_result(case.ir_op.torch_op)(*arguments).dtype == torch.float64


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("rms_norm-weighted", {1: torch.float64}, "`weight` is f64, must be f32 or bf16 or f16"),
        ("layer_norm-affine", {2: torch.float64}, "`bias` is f64, must be f32 or bf16 or f16"),
        ("rotary_embedding-neox", {0: torch.int32}, "`positions` is i32, must be i64"),
        ("rotary_embedding-neox", {5: torch.float64}, "`cos_sin_cache` is f64, must be f32 or"),
        ("mm_encoder_attn-packed", {4: torch.int64}, "`cu_seqlens` is i64, must be i32"),
    ],
)
def test_what_the_kernel_refuses_native_computes(
    name: str, change: dict[int, torch.dtype], reason: str
) -> None:
    case = case_named(name)
    plain = case.arguments()
    arguments = tuple(a.to(change[i]) if i in change else a for i, a in enumerate(plain))
    found = case.ir_op.explain(*arguments)
    assert found.chosen == "native"
    assert reason in found.verdicts[0].reason
    result = case.one_result(case.ir_op.torch_op)(*arguments)
    torch.testing.assert_close(result, case.function(*plain))


def test_heads_too_deep_for_the_kernel_go_to_native() -> None:
    query = torch.randn(1, 3, 1, 481)
    op = IrOp.registry["mm_encoder_attn"]
    found = op.explain(query, query, query)
    assert found.chosen == "native"
    assert found.verdicts[0].reason == (
        "`query` is f32[1, 3, 1, 481], must be of at most 480 channels a head on a CPU"
    )
    torch.testing.assert_close(op(query, query, query), op.native(query, query, query))


def test_the_kernels_own_function_still_refuses() -> None:
    """What `kernels_mlir` documents is the kernel's: it never falls back."""
    with pytest.raises(ArgumentError, match="f64"):
        kernels_mlir.gelu(torch.ones(3, dtype=torch.float64))


def test_bad_arguments_have_the_kernels_message() -> None:
    x = torch.ones(4, 48)
    with pytest.raises(ArgumentError) as refused:
        torch.ops.ir_runtime.rms_norm(x, torch.ones(47), 1e-6)
    assert refused.value.headline == (
        "rms_norm: `weight` is f32[47], must be f32[48] to match the last dimension of `x` "
        "f32[4, 48]"
    )


@each_op
def test_kernel_and_native_have_one_schema(name: str) -> None:
    written = str(ALL_CUSTOM_OP_REGS[f"ir_kernels::{name}"].overload._schema)
    owned = str(IrOp.registry[name].torch_op._schema).replace("SymInt", "int")
    assert written.partition("(")[2] == owned.partition("(")[2]


@each_op
@each_dtype
def test_generated_inputs_are_taken(name: str, dtype: torch.dtype) -> None:
    """IR-70"""
    op = IrOp.registry[name]
    inputs = op.generate_inputs(num_tokens=6, hidden_size=48, dtype=dtype, device="cpu")
    assert op.dispatch(*inputs).provider == "iree"
    result, exact = op(*inputs), op.native(*inputs)
    torch.testing.assert_close(result, exact, **op.get_tolerance(dtype))
    assert len(op.generate_inputs()) == len(inputs)


def test_rms_norm_is_held_to_more_in_float16() -> None:
    """IR-72"""
    op = IrOp.registry["rms_norm"]
    assert op.get_tolerance(torch.float16) == {"atol": 1e-2, "rtol": 2e-3}
    assert op.get_tolerance(torch.float32) == {"atol": 1e-5, "rtol": 1.3e-6}


@covering(case=CASES, kinds=BY_OP)
def test_shadow_agrees(case: OpCase) -> None:
    with override_settings(check="shadow"):
        for dtype in DTYPES:
            case.ir_op(*case.arguments(dtype))
