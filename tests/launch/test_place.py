"""Is one torch device told from another, without starting its runtime?"""

from __future__ import annotations

import pytest
import torch

from ir_runtime.errors import MixedDeviceError
from ir_runtime.launch.operand.tensor_device import places_of, refuse_tensors_elsewhere, settled

CPU, META = torch.device("cpu"), torch.device("meta")


@pytest.mark.parametrize(
    ("place", "same"),
    [
        ("cuda", "cuda:0"),
        ("cuda:0", "cuda:0"),
        ("cuda:1", "cuda:1"),
        ("xpu", "xpu:0"),
        ("cpu", "cpu"),
        ("cpu:0", "cpu"),
        ("meta", "meta"),
    ],
)
def test_device_without_a_number_is_the_current_one(place: str, same: str) -> None:
    """The seed took `cuda` and `cuda:0` for multiple devices (launch.py:221)."""
    assert settled(torch.device(place)) == torch.device(same)


def test_other_number_is_another_device() -> None:
    assert settled(torch.device("cuda")) != settled(torch.device("cuda:1"))


def test_current_device_is_asked_of_a_started_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    assert settled(torch.device("cuda")) == torch.device("cuda:3")


def test_comparison_starts_no_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: pytest.fail("CUDA was started"))
    assert settled(torch.device("cuda")).index == 0


def test_places_are_those_of_the_tensors() -> None:
    values = (torch.ones(2), 3, torch.ones(2, device="meta"), "x")
    assert places_of(values) == {CPU, META}


def test_one_number_on_the_cpu_meets_tensors_of_any_device() -> None:
    assert places_of((torch.ones(2, device="meta"), torch.tensor(1.0))) == {META}


def test_numbers_alone_are_where_they_are() -> None:
    assert places_of((torch.tensor(1.0),)) == {CPU}


def test_no_tensor_has_no_place() -> None:
    assert places_of((1, None)) == set()


@pytest.mark.parametrize(
    "values",
    [(), (3,), (torch.ones(2, device="meta"),), (torch.tensor(1.0),)],
    ids=["none", "number", "there", "0-d on the CPU"],
)
def test_call_whose_tensors_are_there_passes(values: tuple[object, ...]) -> None:
    refuse_tensors_elsewhere("softcap", values, META)


@pytest.mark.parametrize("place", ["meta", "cuda:1"])
def test_call_whose_tensors_are_elsewhere_is_refused(place: str) -> None:
    with pytest.raises(MixedDeviceError) as caught:
        refuse_tensors_elsewhere("softcap", (torch.ones(2),), torch.device(place))
    assert str(caught.value) == f"softcap: tensors on cpu, must be on {place}"
