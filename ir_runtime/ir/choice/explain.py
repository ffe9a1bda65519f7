"""Explain which provider computes a call, and why the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import IrRuntimeError
from ir_runtime.frozen import frozen
from ir_runtime.ir.choice.strict import is_strict
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.iree import IreeImpl
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.tuning.ranking import Ranking
from ir_runtime.ir.tuning.tables import Found

if TYPE_CHECKING:
    from ir_runtime.op_reg import Explanation

__all__ = ["Decision", "Verdict", "explain"]


@frozen
class Verdict:
    """The outcome for one provider in a call.

    Attributes:
        provider: its name.
        outcome: `chosen`, `refused`, `unsupported`, `not reached` or `not listed`.
        reason: the reason for it, in words.
    """

    provider: str
    outcome: str
    reason: str = ""


@frozen
class Decision:
    """The provider of a call, and the reasons; `str` writes it as lines for people.

    Attributes:
        call: the op and its arguments, in words.
        source: where the priority comes from: `context`, `default` or `unset`.
        priority: names of the providers in order.
        batch_sizes: the batch sizes of this priority; None for all.
        chosen: the provider, None if no provider takes the call.
        verdicts: one for each provider of the op, those in the priority first.
        kernel: the kernel of the call, if the provider is `iree`.
        ranking: the times measured for such calls on this machine; None if there are none.
        tuned: the effect of the ranking and its table; or the reason why there is none.
    """

    call: str
    source: str
    priority: tuple[str, ...]
    batch_sizes: tuple[int, int | None] | None
    chosen: str | None
    verdicts: tuple[Verdict, ...]
    kernel: Explanation | None = None
    ranking: Ranking | None = None
    tuned: str = ""

    def __str__(self) -> str:
        sizes = ""
        if self.batch_sizes is not None:
            low, high = self.batch_sizes
            sizes = f" for batch sizes {low} to {'any' if high is None else high}"
        listed = ", ".join(self.priority) or "none: native runs"
        lines = [self.call, f"  priority  {listed} ({self.source}{sizes})"]
        if self.ranking is not None:
            lines.append(f"  measured  {self.ranking.in_words()}")
        if self.tuned:
            lines.append(f"  tuned     {self.tuned}")
        width = max(len(v.provider) for v in self.verdicts)
        for verdict in self.verdicts:
            reason = f": {verdict.reason}" if verdict.reason else ""
            reason = reason.replace("\n", "\n" + " " * (width + 4))
            lines.append(f"  {verdict.provider:{width}}  {verdict.outcome}{reason}")
        if self.kernel is not None:
            lines += [f"  {line}" for line in str(self.kernel).split("\n")]
        return "\n".join(lines)


def explain(
    op: OpFacts[IrOpImpl],
    values: Sequence[Any],
    impls: Sequence[IrOpImpl],
    *,
    added_native: bool,
    source: str,
    batch_sizes: tuple[int, int | None] | None,
    found: Found,
    reordered: bool,
) -> Decision:
    """Explain which provider a call has, without running the call.

    Args:
        op: the op.
        values: all arguments of the call.
        impls: the providers of the priority in order, empty if none is set.
        added_native: whether native was added to the end of the list.
        source: where the priority comes from, as in `Decision`.
        batch_sizes: the batch sizes of the priority, None for all.
        found: the ranking of the call in the tuned tables.
        reordered: whether tables may reorder the priority.
    """
    listed = list(impls)
    if not listed and not is_strict():
        listed.append(op.impls["native"])
    verdicts: list[Verdict] = []
    chosen: IrOpImpl | None = None
    wrong = op.check.refusal(values)
    for impl in listed:
        if wrong is not None:
            verdicts.append(Verdict(impl.provider, "refused", f"by the op: {wrong}"))
            continue
        verdict = _judge(impl, values, reached=chosen is None)
        if impl is listed[-1] and added_native and verdict.outcome == "chosen":
            verdict = _judge_added_native(impl)
        verdicts.append(verdict)
        if verdict.outcome == "chosen":
            chosen = impl
    return Decision(
        _call_in_words(op, values),
        source,
        tuple(impl.provider for impl in impls),
        batch_sizes,
        None if chosen is None else chosen.provider,
        (*verdicts, *(_not_listed(i) for i in op.impls.values() if i not in listed)),
        _explain_kernel(chosen, values),
        found.ranking,
        _tuned_in_words(found, reordered=reordered),
    )


def _tuned_in_words(found: Found, *, reordered: bool) -> str:
    if found.ranking is None:
        return f"no: {found.reason}" if found.reason else ""
    holds = "order" if reordered else "not the order, which the priority sets"
    left_out = "".join(f"; {name} left out: {why}" for name, why in found.ranking.left_out.items())
    return f"{holds}, for {found.shape_class}, from {found.reason}{left_out}"


def _judge_added_native(impl: IrOpImpl) -> Verdict:
    if is_strict():
        return Verdict(impl.provider, "refused", "strict: the priority does not list it")
    return Verdict(impl.provider, "chosen", "no provider of the list takes the call")


def _not_listed(impl: IrOpImpl) -> Verdict:
    if impl.supported:
        return Verdict(impl.provider, "not listed")
    return Verdict(impl.provider, "unsupported", impl.why_unsupported)


def _judge(impl: IrOpImpl, values: Sequence[Any], *, reached: bool) -> Verdict:
    if not impl.supported:
        return Verdict(impl.provider, "unsupported", impl.why_unsupported)
    if not reached:
        return Verdict(impl.provider, "not reached")
    why = impl.refusal(*values)
    if why is not None:
        return Verdict(impl.provider, "refused", why)
    form = impl.form(values) if isinstance(impl, IreeImpl) else ""
    return Verdict(impl.provider, "chosen", form)


def _explain_kernel(impl: IrOpImpl | None, values: Sequence[Any]) -> Explanation | None:
    if not isinstance(impl, IreeImpl):
        return None
    try:
        return impl.kernel.explain(*values)
    except IrRuntimeError:
        return None  # the call itself would raise this error


def _call_in_words(op: OpFacts[IrOpImpl], values: Sequence[Any]) -> str:
    parts = [
        f"{name}={format_tensor(value) if isinstance(value, Tensor) else repr(value)}"
        for name, value in zip(op.arg_names, values, strict=True)
    ]
    return f"ir.ops.{op.name}({', '.join(parts)})"
