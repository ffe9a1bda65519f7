"""The answer of `explain`: the executor, the kernel and the plan of a call, with reasons."""

from __future__ import annotations

from ir_runtime.frozen import frozen
from ir_runtime.launch.direct.plan import Copy, Dispatch, Fill, Plan

__all__ = ["UNDERSTOOD", "Explanation"]

UNDERSTOOD = "its host program is understood"
"""The reason for the executor `direct`."""


@frozen
class Explanation:
    """The executor of a call of an op or program, with its kernel; `print` shows a few lines.

    Attributes:
        call: the op or program and its arguments, in words.
        executor: `direct`, `vm`, or `none` if there is nothing to compute.
        reason: why this executor was chosen.
        place: the URI of the device; `direct` if no device is needed.
        kernel: label of the artifact; None if nothing runs.
        device_type: the device type of the artifact; None if nothing runs.
        plan: the steps, None if they are not known.
        target: name of the target that the artifact was compiled for; None if nothing runs.
        wanted_target: name of the target that was looked for first; `target` is weaker if it
            differs.
        changes: for each argument that the op or program changes, where its new contents are
            computed.
    """

    call: str
    executor: str
    reason: str
    place: str | None = None
    kernel: str | None = None
    device_type: str | None = None
    plan: Plan | None = None
    target: str | None = None
    wanted_target: str | None = None
    changes: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [self.call, f"  executor  {self.executor}: {self.reason}"]
        if self.place not in (None, self.executor):
            lines.append(f"  device    {self.place}")
        if self.kernel is not None:
            lines += [f"  kernel    {self.kernel}", f"  for       {self.device_type}"]
        if self.target != self.wanted_target:
            lines.append(f"  served by {self.target}: none for {self.wanted_target} is stored")
        if self.plan is not None:
            lines += [f"  launches  {step}" for step in map(_step_in_words, self.plan.steps)]
            lines.append(f"  memory    {sum(self.plan.transients)} bytes of transients")
        lines += [f"  changes   {change}" for change in self.changes]
        return "\n".join(lines)


def _step_in_words(step: Dispatch | Fill | Copy) -> str:
    if isinstance(step, Dispatch):
        x, y, z = step.workgroups
        spans = sum(binding.length for binding in step.bindings)
        return f"dispatch over {x} x {y} x {z} workgroups, {spans} bytes"
    kind = "fill" if isinstance(step, Fill) else "copy"
    return f"{kind} of {step.target.length} bytes"
