"""Declared constraints, refusals with reasons, and what `explain` says of them."""

from __future__ import annotations

import pytest
import torch
import torch._dynamo.testing
from torch import Tensor
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from ir_runtime import ir
from tests.ir.ops import make_scaled, scaled, wrapped

X = torch.arange(6.0).reshape(2, 3)


def weighed(x: Tensor, weight: Tensor | None = None, eps: float = 1e-6) -> Tensor:
    """Multiply by a weight."""
    return x if weight is None else x * weight


def register_with(*constraints: ir.Constraint, **options) -> ir.IrOp:
    op = ir.register_op(weighed)
    op.register_impl("mine", constraints=constraints, **options)(weighed)
    return op


HALF, COLUMNS = X.to(torch.float16), torch.zeros(2, 32)
CASES = {
    "dtypes": (
        ir.dtypes("x", torch.float32, torch.bfloat16),
        [(X,), (X.bfloat16(),)],
        [(HALF,)],
        "`x` is f16, must be f32 or bf16",
    ),
    "dtypes of an optional tensor": (
        ir.dtypes("weight", torch.float32),
        [(X,), (X, None), (X, X)],
        [(X, HALF)],
        "`weight` is f16, must be f32",
    ),
    "rank": (ir.rank("x", 2), [(X,)], [(X[0],), (X[None],)], "of rank"),
    "ranks": (
        ir.rank("x", 1, 2),
        [(X,), (X[0],)],
        [(X[None],)],
        "`x` is of rank 3, must be of rank 1 to 2",
    ),
    "divisible": (
        ir.divisible("x", -1, 16),
        [(COLUMNS,), (COLUMNS[:, :16],), (COLUMNS[:, :0],)],
        [(X,), (COLUMNS[:, :17],)],
        "a multiple of 16 in dimension -1",
    ),
    "divisible, no such dimension": (
        ir.divisible("x", 1, 1),
        [(X,)],
        [(X[0],)],
        "`x` is of rank 1, must be a multiple of 1 in dimension 1",
    ),
    "static": (ir.static("x", -1), [(X,)], [(torch.zeros(()),)], "of known size in dimension -1"),
    "present": (ir.present("weight"), [(X, X)], [(X,)], "`weight` is None, must be given"),
    "devices": (
        ir.devices("x", "cpu", "cuda"),
        [(X,)],
        [(X.to("meta"),)],
        "`x` is on meta, must be on cpu or cuda",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_constraint(case):
    constraint, taken, refused, text = CASES[case]
    op = register_with(constraint)
    impl = op.impls["mine"]
    assert not impl.supports_all_args
    assert [impl.supports_args(*args) for args in taken] == [True] * len(taken)
    assert [impl.supports_args(*args) for args in refused] == [False] * len(refused)
    with op.set_priority(["mine", "native"]):
        for args in refused:
            decision = op.explain(*args)
            assert decision.chosen == "native"
            assert text in str(decision)
        assert op.explain(*taken[0]).chosen == "mine"


@pytest.mark.parametrize("on", [True, False])
def test_all_must_hold(on):
    op = register_with(
        ir.dtypes("x", torch.float32),
        ir.rank("x", 2),
        supports_args=lambda x, weight=None, eps=1e-6: eps > 0,
    )
    with op.set_priority(["mine", "native"]), wrapped(on):
        assert op.dispatch(X).provider == "mine"
        assert op.dispatch(X, None, -1.0).provider == "native"
        assert op.dispatch(HALF).provider == "native"
        assert op.dispatch(X[0]).provider == "native"
        assert torch.equal(op(HALF), HALF)


def test_argument_that_the_op_has_not():
    with pytest.raises(ValueError, match="a constraint is about `y`, must be about one of `x`"):
        register_with(ir.rank("y", 2))
    assert list(ir.ops.weighed.impls) == ["native", "iree"]


def test_refusal_is_false_and_says_why():
    refusal = ir.Refusal("eps must be positive")
    assert not refusal
    assert str(refusal) == "eps must be positive"


def test_reason_of_supports_args():
    def takes(x: Tensor, weight: Tensor | None = None, eps: float = 1e-6) -> bool:
        return eps > 0 or ir.Refusal(f"eps is {eps}, must be positive")

    op = register_with(supports_args=takes)
    with op.set_priority(["mine", "native"]):
        assert str(op.explain(X, None, -1.0)) == (
            "ir.ops.weighed(x=f32[2, 3], weight=None, eps=-1.0)\n"
            "  priority  mine, native (context)\n"
            "  mine    refused: eps is -1.0, must be positive\n"
            "  native  chosen\n"
            "  iree    not listed"
        )
        assert op.dispatch(X, None, -1.0).provider == "native"


def test_explain_of_each_outcome():
    op = register_with(ir.dtypes("x", torch.float32))
    op.register_impl("absent", supported=ir.Refusal("no such library"))(weighed)
    op.register_impl("last")(weighed)
    op.set_default(["mine", "absent", "native", "last"])
    decision = op.explain(HALF)
    assert [(v.provider, v.outcome) for v in decision.verdicts] == [
        ("mine", "refused"),
        ("native", "chosen"),
        ("iree", "not listed"),
        ("absent", "unsupported"),
        ("last", "not listed"),
    ]
    assert decision.source == "default"
    assert "absent  unsupported: no such library" in str(decision)


def test_explain_without_a_priority():
    op = make_scaled()
    decision = op.explain(X)
    assert (decision.source, decision.priority, decision.chosen) == ("unset", (), "native")
    assert "priority  none: native runs (unset)" in str(decision)


def test_explain_runs_nothing():
    op = make_scaled()
    ran = []

    @op.register_impl("mine")
    def mine(x: Tensor, factor: float = 2.0) -> Tensor:
        ran.append(1)
        return x * factor

    with op.set_priority(["mine"]):
        assert op.explain(X, factor=3.0).chosen == "mine"
    assert ran == []


def test_error_shows_the_whole_decision():
    op = register_with(ir.dtypes("x", torch.float32))
    with (
        ir.strict_priority(),
        op.set_priority(["mine"]),
        pytest.raises(RuntimeError) as caught,
    ):
        op(HALF)
    assert "mine    refused: `x` is f16, must be f32" in str(caught.value)
    assert "native  refused: strict" in str(caught.value)
    assert "fix: add 'native' to the end of the priority" in str(caught.value)


# --- sizes that are symbols ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("constraint", "taken"),
    [
        (ir.divisible("x", -1, 16), True),
        (ir.divisible("x", 0, 16), False),
        (ir.divisible("x", 0, 1), True),
        (ir.static("x", -1), True),
        (ir.static("x", 0), False),
        (ir.rank("x", 2), True),
        (ir.dtypes("x", torch.float32), True),
        (ir.devices("x", "cpu"), True),
    ],
)
def test_batch_of_unknown_size(constraint, taken):
    """An unbacked SymInt: a guard on it would raise."""
    op = register_with(constraint)
    shapes = ShapeEnv()
    with FakeTensorMode(shape_env=shapes):
        x = torch.empty(shapes.create_unbacked_symint(), 32)
        assert op.impls["mine"].supports_args(x) is taken
        with op.set_priority(["mine", "native"]):
            assert op.dispatch(x).provider == ("mine" if taken else "native")
            assert isinstance(str(op.explain(x)), str)
    assert not shapes.guards
    asserted = [str(a.expr) for some in shapes.deferred_runtime_asserts.values() for a in some]
    assert asserted == ["0 <= u0"], "torch's own"


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize(
    ("constraints", "provider"),
    [
        ((ir.divisible("x", -1, 16),), 1),
        ((ir.divisible("x", 0, 16),), 0),
        ((ir.static("x", 0),), 0),
        ((ir.rank("x", 2), ir.dtypes("x", torch.float32), ir.devices("x", "cpu")), 1),
    ],
)
def test_compiler_does_not_specialise_the_batch(constraints, provider, on, backend, fresh_compiler):
    op = make_scaled()

    @op.register_impl("mine", constraints=constraints)
    def mine(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor + 1

    graphs = torch._dynamo.testing.CompileCounterWithBackend(backend)
    compiled = torch.compile(op, backend=graphs, fullgraph=True)

    def zeros(n: int) -> Tensor:
        x = torch.zeros(n, 32)
        torch._dynamo.mark_dynamic(x, 0)
        return x

    with wrapped(on), op.set_priority(["mine", "native"]):
        found = [compiled(zeros(n))[0, 0].item() for n in (16, 5, 32, 7, 64)]
    assert graphs.frame_count == 1
    if not on:  # what cannot be known refuses
        assert found == [provider] * 5


@pytest.mark.parametrize("on", [True, False])
def test_dynamic_compile(on, fresh_compiler):
    op = make_scaled()
    op.register_impl("mine", constraints=[ir.rank("x", 2), ir.divisible("x", 0, 4)])(scaled)
    graphs = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(op, backend=graphs, dynamic=True, fullgraph=True)
    with wrapped(on), op.set_priority(["mine", "native"]):
        compiled(torch.ones(2, 3))
        once = graphs.frame_count
        for n in (3, 4, 8, 100):
            x = torch.ones(n, 3)
            assert torch.equal(compiled(x), x * 2)
    assert graphs.frame_count == once


@pytest.mark.parametrize("name", ["wanted", "value", "accepts", "run", "make"])
def test_an_argument_may_have_any_name(name: str):
    """The names of arguments stand in generated text, beside names of its own."""
    scope: dict = {"Tensor": torch.Tensor}
    exec(f"def native({name}: Tensor) -> Tensor:\n    return {name} + 1", scope)
    op = ir.register_op(scope["native"], name=f"takes_{name}", activations=[name])
    constraints = [ir.dtypes(name, torch.float32), ir.rank(name, 1)]
    op.register_impl("narrow", constraints=constraints)(scope["native"])
    with op.set_priority(["narrow", "native"]):
        assert op.dispatch(torch.ones(2)).provider == "narrow"
        assert op.dispatch(torch.ones(2, 2)).provider == "native"
        for x in (torch.ones(2), torch.ones(2, 2), torch.ones(2).double()):
            assert torch.equal(op(x), x + 1)
