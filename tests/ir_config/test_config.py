"""Can priorities of all ops be said in one place?  `ir.IrOpPriorityConfig`, rows IR-80 to IR-82."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import itertools
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime import ir
from ir_runtime.errors import OpConflictError, OpDefinitionError

Config = ir.IrOpPriorityConfig
RMS, GELU = ir.ops.rms_norm, ir.ops.gelu

_numbers = itertools.count()


@pytest.fixture
def late_op() -> Iterator[ir.IrOp]:
    """An op that is registered during the test, and its name free again afterwards."""

    @ir.register_op(name=f"late_op_{next(_numbers)}")
    def late(x: Tensor) -> Tensor:
        return x + 1

    yield late
    del ir.IrOp.registry[late.name]


@pytest.fixture(autouse=True)
def same_defaults() -> Iterator[None]:
    before = {op: op.default_priority for op in ir.IrOp.registry.values()}
    yield
    for op, priority in before.items():
        op.priority.default = priority
        op.priority._changed()


def test_one_field_an_op():
    """IR-80"""
    config = Config(rms_norm=["iree", "native"])
    assert config.rms_norm == config["rms_norm"] == ["iree", "native"]
    assert config.gelu == config["gelu"] == []
    assert set(config.priorities) == set(ir.IrOp.registry)
    assert dataclasses.is_dataclass(config)


def test_a_string_with_commas_is_a_list():
    """IR-80"""
    assert Config(rms_norm=" iree, native ,") == Config(rms_norm=["iree", "native"])
    assert Config(rms_norm="").rms_norm == []


def test_a_mapping_is_taken_too():
    assert Config({"gelu": "native"}, rms_norm="iree") == Config(gelu=("native",), rms_norm="iree")


def test_an_op_registered_later_has_no_list(late_op: ir.IrOp):
    assert Config()[late_op.name] == []


def test_a_config_made_before_an_op_says_nothing_of_it():
    config = Config(gelu="native")

    @ir.register_op(name="made_after_the_config")
    def after(x: Tensor) -> Tensor:
        return x + 1

    try:
        assert config["made_after_the_config"] == []
        assert config == Config(gelu="native")
        with config.set_priority():
            assert after.get_priority() == []
    finally:
        del ir.IrOp.registry["made_after_the_config"]


def test_an_op_called_like_a_method_is_reached_by_its_name():
    @ir.register_op(name="set_priority")
    def clash(x: Tensor) -> Tensor:
        return x + 1

    try:
        config = Config({"set_priority": "native"})
        assert config["set_priority"] == ["native"]
        with config.set_priority():
            assert clash.get_priority() == ["native"]
    finally:
        del ir.IrOp.registry["set_priority"]


def test_fields_cannot_be_replaced():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().rms_norm = ["native"]


def test_set_priority_enters_the_contexts_of_all_ops():
    """IR-80"""
    x = torch.ones(3)
    with Config(rms_norm="native", gelu="native,iree").set_priority():
        assert RMS.get_priority() == ["native"]
        assert GELU.get_priority() == ["native"]
        assert GELU.dispatch(x).provider == "native"
        with Config(gelu="iree,native").set_priority():
            assert GELU.dispatch(x).provider == "iree"
            assert RMS.get_priority() == ["native"]
        assert GELU.dispatch(x).provider == "native"
    assert GELU.get_priority() == ["iree", "native"]


def test_set_priority_ends_with_an_exception():
    with pytest.raises(KeyError), Config(rms_norm="native").set_priority():
        raise KeyError
    assert RMS.get_priority() == ["iree", "native"]


def test_set_priority_is_of_this_thread_alone():
    seen: list[list[str]] = []
    with Config(rms_norm="native").set_priority():
        thread = threading.Thread(target=lambda: seen.append(RMS.get_priority()))
        thread.start()
        thread.join()
    assert seen == [["iree", "native"]]


def test_set_default_holds_in_all_threads():
    seen: list[list[str]] = []
    Config(rms_norm="native").set_default()
    thread = threading.Thread(target=lambda: seen.append(RMS.get_priority()))
    thread.start()
    thread.join()
    assert seen == [RMS.get_priority()] == [["native"]]
    assert GELU.get_priority() == ["iree", "native"]


def test_with_default_appends_what_is_not_there():
    """IR-82"""
    config = Config(rms_norm="native").with_default(["iree", "native"])
    assert config.rms_norm == ["native", "iree"]
    assert config.gelu == ["iree", "native"]
    assert config.with_default(["iree", "native"]) == config


def test_with_default_leaves_the_config_as_it_is():
    config = Config(rms_norm="native")
    config.with_default(["iree"])
    assert config.rms_norm == ["native"]


def test_with_default_has_other_lists_for_some_ops():
    """IR-80"""
    config = Config(gelu="iree").with_default("iree,native", rms_norm="native", gelu=["native"])
    assert config.rms_norm == ["native"]
    assert config.gelu == ["iree", "native"]
    assert config.softmax == ["iree", "native"]


def test_a_default_is_for_the_ops_that_have_such_a_provider(late_op: ir.IrOp):
    @late_op.register_impl("mine")
    def mine(x: Tensor) -> Tensor:
        return x + 1

    config = Config().with_default(["mine", "native"])
    assert config[late_op.name] == ["mine", "native"]
    assert config.gelu == ["native"]


def test_unknown_op_is_refused_with_close_names():
    with pytest.raises(OpConflictError) as refused:
        Config(rmsnorm="native")
    assert str(refused.value).startswith("op 'rmsnorm': not registered, did you mean rms_norm")


def test_unknown_op_like_no_other_is_refused_with_all_names():
    with pytest.raises(OpConflictError, match=r"must be one of .*gelu.*, rms_norm"):
        Config(zzz="native")


def test_unknown_provider_is_refused():
    with pytest.raises(OpConflictError) as refused:
        Config(rms_norm=["iree", "triton"])
    assert str(refused.value) == (
        "op rms_norm: 'triton' is none of its providers, must be one of native, iree"
    )


def test_unknown_provider_among_the_overrides_is_refused():
    with pytest.raises(OpConflictError, match="'triton' is none of its providers"):
        Config().with_default(["native"], gelu="triton")


@pytest.mark.parametrize("value", [3, None, ["iree", 3], {"iree"}, b"iree", {"iree": 1}])
def test_lists_of_another_type_are_refused(value: object):
    with pytest.raises(OpDefinitionError) as refused:
        Config({"rms_norm": value})  # type: ignore[dict-item]
    assert str(refused.value) == (
        f"op rms_norm: providers are {value!r}, must be a list of names, "
        "or a string with commas between"
    )


def test_a_default_of_another_type_is_refused():
    with pytest.raises(OpDefinitionError, match="the default: providers are 3, must be a list"):
        Config().with_default(3)  # type: ignore[arg-type]


def test_a_provider_listed_twice_is_refused():
    with pytest.raises(OpDefinitionError) as refused:
        Config(rms_norm="iree,native,iree")
    assert str(refused.value) == "op rms_norm: provider iree is listed 2 times, must be once"


def test_a_refused_config_sets_nothing():
    with pytest.raises(OpConflictError):
        Config(gelu="native", rms_norm="triton").set_default()
    assert GELU.get_priority() == ["iree", "native"]


def test_configs_are_equal_by_what_they_say():
    assert Config(rms_norm="native") == Config(rms_norm=["native"], gelu=[])
    assert Config(rms_norm="native") != Config(rms_norm="iree")
    assert Config() != object()


def test_repr_is_how_it_is_made():
    config = Config(rms_norm="iree,native", gelu="native")
    assert repr(config) == "IrOpPriorityConfig(gelu=['native'], rms_norm=['iree', 'native'])"


@pytest.mark.parametrize("again", [lambda c: pickle.loads(pickle.dumps(c)), copy.deepcopy])
def test_a_config_can_be_sent_elsewhere(again):
    config = Config(rms_norm="iree,native")
    assert again(config) == config
    assert again(config).rms_norm == ["iree", "native"]


def test_hash_tells_lists_apart():
    """IR-80"""
    lists = [{}, {"rms_norm": "iree"}, {"rms_norm": "iree,native"}, {"rms_norm": "native,iree"}]
    lists += [{"gelu": "iree,native"}, {"gelu": "iree", "rms_norm": "native"}]
    hashes = {Config(given).compute_hash() for given in lists}
    assert len(hashes) == len(lists)
    assert Config(gelu="native", rms_norm="iree").compute_hash() == (
        Config(rms_norm="iree", gelu="native").compute_hash()
    )


def test_hash_follows_the_code_of_a_listed_provider(late_op: ir.IrOp):
    """IR-80, IR-37"""

    def one(x: Tensor) -> Tensor:
        return x + 1

    def other(x: Tensor) -> Tensor:
        return 1 + x

    impl = late_op.register_impl("mine")(one)
    listed, unlisted = Config({late_op.name: "mine,native"}), Config({late_op.name: "native"})
    before = listed.compute_hash(), unlisted.compute_hash()
    impl.impl_fn = other
    assert listed.compute_hash() != before[0]
    assert unlisted.compute_hash() == before[1]
    impl.impl_fn = one
    assert listed.compute_hash() == before[0]


def test_hash_covers_native_where_it_is_not_listed(late_op: ir.IrOp):
    """It takes over where no listed provider takes a call."""
    late_op.register_impl("mine")(late_op.native)
    config = Config({late_op.name: "mine"})
    before = config.compute_hash()

    def other(x: Tensor) -> Tensor:
        return 1 + x

    late_op.impls["native"].impl_fn = other
    assert config.compute_hash() != before


@pytest.mark.full
def test_hash_is_the_same_in_each_process():
    code = (
        "import kernels_mlir; from ir_runtime import ir\n"
        "print(ir.IrOpPriorityConfig().with_default('iree,native', gelu='native').compute_hash())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert len(found) == 1


@pytest.mark.parametrize(
    "words",
    [["--ir-op-priority.rms_norm=iree,native"], ["--ir-op-priority.rms_norm", "iree,native"]],
)
def test_words_of_a_command_line(words: list[str]):
    """IR-81"""
    config, left = Config.from_args(["serve", *words, "--port", "80"])
    assert config == Config(rms_norm="iree,native")
    assert left == ["serve", "--port", "80"]


def test_the_last_of_two_words_holds():
    words = ["--ir-op-priority.gelu=iree", "--ir-op-priority.gelu=native"]
    assert Config.from_args(words) == (Config(gelu="native"), [])


def test_words_behind_two_dashes_are_left_alone():
    words = ["--ir-op-priority.gelu=iree", "--", "--ir-op-priority.gelu=native"]
    assert Config.from_args(words) == (Config(gelu="iree"), words[1:])


@pytest.mark.parametrize(
    "words",
    [
        ["--ir-op-priority.gelu"],
        ["--ir-op-priority.gelu="],
        ["--ir-op-priority.gelu", " "],
        ["--ir-op-priority.gelu", "--port"],
    ],
)
def test_an_option_without_a_list_is_refused(words: list[str]):
    with pytest.raises(OpDefinitionError) as refused:
        Config.from_args(words)
    assert str(refused.value) == (
        "--ir-op-priority.gelu: no list of providers follows, must be one such as iree,native"
    )


def test_words_with_an_unknown_op_are_refused():
    with pytest.raises(OpConflictError, match="did you mean rms_norm"):
        Config.from_args(["--ir-op-priority.rms_nrm=native"])


def test_a_parser_gets_an_option_an_op():
    """IR-81"""
    parser = argparse.ArgumentParser(prog="serve")
    parser.add_argument("--port", type=int)
    Config.add_arguments(parser)
    words = ["--ir-op-priority.rms_norm=native", "--port", "80", "--ir-op-priority.gelu", "iree"]
    arguments = parser.parse_args(words)
    assert arguments.port == 80
    assert Config.from_namespace(arguments) == Config(rms_norm="native", gelu="iree")
    assert Config.from_namespace(parser.parse_args([])) == Config()
    assert "--ir-op-priority.softmax PROVIDERS" in parser.format_help()


def test_a_list_may_begin_with_auto() -> None:
    config = Config({"gelu": "auto,native,iree"})
    assert config.gelu == ["auto", "native", "iree"]
    with config.set_priority():
        held = GELU.context.get()
        assert held is not None
        assert [impl.provider for impl in held.candidates] == ["native", "iree"]
        assert GELU.get_priority() == ["native"]
    assert config.compute_hash() != Config(gelu="native,iree").compute_hash()
    assert Config(gelu="auto").compute_hash() == Config(gelu="auto").compute_hash()
    with pytest.raises(OpConflictError, match="'auto' is none of its providers"):
        Config(gelu="native,auto")
