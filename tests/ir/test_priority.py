"""Which provider a call has: lists, filters, defaults, what is logged."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.ir.log import logger
from tests.ir.ops import is_even, make_scaled, register_recorded, scaled, wrapped

ODD, EVEN = torch.arange(6.0).reshape(2, 3), torch.arange(8.0).reshape(2, 4)


@pytest.fixture
def op():
    op = make_scaled(allow_inplace=True)
    op.calls = []
    register_recorded(op, "impl_a", op.calls)
    register_recorded(op, "impl_b", op.calls)
    register_recorded(op, "impl_even", op.calls, supports_args=is_even)
    register_recorded(op, "absent", op.calls, supported=False)
    return op


def test_set_priority_nests(op):
    """IR-50."""
    assert op.get_priority() == []
    with op.set_priority(["impl_a"]):
        assert op.get_priority() == ["impl_a"]
        with op.set_priority(["impl_b"]):
            assert op.get_priority() == ["impl_b"]
        assert op.get_priority() == ["impl_a"]
    assert op.get_priority() == []


def test_set_priority_restores_after_an_exception(op):
    """IR-50."""
    with pytest.raises(KeyError), op.set_priority(["impl_a"]):
        raise KeyError
    assert op.get_priority() == []


def test_refused_priority_changes_nothing(op):
    """IR-50."""
    with (
        op.set_priority(["impl_a"]),
        pytest.raises(AssertionError),
        op.set_priority(["impl_b", "unknown"]),
    ):
        pytest.fail("entered")
    assert op.get_priority() == []


def test_set_default(op):
    """IR-51."""
    op.set_default(["impl_a"])
    assert op.get_priority() == ["impl_a"]
    assert op.dispatch(ODD).provider == "impl_a"
    with op.set_priority(["impl_b"]):
        assert op.get_priority() == ["impl_b"]
        op.set_default(["impl_even"])
        assert op.get_priority() == ["impl_b"]
    assert op.get_priority() == ["impl_even", "native"]


def test_setting_is_logged(op, caplog):
    """IR-51."""
    with caplog.at_level(logging.DEBUG, logger.name):
        op.set_default(["impl_a"])
        with op.set_priority(["impl_even"]):
            pass
    assert "scaled set to ['impl_a']" in caplog.text
    assert "scaled set to ['impl_even', 'native']" in caplog.text


def test_empty_list(op, caplog):
    """IR-51."""
    with caplog.at_level(logging.WARNING, logger.name):
        op.set_default([])
    assert op.get_priority() == ["native"]
    assert "fallback to native" in caplog.text


def test_get_priority_is_what_is_left(op):
    """IR-52."""
    with op.set_priority(["absent", "impl_even", "impl_a", "impl_b"]):
        assert op.get_priority() == ["impl_even", "impl_a"]


def test_unknown_provider(op):
    """IR-53."""
    with pytest.raises(AssertionError, match="must be one of native, iree, impl_a") as caught:
        op.set_default(["unknown"])
    assert "'unknown'" in str(caught.value)
    assert op.get_priority() == []


def test_native_is_appended_with_one_warning(op, caplog):
    """IR-53."""
    with caplog.at_level(logging.WARNING, logger.name):
        for _ in range(2):
            with op.set_priority(["impl_even"]):
                assert op.get_priority() == ["impl_even", "native"]
    assert caplog.text.count("fallback to native") == 1
    assert "scaled" in caplog.text
    assert "priority" in caplog.text


def test_unsupported_providers_are_left_out(op):
    """IR-53."""
    with op.set_priority(["absent", "impl_a"]):
        assert op.get_priority() == ["impl_a"]
    with op.set_priority(["absent"]):
        assert op.get_priority() == ["native"]


@pytest.mark.parametrize("on", [True, False])
def test_unset_priority_runs_native_with_one_warning(op, caplog, on):
    """IR-54."""
    with caplog.at_level(logging.WARNING, logger.name), wrapped(on):
        for _ in range(3):
            assert torch.equal(op(ODD), ODD * 2)
    assert op.dispatch(ODD) is op.impls["native"]
    assert op.calls == []
    assert caplog.text.count("Priority not set for op scaled") == 1


def test_unset_priority_is_not_warned_of_while_compiling(op, caplog, fresh_compiler):
    """IR-54."""
    with caplog.at_level(logging.WARNING, logger.name), wrapped(False):
        compiled = torch.compile(op, backend="eager", fullgraph=True)
        assert torch.equal(compiled(ODD), ODD * 2)
    assert "Priority not set" not in caplog.text


def test_first_that_takes_the_call(op):
    """IR-55."""
    with op.set_priority(["impl_even", "impl_a", "impl_b"]):
        assert op.dispatch(EVEN) is op.impls["impl_even"]
        assert op.dispatch(ODD) is op.impls["impl_a"]


@pytest.mark.parametrize("on", [True, False])
def test_skipped_provider_is_logged_with_shapes_alone(op, caplog, on):
    """IR-55."""
    with (
        caplog.at_level(logging.DEBUG, logger.name),
        op.set_priority(["impl_even", "native"]),
        wrapped(on),
    ):
        op(ODD)
    (record,) = [r for r in caplog.records if "skip" in r.getMessage()]
    assert record.levelno == logging.DEBUG
    assert "impl_even" in record.getMessage()
    assert "f32[2, 3]" in record.getMessage()
    assert "tensor(" not in record.getMessage()


@pytest.mark.parametrize("on", [True, False])
def test_list_that_is_exhausted(op, on):
    """IR-55: only a list that is not made by `set_priority` ends so."""
    from ir_runtime.ir.choice.priority import Priority

    before = op.default_priority
    op.priority.default = Priority(op, before.choices, [op.impls["impl_even"]])
    assert torch.equal(op(EVEN), EVEN * 2)
    with pytest.raises(RuntimeError, match="the last must take all"), wrapped(on):
        op(ODD)


@pytest.mark.parametrize("on", [True, False])
def test_a_provider_that_stops_working_is_seen_in_each_priority(op, on):
    """IR-55: in the default, and in a context around the one that it stops in."""
    op.set_default(["impl_even"])
    with wrapped(on), op.set_priority(["impl_even", "native"]):
        with op.set_priority(["native"]):
            op.impls["impl_even"].supported = False
        with pytest.raises(ValueError, match="not supported"):
            op(EVEN)
        op.impls["impl_even"].supported = True
        assert op.dispatch(EVEN).provider == "impl_even"
        op(EVEN)
        op.impls["impl_even"].supported = False
    with wrapped(on), pytest.raises(ValueError, match="not supported"):
        op(EVEN)


@pytest.mark.parametrize("on", [True, False])
def test_listed_provider_that_stops_working(op, on):
    """IR-55."""
    with op.set_priority(["impl_a"]), wrapped(on):
        op.impls["impl_a"].supported = False
        with pytest.raises(ValueError, match="not supported"):
            op.dispatch(ODD)
        with pytest.raises(ValueError, match="not supported"):
            op(ODD)


@pytest.mark.parametrize("on", [True, False])
def test_arguments_are_passed_on(on):
    """IR-56: whatever the caller's form, the provider gets what native would."""
    op = make_scaled()
    seen = []

    @op.register_impl("mine")
    def mine(x: Tensor, factor: float = 2.0) -> Tensor:
        seen.append(factor)
        return x * factor

    with op.set_priority(["mine"]), wrapped(on):
        op(ODD)
        op(ODD, 3.0)
        op(x=ODD, factor=4.0)
        op(ODD, factor=5.0)
    assert seen == [2.0, 3.0, 4.0, 5.0]


