"""How ops are registered: forms of the decorator, names, signatures, what is refused."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.ir import IrOp, IrOpImpl, IrOpInplace
from ir_runtime.ir.log import logger
from tests.ir.ops import make_scaled, scaled

X = torch.arange(6.0).reshape(2, 3)


def test_bare_decorator():
    """IR-01."""

    @ir.register_op
    def doubled(x: Tensor) -> Tensor:
        return x * 2

    assert isinstance(doubled, IrOp)
    assert not isinstance(doubled, IrOpInplace)
    assert torch.equal(doubled(X), X * 2)


def test_decorator_with_empty_parentheses():
    """IR-01."""

    @ir.register_op()
    def doubled(x: Tensor) -> Tensor:
        return x * 2

    assert isinstance(doubled, IrOp)
    assert doubled.name == "doubled"


def test_decorator_with_keywords():
    """IR-01."""

    @ir.register_op(name="other", activations=["a"], allow_inplace=True)
    def doubled(a: Tensor, x: Tensor) -> Tensor:
        return a * x

    assert isinstance(doubled, IrOpInplace)
    assert doubled.name == "other"
    assert doubled.activations == ["a"]
    assert list(inspect.signature(ir.register_op).parameters)[:4] == [
        "f",
        "name",
        "activations",
        "allow_inplace",
    ]


@pytest.mark.parametrize("name", ["Upper", "1st", "a-b", "a.b", "", "a b", "a\n", "é"])
def test_name_that_is_not_well_formed(name):
    """IR-02."""
    with pytest.raises(ValueError, match=r"name.*invalid"):
        make_scaled(name=name)
    assert IrOp.registry == {}


def test_function_whose_name_is_not_well_formed():
    """IR-02."""

    def Scaled(x: Tensor) -> Tensor:
        return x

    with pytest.raises(ValueError, match=r"name.*invalid"):
        ir.register_op(Scaled)


def test_provider_whose_name_is_not_well_formed():
    """IR-02."""
    op = make_scaled()
    with pytest.raises(ValueError, match=r"name.*invalid"):
        op.register_impl("My-Provider")
    assert list(op.impls) == ["native", "iree"]


@pytest.mark.parametrize("name", ["_", "_a", "a0", "rms_norm_2"])
def test_names_that_are_well_formed(name):
    """IR-02."""
    assert make_scaled(name=name).name == name


def test_duplicate():
    """IR-03."""
    first = make_scaled()
    with pytest.raises(AssertionError, match=r"Op 'scaled' is already registered\.") as caught:
        make_scaled()
    assert IrOp.registry["scaled"] is first
    assert "tests/ir/ops.py" in str(caught.value), "where the first one was registered"


def test_constructed_op_is_not_in_the_registry():
    """IR-03."""
    op = IrOp("scaled", scaled)
    assert IrOp.registry == {}
    assert torch.equal(op(X), X * 2)


def test_keyword_only_parameters():
    """IR-04."""

    def with_keyword(x: Tensor, *, factor: float = 2.0) -> Tensor:
        return x * factor

    with pytest.raises(ValueError, match="keyword-only arguments"):
        ir.register_op(with_keyword)
    assert IrOp.registry == {}


@pytest.mark.parametrize("text", ["*xs: Tensor", "**xs: Tensor"])
def test_variadic_parameters(text):
    scope: dict[str, object] = {"Tensor": Tensor}
    exec(f"def variadic({text}) -> Tensor: return None", scope)
    with pytest.raises(ValueError, match="any number of arguments"):
        ir.register_op(scope["variadic"])
    assert IrOp.registry == {}


def test_activations_are_what_begins_with_x():
    """IR-05."""

    @ir.register_op
    def normed(x: Tensor, weight: Tensor, x_residual: Tensor, eps: float) -> Tensor:
        return x * weight + x_residual * eps

    assert normed.activations == ["x", "x_residual"]
    assert normed.activation_indices == [0, 2]


def test_activation_that_is_no_parameter():
    with pytest.raises(ValueError, match="activation 'z' is none of its parameters: x, factor"):
        make_scaled(activations=["z"])
    assert IrOp.registry == {}


def test_registry_holds_ops_by_name():
    """IR-06."""
    op = make_scaled()
    assert IrOp.registry == {"scaled": op}


def test_namespace_of_ops():
    """IR-07."""
    op = make_scaled()
    assert ir.ops.scaled is op
    assert "scaled" in dir(ir.ops)
    with pytest.raises(AttributeError, match=r"no op 'other', must be a registered op: scaled"):
        _ = ir.ops.other


def test_reserved_providers():
    """IR-09."""
    op = make_scaled()
    assert ir.RESERVED_PROVIDERS == ["native", "unfused"]
    for name in ir.RESERVED_PROVIDERS:
        with pytest.raises(AssertionError, match=f"Provider name {name} is reserved"):
            op.register_impl(name)


def test_stack_of_each_form_ends_in_the_users_line():
    """IR-10."""

    @ir.register_op
    def bare(x: Tensor) -> Tensor:
        return x + 1

    @ir.register_op()
    def empty(x: Tensor) -> Tensor:
        return x + 1

    @ir.register_op(allow_inplace=True)
    def keywords(x: Tensor) -> Tensor:
        return x + 1

    called = ir.register_op(scaled)

    for op, line in [
        (bare, "@ir.register_op\n"),
        (empty, "@ir.register_op()\n"),
        (keywords, "@ir.register_op(allow_inplace=True)\n"),
        (called, "called = ir.register_op(scaled)\n"),
    ]:
        assert line in op._registration_stack[-1]
        assert __file__ in op._registration_stack[-1]
        assert op.impls["native"]._registration_stack == op._registration_stack


def test_stack_of_a_provider_ends_in_the_users_line():
    """IR-10."""
    op = make_scaled()

    @op.register_impl("mine")
    def mine(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor

    assert '@op.register_impl("mine")' in mine._registration_stack[-1]


def test_texts_of_an_op():
    """IR-11."""

    @ir.register_op
    def bare(x: Tensor) -> Tensor:
        return x + 1

    op = make_scaled()
    assert repr(op) == "IrOp('scaled')"
    assert str(op) == "IrOp('scaled') - Multiply each element by a factor."
    assert str(bare) == repr(bare) == "IrOp('bare')"


def test_constructors():
    """IR-12."""
    op = IrOp("scaled", scaled, activations=["x"], registration_stack=["here"])
    impl = IrOpImpl(op, "mine", scaled, True, None, inplace=False, registration_stack=["there"])
    assert op.name == "scaled"
    assert list(op.impls) == ["native", "iree"], "a provider that is only made is not registered"
    assert impl._registration_stack == ["there"]
    assert op._registration_stack == ["here"]


def unannotated(x):
    return x


def unknown_type(x: Tensor, y: object) -> Tensor:
    return x


def no_result(x: Tensor):
    return x


def tensor_list(x: Tensor) -> list[Tensor]:
    return [x]


REFUSED = {
    "unannotated": (unannotated, {}),
    "unknown type": (unknown_type, {}),
    "no result": (no_result, {}),
    "results in place": (tensor_list, {"allow_inplace": True}),
    "activations": (scaled, {"activations": ["z"]}),
    "activation that is no tensor": (scaled, {"activations": ["factor"], "allow_inplace": True}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_op_leaves_nothing(case, library):
    """The same name can be registered afterwards."""
    function, options = REFUSED[case]
    with pytest.raises((ValueError, AssertionError)) as caught:
        ir.register_op(name="taken", **options)(function)
    assert "taken" in str(caught.value)
    assert IrOp.registry == {}
    op = make_scaled(name="taken", allow_inplace=True)
    assert op.torch_op is getattr(torch.ops, library.ns).taken.default
    assert torch.equal(op(X), X * 2)


def test_schema_that_torch_refuses_leaves_nothing(library):
    """A default that a schema cannot hold."""

    def odd(x: Tensor, factor: float = float("inf")) -> Tensor:
        return x * factor

    with pytest.raises(RuntimeError):
        ir.register_op(name="taken")(odd)
    assert IrOp.registry == {}
    assert torch.equal(make_scaled(name="taken")(X), X * 2)


def test_name_that_torch_has_in_the_library(library):
    library.define("scaled(Tensor x) -> Tensor")
    with pytest.raises(RuntimeError, match="op scaled: torch refuses it"):
        make_scaled()
    assert IrOp.registry == {}


def test_registering_while_a_priority_is_set_warns(caplog):
    """IR-30."""
    op = make_scaled()
    op.register_impl("mine")(scaled)
    with caplog.at_level("WARNING", logger.name):
        op.register_impl("second")(scaled)
        assert "registering new impl" not in caplog.text
        with op.set_priority(["mine"]):
            op.register_impl("third")(scaled)
    assert "registering new impl third for op scaled while priority is set" in caplog.text
