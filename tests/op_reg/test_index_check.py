"""Does compiled code stay within its buffers, whatever its indices are, and name a wrong one?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import kernels_mlir
from ir_runtime import aot
from ir_runtime.counters import count_since
from ir_runtime.errors import ExportError, IndexOutOfRangeError
from ir_runtime.op_reg import CustomOp, KernelBuilder, KernelSelection, def_library
from ir_runtime.settings import override_settings
from tests.devices import open_or_skip
from tests.op_reg.accesses import ACCESSES, ROWS, SHIFT, Access, X, every_access, index_arguments
from tests.sampling import covering

LIBRARY = def_library("test_index_check")
Run = Callable[..., Any]
WAYS = ("direct", "vm", "program")
HIGH, FAR, FARTHEST, LOW, LOWEST = "high", "far", "farthest", "low", "lowest"


class EveryAccess(CustomOp):
    """The accesses as one kernel."""

    signature = f"every_access(Tensor x, {', '.join(f'Tensor {a.id}' for a in ACCESSES)}) -> Tensor"

    def select(self, ksel: KernelSelection) -> None:
        for i in range(len(self.arg_names)):
            tensor = ksel.arg_tensor(i)
            tensor.specialize_dims(*range(tensor.t.ndim))
        result = every_access(*index_arguments())
        ksel.return_new_tensor(result.shape, result.dtype).specialize_dims(0)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        operands = [kb.arg_value(i) for i in range(len(self.arg_names))]
        kb.yield_results(kb.inline_torch(every_access, *operands))


every_access_op: Any = CustomOp.register(EveryAccess, library=LIBRARY)


class EveryAccessModule(torch.nn.Module):
    """The accesses under their names."""


exec(
    f"def _forward(self, x, {', '.join(a.id for a in ACCESSES)}):\n"
    f"    return every_access(x, {', '.join(a.id for a in ACCESSES)})",
    globals(),
)
EveryAccessModule.forward = globals()["_forward"]


@pytest.fixture(scope="module")
def program() -> aot.Program:
    return aot.export(EveryAccessModule(), index_arguments(), name="every_access")


@pytest.fixture
def run(program: aot.Program, request: pytest.FixtureRequest) -> Any:
    """The accesses by an executor, or as an exported program."""
    if request.param == "program":
        yield program
    else:
        with override_settings(launch=request.param):
            yield every_access_op


def shift_of(access: Access) -> int:
    """Return what the function adds to an index."""
    return SHIFT if access.id == "computed" else 0


def illegal(access: Access, kind: str) -> int:
    ends = torch.iinfo(access.dtype)
    low = -access.size - 1 if access.wraps else -1 - shift_of(access)
    far = min(2**31, ends.max)
    return {HIGH: access.size, FAR: far, FARTHEST: ends.max - 1, LOW: low, LOWEST: ends.min}[kind]


@covering(
    access=ACCESSES, kind=(HIGH, FAR, FARTHEST, LOW, LOWEST), kinds={"access": lambda a: a.wraps}
)
@pytest.mark.parametrize("run", WAYS, indirect=True)
def test_illegal_index_is_an_index_error(run: Run, access: Access, kind: str) -> None:
    index = illegal(access, kind)
    with pytest.raises(IndexError) as caught:
        run(*index_arguments(**{access.id: index}))
    error: Any = caught.value
    shift = shift_of(access)
    assert (error.index, error.size) == (index + shift, access.size + shift)
    assert error.argument == (None if shift else access.id)
    assert str(error).startswith("every_access: ")


@pytest.mark.parametrize("run", WAYS, indirect=True)
def test_legal_indices_give_what_torch_gives(run: Run) -> None:
    """After the refused calls, so that their memory is in use again."""
    ends = {a.id: -a.size if a.wraps else a.size - 1 for a in ACCESSES}
    for arguments in (index_arguments(), index_arguments(**ends)):
        torch.testing.assert_close(run(*arguments), every_access(*arguments))


def test_message_says_where_the_index_is(program: aot.Program) -> None:
    with pytest.raises(IndexOutOfRangeError) as caught:
        program(*index_arguments(gather=-7))
    assert str(caught.value) == (
        "every_access: `gather` has -7, must be in 0..3 for a dimension of size 4\n"
        "    in aten.gather"
    )
    with pytest.raises(IndexOutOfRangeError) as caught:
        program(*index_arguments(computed=3))
    headline, place = str(caught.value).split("\n")
    assert headline == ("every_access: an index is 4, must be in 0..3 for a dimension of size 4")
    assert place.startswith("    in aten.embedding")


def test_launchable_of_a_program_returns_its_results_alone(program: aot.Program) -> None:
    run = program.launchable()
    assert torch.equal(run(*index_arguments()), program(*index_arguments()))
    with pytest.raises(IndexOutOfRangeError, match="`take` has 20"):
        run(*index_arguments(take=20))


class PutRows(CustomOp):
    """Writes rows of its argument in place; any number of indices and rows."""

    signature = "put_rows(Tensor(a!) x, Tensor index) -> ()"

    def select(self, ksel: KernelSelection) -> None:
        ksel.arg_tensor(0, inplace_tied=True).specialize_dims(1)
        ksel.arg_tensor(1)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        def put(x: Tensor, index: Tensor) -> Tensor:
            return x.index_put((index,), torch.tensor(7.0))

        kb.yield_results(kb.inline_torch(put, kb.arg_value(0), kb.arg_value(1)))


put_rows: Any = CustomOp.register(PutRows, library=LIBRARY)


@pytest.mark.parametrize("launch", ["direct", "vm"])
def test_argument_in_place_stays_as_it_is_if_an_index_is_illegal(launch: str) -> None:
    x = X.clone()
    with override_settings(launch=launch):
        with pytest.raises(IndexOutOfRangeError, match="`index` has 4"):
            put_rows(x, torch.tensor([0, ROWS]))
        assert torch.equal(x, X)
        put_rows(x, torch.tensor([-2]))
    assert torch.equal(x, X.index_fill(0, torch.tensor([2]), 7.0))


def writes(x: Tensor, i: Tensor) -> tuple[Tensor, ...]:
    """Write values that torch expands to the places, of which there may be none."""
    seven, columns = torch.tensor(7.0), torch.arange(2)
    by_slice = x.clone()
    by_slice[:, i] = x[:, :1]
    return (
        x.index_put((i,), x[0]),
        x.index_put((i,), x[:1], accumulate=True),
        x.index_put((i, i), seven),
        x.index_put((i[:, None], columns), seven),
        x.index_put((i, torch.tensor([1])), seven, accumulate=True),
        x.index_fill(0, i, 7.0),
        by_slice,
    )


@pytest.mark.parametrize("launch", ["direct", "vm"])
def test_write_of_nothing(launch: str) -> None:
    """One that is known to have no indices is a copy."""
    none = torch.zeros(0, dtype=torch.int64)
    with override_settings(launch=launch):
        x = X.clone()
        put_rows(x, none)
        assert torch.equal(x, X)
        sizes = (None, {0: torch.export.Dim("n", min=0, max=99)})
        program = aot.export(writes, (X, torch.tensor([0, 2, 1])), dynamic_shapes=sizes)
        for index in (none, torch.tensor([3]), torch.tensor([2, -1, 0])):
            for found, expected in zip(program(X, index), writes(X, index), strict=True):
                assert torch.equal(found, expected)
    program = aot.export(lambda x, i: x.index_put((i,), x[0]), (X, none))
    assert torch.equal(program(X, none), X)


def test_source_of_a_masked_scatter_may_be_too_short() -> None:
    """Also one without elements, which is right if nothing is chosen."""
    chosen, none = X > -100, X > 100
    sizes = (None, None, {0: torch.export.Dim.AUTO})
    program = aot.export(Tensor.masked_scatter, (X, chosen, X.reshape(-1)), dynamic_shapes=sizes)
    assert torch.equal(program(X, chosen, -X.reshape(-1)), -X)
    assert torch.equal(program(X, none, X.new_empty(0)), X)
    for source in (X.reshape(-1)[:-1], X.new_empty(0)):
        with pytest.raises(IndexOutOfRangeError):
            program(X, chosen, source)


def gathered(x: Tensor, index: Tensor) -> Tensor:
    return x.gather(0, index)


def test_index_of_a_dimension_without_elements() -> None:
    free = torch.export.Dim.AUTO
    dims = ({0: free, 1: free}, {0: free, 1: free})
    index = torch.zeros(2, 3, dtype=torch.int64)
    program = aot.export(gathered, (X, index), dynamic_shapes=dims)
    with pytest.raises(IndexOutOfRangeError) as caught:
        program(X[:0].clone(), index)
    assert caught.value.size == 0
    assert program(X[:0].clone(), index[:0]).shape == (0, 3)
    wide = torch.zeros(2, 6, dtype=torch.int64)  # reaches beyond the rows of x
    with pytest.raises(RuntimeError, match=r"must have index.shape\[1\] <= x.shape\[1\]"):
        program(X, wide)


def test_index_of_an_op_in_a_program() -> None:
    def turned(positions: Tensor, query: Tensor, cache: Tensor) -> Tensor:
        return kernels_mlir.rotary_embedding(positions, query, None, 4, 4, cache, True)[0] + 1

    arguments = torch.tensor([0, 1]), torch.ones(2, 8), torch.ones(6, 4)
    program = aot.export(turned, arguments)
    assert program(*arguments).shape == (2, 8)
    with pytest.raises(IndexOutOfRangeError) as caught:
        program(torch.tensor([0, 6]), *arguments[1:])
    assert str(caught.value).startswith("turned: `positions` of rotary_embedding has 6, ")


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: F.unfold(x[None, None], 2),
        lambda x: x[torch.arange(x.shape[0])],
        lambda x: x[torch.tensor([3, 0])],
        lambda x: x[torch.arange(3) * 1 + 1],
    ],
    ids=["unfold", "range", "constant", "arithmetic"],
)
def test_index_that_cannot_be_illegal_is_not_checked(fn: Any) -> None:
    assert "ir_runtime" not in aot.export(fn, (X,)).mlir()


def test_operator_whose_indices_nobody_checks_is_refused() -> None:
    def bag(index: Tensor) -> Tensor:
        return F.embedding_bag(index, X)

    with pytest.raises(ExportError, match=r"cannot be made safe: .*embedding_bag.* takes indices"):
        aot.export(bag, (torch.tensor([[0, 1]]),))


def test_place_that_the_program_computes_is_refused() -> None:
    def part(x: Tensor, index: Tensor) -> Tensor:
        return x.narrow(0, index[0].item(), 1)

    with pytest.raises(ExportError, match="from the values of a tensor"):
        aot.export(part, (X, torch.tensor([1])))


@pytest.mark.vulkan
def test_illegal_index_on_vulkan_is_clamped_and_counted() -> None:
    device = open_or_skip("vulkan")
    query, cache = torch.ones(2, 8), torch.linspace(0, 1, 24).reshape(6, 4)

    def turned(*positions: int) -> Tensor:
        at = torch.tensor(positions)
        return kernels_mlir.rotary_embedding(at, query, None, 4, 4, cache, True)[0]

    with count_since() as counts, device:
        assert torch.equal(turned(0, 9), turned(0, 5))
    assert counts[0].index_faults == 1
