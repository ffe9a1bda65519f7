"""What cannot be compiled is refused by torch's name and the user's line."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot, ir
from ir_runtime.errors import CompileError, UnsupportedOperatorError
from ir_runtime.launch.compile.compiler import run_passes
from ir_runtime.op_reg.trace.legal import blame

X = torch.randn(4, 6)
C = torch.randn(3, 3, dtype=torch.complex64)


def line_of(marker: str) -> str:
    with open(__file__) as file:  # noqa: PTH123
        lines = file.read().split("\n")
    return str(next(i for i, line in enumerate(lines, 1) if line.endswith(marker)))


def running_maximum(x: Tensor) -> Tensor:
    return torch.cummax(x, 1)[0]  # cummax here


def distances(x: Tensor) -> Tensor:
    return torch.cdist(x, x)


def spectrum(x: Tensor) -> Tensor:
    return torch.fft.rfft(x).abs()


def squared(z: Tensor) -> Tensor:
    return z @ z


def rest_of_halves(x: Tensor) -> Tensor:
    return x % 0.5


@pytest.mark.parametrize(
    ("fn", "x", "operator"),
    [
        (running_maximum, X, "aten.cummax"),
        (distances, X, "aten._cdist_forward"),
        (spectrum, X, "aten._fft_r2c"),
        (squared, C, "aten.mm"),
        (rest_of_halves, X.double(), "aten.fmod"),
    ],
)
def test_export_names_the_operator_and_the_line(fn: Any, x: Tensor, operator: str) -> None:
    with pytest.raises(UnsupportedOperatorError) as caught:
        aot.export(fn, (x,))
    assert caught.value.operator == operator
    assert caught.value.headline.startswith(f"{fn.__name__}: {operator} ")
    assert f'File "{__file__}"' in caught.value.place
    assert "%" not in str(caught.value)


def test_dynamic_dimensions_of_one_are_not_widened() -> None:
    def below(x: Tensor, y: Tensor) -> Tensor:
        return x < y

    every = dict.fromkeys(range(2), Dim.AUTO)
    with pytest.raises(UnsupportedOperatorError, match=r"aten\.lt widens dimension 1 of `x`"):
        aot.export(below, (X[:, :1], X[:1]), dynamic_shapes=(every, every))


def test_the_message_is_whole() -> None:
    with pytest.raises(UnsupportedOperatorError) as caught:
        aot.export(running_maximum, (X,))
    assert str(caught.value) == (
        "running_maximum: aten.cummax has no counterpart in the compiler, must be an operator that "
        "compiled programs can do\n"
        f'    File "{__file__}", line {line_of("# cummax here")}, in running_maximum\n'
        "  fix: write it with the operators of the table in docs/export.md, or leave it out of the "
        "program"
    )


@ir.register_op
def running_maximum_op(x: Tensor) -> Tensor:
    return torch.cummax(x, 1)[0]  # op here


def test_explain_gives_the_reason_of_a_traced_provider() -> None:
    with running_maximum_op.set_priority(["iree", "native"]):
        told = str(running_maximum_op.explain(X))
    assert "aten.cummax has no counterpart in the compiler" in told
    assert f"line {line_of('# op here')}" in told


def test_words_of_the_compiler_become_an_operator_and_a_line() -> None:
    places = {"aten.relu": 'File "a.py", line 3, in f', "aten.mm": 'File "a.py", line 4, in f'}
    said = ["error: m.mlir:1:2: failed to legalize operation 'torch.aten.mm': %0 = ..."]
    named = blame("net", places, said)
    assert (named.operator, named.place) == ("aten.mm", 'File "a.py", line 4, in f')
    by_line = blame("net", places, ["error: a.py:3:0: 'arith.ori' op requires ..."])
    assert by_line.operator == "aten.relu"
    anything = blame("net", places, ["error: the compiler process ended"])
    assert "one of aten.relu, aten.mm" in str(anything)
    for error in (named, by_line, anything):
        assert "%0" not in str(error)
        assert error.diagnostics


def test_passes_that_fail_are_an_error_with_diagnostics() -> None:
    with pytest.raises(CompileError) as caught:
        run_passes("broken", b"module { func.func @f() -> i32 }}", "canonicalize")
    assert caught.value.diagnostics
    assert "util.func" not in run_passes("empty", b"module {}", "canonicalize")
