"""Is what a function takes and gives read right, whoever wrote the function?"""

from __future__ import annotations

import pytest

from ir_runtime.device import Device, get_vm_instance
from ir_runtime.errors import LaunchError
from ir_runtime.launch.compile.compiler import BASE_FLAGS, compile_program
from ir_runtime.launch.vm.signature import Signature, Slot, signature_of

REFERENCE, TENSOR = Slot("reference"), Slot("tensor")


def read(source: str, entry: str = "main", *flags: str) -> Signature:
    """Compile a program and read the signature of a function of it."""
    from iree.runtime import VmModule

    device_flags = Device("local-sync").compile_target_flags
    vmfb = compile_program("p", source.encode(), (*device_flags, *BASE_FLAGS, *flags)).vmfb
    module = VmModule.copy_buffer(get_vm_instance(), vmfb)
    function = module.lookup_function(entry)
    assert function is not None
    return signature_of(function, entry)


class Function:
    """Any text form and reflection."""

    def __init__(self, text: str, reflection: dict[str, str]) -> None:
        self.text, self.reflection = text, reflection

    def __repr__(self) -> str:
        return self.text


def test_declared_kinds_are_read() -> None:
    source = """
func.func @main(%a: tensor<?x4xf32>, %b: f16, %c: index, %d: i8) -> (tensor<4xi1>, i1) {
  %0 = arith.constant dense<true> : tensor<4xi1>
  %1 = arith.constant true
  return %0, %1 : tensor<4xi1>, i1
}"""
    inputs = tuple(Slot(kind) for kind in ("tensor", "f16", "index", "i8"))
    assert read(source) == Signature(inputs, (TENSOR, Slot("i1")), fenced=False)


def test_arguments_may_have_names() -> None:
    source = """
func.func @main(%a: tensor<4xf32> {iree.abi.name = "x,y"}, %n: i32 {iree.abi.name = "of n"})
    -> tensor<4xf32> {
  return %a : tensor<4xf32>
}"""
    assert read(source) == Signature((TENSOR, Slot("i32")), (TENSOR,), fenced=False)


def test_fences_of_the_asynchronous_model_are_left_out() -> None:
    source = (
        "func.func @main(%a: tensor<4xf32>, %n: i8) -> tensor<4xf32> { return %a : tensor<4xf32> }"
    )
    found = read(source, "main", "--iree-execution-model=async-external")
    assert found == Signature((TENSOR, Slot("i8")), (TENSOR,), fenced=True)


def test_fences_that_its_author_wrote_are_left_out() -> None:
    source = """
func.func @run(%a: !hal.buffer_view, %wait: !hal.fence, %signal: !hal.fence) -> !hal.buffer_view {
  return %a : !hal.buffer_view
}"""
    view = Slot("!hal.buffer_view")
    assert read(source, "run") == Signature((view,), (view,), fenced=True)


TORCH = """
func.func @main(%a: !torch.vtensor<[4],f32>, %n: !torch.int, %f: !torch.float)
    -> !torch.vtensor<[4],f32> {
  %0 = torch.aten.add.Scalar %a, %f, %n
      : !torch.vtensor<[4],f32>, !torch.float, !torch.int -> !torch.vtensor<[4],f32>
  return %0 : !torch.vtensor<[4],f32>
}"""


@pytest.mark.parametrize(("entry", "fenced"), [("main$async", True), ("main", None)])
def test_undeclared_function_of_a_torch_program_is_read(entry: str, fenced: bool | None) -> None:
    inputs = (REFERENCE, Slot("i64"), Slot("f64"))
    assert read(TORCH, entry) == Signature(inputs, (REFERENCE,), fenced)


def test_device_of_an_argument_and_of_a_result_is_read() -> None:
    declaration = (
        "sync func @main(%input0: tensor<4xf32> {iree.abi.affinity = "
        "#hal.device.promise<@__device_0>}, %input1: tensor<4xf32>) -> (%output0: tensor<4xf32> "
        "{iree.abi.affinity = #hal.device.promise<@__device_1>})"
    )
    function = Function(
        "<VmFunction main(0rr_r), reflection = ...", {"iree.abi.declaration": declaration}
    )
    found = signature_of(function, "main")  # pyright: ignore[reportArgumentType]
    assert found.inputs == (Slot("tensor", 0), TENSOR)
    assert found.outputs == (Slot("tensor", 1),)


def test_declaration_that_contradicts_the_function_is_not_believed() -> None:
    reflection = {"iree.abi.declaration": "sync func @main(%input0: f16) -> ()"}
    function = Function("<VmFunction main(0rIiFf_v), reflection = ...", reflection)
    found = signature_of(function, "main")  # pyright: ignore[reportArgumentType]
    kinds = ("reference", "i64", "i32", "f64", "f32")
    assert found == Signature(tuple(Slot(kind) for kind in kinds), (), None)


@pytest.mark.parametrize("text", ["<VmFunction main(0CrD_r), reflection = ...", "<something>"])
def test_unknown_calling_convention_is_refused(text: str) -> None:
    with pytest.raises(LaunchError) as caught:
        signature_of(Function(text, {}), "main")  # pyright: ignore[reportArgumentType]
    assert str(caught.value) == (
        f"main: its calling convention is not known, must be of numbers and references\n    {text}"
    )


@pytest.mark.parametrize(
    ("is_async", "count", "fenced"),
    [(True, 1, True), (True, 3, False), (True, 2, False), (False, 1, False), (False, 3, False)],
)
def test_caller_decides_about_fences_only_if_the_call_has_room_for_them(
    is_async: bool, count: int, fenced: bool
) -> None:
    undeclared = Signature((REFERENCE,) * 3, (), None)
    settled = undeclared.settled(is_async=is_async, count=count)
    assert settled == Signature((REFERENCE,) * (1 if fenced else 3), (), fenced)


@pytest.mark.parametrize("fenced", [True, False])
@pytest.mark.parametrize("is_async", [True, False])
def test_function_that_says_it_is_believed(fenced: bool, is_async: bool) -> None:
    declared = Signature((TENSOR,) * 3, (), fenced)
    assert declared.settled(is_async=is_async, count=1) is declared
