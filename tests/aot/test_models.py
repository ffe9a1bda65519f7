"""Whole models of `transformers`, tiny and with random weights, compute what torch computes."""

from __future__ import annotations

import pytest
import torch
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.errors import ExportError
from tests.aot.model_table import read_table
from tests.aot.models import MODELS, deviations_of, draw_words, model_of

DTYPES = (torch.float32, torch.bfloat16)
QUICK = {
    ("gpt2", True, torch.float32),
    ("cnn", False, torch.float32),
    ("cnn", True, torch.bfloat16),
}
ROWS = [
    pytest.param(name, dynamic, dtype, marks=() if (name, dynamic, dtype) in QUICK
                 else pytest.mark.full)
    for name in MODELS for dynamic in (False, True) for dtype in DTYPES
]  # fmt: skip


@pytest.mark.parametrize(("name", "dynamic", "dtype"), ROWS)
def test_model_is_as_exact_as_torch(name: str, dynamic: bool, dtype: torch.dtype) -> None:
    for found in deviations_of(name, dtype, dynamic=dynamic):
        assert found.is_alike
        assert found.ours <= 2 * found.torchs + 4 * torch.finfo(dtype).eps


def test_table_of_the_page_has_each_model() -> None:
    assert list(read_table()) == list(MODELS)


def test_length_over_which_torch_code_loops_is_refused_as_open() -> None:
    model, words = model_of("mamba", torch.float32), draw_words(2, 5)
    with pytest.raises(ExportError) as caught:
        aot.export(model, (words,), dynamic_shapes=({1: Dim.DYNAMIC},), name="mamba")
    message = str(caught.value)
    assert message.startswith("mamba: cannot be traced by torch.export")
    assert "input_ids" in message
    assert "specialized it to be a constant (5)" in message


def test_result_is_of_the_class_that_the_model_returns() -> None:
    model = model_of("gpt2", torch.float32)
    program = aot.export(model, (draw_words(2, 5),), name="gpt2")
    got, wanted = program(x := draw_words(2, 5)), model(x)
    assert type(got) is type(wanted)
    assert got.keys() == wanted.keys()
