"""Do programs find their parameters, in every kind of archive, and say what they miss?"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.errors import IrRuntimeError, LaunchError, LinkError
from ir_runtime.launch import Launchable

jit = Launchable.jit_compile
X = torch.arange(4.0)
WEIGHT, BIAS = np.float32([2.0, 3.0, 4.0, 5.0]), np.float32([1.0, -1.0, 0.5, 0.0])
EXPECTED = X * torch.from_numpy(WEIGHT) + torch.from_numpy(BIAS)


def linear(weight: str = "model", bias: str = "model") -> str:
    """A program with two parameters, each in the scope given."""
    return f"""
util.global private @w = #flow.parameter.named<"{weight}"::"weight"> : tensor<4xf32>
util.global private @b = #flow.parameter.named<"{bias}"::"bias"> : tensor<4xf32>
func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> {{
  %w = util.global.load @w : tensor<4xf32>
  %b = util.global.load @b : tensor<4xf32>
  %0 = arith.mulf %a, %w : tensor<4xf32>
  %1 = arith.addf %0, %b : tensor<4xf32>
  return %1 : tensor<4xf32>
}}"""


def index_of(**parameters: np.ndarray) -> Any:
    from iree.runtime import ParameterIndex, parameter_index_add_numpy_ndarray

    index = ParameterIndex()
    for key, value in parameters.items():
        parameter_index_add_numpy_ndarray(index, key, value)
    return index


def write_gguf(path: Path, parameters: Mapping[str, np.ndarray]) -> None:
    """Write f32 vectors as a GGUF file, version 3, as its specification has it."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    header = b"GGUF" + struct.pack("<IQQ", 3, len(parameters), 1)
    header += text("general.alignment") + struct.pack("<II", 4, 64)
    data = b""
    for key, value in parameters.items():
        header += text(key) + struct.pack("<IQIQ", 1, value.size, 0, len(data))
        data += value.tobytes().ljust(64, b"\0")
    path.write_bytes(header + b"\0" * (-len(header) % 64) + data)


def write_archive(path: Path, parameters: Mapping[str, np.ndarray]) -> None:
    if path.suffix == ".irpa":
        from iree.runtime import save_archive_file

        save_archive_file(dict(parameters), path)
    elif path.suffix == ".safetensors":
        from safetensors.numpy import save_file

        save_file(dict(parameters), path)
    else:
        write_gguf(path, parameters)


@pytest.mark.parametrize("suffix", ["irpa", "safetensors", "gguf"])
@pytest.mark.parametrize(
    "how", [{}, {"mmap": False}, {"mode": "file_async"}], ids=["mapped", "read", "streamed"]
)
def test_parameters_come_from_a_file(tmp_path: Path, suffix: str, how: dict[str, Any]) -> None:
    """L10."""
    from iree.runtime import ParameterIndex

    path = tmp_path / f"model.{suffix}"
    write_archive(path, {"weight": WEIGHT, "bias": BIAS})
    index = ParameterIndex()
    index.load(str(path), **how)
    program = jit(linear(), parameter_providers=[index.create_provider(scope="model")])
    with count_since() as counted:
        assert torch.equal(program(X), EXPECTED)
    assert counted[0].launches == 1


def test_parameters_come_from_memory() -> None:
    """L10."""
    provider = index_of(weight=WEIGHT, bias=BIAS).create_provider(scope="model")
    assert torch.equal(jit(linear(), parameter_providers=[provider])(X), EXPECTED)


def test_parameters_come_from_several_scopes_and_providers() -> None:
    """L10."""
    providers = [
        index_of(weight=WEIGHT).create_provider(scope="left"),
        index_of(bias=BIAS, weight=WEIGHT * 9).create_provider(scope="right"),
    ]
    program = jit(linear("left", "right"), parameter_providers=providers)
    assert torch.equal(program(X), EXPECTED)


def test_one_provider_serves_several_programs() -> None:
    provider = index_of(weight=WEIGHT, bias=BIAS).create_provider(scope="model")
    for _ in range(2):
        assert torch.equal(jit(linear(), parameter_providers=[provider])(X), EXPECTED)


@pytest.mark.parametrize("in_file", [True, False])
def test_splat_is_a_parameter(tmp_path: Path, in_file: bool) -> None:
    """L10."""
    from iree.runtime import ParameterIndex, SplatValue, save_archive_file

    splat = SplatValue(np.float32(3.0), 4)
    index = ParameterIndex()
    if in_file:
        save_archive_file({"weight": splat, "bias": BIAS}, tmp_path / "p.irpa")
        index.load(str(tmp_path / "p.irpa"))
    else:
        index = index_of(bias=BIAS)
        index.add_splat("weight", splat.pattern, splat.total_length)
    program = jit(linear(), parameter_providers=[index.create_provider(scope="model")])
    assert torch.equal(program(X), X * 3.0 + torch.from_numpy(BIAS))


