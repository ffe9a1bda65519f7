"""How does a selection become something that runs?  generate, store, load, bind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.device import Device
from ir_runtime.device.instance import on_fork
from ir_runtime.device.local import is_importable
from ir_runtime.dtypes import format_tensor, short_name
from ir_runtime.errors import ArgumentError, GenerateError, RegistrationError
from ir_runtime.launch.build import default_store, obtain_artifact
from ir_runtime.launch.compiler import BASE_FLAGS
from ir_runtime.launch.key import KernelKey, compiler_version, digest_of, runtime_version
from ir_runtime.launch.vm import Launch, Results, VmProgram, bind_launch, local_uri_for_work
from ir_runtime.op_reg.argument import TensorArg
from ir_runtime.op_reg.selection import CallSelection, KernelSelection, call_device

if TYPE_CHECKING:
    from ir_runtime.op_reg.custom_op import CustomOp

__all__ = ["BoundLaunch", "bind_call", "forget_kernels", "run_select", "write_into"]

ENTRY = "main"


@dataclass(frozen=True, slots=True)
class BoundLaunch:
    """Runs a kernel for arguments of known shapes, dtypes and values.

    Attributes:
        run: takes all arguments in schema order, returns new results.
        run_into: takes them and the tensors that the results go into.
        results: shape and dtype of each result.
    """

    run: Callable[[Sequence[Any]], Any]
    run_into: Launch
    results: Results


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
    return ksel


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
        return _bind_empty(results)
    sizes = [t.numel() * t.element_size() for t in _described_tensors(ksel)]
    uri = local_uri_for_work(int(op.work_per_byte * sum(sizes)), has_empty=0 in sizes)
    launch = bind_launch(program_for(op, ksel), ENTRY, uri, written)
    listed = any(desc is not None and desc.is_list for desc in ksel.arg_descs)
    if tied or listed:
        return _bind_general(launch, operands, results, tied)
    return _bind_functional(launch, operands, results, every=len(operands) == len(args))


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


def _bind_functional(
    launch: Launch, operands: tuple[int, ...], results: Results, *, every: bool
) -> BoundLaunch:
    def run_into(args: Sequence[Any], outs: Sequence[Tensor]) -> None:
        launch(args if every else [args[i] for i in operands], outs)

    if len(results) == 1:
        shape, dtype = results[0]
        strides = contiguous_strides(shape)
        empty = empty_strided

        def run_one(args: Sequence[Any]) -> Tensor:
            out = empty(shape, strides, dtype)
            launch(args if every else [args[i] for i in operands], (out,))
            return out

        return BoundLaunch(run_one, run_into, results)

    def run(args: Sequence[Any]) -> tuple[Tensor, ...]:
        outs = _allocate(results)
        run_into(args, outs)
        return outs

    return BoundLaunch(run, run_into, results)


def _bind_general(
    launch: Launch, operands: tuple[int, ...], results: Results, tied: tuple[int, ...]
) -> BoundLaunch:
    """Bind a kernel that changes arguments or takes lists.

    In-place arguments are computed aside and copied back: a kernel may read what it has
    overwritten, and the argument may have any layout.
    """

    def run_into(args: Sequence[Any], outs: Sequence[Tensor]) -> None:
        staged = [torch.empty(args[i].shape, dtype=args[i].dtype) for i in tied]
        flat: list[Any] = []
        for i in operands:
            value = args[i]
            flat.extend(value if isinstance(value, list | tuple) else (value,))
        launch(flat, (*outs, *staged))
        for i, new in zip(tied, staged, strict=True):
            args[i].copy_(new)

    def run(args: Sequence[Any]) -> Any:
        outs = _allocate(results)
        run_into(args, outs)
        return outs[0] if len(outs) == 1 else outs or None

    return BoundLaunch(run, run_into, results)


def _bind_empty(results: Results) -> BoundLaunch:
    """Nothing is written, so nothing runs."""

    def run(args: Sequence[Any]) -> Any:
        del args
        outs = _allocate(results)
        return outs[0] if len(outs) == 1 else outs or None

    return BoundLaunch(run, lambda _args, _outs: None, results)


def _allocate(results: Results) -> tuple[Tensor, ...]:
    return tuple(torch.empty(shape, dtype=dtype) for shape, dtype in results)


def _empty_strided(shape: Sequence[int], strides: Sequence[int], dtype: torch.dtype) -> Tensor:
    return torch.empty_strided(shape, strides, dtype=dtype)


# What inductor's code allocates CPU tensors with: torch's allocator without its argument parser,
# 0.5 against 1.5 us.
empty_strided = getattr(torch._C._dynamo.guards, "_empty_strided_cpu", _empty_strided)


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the strides of a contiguous tensor, in elements."""
    strides = [1]
    for dim in reversed(shape[1:]):
        strides.append(strides[-1] * max(dim, 1))
    return tuple(reversed(strides)) if shape else ()


def write_into(
    op_name: str,
    bound: BoundLaunch,
    args: Sequence[Any],
    outs: Sequence[Tensor],
    staged: bool,  # noqa: FBT001 - called by generated code
) -> None:
    """Run a kernel and leave its results in given tensors, of any layout.

    A tensor that IREE cannot write where it lies, or that shares memory with an argument, gets
    its values by a copy, which is counted; with `staged` all do.

    Raises:
        ArgumentError: a tensor has another shape or dtype than its result.
    """
    for out, (shape, dtype) in zip(outs, bound.results, strict=True):
        if out.dtype != dtype or tuple(out.shape) != shape:
            raise ArgumentError(
                f"{op_name}.out: `out` is {format_tensor(out)}, must be "
                f"{short_name(dtype)}[{', '.join(map(str, shape))}]"
            )
    taken = {storage_of(value) for value in _tensors(args)}
    targets = [
        out
        if not staged and is_importable(out) and storage_of(out) not in taken
        else torch.empty(out.shape, dtype=out.dtype)
        for out in outs
    ]
    bound.run_into(args, targets)
    for out, target in zip(outs, targets, strict=True):
        if out is not target:
            add_count("copies")
            out.copy_(target)
        else:
            torch.autograd.graph.increment_version(out)


def storage_of(tensor: Tensor) -> int:
    """Return the address of the memory block that a tensor lies in."""
    return tensor.untyped_storage().data_ptr()


def _tensors(args: Sequence[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in args:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found.extend(v for v in value if isinstance(v, Tensor))
    return found


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
