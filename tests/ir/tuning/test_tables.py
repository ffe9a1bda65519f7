"""The files of tuned tables: shared, replaced whole, and refused where they do not fit."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.ir.log import logger
from ir_runtime.ir.tuning import table_file
from ir_runtime.ir.tuning.ranking import Ranking
from ir_runtime.ir.tuning.shape_class import device_type_of, shape_class
from ir_runtime.ir.tuning.table import OpRankings, Table, TableIdentity
from ir_runtime.ir.tuning.table_file import change_table, read_table
from ir_runtime.ir.tuning.tables import Tables, tables
from ir_runtime.settings import override_settings
from tests.ir.tuning.test_tune import SHAPES, X, used

HERE = TableIdentity("local:--cpu=one", "2.0", "3.0", 6)


def table_of(op: str, *classes: str, code: str = "a") -> Table:
    rankings = {name: Ranking(("native",), {"native": 5.0}) for name in classes}
    return Table(HERE, {op: OpRankings({"native": code}, rankings)})


def own_file(store):
    (path,) = table_file.table_files(store.root)
    return path


def test_a_table_is_the_same_after_a_file():
    ranking = Ranking(("iree:t=a", "native"), {"iree:t=a": 1.5, "native": 2.0}, {"x": "no"}, 3)
    table = Table(HERE, {"op": OpRankings({"iree": "1", "native": "2"}, {"x=f32[1]": ranking})})
    assert Table.from_bytes(table.to_bytes()) == table


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.clear(),
        lambda r: r.update(format="other"),
        lambda r: r.pop("torch"),
        lambda r: r.update(ops=[]),
        lambda r: r["ops"]["op"]["classes"]["c"].update(order=["other"]),
        lambda r: r["ops"]["op"]["classes"]["c"].update(order=[]),
        lambda r: r["ops"]["op"]["classes"]["c"]["median_ns"].update(native=float("nan")),
        lambda r: r["ops"]["op"].update(code={"native": 1}),
        lambda r: r.update(schema=float("inf")),
    ],
)
def test_what_is_no_table_is_refused(change):
    record = json.loads(table_of("op", "c").to_bytes())
    change(record)
    with pytest.raises(ValueError, match=r"its format|missing or of another|a time|is empty"):
        Table.from_bytes(json.dumps(record).encode())


def test_newer_rankings_are_added_and_those_of_changed_code_go():
    table = table_of("op", "c", "d").merged(table_of("op", "e")).merged(table_of("two", "c"))
    assert [(op, name) for op, name, _ in table.rows()] == [
        ("op", "c"), ("op", "d"), ("op", "e"), ("two", "c"),
    ]  # fmt: skip
    changed = table.merged(table_of("op", "f", code="b"))
    assert [(op, name) for op, name, _ in changed.rows()] == [("op", "f"), ("two", "c")]


def test_threads_that_change_a_table_lose_nothing(store):
    def add(i: int) -> None:
        change_table(store.root, HERE, lambda table: table.merged(table_of("op", f"c{i}")))

    threads = [threading.Thread(target=add, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table = read_table(own_file(store))
    assert table is not None
    assert len(table.rows()) == 8


def test_a_killed_process_leaves_a_valid_table(store, monkeypatch):
    """It dies between writing and replacing; its lock and its half are in nobody's way."""
    change_table(store.root, HERE, lambda table: table.merged(table_of("op", "before")))
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(
            type(store.root), "replace", lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        )
        change_table(store.root, HERE, lambda table: table.merged(table_of("op", "killed")))
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    table = read_table(own_file(store))
    assert table is not None
    assert [name for _, name, _ in table.rows()] == ["before"]
    table = change_table(store.root, HERE, lambda table: table.merged(table_of("op", "after")))
    assert [name for _, name, _ in table.rows()] == ["after", "before"]


def test_a_file_that_is_no_table_is_kept_aside(store, caplog):
    path = store.root / "tuned" / HERE.file_name
    change_table(store.root, HERE, lambda table: table)
    path.write_bytes(b"{ torn")
    with caplog.at_level(logging.WARNING, logger.name):
        change_table(store.root, HERE, lambda table: table.merged(table_of("op", "c")))
    (aside,) = path.parent.glob("*.corrupt-*")
    assert aside.read_bytes() == b"{ torn"
    assert str(aside) in caplog.text
    assert own_file(store) == path


def test_a_torn_table_is_not_used_and_says_so_once(op, clock, store, caplog):
    ir.tune(op, shapes=SHAPES, clock=clock)
    own_file(store).write_bytes(b"torn")
    tables.forget()
    with caplog.at_level(logging.WARNING, logger.name):
        assert [used(op, clock, X) for _ in range(2)] == ["native"] * 2
        used(op, clock, torch.ones(2, 6))
    assert caplog.text.count("cannot be read") == 1
    assert "cannot be read" in str(op.explain(X))


