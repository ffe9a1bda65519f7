"""The registration of the catalogue's ops, and the rules that they share.

An op is `ir.ops.<op>` and `torch.ops.ir_runtime.<op>`; its kernel, the provider `iree`, is
`torch.ops.ir_kernels.<op>`. Kernels on arguments that were packed before, such as weights, are in
`torch.ops.ir_packed`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.device.machine import Machine, this_machine
from ir_runtime.device.machine_choice import group_elements, streaming_bytes
from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.layers.fx_trace import is_traced
from ir_runtime.op_reg import CustomOp, KernelSelection, fragment
from ir_runtime.op_reg.call.entrance import direct_entrance
from ir_runtime.op_reg.op.find_op import registered_op

__all__ = [
    "FLOATING",
    "FLOATS",
    "INTEGERS",
    "at_least_one_dimension",
    "by_libraries_on_gpus",
    "check_rows",
    "choose_stores",
    "even_last_size",
    "has_tuned_products",
    "in_rows",
    "kernel_from_native",
    "make_rows",
    "packed_entrance",
    "register_kernel",
    "register_packed_kernel",
    "rounded",
    "row_inputs",
    "run_native",
    "same_dtype",
    "same_shape",
    "summed_like",
    "widened",
    "widest",
]

FLOATS = (torch.float32, torch.bfloat16, torch.float16)
"""Dtypes of the kernels, which compute in float32 (or wider) and round once."""

FLOATING = (*FLOATS, torch.float64)
"""Dtypes that the ops support; native computes those that the kernels do not support."""

INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)

MAX_VULKAN_ROWS = 65535
"""Workgroups that every Vulkan device supports in one dimension of a dispatch."""

MAX_VULKAN_COLUMNS = 32768
"""Columns up to which a row has a row kernel on Vulkan."""

STREAMED = "streamed"
"""The variant of a kernel that writes its results around the cache."""

CACHE_LINE = 64

_PACKED = fragment("ir_packed")

Op = TypeVar("Op", bound=ir.IrOp)


def register_kernel(
    op: ir.IrOp,
    *,
    constraints: Sequence[ir.Constraint],
    tuned: Callable[[Machine], bool] | None = None,
) -> Callable[[type[CustomOp]], Any]:
    """Register a kernel as the provider `iree` of an op, by default its first; a class decorator.

    Args:
        op: the op.
        constraints: the calls that the kernel supports; native computes the others.
        tuned: tells whether the kernel is tuned for a kind of CPU; if not, native comes first on
            it. None if it is for all.
    """

    def register(op_class: type[CustomOp]) -> Any:
        packet = ir.register_kernel(op, op_class, constraints=constraints)
        ir.set_platform_default(op, native_first=not (tuned is None or tuned(this_machine())))
        return packet

    return register


def kernel_from_native(
    inputs: Callable[..., tuple[Any, ...]], *, of: Sequence[str] | None = None
) -> Callable[[Op], Op]:
    """Complete an op whose kernel is made from its native; a decorator above `ir.register_op`.

    The kernel takes f32, bf16 and f16; native computes the other calls. The op gets the platform's
    default providers.

    Args:
        inputs: the op's input generator.
        of: names of the tensors that the kernel computes with; default: all.
    """

    def complete(op: Op) -> Op:
        tensors = [n for n, kind in zip(op.arg_names, op.kinds, strict=True) if "Tensor" in kind]
        ir.limit_kernel(op, [ir.dtypes(name, *FLOATS) for name in (tensors if of is None else of)])
        op.register_input_generator(inputs)
        ir.set_platform_default(op)
        return op

    return complete


def by_libraries_on_gpus(argument: str, library: str) -> ir.Constraint:
    """Return the constraint that a tensor is not on a GPU that torch serves.

    There torch's libraries compute with tensor cores, and the kernel does not.

    Args:
        argument: name of the tensor.
        library: name of what native uses there.
    """
    return ir.fits(
        argument,
        f"not on a GPU, where native uses {library}",
        lambda x: x.device.type != "cuda",
    )


def has_tuned_products(machine: Machine) -> bool:
    """Tell whether matrix products and attention were measured and tuned on this kind of CPU.

    They were on x86-64 with AVX2 and FMA, and with AVX-512. Elsewhere the libraries that torch uses
    for products may be much faster.
    """
    return machine.cpu.cpu in ("x86-64-v3", "x86-64-v4")


def register_packed_kernel(op_class: type[CustomOp]) -> Callable[..., Any]:
    """Register a kernel on arguments packed for this machine; a class decorator."""
    return CustomOp.register(op_class, library=_PACKED)


def packed_entrance(name: str) -> Callable[..., Any]:
    """Return the kernel of `register_packed_kernel` with this name, for eager calls.

    It takes all arguments by position, and spares the way through torch where nothing needs it.
    """
    return direct_entrance(registered_op(f"{_PACKED.ns}::{name}"))


def run_native(op: ir.IrOp, *arguments: Any) -> Any:
    """Compute a call by native, for a disabled layer; an eager call is checked as one of the op."""
    native = op.impls["native"]
    is_seen = torch.compiler.is_compiling() or is_traced(arguments, {})
    run = native.traced if is_seen else native.functional
    return run(*op.normal_arguments(arguments))


def widened(x: Tensor) -> Tensor:
    """Return `x` in float32, or as it is if that is wider."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def rounded(y: Tensor, x: Tensor) -> Tensor:
    """Return a result in the dtype of `x`, contiguous."""
    return y.to(x.dtype).contiguous()


