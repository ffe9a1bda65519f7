"""How does a selection become something that runs?  generate, store, load, bind."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.device import Device
from ir_runtime.device.instance import on_fork
from ir_runtime.errors import GenerateError, RegistrationError
from ir_runtime.launch.build import default_store, obtain_artifact
from ir_runtime.launch.compiler import BASE_FLAGS
from ir_runtime.launch.key import KernelKey, compiler_version, digest_of, runtime_version
from ir_runtime.launch.vm import VmProgram, bind_launch, local_uri_for_work
from ir_runtime.op_reg.argument import TensorArg
from ir_runtime.op_reg.bind import BoundLaunch, bind_empty, bind_functional, bind_general
from ir_runtime.op_reg.selection import CallSelection, KernelSelection, call_device

if TYPE_CHECKING:
    from ir_runtime.op_reg.custom_op import CustomOp

__all__ = [
    "bind_call",
    "check_selection",
    "forget_kernels",
    "kernel_source",
    "program_for",
    "run_select",
]

ENTRY = "main"


_programs: dict[tuple[str, str], VmProgram] = {}
_locks: dict[tuple[str, str], threading.Lock] = {}
_guard = threading.Lock()


def _reset_locks() -> None:
    from ir_runtime.op_reg.custom_op import ALL_CUSTOM_OP_REGS

    global _guard
    _guard = threading.Lock()
    _locks.clear()
    for op in ALL_CUSTOM_OP_REGS.values():
        op.calls.reset()  # launches bound to worker threads, which a forked child has not


on_fork(_reset_locks)


def forget_kernels() -> None:
    """Drop all loaded kernels, so that the next calls ask the store again (tests, tools)."""
    from ir_runtime.op_reg.custom_op import ALL_CUSTOM_OP_REGS

    _programs.clear()
    for op in ALL_CUSTOM_OP_REGS.values():
        op.calls.clear()


def run_select(op: CustomOp, args: Sequence[Any]) -> CallSelection:
    """Run `select` on the arguments of a call and check what it declares.

    Raises:
        ArgumentError: the arguments do not fit the op.
        RegistrationError: `select` contradicts the signature.
    """
    call_device(op.name, op.arg_names, args)
    ksel = CallSelection(op, args)
    op.select(ksel)
    check_selection(op, ksel)
    return ksel


def check_selection(op: CustomOp, ksel: KernelSelection) -> None:
    """Compare what `select` declared with the signature.

    Raises:
        RegistrationError: it contradicts the signature.
    """
    if len(ksel.result_descs) != op.new_result_count:
        raise RegistrationError(
            f"{op.name}: `select` declares {len(ksel.result_descs)} results, "
            f"must be {op.new_result_count} as the signature has"
        )
    tied = [i for i, d in enumerate(ksel.arg_descs) if d in ksel.inplace_tied_arg_descs]
    if sorted(tied) != sorted(op.mutated_args):
        names = ", ".join(f"`{op.arg_names[i]}`" for i in op.mutated_args)
        raise RegistrationError(
            f"{op.name}: the signature marks {names} mutable, "
            "`select` must declare just those inplace_tied"
        )


def bind_call(op: CustomOp, args: Sequence[Any]) -> BoundLaunch:
    """Select, generate if need be, and return what runs all calls of these shapes."""
    add_count("selects")
    ksel = run_select(op, args)
    operands = tuple(
        i for i, desc in enumerate(ksel.arg_descs) if desc is not None and desc.ir_arity
    )
    results = tuple((tuple(d.t.shape), d.t.dtype) for d in ksel.result_descs if _is_tensor(d))
    tied = tuple(
        i for desc in ksel.inplace_tied_arg_descs for i, d in enumerate(ksel.arg_descs) if d is desc
    )
    written = (*results, *((tuple(args[i].shape), args[i].dtype) for i in tied))
    if not any(_numel(shape) for shape, _ in written):
        return bind_empty(results)
    sizes = [t.numel() * t.element_size() for t in _described_tensors(ksel)]
    uri = local_uri_for_work(int(op.work_per_byte * sum(sizes)), has_empty=0 in sizes)
    launch = bind_launch(program_for(op, ksel), ENTRY, uri, written)
    listed = any(desc is not None and desc.is_list for desc in ksel.arg_descs)
    if tied or listed:
        return bind_general(launch, operands, results, tied)
    return bind_functional(launch, operands, results, every=len(operands) == len(args))


def program_for(op: CustomOp, ksel: KernelSelection) -> VmProgram:
    """Return the loaded kernel of a selection; one thread makes it, others wait."""
    device = Device("local-sync")
    found_by = (ksel.spec_key, op.code_digest)
    program = _programs.get(found_by)
    if program is None:
        with _guard:
            lock = _locks.setdefault(found_by, threading.Lock())
        with lock:
            program = _programs.get(found_by)
            if program is None:
                program = _programs[found_by] = _load(op, ksel, device)
    return program


def _load(op: CustomOp, ksel: KernelSelection, device: Device) -> VmProgram:
    key = KernelKey(
        name=op.name,
        source_digest=digest_of(ksel.spec_key, op.code_digest),
        device_type=device.type_cache_key,
        compiler=compiler_version() or runtime_version(),
        flags=(*BASE_FLAGS, *op.compile_flags),
        entry=ENTRY,
        selection=ksel.spec_key,
    )
    artifact = obtain_artifact(
        default_store(), key, device.compile_target_flags, lambda: kernel_source(op, ksel)
    )
    return VmProgram.from_vmfb(op.name, artifact.vmfb)


def kernel_source(op: CustomOp, ksel: KernelSelection) -> bytes:
    """Run `generate` and return the MLIR of the kernel, in destination-passing form.

    Raises:
        GenerateError: `generate` broke its contract.
    """
    from ir_runtime.op_reg.builder import FreeFuncKernelBuilder

    kb = FreeFuncKernelBuilder.create_module(ksel, func_name=ENTRY, destinations=True)
    with kb.context, kb.location, kb.ip:
        op.generate(ksel, kb)
    if not kb.yielded:
        raise GenerateError(
            f"{op.name}: `generate` ends without results, must call yield_results once"
        )
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


def _is_tensor(desc: Any) -> bool:
    return isinstance(desc, TensorArg)


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
