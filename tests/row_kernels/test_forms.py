"""Which functions become row kernels, what their kernels are shared by, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ir_runtime import ir, rows
from ir_runtime.counters import count_since
from ir_runtime.errors import (
    GenerateError,
    LaunchError,
    OpDefinitionError,
    UnsupportedOperatorError,
)
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, CustomOp
from ir_runtime.op_reg.call.kernel import run_select
from ir_runtime.op_reg.select.call_selection import use_variants
from ir_runtime.rows.trace import trace
from tests.row_kernels import natives
from tests.row_kernels.kernel import LIBRARY, form, kernel_of

X = torch.randn(2, 3, 8)


def refused(fn, *tensors) -> str:
    with pytest.raises(UnsupportedOperatorError) as caught:
        trace(fn, tensors or (X,), (0,))
    return str(caught.value)


@pytest.mark.parametrize(
    ("fn", "why"),
    [
        (lambda x: x.cumsum(-1), "aten.cumsum: it is no operation on rows"),
        (lambda x: x.sum(0), r"aten.sum: it reduces dimensions \[0\]"),
        (lambda x: x[..., ::3] * 1, "aten.slice: it takes each 3th column"),
        (lambda x: x[..., 1:][..., ::2] * 1, "it takes each 2th column"),
        (lambda x: x[..., ::2][..., ::2] * 1, "it takes every second column from an odd one, or"),
        (lambda x: x.transpose(0, 1), "aten.transpose|aten.permute"),
        (lambda x: x * torch.ones(8), "aten.mul|aten.ones|made|no argument|no operation"),
        (lambda x: x * torch.tensor([2.0] * 8), "it takes a tensor that is no argument"),
        (lambda x: x + torch.rand_like(x), "aten.rand_like"),
        (lambda x: x * x.sum().item(), "aten.sum"),
        (lambda x: x if x[..., 0].amax(-1).amax(-1) > 0 else -x, "aten.amax|_local_scalar_dense"),
        (lambda x: (x * 2).add_(1), "aten.add_"),
        (lambda x: x.double() * 2, "it makes float64"),
        (lambda x: x.to(torch.int8) + x.to(torch.int8), "it computes in int8"),
        (lambda x: x - x.mean(-1), "it broadcasts numbers of rows along the row|shapes"),
        (lambda x: x**2.5, "its power is 2.5"),
        (lambda x: (x > 0).to(torch.uint8), "it makes uint8"),
        (lambda x: x.unflatten(-1, (2, 4)).sum(-2), r"aten.sum: it reduces dimensions \[-2\]"),
        (lambda x: x.unflatten(-1, (2, 4)).exp().flatten(-2).sum(-1), "reduces the groups of"),
        (lambda x: x.unflatten(-1, (2, 4)) * x.unflatten(-1, (4, 2)).amax(-1), "shapes"),
        (
            lambda x: x.unflatten(-1, (2, 4)).flatten(-2) * x.unflatten(-1, (4, 2)).flatten(-2),
            "it combines 2 and 4 groups",
        ),
        (lambda x: x.unflatten(-1, (2, 4)) * x[..., :4], "shapes|it broadcasts rows along groups"),
        (lambda x: x.unflatten(-1, (2, 4)).flatten(-2)[..., 1:], "it divides the groups of a row"),
        (lambda x: x.unflatten(-1, (2, 4)).flatten(-2).view(2, 3, 4, 2), "it views 2 groups as 4"),
        (lambda x: torch.cat((x, x), -1).view(2, 3, 2, 8), "it views parts of rows as groups"),
        (lambda x: torch.stack((x, x, x), -1), "must stack two along a new last dimension"),
        (lambda x: torch.stack((x, x), -1), "a result is float32"),
        (lambda x: (x, 2), "no tensor made of its arguments"),
    ],
)
def test_what_is_beyond_rows_is_refused(fn, why):
    if "ones" in why:
        trace(fn, (X,), (0,))  # a constant of one number is known
        return
    with pytest.raises(UnsupportedOperatorError, match=why):
        trace(fn, (X,), (0,))


def test_refusal_has_the_users_line():
    def cumulative(x: Tensor) -> Tensor:
        return x.cumsum(-1)  # line of the refusal

    line = cumulative.__code__.co_firstlineno + 1
    assert f"test_forms.py:{line}" in refused(cumulative)


def test_refusal_that_the_user_catches_still_refuses():
    def careless(x: Tensor) -> Tensor:
        try:
            return x.cumsum(-1)
        except RuntimeError:
            return x * 2

    assert "aten.cumsum" in refused(careless)


@pytest.mark.parametrize(
    "shape", [(5, 8), (7, 8), (1, 8), (8,), (2, 3, 8), (1, 1, 8), (2, 1, 3, 8)], ids=str
)
def test_result_of_any_rank_and_batch_size(shape):
    x, weight = torch.randn(shape), torch.randn(8)
    torch.testing.assert_close(
        kernel_of(natives.rms_norm)(x, weight, 1e-6), natives.rms_norm(x, weight)
    )
    for got, wanted in zip(kernel_of(natives.statistics)(x), natives.statistics(x), strict=True):
        torch.testing.assert_close(got, wanted)


def test_all_ranks_and_batch_sizes_share_one_binary(store):
    op = kernel_of(natives.softmax)
    with count_since() as counted:
        for shape in ((5, 8), (7, 8), (1, 8), (8,), (2, 3, 8), (1, 1, 8), (2, 1, 3, 8)):
            op(torch.randn(shape))
    assert counted[0].compiles == 1


def test_function_that_branches_on_the_rows_has_a_kernel_for_each():
    def branching(x: Tensor) -> Tensor:
        return x * 2 if x.shape[0] > 4 else x - 1

    for n in (3, 5):
        x = torch.randn(n, 8)
        torch.testing.assert_close(kernel_of(branching)(x), branching(x))


def test_strided_arguments_and_out():
    x, weight = torch.randn(8, 6).t(), torch.randn(16)[::2]
    op = kernel_of(natives.rms_norm)
    torch.testing.assert_close(op(x, weight), natives.rms_norm(x, weight))
    out = torch.empty(2, 3, 8)
    op.out(X, weight, 1e-6, out=out)
    torch.testing.assert_close(out, natives.rms_norm(X, weight))


def test_number_of_each_row_and_of_all():
    def scaled(x: Tensor, each: Tensor, one: Tensor, q: Tensor) -> Tensor:
        return x * each + one * q.to(torch.float32)

    each, one = torch.randn(2, 3, 1), torch.tensor(1.5)
    q = torch.randint(-128, 128, (2, 3, 8), dtype=torch.int8)
    op = kernel_of(scaled)
    assert form(op, X, each, one, q) == "a row kernel"
    torch.testing.assert_close(op(X, each, one, q), scaled(X, each, one, q))


def test_traced_form_computes_the_others():
    def cumulative(x: Tensor) -> Tensor:
        return x.cumsum(-1)

    op = kernel_of(cumulative)
    assert form(op, X).startswith("traced, no row kernel: aten.cumsum")
    torch.testing.assert_close(op(X), cumulative(X))


@pytest.mark.parametrize("launch", ["direct", "vm"])
def test_executors(launch):
    from ir_runtime.settings import override_settings

    with override_settings(launch=launch):
        torch.testing.assert_close(kernel_of(natives.softmax)(X), natives.softmax(X))


def test_composition_of_ops_is_one_kernel():
    """The trace goes into the natives of IR ops: their kernels are fused."""
    import kernels_mlir.norm.rms_norm  # noqa: F401

    def normed(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        return natives.quantized(torch.ops.ir_runtime.rms_norm(x, weight, 1e-6))

    weight = torch.randn(8)
    op = kernel_of(normed)
    assert form(op, X, weight) == "a row kernel"
    (dispatch,) = op.explain(X, weight).plan.steps
    assert dispatch
    for got, wanted in zip(op(X, weight), normed(X, weight), strict=True):
        torch.testing.assert_close(got, wanted, atol=1, rtol=1e-6)


def test_backward_of_autograd_is_a_row_kernel():
    def pulled(x: Tensor, x_gradient: Tensor, weight: Tensor) -> Tensor:
        return torch.func.vjp(lambda v: natives.rms_norm(v, weight), x)[1](x_gradient)[0]

    x, gradient, weight = torch.randn(4, 100), torch.randn(4, 100), torch.randn(100)
    op = kernel_of(pulled)
    assert form(op, x, gradient, weight) == "a row kernel"
    torch.testing.assert_close(op(x, gradient, weight), pulled(x, gradient, weight))


def test_ir_op_gets_it_and_explains_it():
    @ir.register_op(name="row_kernel_test_op")
    def softcapped(x: Tensor, cap: float = 30.0) -> Tensor:
        return cap * torch.tanh(x / cap)

    @ir.register_op(name="row_kernel_test_op_beyond")
    def beyond(x: Tensor) -> Tensor:
        return x.cumsum(-1)

    with softcapped.set_priority(["iree"]), beyond.set_priority(["iree"]):
        torch.testing.assert_close(softcapped(X), softcapped.native(X))
        assert "iree    chosen: a row kernel" in str(softcapped.explain(X))
        said = str(beyond.explain(X))
        assert "iree    chosen: traced, no row kernel: aten.cumsum: it is no operation" in said
        assert "test_forms.py" in said
        x = X.clone().requires_grad_()
        softcapped(x).sum().backward()
    wanted = X.clone().requires_grad_()
    softcapped.native(wanted).sum().backward()
    torch.testing.assert_close(x.grad, wanted.grad)


def test_first_call_imports_neither_dynamo_nor_export():
    code = """
