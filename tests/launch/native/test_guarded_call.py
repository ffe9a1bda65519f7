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
