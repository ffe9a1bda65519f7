"""Selections on record: what `select` declared for a call, kept in the store.

It spares a process that finds the kernel stored the work of `select`, where that is much: an op
made from a torch function traces it. A record is found by all that such a selection depends on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.device.machine_choice import choices_for
from ir_runtime.launch.artifact.key import digest_of
from ir_runtime.launch.artifact.record_file import drop_record, load_record, save_record
from ir_runtime.op_reg.select.argument import TensorArg
from ir_runtime.op_reg.select.call_selection import CallSelection

__all__ = ["declare_recorded", "forget_recorded", "record_name", "record_selection"]

_KIND = "selections"


def record_name(ksel: CallSelection, code: str) -> str:
    """Return the name of a selection's record.

    Args:
        ksel: a selection whose arguments are declared; its sizes are no symbols.
        code: digest of the code that selects and that is traced, as it is now.
    """
    choices = {name: choice.size for name, choice in choices_for(ksel.machine).items()}
    facts = [
        f"{code}, torch {torch.__version__}, {torch.get_default_dtype()}",
        ksel.op.qualified_name,
        f"{ksel.device_family} {ksel.within_program} {sorted(choices.items())}",
        str(sorted(ksel.wanted_variants().items())),
        *(_argument_facts(desc) for desc in ksel.arg_descs),
    ]
    return digest_of(*facts)


def _argument_facts(desc: Any) -> str:
    if desc.is_list:
        return str([_argument_facts(d) for d in desc.ts])
    if isinstance(desc, TensorArg):
        return f"{desc.t.dtype}{list(desc.t.shape)}"
    return desc.spec_key


def _tensors(descs: Sequence[Any]) -> Iterator[TensorArg]:
    for desc in descs:
        if desc.is_list:
            yield from desc.ts
        elif isinstance(desc, TensorArg):
            yield desc


def record_selection(ksel: CallSelection, name: str) -> None:
    """Keep what `select` declared, if all results are tensors and the call's tensors have data."""
    tensors = list(_tensors(ksel.arg_descs))
    if not all(type(d.t) in (Tensor, torch.nn.Parameter) and not d.t.is_meta for d in tensors):
        return  # calls on fake tensors may have any sizes, and load no kernel
    results = ksel.result_descs
    if not all(isinstance(desc, TensorArg) for desc in results):
        return
    declared = {
        "arguments": [_dims(desc) for desc in tensors],
        "results": [
            [list(desc.t.shape), str(desc.t.dtype), *_dims(desc)] for desc in _tensors(results)
        ],
        "variant": ksel.variant,
        "offered": ksel.offered_variants,
        "variants": ksel.variants,
    }
    save_record(_KIND, name, json.dumps(declared).encode())


def _dims(desc: TensorArg) -> list[Any]:
    return [[n for n, size in enumerate(desc.spec_dims) if size is not None], desc.kept_dims]


def declare_recorded(ksel: CallSelection, name: str) -> bool:
    """Declare what is on record for a call whose arguments are declared; False if nothing is."""
    data = load_record(_KIND, name)
    if data is None:
        return False
    declared = json.loads(data)
    for desc, dims in zip(_tensors(ksel.arg_descs), declared["arguments"], strict=True):
        _declare_dims(desc, *dims)
    for shape, dtype, *dims in declared["results"]:
        desc = ksel.return_new_tensor(shape, getattr(torch, dtype.removeprefix("torch.")))
        _declare_dims(desc, *dims)
    ksel.variant = declared["variant"]
    ksel.offered_variants = {n: tuple(forms) for n, forms in declared["offered"].items()}
    ksel.variants = declared["variants"]
    return True


def forget_recorded(name: str) -> None:
    """Remove a record."""
    drop_record(_KIND, name)


def _declare_dims(desc: TensorArg, specialised: Sequence[int], kept: int | None) -> None:
    desc.specialize_dims(*specialised)
    if kept is not None:
        desc.merge_rows(keep=kept)
