"""What does a `Call` see to that no dispatcher stands before?"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.overrides import BaseTorchFunctionMode

from ir_runtime.launch.direct.native._launcher import Call
from tests.launch.native.calls import Calls, pair


def guarded(*peers: Call, autocast: dict[str, torch.dtype] | None = None) -> Calls:
    return Calls(autocast={} if autocast is None else autocast, peers=peers)


def ready(**options: Any) -> Calls:
    calls = guarded(**options)
    assert calls.remember(*pair())
    return calls


def test_a_plain_call_runs_its_plan() -> None:
    calls, (x, y) = ready(), pair()
    assert torch.equal(calls.call(x, y), x + y)
    assert (calls.call.hits, calls.passed) == (1, [])


def test_a_gradient_is_refused_only_where_it_is_recorded() -> None:
    calls, (x, y) = ready(), pair()
    assert calls.refusal(x.requires_grad_(), y) == "requires grad"
    with torch.no_grad():
        assert torch.equal(calls.call(x, y), x + y)


def test_what_the_dispatcher_would_see_is_refused() -> None:
    calls, (x, y) = ready(), pair()
    assert calls.refusal(torch._neg_view(x), y) == "neg"
    with BaseTorchFunctionMode():
        assert calls.refusal(x, y) == "active mode"
    with torch.autograd.forward_ad.dual_level():
        assert calls.refusal(x, y) == "forward-mode gradients"
    with torch.autocast("cpu"):
        assert torch.equal(calls.call(x, y), x + y)


def test_autocast_is_refused_while_the_dictionary_has_an_entry() -> None:
    dtypes: dict[str, torch.dtype] = {}
    calls, (x, y) = ready(autocast=dtypes), pair()
    dtypes["cpu"] = torch.bfloat16
    assert torch.equal(calls.call(x, y), x + y)
    with torch.autocast("cpu"):
        assert calls.refusal(x, y) == "autocast"


def test_what_a_peer_remembers_is_remembered_from_the_first_call_on() -> None:
    (peer, other), (x, y) = (Calls(), Calls()), pair()
    calls = guarded(other.call, peer.call)
    assert calls.refusal(x, y) == "unknown arguments"
    peer.remember(x, y)
    assert torch.equal(calls.call(x, y), x + y)
    peer.call.clear()
    assert torch.equal(calls.call(x, y), x + y)
    calls.call.clear()
    assert calls.refusal(x, y) == "unknown arguments"


def test_a_peer_must_have_the_same_parameters() -> None:
    for peer in (Calls(("x",)).call, "peer"):
        with pytest.raises(ValueError, match="must be a Call of the same parameters"):
            Calls(peers=(peer,))


def test_a_guarded_call_has_no_key_set() -> None:
    with pytest.raises(ValueError, match="has no key set"):
        Calls(autocast={}, takes_keyset=True)


def choosing(**options: Any) -> tuple[Calls, list[tuple[Any, ...]]]:
    """Return a call that sends 4x8 to a function, and what that function got."""
    calls, got = guarded(**options), []

    def instead(*args: Any) -> str:
        got.append(args)
        return "instead"

    assert calls.call.redirect(pair(), instead)
    return calls, got


def test_a_call_may_be_sent_to_a_function() -> None:
    calls, got = choosing()
    (x, y), longer = pair(), torch.randn(5, 8)
    assert calls.call(x, y) == "instead"
    assert got == [(x, y)]
    assert calls.refusal(longer, longer) == "shape"
    assert calls.remember(longer, longer, plan=None) is not None
    for _ in range(2):  # whichever of the two came last
        assert calls.call(x, y) == calls.call(y, x) == "instead"
        assert calls.call(longer, longer) is not None
    assert calls.call.hits >= 5
    calls.call.clear()
    assert calls.refusal(x, y) == "unknown arguments"


def test_an_error_of_the_function_is_the_callers() -> None:
    calls = guarded()
    assert calls.call.redirect(pair(), lambda *_: {}["missing"])
    calls.call.asks_again = 8
    for _ in range(2):
        with pytest.raises(KeyError, match="missing"):
            calls.call(*pair())
    assert calls.passed == []


def test_a_choice_is_asked_for_again_after_so_many_calls() -> None:
    calls, _ = choosing()
    calls.call.asks_again = 3
    answers = [calls.call(*pair()) for _ in range(6)]
    assert answers == ["instead", "instead", "slow"] * 2


def test_a_choice_holds_for_a_number_of_threads() -> None:
    calls, _ = choosing()
    before = torch.get_num_threads()
    calls.call.threads = before
    try:
        assert calls.call(*pair()) == "instead"
        torch.set_num_threads(before + 1)
        assert calls.refusal(*pair()) == "unknown arguments"
    finally:
        torch.set_num_threads(before)
    assert calls.call(*pair()) == "instead"


def test_only_functions_take_calls_over() -> None:
    with pytest.raises(ValueError, match="must be to a function"):
        guarded().call.redirect(pair(), 1)  # pyright: ignore[reportArgumentType]