import sys, torch
from torch import Tensor
from ir_runtime import ir
@ir.register_op
def squared(x: Tensor) -> Tensor:
    return torch.nn.functional.silu(x.float().square()).to(x.dtype)
before = set(sys.modules)
with squared.set_priority(["iree"]):
    squared(torch.ones(2, 8))
    assert "a row kernel" in str(squared.explain(torch.ones(2, 8)))
slow = ("torch._dynamo", "torch.export", "sympy")
new = [m for m in set(sys.modules) - before if m.startswith(slow)]
assert not new, sorted(new)[:5]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_forms_of_a_kernel_are_offered_to_tune():
    def doubled(x: Tensor) -> Tensor:
        return x * 2

    op = kernel_of(doubled)
    found = ALL_CUSTOM_OP_REGS[op.default._schema.name]
    long, short = torch.randn(3, 5000), torch.randn(37, 100)
    assert run_select(found, [long]).offered_variants == {"columns": ("2048", "1024", "4096")}
    assert run_select(found, [short]).offered_variants == {"rows": ("10", "1", "40")}
    for x, wanted, grid in (
        (long, {"columns": "1024"}, "5 x 3 x 1"),
        (short, {}, "4 x 1 x 1"),  # the last workgroup has seven rows
        (short[:9], {"rows": "1"}, "9 x 1 x 1"),
    ):
        with use_variants(wanted):
            assert f"dispatch over {grid} workgroups" in str(op.explain(x))
            assert torch.equal(op(x), doubled(x))