def widest(x: Tensor) -> Tensor:
    """Return `x` in a dtype in which squares of its elements neither overflow nor vanish.

    It is float64 on CPUs, and float32 or wider on GPUs, whose kernels compute only in float32.
    """
    return x.double() if x.device.type == "cpu" else widened(x)


def summed_like(gradient: Tensor, argument: Tensor) -> Tensor:
    """Sum a gradient over the dimensions along which its argument was expanded."""
    return gradient.sum_to_size(argument.shape).to(argument.dtype)


def at_least_one_dimension(argument: str) -> ir.Constraint:
    """Return the constraint that a tensor has at least one dimension."""
    return ir.fits(
        argument,
        "of rank 1 or more",
        lambda x: x.ndim > 0,
        expected=lambda _: "have at least 1 dimension",
    )


def in_rows(*arguments: str) -> list[ir.Constraint]:
    """Return the constraints that tensors are floating-point numbers in rows."""
    return [c for a in arguments for c in (ir.dtypes(a, *FLOATING), at_least_one_dimension(a))]


def even_last_size(argument: str) -> ir.Constraint:
    """Return the constraint that rows have two halves."""
    return ir.fits(
        argument,
        "of an even last size",
        lambda x: x.shape[-1] % 2 == 0,
        expected=lambda _: "have an even last dimension",
    )


def same_shape(argument: str, other: str) -> ir.Constraint:
    """Return the constraint that a tensor has the shape of another argument."""

    def test(mine: Tensor, theirs: Tensor) -> bool:
        sizes = zip(mine.shape, theirs.shape, strict=False)
        return mine.ndim == theirs.ndim and not any(ir.differ(m, t) for m, t in sizes)

    return ir.fits(
        argument,
        f"of the shape of `{other}`",
        test,
        beside=(other,),
        expected=lambda _, theirs: f"have the shape of `{other}` {format_tensor(theirs)}",
    )


def same_dtype(argument: str, other: str) -> ir.Constraint:
    """Return the constraint that a tensor has the dtype of another argument."""
    return ir.fits(
        argument,
        f"of the dtype of `{other}`",
        lambda mine, theirs: mine.dtype == theirs.dtype,
        beside=(other,),
    )


def make_rows(num_tokens: int, hidden_size: int, dtype: torch.dtype, device: str) -> Tensor:
    """Make normal random numbers, for tests and benchmarks."""
    return torch.randn(num_tokens, hidden_size, device=device).to(dtype)


def row_inputs(halves: int = 1, *options: Any) -> Callable[..., tuple[Any, ...]]:
    """Return the input generator of an op of one tensor, whose rows may have two halves.

    Args:
        halves: 2 if a row of the result is half as long as one of the tensor.
        options: the arguments that follow the tensor.
    """

    def make(
        num_tokens: int = 32,
        hidden_size: int = 4096,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> tuple[Any, ...]:
        return make_rows(num_tokens, halves * hidden_size, dtype, device), *options

    return make


def check_rows(ksel: KernelSelection, x: Tensor) -> None:
    """Refuse long rows on Vulkan if they are more than a dispatch has workgroups.

    They have no row kernel. In the traced form a workgroup then takes several rows, and IREE 3.13
    puts no barrier between them: the sum of the next row would scale a row.
    """
    if ksel.device_family != "vulkan" or x.shape[-1] <= MAX_VULKAN_COLUMNS:
        return
    rows = math.prod(x.shape[:-1])
    if rows > MAX_VULKAN_ROWS:
        raise ArgumentError(
            f"{ksel.op.name}: `x` {format_tensor(x)} has {rows} rows, "
            f"must have at most {MAX_VULKAN_ROWS} of more than {MAX_VULKAN_COLUMNS} columns on "
            "Vulkan",
            fix="split it into several calls",
        )


def choose_stores(ksel: KernelSelection, x: Tensor) -> None:
    """Choose the variant `STREAMED` on CPUs, if the cache cannot hold both `x` and the result.

    Its stores go past the cache and do not read the cache line first, which moves a third less
    memory. They need whole cache lines. Tensors of a call begin at multiples of 64 bytes, but in a
    program a result may be part of another one and begin anywhere; such a kernel never has them.

    Args:
        ksel: its `variant` is set.
        x: the input; the result has the same size.
    """
    if ksel.within_program or ksel.device_family != "local":
        return
    if not all(type(size) is int for size in x.shape):
        return
    whole = x.shape[-1] * x.itemsize % CACHE_LINE == 0
    if whole and 2 * x.nbytes >= streaming_bytes(ksel.machine).size:
        ksel.variant = STREAMED


def group_variant(ksel: KernelSelection) -> str:
    """Return what the size of a workgroup's group of elements adds to the name of a kernel."""
    return f"-{group_elements(ksel.machine).size}" if ksel.device_family == "local" else ""
