"""The results of a call, made from the tensors that a kernel writes.

A kernel writes only tensors. A call returns them, and lists of them, None for an absent optional
result, and numbers, which the kernel writes as 0-d tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.errors import RegistrationError
from ir_runtime.op_reg.select.argument import (
    ArgDescriptor,
    EmptyOptionalTensorArg,
    ResultDescriptor,
    ScalarResult,
    TensorArg,
    TensorListArg,
)

if TYPE_CHECKING:
    from ir_runtime.op_reg.select.selection import KernelSelection

__all__ = [
    "assembler",
    "check_mutations",
    "check_results",
    "fake_results",
    "result_text",
    "written_descs",
]


def check_results(ksel: KernelSelection) -> None:
    """Compare the results that `select` declares with the signature.

    Raises:
        RegistrationError: their number or kinds differ.
    """
    op, descs = ksel.op, ksel.result_descs
    wanted = [r for r in op.schema.returns if r.alias_info is None]
    if len(descs) != len(wanted):
        raise RegistrationError(
            f"{op.name}: `select` declares {len(descs)} results, "
            f"must be {len(wanted)} as the signature has"
        )
    for i, (desc, result) in enumerate(zip(descs, wanted, strict=True)):
        if not _fits(desc, str(result.type)):
            raise RegistrationError(
                f"{op.name}: `select` declares result {i} {result_text(desc)}, "
                f"must be {_WANTED[str(result.type)]} as the signature has"
            )


def check_mutations(ksel: KernelSelection) -> None:
    """Compare the arguments that `select` declares inplace_tied with the signature.

    Raises:
        RegistrationError: the signature marks other arguments as mutable.
    """
    op, tied = ksel.op, ksel.inplace_tied_arg_descs
    for i in op.mutated_args:
        desc = ksel.arg_descs[i]
        if isinstance(desc, EmptyOptionalTensorArg) or any(d is desc for d in tied):
            continue
        names = ", ".join(f"`{op.arg_names[i]}`" for i in op.mutated_args)
        raise RegistrationError(
            f"{op.name}: the signature marks {names} mutable, "
            "`select` must declare just those inplace_tied"
        )


_WANTED = {
    "Tensor": "a tensor",
    "Optional[Tensor]": "a tensor or None",
    "List[Tensor]": "a list of tensors",
    "int": "an int",
    "float": "a float",
    "bool": "a bool",
}


def _fits(desc: ResultDescriptor, wanted: str) -> bool:
    if isinstance(desc, ScalarResult):
        return desc.kind.__name__ == wanted
    if isinstance(desc, TensorListArg):
        return wanted == "List[Tensor]"
    if isinstance(desc, EmptyOptionalTensorArg):
        return wanted == "Optional[Tensor]"
    return wanted in ("Tensor", "Optional[Tensor]")


def result_text(desc: ResultDescriptor) -> str:
    """Return the kind of a declared result as text, for a message."""
    if isinstance(desc, ScalarResult):
        return _WANTED[desc.kind.__name__]
    if isinstance(desc, TensorListArg):
        return f"a list of {len(desc.ts)} tensors"
    return "None" if isinstance(desc, EmptyOptionalTensorArg) else "a tensor"


def written_descs(descs: Sequence[ArgDescriptor | ResultDescriptor]) -> list[Any]:
    """Return the descriptors of the tensors that the kernel writes; lists are flattened."""
    flat: list[Any] = []
    for desc in descs:
        if isinstance(desc, TensorListArg):
            flat.extend(desc.ts)
        elif isinstance(desc, TensorArg | ScalarResult):
            flat.append(desc)
    return flat


Take = Callable[[Iterator[Tensor]], Any]


def assembler(descs: Sequence[ResultDescriptor]) -> Callable[[Sequence[Tensor]], Any] | None:
    """Return a function that builds the call's results from the tensors the kernel wrote.

    None if each result is a tensor: the tensors are then the results.
    """
    if all(isinstance(desc, TensorArg) for desc in descs):
        return None
    takes = [_take(desc) for desc in descs]

    def assemble(written: Sequence[Tensor]) -> Any:
        rest = iter(written)
        values = tuple(take(rest) for take in takes)
        return values[0] if len(values) == 1 else values

    return assemble


def _take(desc: ResultDescriptor) -> Take:
    if isinstance(desc, ScalarResult):
        return lambda rest: next(rest).item()
    if isinstance(desc, TensorListArg):
        count = len(desc.ts)
        return lambda rest: [next(rest) for _ in range(count)]
    return next if isinstance(desc, TensorArg) else lambda _rest: None


def fake_results(ksel: KernelSelection, device: torch.device) -> Any:
    """Return the results of the op's meta function: None, one result, or a tuple."""

    def of(desc: ResultDescriptor) -> Any:
        if isinstance(desc, TensorArg):
            return torch.empty(desc.t.shape, dtype=desc.t.dtype, device=device)
        if isinstance(desc, TensorListArg):
            return [of(element) for element in desc.ts]
        return desc.generate_meta()

    results = [of(desc) for desc in ksel.result_descs]
    return results[0] if len(results) == 1 else tuple(results) or None