def test_inline_within_generate():
    class halved(CustomOp):
        signature = "row_inline_@UNIQUE@(Tensor x, Tensor weight) -> Tensor"

        def select(self, ksel):
            x = ksel.arg_tensor(0).specialize_dims(-1)
            ksel.arg_tensor(1).specialize_all_dims()
            ksel.return_new_tensor(x.t.shape, x.t.dtype).specialize_dims(-1)

        def generate(self, ksel, kb):
            y = rows.inline(kb, natives.rms_norm, kb.arg_value(0), kb.arg_value(1))
            kb.yield_results(rows.inline(kb, lambda y: y / 2, y, like=(ksel.arg_descs[0].t,)))

    op, weight = CustomOp.register(halved, library=LIBRARY), torch.randn(8)
    torch.testing.assert_close(op(X, weight), natives.rms_norm(X, weight) / 2)


class Summed(CustomOp):
    """Rows of three tensors; the second one is shared by the rows of a batch."""

    signature = "summed(Tensor x, Tensor y, Tensor z) -> Tensor"

    def select(self, ksel):
        for number in range(3):
            ksel.arg_tensor(number).specialize_dims(-1)
        x = ksel.arg_descs[0].t
        ksel.return_new_tensor(x.shape, x.dtype).specialize_dims(-1)

    def generate(self, ksel, kb):
        kb.yield_results(rows.inline(kb, lambda x, y, z: x + y + z, *map(kb.arg_value, range(3))))


