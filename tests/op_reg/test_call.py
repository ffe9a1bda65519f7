from __future__ import annotations

import math

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg.call.call_functions import PLAIN_KEYSET
from ir_runtime.settings import override_settings
from tests.op_reg import ops
from tests.op_reg.ops import LIBRARY, like_first, make_op, op_of, yield_first

X = torch.arange(8.0)


def selects_of(call) -> int:
    with count_since() as counts:
        call()
    return counts[0].selects


def test_hit_runs_no_select():
    ops.add(X, X)
    assert selects_of(lambda: ops.add(X, X)) == 0
    assert selects_of(lambda: ops.add(X + 1, X)) == 0


def test_other_shape_runs_select_once():
    x = torch.ones(13)
    assert selects_of(lambda: ops.add(x, x)) == 1
    assert selects_of(lambda: ops.add(x, x)) == 0


@pytest.mark.parametrize(
    ("kwargs", "factor"),
    [
        ({}, 1.0),
        ({"negate": True}, -1.0),
        ({"mode": "two"}, 2.0),
        ({"ints": [1]}, 11.0),
        ({"ints": [1, 1]}, 21.0),
        ({"floats": [0.5]}, 1.5),
        ({"bools": [True, False]}, 1001.0),
        ({"count": 1}, 10_001.0),
        ({"count": 0}, 1.0),
        ({"part": 0.25}, 1.25),
    ],
)
def test_each_attribute_value_is_part_of_the_hit_key(kwargs, factor):
    for _ in range(2):  # the second pass hits
        assert torch.equal(ops.configured(X), X)
        assert torch.equal(ops.configured(X, **kwargs), X * factor)


def test_negative_zero_is_another_value_than_zero():
    ones = torch.ones(3)
    for _ in range(2):
        assert not torch.signbit(ops.scale(ones, 0.0)).any()
        assert torch.signbit(ops.scale(ones, -0.0)).all()


@pytest.mark.parametrize("factor", [math.nan, math.inf, -math.inf, 2.0**-126, 3.4e38, 0.1])
def test_extreme_floats_are_compiled_in_exactly(factor):
    ones = torch.ones(3)
    expected = ones * torch.tensor(factor, dtype=torch.float32)
    assert torch.equal(ops.scale(ones, factor).view(torch.int32), expected.view(torch.int32)) or (
        math.isnan(factor) and ops.scale(ones, factor).isnan().all()
    )


def test_nan_hits_its_own_entry():
    ops.scale(X, math.nan)
    assert selects_of(lambda: ops.scale(X, math.nan)) == 0


def test_int_operand_is_part_of_no_kernel(store):
    x = torch.arange(4)
    with count_since() as counts:
        for by in (1, -1, 2**40, -(2**63), 2**63 - 1):
            assert torch.equal(ops.shift(x, by), x + by)
    assert counts[0].compiles == 1


@pytest.mark.parametrize("ask", [ops.add.bind, ops.add.explain])
def test_an_example_with_too_many_arguments_is_refused(ask):
    with pytest.raises(ArgumentError, match="given 3 arguments, must be at most 2"):
        ask(X, X, X)


def test_select_each_call_runs_each_time():
    packet = make_op(
        "each_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first, select_each_call=True
    )
    packet(X)
    assert selects_of(lambda: [packet(X) for _ in range(3)]) == 3


