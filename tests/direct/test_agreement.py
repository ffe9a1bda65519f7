"""Do `direct` and `vm` give the same bits, whatever the shapes, layouts, dtypes and threads?"""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor

from ir_runtime.op_reg import CustomOp, KernelBuilder, KernelSelection, def_library, explain
from ir_runtime.settings import override_settings
from tests.cases import BY_OP, CASES, DTYPES, WIDTH, Draw, OpCase
from tests.kernels.test_layouts import INPUT_LAYOUTS
from tests.sampling import covering

THREADS = (1, 2, 3)


def bits(value: Tensor | tuple[Tensor | None, ...]) -> list[bytes | None]:
    """Return the bytes of each result, None for one that is absent."""
    tensors = value if isinstance(value, tuple) else (value,)
    return [
        None if t is None else t.contiguous().view(torch.uint8).numpy().tobytes() for t in tensors
    ]


@covering(case=CASES, dtype=DTYPES, kinds=BY_OP)
def test_both_executors_give_the_same_bits(case: OpCase, dtype: torch.dtype):
    draws = random.Random(f"{case.id} {dtype}")
    threads = torch.get_num_threads()
    leads = [*case.leads, *case.same_rank_leads]
    leads += [tuple(draws.randrange(1, 40) for _ in draws.choice(leads)) for _ in range(6)]
    try:
        for seed, lead in enumerate(leads):
            arguments = list(case.make(Draw.seeded(dtype, seed), lead, WIDTH))
            layout = draws.choice(INPUT_LAYOUTS)
            for i in case.batched:
                if arguments[i].is_floating_point():
                    arguments[i] = layout(arguments[i])
            with override_settings(launch="vm"):
                expected = bits(case.packet.default(*arguments))
            assert explain(case.packet, *arguments).executor == "direct"
            for count in THREADS:
                torch.set_num_threads(count)
                for _ in range(2):  # a miss, then a hit
                    assert bits(case.packet.default(*arguments)) == expected, (lead, layout, count)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("count", THREADS)
def test_large_work_on_many_threads_gives_the_same_bits(count: int):
    threads = torch.get_num_threads()
    x = torch.randn(257, 4099)
    with override_settings(launch="vm"):
        expected = bits(torch.ops.ir_kernels.gelu(x))
    try:
        torch.set_num_threads(count)
        assert bits(torch.ops.ir_kernels.gelu(x)) == expected
    finally:
        torch.set_num_threads(threads)


def test_a_constant_may_be_read_and_returned():
    table = torch.arange(64 * 64.0).reshape(64, 64)  # too large for the code that reads it

    class shifted(CustomOp):
        signature = "shifted(Tensor x) -> (Tensor, Tensor)"

        def select(self, ksel: KernelSelection) -> None:
            x = ksel.arg_tensor(0)
            x.specialize_dims(0, 1)
            for _ in range(2):
                ksel.return_new_tensor(x.t.shape, x.t.dtype)

        def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
            kb.yield_results(*kb.inline_torch(lambda x: (x + table, table.clone()), kb.arg(0)))

    op = CustomOp.register(library=def_library("constant_tests"))(shifted)
    x = torch.randn(64, 64)
    assert explain(op, x).executor == "direct"
    total, same = op(x)
    assert torch.equal(total, x + table)
    assert torch.equal(same, table)
