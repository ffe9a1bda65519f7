from __future__ import annotations

import pytest
import torch

from ir_runtime.counters import count_since
from tests.op_reg import ops
from tests.op_reg.ops import op_of
from tests.sampling import sampled

torch.manual_seed(0)
X, Y, W = torch.randn(3, 4), torch.randn(3, 4), torch.randn(3, 4)
N = torch.arange(12).reshape(3, 4)


def in_place(packet):
    def call(x, *rest):
        x = x.clone()
        packet(x, *rest)
        return x * 2

    return call


def exchanged(x, y):
    x, y = x.clone(), y.clone()
    ops.exchange(x, y)
    return x - y


CASES = {
    "all tensors": (lambda x, y: ops.add(x, y) * 2, (X, Y), lambda x, y: (x + y) * 2),
    "default used": (lambda x: ops.scale(x) + 1, (X,), lambda x: x * 2 + 1),
    "default given": (lambda x: ops.scale(x, 2.0) + 1, (X,), lambda x: x * 2 + 1),
    "other value": (lambda x: ops.scale(x, 7.0) + 1, (X,), lambda x: x * 7 + 1),
    "number between": (
        lambda x, y: ops.blend(x, 0.5, y) * 2, (X, Y), lambda x, y: (x * 0.5 + y) * 2
    ),
    "no optionals": (lambda x: ops.affine(x) + 1, (X,), lambda x: x + 1),
    "last optional": (lambda x, b: ops.affine(x, None, b) + 1, (X, Y), lambda x, b: x + b + 1),
    "first optional": (lambda x, w: ops.affine(x, w) + 1, (X, W), lambda x, w: x * w + 1),
    "all optionals": (
        lambda x, w, b: ops.affine(x, w, b) + 1, (X, W, Y), lambda x, w, b: x * w + b + 1
    ),
    "two results": (
        lambda x, y: torch.mul(*ops.sum_and_difference(x, y)),
        (X, Y),
        lambda x, y: (x + y) * (x - y),
    ),
    "list": (lambda x, y: ops.list_sum([x, y, x]) * 2, (X, Y), lambda x, y: (x + y + x) * 2),
    "keyword-only": (
        lambda x, y: ops.keyed(x, bias=y) * 2, (X, Y), lambda x, y: (x * 3 + y) * 2
    ),
    "attributes": (
        lambda x: ops.configured(x, True, "two", [1], [0.5], [True], None, 0.25) + 1,
        (X,),
        lambda x: x * -1012.75 + 1,
    ),
    "int operand": (lambda x: ops.shift(x.flatten(), -7) + 1, (N,), lambda x: x.flatten() - 6),
    "in place": (in_place(ops.twice), (X,), lambda x: x * 4),
    "in place, two arguments": (in_place(ops.add_into), (X, Y), lambda x, y: (x + y) * 2),
    "two mutated": (exchanged, (X, Y), lambda x, y: y - x),
}  # fmt: skip
each_case = pytest.mark.parametrize(("call", "args", "expected"), CASES.values(), ids=CASES)
HAZARDS = {k: v for k, v in CASES.items() if k not in ("default given", "first optional")}


class Wrapped(torch.nn.Module):
    def __init__(self, call):
        super().__init__()
        self.call = call

    def forward(self, *args):
        return self.call(*args)


@sampled(5, name=tuple(HAZARDS))
def test_inductor_computes_the_same(name):
    call, args, expected = HAZARDS[name]
    torch.testing.assert_close(torch.compile(call, fullgraph=True)(*args), expected(*args))


def test_inductor_takes_dynamic_shapes():
    compiled = torch.compile(lambda x, y: ops.add(x, y) * 2, fullgraph=True, dynamic=True)
    for rows in (3, 5):
        x = torch.randn(rows, 4)
        torch.testing.assert_close(compiled(x, x), x * 4)


@each_case
def test_dynamic_shapes_compute_the_same(call, args, expected):
    compiled = torch.compile(call, backend="aot_eager", fullgraph=True, dynamic=True)
    for rows in (3, 2):
        cut = [arg[:rows].clone() for arg in args]
        torch.testing.assert_close(compiled(*cut), expected(*cut))


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # torch.export copies its own
@sampled(6, name=tuple(CASES))
def test_export_computes_the_same(name):
    call, args, expected = CASES[name]
    exported = torch.export.export(Wrapped(call), args)
    torch.testing.assert_close(exported.module()(*args), expected(*args))
    lowered = exported.run_decompositions()
    torch.testing.assert_close(lowered.module()(*args), expected(*args))


