"""Hostile calls in a process of their own: `python -m tests.hostile.batch SEED COUNT`.

Writes a line of JSON when a call begins and one when it has ended, so that a crash has a name.
"""

from __future__ import annotations

import json
import random
import re
import sys
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import IrRuntimeError, UnsupportedOperatorError
from tests.hostile.fault import Fault, applicable
from tests.hostile.subject import SUBJECTS, Subject

__all__ = ["run_batch"]

_RAW = re.compile(r"loc\(|\bmlir\b|%\w+ = |#iree|iree/|\.mlir|\bhal\.|\bvm\.|linalg\.|torch\.aten")
_SIZES = (0, 1, 2, 7, 33)


def run_batch(seed: int, count: int) -> None:
    """Make `count` calls, and print what became of each."""
    rng = random.Random(seed)
    for number in range(count):
        subject = rng.choice(SUBJECTS)
        dtype = rng.choice(subject.dtypes)
        generator = torch.Generator().manual_seed(rng.randrange(1 << 30))
        arguments = subject.draw(generator, dtype, rng.choice(_SIZES))
        fault, place, value = applicable(rng, subject, arguments, legal=number % 2 == 0)
        arguments[place] = value
        about = {
            "call": number,
            "subject": subject.name,
            "argument": subject.names[place],
            "fault": fault.name,
            "shown": _shown(arguments),
        }
        print(json.dumps(about), flush=True)
        verdict, said = _judge(subject, fault, arguments)
        print(json.dumps({"call": number, "verdict": verdict, "said": said}), flush=True)
        _check_the_heap()


def _judge(subject: Subject, fault: Fault, arguments: list[Any]) -> tuple[str, str]:
    """Return `right`, `refused`, or what is wrong, and details."""
    expected: Any = None
    failure: Exception | None = None
    if not fault.has_no_reference:
        try:
            expected = subject.reference(*map(_copied, arguments))
        except Exception as error:
            failure = error
    try:
        found = subject.call(*arguments)
    except Exception as error:
        return _judge_refusal(subject, fault, error, torch_refused=failure is not None)
    results = found if isinstance(found, list | tuple) else [found]
    nothing = not any(isinstance(r, Tensor) and r.numel() for r in results)
    if fault.lies_in_memory and nothing:
        return "right", "nothing is computed"
    if fault.has_no_reference or fault.raises_index_error:
        return "accepted", "it must be refused"
    if failure is not None:
        if nothing:
            return "right", "nothing is computed"
        return "accepted", f"torch refuses it: {failure}"[:300]
    problem = _difference(found, expected)
    return ("right", "") if problem is None else ("wrong", problem)


def _judge_refusal(
    subject: Subject, fault: Fault, error: Exception, *, torch_refused: bool
) -> tuple[str, str]:
    text = f"{type(error).__name__}: {error}"
    if _RAW.search(text):
        return "raw", text[:600]
    if not isinstance(error, IrRuntimeError | TypeError | ValueError | RuntimeError | IndexError):
        return "raw", text[:600]
    if fault.raises_index_error and not isinstance(error, IndexError):
        return "not an IndexError", text[:300]
    if isinstance(error, UnsupportedOperatorError):
        return "refused", text[:200]
    if fault.legal and not torch_refused and not subject.may_refuse:
        return "refused, though legal", text[:300]
    return "refused", text[:200]


def _copied(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.detach().clone()


def _difference(found: Any, expected: Any) -> str | None:
    """Say how two results differ; None if they agree within the rounding of their dtype."""
    if isinstance(expected, tuple | list):
        pairs = zip(found, expected, strict=True)
        return next((p for f, e in pairs if (p := _difference(f, e))), None)
    if not isinstance(expected, Tensor):
        return None if found == expected else f"{found} in place of {expected}"
    if found.dtype != expected.dtype:
        return f"{found.dtype} in place of {expected.dtype}"
    try:
        tolerance = 2e-2 if expected.dtype in (torch.bfloat16, torch.float16) else 1e-4
        found = found.detach()
        if expected.is_floating_point() and expected.dtype.itemsize == 1:
            found, expected = found.float(), expected.float()
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
    except AssertionError as error:
        return str(error)[:400]
    return None


def _check_the_heap() -> None:
    """Fail where an earlier call has damaged memory that torch's own functions use."""
    order = torch.randperm(257)
    assert torch.equal(torch.sort(order).values, torch.arange(257)), "the heap is damaged"


def _shown(arguments: list[Any]) -> str:
    return ", ".join(
        f"{str(a.dtype).removeprefix('torch.')}{list(a.shape)}{a.stride()}@{a.device}"
        if isinstance(a, Tensor)
        else repr(a)[:40]
        for a in arguments
    )


if __name__ == "__main__":
    run_batch(int(sys.argv[1]), int(sys.argv[2]))
