"""The tensors of a call as a flat list, and the way back to the arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch._functorch.utils import unwrap_dead_wrappers

from ir_runtime.errors import RegistrationError

if TYPE_CHECKING:
    from ir_runtime.op_reg.op.op import Op

__all__ = [
    "Counts",
    "TensorArguments",
    "as_results",
    "call_by_schema",
    "flatten_groups",
    "regroup",
    "save_values",
    "saved_values",
]

Counts = Sequence[int | None]
"""The length of each list in a sequence of values; None for a value that is no list."""


class TensorArguments:
    """The arguments of an op that are tensors, optional tensors or lists of tensors.

    Attributes:
        positions: their positions in the schema.
    """

    def __init__(self, op: Op) -> None:
        kinds = [str(a.type) for a in op.schema.arguments]
        self.positions = tuple(i for i, kind in enumerate(kinds) if "Tensor" in kind)

    def flatten(self, args: Sequence[Any]) -> tuple[list[Any], Counts]:
        """Return the tensors among all arguments, None for an absent one, and their counts."""
        return flatten_groups([args[i] for i in self.positions])

    def replace(self, args: Sequence[Any], leaves: Sequence[Any], counts: Counts) -> list[Any]:
        """Return all arguments, with the tensors replaced by `leaves`."""
        values = list(args)
        for i, value in zip(self.positions, regroup(leaves, counts), strict=True):
            values[i] = value
        return values


def flatten_groups(values: Sequence[Any]) -> tuple[list[Any], Counts]:
    """Return the values with lists replaced by their elements, and the length of each list."""
    flat: list[Any] = []
    for value in values:
        flat.extend(value) if isinstance(value, list | tuple) else flat.append(value)
    return flat, [len(v) if isinstance(v, list | tuple) else None for v in values]


def regroup(flat: Sequence[Any], counts: Counts) -> list[Any]:
    """Undo `flatten_groups`."""
    remaining = iter(flat)
    return [
        next(remaining) if count is None else [next(remaining) for _ in range(count)]
        for count in counts
    ]


def call_by_schema(op: Op, function: Callable[..., Any], args: Sequence[Any]) -> Any:
    """Call `function` with all arguments of `op`; keyword-only arguments are passed by name."""
    count = op.positional_count
    return function(*args[:count], **dict(zip(op.arg_names[count:], args[count:], strict=True)))


def as_results(op: Op, returned: Any, what: str) -> list[Any]:
    """Return the results of an op as a list; `returned` is one result, or a tuple of several.

    Raises:
        RegistrationError: the op has another number of results.
    """
    is_tuple = isinstance(returned, tuple)
    results = list(returned) if is_tuple else [returned]
    if len(results) != len(op.schema.returns):
        raise RegistrationError(
            f"{op.name}: {what} returns {len(results)} results, "
            f"must be {len(op.schema.returns)} as the signature has"
        )
    return results


def save_values(ctx: Any, values: Sequence[Any]) -> None:
    """Save values of any kind on an autograd context; torch notices later changes of tensors."""
    flat, ctx.saved_counts = flatten_groups(values)
    ctx.save_for_backward(*(v if isinstance(v, Tensor) else None for v in flat))
    ctx.saved_others = [None if isinstance(v, Tensor) else v for v in flat]


def saved_values(ctx: Any) -> list[Any]:
    """Return the values that `save_values` saved.

    Tensors of a functorch transform that has ended are unwrapped: a new transform may have its
    level.
    """
    tensors = unwrap_dead_wrappers(ctx.saved_tensors)
    pairs = zip(tensors, ctx.saved_others, strict=True)
    flat = [other if tensor is None else tensor for tensor, other in pairs]
    return regroup(flat, ctx.saved_counts)
