"""Do torch functions become kernels that compute the same, at all sizes, or are they refused?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode

from ir_runtime.counters import count_since
from ir_runtime.dtypes import dtype_info
from ir_runtime.errors import GenerateError, LaunchError
from ir_runtime.op_reg import CustomOp, KernelBuilder, KernelSelection, def_library
from ir_runtime.op_reg.trace.trace_function import torch_function_asm
from tests.op_reg import ops
from tests.sampling import sampled

LIBRARY = def_library("test_from_torch")
ROWS = 5
OFFSETS = torch.linspace(-1, 1, 8)


def op_of(
    fn: Callable[..., Any],
    arity: int,
    *,
    static: Sequence[Sequence[int]] | None = None,
    like: bool = False,
) -> Any:
    """Register an op that is `fn`; `static` lists the compiled-in dimensions of each operand."""
    args = ", ".join(f"Tensor x{i}" for i in range(arity))

    class Traced(CustomOp):
        signature = f"traced@UNIQUE@({args}) -> Tensor"

        def select(self, ksel: KernelSelection) -> None:
            tensors = [ksel.arg_tensor(i) for i in range(arity)]
            for i, dims in enumerate(static or ()):
                tensors[i].specialize_dims(*dims)
            out = fn(*(torch.zeros(t.t.shape, dtype=t.t.dtype) for t in tensors))
            ksel.return_new_tensor(out.shape, out.dtype)

        def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
            examples = tuple(ksel.arg_descs[i].t for i in range(arity)) if like else None
            kb.yield_results(kb.inline_torch(fn, *(kb.arg(i) for i in range(arity)), like=examples))

    return CustomOp.register(Traced, library=LIBRARY)


def assert_runs_as(fn: Callable[..., Any], op: Any, *args: torch.Tensor) -> None:
    with count_since() as counts:
        got = op(*args)
    assert (counts[0].compiles, counts[0].selects) == (1, 1)
    assert_like_torch(got, fn(*args))


def assert_like_torch(got: torch.Tensor, wanted: torch.Tensor) -> None:
    info = dtype_info(wanted.dtype)
    torch.testing.assert_close(got, wanted, atol=10 * info.atol, rtol=10 * info.rtol)


def x(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return F.scaled_dot_product_attention(q, k, v)


INDEX = torch.tensor([4, 0, 3])
CASES = {
    "gelu": (F.gelu, [x(ROWS, 8)], None),
    "gelu of 1 row": (F.gelu, [x(1, 8)], None),
    "softmax": (lambda a: torch.softmax(a, -1), [x(ROWS, 8)], None),
    "layer_norm": (
        lambda a, w, b: F.layer_norm(a, w.shape, w, b),
        [x(ROWS, 8), x(8), x(8) + 1],
        [[1], [0], [0]],  # IREE 3.13 at O2 fails to compile it for any row size
    ),
    "matmul": (torch.matmul, [x(ROWS, 8), x(8, 6)], None),
    "attention": (attention, [x(2, 4, ROWS, 8), x(2, 4, 7, 8), x(2, 4, 7, 8) + 1], [[1, 3]] * 3),
    "topk": (lambda a: torch.topk(a, 3)[0], [x(ROWS, 16)], None),
    "cumsum": (lambda a: torch.cumsum(a, -1), [x(ROWS, 16)], None),
    "sort": (lambda a: torch.sort(a, -1)[0], [x(ROWS, 16)], [[1]]),
    "index_select": (lambda a, i: torch.index_select(a, 0, i), [x(ROWS, 8), INDEX], None),
    "gather": (
        lambda a, i: torch.gather(a, 1, i),
        [x(ROWS, 8), torch.arange(ROWS * 3).reshape(ROWS, 3) % 8],
        [[1], [1]],
    ),
    "conv1d": (lambda a, w: F.conv1d(a, w, padding=1), [x(2, 4, 9), x(6, 4, 3)], [[1], [0, 1, 2]]),
    "where": (lambda a, b: torch.where(a > b, a, -b), [x(ROWS, 8), -x(ROWS, 8)], None),
    "bool result": (lambda a, b: a > b, [x(ROWS, 8), x(ROWS, 8).flip(0)], None),
    "bool operand": (lambda m, a: a * ~m, [x(ROWS, 8) > 0, x(ROWS, 8)], None),
    "closure": (lambda a: a + OFFSETS, [x(ROWS, 8)], [[1]]),
    "identity": (lambda a: a, [x(ROWS, 8)], None),
    "slice": (lambda a: a[:4] * 2, [x(ROWS, 8)], None),
    "slice past the end": (lambda a: a[:4] * 2, [x(3, 8)], None),
    "view": (lambda a: a.view(-1, 2).sum(-1), [x(ROWS * 2)], None),
    "cat": (lambda a, b: torch.cat([a, b]), [x(ROWS, 8), x(2, 8)], None),
    "empty sum": (lambda a: a.sum(0), [x(0, 8)], [[1]]),
    "scalar": (lambda a, s: a * s, [x(ROWS, 8), x()], None),
    "bf16": (lambda a: torch.softmax(a, -1), [x(ROWS, 8, dtype=torch.bfloat16)], None),
    "f16": (lambda a: a * 2 + 1, [x(ROWS, 8, dtype=torch.float16)], None),
    "f64": (lambda a: torch.sqrt(a * a + 1), [x(ROWS, 8, dtype=torch.float64)], None),
    "i32": (lambda a: a * 2 + 1, [torch.arange(40, dtype=torch.int32).reshape(ROWS, 8)], None),
    "i64": (lambda a: a * 2**33, [torch.arange(-3, 3)], None),
    "i8": (lambda a: a.float(), [torch.arange(-3, 3, dtype=torch.int8)], None),
}


@sampled(6, case=tuple(CASES))
def test_computes_what_torch_computes(case: str, store: object) -> None:
    fn, args, static = CASES[case]
    assert_runs_as(fn, op_of(fn, len(args), static=static), *args)


def test_one_kernel_runs_all_sizes(store: object) -> None:
    def fn(a: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return torch.softmax(a @ w, -1)

    op = op_of(fn, 2)
    with count_since() as counts:
        for rows, inner, columns in ((3, 8, 6), (1, 8, 6), (1, 1, 1), (40, 33, 17)):
            args = x(rows, inner), x(inner, columns)
            assert_like_torch(op(*args), fn(*args))
    assert (counts[0].compiles, counts[0].selects) == (1, 4)


def test_two_results(store: object) -> None:
    class Pair(CustomOp):
        signature = "pair@UNIQUE@(Tensor x) -> (Tensor, Tensor)"

        def select(self, ksel: KernelSelection) -> None:
            a = ksel.arg_tensor(0)
            ksel.return_new_tensor(a.t.shape, a.t.dtype)
            ksel.return_new_tensor(a.t.shape[:1], a.t.dtype)

        def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
            kb.yield_results(*kb.inline_torch(lambda a: (a + 1, a.amax(-1)), kb.arg(0)))

    doubled, largest = CustomOp.register(Pair, library=LIBRARY)(x(ROWS, 8))
    assert_like_torch(doubled, x(ROWS, 8) + 1)
    assert_like_torch(largest, x(ROWS, 8).amax(-1))


def test_two_functions_keep_their_constants_apart(store: object) -> None:
    first, second = x(8), x(8) * 3

    class Both(CustomOp):
        signature = "both@UNIQUE@(Tensor x) -> Tensor"

        def select(self, ksel: KernelSelection) -> None:
            a = ksel.arg_tensor(0)
            a.specialize_dims(1)
            ksel.return_new_tensor(a.t.shape, a.t.dtype)

        def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
            once = kb.inline_torch(lambda a: a * first, kb.arg(0))
            kb.yield_results(kb.inline_torch(lambda a: a + second, once))

    op = CustomOp.register(Both, library=LIBRARY)
    assert_like_torch(op(x(ROWS, 8)), x(ROWS, 8) * first + second)


def test_parameters_of_a_module_are_constants(store: object) -> None:
    linear = torch.nn.Linear(8, 4)
    with torch.no_grad():
        assert_runs_as(linear, op_of(linear, 1, static=[[1]]), x(ROWS, 8))


def test_like_tells_unsigned_from_signed(store: object) -> None:
    def fn(a: torch.Tensor) -> torch.Tensor:
        return a.float()

    assert_runs_as(fn, op_of(fn, 1, like=True), torch.tensor([1, 200, 255], dtype=torch.uint8))


def test_no_torch_types_are_left() -> None:
    text = torch_function_asm(F.gelu, ["tensor<?x8xf32>"])
    assert "@main(%arg0: tensor<?x8xf32>) -> tensor<?x8xf32>" in text
    assert "torch." not in text


def test_equal_sizes_are_asserted_and_no_size_is_assumed() -> None:
    text = torch_function_asm(torch.matmul, ["tensor<?x?xf32>"] * 2)
    assert text.count("cf.assert") == 1
    assert "operand 1 dimension 0 must be of the size of operand 0 dimension 1" in text
    assert "util.assume.int" not in text


def test_unequal_sizes_fail_where_assertions_are_kept(store: object) -> None:
    class Product(CustomOp):
        signature = "product@UNIQUE@(Tensor x, Tensor y) -> Tensor"
        compile_flags = ("--iree-opt-strip-assertions=false",)

        def select(self, ksel: KernelSelection) -> None:
            a, b = ksel.arg_tensor(0), ksel.arg_tensor(1)
            ksel.return_new_tensor((a.t.shape[0], b.t.shape[1]), a.t.dtype)

        def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
            kb.yield_results(kb.inline_torch(torch.matmul, kb.arg(0), kb.arg(1)))

    op = CustomOp.register(Product, library=LIBRARY)
    assert_like_torch(op(x(ROWS, 8), x(8, 6)), x(ROWS, 8) @ x(8, 6))
    with pytest.raises(LaunchError, match="must be of the size of operand 0 dimension 1"):
        op(x(ROWS, 8), x(7, 6))


def test_modes_of_the_caller_do_not_matter() -> None:
    plain = torch_function_asm(F.gelu, ["tensor<?x8xf32>"])
    with FakeTensorMode(), torch.inference_mode(), torch.device("meta"):
        assert torch_function_asm(F.gelu, ["tensor<?x8xf32>"]) == plain


def test_the_random_state_of_the_caller_stays() -> None:
    before = torch.get_rng_state()
    torch_function_asm(torch.matmul, ["tensor<?x?xf32>"] * 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_traced_function_may_call_an_op_that_is_traced(store: object) -> None:
    inner = op_of(torch.relu, 1)
    text = torch_function_asm(inner, ["tensor<?xf32>"])
    assert "linalg.generic" in text
    assert "torch.operator" not in text


def test_a_kernel_may_hold_those_of_other_ops() -> None:
    inner = op_of(torch.relu, 1)

    def outer(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        c = a.clone()
        ops.twice(c)
        return inner(c) + inner(b) + ops.scale(b, 3.0)

    a, b = x(ROWS, 8), x(ROWS, 8) - 1
    got = op_of(outer, 2)(a, b)
    assert_like_torch(got, torch.relu(2 * a) + torch.relu(b) + 3 * b)


def test_threads_may_trace_at_once() -> None:
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda: texts.append(torch_function_asm(F.relu, ["tensor<?xf32>"])))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 3
    assert len(set(texts)) == 1


def adds_in_place(a: torch.Tensor) -> torch.Tensor:
    a.add_(1)
    return a * 2


def changes_constant(a: torch.Tensor) -> torch.Tensor:
    return OFFSETS.add_(a)


REFUSED = {
    "data-dependent shape": (torch.nonzero, ["tensor<8xf32>"], "whose size depends on values"),
    "changed operand": (adds_in_place, ["tensor<?xf32>"], "user input mutation"),
    "changed constant": (changes_constant, ["tensor<8xf32>"], "is mutated"),
    "random": (torch.rand_like, ["tensor<8xf32>"], "must be deterministic"),
    "not a tensor": (lambda a: a.shape[0], ["tensor<?xf32>"], "must return a tensor or a tuple"),
    "nothing": (lambda a: None, ["tensor<?xf32>"], "returns None, must return a tensor"),
    "misfit": (torch.matmul, ["tensor<4x5xf32>"] * 2, "a and b must have same reduction dim"),
    "scalar operand": (lambda a: a, ["i64"], "operand 0 is i64, must be a builtin tensor"),
    "no lowering": (
        lambda a: a * 2,
        ["tensor<4xcomplex<f32>>"],
        r"aten.mul makes complex numbers \(c64\)",
    ),
    "fixed by another operand": (
        torch.matmul,
        ["tensor<?x?xf32>", "tensor<16x4xf32>"],
        r"fixes dimension 1 of operand 0 \(tensor<\?x\?xf32>\) to 16",
    ),
    "fixed by int()": (
        lambda a: a.new_zeros(int(a.shape[0])),
        ["tensor<?xf32>"],
        "fixes dimension 0 of operand 0",
    ),
    "branch on 1": (
        lambda a: a if a.shape[0] == 1 else a * 2,
        ["tensor<?xf32>"],
        r"computes something else at f32\[1\] than",
    ),
    "branch on many": (
        lambda a: a if a.shape[0] > 500 else a * 2,
        ["tensor<?xf32>"],
        r"computes something else at f32\[501\] than",
    ),
    "branch on equality": (
        lambda a, b: a if a.shape == b.shape else a * 2,
        ["tensor<?xf32>"] * 2,
        r"computes something else at f32\[1\], f32\[1\] than",
    ),
    "rank depends on a size": (
        lambda a: a.squeeze(0),
        ["tensor<?x8xf32>"],
        r"computes something else at f32\[1, 8\] than",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case: str) -> None:
    fn, types, message = REFUSED[case]
    before = OFFSETS.clone()
    with pytest.raises(GenerateError, match=message):
        torch_function_asm(fn, types)
    assert torch.equal(OFFSETS, before)


def test_refuses_like_that_does_not_fit() -> None:
    with pytest.raises(GenerateError) as caught:
        torch_function_asm(F.gelu, ["tensor<?x8xf32>"], (x(4, 9),))
    assert str(caught.value) == (
        "inline_torch: `like` 0 is f32[4, 9], must fit operand type tensor<?x8xf32>"
    )


def test_like_gives_sizes_that_fit() -> None:
    def fn(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a.view(-1, 7) + b

    types = ["tensor<?xf32>", "tensor<?x7xf32>"]
    assert "@main" in torch_function_asm(fn, types, (x(14), x(2, 7)))
