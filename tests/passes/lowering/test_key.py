"""The uuid of lowering: what it reads besides the graph is in the keys of torch's caches."""

from __future__ import annotations

import copy
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.ir.tuning.ranking import Ranking
from ir_runtime.ir.tuning.tables import tables
from ir_runtime.passes.lowering.ir_lowering import IrLowering
from tests.ir.ops import make_scaled
from tests.passes.captured_graph import captured, run

X = torch.arange(12.0).reshape(4, 3)
FACTOR = {"by": 2.0}


def key() -> str | None:
    return IrLowering().uuid()


def test_passes_are_values():
    one, other = IrLowering(), pickle.loads(pickle.dumps(IrLowering()))
    assert one == other == copy.deepcopy(one)
    assert hash(one) == hash(other)
    assert one.uuid() == other.uuid()


def test_priority_is_in_the_key():
    op = make_scaled()
    op.register_impl("more")(lambda_like)
    keys = [key()]
    for priority in (["native"], ["iree"], ["more", "native"], ["native", "more"]):
        with op.set_priority(priority):
            keys.append(key())
    with op.set_priority(["native"]), op.set_priority(["iree"], batch_sizes=(1, 4)):
        keys.append(key())
        assert key() == keys[-1]
    with op.set_priority(["native"]), op.set_priority(["iree"], batch_sizes=(1, 5)):
        keys.append(key())
    assert len({*keys}) == len(keys) - 1  # after native, which takes all calls, nothing counts
    assert key() == keys[0]


def lambda_like(x: Tensor, factor: float = 2.0) -> Tensor:
    return x * factor


def test_threads_lower_by_their_own_priorities():
    """Hazard 13: two models are compiled at once."""
    op = make_scaled()
    op.register_impl("more")(lambda_like)
    modules = {"native": captured(op, X), "more": captured(op, X)}
    both = threading.Barrier(2)

    def lower(provider):
        with op.set_priority([provider]):
            both.wait(10)
            record = run(IrLowering(), modules[provider])
            found = record.selected_impls["scaled"], key()
            both.wait(10)
            return found

    with ThreadPoolExecutor(2) as pool:
        (one, one_key), (other, other_key) = pool.map(lower, modules)
    assert (one, other) == ({"scaled": "native"}, {"scaled": "more"})
    assert one_key != other_key


def test_code_of_a_provider_and_what_it_reads_are_in_the_key(monkeypatch):
    """Hazard 9: with an empty priority native counts, and so do globals."""

    @ir.register_op
    def by_global(x: Tensor) -> Tensor:
        return x * FACTOR["by"]

    before = key()
    monkeypatch.setitem(FACTOR, "by", 3.0)
    after = key()
    assert before != after
    monkeypatch.setitem(FACTOR, "by", 2.0)
    assert key() == before


def test_code_that_no_key_can_hold_bypasses_the_caches():
    @ir.register_op
    def by_clock(x: Tensor) -> Tensor:
        return x * time.time()

    assert key() is None


def test_tuned_table_chooses_and_is_in_the_key(store):
    op = make_scaled()
    with op.set_priority(["auto", "iree", "native"]):
        without = key()
        tables.record(op, (X, 2.0), Ranking(("native", "iree"), {"native": 1.0, "iree": 2.0}))
        assert key() != without

        def chosen(*, dynamic):
            x = X.clone()
            if dynamic:
                torch._dynamo.mark_dynamic(x, 0)
            record = run(IrLowering(), captured(op, x))
            torch._dynamo.reset()
            return set(record.selected_impls["scaled"].values())

        assert chosen(dynamic=False) == {"native"}
        assert chosen(dynamic=True) == {"by size"}
    with op.set_priority(["auto", "native", "iree"]):
        assert chosen(dynamic=True) == {"native"}  # first in the list and in the table
    with op.set_priority(["iree", "native"]):
        assert chosen(dynamic=False) == {"iree"}  # a table orders nothing that a user ordered


@pytest.mark.full
def test_second_process_hits_the_caches_and_misses_after_a_change(tmp_path):
    from tests.passes.lowering.cached import run_process

    first = run_process(tmp_path, "iree")
    assert first == {"hits": 0, "passes": 1, "out": True}
    assert run_process(tmp_path, "iree") == {"hits": 1, "passes": 0, "out": True}
    assert run_process(tmp_path, "native,iree")["hits"] == 0
