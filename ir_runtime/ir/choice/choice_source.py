"""Generate the Python function that tries the providers of a priority in turn.

Each list of providers gets its own function, with the constraints of the providers inlined.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ir_runtime.errors import NotTakenError
from ir_runtime.ir.choice.tuned_calls import TunedCalls
from ir_runtime.ir.constraint import condition
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.log import known_levels
from ir_runtime.ir.op_facts import OpFacts

__all__ = ["CompiledChoices"]

Run = Callable[..., Any]


class CompiledChoices:
    """The generated functions for lists of an op's providers.

    They are kept, so that a `with` block that sets a priority again generates nothing.

    Args:
        op: the op.
    """

    def __init__(self, op: OpFacts[IrOpImpl]) -> None:
        self._op = op
        self._tuned: dict[tuple[IrOpImpl, ...], TunedCalls] = {}
        self._made: dict[tuple[tuple[IrOpImpl, ...], bool], Callable[[Run], Run]] = {}

    def made_for(self, impls: tuple[IrOpImpl, ...], *, on_cpu: bool) -> Callable[[Run], Run]:
        """Return the result of `_make_run` for a list of providers; generate it at first use."""
        found = self._made.get((impls, on_cpu))
        if found is None:
            found = self._made[impls, on_cpu] = _make_run(self._op, impls, on_cpu=on_cpu)
        return found

    def tuned_calls(self, candidates: tuple[IrOpImpl, ...], priority: Any) -> TunedCalls:
        """Return what computes the calls of providers that a tuned table may reorder."""
        found = self._tuned.get(candidates)
        if found is None:
            found = self._tuned[candidates] = TunedCalls(priority)
        return found

    def forget_calls(self) -> None:
        """Ask the tuned tables again in each call."""
        for calls in tuple(self._tuned.values()):  # another thread may add one
            calls.forget()

    def clear(self) -> None:
        """Drop all functions; they are generated again at their next use."""
        self._made.clear()
        self.forget_calls()


def _make_run(
    op: OpFacts[IrOpImpl], impls: Sequence[IrOpImpl], *, on_cpu: bool
) -> Callable[[Run], Run]:
    """Generate a function that computes a call by the first provider that takes it.

    Args:
        op: the op.
        impls: the providers in order.
        on_cpu: whether callers know that no tensor is None and all are on the CPU.

    Returns:
        A function that takes `rest` and returns a function of all arguments by position. `rest`
        computes the remaining calls: it logs the skipped providers, and raises an error if no
        provider takes the call.
    """
    names = {name: f"ir_a{i}" for i, name in enumerate(op.arg_names)}
    passed = ", ".join(names.values())
    given = frozenset(a.name for a in op.overload._schema.arguments if str(a.type) == "Tensor")
    scope: dict[str, Any] = {"ir_levels": known_levels, "ir_not_taken": NotTakenError}
    tests: list[str] = []
    for i, impl in enumerate(impls):
        scope[f"ir_run{i}"] = impl.on_cpu if on_cpu else impl.functional
        tests.append(_test(impl, i, names, given, scope))
    tensors = sorted(names[name] for name in given)
    lines = [f"    {line}" for line in _shared_dtypes(tests, tensors)]
    if tensors and not on_cpu:  # torch accepts None for a tensor
        absent = " or ".join(f"{name} is None" for name in tensors)
        lines.insert(0, f"    if {absent}: return ir_rest({passed})")
    for i, test in enumerate(tests):
        if i == 1:  # at level DEBUG (10), `rest` logs the providers that it skips
            lines.append(f"    if ir_levels.get(10) is not False: return ir_rest({passed})")
        if impls[i].may_decline:
            lines.append(f"    if {test}:")
            lines.append(f"      try: return ir_run{i}({passed})")
            lines.append("      except ir_not_taken: pass")
        else:
            lines.append(f"    if {test}: return ir_run{i}({passed})")
    lines.append(f"    return ir_rest({passed})")
    text = "\n".join(("def make(ir_rest):", f"  def run({passed}):", *lines, "  return run"))
    exec(compile(text, f"<priority of {op.name}>", "exec"), scope)  # noqa: S102 - our own text
    return scope["make"]


def _test(
    impl: IrOpImpl,
    i: int,
    names: Mapping[str, str],
    given: frozenset[str],
    scope: dict[str, Any],
) -> str:
    if impl.accepts is None:
        return "True"
    if impl.is_declared or (impl.may_decline and impl.supported):
        if not impl.asked_constraints:
            return "True"
        return condition(impl.asked_constraints, names, scope, prefix=f"ir_{i}_", given=given)
    scope[f"ir_accepts{i}"] = impl.accepts
    return f"ir_accepts{i}({', '.join(names.values())})"


def _shared_dtypes(tests: list[str], given: Sequence[str]) -> list[str]:
    """Read the dtype of a tensor only once if several tests use it; changes the tests."""
    lines: list[str] = []
    for name in given:
        read = rf"\b{name}\.dtype\b"
        if sum(len(re.findall(read, test)) for test in tests) > 1:
            tests[:] = [re.sub(read, f"{name}_dtype", test) for test in tests]
            lines.append(f"{name}_dtype = {name}.dtype")
    return lines
