"""Groups within a row, interleaved pairs, and rows of tables: against float64, and their errors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ir_runtime import rows
from ir_runtime.errors import UnsupportedOperatorError
from ir_runtime.rows.trace import trace
from tests.row_kernels import natives
from tests.row_kernels.kernel import LIBRARY, as_tuple, form, joined

F32, BF16 = torch.float32, torch.bfloat16
EACH = (
    (natives.group_quantized, (0,)),
    (natives.normed_and_group_quantized, (0, 2)),
    (natives.gated_norm, (0, 1, 2)),
    (natives.group_softmax, (0,)),
    (natives.swiglu_of_pairs, (0,)),
    (natives.rotary, (0, 3, 4)),
    (natives.rotary_of_pairs, (0, 3, 4)),
    (natives.normed_heads, (5, 6, 7, 8)),
    (natives.embedded, (3, 4, 9)),
    (natives.heads_first, (10, 11, 12)),
    (natives.positioned, (13, 14, 6)),
)
FUNCTIONS, TAKEN = zip(*EACH, strict=True)


def make_tensors(size: int, dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)

    def make(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(dtype)

    x, gate, weight = make(5, 3 * size), make(5, 3 * size), make(3 * size)
    positions = torch.tensor([0, 6, 3, 1, 5])
    angles = size // 4 * 2
    others = [make(5, 3, size), make(size), make(5, angles // 2), make(5, angles // 2)]
    others += [make(7, angles), make(2, 3, 4, size), make(2, 4, size), make(2, 4, size)]
    others += [make(2, 4, size), make(1, 4, size)]
    return [x, gate, weight, positions, make(7, angles), *others]


@pytest.mark.parametrize(("size", "dtype"), [(40, F32), (80, BF16)])
def test_error_is_that_of_torch(size, dtype):
    tensors = make_tensors(size, dtype)
    got = list(joined(FUNCTIONS, tensors, TAKEN)(*tensors))
    for fn, own in EACH:
        given = [tensors[i] for i in own]
        exact = [t.double() if t.is_floating_point() else t for t in given]
        for e, w in zip(as_tuple(fn(*given)), as_tuple(fn(*exact)), strict=True):
            g = got.pop(0)
            assert g.shape == e.shape, fn.__name__
            assert g.dtype == e.dtype, fn.__name__
            mine, torchs = ((v.double() - w.double()).abs().max().item() for v in (g, e))
            assert mine <= 1.5 * torchs + 2e-7, fn.__name__
    assert not got


def test_one_binary_for_all_numbers_of_rows_and_heads_keep_their_dimension(store):
    op = rows.row_kernel(natives.normed_heads, name="heads_@UNIQUE@", library=LIBRARY)
    weight = torch.randn(40)
    for lead in ((5,), (2, 3)):
        x, (cos, sin) = torch.randn(*lead, 3, 40), torch.randn(2, *lead, 10)
        assert form(op, x, weight, cos, sin) == "a row kernel"
        wanted = natives.normed_heads(x, weight, cos, sin)
        for g, w in zip(op(x, weight, cos, sin), wanted, strict=True):
            torch.testing.assert_close(g, w)
    assert len(store.keys()) == 1


def test_rows_that_some_rows_share_have_any_sizes(store):
    op = rows.row_kernel(natives.heads_first, name="heads_first_@UNIQUE@", library=LIBRARY)
    for batch, heads, tokens in ((2, 3, 4), (3, 5, 2)):
        x, (cos, sin) = torch.randn(batch, heads, tokens, 40), torch.randn(2, batch, tokens, 40)
        assert form(op, x, cos, sin) == "a row kernel"
        torch.testing.assert_close(op(x, cos, sin), natives.heads_first(x, cos, sin))
    assert len(store.keys()) == 1
    # The angles have the sizes of other dimensions by chance.
    for batch, heads, tokens in ((2, 4, 4), (3, 3, 4), (1, 3, 1)):
        x, (cos, sin) = torch.randn(batch, heads, tokens, 40), torch.randn(2, batch, tokens, 40)
        assert form(op, x, cos, sin) == "a row kernel"
    torch.testing.assert_close(op(x, cos, sin), natives.heads_first(x, cos, sin))


@rows.row_kernel(name="embedded_@UNIQUE@", library=LIBRARY, activations=["ids"])
def embedded(ids: Tensor, table: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    return natives.embedded(ids.long().clone(), table, other)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_bad_index_is_named_and_negative_ones_count_as_in_torch(dtype):
    table, other = torch.randn(7, 40), torch.randn(9, 40)
    ids = torch.tensor([[0, 6, 3], [1, 5, 2]], dtype=dtype)
    assert form(embedded, ids, table, other) == "a row kernel"
    for g, w in zip(embedded(ids, table, other), natives.embedded(ids, table, other), strict=True):
        torch.testing.assert_close(g, w)
    for bad in (7, -1):  # other[-1] is a row, but an embedding has no row -1
        ids[1, 1] = bad
        with pytest.raises(IndexError, match=rf"embedded.*`ids`.*{bad}.*7"):
            embedded(ids, table, other)


def test_broadcasts_that_are_not_clear_are_refused():
    x, y = torch.randn(2, 3, 4, 8), torch.randn(2, 4, 8)
    with pytest.raises(UnsupportedOperatorError, match=r"\[2, 4, 8\], which is neither rows nor"):
        trace(lambda x, y: x + y[:, None] * y.mean(), (x, y), (0,))
    with pytest.raises(UnsupportedOperatorError, match="broadcasts argument 1 in two ways"):
        trace(lambda x, y: x + y + y[:, None], (torch.randn(2, 3, 3, 8), torch.randn(3, 8)), (0,))
    three = [torch.randn(s) for s in ((2, 1, 3, 1, 8), (1, 4, 3, 1, 8), (1, 1, 3, 5, 8))]
    with pytest.raises(UnsupportedOperatorError, match="along more than 3 dimensions"):
        trace(lambda x, *y: x + sum(y), (torch.randn(2, 4, 3, 5, 8), *three), (0,))


@pytest.mark.parametrize(
    ("fn", "why"),
    [
        (lambda x, ids, table: table[ids] + table, "it takes an argument of shape"),
        (lambda x, ids, table: x * ids.unsqueeze(-1), "of int64, which only choose rows of tables"),
        (
            lambda x, ids, table: x + table[torch.zeros_like(ids)],
            "of int64, which only choose rows",
        ),
        (lambda x, ids, table: x + table[ids.int()], "of int64, which only choose rows of tables"),
        (lambda x, ids, table: x + x[ids], "argument 0 is a table, and has rows, too"),
        (lambda x, ids, table: x + (table * 2)[ids], "it takes an argument of shape"),
        (lambda x, ids, table: x + table.t()[ids], "aten.permute|it takes an argument of shape"),
        (lambda x, ids, table: x + table[:, ids].t(), "along other dimensions than the first"),
        (lambda x, ids, table: x + table.index_select(1, ids), "must be the first one"),
    ],
)
def test_other_gathers_are_refused(fn, why):
    x, ids, table = torch.randn(5, 8), torch.zeros(5, dtype=torch.int64), torch.randn(7, 8)
    with pytest.raises(UnsupportedOperatorError, match=why):
        trace(fn, (x, ids, table), (0,))


def test_pieces_without_a_column_join_others_and_nothing_else():
    x = torch.empty(5, 8, device="meta")

    def turned(x: Tensor) -> Tensor:  # as a rotation of all columns leaves none over
        return torch.cat([x[..., 4:], x[..., :4], x[..., 8:]], -1)

    (result,) = trace(turned, [x], [0]).results
    assert result.shape == (5, 8)
    assert len(result.parts) == 2
    for function in (lambda x: x[..., 8:], lambda x: x[..., 8:] * 2):
        with pytest.raises(UnsupportedOperatorError):
            trace(function, [x], [0])