def test_inline_refuses_operands_of_other_rows():
    """One kernel serves all numbers of rows: it would read past the end of the shorter operand."""
    op = CustomOp.register(Summed, library=LIBRARY)
    for b, s in ((2, 6), (3, 5)):
        x, y, z = torch.randn(b, s, 8), torch.randn(s, 8), torch.randn(b, s, 8)
        torch.testing.assert_close(op(x, y, z), x + y + z)
        for wrong in ((x, y[1:], z), (x[:, 1:], y, z), (x, y, z[1:]), (x, y, z[:, :1])):
            with pytest.raises(LaunchError, match="must be equal to dimension"):
                op(*(t.contiguous() for t in wrong))


def test_inline_refuses_rows_of_any_length():
    class anything(CustomOp):
        signature = "anything(Tensor x) -> Tensor"

        def select(self, ksel):
            x = ksel.arg_tensor(0).t
            ksel.return_new_tensor(x.shape, x.dtype)

        def generate(self, ksel, kb):
            kb.yield_results(rows.inline(kb, torch.abs, kb.arg_value(0)))

    with pytest.raises(GenerateError, match=r"dimension \d of operand 0 .* is dynamic") as caught:
        CustomOp.register(anything, library=LIBRARY)(X)
    assert "fix: specialize_dims(" in str(caught.value)


def test_inline_refuses_a_function_of_the_number_of_rows():
    class counted(CustomOp):
        signature = "row_counted_@UNIQUE@(Tensor x) -> Tensor"

        def select(self, ksel):
            x = ksel.arg_tensor(0).specialize_dims(-1)
            ksel.return_new_tensor(x.t.shape, x.t.dtype).specialize_dims(-1)

        def generate(self, ksel, kb):
            kb.yield_results(rows.inline(kb, lambda x: x * x.shape[0], kb.arg_value(0)))

    with pytest.raises(GenerateError, match="depends on the number of rows"):
        CustomOp.register(counted, library=LIBRARY)(X)


def test_definitions_that_are_refused():
    with pytest.raises(OpDefinitionError, match="its annotations make no schema"):
        rows.row_kernel(lambda x: x, name="unannotated", library=LIBRARY)
    with pytest.raises(OpDefinitionError, match="activation 'y' is no parameter, must be one of x"):
        rows.row_kernel(natives.softmax, activations=["y"], library=LIBRARY)


def test_names_of_torch_reach_their_rules():
    """What torch's functions are made of, by name; a rule that nothing reaches is dead."""
    reached = [
        lambda x: functional.hardswish(x) + functional.threshold(x, 0.1, 0.0),
        lambda x: torch.where(torch.isnan(x) | ~torch.isinf(x), x, 0.5).masked_fill(x > 1, 2),
        lambda x: torch.logical_and(x > 0, x != 1).to(x.dtype) * torch.sign(x),
        lambda x: functional.glu(x) + x.new_zeros(4) + torch.full_like(x[..., :4], 2),
        lambda x: x.std(-1, keepdim=True) + torch.lerp(x, x * 2, 0.3) + 1 / x.clamp_min(0.1),
        lambda x: torch.expm1(x).floor() + x.ceil() + x.trunc() + x.clamp(max=1) + (2 - x),
        lambda x: x.reshape(2, 3, 8).expand(2, 3, 8) + x.mean(-1).reshape(2, 3, 1),
        lambda x: torch.ones_like(x) * x.split([3, 5], -1)[1].sum(-1, keepdim=True),
    ]
    for fn in reached:
        trace(fn, (X,), (0,))
