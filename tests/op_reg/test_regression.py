"""Are the faults of this package's ancestors in ops absent?  Those that no other file shows."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime import aot
from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.errors import ArgumentError, MixedDeviceError
from ir_runtime.op_reg import CustomOp, IntArg
from ir_runtime.op_reg.call.kernel import kernel_source, run_select
from ir_runtime.settings import override_settings
from tests.op_reg import ops, result_ops
from tests.op_reg.ops import LIBRARY, like_first, make_op, op_of, scaled, yield_first

X = torch.arange(6.0).reshape(2, 3)


def op_with_state(wait: Any) -> Any:
    """An op whose `select` leaves the factor in `self` for `generate`; waits in between."""

    def select(self, ksel):
        self.factor = ksel.attr_float(1).v
        like_first(self, ksel)
        wait()

    def generate(self, ksel, kb):
        kb.yield_results(scaled(kb, kb.arg(0), self.factor))

    return make_op("with_state_@UNIQUE@(Tensor x, float factor) -> Tensor", select, generate)


def test_state_of_an_op_is_not_shared_by_threads(store):
    """2.4: `select` wrote what another thread's `generate` read."""
    both_selected = threading.Barrier(2)
    packet = op_with_state(lambda: both_selected.wait(60))
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda factor: packet(X, factor), (3.0, 5.0)))
    assert torch.equal(results[0], X * 3)
    assert torch.equal(results[1], X * 5)


def test_state_of_an_op_is_not_shared_with_a_meta_call_in_between(store):
    """2.4: a graph is traced while a kernel is made."""
    packet, nested = None, []

    def generate(self, ksel, kb):
        packet(X.to("meta"), 7.0)
        nested.append(self.factor)
        kb.yield_results(scaled(kb, kb.arg(0), self.factor))

    packet = op_with_state(lambda: None)
    type(op_of(packet)).generate = generate
    assert torch.equal(packet(X, 3.0), X * 3)
    assert nested == [3.0]


def test_state_of_an_op_reaches_generate_in_a_program():
    """2.4."""
    packet = op_with_state(lambda: None)
    program = aot.export(lambda x: packet(x, 3.0) + packet(x, 5.0), (X,))
    assert torch.equal(program(X), X * 8)


def test_selection_names_the_registered_op_and_runs_a_copy():
    op = op_of(ops.add)
    ksel = run_select(op, [X, X])
    assert ksel.op is op
    assert ksel.own_op is not op
    assert type(ksel.own_op) is type(op)


def test_int_argument_has_a_repr():
    """2.3: it raised, also inside of error messages."""
    assert repr(IntArg(-3)) == "int<-3>"


class _Counted(torch.Tensor):
    """Counts what is done to it."""

    calls: list[str] = []  # noqa: RUF012 - one for all

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.calls.append(func.__name__)
        return super().__torch_function__(func, types, args, kwargs or {})


def test_meta_function_reads_and_copies_no_data():
    """2.3: each meta call cloned the tensor, as `t.device == "meta"` is never true."""
    ksel = run_select(op_of(ops.sum_and_difference), [X.as_subclass(_Counted)] * 2)
    _Counted.calls.clear()
    results = ksel.generate_meta_returns()
    assert all(t.device.type == "meta" for t in results)
    assert not {"clone", "to", "copy_", "contiguous"} & set(_Counted.calls)


def test_nothing_is_logged_to_the_root_logger(store):
    """2.3: handlers did."""
    heard: list[logging.LogRecord] = []
    root = logging.getLogger()
    before = len(root.handlers)

    class Ear(logging.Handler):
        def emit(self, record):
            if record.name == "root" or record.name.split(".")[0] == "ir_runtime":
                heard.append(record)

    ear = Ear(logging.DEBUG)
    root.addHandler(ear)
    old = root.level
    root.setLevel(logging.DEBUG)
    try:
        assert torch.equal(ops.add(X, X), X + X)
        ops.add(X.to("meta"), X.to("meta"))
    finally:
        root.setLevel(old)
        root.removeHandler(ear)
    assert not [record for record in heard if record.name == "root"]
    assert len(root.handlers) == before


def test_every_element_of_a_list_attribute_is_checked():
    """2.3: only the first was."""
    op = op_of(ops.configured)
    for bad in ([1, True], [1, 2.5], [True, 1]):
        with pytest.raises(ArgumentError, match="must be a list of ints"):
            run_select(op, [X[0], False, "one", bad, [], [], None, None])


def test_device_is_that_of_all_tensors_not_of_the_last_list():
    """2.3: the loop over arguments was not left, so a later one decided."""
    packet = make_op(
        "first_of_@UNIQUE@(Tensor x, Tensor[] xs) -> Tensor",
        lambda self, ksel: (like_first(self, ksel), ksel.arg_tensor_list(1)),
        yield_first,
    )
    assert torch.equal(packet(X, [X, X]), X)
    with pytest.raises(MixedDeviceError):
        packet(X, [X, X.to("meta")])


