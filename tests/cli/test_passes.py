"""`ir-runtime passes`: the list, a script's compiles, a model's, and what is expected of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ir_runtime.cli import main
from ir_runtime.settings import override_settings

SCRIPT = """
import sys, torch

from tests.passes.user_passes import squares

assert sys.argv == [__file__]
torch._dynamo.reset()
torch.compile(squares)(torch.ones(2, 8), torch.ones(2, 8))
"""
MODEL = """
import torch
def model():
    return torch.nn.Identity(), torch.ones(2)
def nothing(): return None
def number(): return 3
"""


def said(capsys: Any, *words: str, status: int = 0) -> str:
    assert main(["passes", *words]) == status
    found = capsys.readouterr()
    return found.out + found.err


def test_the_known_passes_are_listed(capsys: Any):
    words = said(capsys)
    assert "* NoOpElimination              post_grad     Remove what has no effect" in words
    with override_settings(passes="PostCleanup"):
        assert said(capsys).endswith("in the order of a compile:\n    post_grad: PostCleanup()\n")
        found = json.loads(said(capsys, "--json"))
    assert found["pipeline"] == ["post_grad: PostCleanup()"]
    assert {"name", "hook", "summary"} == set(found["known"][0])


def test_a_script_is_reported_with_matches_times_and_dumps(capsys: Any, tmp_path: Path):
    script = tmp_path / "model.py"
    script.write_text(SCRIPT)
    dumps = tmp_path / "dumps"
    passes = ("--passes", "NoOpElimination,tests.passes.user_passes.SquareFusion")
    words = said(capsys, str(script), *passes, "--dump", str(dumps), "--expect", "square_fusion=2")
    assert "post_grad: NoOpElimination()" in words
    assert "matches: square_fusion 2" in words
    assert " ms" in words
    assert len(list(dumps.rglob("post_grad.0.NoOpElimination.*.py"))) == 2
    assert "passes-" in words
    found = json.loads(said(capsys, str(script), *passes, "--json"))
    assert found["graphs"][0]["match_table"]["square_fusion"] == 2
    words = said(capsys, str(script), *passes, "--expect", "square_fusion=1", status=1)
    assert "pass square_fusion: matched 2 places of the post_grad graph, must match 1" in words


def test_a_function_is_called_and_its_model_compiled(capsys: Any, tmp_path: Path, monkeypatch: Any):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_model_of_passes.py").write_text(MODEL)
    words = said(capsys, "a_model_of_passes:nothing")
    assert "no graph was compiled" in words
    assert "matches: none" in words
    assert "returned int, must return a model" in said(capsys, "a_model_of_passes:number", status=1)
    assert "cannot be found" in said(capsys, "a_model_of_passes:other", status=1)
    assert "cannot be found" in said(capsys, "no_such_module_of_passes:f", status=1)
    assert "matches: " in said(capsys, "a_model_of_passes:model")


@pytest.mark.parametrize(
    ("words", "message", "status"),
    [
        (("--passes", "Nothing"), "pass 'Nothing': is not known", 2),
        (("--expect", "PostCleanup"), "must be PASS=NUMBER", 2),
        (("--expect", "Nothing=1"), "'Nothing' is no pass of the pipeline", 2),
        (("no_such_script.py",), "there is no such file", 1),
    ],
)
def test_words_that_do_not_fit(capsys: Any, words: tuple[str, ...], message: str, status: int):
    assert message in said(capsys, *words, status=status)
