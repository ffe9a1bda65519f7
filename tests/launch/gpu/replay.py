"""The calls of `benchmarks gpu` onto the recording driver: is each launch what IREE says?

A call is made as torch's dispatcher makes it, twice: by Python, and by the C launcher's fast path.
What the driver was asked for is compared with the plan, and with what IREE's compiler computes for
the same sizes (`folded_host.py`), byte by byte.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu_cases import GpuCase
from ir_runtime.device.target_name import parse_target
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.compile.compiler import compile_program
from ir_runtime.launch.compile.program_record import stored_gpu_exports
from ir_runtime.launch.direct.plan import Dispatch
from ir_runtime.launch.executor import BoundKernel
from ir_runtime.launch.host_program.executable_text import split_executables
from ir_runtime.launch.host_program.gpu_executable import GpuExport
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.call.kernel import bind_call
from tests.launch.gpu.fake_gpu import Launch
from tests.launch.gpu.fake_torch import KEYS, FakeTorch, dispatched, fake_torch
from tests.launch.gpu.folded_host import FoldedLaunch, FoldedSpan, folded_launches

__all__ = ["Replayed", "replay"]

_STREAM = 40


@dataclass(frozen=True)
class Replayed:
    """What came of a case.

    Attributes:
        label: the chip, the case and the number of rows.
        launches: how many launches were compared, of both calls.
        parameters: how many parameters they had.
        differences: in words; none if each launch was right.
    """

    label: str
    launches: int
    parameters: int
    differences: tuple[str, ...]


def replay(chip: str, cases: Sequence[GpuCase], sizes: Sequence[int]) -> Iterator[Replayed]:
    """Make the calls of cases on GPUs of a chip, and yield what came of each.

    Args:
        chip: name of the target, such as `cuda:sm_80`.
        cases: the ops and widths.
        sizes: numbers of rows.
    """
    family, _, name = chip.partition(":")
    with fake_torch(family) as fake:
        if family == "cuda":
            fake.capabilities[0] = (int(name[3:-1]), int(name[-1]))
        else:
            fake.architecture = name
        for case in cases:
            for rows in sizes:
                yield _Replay(fake, chip, case, rows).run()


class _Replay:
    """The two calls of a case."""

    def __init__(self, fake: FakeTorch, chip: str, case: GpuCase, rows: int) -> None:
        self._fake = fake
        self._chip = chip
        self._op = ALL_CUSTOM_OP_REGS[f"ir_kernels::{case.op}"]
        dtype = str(case.dtype).removeprefix("torch.")
        self._label = f"{chip} {case.name} {dtype} {rows}x{case.width}"

        def make(*shape: int) -> Tensor:  # memory of pages that nobody touches
            return fake.place(torch.empty(shape, dtype=case.dtype))

        positions = fake.place(torch.empty(rows, dtype=torch.int64))
        self._args = case.arguments_of(rows, make, positions)
        self._wrong: list[str] = []
        self._launches = self._parameters = 0

    def run(self) -> Replayed:
        gpu = self._fake.gpu
        with dispatched(self._op, gpu.driver.device_type) as functions:
            for number, way in enumerate(("Python", "C")):
                gpu.set_stream(_STREAM + number)
                gpu.take()
                gpu.blocks.clear()
                made = functions.autograd_there(KEYS, *self._args)
                seen, blocks = gpu.launches(), list(gpu.blocks)
                self._check(way, made, seen, blocks, _STREAM + number)
            fast = self._op.calls.fast
            if fast is None or fast.hits != 1:
                self._wrong.append("the fast path did not serve the second call")
        return Replayed(self._label, self._launches, self._parameters, tuple(self._wrong))

    def _check(
        self,
        way: str,
        made: Any,
        seen: list[Launch],
        blocks: list[tuple[int, int]],
        stream: int,
    ) -> None:
        bound = bind_call(self._op, list(self._args)).kernel
        assert isinstance(bound, BoundKernel), bound
        assert bound.plan is not None, bound.reason
        results = [made] if isinstance(made, Tensor) else list(made)
        tensors = [value for value in self._args if isinstance(value, Tensor)]
        shapes = [tuple(tensor.shape) for tensor in (*tensors, *results)]
        addresses: list[int | None] = [tensor.data_ptr() for tensor in (*tensors, *results)]
        if bound.kernel.report is not None:
            shapes.append(bound.kernel.report.shape)
            addresses.append(None)
        artifact = bound.kernel.artifact
        wanted = folded_launches(_host_text(artifact, self._chip), artifact.key.entry, shapes)
        self._compare(f"{way}: launches", len(seen), len(wanted))
        self._compare(f"{way}: the plan's steps", len(bound.plan.plan.steps), len(wanted))
        own = _Blocks(blocks, [address for address in addresses if address is not None])
        kernels = _kernels(artifact)
        program = bound.kernel.direct
        assert not isinstance(program, str), program
        for i, (launch, folded) in enumerate(zip(seen, wanted, strict=False)):
            self._compare_launch(f"{way}, launch {i}", launch, folded, kernels[folded.kernel])
            self._compare(f"{way}, launch {i}: stream", launch.stream, stream)
            self._compare_pointers(f"{way}, launch {i}", launch, folded, addresses, own)
        functions = program.program.functions
        for i, (step, folded) in enumerate(zip(bound.plan.plan.steps, wanted, strict=False)):
            assert isinstance(step, Dispatch), step
            name = functions[step.executable][step.function]
            self._compare_plan(f"plan, step {i}", name, step, folded, len(addresses))

    def _compare(self, what: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            self._wrong.append(f"{what}: {found}, must be {wanted}")

    def _compare_launch(
        self, what: str, launch: Launch, folded: FoldedLaunch, kernel: _Kernel
    ) -> None:
        self._launches += 1
        self._parameters += len(launch.parameters)
        pointers = len(folded.spans)
        self._compare(f"{what}: kernel", launch.kernel, folded.kernel)
        self._compare(f"{what}: grid", launch.grid, folded.grid)
        self._compare(f"{what}: block", launch.block, kernel.block)
        self._compare(f"{what}: shared bytes", launch.shared_bytes, kernel.export.shared_bytes)
        self._compare(
            f"{what}: sizes of parameters",
            launch.sizes,
            (8,) * pointers + (4,) * len(folded.numbers),
        )
        self._compare(f"{what}: numbers", launch.parameters[pointers:], folded.numbers)

    def _compare_pointers(
        self,
        what: str,
        launch: Launch,
        folded: FoldedLaunch,
        addresses: Sequence[int | None],
        own: _Blocks,
    ) -> None:
        for i, (found, span) in enumerate(zip(launch.parameters, folded.spans, strict=False)):
            start = None if span.argument is None else addresses[span.argument]
            if start is not None:
                self._compare(f"{what}: pointer {i}", found, start + span.offset)
            elif not own.hold(found, span):
                self._wrong.append(f"{what}: pointer {i} is in no memory of the call")

    def _compare_plan(
        self, what: str, name: str, step: Dispatch, folded: FoldedLaunch, arguments: int
    ) -> None:
        self._compare(f"{what}: kernel", name, folded.kernel)
        self._compare(f"{what}: grid", step.workgroups, folded.grid)
        self._compare(f"{what}: numbers", step.constants, folded.numbers)
        spans = tuple(
            FoldedSpan(
                span.slot if span.slot < arguments else None, span.offset - span.lead, span.length
            )
            for span in step.bindings
        )
        self._compare(f"{what}: spans", spans, folded.spans)


@dataclass(frozen=True)
class _Blocks:
    """The memory that the launcher allocated for a call: scratch memory and index reports."""

    blocks: Sequence[tuple[int, int]]
    others: Sequence[int]

    def hold(self, address: int, span: FoldedSpan) -> bool:
        return any(
            start not in self.others and start <= address and address + span.length <= start + size
            for start, size in self.blocks
        )


@dataclass(frozen=True)
class _Kernel:
    """What is launched of an executable: block sizes of PTX come from the text."""

    export: GpuExport
    block: tuple[int, ...]


def _kernels(artifact: Artifact) -> dict[str, _Kernel]:
    found: dict[str, _Kernel] = {}
    for name, exports in stored_gpu_exports(artifact).items():
        image = artifact.executables[name]
        for export in exports:
            block: tuple[int, ...] = export.block
            if not image.startswith(b"\x7fELF"):
                text = image.decode()
                text = text[text.index(f".entry {export.name}(") :]
                given = re.search(r"\.(?:max|req)ntid (\d+), (\d+), (\d+)", text)
                assert given is not None, f"{export.name}: its PTX has no block size"
                block = tuple(map(int, given.groups()))
            found[export.name] = _Kernel(export, block)
    return found


def _host_text(artifact: Artifact, chip: str) -> bytes:
    return _compiled_host(artifact.key.name, artifact.source, artifact.key.flags, chip)


@functools.lru_cache(maxsize=4)
def _compiled_host(name: str, source: bytes, flags: tuple[str, ...], chip: str) -> bytes:
    compiled = compile_program(name, source, (*parse_target(chip).flags, *flags))
    return split_executables(compiled.host_text)[0]
