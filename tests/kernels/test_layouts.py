"""Does each op take tensors of any layout, and give results that are its own?"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError
from tests.cases import BY_OP, CASES, DTYPES, Arguments, OpCase
from tests.sampling import covering

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


def filler(x: Tensor) -> float:
    """Return what a test would notice in a result."""
    return float("nan") if x.is_floating_point() else 2**40


def strided(x: Tensor) -> Tensor:
    """Every second element of twice as many."""
    room = torch.full((*x.shape, 2), float("nan"), dtype=x.dtype)
    room[..., 0] = x
    return room[..., 0]


def misaligned(x: Tensor) -> Tensor:
    """Contiguous, one element past the start of its storage."""
    room = torch.full((x.numel() + 1,), filler(x), dtype=x.dtype)
    room[1:] = x.reshape(-1)
    return room[1:].view(x.shape)


def padded(x: Tensor) -> Tensor:
    """Rows and leading dimensions cut out of larger ones."""
    room = torch.full([n + 2 for n in x.shape], float("nan"), dtype=x.dtype)
    inner = room[tuple(slice(1, n + 1) for n in x.shape)]
    inner.copy_(x)
    return inner


def transposed(x: Tensor) -> Tensor:
    """Last dimension outermost in memory."""
    return x.movedim(-1, 0).contiguous().movedim(0, -1)


def expanded(x: Tensor) -> Tensor:
    """One row or batch element for all of them."""
    return x[:1].expand(x.shape)


def overlapping(x: Tensor) -> Tensor:
    """Each row or batch element begins one element after the last: a sliding window."""
    strides = (1, *x.stride()[1:])
    return x.as_strided(x.shape, strides)


def negated(x: Tensor) -> Tensor:
    """A tensor with the negative bit set."""
    return torch._neg_view(x)


INPUT_LAYOUTS = (strided, misaligned, padded, transposed, expanded, overlapping, negated)
OUT_LAYOUTS = (strided, misaligned, padded, transposed)

# Of an op with several results there is no overload that writes into given tensors.
OUT_CASES = [case for case in CASES if case.result is None]
each_out_case = pytest.mark.parametrize("case", OUT_CASES, ids=lambda case: case.id)


def laid_out(case: OpCase, arguments: Arguments, layout: Callable[[Tensor], Tensor]) -> Arguments:
    """Return the arguments with the floating-point tensors in another layout."""
    return tuple(
        layout(a) if isinstance(a, Tensor) and a.is_floating_point() else a for a in arguments
    )


def packed_again(arguments: Arguments) -> Arguments:
    return tuple(
        a.resolve_neg().clone(memory_format=torch.contiguous_format) if isinstance(a, Tensor) else a
        for a in arguments
    )


@covering(case=CASES, layout=INPUT_LAYOUTS)
def test_input_layout_changes_nothing(case: OpCase, layout: Callable[[Tensor], Tensor]) -> None:
    arguments = laid_out(case, case.arguments(), layout)
    result = case.function(*arguments)
    assert torch.equal(result, case.function(*packed_again(arguments)))
    assert result.is_contiguous()


@covering(case=CASES, dtype=DTYPES, kinds=BY_OP)
def test_layout_changes_nothing_in_any_dtype(case: OpCase, dtype: torch.dtype) -> None:
    plain = case.arguments(dtype)
    expected = case.function(*plain)
    for layout in (strided, misaligned, transposed):
        assert torch.equal(case.function(*laid_out(case, plain, layout)), expected)


@each_case
def test_batch_slice_is_read_in_place(case: OpCase) -> None:
    """A slice of whole rows that starts on a 64-byte boundary is dense: no copy."""
    long = case.arguments(lead=(16 + case.lead[0], *case.lead[1:]))
    part = tuple(a[16:] if i in case.batched else a for i, a in enumerate(long))
    with count_since() as counts:
        result = case.function(*part)
    assert counts[0].copies == 0
    assert torch.equal(result, case.function(*packed_again(part)))


@each_case
def test_layout_needs_one_copy_a_tensor(case: OpCase) -> None:
    arguments = case.arguments()
    case.function(*arguments)
    odd = tuple(misaligned(a) if i in case.batched else a for i, a in enumerate(arguments))
    with count_since() as counts:
        case.function(*odd)
    assert counts[0].copies == len(case.batched)


@each_case
def test_arguments_are_left_alone(case: OpCase) -> None:
    arguments = case.arguments()
    before = packed_again(arguments)
    case.function(*arguments)
    for old, new in zip(before, arguments, strict=True):
        assert torch.equal(old, new) if isinstance(old, Tensor) else old == new


@each_case
def test_results_never_share_memory(case: OpCase) -> None:
    arguments = case.arguments()
    results = [case.function(*arguments) for _ in range(3)]
    tensors = [*results, *(a for a in arguments if isinstance(a, Tensor))]
    assert len({t.untyped_storage().data_ptr() for t in tensors}) == len(tensors)


@each_case
def test_result_is_the_whole_of_a_storage_from_torch(case: OpCase) -> None:
    result = case.function(*case.arguments())
    storage = result.untyped_storage()
    assert storage.nbytes() == result.numel() * result.element_size()
    assert storage.data_ptr() == result.data_ptr()
    assert storage.resizable()  # one that wraps foreign memory is not


@each_out_case
def test_out_of_the_result_layout_is_written_in_place(case: OpCase) -> None:
    arguments = case.arguments()
    expected = case.function(*arguments)
    out = torch.full_like(expected, float("nan"))
    address, version = out.data_ptr(), out._version
    with count_since() as counts:
        case.packet.out(*arguments, out=out)
    assert counts[0].copies == 0
    assert out.data_ptr() == address
    assert out._version > version
    assert torch.equal(out, expected)


@covering(case=OUT_CASES, layout=OUT_LAYOUTS)
def test_out_of_another_layout_is_written(case: OpCase, layout: Callable[[Tensor], Tensor]) -> None:
    arguments = case.arguments()
    expected = case.function(*arguments)
    out = layout(torch.full_like(expected, float("nan")))
    strides = out.stride()
    with count_since() as counts:
        case.packet.out(*arguments, out=out)
    assert counts[0].copies == 1
    assert out.stride() == strides
    assert torch.equal(out, expected)


@each_out_case
def test_out_stays_within_its_view(case: OpCase) -> None:
    arguments = case.arguments()
    expected = case.function(*arguments)
    room = torch.full([n + 2 for n in expected.shape], 7.0)
    inner = room[tuple(slice(1, -1) for _ in expected.shape)]
    case.packet.out(*arguments, out=inner)
    assert torch.equal(inner, expected)
    inner.fill_(7.0)
    assert (room == 7.0).all()


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.op != "silu_and_mul" and c.result is None], ids=lambda c: c.id
)
def test_out_may_be_the_first_argument(case: OpCase) -> None:
    arguments = case.arguments()
    expected = case.function(*arguments)
    case.packet.out(*arguments, out=arguments[0])
    assert torch.equal(arguments[0], expected)


@each_out_case
def test_out_of_wrong_shape_is_refused(case: OpCase) -> None:
    arguments = case.arguments()
    expected = case.function(*arguments)
    wrong = expected.new_full((expected.shape[0] + 1, *expected.shape[1:]), 7.0)
    shown = [f"f32[{', '.join(map(str, t.shape))}]" for t in (wrong, expected)]
    with pytest.raises(ArgumentError) as caught:
        case.packet.out(*arguments, out=wrong)
    assert str(caught.value) == f"{case.op}.out: `out` is {shown[0]}, must be {shown[1]}"
    assert (wrong == 7.0).all()
    assert torch.equal(case.function(*arguments), expected)


@each_out_case
def test_out_of_wrong_dtype_is_refused(case: OpCase) -> None:
    arguments = case.arguments()
    expected = case.function(*arguments)
    shape = ", ".join(map(str, expected.shape))
    with pytest.raises(ArgumentError) as caught:
        case.packet.out(*arguments, out=expected.double())
    assert str(caught.value) == f"{case.op}.out: `out` is f64[{shape}], must be f32[{shape}]"


@each_out_case
def test_out_with_gradients_is_refused(case: OpCase) -> None:
    arguments = case.arguments()
    out = torch.empty_like(case.function(*arguments))
    arguments[0].requires_grad_()
    with pytest.raises(ArgumentError) as caught:
        case.packet.out(*arguments, out=out)
    assert str(caught.value) == (
        f"{case.op}.out: an argument requires a gradient, must be without one: "
        "out= overloads are not differentiable"
    )
    with torch.no_grad():
        case.packet.out(*arguments, out=out)
    assert torch.equal(out, case.function(*arguments).detach())


@each_out_case
def test_out_of_nothing_is_left_empty(case: OpCase) -> None:
    arguments = case.arguments(lead=case.empty_leads[0])
    out = torch.empty_like(case.function(*arguments))
    case.packet.out(*arguments, out=out)
    assert out.numel() == 0
