"""Does an op that is traced from a torch function compute what the function does, and what not?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError, GenerateError
from ir_runtime.op_reg import CustomOp, def_library, forget_kernels
from ir_runtime.op_reg.traced_op import MOST_OUTCOMES, refusal, traced_op
from ir_runtime.settings import override_settings

LIBRARY = def_library("ir_tests_traced")


def op_from(
    native: Callable[..., Any], *activations: int, fake: Callable[..., Any] | None = None
) -> CustomOp:
    return traced_op(
        f"{native.__name__}_@UNIQUE@",
        native,
        schema=torch.library.infer_schema(native, mutates_args=()),
        activations=activations or (0,),
        fake=fake,
        library=LIBRARY,
    )


def gate(x: Tensor, weight: Tensor | None, shift: float = 0.5) -> Tensor:
    y = torch.nn.functional.silu(x) + shift
    return y if weight is None else y * weight


def halves(x: Tensor, residual: Tensor) -> tuple[Tensor, Tensor]:
    total = x + residual
    return total[..., : total.shape[-1] // 2].exp(), total.sum(-1)


def configured(
    x: Tensor, times: int = 2, negate: bool = False, mode: str = "add", size: int | None = None
) -> Tensor:
    y = x + times if mode == "add" else x * times
    y = y if size is None else y[..., :size]
    return -y if negate else y


def erf(x: Tensor) -> Tensor:
    return torch.erf(x)


def running(x: Tensor) -> Tensor:
    return torch.cummax(x, 1)[0]


def plus_one(x: Tensor) -> Tensor:
    return x + 1


def choose(x: Tensor) -> Tensor:
    return x + 1 if x.sum() > 0 else x


GATE, HALVES, CONFIGURED = op_from(gate), op_from(halves, 0, 1), op_from(configured)


def test_one_kernel_serves_all_batch_sizes(store) -> None:
    op, weight = op_from(gate), torch.randn(24)
    with count_since() as counts:
        for rows in (4, 1, 7, 0, 300):
            x = torch.randn(rows, 24)
            torch.testing.assert_close(op.overload(x, weight), gate(x, weight))
    assert (counts[0].compiles, counts[0].store_hits) == (1, 0)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 2e-2), (torch.float16, 2e-3)]
)
def test_values_are_those_of_float64(dtype: torch.dtype, tolerance: float) -> None:
    x, weight = torch.randn(5, 24, dtype=dtype), torch.randn(24, dtype=dtype)
    result = GATE.overload(x, weight)
    assert result.dtype == dtype
    expected = gate(x.double(), weight.double())
    torch.testing.assert_close(result.double(), expected, rtol=tolerance, atol=tolerance)


def test_other_dimensions_are_compiled_in(store) -> None:
    op = op_from(gate)
    with count_since() as counts:
        for width in (3, 5, 3):
            op.overload(torch.randn(2, width), None)
    assert counts[0].compiles == 2


def test_optional_tensors_may_be_absent() -> None:
    x = torch.randn(3, 24)
    torch.testing.assert_close(GATE.overload(x, None), gate(x, None))
    torch.testing.assert_close(GATE.overload(x, None, 2.5), gate(x, None, 2.5))


@pytest.mark.parametrize("rows", [0, 1, 2, 9])
def test_several_results(rows: int) -> None:
    x, residual = torch.randn(rows, 8), torch.randn(rows, 8)
    torch.testing.assert_close(HALVES.overload(x, residual), halves(x, residual))


@pytest.mark.parametrize(
    "more",
    [(), (3,), (2, True), (3, False, "times"), (2, False, "add", 3), (2, True, "times", 1)],
)
def test_arguments_that_are_no_tensors_are_compiled_in(more: tuple[Any, ...]) -> None:
    x = torch.randn(3, 6)
    torch.testing.assert_close(CONFIGURED.overload(x, *more), configured(x, *more))


def test_lists_of_tensors_go_in_and_out() -> None:
    def sums(xs: list[Tensor], weight: Tensor) -> list[Tensor]:
        return [x.sum(-1) * weight for x in xs]

    op = traced_op(
        "sums_@UNIQUE@",
        sums,
        schema="(Tensor[] xs, Tensor weight) -> Tensor[]",
        activations=[0],
        library=LIBRARY,
    )
    xs, weight = [torch.randn(4, 3), torch.randn(4, 5)], torch.randn(1)
    torch.testing.assert_close(op.overload(xs, weight), sums(xs, weight))


def test_one_row_is_broadcast_over_several() -> None:
    one, several = torch.randn(1, 8), torch.randn(4, 8)
    for x, residual in ((one, several), (several, one), (one, one), (several, several)):
        torch.testing.assert_close(HALVES.overload(x, residual), halves(x, residual))


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ArgumentError, match="its function does not take these arguments"):
        HALVES.overload(torch.randn(3, 8), torch.randn(4, 8))


@pytest.mark.parametrize("shape", [(), (0,), (0, 4), (4, 0), (1,), (2, 3, 4)])
def test_shapes_of_all_kinds(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    assert refusal(CONFIGURED, (x, 2, False, "add", None)) is None
    torch.testing.assert_close(CONFIGURED.overload(x), x + 2)


def test_a_sum_over_no_elements() -> None:
    def total(x: Tensor) -> Tensor:
        return x.sum(-1)

    x = torch.randn(3, 0)
    assert torch.equal(op_from(total).overload(x), torch.zeros(3))


def test_strides_and_offsets_do_not_matter() -> None:
    x = torch.randn(24, 7).t()[1:]
    torch.testing.assert_close(GATE.overload(x, None), gate(x, None))


def test_nan_and_infinity_stay() -> None:
    x = torch.tensor([[float("nan"), float("inf"), -0.0]])
    torch.testing.assert_close(CONFIGURED.overload(x), x + 2, equal_nan=True)


def test_gradients_are_those_of_the_function() -> None:
    x, weight = torch.randn(3, 24), torch.randn(24)
    found = [t.clone().requires_grad_() for t in (x, weight)]
    wanted = [t.clone().requires_grad_() for t in (x, weight)]
    GATE.overload(*found).square().sum().backward()
    gate(*wanted).square().sum().backward()
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_compiled_code_does_not_recompile_for_batch_sizes() -> None:
    torch._dynamo.reset()
    compiles: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        compiles.append(graph)
        return graph.forward

    def model(x: Tensor, weight: Tensor) -> Tensor:
        return GATE.overload(x * 2, weight).sum(-1)

    weight = torch.randn(24)
    compiled = torch.compile(model, dynamic=True, fullgraph=True, backend=backend)
    for rows in (4, 7, 2, 300):
        x = torch.randn(rows, 24)
        torch.testing.assert_close(compiled(x, weight), model(x, weight))
    assert len(compiles) == 1


def test_inductor_compiles_it() -> None:
    compiled = torch.compile(lambda x: GATE.overload(x, None) + 1, dynamic=True, fullgraph=True)
    for rows in (4, 7):
        x = torch.randn(rows, 24)
        torch.testing.assert_close(compiled(x), gate(x, None) + 1)


@pytest.mark.parametrize("grad", [False, True])
def test_opcheck(grad: bool) -> None:
    x = torch.randn(3, 24, requires_grad=grad)
    torch.library.opcheck(GATE.overload, (x, torch.randn(24)))


# refusals


def test_an_operator_without_a_counterpart_is_refused_by_name() -> None:
    why = refusal(op_from(running), (torch.randn(3, 4),))
    assert why is not None
    assert "aten.cummax has no counterpart in the compiler" in why
    assert f'(File "{__file__}", line ' in why
    assert "\n" not in why
    op, x = op_from(plus_one), torch.randn(3, 4).double()
    assert refusal(op, (x,)) is None
    assert torch.equal(op.overload(x), x + 1)


@pytest.mark.parametrize("fake", [None, plus_one])
def test_a_choice_by_value_is_refused(fake: Any, capfd: pytest.CaptureFixture[str]) -> None:
    op, x = op_from(choose, fake=fake), torch.ones(3, 4)
    why = refusal(op, (x,))
    assert why is not None
    assert "depends on the values of its tensors" in why or "data-dependent" in why
    with pytest.raises(GenerateError):
        op.overload(x)
    assert capfd.readouterr().err == ""


def test_a_function_that_changes_its_argument_is_refused() -> None:
    def double(x: Tensor) -> Tensor:
        return x.mul_(2)

    assert "must return new tensors only" in str(refusal(op_from(double), (torch.ones(3),)))


def test_a_complex_erf_is_refused() -> None:
    why = str(refusal(op_from(erf), (torch.ones(3, dtype=torch.complex64),)))
    assert "aten.erf makes complex numbers (c64)" in why


def test_an_outcome_is_remembered(store) -> None:
    op, good, bad = op_from(erf), torch.randn(3, 4), torch.ones(3, dtype=torch.complex64)
    answers = [refusal(op, (x,)) for x in (good, bad)]
    forget_kernels()
    with count_since() as counts:
        assert [refusal(op, (torch.rand_like(x),)) for x in (good, bad)] == answers
    assert (counts[0].compiles, counts[0].store_hits) == (0, 0)


def test_remembered_outcomes_are_bounded() -> None:
    op = op_from(plus_one)
    op.outcomes.update(dict.fromkeys(range(MOST_OUTCOMES)))
    assert refusal(op, (torch.randn(3),)) is None
    assert len(op.outcomes) == 1


def test_without_compiling_the_reason_is_that(store) -> None:
    op, x = op_from(gate), torch.randn(2, 11)
    with override_settings(compile=False):
        why = refusal(op, (x, None, 0.5))
        assert why is not None
        assert why.endswith("and compiling is off (IR_RUNTIME_COMPILE=0)")
    assert refusal(op, (x, None, 0.5)) is None
    with override_settings(compile=False):
        assert refusal(op, (x, None, 0.5)) is None
        assert refusal(op, (x[:, 1:], None, 0.5)) is not None


def test_wrong_arguments_are_refused_with_a_reason() -> None:
    why = refusal(HALVES, (torch.randn(3, 8), torch.randn(4, 8)))
    assert why is not None
    assert "its function does not take these arguments" in why
    assert "must be a tensor" in str(refusal(HALVES, (torch.randn(3, 8), None)))


def test_two_threads_make_one_kernel(store) -> None:
    op, found = op_from(gate), []

    def work() -> None:
        found.append(refusal(op, (torch.randn(3, 13), None, 0.5)))

    threads = [threading.Thread(target=work) for _ in range(3)]
    with count_since() as counts:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [None] * 3
    assert counts[0].compiles == 1


def test_its_digest_covers_the_function() -> None:
    def scaled_by(factor: float) -> CustomOp:
        def scaled(x: Tensor) -> Tensor:
            return x * factor

        return traced_op(
            "scaled_@UNIQUE@",
            scaled,
            schema="(Tensor x) -> Tensor",
            activations=[0],
            library=LIBRARY,
        )

    one, same, other = scaled_by(2.0), scaled_by(2.0), scaled_by(3.0)
    assert one.code[0] == same.code[0] != other.code[0]
    assert one.code_digest != other.code_digest
