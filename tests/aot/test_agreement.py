"""Does an op compute the same, bit for bit, eager, compiled, exported and ahead of time?"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.counters import count_since
from ir_runtime.op_reg.trace.import_program import quiet_tracing
from ir_runtime.settings import override_settings
from tests.cases import BY_OP, OpCase
from tests.cases import CASES as CATALOGUE
from tests.op_reg import ops
from tests.op_reg.ops import LIBRARY, SHIFT, make_op
from tests.sampling import covering

torch.manual_seed(0)
X, Y, W = torch.randn(3, 4), torch.randn(3, 4), torch.randn(3, 4)
N = torch.arange(12)


def _select_sized(self: Any, ksel: Any) -> None:
    x = ksel.arg_tensor(0)
    ksel.arg_int(1)
    ksel.return_new_tensor(x.t.shape, x.t.dtype)


shift_by_size = make_op(
    "shift_by_size_@UNIQUE@(Tensor x, SymInt by) -> Tensor",
    _select_sized,
    lambda self, ksel, kb: kb.yield_results(kb.inline_mlir(SHIFT, {}, *kb.arg_bindings)),
    library=LIBRARY,
)


def _select_dtyped(self: Any, ksel: Any) -> None:
    x = ksel.arg_tensor(0)
    ksel.attr_float(1)
    ksel.arg_tensor_list(2)
    ksel.arg_optional_tensor(3)
    ksel.return_new_tensor(x.t.shape, x.t.dtype)


def _generate_mixed(self: Any, ksel: Any, kb: Any) -> None:
    from iree.compiler.dialects import arith

    total = ops.scaled(kb, kb.arg_value(0), ksel.arg_descs[1].v)
    for value in kb.arg_value(2):
        total = arith.addf(total, value)
    bias = kb.arg_value(3)
    kb.yield_results(total if bias is None else arith.mulf(total, bias))


mixed = make_op(
    "mixed_@UNIQUE@(Tensor x, float scale, Tensor[] xs, Tensor? bias=None) -> Tensor",
    _select_dtyped,
    _generate_mixed,
    library=LIBRARY,
)


def _select_specialised(self: Any, ksel: Any) -> None:
    x = ksel.arg_tensor(0)
    x.specialize_all_dims()
    ksel.return_new_tensor(x.t.shape, x.t.dtype).specialize_all_dims()


def _generate_double(self: Any, ksel: Any, kb: Any) -> None:
    from iree.compiler.dialects import arith

    kb.yield_results(arith.addf(kb.arg(0), kb.arg(0)))


specialised, forced = (
    make_op(
        f"{name}_@UNIQUE@(Tensor x) -> Tensor",
        _select_specialised,
        _generate_double,
        library=LIBRARY,
        single_dispatch=name == "forced",
    )
    for name in ("specialised", "forced")
)


def _doubled(x: Tensor) -> Tensor:
    x = x.clone()
    ops.twice(x)
    return x


def _row_doubled(x: Tensor) -> Tensor:
    x = x.clone()
    ops.twice(x[1])
    return x


def _exchanged(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    x, y = x.clone(), y.clone()
    ops.exchange(x, y)
    return x, y


def _every_attribute(x: Tensor) -> Tensor:
    return ops.configured(x, True, "two", [1, 2], [0.5, 1.5], [True, False], 3, 0.25)


OPS: dict[str, tuple[Any, tuple[Tensor, ...]]] = {
    "two tensors": (ops.add, (X, Y)),
    "a float by default": (ops.scale, (X,)),
    "a float": (lambda x: ops.scale(x, 7.5), (X,)),
    "an int for a float": (lambda x: ops.scale(x, 7), (X,)),
    "an infinite float": (lambda x: ops.scale(x, float("inf")), (X,)),
    "attributes of every kind": (_every_attribute, (X,)),
    "attributes by default": (ops.configured, (X,)),
    "empty lists": (lambda x: ops.configured(x, False, "one", [], [], []), (X,)),
    "a number between tensors": (lambda x, y: ops.blend(x, 0.5, y), (X, Y)),
    "no optional": (ops.affine, (X,)),
    "the last optional": (lambda x, b: ops.affine(x, None, b), (X, Y)),
    "the first optional": (ops.affine, (X, W)),
    "both optionals": (ops.affine, (X, W, Y)),
    "keyword-only": (lambda x, y: ops.keyed(x, factor=0.5, bias=y), (X, Y)),
    "keyword-only by default": (ops.keyed, (X,)),
    "a list": (lambda x, y, w: ops.list_sum([x, y, w, x]), (X, Y, W)),
    "a list among others": (lambda x, y, w: mixed(x, 2.0, [y, x], w), (X, Y, W)),
    "an int": (lambda n: ops.shift(n, -7), (N,)),
    "a size for an int": (lambda n: shift_by_size(n, n.shape[0] * 2), (N,)),
    "two results": (ops.sum_and_difference, (X, Y)),
    "one of two results": (lambda x, y: ops.sum_and_difference(x, y)[1], (X, Y)),
    "in place": (_doubled, (X,)),
    "in place of a view": (_row_doubled, (X,)),
    "in place, two arguments": (_exchanged, (X, Y)),
    "a specialised dimension": (ops.column_sum, (X,)),
    "an identity": (ops.identity, (X,)),
}


def _flat(values: Any) -> tuple[Tensor, ...]:
    return tuple(values) if isinstance(values, list | tuple) else (values,)


def assert_same(got: Any, wanted: Any) -> None:
    for g, w in zip(_flat(got), _flat(wanted), strict=True):
        assert g.dtype == w.dtype
        assert torch.equal(g, w)


WAYS = ("ahead of time", "compiled", "exported")
QUICK = (
    "two tensors",
    "attributes of every kind",
    "the first optional",
    "a list among others",
    "a size for an int",
    "two results",
    "in place",
    "in place, two arguments",
    "a specialised dimension",
)
quick_kinds = {"case": lambda case: case if case in QUICK else None}


@covering(case=tuple(OPS), way=WAYS, kinds=quick_kinds)
def test_an_op_is_one_in_all_ways(case: str, way: str) -> None:
    """With open sizes, each is ahead of time below."""
    fn, args = OPS[case]
    wanted = fn(*args)

    class Module(torch.nn.Module):
        def forward(self, *tensors: Tensor) -> Any:
            return fn(*tensors)

    if way == "compiled":
        assert_same(torch.compile(Module(), fullgraph=True)(*args), wanted)
    elif way == "exported":
        with quiet_tracing():
            assert_same(torch.export.export(Module(), args).module()(*args), wanted)
    else:
        program = aot.export(fn, args, name="one op")
        assert_runs_as(program, args, wanted)


def assert_runs_as(program: Any, args: tuple[Tensor, ...], wanted: Any) -> None:
    with count_since() as counts:
        assert_same(program(*args), wanted)
    assert counts[0].launches == 1
    assert program.explain(*args).executor == "direct"
    with override_settings(launch="vm"):
        assert_same(program(*args), wanted)
    assert "torch.operator" not in program.mlir()


@covering(case=[c for c in OPS if c != "in place of a view"], kinds=quick_kinds)
def test_a_dynamic_program_runs_at_other_sizes(case: str) -> None:
    fn, args = OPS[case]
    program = aot.export(fn, args, dynamic_shapes=tuple({0: Dim.DYNAMIC} for _ in args))
    assert_runs_as(program, args, fn(*args))
    for rows in (0, 1, 5, 33):
        others = tuple(torch.randn(rows, 4) if a is not N else torch.arange(rows) for a in args)
        assert_same(program(*others), fn(*others))


@pytest.mark.parametrize("op", [specialised, forced])
def test_all_dimensions_may_be_specialised(op: Any) -> None:
    program = aot.export(op, (X,))
    assert_same(program(X), op(X))
    assert "(tensor<3x4xf32>) -> tensor<3x4xf32>" in program.mlir()


def test_views_and_offsets_go_in() -> None:
    program = aot.export(ops.add, (X, Y))
    wide = torch.randn(4, 9)
    x, y = wide[:, :3].t(), wide[1:, 1:5]
    assert_same(program(x, y), ops.add(x, y))


def test_nan_and_infinity_go_through() -> None:
    x = torch.tensor([[float("nan"), float("inf"), -0.0, -float("inf")]] * 3)
    got = aot.export(lambda x: ops.scale(x, -2.0), (X,))(x)
    assert torch.equal(got.view(torch.int32), ops.scale(x, -2.0).view(torch.int32))


@covering(case=CATALOGUE, kinds=BY_OP)
def test_a_catalogue_op_is_one_exported(case: OpCase) -> None:
    args, op = case.arguments(), case.one_result(case.packet)
    shapes = tuple(
        dict.fromkeys(range(len(case.lead)), Dim.AUTO) if i in case.batched else None
        for i in range(len(args))
    )
    by_name = shapes if case.result is None else (shapes,)  # for a function of `*args`
    program = aot.export(op, args, dynamic_shapes=by_name)
    assert_same(program(*args), op(*args))
    others = case.arguments(lead=case.same_rank_leads[-1])
    assert_same(program(*others), op(*others))


def test_a_program_of_several_ops_agrees_with_eager_in_float64() -> None:
    norm = torch.randn(48)

    def block(x: Tensor) -> Tensor:
        h = torch.ops.ir_kernels.rms_norm(x, norm, 1e-5)
        h = torch.ops.ir_kernels.gelu(h, "tanh")
        h = torch.ops.ir_kernels.layer_norm(h + x, norm, norm, 1e-5)
        return torch.softmax(h @ h.transpose(-1, -2), dim=-1)

    x = torch.randn(2, 7, 48)
    program = aot.export(block, (x,), dynamic_shapes=({0: Dim.AUTO, 1: Dim.AUTO},))
    from kernels_mlir.activation.gelu import native_gelu
    from kernels_mlir.norm.layer_norm import native_layer_norm
    from kernels_mlir.norm.rms_norm import native_rms_norm

    x = torch.randn(3, 5, 48)
    wide, weight = x.double(), norm.double()
    h = native_gelu(native_rms_norm(wide, weight, 1e-5), "tanh")
    h = native_layer_norm(h + wide, weight, weight, 1e-5)
    oracle = torch.softmax(h @ h.transpose(-1, -2), dim=-1)
    torch.testing.assert_close(program(x).double(), oracle, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(program(x), block(x), atol=1e-4, rtol=1e-4)
