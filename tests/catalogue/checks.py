"""What the tests of all ops of the catalogue without a hand-written kernel check."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError
from ir_runtime.ir import IrOp

__all__ = [
    "assert_predicted_layout",
    "assert_refused_everywhere",
    "computed_by_iree",
    "run_example",
    "tensors_of",
]


def tensors_of(results: Any) -> tuple[Tensor, ...]:
    """Return the results of an op as a tuple."""
    return results if isinstance(results, tuple) else (results,)


def computed_by_iree(op: IrOp, form: str, *arguments: Any) -> Any:
    """Compute by the provider `iree`, whose kernel must be of a form."""
    with op.set_priority(["iree", "native"]):
        verdict = op.explain(*arguments).verdicts[0]
        assert (verdict.provider, verdict.outcome) == ("iree", "chosen"), verdict
        assert verdict.reason.startswith(form), verdict
        return op(*arguments)


def assert_predicted_layout(op: IrOp) -> None:
    """Give native strided arguments: its results are contiguous, as the meta function says."""
    arguments = op.generate_inputs(num_tokens=6, hidden_size=256)
    strided = [a.mT.contiguous().mT if _is_matrix(a) else a for a in arguments]
    with op.set_priority(["native"]):
        actual = op(*strided)
    predicted = op(*(a.to("meta") if isinstance(a, Tensor) else a for a in strided))
    for found, meta in zip(tensors_of(actual), tensors_of(predicted), strict=True):
        assert found.is_contiguous()
        facts = [(t.shape, t.dtype, t.stride()) for t in (found, meta)]
        assert facts[0] == facts[1]


def _is_matrix(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim >= 2


def assert_refused_everywhere(op: IrOp, arguments: tuple[Any, ...], message: str) -> None:
    """Call an op in eager mode, through torch and on meta tensors: all refuse with one message."""
    on_meta = [a.to("meta") if isinstance(a, Tensor) else a for a in arguments]
    for call in (lambda: op(*arguments), lambda: op.packet(*arguments), lambda: op(*on_meta)):
        with pytest.raises(ArgumentError) as caught:
            call()
        assert str(caught.value) == f"{op.name}: {message}"


def run_example(function: Callable[..., Any], name: str, called: Any) -> None:
    """Run the example of a docstring.

    Args:
        function: has the docstring.
        name: by which the example calls it.
        called: what the name stands for.
    """
    module = importlib.import_module(function.__module__)
    namespace = vars(module) | {name: called, "torch": torch}
    (example,) = doctest.DocTestFinder(recurse=False).find(function, name, module, globs=namespace)
    assert example.examples
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert runner.run(example).failed == 0
