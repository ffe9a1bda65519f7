"""Lowered graphs through Inductor: the code that it writes, and what happens after the compile."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch._inductor.utils import run_and_get_code

from ir_runtime import errors as ir_errors
from ir_runtime import ir
from ir_runtime.passes.lowering.compiled_call import kernel_out_call, provider_call
from ir_runtime.passes.lowering.ir_lowering import IrLowering
from tests.ir.ops import make_scaled

X = torch.arange(12.0).reshape(4, 3)
OPTIONS = {"post_grad_custom_post_pass": IrLowering()}


def compiled(function, *args, **options):
    """Return the results, the compiled function and the body of its code."""
    made = torch.compile(function, options=OPTIONS, fullgraph=True, **options)
    with torch.no_grad():
        found, codes = run_and_get_code(made, *args)
    return found, made, codes[0][codes[0].index("def call") :]


def test_kernels_write_buffers_of_the_memory_plan():
    op = make_scaled()

    def f(x):
        return op(op(op(op(x)), 3.0))

    with op.set_priority(["iree"]):
        found, made, code = compiled(f, X)
        call = kernel_out_call(op.impls["iree"].kernel.qualified_name)
        before = getattr(call, "hits", None)
        with torch.no_grad():
            assert torch.equal(made(X), 24 * X)
    assert torch.equal(found, 24 * X)
    assert code.count(", out=buf") == 4
    assert code.count("empty_strided_cpu(") == 2  # the others are written over
    assert "torch.ops" not in code
    assert "assert_size_stride(buf" not in code  # it is Inductor's own memory
    if before is not None:  # with the C launcher
        assert call.hits == before + 4


def make_both():
    @ir.register_op
    def both(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return x + y, x * y

    return both


def test_kernel_with_two_results():
    both = make_both()

    def f(x, y):
        total, product = both(x, y)
        return *both(product, total), both(x, x)[1]  # nobody reads the sum

    with both.set_priority(["iree"]):
        (total, product, square), _, code = compiled(f, X, X + 1)
    one, two = X + X + 1, X * (X + 1)
    assert torch.equal(total, one + two)
    assert torch.equal(product, one * two)
    assert torch.equal(square, X * X)
    assert code.count("out0=buf") == code.count("out1=buf") == 3
    assert "assert_size_stride(buf" not in code
    assert "assert_alignment(" not in code


@pytest.mark.parametrize("read", [0, 1])
def test_result_that_nobody_reads_has_memory_all_the_same(read):
    both = make_both()

    def f(x, y):
        return both(x, y)[read].neg()

    with both.set_priority(["iree"]):
        found, _, code = compiled(f, X, X + 1)
    assert torch.equal(found, -(X + X + 1, X * (X + 1))[read])
    assert code.count("out0=buf") == code.count("out1=buf") == 1


def test_rows_at_an_offset_are_not_copied():
    op = make_scaled()
    with op.set_priority(["iree"]):
        found, _, code = compiled(lambda x: op(x[1:]), X)
        assert torch.equal(found, 2 * X[1:])
    assert "cpp_fused" not in code  # contiguous, though not at the beginning of its storage


def test_priority_is_frozen():
    """A change after the compile changes neither a lowered node nor one that asks in each call."""
    op, calls = make_scaled(), []

    @op.register_impl("noting")
    def noting(x: Tensor, factor: float = 2.0) -> Tensor:
        calls.append(len(x))
        return x * factor

    kernel = op.impls["iree"].kernel.calls
    made = torch.compile(op, options=OPTIONS)
    asking = torch.compile(op, options=OPTIONS)
    x = X.clone()
    torch._dynamo.mark_dynamic(x, 0)
    with torch.no_grad(), op.set_priority(["iree"]):
        made(X)
        with op.set_priority(["noting"], batch_sizes=(10, None)):
            asking(x)
    for priority in (["native"], ["noting"]):
        with op.set_priority(priority), torch.no_grad():
            hits = kernel.fast.hits if kernel.fast else None
            assert torch.equal(made(X), 2 * X)
            if hits is not None:
                assert kernel.fast.hits == hits + 1
            assert torch.equal(asking(X), 2 * X)
            assert torch.equal(asking(torch.ones(10, 3)), torch.full((10, 3), 2.0))
    assert calls == [10, 10]


def test_graph_without_a_pass_is_compiled_as_before():
    """What is registered with Inductor serves marked nodes alone."""
    op = make_scaled()
    with op.set_priority(["iree"]), torch.no_grad():
        compiled(op, X)
        torch._dynamo.reset()
        kernel = op.impls["iree"].kernel_packet.default
        for function in (op, kernel):
            found, codes = run_and_get_code(torch.compile(function), X, 2.0)
            assert torch.equal(found, 2 * X)
            assert "ir_runtime.passes" not in codes[0]
            assert ".default(arg0_1" in codes[0]


def test_eleven_equal_compiles_are_one_graph():
    op = make_scaled()

    def f(x):
        return op(x)

    counts = torch._dynamo.utils.counters["stats"]
    before = counts["unique_graphs"]
    with op.set_priority(["iree"]), torch.no_grad():
        for _ in range(11):
            pass_ = IrLowering()
            torch.compile(f, options={"post_grad_custom_post_pass": pass_})(X)
    assert counts["unique_graphs"] == before + 1


def test_graph_that_is_loaded_where_an_op_is_missing():
    with pytest.raises(ir_errors.RegistrationError, match="no_such_op: is not registered"):
        provider_call("no_such_op", "{}")
    make_scaled()
    described = '{"providers": ["gone"], "added_native": false, "candidates": [], "ranges": []}'
    with pytest.raises(ir_errors.RegistrationError, match="has no provider 'gone'"):
        provider_call("scaled", described)