def test_kernels_compile_in_a_child_process_and_in_this_one(store):
    """2.3: compiling out of process was not implemented."""
    for in_child in (True, False):
        packet = make_op("placed_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first)
        with override_settings(compile_process=in_child), count_since() as counts:
            assert torch.equal(packet(X), X)
        assert counts[0].compiles == 1


def test_program_takes_ints_and_lists():
    """2.3: neither was implemented ahead of time."""
    n = torch.arange(4)
    assert torch.equal(aot.export(lambda n: ops.shift(n, 5), (n,))(n), n + 5)
    total = aot.export(lambda x, y: ops.list_sum([x, y, x]), (X, X + 1))
    assert torch.equal(total(X, X + 1), X * 3 + 1)


def test_threads_that_need_one_kernel_make_it_once(store):
    """2.1: unlocked caches."""
    made = []

    def generate(self, ksel, kb):
        made.append(threading.get_ident())
        kb.yield_results(kb.arg(0))

    packet = make_op("made_once_@UNIQUE@(Tensor x) -> Tensor", like_first, generate)
    start = threading.Barrier(8)

    def work(size: int) -> bool:
        start.wait(60)
        x = torch.arange(float(size))
        return torch.equal(packet(x), x)

    with ThreadPoolExecutor(8) as pool, count_since() as counts:
        assert all(pool.map(work, range(1, 9)))
    assert (len(made), counts[0].compiles) == (1, 1)


def test_exactly_one_result_that_is_not_none():
    """2.4: the first result was returned, though it may be the absent one."""
    for at in range(3):
        mask = [i == at for i in range(3)]
        results = result_ops.gradients(X, mask)
        assert [r is None for r in results] == [not m for m in mask]
        assert torch.equal(results[at], X * (at + 1))


def test_programs_that_differ_in_a_constant_alone_are_two():
    """2.4: the digest was of printed code, which leaves lifted constants out."""
    programs = [
        aot.export(lambda x, c=constant: x + c, (X,), name="lifted")
        for constant in (torch.full((3,), 1.0), torch.full((3,), 2.0))
    ]
    assert torch.equal(programs[0](X), X + 1)
    assert torch.equal(programs[1](X), X + 2)


def test_functions_of_one_name_are_two_programs():
    """2.4: sessions were found by the function's name."""

    def made(factor: float) -> Any:
        def layer(x: Tensor) -> Tensor:
            return ops.scale(x, factor)

        return aot.export(layer, (X,))

    assert torch.equal(made(3.0)(X), X * 3)
    assert torch.equal(made(5.0)(X), X * 5)


def test_program_without_arguments_runs():
    """2.4: a graph without arguments was an IndexError; 2.3: its launch crashed (turbine #984)."""
    program = aot.export(lambda: ops.scale(torch.ones(3)), ())
    for _ in range(2):
        assert torch.equal(program(), torch.full((3,), 2.0))
    with Device("local-task"):
        assert torch.equal(program(), torch.full((3,), 2.0))


def test_templates_of_the_catalogue_use_no_removed_operation():
    """2.3: `linalg.add` is gone in IREE 3.13."""
    from pathlib import Path

    import kernels_mlir

    texts = [p.read_text() for p in Path(kernels_mlir.__file__).parent.rglob("*.mlir")]
    assert texts
    assert not [t for t in texts if "linalg.add " in t]


def test_keys_of_kernels_name_the_compiler_and_the_code(store):
    """2.3, 2.4: no compiler version, no generator source."""
    assert torch.equal(ops.add(X, X), X + X)
    (key,) = store.keys()
    assert key.compiler.startswith("3.")
    assert key.selection == run_select(op_of(ops.add), [X, X]).spec_key
    source = kernel_source(op_of(ops.add), run_select(op_of(ops.add), [X, X]))
    assert b"iree.abi.output" in source


class _Untied(CustomOp):
    signature = "counted_in_place_@UNIQUE@_(Tensor(a!) x, Tensor y) -> Tensor(a!)"

    def select(self, ksel):
        ksel.arg_tensor(0, inplace_tied=True)
        ksel.arg_tensor(1)

    generate = ops.yield_sum


def test_in_place_op_changes_what_it_was_given():
    """2.3: `inplace_tied` was never written back in eager mode."""
    packet = CustomOp.register(library=LIBRARY)(_Untied)
    for step in range(1, 4):
        x = X.clone()
        address = x.data_ptr()
        assert packet(x, torch.full_like(X, step)) is x
        assert torch.equal(x, X + step)
        assert x.data_ptr() == address