def test_a_table_that_others_can_change_is_not_used(op, clock, store):
    ir.tune(op, shapes=SHAPES, clock=clock)
    own_file(store).chmod(0o666)
    tables.forget()
    assert used(op, clock, X) == "native"
    assert "others can change" in str(op.explain(X))


@pytest.mark.parametrize("field", ["device_type", "torch", "iree", "schema"])
def test_a_table_of_another_machine_or_version_is_not_used(
    op, clock, store, tmp_path, caplog, field
):
    ir.tune(op, shapes=SHAPES, clock=clock)
    record = json.loads(own_file(store).read_bytes())
    record[field] = 5 if field == "schema" else f"{record[field]};--other"
    pinned = tmp_path / "pinned.json"
    pinned.write_text(json.dumps(record))
    with (
        caplog.at_level(logging.WARNING, logger.name),
        override_settings(tuned_table=pinned),
    ):
        assert [used(op, clock, X) for _ in range(2)] == ["native"] * 2
        assert "for another machine or version" in str(op.explain(X))
        used(op, clock, torch.ones(2, 6))
    assert caplog.text.count("for another machine or version") == 1
    assert used(op, clock, X) == "quick"  # the store's own again


def test_a_pinned_table_alone_is_read(op, clock, store, tmp_path):
    ir.tune(op, shapes=SHAPES, clock=clock)
    pinned = tmp_path / "pinned.json"
    with override_settings(tuned_table=pinned):
        assert used(op, clock, X) == "native"
        assert "there is no such file" in str(op.explain(X))
    pinned.write_bytes(own_file(store).read_bytes())
    own_file(store).unlink()
    tables.forget()
    assert used(op, clock, X) == "native"
    with override_settings(tuned_table=pinned):
        assert used(op, clock, X) == "quick"


def test_base_stores_are_read_after_the_store(op, clock, store, tmp_path):
    ir.tune(op, shapes=SHAPES, clock=clock)
    with override_settings(store=tmp_path / "other", base_stores=(store.root,)):
        assert used(op, clock, X) == "quick"
        clock.costs.update(quick=5000)
        ir.tune(op, shapes=SHAPES, clock=clock)
        assert used(op, clock, X) == "even"


def test_a_store_that_cannot_be_written_keeps_the_table_in_memory(op, clock, store, caplog):
    store.root.mkdir(parents=True)
    (store.root / "tuned").write_text("in the way")
    with caplog.at_level(logging.WARNING, logger.name):
        report = ir.tune(op, shapes=SHAPES, clock=clock)
    assert report.measured[0].table is None
    assert "kept in this process alone" in caplog.text
    assert used(op, clock, X) == "quick"


def test_what_another_process_measured_is_seen_after_a_second(op, clock, store):
    seconds = [0.0]
    other = Tables(lambda: seconds[0])
    other._digests = tables._digests  # the code of the tests' providers changes as they run
    assert other.find(op, (X, None, 1.0)).ranking is None
    ir.tune(op, shapes=SHAPES, clock=clock)
    other.poll()
    assert other.find(op, (X, None, 1.0)).ranking is None
    seconds[0] = 1.5
    other.poll()
    found = other.find(op, (X, None, 1.0)).ranking
    assert found is not None
    clock.costs.update(quick=5000)
    ir.tune(op, shapes=SHAPES, clock=clock)
    other.poll()
    assert other.find(op, (X, None, 1.0)).ranking == found
    seconds[0] = 3.0
    other.poll()
    assert other.find(op, (X, None, 1.0)).ranking.order[0] == "even"


def test_classes_of_calls(op):
    def words(*values):
        name = shape_class(op, values)
        return None if name is None else name.rpartition(", threads=")[0]

    assert words(torch.ones(5, 3), None, 1.0) == "x=f32[8,3]"
    assert words(torch.ones(0, 3), torch.ones(3), 2.0) == "x=f32[0,3], weight=f32[3]"
    assert words(torch.ones(1, 3), torch.ones(5), 2.0) == "x=f32[1,3], weight=f32[5]"
    assert words(torch.ones(5, 3), torch.ones(5), 2.0) == "x=f32[8,3], weight=f32[5]"
    assert words(torch.ones(5), torch.ones(5).long(), 2) == "x=f32[8], weight=i64[8], by=2"
    assert words(torch.ones(5, device="meta"), None, 1.0) is None
    with torch._subclasses.FakeTensorMode():
        assert words(torch.ones(5), None, 1.0) is None
    assert device_type_of((X,)).startswith("local:")


def test_a_table_changes_beside_an_op_that_torch_refused(library):
    """The op is incomplete, and the error still holds it."""
    library.define("taken(Tensor x) -> Tensor")

    def taken(x: Tensor) -> Tensor:
        return x.clone()

    with pytest.raises(RuntimeError, match="torch refuses it") as refused:
        ir.register_op(taken)
    tables.forget()
    assert refused.tb is not None
