"""Parameters from elsewhere are those of the export, or refused before one is read."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime import aot
from ir_runtime.aot.parameter_file import open_parameter_file
from ir_runtime.errors import ArgumentError, LinkError

safetensors = pytest.importorskip("safetensors.torch")

X = torch.randn(2, 4)
Files = dict[str, Path]


class Net(torch.nn.Module):
    """Has a shared weight, a buffer in the state dict, and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.first, self.second = torch.nn.Linear(4, 3), torch.nn.Linear(4, 3)
        self.second.weight = self.first.weight
        self.register_buffer("mask", torch.tensor([True, False, True]))
        self.register_buffer("inv_freq", torch.randn(3), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(self.mask, self.first(x), self.second(x)) + self.inv_freq


NET = Net()
WANTED = NET(X).detach()


def gguf_bytes(tensors: dict[str, Tensor]) -> bytes:
    """Write f32 tensors in GGUF, with one entry of text and one of a list beside them."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 2)
    head += text("general.name") + struct.pack("<I", 8) + text("net")
    head += text("a.list") + struct.pack("<IIQ", 9, 4, 2) + struct.pack("<II", 1, 2)
    data = b""
    for key, tensor in tensors.items():
        shape = [*tensor.shape][::-1]
        head += text(key) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        head += struct.pack("<IQ", 0, len(data))
        payload = tensor.detach().contiguous().numpy().tobytes()
        data += payload + bytes(-len(payload) % 32)
    return head + bytes(-len(head) % 32) + data


@pytest.fixture(scope="module")
def program() -> aot.Program:
    return aot.export(NET, (X,), parameters="external", name="net")


@pytest.fixture(scope="module")
def plain() -> aot.Program:
    torch.manual_seed(4)
    return aot.export(torch.nn.Linear(4, 3), (X,), parameters="external", name="linear")


@pytest.fixture
def files(program: aot.Program, plain: aot.Program, tmp_path: Path) -> Files:
    """Write each format once; safetensors keeps the shared weight under its second name."""
    made = {kind: tmp_path / f"net.{kind}" for kind in ("irpa", "safetensors", "gguf")}
    program.save_parameters(made["irpa"])
    state = {k: v.detach().clone() for k, v in NET.state_dict().items() if k != "first.weight"}
    safetensors.save_file(state, made["safetensors"])
    made["gguf"].write_bytes(gguf_bytes(plain.parameters.tensors))
    return made


def test_each_source_gives_the_same_results(program: aot.Program, files: Files) -> None:
    assert "inv_freq" not in program.parameters.tensors
    for source in ((), NET.state_dict(), files["irpa"], files["safetensors"]):
        torch.testing.assert_close(program.launchable(parameters=source)(X), WANTED)


def test_parameters_come_from_gguf(plain: aot.Program, files: Files) -> None:
    torch.testing.assert_close(plain.launchable(parameters=files["gguf"])(X), plain(X))


def _refused(program: aot.Program, source: Any) -> str:
    with pytest.raises(ArgumentError) as caught:
        program.launchable(parameters=source)
    return str(caught.value)


CHANGES: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "dtype of the same size": (lambda w: w.view(torch.int32), "i32[3, 4]"),
    "narrower dtype": (lambda w: w.half(), "f16[3, 4]"),
    "shape of the same size": (lambda w: w.reshape(4, 3), "f32[4, 3]"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_dtype_or_shape_is_refused(change: str, plain: aot.Program, tmp_path: Path) -> None:
    function, found = CHANGES[change]
    state = {k: v.detach() for k, v in plain.parameters.tensors.items()}
    state["weight"] = function(state["weight"]).clone()
    path = tmp_path / "other.safetensors"
    safetensors.save_file(state, path)
    message = f"linear: parameter `weight` is {found}, must be f32[3, 4] as in the export"
    assert _refused(plain, path) == f"{message}\n    in {path}"
    assert _refused(plain, state) == f"{message}\n    in the dict"
    if found == "f32[4, 3]":
        (tmp_path / "other.gguf").write_bytes(gguf_bytes(state))
        assert message in _refused(plain, tmp_path / "other.gguf")


def test_an_archive_keeps_dtypes_and_shapes(plain: aot.Program, tmp_path: Path) -> None:
    path = tmp_path / "turned.irpa"
    turned = aot.export(torch.nn.Linear(3, 4), (torch.ones(1, 3),), parameters="external")
    turned.save_parameters(path)
    assert "`weight` is f32[4, 3], must be f32[3, 4]" in _refused(plain, path)


def test_a_missing_parameter_is_refused(plain: aot.Program, tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    safetensors.save_file({"weight": torch.ones(3, 4)}, path)
    assert _refused(plain, path) == (
        f"linear: parameter `bias` is missing, must be f32[3] as in the export\n    in {path}"
    )


def test_a_module_that_was_changed_since_is_refused(tmp_path: Path) -> None:
    module = torch.nn.Linear(4, 3)
    program = aot.export(module, (X,), parameters="external", name="linear")
    module.half()
    message = "linear: parameter `weight` is f16[3, 4], must be f32[3, 4] as in the export"
    for call in (program.launchable, lambda: program(X)):
        with pytest.raises(ArgumentError) as caught:
            call()
        assert str(caught.value) == f"{message}\n    in the exported module"
    with pytest.raises(ArgumentError):
        program.save_parameters(tmp_path / "half.irpa")


def test_a_file_of_another_format_is_refused(program: aot.Program, tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save(NET.state_dict(), path)
    assert _refused(program, path) == (
        f"net: {path} is no complete file of parameters, must be an archive of IREE (.irpa), "
        "safetensors or GGUF\n"
        "    its first bytes are of no known format: IREE's archive, safetensors or GGUF\n"
        "  fix: write tensors of another format with safetensors.torch.save_file, or pass them in "
        "a dict: launchable(parameters=torch.load(path))"
    )


@pytest.mark.parametrize("kind", ["irpa", "safetensors", "gguf"])
def test_a_file_cut_anywhere_or_changed_is_refused_or_whole(kind: str, files: Files) -> None:
    """No byte of a header ends the process; a file that lacks a parameter's bytes is refused."""
    whole, path = files[kind].read_bytes(), files[kind].with_suffix(".cut")
    keys = set(open_parameter_file("net", files[kind]))
    header = whole[:512]
    cuts = [whole[:n] for n in range(0, len(whole), max(1, len(whole) // 60))]
    changed = [
        whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :]
        for at in range(0, min(len(header), len(whole)), 5)
        for flip in (1, 0x80)
    ]
    refused = 0
    for content in (*cuts, *changed):
        path.write_bytes(content)
        try:
            found = open_parameter_file("net", path)
        except ArgumentError as error:
            refused += str(path) in str(error)
            continue
        for stored in found.values():
            in_file = stored.entry.is_file
            assert not in_file or stored.entry.file_storage[1] + stored.length <= len(content)
        assert len(content) == len(whole) or set(found) == keys
    assert refused > 0


@pytest.mark.parametrize("kind", ["irpa", "safetensors"])
def test_a_file_cut_after_it_was_opened_is_an_error(
    kind: str, program: aot.Program, files: Files
) -> None:
    run = program.launchable(parameters=files[kind])
    os.truncate(files[kind], 100)
    with pytest.raises(LinkError) as caught:
        run(X)
    assert caught.value.fix == "give the whole file: it was cut after it was opened"


def test_a_file_cut_after_the_first_call_changes_nothing(
    program: aot.Program, files: Files
) -> None:
    run = program.launchable(parameters=files["safetensors"])
    run(X)
    os.truncate(files["safetensors"], 100)
    torch.testing.assert_close(run(X), WANTED)
