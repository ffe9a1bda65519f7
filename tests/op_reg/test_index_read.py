"""A read of single elements, which checks its indices in the same pass, does both right."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime import aot
from ir_runtime.counters import count_since
from ir_runtime.errors import IndexOutOfRangeError, LaunchError
from ir_runtime.op_reg import CustomOp, KernelBuilder, KernelSelection, def_library, explain
from ir_runtime.settings import override_settings
from tests.devices import open_or_skip
from tests.launch.native.memory import guarded, survives
from tests.sampling import covering, sampled

LIBRARY = def_library("test_index_read")
ONE_PASS = "flow.dispatch.workgroups["
FREE = torch.export.Dim.AUTO
SIZE = 7
COUNTS = (0, 1, 15, 16, 17, 4095, 4096, 4097, 12289)
DTYPES = (
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
)
READS = {
    "gather": lambda x, i: x.gather(0, i),
    "index_select": lambda x, i: x.index_select(0, i),
    "index": lambda x, i: x[i],
    "take": lambda x, i: x.take(i),
}
WRAPS = ("index", "take")


def read_op(name: str) -> Any:
    """Register an op that reads elements of a line."""

    class Read(CustomOp):
        signature = f"read_by_{name}(Tensor x, Tensor index) -> Tensor"

        def select(self, ksel: KernelSelection) -> None:
            x, index = (ksel.arg_tensor(i) for i in range(2))
            ksel.return_new_tensor(index.t.shape, x.t.dtype)

        def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
            kb.yield_results(kb.inline_torch(READS[name], *(kb.arg_value(i) for i in range(2))))

    return CustomOp.register(Read, library=LIBRARY)


OPS = {name: read_op(name) for name in READS}


def line(dtype: torch.dtype = torch.float32, size: int = SIZE) -> Tensor:
    """Return elements that differ, as far as the dtype can say."""
    return torch.arange(size).to(dtype)


def indices(count: int, *, lowest: int = 0, dtype: torch.dtype = torch.int64) -> Tensor:
    return (torch.arange(count, dtype=dtype) * 5) % (SIZE - lowest) + lowest


@covering(
    launch=("direct", "vm"), name=tuple(READS), dtype=DTYPES, index=(torch.int64, torch.int32)
)
def test_elements_are_those_that_torch_reads(
    launch: str, name: str, dtype: torch.dtype, index: torch.dtype
) -> None:
    if name in ("gather", "take"):  # torch takes no other
        index = torch.int64
    x = line(dtype)
    with override_settings(launch=launch):
        for count in COUNTS:
            at = indices(count, lowest=-SIZE if name in WRAPS else 0, dtype=index)
            assert torch.equal(OPS[name](x, at), READS[name](x, at)), count


@covering(launch=("direct", "vm"), name=tuple(READS))
def test_illegal_index_in_any_block_is_an_index_error(launch: str, name: str) -> None:
    lowest = -SIZE if name in WRAPS else 0
    with override_settings(launch=launch):
        for count, place in ((1, 0), (17, 16), (4096, 4095), (12289, 5000), (12289, 12288)):
            for illegal in (SIZE, lowest - 1, 2**63 - 1, -(2**63)):
                at = indices(count)
                at[place] = illegal
                with pytest.raises(IndexOutOfRangeError, match=f"`index` has {illegal}, "):
                    OPS[name](line(), at)


@pytest.mark.parametrize("launch", ["direct", "vm"])
def test_empty_line_is_read_by_no_index(launch: str) -> None:
    with override_settings(launch=launch):
        assert OPS["index"](line(size=0), indices(0)).shape == (0,)
        with pytest.raises(IndexOutOfRangeError, match="must be empty"):
            OPS["index"](line(size=0), indices(1))


class Gather(CustomOp):
    """Any sizes of three dimensions."""

    signature = "gather_of_three(Tensor x, Tensor index, int dim) -> Tensor"

    def select(self, ksel: KernelSelection) -> None:
        x, index = (ksel.arg_tensor(i) for i in range(2))
        ksel.attr_int(2)
        ksel.return_new_tensor(index.t.shape, x.t.dtype)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        dim = ksel.arg_descs[2].v
        operands = (kb.arg_value(i) for i in range(2))
        kb.yield_results(kb.inline_torch(lambda x, i: x.gather(dim, i), *operands))


gather_of_three: Any = CustomOp.register(Gather, library=LIBRARY)
SHAPES = ((3, 5, 2), (1, 1, 40), (2, 3, 16), (70, 9, 7), (1, 5000, 1), (9000, 1, 1), (4, 0, 3))


@covering(launch=("direct", "vm"), dim=(0, 1, 2))
def test_gather_along_each_dimension(launch: str, dim: int) -> None:
    """The other dimensions of the table are larger than those of the index."""
    with override_settings(launch=launch):
        for shape in SHAPES:
            table = [SIZE if i == dim else size + 2 * i for i, size in enumerate(shape)]
            x = line(size=torch.Size(table).numel()).reshape(table)
            index = indices(torch.Size(shape).numel()).reshape(shape)
            assert torch.equal(gather_of_three(x, index, dim), x.gather(dim, index)), shape
            if index.numel():
                index.view(-1)[-1] = SIZE
                with pytest.raises(IndexOutOfRangeError, match=f"`index` has {SIZE}, "):
                    gather_of_three(x, index, dim)


@pytest.mark.parametrize("launch", ["direct", "vm"])
def test_other_dimensions_of_a_gather_must_fit(launch: str) -> None:
    index = indices(12).reshape(2, 3, 2)
    with override_settings(launch=launch), pytest.raises(LaunchError, match=r"index\.shape"):
        gather_of_three(torch.zeros(2, 2, 2), index, 0)


def test_read_stays_inside_its_buffers() -> None:
    """Each tensor ends at a page that nobody may touch; the last vector is not full."""
    read = OPS["gather"]
    for count in (16, 4112, 8208):
        x, index = guarded(line(size=64)), guarded(indices(count)[: count - 8].clone())
        out, wanted = guarded(torch.empty(count - 8)), x[index]
        assert explain(read, x, index).executor == "direct"

        def run(given: tuple[Tensor, ...] = (x, index, out, wanted)) -> bool:
            read.out(*given[:2], out=given[2])
            return torch.equal(given[2], given[3])

        assert survives(run), count


@sampled(
    3,
    dims=(
        {0: FREE, 1: FREE},
        {},
        {1: FREE},
        {0: FREE, 1: FREE, 2: FREE},
    ),
)
def test_index_of_any_rank(dims: dict[int, Any]) -> None:
    shape = (3, 50, 40)[: 3 if 2 in dims else 2] if dims else (70, 60)
    index = indices(torch.Size(shape).numel(), lowest=-SIZE).reshape(shape)
    program = aot.export(READS["take"], (line(), index), dynamic_shapes=({0: FREE}, dims))
    assert ONE_PASS in program.mlir()
    assert torch.equal(program(line(), index), line()[index])
    index.view(-1)[-1] = SIZE
    with pytest.raises(IndexOutOfRangeError, match=f"`i` has {SIZE}"):
        program(line(), index)


def exported(fn: Any, count: int = 5000) -> aot.Program:
    return aot.export(fn, (line(), indices(count)))


def test_index_is_checked_once() -> None:
    """One that two operators use is checked before both, one of few elements before its read."""
    several = exported(lambda x, i: x.gather(0, i) + (x * 2).gather(0, i))
    few = exported(READS["gather"], 9)
    for program in (several, few):
        assert ONE_PASS not in program.mlir()
        assert program.mlir().count("call @ir_runtime_check_index") == 1
    twice = exported(lambda x, i: x.gather(0, i) * i)
    assert ONE_PASS in twice.mlir()
    assert "ir_runtime_check_index" not in twice.mlir()


@pytest.mark.parametrize("family", ["vulkan", "cuda", "hip"])
def test_other_devices_check_before_they_read(family: str) -> None:
    text = exported(READS["gather"]).mlir(family)
    assert ONE_PASS not in text
    assert "call @ir_runtime_check_index" in text


@pytest.mark.vulkan
def test_illegal_index_on_vulkan_is_clamped_and_counted() -> None:
    device = open_or_skip("vulkan")
    index = indices(5000)
    index[17] = SIZE
    with count_since() as counts, device:
        found = OPS["gather"](line(), index)
    assert torch.equal(found, line()[index.clamp(0, SIZE - 1)])
    assert counts[0].index_faults == 1
