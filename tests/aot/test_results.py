"""Do results that are more than tensors survive in an exported program?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ir_runtime import aot
from tests.op_reg import result_ops as ops
from tests.op_reg.ops import make_op
from tests.sampling import sampled

X = torch.arange(1.0, 7.0)
N = torch.arange(5)


def _select_sums(self: Any, ksel: Any) -> None:
    x = ksel.arg_tensor(0).t
    ksel.return_new_tensor(x.shape, x.dtype)
    ksel.return_new_tensor_list([(), x.shape], [torch.float64, torch.int64])


def _generate_sums(self: Any, ksel: Any, kb: Any) -> None:
    def run(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return x / 2, x.double().sum(), x.long()

    kb.yield_results(*kb.inline_torch(run, kb.arg(0)))


sum_and_list = make_op(
    "sum_and_list_@UNIQUE@(Tensor x) -> (Tensor, Tensor[])", _select_sums, _generate_sums
)
CASES: dict[str, tuple[Callable[..., Any], torch.Tensor]] = {
    "list": (ops.multiples, X),
    "one element of a list": (lambda x: ops.multiples(x, 2)[1] + 1, X),
    "tensor and list of other dtypes": (sum_and_list, X),
    "optional results, one absent": (lambda x: ops.gradients(x, [True, False, True])[::2], X),
    "optional result, present": (lambda x: ops.perhaps(x, True) + x, X),
    "number": (lambda n: n + ops.total(n), N),
    "tensor and number": (lambda n: torch.add(*ops.doubled_and_total(n)), N),
    "number made of a size": (lambda x: x * ops.rows(x), X),
}


@sampled(2, case=tuple(CASES))
def test_program_returns_what_the_op_does(case: str) -> None:
    """O7."""
    function, x = CASES[case]
    wanted, got = function(x), aot.export(function, (x,))(x)
    torch.testing.assert_close(got, wanted, rtol=0, atol=0)


def test_kernel_with_a_number_is_shared_by_two_calls() -> None:
    program = aot.export(lambda n: n * ops.total(n) + ops.total(n + 1), (N,))
    assert program.mlir().count("util.func private @ir_tests_total") == 1
    assert torch.equal(program(N), N * 10 + 15)