def test_each_thread_and_device_finds_the_parameters() -> None:
    """L6, L10: a thread has a context of its own, which loads them."""
    provider = index_of(weight=WEIGHT, bias=BIAS).create_provider(scope="model")
    program = jit(linear(), parameter_providers=[provider])
    results: list[torch.Tensor] = []

    def work() -> None:
        results.extend(program(X, device=Device(uri)) for uri in ("local-sync", "local-task"))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 6
    assert all(torch.equal(result, EXPECTED) for result in results)


def stored(source: str, root: Path, **more: Any) -> Launchable:
    provider = index_of(weight=WEIGHT, bias=BIAS).create_provider(scope="model")
    jit(source, file_cache_dir=root, parameter_providers=[provider]).preload("cpu")
    return Launchable.from_file_cache_only(root, **more)


def loaded(source: str, root: Path, **more: Any) -> Launchable:
    from iree.runtime import VmModule

    from ir_runtime.launch.compile.compiler import compile_program

    def load(device: Device) -> Any:
        vmfb = compile_program("p", source.encode(), device.compile_target_flags).vmfb
        return VmModule.copy_buffer(device.vm_instance, vmfb)

    return Launchable.from_vm_module(load, **more)


MAKERS = [stored, loaded, lambda source, root, **more: jit(source, **more)]


@pytest.mark.parametrize("make", MAKERS, ids=["from_file_cache_only", "from_vm_module", "jit"])
def test_every_way_to_make_a_program_takes_parameters(
    tmp_path: Path, make: Callable[..., Launchable]
) -> None:
    """L10."""
    provider = index_of(weight=WEIGHT, bias=BIAS).create_provider(scope="model")
    assert torch.equal(make(linear(), tmp_path, parameter_providers=[provider])(X), EXPECTED)


@pytest.mark.parametrize("make", MAKERS, ids=["from_file_cache_only", "from_vm_module", "jit"])
def test_program_without_its_parameters_is_refused_at_preload(
    tmp_path: Path, make: Callable[..., Launchable]
) -> None:
    """L10: a ValueError with IREE's words, as in the seed."""
    program = make(linear(), tmp_path)
    with pytest.raises(
        ValueError, match="required module 'io_parameters' not registered"
    ) as caught:
        program.preload(torch.device("cpu"))
    assert isinstance(caught.value, LinkError)
    assert isinstance(caught.value, LaunchError)
    assert isinstance(caught.value, IrRuntimeError)
    assert caught.value.headline == "program: cannot be linked"
    assert str(caught.value).endswith(
        "\n  fix: the program loads parameters: "
        "pass parameter_providers=[index.create_provider(scope=...)]"
    )


@pytest.mark.parametrize(
    ("scope", "parameters", "said", "fix"),
    [
        (
            "other",
            {"weight": WEIGHT, "bias": BIAS},
            "no provider registered that handles scopes like 'model'",
            "pass a provider of that scope: index.create_provider(scope=...)",
        ),
        (
            "model",
            {"weight": WEIGHT},
            "no parameter found in index with key 'bias'",
            "add the parameter to the index, under that key",
        ),
        (
            "model",
            {"weight": WEIGHT, "bias": BIAS[:3]},
            "parameter `bias` range out of bounds (offset=0, length=16, size=12)",
            "store the parameter with the type and shape that the program has",
        ),
    ],
    ids=["scope", "key", "size"],
)
def test_parameter_that_is_missing_or_too_small_is_named(
    scope: str, parameters: dict[str, np.ndarray], said: str, fix: str
) -> None:
    """L10."""
    provider = index_of(**parameters).create_provider(scope=scope)
    with pytest.raises(LinkError) as caught:
        jit(linear(), name="linear", parameter_providers=[provider])(X)
    assert caught.value.headline == "linear: cannot be linked"
    assert said in caught.value.facts[0]
    assert caught.value.fix == fix


def test_failed_link_does_not_stick(tmp_path: Path) -> None:
    index = index_of(weight=WEIGHT)
    program = jit(linear(), parameter_providers=[index.create_provider(scope="model")])
    with pytest.raises(LinkError):
        program(X)
    index.add_buffer("bias", BIAS)
    assert torch.equal(program(X), EXPECTED)
