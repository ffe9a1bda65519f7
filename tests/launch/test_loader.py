"""Does the constructor take a loader as the seed's does, and refuse one that loads nothing?"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.device import Device, get_vm_instance
from ir_runtime.errors import EntryPointError, NoProgramError, UnsupportedTypeError
from ir_runtime.launch import Launchable
from ir_runtime.launch.compile.compiler import BASE_FLAGS, compile_program

X = torch.arange(1.0, 6.0)
KINDS = {
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
}


def module_of(source: str, *flags: str) -> Any:
    from iree.runtime import VmModule

    device_flags = Device("local-sync").compile_target_flags
    vmfb = compile_program("p", source.encode(), (*device_flags, *BASE_FLAGS, *flags)).vmfb
    return VmModule.copy_buffer(get_vm_instance(), vmfb)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (
            Launchable,
            {"loader": "positional", "parameter_providers": "positional", "is_async": "positional"},
        ),
        (
            Launchable.jit_compile,
            {
                "source": "positional",
                "parameter_providers": "keyword",
                "entry_point": "keyword",
                "file_cache_dir": "keyword",
            },
        ),
        (
            Launchable.from_vm_module,
            {
                "vm_module_callback": "positional",
                "parameter_providers": "keyword",
                "entry_point": "keyword",
            },
        ),
        (
            Launchable.from_file_cache_only,
            {
                "file_cache_dir": "positional",
                "parameter_providers": "keyword",
                "entry_point": "keyword",
            },
        ),
    ],
    ids=["Launchable", "jit_compile", "from_vm_module", "from_file_cache_only"],
)
def test_signature_begins_as_the_seeds(
    function: Callable[..., Any], expected: dict[str, str]
) -> None:
    """L1 to L4; what we add takes keywords only and has a default."""
    parameters = list(inspect.signature(function).parameters.values())
    assert {p.name: KINDS[p.kind] for p in parameters[: len(expected)]} == expected
    for extra in parameters[len(expected) :]:
        assert (KINDS[extra.kind], extra.default is extra.empty) == ("keyword", False)


def test_program_of_a_loader_runs(doubling: Callable[..., str]) -> None:
    """L1."""
    asked: list[Device] = []

    def load(device: Device) -> tuple[str, Any]:
        asked.append(device)
        return "main", module_of(doubling())

    program = Launchable(load)
    for _ in range(2):
        assert torch.equal(program(X), X + X)
    assert [device.driver_id for device in asked] == ["local-sync"]


@pytest.mark.parametrize("is_async", [True, False])
def test_program_that_says_how_it_is_called_is_believed(
    doubling: Callable[..., str], is_async: bool
) -> None:
    module = module_of(doubling(), "--iree-execution-model=async-external")
    program = Launchable(lambda device: ("main", module), (), is_async)
    assert torch.equal(program(X), X + X)


TORCH = """
func.func @main(%a: !torch.vtensor<[5],f32>) -> !torch.vtensor<[5],f32> {
  %0 = torch.aten.relu %a : !torch.vtensor<[5],f32> -> !torch.vtensor<[5],f32>
  return %0 : !torch.vtensor<[5],f32>
}"""


@pytest.mark.parametrize("entry", ["main", "main$async"])
def test_functions_of_a_torch_program_say_nothing_and_run(entry: str) -> None:
    module = module_of(TORCH)
    assert torch.equal(Launchable(lambda device: (entry, module))(X - 3), (X - 3).relu())


def test_missing_loader_is_refused_when_the_program_is_needed() -> None:
    """L1."""
    program = Launchable(None, name="softcap")
    for use in (lambda: program(X), lambda: program.preload(torch.device("cpu"))):
        with pytest.raises(NotImplementedError) as caught:
            use()
        assert type(caught.value) is NoProgramError
        assert str(caught.value) == "softcap: has no loader, must have one to run"


def test_loader_that_returns_none_is_refused_by_device() -> None:
    """L1."""
    with pytest.raises(NotImplementedError) as caught:
        Launchable(lambda device: None, name="softcap")(X)
    device = Device("local-sync")
    assert str(caught.value) == (
        f"softcap: its loader returned None for {device!r}, must return a program\n"
        f"    device type {device.type_cache_key}"
    )


@pytest.mark.parametrize("loaded", ["main", ("main",), ("main", None), (None, "main")])
def test_loader_that_returns_something_else_is_refused(loaded: Any) -> None:
    with pytest.raises(UnsupportedTypeError) as caught:
        Launchable(lambda device: loaded, name="softcap").preload("cpu")
    assert str(caught.value) == (
        f"softcap: its loader returned {loaded!r}, must return (entry point, VmModule)"
    )


def test_callback_that_returns_none_is_refused() -> None:
    """L3."""
    program: Any = Launchable.from_vm_module(lambda device: None)  # pyright: ignore[reportArgumentType]
    with pytest.raises(NotImplementedError, match="its loader returned None"):
        program.preload("cpu")


def test_loader_that_fails_is_asked_again(doubling: Callable[..., str]) -> None:
    tries: list[int] = []

    def load(device: Device) -> tuple[str, Any]:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("no such network")
        return "main", module_of(doubling())

    program = Launchable(load)
    with pytest.raises(OSError, match="no such network"):
        program(X)
    assert torch.equal(program(X), X + X)


def test_entry_point_of_a_loader_is_checked_at_preload(doubling: Callable[..., str]) -> None:
    """The seed keeps the missing function and fails in the call (launch.py:147)."""
    module = module_of(doubling())
    with pytest.raises(EntryPointError) as caught:
        Launchable(lambda device: ("mian", module), name="softcap").preload("cpu")
    assert str(caught.value) == "softcap: no entry point 'mian', must be one of main"


def test_module_is_loaded_once_a_device_type(doubling: Callable[..., str]) -> None:
    """L6: both local drivers are of one type."""
    with count_since() as counted:
        program = Launchable.jit_compile(doubling(), flags=["--iree-opt-level=O1"])
        for uri in ("local-sync", "local-task"):
            assert torch.equal(program(X, device=Device(uri)), X + X)
    assert counted[0].compiles + counted[0].store_hits == 1
    assert counted[0].launches == 2
