"""The choice of a provider for plain calls, in C where the launcher is built.

A call is plain if its tensors are of torch's own types and on the CPU, and nothing is to be
recorded or transformed. The C launcher tells so, and remembers the functions that compute calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ir_runtime.device.device import set_devices
from ir_runtime.errors import NotTakenError
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.log import known_levels
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.reads import Reads
from ir_runtime.launch.direct import native

if TYPE_CHECKING:
    from ir_runtime.launch.direct.native._launcher import Choice

__all__ = ["NOT_PLAIN", "ListedCalls", "PlainCalls", "make_choice", "never"]

NOT_PLAIN: Any = object()
"""The answer to a call that is not plain."""

MOST_KINDS = 16
"""So many kinds of calls are remembered for a list; dtypes and ranks seldom vary more."""


def never(*values: Any) -> Any:
    """Serve no call."""
    del values
    return NOT_PLAIN


class PlainCalls(NamedTuple):
    """The functions that compute plain calls, given all arguments by position.

    Each returns `NOT_PLAIN` for a call that is not plain.

    Attributes:
        plain: of callers that know nothing of a call.
        keyed: of callers that know by the key set that no tensor is wrapped by a transform, and
            that all in lists are on the CPU.
        below: of callers below autograd.
        unobserved: of callers who would call torch's dispatcher: where nothing in torch would see
            the call there, or change its arguments or results.
    """

    plain: Callable[..., Any] = never
    keyed: Callable[..., Any] = never
    below: Callable[..., Any] = never
    unobserved: Callable[..., Any] = never

    @classmethod
    def of(cls, op: OpFacts[IrOpImpl], choice: Choice | None) -> PlainCalls:
        """Return the functions of a choice; None serves no call."""
        if choice is None:
            return cls()
        if any("Tensor" in kind and letter == "-" for kind, letter in _kinds(op)):
            return cls(keyed=choice.keyed)  # it does not look into lists
        return cls(choice.plain, choice.keyed, choice.below, choice.unobserved)


def make_choice(
    op: OpFacts[IrOpImpl], otherwise: Callable[..., Any], *, capacity: int = MOST_KINDS
) -> Choice | None:
    """Return what serves plain calls; None without the C launcher.

    Args:
        op: the op.
        otherwise: computes a plain call that is not remembered, all arguments by position.
        capacity: how many calls are remembered.
    """
    if native.why_absent() is not None:
        return None
    from ir_runtime.launch.direct.native._launcher import Choice

    return Choice(
        otherwise,
        kinds="".join(letter for _, letter in _kinds(op)),
        not_plain=NOT_PLAIN,
        not_taken=NotTakenError,
        levels=known_levels,
        capacity=capacity,
        set_devices=set_devices,
        results=_count_results(op),
    )


_PLAIN_KINDS = ("float", "int", "bool", "str")
_LETTERS = {
    "Tensor": "t",
    "Optional[Tensor]": "o",
    **{kind: kind[0] for kind in _PLAIN_KINDS},
    **{f"Optional[{kind}]": kind[0].upper() for kind in _PLAIN_KINDS},
}


def _kinds(op: OpFacts[IrOpImpl]) -> list[tuple[str, str]]:
    return [(kind, _LETTERS.get(kind, "-")) for kind in op.kinds]


def _count_results(op: OpFacts[IrOpImpl]) -> int:
    """Return how many tensors an op returns, 0 if it returns other things, too."""
    return len(op.result_kinds) if set(op.result_kinds) == {"Tensor"} else 0


class ListedCalls:
    """The plain calls of a list whose providers test dtypes and ranks only: they are remembered.

    Args:
        op: the op.
        impls: the providers in order, all of which read no more than that.
        ask: computes a call by asking each provider.
    """

    def __init__(
        self, op: OpFacts[IrOpImpl], impls: Sequence[IrOpImpl], ask: Callable[..., Any]
    ) -> None:
        self._impls, self._ask = impls, ask
        read = {name for impl in impls for name in impl.tested}
        self._details = "".join("k" if name in read else "n" for name in op.arg_names)
        self.choice = make_choice(op, self._run)

    @staticmethod
    def serve(impls: Sequence[IrOpImpl]) -> bool:
        """Tell whether the calls of a list can be remembered by dtypes and ranks."""
        return all(impl.reads is Reads.KIND and not impl.may_decline for impl in impls)

    def _run(self, *values: Any) -> Any:
        choice = self.choice
        if choice is not None and choice.remembered < MOST_KINDS:
            for i, impl in enumerate(self._impls):
                if impl.accepts is None or impl.accepts(*values):
                    choice.remember(values, self._details, impl.on_cpu, skips=i > 0)
                    break
        return self._ask(*values)