def test_export_keeps_a_dynamic_dimension():
    rows = torch.export.Dim("rows", min=2, max=100)
    exported = torch.export.export(
        Wrapped(ops.add), (X, Y), dynamic_shapes={"args": ({0: rows},) * 2}
    )
    x = torch.randn(50, 4)
    assert torch.equal(exported.module()(x, x), x + x)


def test_exported_program_is_saved_and_loaded(tmp_path):
    torch.export.save(torch.export.export(Wrapped(ops.add), (X, Y)), tmp_path / "p.pt2")
    assert torch.equal(torch.export.load(tmp_path / "p.pt2").module()(X, Y), X + Y)


def test_dynamic_shapes_run_one_kernel(store):
    compiled = torch.compile(ops.add, backend="aot_eager", fullgraph=True, dynamic=True)
    with count_since() as counts:
        for rows in (2, 3, 7):
            x = torch.randn(rows, 4)
            assert torch.equal(compiled(x, x), x + x)
    assert counts[0].compiles == 1


def test_symbolic_int_operand_is_not_specialised():
    def call(x):
        return ops.shift(x, x.shape[0])

    compiled = torch.compile(call, backend="aot_eager", fullgraph=True, dynamic=True)
    for n in (3, 5):
        x = torch.arange(n)
        assert torch.equal(compiled(x), x + n)


def test_compiled_in_place_changes_the_argument():
    x, y = X.clone(), X.clone()
    torch.compile(lambda x: ops.twice(x) + 1, fullgraph=True)(x)
    assert torch.equal(x, y * 2)


def test_compiled_in_place_on_a_view_changes_the_base():
    x = X.clone()
    torch.compile(lambda x: ops.twice(x[1:, ::2]), backend="aot_eager", fullgraph=True)(x)
    expected = X.clone()
    expected[1:, ::2] *= 2
    assert torch.equal(x, expected)


def test_out_overload_compiles():
    def call(x, y):
        out = torch.empty_like(x)
        ops.add.out(x, y, out=out)
        return out * 2

    assert torch.equal(torch.compile(call, fullgraph=True)(X, Y), (X + Y) * 2)


G = X.clone().requires_grad_()
OPCHECKS = {
    "add": (ops.add, (X, Y)),
    "add, gradient": (ops.add, (G, Y)),
    "scale": (ops.scale, (X,)),
    "scale, value": (ops.scale, (X, 3.0)),
    "twice": (ops.twice, (X.clone(),)),
    "add_into": (ops.add_into, (X.clone(), Y)),
    "exchange": (ops.exchange, (X.clone(), Y.clone())),
    "two results": (ops.sum_and_difference, (X, Y)),
    "list": (ops.list_sum, ([X, Y, X],)),
    "affine": (ops.affine, (X, None, Y)),
    "shift": (ops.shift, (N.flatten(), -7)),
    "configured": (ops.configured, (X, True, "two", [1, 2], [0.5], [True], 3, None)),
    "blend": (ops.blend, (X, 0.5, Y)),
    "identity": (ops.identity, (X.t(),)),
    "column sum": (ops.column_sum, (X,)),
}


@pytest.mark.parametrize(("packet", "args"), OPCHECKS.values(), ids=OPCHECKS)
def test_opcheck(packet, args):
    torch.library.opcheck(packet.default, args)


def test_opcheck_of_keyword_arguments():
    torch.library.opcheck(ops.keyed.default, (G,), {"factor": 2.0, "bias": Y})


def test_opcheck_of_an_out_overload():
    tests = ("test_schema", "test_faketensor")
    kwargs = {"out": torch.empty_like(X)}
    torch.library.opcheck(ops.add.out, (X, Y), kwargs, test_utils=tests)


def test_every_op_of_the_table_is_checked():
    named = {op_of(packet).name for packet, _ in OPCHECKS.values()} | {op_of(ops.keyed).name}
    packets = [v for v in vars(ops).values() if isinstance(v, torch._ops.OpOverloadPacket)]
    assert {op_of(packet).name for packet in packets} == named
