"""Records of pipelines: what they show, and how they are kept beside torch's caches."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import fx
from torch._guards import TracingContext, tracing

from ir_runtime.passes import (
    GraphPass,
    NearMiss,
    PassRecord,
    Pipeline,
    PipelineRecord,
)
from ir_runtime.passes.errors import ExpectedMatchError
from ir_runtime.passes.record import record_store
from ir_runtime.passes.record.record_store import load_record, record_key, save_record
from ir_runtime.settings import current_settings
from tests.passes.traced_graphs import traced

POST = "post_grad_custom_post_pass"
KEY = "a" * 40
X = torch.ones(2)


@dataclass(frozen=True)
class Choose(GraphPass):
    """Write all kinds of facts into the record."""

    matches: int = 2

    def run(self, graph: fx.Graph, record: PassRecord) -> None:
        record.matched_count = self.matches
        record.counts.update(clones=1, views=3)
        record.selected_impls["rms_norm"] = {"rms_norm": "iree", "rms_norm_1": "native"}
        record.near_misses.append(NearMiss("norm", "mul", "other epsilon", "model.py:7"))
        record.facts["table"] = {"a": [1, 2]}


def run(pipeline: Pipeline) -> None:
    pipeline.options()[POST](traced(torch.relu, X).graph)


def test_a_record_shows_what_was_found():
    pipeline = Pipeline([Choose()])
    assert str(pipeline.record) == "no graph was compiled"
    run(pipeline)
    run(pipeline)
    record = pipeline.record
    assert record.match_table == {"Choose": 4}
    assert record.selected_impls == {"rms_norm": {"rms_norm": "iree", "rms_norm_1": "native"}}
    assert [miss.node for miss in record.near_misses] == ["mul", "mul"]
    lines = str(record).splitlines()
    assert lines[0].startswith("post_grad: 3 nodes, 3 after")
    assert "2 matches" in lines[1]
    assert lines[1].endswith("1 clones, 3 views")
    assert lines[2].strip() == "rms_norm: 1 iree, 1 native"
    assert lines[3].strip() == "almost norm at mul (model.py:7): other epsilon"


def test_a_record_survives_its_file(store: Any):
    pipeline = Pipeline([Choose()])
    run(pipeline)
    assert load_record(KEY) is None
    assert save_record(KEY, pipeline.record)
    found = load_record(KEY)
    assert found is not None
    assert found.graphs[0].cached
    assert found.match_table == pipeline.record.match_table
    (mine,), (theirs,) = found.passes, pipeline.record.passes
    assert mine == theirs
    assert isinstance(mine.counts, Counter)
    assert "read beside the cached graph" in str(found)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 2}', '{"format": 1, "graphs": [1]}'])
def test_a_damaged_file_is_no_record(store: Any, caplog: Any, text: str):
    save_record(KEY, PipelineRecord())
    (path,) = (current_settings().store / "passes").glob("*.json")
    path.write_text(text)
    assert load_record(KEY) is None
    assert f"record of passes {path}: cannot be read" in caplog.text


def test_the_files_are_few_and_trusted(store: Any, caplog: Any, monkeypatch: Any):
    monkeypatch.setattr(record_store, "_MOST_FILES", 3)
    for i in range(5):
        save_record(f"{i:040}", PipelineRecord())
    directory = current_settings().store / "passes"
    assert len(list(directory.glob("*.json"))) == 3
    directory.chmod(0o777)
    assert not save_record(KEY, PipelineRecord())
    assert load_record(f"{4:040}") is None
    assert "others can change it" in caplog.text


def test_the_key_is_of_the_passes_the_graph_and_the_inputs():
    module, other = traced(torch.relu, X), traced(torch.sin, X)
    known = record_key("a", module, [X])
    assert known == record_key("a", traced(torch.relu, X), [X + 1])
    keys = {
        known,
        record_key("b", module, [X]),
        record_key("a", other, [X]),
        record_key("a", module, [torch.ones(3)]),
        record_key("a", module, [X.double()]),
        record_key("a", module, [torch.ones(2, 2).t()]),
        record_key("a", module, [torch.ones(2, requires_grad=True)]),
        record_key("a", module, [2]),
    }
    assert len(keys) == 8
    assert record_key(None, module, [X]) is None


@contextmanager
def compiling() -> Iterator[None]:
    with tracing(TracingContext(None)):
        yield


def test_a_hit_finds_the_record_of_the_run_that_filled_the_cache(store: Any):
    """Hazard of caches: on a hit no pass runs, so counts and choices would be empty."""
    module = traced(torch.relu, X)
    first, second, third = Pipeline([Choose()]), Pipeline([Choose()]), Pipeline([Choose(3)])
    with compiling(), first.recorded(module, [X]):
        run(first)
    with compiling(), second.recorded(module, [X]):
        pass  # torch found the graph in its cache
    assert second.record.match_table == {"Choose": 2}
    assert second.record.selected_impls == first.record.selected_impls
    with compiling(), third.recorded(module, [X]):
        pass
    assert third.record.graphs == []


def test_a_graph_of_gradients_that_comes_later_is_kept_too(store: Any):
    module = traced(torch.relu, X)
    first, second = Pipeline([Choose()]), Pipeline([Choose()])
    with compiling():
        with first.recorded(module, [X]):
            run(first)
        run(first)
    with compiling(), second.recorded(module, [X]):
        pass
    assert len(second.record.graphs) == 2


def test_expectations_hold_on_a_hit(store: Any, caplog: Any):
    module = traced(torch.relu, X)
    with compiling(), Pipeline([Choose()], expect={"Choose": 3}).recorded(module, [X]):
        run(strange := Pipeline([Choose()], expect={"Choose": 3}))
    assert strange.record.match_table == {"Choose": 2}
    caplog.clear()
    again = Pipeline([Choose()], expect={"Choose": 3})
    with compiling(), again.recorded(module, [X]):
        pass
    assert again.record.match_table == {"Choose": 2}
    assert "pass Choose: matched 2 places of the post_grad graph, must match 3" in caplog.text
    # A strict pipeline has another key: what it finds in a cache has met its expectations.
    strict = Pipeline([Choose()], expect={"Choose": 3}, strict=True)
    with compiling(), pytest.raises(ExpectedMatchError), strict.recorded(module, [X]):
        run(strict)


def test_a_record_of_another_store_is_not_found(store: Any, tmp_path: Path):
    save_record(KEY, PipelineRecord())
    assert json.loads((current_settings().store / "passes" / f"{KEY}.json").read_text())
    assert load_record("b" * 40) is None