def test_defaults_for_lowering():
    """IR-56."""
    op = make_scaled()
    assert op.apply_arg_defaults((ODD,)) == (ODD, 2.0)
    assert op.apply_arg_defaults((ODD, 3.0)) == (ODD, 3.0)
    with pytest.raises(TypeError):
        op.apply_arg_defaults(())
    with pytest.raises(TypeError):
        op.apply_arg_defaults((ODD, 3.0, 4.0))


@pytest.mark.parametrize("call", ["op", "torch_op", "unwrapped", "maybe_inplace", "torch_inplace"])
def test_provider_of_each_way_to_call(op, call):
    """IR-57."""
    functions = {
        "op": op,
        "torch_op": op.torch_op,
        "unwrapped": op,
        "maybe_inplace": op.maybe_inplace,
        "torch_inplace": op.maybe_inplace.torch_op,
    }
    function = functions[call]
    with wrapped(call != "unwrapped"):
        for names, tensor, provider in [
            (["impl_a"], ODD, "impl_a"),
            (["absent", "impl_b"], ODD, "impl_b"),
            (["impl_even", "impl_b"], EVEN, "impl_even"),
            (["impl_even", "impl_b"], ODD, "impl_b"),
        ]:
            op.calls.clear()
            with op.set_priority(names):
                assert torch.equal(function(tensor.clone()), tensor * 2)
            assert op.calls == [provider]


@pytest.mark.parametrize("on", [True, False])
def test_defaults_reach_supports_args(on):
    """IR-57."""
    op = make_scaled()
    seen = []

    def takes(x: Tensor, factor: float = 2.0) -> bool:
        seen.append(factor)
        return factor == 2.0

    op.register_impl("mine", supports_args=takes)(scaled)
    with op.set_priority(["mine", "native"]), wrapped(on):
        op(ODD)
        op(ODD, 3.0)
    assert seen == [2.0, 3.0]


@pytest.mark.parametrize("on", [True, False])
def test_supports_args_that_says_something_true(on):
    """IR-55: truth is what counts."""
    op = make_scaled()
    calls: list[str] = []
    register_recorded(op, "mine", calls, supports_args=lambda x, factor=2.0: x.shape[0])
    with op.set_priority(["mine", "native"]), wrapped(on):
        op(ODD)
        op(ODD[:0])
    assert calls == ["mine"]


def test_exception_of_supports_args_reaches_the_caller(op):
    def broken(x: Tensor, factor: float = 2.0) -> bool:
        raise KeyError("broken")

    op.register_impl("broken", supports_args=broken)(scaled)
    with op.set_priority(["broken", "native"]), pytest.raises(KeyError, match="broken"):
        op(ODD)


@pytest.mark.parametrize("on", [True, False])
def test_strict_mode_refuses_native_that_nobody_named(op, on):
    with ir.strict_priority(), wrapped(on):
        with pytest.raises(RuntimeError, match="has no priority, must have one"):
            op(ODD)
        with op.set_priority(["impl_even"]):
            assert torch.equal(op(EVEN), EVEN * 2)
            with pytest.raises(RuntimeError, match="no provider of its priority") as caught:
                op(ODD)
            assert "impl_even  refused: its supports_args says no" in str(caught.value)
        with op.set_priority(["impl_even", "native"]):
            assert torch.equal(op(ODD), ODD * 2)


def test_strict_mode_is_a_setting(op):
    from ir_runtime.settings import override_settings

    with override_settings(strict_priority=True):
        with pytest.raises(RuntimeError, match="has no priority"):
            op(ODD)
        with ir.strict_priority(False):
            assert torch.equal(op(ODD), ODD * 2)


def test_clear_default(op):
    op.set_default(["impl_a"])
    op.clear_default()
    assert op.get_priority() == []
    assert op.dispatch(ODD).provider == "native"
