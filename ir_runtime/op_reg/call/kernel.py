"""The slow path of a new call: run `select`, then generate or load the kernel, and bind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.device import Device, Target
from ir_runtime.device.driver_table import driver_for_torch, host_flags_for
from ir_runtime.device.instance import on_exit, on_fork
from ir_runtime.device.local import host_targets
from ir_runtime.device.machine import code_for
from ir_runtime.device.torch_device import driver_of_torch
from ir_runtime.errors import GenerateError, IrRuntimeError
from ir_runtime.fork_lock import fork_waits
from ir_runtime.late_import import late_module
from ir_runtime.launch.artifact.key import KernelKey, compiler_version, digest_of, runtime_version
from ir_runtime.launch.compile.compiler import BASE_FLAGS
from ir_runtime.launch.compile.less_fusion import obtain_maybe_less_fused
from ir_runtime.launch.executor import (
    BoundKernel,
    LoadedKernel,
    bind_gpu_kernel,
    bind_kernel,
    counting,
    raising,
    with_report,
)
from ir_runtime.launch.operand.changed_operand import Changed, writing_back
from ir_runtime.launch.operand.launch_type import Results, local_uri_for_work
from ir_runtime.launch.operand.number import NumberRange
from ir_runtime.op_reg.call.bound_launch import (
    BoundLaunch,
    bind_empty,
    bind_functional,
    bind_general,
)
from ir_runtime.op_reg.call.loaded_kernels import LoadedKernels
from ir_runtime.op_reg.call.merged_rows import MergedRows
from ir_runtime.op_reg.call.traced_launch import traced
from ir_runtime.op_reg.select.argument import TensorArg, TensorListArg
from ir_runtime.op_reg.select.call_device import call_device
from ir_runtime.op_reg.select.call_selection import CallSelection
from ir_runtime.op_reg.select.result import assembler, check_mutations, check_results, written_descs
from ir_runtime.op_reg.select.selection import KernelSelection
from ir_runtime.settings import Settings, on_change
from ir_runtime.tracing import active_trace

if TYPE_CHECKING:
    from ir_runtime.launch.vm import destination
    from ir_runtime.op_reg.op.op import Op
else:
    destination = late_module("ir_runtime.launch.vm.destination")

__all__ = [
    "bind_call",
    "family_for",
    "forget_kernels",
    "kernel_for",
    "kernel_key",
    "kernel_source",
    "run_select",
]

ENTRY = "main"


_loaded = LoadedKernels()


def _forget_bound_launches() -> None:
    from ir_runtime.op_reg.op.registry import ALL_CUSTOM_OP_REGS

    for op in ALL_CUSTOM_OP_REGS.present().values():
        op.calls.clear()  # some are bound to worker threads, which a forked child does not have


on_fork(_forget_bound_launches)


@on_exit
def forget_kernels() -> None:
    """Drop all loaded kernels, so the next calls read the store again (for tests and tools)."""
    _loaded.clear()
    _forget_calls()


def _forget_calls() -> None:
    from ir_runtime.op_reg.op.registry import ALL_CUSTOM_OP_REGS

    for op in ALL_CUSTOM_OP_REGS.present().values():
        op.calls.clear()


@on_change
def _forget_calls_if_bound_otherwise(before: Settings, after: Settings) -> None:
    """Drop bound launches when one of these changes; they are read only when one is bound."""
    names = ("trace", "launch", "bound_launches", "cpu")
    if any(getattr(before, name) != getattr(after, name) for name in names):
        _forget_calls()


@fork_waits()
def run_select(op: Op, args: Sequence[Any], target: Target | None = None) -> CallSelection:
    """Run `select` on the arguments of a call and check its declarations.

    Args:
        op: the op.
        args: all its arguments.
        target: make the selection of a kernel for this target, not for where the tensors are.

    Raises:
        ArgumentError: the arguments do not fit the op.
        RegistrationError: `select` contradicts the signature.
    """
    if op.before_select is not None:
        op.before_select()
    if op.precheck is not None:
        op.precheck(args)
    where = call_device(op.name, op.arg_names, args)
    if target is None:
        return _selected(op, args, family_for(where))
    with code_for(target.machine):
        return _selected(op, args, target.family)


def _selected(op: Op, args: Sequence[Any], family: str) -> CallSelection:
    ksel = CallSelection(op, args)
    ksel.device_family = family
    ksel.own_op.select(ksel)
    check_results(ksel)
    check_mutations(ksel)
    return ksel


def bind_call(op: Op, args: Sequence[Any]) -> BoundLaunch:
    """Run `select`, load or compile the kernel, and return the launch for calls of these shapes."""
    add_count("selects")
    ksel = run_select(op, args)
    # Only arguments that are values in the MLIR are operands: attributes are compiled in, and an
    # absent optional tensor has no place.
    operands = tuple(
        i for i, desc in enumerate(ksel.arg_descs) if desc is not None and desc.ir_arity
    )
    results = _shapes(written_descs(ksel.result_descs))
    assemble = assembler(ksel.result_descs)
    # The kernel writes its results first, then the new contents of its in-place arguments.
    written = (*results, *_shapes(written_descs(ksel.inplace_tied_arg_descs)))
    where = call_device(op.name, op.arg_names, args) or torch.device("cpu")
    if not any(_numel(shape) for shape, _ in written):
        return bind_empty(results, assemble, where=where)
    rows = MergedRows(ksel, operands)
    flat = rows.operands(_operand_values(args, operands))
    changed = Changed(_changed_operands(ksel, operands), op.elementwise)
    alike = ksel.alike_number(operands)
    number = None if alike is None else alike[1]
    bound_kernel = _bind_launch(op, ksel, where, flat, rows.written, changed, number)
    launch = rows.launch(bound_kernel.launch)
    listed = any(desc is not None and desc.is_list for desc in ksel.arg_descs)
    if changed.operands or listed or assemble:
        bound = bind_general(launch, operands, results, assemble, where=where)
    else:
        every = len(operands) == len(args)
        bound = bind_functional(launch, operands, results, every=every, where=where)
    # Results that are more than tensors are assembled in Python; all other calls may go through C.
    plan = None if assemble else bound_kernel.plan
    bound = replace(bound, plan=plan, operands=operands, kernel=bound_kernel)
    served = None if plan is None else plan.served
    if alike is not None and served is not None:
        bound = replace(bound, alike=(alike[0], served.lowest, served.highest))
    if active_trace() is not None:
        bound = traced(bound, op.qualified_name)
    return bound


def _shapes(descs: Sequence[Any]) -> Results:
    return tuple((tuple(d.t.shape), d.t.dtype) for d in descs)


def _operand_values(args: Sequence[Any], operands: tuple[int, ...]) -> list[Any]:
    values: list[Any] = []
    for i in operands:
        values.extend(args[i] if isinstance(args[i], list | tuple) else (args[i],))
    return values


def _changed_operands(ksel: KernelSelection, operands: Sequence[int]) -> tuple[int, ...]:
    """Return the positions of the in-place arguments among the operands, lists flattened."""
    places: dict[int, range] = {}
    count = 0
    for i in operands:
        desc = ksel.arg_descs[i]
        size = len(desc.ts) if isinstance(desc, TensorListArg) else 1
        places[id(desc)] = range(count, count + size)
        count += size
    return tuple(i for desc in ksel.inplace_tied_arg_descs for i in places[id(desc)])


def _bind_launch(
    op: Op,
    ksel: CallSelection,
    where: torch.device,
    flat: Sequence[Any],
    written: Results,
    changed: Changed,
    number: NumberRange | None,
) -> BoundKernel:
    """Choose device and executor of the kernel, and bind it.

    Raises:
        LaunchError: `IR_RUNTIME_LAUNCH=direct`, and only `vm` can run the kernel.
    """
    sizes = [t.numel() * t.element_size() for t in _described_tensors(ksel)]
    device = Device.chosen_for(where)
    if device is None and where.type == "cpu":
        kernel = kernel_for(op, ksel, host_targets())
        uri = local_uri_for_work(int(op.work_per_byte * sum(sizes)), has_empty=0 in sizes)
        with fork_waits():
            return bind_kernel(kernel, ENTRY, uri, flat, written, changed, number)
    if device is None:
        return _bind_on_gpu(op, ksel, where, flat, written, changed)
    reason = f"the call runs on {device.uri}"
    if device.driver_id == "local-task" and 0 in sizes:
        device = Device("local-sync")  # the worker pool crashes on empty grids
    kernel = kernel_for(op, ksel, device.targets)
    with fork_waits():
        launch = destination.bind_device_launch(
            kernel.vm, ENTRY, device, with_report(kernel, written)
        )
    if device.driver.family == "local":
        launch = raising(kernel, launch)
    else:  # a GPU's report is read later: waiting for it would stop the stream in each call
        launch = counting(kernel, launch, where)
    return BoundKernel(kernel, writing_back(launch, changed), "vm", device.uri, reason)


def _bind_on_gpu(
    op: Op,
    ksel: CallSelection,
    where: torch.device,
    flat: Sequence[Any],
    written: Results,
    changed: Changed,
) -> BoundKernel:
    """Bind a call to the GPU of its tensors; IREE opens the GPU only if `direct` cannot run it.

    Raises:
        DeviceError: no driver serves the tensors, or no target fits their GPU.
        LaunchError: `IR_RUNTIME_LAUNCH=direct`, and only `vm` can run the kernel.
    """
    kernel = kernel_for(op, ksel, driver_of_torch(where).targets_of(where))
    with fork_waits():
        bound = bind_gpu_kernel(kernel, where, flat, written, changed)
        if isinstance(bound, BoundKernel):
            return bound
        told = with_report(kernel, written)
        launch = destination.bind_torch_launch(kernel.vm, ENTRY, where, told)
    launch = writing_back(counting(kernel, launch, where), changed)
    return BoundKernel(kernel, launch, "vm", str(where), bound)


def family_for(where: torch.device | None) -> str:
    """Return the device family of a call with tensors on `where`."""
    where = where or torch.device("cpu")
    chosen = Device.chosen_for(where)
    if chosen is not None:
        return chosen.driver.family
    driver = driver_for_torch(where)
    return "local" if driver is None else driver.family


def kernel_for(op: Op, ksel: CallSelection, targets: Sequence[Target]) -> LoadedKernel:
    """Return the loaded kernel of a selection; one thread loads it while others wait.

    Args:
        op: the op.
        ksel: the selection.
        targets: those whose code the device runs, the best one first.
    """
    found_by = (ksel.spec_key, op.code_digest, targets[0].device_type)
    return _loaded.get(found_by, op, lambda: _load(op, ksel, targets))


def _load(op: Op, ksel: CallSelection, targets: Sequence[Target]) -> LoadedKernel:
    best, *weaker = targets
    artifact = obtain_maybe_less_fused(
        kernel_key(op, ksel, best),
        best.flags,
        lambda: kernel_source(op, ksel),
        lambda: kernel_source(op, ksel, apart=True),
        lambda: _weaker_keys(op, ksel, weaker),
    )
    with fork_waits():
        return LoadedKernel(artifact, best.device_type)


def kernel_key(op: Op, ksel: KernelSelection, target: Target) -> KernelKey:
    """Return the key of the kernel of a selection for a target."""
    return KernelKey(
        name=op.name,
        source_digest=digest_of(ksel.spec_key, op.code_digest),
        device_type=target.device_type,
        compiler=compiler_version() or runtime_version(),
        flags=(*BASE_FLAGS, *host_flags_for(target), *op.compile_flags),
        entry=ENTRY,
        selection=ksel.spec_key,
    )


def _weaker_keys(op: Op, ksel: CallSelection, targets: Sequence[Target]) -> Iterator[KernelKey]:
    """Give the keys of a call's kernels for weaker targets; `select` runs again for each.

    A target whose `select` refuses the call, or declares other operands or results than that of
    this machine, is left out: a packed weight, for example, has its own layout for each.
    """
    for target in targets:
        try:
            other = run_select(op, ksel.args, target)
        except IrRuntimeError:
            continue
        if _interface(other) == _interface(ksel):
            yield kernel_key(op, other, target)


def _interface(ksel: KernelSelection) -> tuple[Any, ...]:
    """Return what a launch binds of a kernel: its operands, its results, and what it changes."""
    operands = [None if desc is None else desc.ir_arity for desc in ksel.arg_descs]
    tied = [i for i, d in enumerate(ksel.arg_descs) if d in ksel.inplace_tied_arg_descs]
    written = written_descs(ksel.result_descs)
    return operands, tied, [(tuple(d.t.shape), d.t.dtype) for d in written]


@fork_waits()
def kernel_source(op: Op, ksel: KernelSelection, *, apart: bool = False) -> bytes:
    """Run `generate` and return the MLIR of the kernel, in destination-passing form.

    Args:
        op: the op.
        ksel: a selection.
        apart: for the second compile: see `KernelBuilder.keeps_apart`.

    Raises:
        GenerateError: `generate` broke its contract.
    """
    from ir_runtime.op_reg.generate.function_builder import FreeFuncKernelBuilder
    from ir_runtime.op_reg.generate.report_collection import collect_reports

    kb = FreeFuncKernelBuilder.create_module(ksel, func_name=ENTRY, destinations=True)
    kb.keeps_apart = apart
    with kb.context, kb.location, kb.ip, code_for(ksel.machine):
        ksel.own_op.generate(ksel, kb)
    if not kb.yielded:
        raise GenerateError(
            f"{op.name}: `generate` ends without results, must call yield_results once"
        )
    collect_reports(kb.module.operation, ENTRY, destination=True)
    try:
        kb.module.operation.verify()
    except Exception as error:
        raise GenerateError(
            f"{op.name}: `generate` builds MLIR that does not verify",
            facts=[
                *str(error).split("\n"),
                *_numbered(kb.module.operation.get_asm(assume_verified=True)),
            ],
        ) from error
    return kb.module.operation.get_asm().encode()


def _numbered(text: str) -> list[str]:
    return [f"{n:4d} | {line}" for n, line in enumerate(text.rstrip("\n").split("\n"), 1)]


def _numel(shape: Sequence[int]) -> int:
    total = 1
    for dim in shape:
        total *= dim
    return total


def _described_tensors(ksel: KernelSelection) -> list[Tensor]:
    tensors: list[Tensor] = []
    for desc in (*ksel.arg_descs, *ksel.result_descs):
        if isinstance(desc, TensorArg):
            tensors.append(desc.t)
        elif desc is not None and desc.is_list:
            tensors.extend(d.t for d in desc.ts)
    return tensors
