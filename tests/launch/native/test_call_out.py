"""When does a call write its results into given tensors?"""

from __future__ import annotations

import torch

from tests.launch.native.calls import Calls, pair
from tests.launch.native.libraries import Function, one_step


def _out_calls() -> Calls:
    calls = Calls(("x", "y", "staged"), positional=2, defaults={"staged": False}, outs=("out",))
    assert calls.remember(*pair(), False)
    return calls


def test_an_out_tensor_is_written_and_returned() -> None:
    calls, (x, y), out = _out_calls(), pair(), torch.zeros(4, 8)
    version = out._version
    assert calls.call(x, y, out=out) is out
    assert torch.equal(out, x + y)
    assert out._version == version + 1


def test_an_out_tensor_is_looked_at_like_an_operand() -> None:
    calls, (x, y) = _out_calls(), pair()
    assert calls.refusal(x, y, out=torch.zeros(8, 4)) == "shape"
    assert calls.refusal(x, y, out=torch.zeros(4, 8, dtype=torch.int32)) == "dtype"
    assert calls.refusal(x, y, out=torch.zeros(8, 4).T) == "strides"
    assert calls.refusal(x, y, out=torch.zeros(33)[1:].view(4, 8)) == "alignment"
    assert calls.refusal(x, y, out=None) == "kind of argument"
    assert calls.refusal(x, y) == "number of arguments"
    assert calls.refusal(x, y, staged=True, out=torch.zeros(4, 8)) == "value"


def test_an_out_tensor_shares_no_memory_with_an_argument() -> None:
    calls, memory = _out_calls(), torch.zeros(64)
    x, y = torch.zeros(4, 8), memory[:32].view(4, 8)
    assert calls.refusal(x, y, out=y) == "overlap"
    assert calls.refusal(x, y, out=memory[16:48].view(4, 8)) == "overlap"
    assert torch.equal(calls.call(x, y, out=memory[32:].view(4, 8)), x + y)


def test_several_out_tensors_share_no_memory() -> None:
    body = "*(int *)s->bindings[0] = 1; *(int *)s->bindings[1] = 2;"
    plan = one_step(Function("two", body, bindings=2), (1, 1, 1), 4, 4, results=2)
    calls = Calls((), outs=("out0", "out1"))
    assert calls.call.remember((), plan, (), [((), torch.int32)] * 2)
    one, two = torch.zeros((), dtype=torch.int32), torch.zeros((), dtype=torch.int32)
    outs = calls.call(out1=two, out0=one)
    assert outs[0] is one
    assert outs[1] is two
    assert (one.item(), two.item()) == (1, 2)
    assert calls.refusal(out0=one, out1=one) == "overlap"


def test_an_answer_of_the_op_is_copied_to_out() -> None:
    calls = Calls(outs=("out",), eager=lambda x, y: x - y)
    x, y = pair()
    calls.remember(x, y)
    out = torch.zeros(4, 8)
    assert calls.call(x, y, out=out) is out
    assert torch.equal(out, x - y)
