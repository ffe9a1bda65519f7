"""Do weights get into a program, as its constants or from outside?"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError
from ir_runtime.settings import override_settings
from tests.op_reg import ops

X = torch.randn(3, 4)


class Net(torch.nn.Module):
    """Has a parameter of each rank, a shared one, buffers of other dtypes, a plain tensor."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.linear = torch.nn.Linear(4, 8)
        self.tied = torch.nn.Linear(4, 8)
        self.tied.weight = self.linear.weight
        self.scalar = torch.nn.Parameter(torch.tensor(0.5))
        self.narrow = torch.nn.Parameter(torch.randn(8).bfloat16())
        self.register_buffer("mask", torch.arange(8) % 2 == 0)
        self.register_buffer("index", torch.tensor([7, 1, 0, 3, 2, 5, 6, 4]))
        self.register_buffer("offset", torch.randn(8), persistent=False)
        self.plain = torch.randn(8)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.where(self.mask, self.linear(x), self.tied(x)) * self.scalar
        y = y[:, self.index] + self.offset + self.plain + self.narrow.float()
        return ops.scale(y, 2.0)


NET = Net()
EXTERNAL = {
    "linear.weight", "linear.bias", "tied.bias", "scalar", "narrow", "mask", "index"
}  # fmt: skip


def assert_is_net(got: Tensor, x: Tensor) -> None:
    torch.testing.assert_close(got, NET(x).detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("parameters", ["inline", "external"])
def test_a_module_runs_as_it_does_eagerly(parameters: str) -> None:
    program = aot.export(NET, (X,), dynamic_shapes=({0: Dim.AUTO},), parameters=parameters)
    for rows in (3, 1, 17):
        x = torch.randn(rows, 4)
        assert_is_net(program(x), x)
        assert program.explain(x).executor == "direct"
        launched = program.launchable()(x)
        assert_is_net(launched, x)
        with override_settings(launch="vm"):
            assert torch.equal(program(x), launched)


def test_external_parameters_are_named_as_in_the_state_dict() -> None:
    program = aot.export(NET, (X,), parameters="external", parameter_scope="net")
    assert set(program.parameters.tensors) == EXTERNAL
    text = program.mlir()
    assert '#flow.parameter.named<"net"::"linear.bias"> : tensor<8xf32>' in text
    assert '"net"::"narrow"> : tensor<8xbf16>' in text


def test_inline_parameters_are_in_the_text() -> None:
    program = aot.export(NET, (X,))
    assert program.parameters.tensors == {}
    assert "parameter.named" not in program.mlir()


def test_the_binary_of_external_parameters_does_not_hold_them() -> None:
    big = torch.nn.Linear(256, 256)
    sizes = [
        len(aot.export(big, (torch.ones(1, 256),), parameters=how).compile("local-sync"))
        for how in ("inline", "external")
    ]
    assert sizes[0] > 256 * 256 * 4 > sizes[1]


def test_parameters_saved_in_an_archive_are_loaded(tmp_path: Path) -> None:
    program = aot.export(NET, (X,), parameters="external")
    path = tmp_path / "net.irpa"
    program.save_parameters(path)
    assert_is_net(program.launchable(parameters=path)(X), X)


def test_parameters_are_loaded_from_safetensors(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    program = aot.export(NET, (X,), parameters="external")
    first, second = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    tensors = {k: v.detach().clone() for k, v in program.parameters.tensors.items()}
    safetensors.save_file({k: v for k, v in tensors.items() if "linear" in k}, first)
    safetensors.save_file({k: v for k, v in tensors.items() if "linear" not in k}, second)
    assert_is_net(program.launchable(parameters=[first, second])(X), X)


def test_other_weights_run_in_the_same_binary(tmp_path: Path) -> None:
    program = aot.export(torch.nn.Linear(4, 2), (X,), parameters="external", name="linear")
    program(X)
    other = torch.nn.Linear(4, 2)
    path = tmp_path / "other.irpa"
    aot.export(other, (X,), parameters="external").save_parameters(path)
    with count_since() as counts:
        got = program.launchable(parameters=path)(X)
    torch.testing.assert_close(got, other(X).detach())
    assert (counts[0].compiles, counts[0].store_hits) == (0, 1)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    program = aot.export(torch.nn.Linear(4, 2), (X,), parameters="external", name="linear")
    path = tmp_path / "no.irpa"
    with pytest.raises(ArgumentError) as caught:
        program.launchable(parameters=path)
    assert str(caught.value) == f"linear: no file {path}, must be one of parameters"


def test_files_for_inline_parameters_are_refused(tmp_path: Path) -> None:
    program = aot.export(torch.nn.Linear(4, 2), (X,), name="linear")
    with pytest.raises(ArgumentError) as caught:
        program.launchable(parameters=tmp_path / "any.irpa")
    assert str(caught.value) == (
        "linear: its parameters are inline, must be exported with parameters='external' to be "
        "loaded from elsewhere"
    )
