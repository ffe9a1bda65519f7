"""Sizes in a traced program, and functions of sizes, in a form that IREE's FxImporter can read."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["name_size_functions", "settle_sizes"]


def name_size_functions(program: Any) -> None:
    """Replace functions of sizes that FxImporter does not know by operators of the same meaning.

    Changes the program's graph.
    """
    named: dict[Any, Any] = {
        torch.sym_min: torch.ops.prim.min.int,
        torch.sym_max: torch.ops.prim.max.int,
        torch.sym_float: torch.ops.aten.Float.Scalar,
    }
    for node in program.graph.nodes:
        node.target = named.get(node.target, node.target)


def settle_sizes(program: Any) -> None:
    """Make argument sizes plain numbers if the trace fixed them to the representative value.

    FxImporter would treat such an argument's size as open, but sizes computed from it as static.
    Changes the metadata of the program's placeholders.
    """
    for node in program.graph.nodes:
        value = node.meta.get("val")
        if node.op != "placeholder" or not isinstance(value, torch.Tensor):
            continue
        sizes = [_settled(size) for size in value.shape]
        if all(one is other for one, other in zip(sizes, value.shape, strict=True)):
            continue
        strides = [_settled(stride) for stride in value.stride()]
        node.meta.pop("tensor_meta", None)  # it would have priority over "val"
        with value.fake_mode:  # pyright: ignore[reportAttributeAccessIssue]
            node.meta["val"] = torch.empty_strided(
                sizes, strides, dtype=value.dtype, device=value.device
            )


def _settled(size: Any) -> Any:
    if isinstance(size, torch.SymInt) and size.node.expr.is_number:
        return int(size.node.expr)
    return size
