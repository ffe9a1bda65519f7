"""Does a plan, run on the executables themselves, compute what torch and IREE's VM compute?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.device import Device
from ir_runtime.dtypes import DTYPES, dtype_info
from ir_runtime.launch.direct.evaluate import evaluate
from ir_runtime.launch.direct.known_value import result_numbers, result_shapes
from ir_runtime.launch.host_program.executable_text import split_executables
from ir_runtime.launch.host_program.program import HostProgram, PassedResult, TensorResult
from ir_runtime.launch.launchable import Launchable
from ir_runtime.launch.vm.vm_program import VmProgram, load_module
from tests.launch.hal_phase import compile_phases, host_target, read_source
from tests.launch.host_programs import HOST_CASES
from tests.launch.reference_executor import run_plan
from tests.sampling import sampled

DTYPE_BY_MLIR = {info.mlir: dtype for dtype, info in reversed(DTYPES.items())}


def tensors_of(call: Sequence[Any]) -> list[Tensor]:
    return [a for a in call if isinstance(a, Tensor)]


def variants(values: Sequence[Any]) -> Any:
    """Return a list of VM arguments; tensors that the program may write in every way."""
    from iree.runtime import VmVariantList

    device = Device("local-sync")
    packed: Any = VmVariantList(len(values))
    for value in values:
        if isinstance(value, Tensor):
            packed.push_ref(device.driver.import_destination(device.device_state, value))
        elif isinstance(value, float):
            packed.push_float(value)
        else:
            packed.push_int(int(value))
    return packed


def numbers_of(call: Sequence[Any]) -> list[Any]:
    return [a for a in call if a is not None and not isinstance(a, Tensor | str)]


def bytes_of(tensor: Tensor) -> bytes:
    return (
        bytes(tensor.contiguous().view(torch.uint8).flatten().tolist()) if tensor.numel() else b""
    )


def tensor_of(data: bytes, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    if not math.prod(shape):
        return torch.empty(shape, dtype=dtype)
    flat = torch.frombuffer(bytearray(data), dtype=dtype)
    return flat[: math.prod(shape)].reshape(shape)


def run_directly(
    text: bytes, program: HostProgram, call: Sequence[Any], *, fill: int = 0xFF
) -> list[Any]:
    """Return the results of a call through the reference executor."""
    tensors, numbers = tensors_of(call), program_numbers(program, call)
    shapes = [tuple(t.shape) for t in tensors]
    plan = evaluate(program, shapes, [t.dtype for t in tensors], numbers)
    binaries = split_executables(text)[1]
    memories = run_plan(program, plan, binaries, [bytes_of(t) for t in tensors], fill=fill)
    given = iter(result_numbers(program, shapes, numbers))
    results: list[Any] = []
    for result, (shape, element) in zip(
        program.results, result_shapes(program, shapes, numbers), strict=True
    ):
        if isinstance(result, PassedResult):
            results.append(tensors[result.operand])
        elif isinstance(result, TensorResult):
            dtype = DTYPE_BY_MLIR[element]
            start = program_value(program, result.span.offset, shapes, numbers)
            data = memories[result.span.slot - program.operands][start:]
            results.append(tensor_of(data, shape, dtype))
        else:
            results.append(next(given))
    return results


def program_numbers(program: HostProgram, call: Sequence[Any]) -> list[Any]:
    return numbers_of(call) if program.numbers else []


def program_value(
    program: HostProgram, position: int, shapes: Sequence[Any], numbers: Sequence[Any]
) -> int:
    from ir_runtime.launch.direct.known_value import KnownValues

    return KnownValues(program, shapes, numbers)[position]


def run_on_vm(program: HostProgram, vmfb: bytes, entry: str, call: Sequence[Any]) -> list[Any]:
    """Return the results of a call through IREE's VM, on copies of its tensors."""
    from iree.runtime import VmVariantList

    copies = [a.clone() if isinstance(a, Tensor) else a for a in call if a is not None]
    copies = [a for a in copies if isinstance(a, Tensor) or program.numbers]
    if not program.destinations:
        launchable = Launchable.from_vm_module(lambda _: load_module("program", vmfb))
        results = launchable(*copies, device=Device("local-sync"))
        return results if isinstance(results, list) else [results]
    device = Device("local-sync")
    loaded = VmProgram.from_vmfb("program", vmfb)
    context, function = loaded.function(device, entry)
    shapes = [tuple(t.shape) for t in tensors_of(call)]
    described = result_shapes(program, shapes, program_numbers(program, call))
    outs = [
        torch.empty(shape, dtype=DTYPE_BY_MLIR[element])
        for (shape, element), result in zip(described, program.results, strict=True)
        if isinstance(result, TensorResult)
    ]
    returned = VmVariantList(len(program.results))
    context.invoke(function, variants([*copies, *outs]), returned)
    numbers = iter(range(len(outs), len(returned)))
    filled = iter(outs)
    return [
        next(filled) if isinstance(result, TensorResult) else returned.get_variant(next(numbers))
        for result in program.results
    ]


def widened(call: Sequence[Any]) -> list[Any]:
    return [a.double() if isinstance(a, Tensor) and a.is_floating_point() else a for a in call]


@sampled(8, name=tuple(HOST_CASES))
def test_computes_what_torch_and_the_vm_compute(name: str, store: object) -> None:
    case = HOST_CASES[name]
    source = case.source()
    flags = host_target() + case.flags
    _, text, vmfb = compile_phases(source, flags)
    program = read_source(source, case.entry, flags)
    for call in case.calls:
        got = run_directly(text, program, call)
        again = run_directly(text, program, call, fill=0)
        wanted = case.wanted(*widened(call))
        wanted = wanted if isinstance(wanted, tuple | list) else [wanted]
        on_vm = run_on_vm(program, vmfb, case.entry, call)
        assert len(got) == len(wanted) + (b"ir_runtime.indices" in source)  # a report comes last
        for mine, repeated, theirs, right in zip(got, again, on_vm, wanted, strict=False):
            if not isinstance(right, Tensor):
                assert mine == repeated == theirs == right
                continue
            info = dtype_info(mine.dtype)
            torch.testing.assert_close(
                mine.double(), right.double(), atol=10 * info.atol, rtol=10 * info.rtol
            )
            assert bytes_of(mine) == bytes_of(repeated) == bytes_of(theirs)
