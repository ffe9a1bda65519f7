"""Does a program give right results for every dtype, layout and argument, or refuse by name?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import (
    ArgumentError,
    EntryPointError,
    LaunchError,
    MixedDeviceError,
    UnsupportedTorchDeviceError,
)
from ir_runtime.launch import Launchable
from ir_runtime.settings import override_settings

jit = Launchable.jit_compile
X = torch.arange(1.0, 6.0)


@pytest.fixture
def twice(doubling: Callable[..., str]) -> Launchable:
    return jit(doubling())


@pytest.fixture
def static(doubling: Callable[..., str]) -> Launchable:
    return jit(doubling("tensor<4xf32>"))


def identity(kind: str) -> Launchable:
    return jit(f"func.func @main(%a: {kind}) -> {kind} {{ return %a : {kind} }}")


@pytest.mark.parametrize(
    ("dtype", "op"),
    [
        (torch.float64, "arith.addf"),
        (torch.float32, "arith.addf"),
        (torch.float16, "arith.addf"),
        (torch.bfloat16, "arith.addf"),
        (torch.int8, "arith.addi"),
        (torch.int16, "arith.addi"),
        (torch.int32, "arith.addi"),
        (torch.int64, "arith.addi"),
    ],
    ids=str,
)
def test_program_computes_in_its_dtype(
    doubling: Callable[..., str], dtype: torch.dtype, op: str
) -> None:
    x = torch.arange(-3, 30).to(dtype)
    result = jit(doubling(f"tensor<?x{DTYPES[dtype].mlir}>", op))(x)
    assert result.dtype == dtype
    assert torch.equal(result, x + x)


def test_program_computes_on_booleans(doubling: Callable[..., str]) -> None:
    x = torch.tensor([True, False, True])
    result = jit(doubling("tensor<?xi1>", "arith.xori"))(x)
    assert torch.equal(result, torch.zeros(3, dtype=torch.bool))


def test_program_computes_on_complex_numbers() -> None:
    source = """