def test_table_is_bounded_and_results_stay_right():
    packet = make_op("bounded_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first)
    with override_settings(bound_launches=4, launch="vm"):  # the C launcher would serve most
        for n in range(1, 30):
            assert torch.equal(packet(X[:1].expand(n)), X[:1].expand(n))
        assert len(op_of(packet).calls) <= 4
        assert selects_of(lambda: packet(torch.zeros(1))) == 1
        assert selects_of(lambda: packet(torch.zeros(29))) == 0


def test_table_keeps_what_is_used():
    packet = make_op("used_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first)
    often = torch.zeros(100)
    with override_settings(bound_launches=8, launch="vm"):
        packet(often)
        seldom = [torch.zeros(n) for n in range(1, 20)]
        assert sum(selects_of(lambda t=t: (packet(t), packet(often))) for t in seldom) == len(
            seldom
        )


def eager_op(signature: str = "eager_@UNIQUE@(Tensor x, bool decline=False) -> Tensor"):
    def select(self, ksel):
        like_first(self, ksel)
        ksel.attr_bool(1)

    def eager_execute(self, x, decline):
        return NotImplemented if decline else x + 100

    return make_op(signature, select, yield_first, eager_execute=eager_execute)


def test_eager_execute_comes_first():
    packet = eager_op()
    assert selects_of(lambda: packet(X)) == 0
    assert torch.equal(packet(X), X + 100)


def test_an_absent_tensor_never_reaches_the_functions_of_an_op():
    packet = eager_op()
    with pytest.raises(ArgumentError, match="`x`"):
        packet(None)
    assert torch.equal(packet(X), X + 100)


def test_eager_execute_that_declines_falls_to_the_kernel():
    assert torch.equal(eager_op()(X, decline=True), X)


def test_eager_execute_serves_the_out_overload():
    out = torch.empty(8)
    assert eager_op().out(X, False, out=out) is out
    assert torch.equal(out, X + 100)


def test_eager_execute_is_not_used_in_compile_or_export():
    packet, graphs = eager_op(), []

    def record(graph, example_inputs):
        graphs.append(graph)
        return graph

    torch.compile(packet, backend=record, fullgraph=True)(X)
    exported = torch.export.export(Wrapped(packet), (X,))
    for graph in (*graphs, exported.graph_module):
        targets = [node.target for node in graph.graph.nodes if node.op == "call_function"]
        assert targets in ([packet], [packet.default])


class Wrapped(torch.nn.Module):
    def __init__(self, call):
        super().__init__()
        self.call = call

    def forward(self, *args):
        return self.call(*args)


def test_check_runs_on_hits():
    def check(self, x):
        if (x < 0).any():
            raise ArgumentError("checked: `x` is negative, must not be")

    packet = make_op("checked_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first, check=check)
    packet(X)
    with pytest.raises(ArgumentError, match=r"^checked: `x` is negative, must not be$"):
        packet(X - 5)
    assert torch.equal(packet(X), X)
    with pytest.raises(ArgumentError, match="looks at each call's values, must not be bound"):
        packet.bind(X)


def test_op_without_tensor_arguments_runs_on_the_cpu():
    def select(self, ksel):
        ksel.attr_int(0)
        ksel.return_new_tensor((2,), torch.float32)

    def generate(self, ksel, kb):
        text = (
            "util.func private @f() -> tensor<2xf32> {\n"
            "  %0 = arith.constant dense<7.0> : tensor<2xf32>\n  util.return %0 : tensor<2xf32>\n}"
        )
        kb.yield_results(kb.inline_mlir(text, {}))

    packet = make_op("constant_@UNIQUE@(int n) -> Tensor", select, generate)
    for _ in range(2):
        assert torch.equal(packet(1), torch.full((2,), 7.0))


# --- who may take the short way past the dispatcher ---------------------------------------------


@pytest.fixture
def launches_by_way(monkeypatch):
    """Count how often the call went on below autograd instead of the short way."""
    seen: list[int] = []
    function = ops.add.default.redispatch
    monkeypatch.setattr(
        ops.add.default, "redispatch", lambda *a, **k: (seen.append(1), function(*a, **k))[1]
    )
    return seen


def test_plain_tensors_take_the_short_way(launches_by_way):
    x = torch.randn(5)
    assert torch.equal(ops.add(x, x), x + x)
    assert torch.equal(ops.add(x[1:], x[:4].t()), x[1:] + x[:4])
    assert launches_by_way == []


def test_key_set_of_plain_tensors_is_known():
    keysets = []
    LIBRARY.define("keyset_probe(Tensor x) -> Tensor")
    probe = lambda keyset, x: (keysets.append(keyset.raw_repr()), x.clone())[1]  # noqa: E731
    LIBRARY.impl("keyset_probe", probe, "Autograd", with_keyset=True)
    torch.ops.ir_tests.keyset_probe(X)
    with torch.no_grad():
        torch.ops.ir_tests.keyset_probe(X[::2])
    torch.ops.ir_tests.keyset_probe(torch.zeros(2, dtype=torch.complex64).conj())
    assert [keyset == PLAIN_KEYSET for keyset in keysets] == [True, True, False]


def test_a_needed_gradient_takes_the_long_way(launches_by_way):
    x = torch.randn(5, requires_grad=True)
    ops.add(x, x)
    assert launches_by_way == [1]


def test_no_grad_takes_the_short_way(launches_by_way):
    x = torch.randn(5, requires_grad=True)
    with torch.no_grad():
        y = ops.add(x, x)
    assert not y.requires_grad
    assert launches_by_way == []


def test_dispatch_mode_sees_the_op():
    from torch.utils._python_dispatch import TorchDispatchMode

    seen = []

    class Spy(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.append(func)
            return func(*args, **(kwargs or {}))

    ops.add(X, X)
    with Spy():
        y = ops.add(X, X)
    assert seen == [ops.add.default]
    assert torch.equal(y, X + X)


def test_fake_mode_computes_shapes_alone():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode() as mode, count_since() as counts:
        y = ops.add(mode.from_tensor(X), mode.from_tensor(X))
    assert type(y).__name__ == "FakeTensor"
    assert counts[0].selects == 0


def test_tensor_subclass_sees_the_op():
    from torch.testing._internal.two_tensor import TwoTensor

    y = ops.add(TwoTensor(X, X + 1), TwoTensor(X, X))
    assert torch.equal(y.a, X + X)
    assert torch.equal(y.b, X + X + 1)


def test_parameter_and_plain_subclass_run():
    class Named(torch.Tensor):
        pass

    parameter = torch.nn.Parameter(X.clone(), requires_grad=False)
    named = X.as_subclass(Named)
    for launch in ("direct", "vm"):
        with override_settings(launch=launch):
            assert torch.equal(ops.add(parameter, X), X + X)
            assert torch.equal(ops.add(named, X), X + X)
            assert type(ops.add(named, X)) is Named


def test_plain_subclass_is_read_and_written_where_it_lies():
    class Named(torch.Tensor):
        pass

    memory = torch.zeros(8)
    out = memory.as_subclass(Named)
    for launch in ("direct", "vm"):
        with override_settings(launch=launch), count_since() as counts:
            assert ops.add.out(X.as_subclass(Named), X, out=out) is out
        assert torch.equal(memory, X + X)
        assert counts[0].copies == 0
        memory.zero_()


def test_functionalize_is_right():
    x, y = torch.randn(4), torch.randn(4)
    assert torch.equal(torch.func.functionalize(ops.add)(x, y), x + y)


def test_functionalize_refuses_in_place_ops():
    with pytest.raises(RuntimeError, match="whose output has alias annotations"):
        torch.func.functionalize(lambda x: ops.twice(x.clone()))(X)


def test_conjugate_view_is_resolved():
    x = torch.randn(4, dtype=torch.complex64)
    assert x.conj().is_conj()
    assert torch.equal(ops.identity(x.conj()), x.conj().resolve_conj())


def test_negative_view_is_resolved():
    x = torch.randn(4, dtype=torch.complex64).conj().imag
    assert x.is_neg()
    assert torch.equal(ops.add(x, x), x.resolve_neg() * 2)


def test_inference_mode():
    with torch.inference_mode():
        y = ops.add(X, X)
        z = ops.twice(y.clone())
    assert y.is_inference()
    assert torch.equal(y, X + X)
    assert torch.equal(z, X * 4)


def test_autocast_leaves_dtypes_alone():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ops.add(X, X).dtype == torch.float32


def test_default_device_meta_does_not_reach_the_results():
    with torch.device("meta"):
        y = ops.add(X, X)
    assert y.device.type == "cpu"
    assert torch.equal(y, X + X)


def test_default_dtype_does_not_reach_the_results():
    torch.set_default_dtype(torch.float64)
    try:
        assert ops.scale(X, 5.0).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


def test_launch_leaves_torchs_subnormal_numbers_alone():
    """IREE flushes them to zero inside a kernel; that mode must not leak."""
    tiny = torch.full((3,), 1e-40)
    ops.add(tiny, tiny)
    assert (tiny * 2 > 0).all()
