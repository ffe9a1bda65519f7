"""The bound launch: a kernel that runs on the arguments of a call, and its results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.device.local import is_importable
from ir_runtime.device.storage import refuse_cut_tensors
from ir_runtime.dtypes import format_tensor, short_name
from ir_runtime.errors import ArgumentError
from ir_runtime.frozen import frozen
from ir_runtime.launch.direct.direct_program import BoundPlan
from ir_runtime.launch.executor import BoundKernel
from ir_runtime.launch.operand.launch_type import Launch, Results

if TYPE_CHECKING:
    from ir_runtime.op_reg.op.op import Op

__all__ = ["BoundLaunch", "bind_empty", "bind_functional", "bind_general", "write_into"]

CPU = torch.device("cpu")


@frozen
class BoundLaunch:
    """Runs a kernel for arguments of known shapes, dtypes and values.

    Attributes:
        run: takes all arguments in schema order, returns new results.
        run_into: takes them and the tensors that the results go into.
        results: shape and dtype of each result.
        kernel: what runs, None if nothing does.
        plan: what the C launcher may run by itself in later calls, None if Python must.
        operands: positions of the arguments that the plan takes.
        alike: an argument, and from which number to which the plan serves it; None if all arguments
            must be the same.
    """

    run: Callable[[Sequence[Any]], Any]
    run_into: Launch
    results: Results
    kernel: BoundKernel | None = None
    plan: BoundPlan | None = None
    operands: tuple[int, ...] = ()
    alike: tuple[int, int, int] | None = None


def bind_functional(
    launch: Launch,
    operands: tuple[int, ...],
    results: Results,
    *,
    every: bool,
    where: torch.device = CPU,
) -> BoundLaunch:
    """Bind a kernel that changes no argument; `every` if each argument is an operand."""

    def run_into(args: Sequence[Any], outs: Sequence[Tensor]) -> None:
        launch(args if every else [args[i] for i in operands], outs)

    if len(results) == 1:
        shape, dtype = results[0]
        strides = contiguous_strides(shape)
        empty = empty_strided if where.type == "cpu" else _empty_strided_on(where)

        def run_one(args: Sequence[Any]) -> Tensor:
            out = empty(shape, strides, dtype)
            launch(args if every else [args[i] for i in operands], (out,))
            return out

        return BoundLaunch(run_one, run_into, results)

    def run(args: Sequence[Any]) -> tuple[Tensor, ...]:
        outs = _allocate(results, where)
        run_into(args, outs)
        return outs

    return BoundLaunch(run, run_into, results)


Assemble = Callable[[Sequence[Tensor]], Any]
"""Makes the results of a call of the tensors that the kernel wrote."""


def bind_general(
    launch: Launch,
    operands: tuple[int, ...],
    results: Results,
    assemble: Assemble | None,
    *,
    where: torch.device = CPU,
) -> BoundLaunch:
    """Bind a kernel that changes arguments, takes lists, or returns more than tensors."""
    assemble = assemble or _one_or_all

    def run_into(args: Sequence[Any], outs: Sequence[Tensor]) -> None:
        flat: list[Any] = []
        for i in operands:
            value = args[i]
            flat.extend(value if isinstance(value, list | tuple) else (value,))
        launch(flat, outs)

    def run(args: Sequence[Any]) -> Any:
        outs = _allocate(results, where)
        run_into(args, outs)
        return assemble(outs)

    return BoundLaunch(run, run_into, results)


def bind_empty(
    results: Results, assemble: Assemble | None, *, where: torch.device = CPU
) -> BoundLaunch:
    """Nothing is written, so nothing runs."""
    assemble = assemble or _one_or_all

    def run(args: Sequence[Any]) -> Any:
        del args
        return assemble(_allocate(results, where))

    return BoundLaunch(run, lambda _args, _outs: None, results)


def _one_or_all(outs: Sequence[Tensor]) -> Any:
    return outs[0] if len(outs) == 1 else outs or None


def _allocate(results: Results, where: torch.device) -> tuple[Tensor, ...]:
    return tuple(torch.empty(shape, dtype=dtype, device=where) for shape, dtype in results)


def _empty_strided_on(where: torch.device) -> Callable[..., Tensor]:
    def empty(shape: Sequence[int], strides: Sequence[int], dtype: torch.dtype) -> Tensor:
        return torch.empty_strided(shape, strides, dtype=dtype, device=where)

    return empty


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
    op: Op,
    bound: BoundLaunch,
    args: Sequence[Any],
    outs: Sequence[Tensor],
    staged: bool,  # noqa: FBT001 - called by generated code
) -> None:
    """Run a kernel and leave its results in given tensors, of any layout.

    A tensor that cannot be written where it lies, or that shares memory with an argument, gets
    its values by a copy, which is counted; with `staged` all do. An op that is `elementwise` may
    write an argument of the same layout in place.

    Raises:
        ArgumentError: a tensor has another shape or dtype than its result.
    """
    for out, (shape, dtype) in zip(outs, bound.results, strict=True):
        if out.dtype != dtype or tuple(out.shape) != shape:
            raise ArgumentError(
                f"{op.name}.out: `out` is {format_tensor(out)}, must be "
                f"{short_name(dtype)}[{', '.join(map(str, shape))}]"
            )
    refuse_cut_tensors(f"{op.name}.out", "`out`", outs)
    read = [value for value in _tensors(args) if value.numel()]
    shared = len(outs) > 1 and len({storage_of(out) for out in outs}) < len(outs)
    targets = [
        out
        if not (staged or shared) and is_importable(out) and not _overlaps(op, out, read)
        else torch.empty(out.shape, dtype=out.dtype, device=out.device)
        for out in outs
    ]
    bound.run_into(args, targets)
    for out, target in zip(outs, targets, strict=True):
        if out is not target:
            add_count("copies")
            out.copy_(target)
        else:
            torch.autograd.graph.increment_version(out)


def _overlaps(op: Op, out: Tensor, read: Sequence[Tensor]) -> bool:
    """Tell whether a kernel that writes `out` could change what it is yet to read."""
    block = storage_of(out)
    sharing = [tensor for tensor in read if storage_of(tensor) == block]
    in_place = op.elementwise and all(_same_layout(out, tensor) for tensor in sharing)
    return bool(sharing) and not in_place


def _same_layout(one: Tensor, other: Tensor) -> bool:
    same = one.data_ptr() == other.data_ptr() and one.shape == other.shape
    return same and one.dtype == other.dtype and is_importable(other)


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