func.func @main(%a: tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>> {
  %e = tensor.empty() : tensor<4xcomplex<f32>>
  %r = linalg.map ins(%a : tensor<4xcomplex<f32>>) outs(%e : tensor<4xcomplex<f32>>)
    (%x: complex<f32>, %o: complex<f32>) {
      %y = complex.mul %x, %x : complex<f32>
      linalg.yield %y : complex<f32>
    }
  return %r : tensor<4xcomplex<f32>>
}"""
    x = torch.complex(torch.arange(4.0), torch.tensor([1.0, -2.0, 0.0, 3.0]))
    assert torch.equal(jit(source)(x), x * x)


SIGNED_MLIR = {"u8": "ui8", "u16": "ui16", "u32": "ui32", "u64": "ui64"}


def bits_of(dtype: torch.dtype) -> torch.Tensor:
    limit = 2 if dtype is torch.bool else 120
    return (torch.arange(8 * dtype.itemsize) % limit).to(torch.uint8)


def assert_bits(results: Sequence[torch.Tensor], times: int) -> None:
    for dtype, result in zip(DTYPES, results, strict=True):
        assert result.dtype == dtype
        assert torch.equal(result.view(torch.uint8), bits_of(dtype).repeat(times)), dtype


ELEMENTS = [SIGNED_MLIR.get(info.short, info.mlir) for info in DTYPES.values()]


def test_every_dtype_crosses_a_program_bit_by_bit() -> None:
    """One program takes and gives a tensor of each."""
    kinds = [f"tensor<?x{element}>" for element in ELEMENTS]
    names = [f"%a{i}" for i in range(len(kinds))]
    taken = ", ".join(f"{name}: {kind}" for name, kind in zip(names, kinds, strict=True))
    given = ", ".join(kinds)
    source = f"func.func @main({taken}) -> ({given}) {{ return {', '.join(names)} : {given} }}"
    assert_bits(jit(source)(*(bits_of(dtype).view(dtype) for dtype in DTYPES)), 1)


@pytest.mark.parametrize("uri", ["local-sync", "local-task"])
def test_every_dtype_is_written_by_a_program(uri: str) -> None:
    """L9: the seed raises KeyError for a result of fp8 and for other dtypes (launch.py:354)."""
    numbered = list(enumerate(ELEMENTS))
    taken = ", ".join(f"%a{i}: tensor<8x{e}>" for i, e in numbered)
    given = ", ".join(f"tensor<16x{e}>" for e in ELEMENTS)
    doubled = "".join(
        f"  %r{i} = tensor.concat dim(0) %a{i}, %a{i} "
        f": (tensor<8x{e}>, tensor<8x{e}>) -> tensor<16x{e}>\n"
        for i, e in numbered
    )
    results = ", ".join(f"%r{i}" for i, _ in numbered)
    source = f"func.func @main({taken}) -> ({given}) {{\n{doubled}  return {results} : {given}\n}}"
    tensors = [bits_of(dtype).view(dtype) for dtype in DTYPES]
    assert_bits(jit(source)(*tensors, device=Device(uri)), 2)


def test_unsigned_tensor_runs_in_a_program_without_signs(doubling: Callable[..., str]) -> None:
    x = torch.tensor([200, 1], dtype=torch.uint8)
    out = torch.zeros(2, dtype=torch.uint8)
    jit(doubling("tensor<?xi8>", "arith.addi"))(x, outputs=[out])
    assert torch.equal(out, x + x)


def test_float64_keeps_its_precision(doubling: Callable[..., str]) -> None:
    x = torch.tensor([1.0 + 2**-50], dtype=torch.float64)
    assert jit(doubling("tensor<?xf64>"))(x).item() == 2.0 + 2**-49


def test_several_results_are_a_list() -> None:
    source = """
func.func @main(%a: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %0 = arith.addf %a, %a : tensor<?xf32>
  %1 = arith.mulf %a, %a : tensor<?xf32>
  return %0, %1 : tensor<?xf32>, tensor<?xf32>
}"""
    results = jit(source)(X)
    assert type(results) is list
    assert torch.equal(results[0], X + X)
    assert torch.equal(results[1], X * X)


def test_program_without_a_result_returns_none() -> None:
    assert jit("func.func @main(%a: tensor<?xf32>) { return }")(X) is None


@pytest.mark.parametrize("shape", [(), (0,), (1,), (33,)])
def test_result_has_the_shape_of_the_program(
    doubling: Callable[..., str], shape: tuple[int, ...]
) -> None:
    x = torch.ones(shape)
    result = jit(doubling("tensor<?xf32>" if shape else "tensor<f32>"))(x)
    assert torch.equal(result, x + x)


LAYOUTS = [
    pytest.param(torch.arange(33.0)[1:], 1, id="misaligned"),
    pytest.param(torch.arange(16.0)[::2], 1, id="strided"),
    pytest.param(torch.ones(1).expand(5), 1, id="expanded"),
    pytest.param(torch._neg_view(torch.arange(16.0)), 1, id="neg"),
    pytest.param(torch.arange(64.0)[16:], 0, id="aligned slice"),
    pytest.param(torch.ones(4, requires_grad=True), 0, id="wants a gradient"),
]


@pytest.mark.parametrize(("x", "copies"), LAYOUTS)
def test_any_layout_gives_right_results(twice: Launchable, x: Tensor, copies: int) -> None:
    with count_since() as counted:
        result = twice(x)
    assert torch.equal(result, (x + x).detach())
    assert (counted[0].copies, counted[0].launches) == (copies, 1)


@pytest.mark.parametrize(
    "make",
    [lambda: torch.arange(64.0), lambda: torch.arange(64.0)[16:], lambda: torch.arange(64.0)[1:]],
    ids=["whole", "aligned slice", "misaligned slice"],
)
@pytest.mark.parametrize("kind", ["tensor<?xf32>", "!hal.buffer_view"])
def test_result_never_aliases_the_argument(kind: str, make: Callable[[], Tensor]) -> None:
    x = make()
    expected = x.clone()
    result = identity(kind)(x)
    result.zero_()
    assert torch.equal(x, expected)


def test_two_results_of_one_value_do_not_alias_each_other() -> None:
    kind = "tensor<?xf32>"
    source = f"func.func @main(%a: {kind}) -> ({kind}, {kind}) {{ return %a, %a : {kind}, {kind} }}"
    first, second = jit(source)(X)
    first.zero_()
    assert torch.equal(second, X)


@pytest.mark.parametrize("uri", ["local-sync", "local-task"])
def test_both_local_drivers_run_it(twice: Launchable, uri: str) -> None:
    assert torch.equal(twice(X, device=Device(uri)), X + X)


@pytest.mark.parametrize("task_min_bytes", [0, 1 << 40])
def test_size_of_the_work_does_not_change_the_result(
    twice: Launchable, task_min_bytes: int
) -> None:
    with override_settings(task_min_bytes=task_min_bytes):
        assert torch.equal(twice(X), X + X)


def test_empty_tensor_among_large_work_is_computed(doubling: Callable[..., str]) -> None:
    program = jit(doubling("tensor<?x8xf32>"))  # IREE's worker pool dies of an empty grid
    with override_settings(task_min_bytes=0):
        assert program(torch.empty(0, 8)).shape == (0, 8)
    assert program(torch.empty(0, 8), device=Device("local-task")).shape == (0, 8)


ASYNC = ["--iree-execution-model=async-external"]
MAIN_ASYNC = """
func.func @"main$async"(%a: !hal.buffer_view, %wait: !hal.fence, %signal: !hal.fence)
    -> !hal.buffer_view {
  %d = hal.buffer_view.dim<%a : !hal.buffer_view>[0] : index
  %t = hal.tensor.import wait(%wait) => %a : !hal.buffer_view -> tensor<?xf32>{%d}
  %0 = arith.addf %t, %t : tensor<?xf32>
  %s = hal.tensor.barrier join(%0 : tensor<?xf32>) => %signal : !hal.fence
  %v = hal.tensor.export %s : tensor<?xf32>{%d} -> !hal.buffer_view
  return %v : !hal.buffer_view
}
func.func @main(%a: tensor<?xf32>) -> tensor<?xf32> { return %a : tensor<?xf32> }
"""


def test_default_entry_point_is_the_asynchronous_one() -> None:
    assert torch.equal(jit(MAIN_ASYNC)(X), X + X)


def test_explicit_entry_point_comes_before_the_default() -> None:
    assert torch.equal(jit(MAIN_ASYNC, entry_point="main")(X), X)


@pytest.mark.parametrize("uri", ["local-sync", "local-task"])
def test_program_of_the_asynchronous_model_is_waited_for(
    doubling: Callable[..., str], uri: str
) -> None:
    program = jit(doubling(), flags=ASYNC)
    x = torch.ones(1 << 16)
    for _ in range(4):
        x = program(x, device=Device(uri))
    assert torch.equal(x, torch.full((1 << 16,), 16.0))


@pytest.mark.parametrize("flags", [[], ASYNC], ids=["sync", "async"])
def test_failing_launch_raises_and_the_next_one_works(
    doubling: Callable[..., str], flags: list[str]
) -> None:
    program = jit(doubling("tensor<4xf32>"), flags=flags, name="softcap")
    with pytest.raises(LaunchError) as caught:
        program(torch.ones(5))
    assert caught.value.headline == "softcap: failed while running"
    assert "expected shape `4`, actual shape `5`" in caught.value.facts[0]
    assert torch.equal(program(torch.ones(4)), torch.full((4,), 2.0))


@pytest.mark.parametrize(
    "argument", [torch.ones(4).double(), torch.ones(2, 2)], ids=["dtype", "rank"]
)
def test_tensor_that_does_not_fit_the_program_is_refused(
    static: Launchable, argument: Tensor
) -> None:
    with pytest.raises(LaunchError, match="program: failed while running"):
        static(argument, device="cpu")


@pytest.mark.parametrize("count", [0, 2])
def test_wrong_number_of_arguments_is_refused(static: Launchable, count: int) -> None:
    with pytest.raises(ArgumentError) as caught:
        static(*[torch.ones(4)] * count, device="cpu")
    assert str(caught.value) == f"program: {count} arguments, must be 1"


def test_call_without_a_tensor_must_name_the_device(twice: Launchable) -> None:
    with pytest.raises(ArgumentError) as caught:
        twice(1)
    assert str(caught.value) == (
        "program: no tensor among the arguments, must have one to tell the device\n"
        "  fix: pass device=, or call it in `with Device(...):`"
    )


def test_tensors_on_two_devices_are_refused(twice: Launchable) -> None:
    with pytest.raises(MixedDeviceError) as caught:
        twice(X, X.to("meta"))
    assert str(caught.value) == "program: tensors on cpu, meta, must be on one device"


@pytest.mark.parametrize("kwargs", [{}, {"device": "meta"}])
def test_device_without_a_driver_is_refused(twice: Launchable, kwargs: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedTorchDeviceError) as caught:
        twice(X.to("meta"), **kwargs)
    assert str(caught.value) == "torch device meta: no driver serves it, must be one of cpu, cuda"


def test_unknown_entry_point_is_refused_at_preload_with_the_exports() -> None:
    with pytest.raises(EntryPointError) as caught:
        jit(MAIN_ASYNC, entry_point="mian", name="softcap").preload("cpu")
    assert str(caught.value) == ("softcap: no entry point 'mian', must be one of main, main$async")


def test_asynchronous_entry_point_that_is_not_there_is_refused_at_preload(
    doubling: Callable[..., str],
) -> None:
    """L2: the seed's default, asked for by name; there only the call fails."""
    with pytest.raises(EntryPointError) as caught:
        jit(doubling(), entry_point="main$async").preload(torch.device("cpu"))
    assert str(caught.value) == "program: no entry point 'main$async', must be one of main"


def test_program_without_a_default_entry_point_is_refused_at_preload(
    doubling: Callable[..., str],
) -> None:
    with pytest.raises(EntryPointError) as caught:
        jit(doubling().replace("@main", "@run")).preload("cpu")
    assert str(caught.value) == (
        "program: no entry point 'main$async' or 'main', must be one of run"
    )


def test_preload_compiles_ahead_of_the_call(store: object, doubling: Callable[..., str]) -> None:
    program = jit(doubling())
    with count_since() as ahead:
        program.preload("cpu")
    with count_since() as later:
        assert torch.equal(program(X), X + X)
    assert (ahead[0].compiles, later[0].compiles, later[0].store_hits) == (1, 0, 0)


def test_program_of_the_caller_runs(doubling: Callable[..., str]) -> None:
    from iree.runtime import VmModule

    from ir_runtime.launch.compile.compiler import compile_program

    def load(device: Device) -> VmModule:
        vmfb = compile_program("p", doubling().encode(), device.compile_target_flags).vmfb
        return VmModule.copy_buffer(device.vm_instance, vmfb)

    assert torch.equal(Launchable.from_vm_module(load)(X), X + X)
