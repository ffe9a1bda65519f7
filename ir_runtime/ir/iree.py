"""The provider `iree` of each op: a kernel written for the op, or a kernel traced from native."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.device.device import set_devices
from ir_runtime.errors import (
    ArgumentError,
    GenerateError,
    IrRuntimeError,
    NotTakenError,
)
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.ir.constraint import Constraint, compile_constraints
from ir_runtime.ir.implementation import IrOpImpl, both
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.reads import Reads
from ir_runtime.ir.schema import check_same_schema
from ir_runtime.late_import import late_module
from ir_runtime.launch.operand.call_key import call_key
from ir_runtime.op_reg.call.entrance import eager_entrance, make_entrance, positional
from ir_runtime.op_reg.call.kernel import run_select
from ir_runtime.op_reg.op.library import fragment
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.registry import ALL_CUSTOM_OP_REGS
from ir_runtime.trace_lock import hold

if TYPE_CHECKING:
    from ir_runtime.op_reg import traced_op as tracing
    from ir_runtime.rows import row_op as rows
else:
    tracing = late_module("ir_runtime.op_reg.traced_op")
    rows = late_module("ir_runtime.rows.row_op")

__all__ = ["KERNEL_LIBRARY", "IreeImpl"]

KERNEL_LIBRARY = fragment("ir_kernels")
"""The library of the kernels: `torch.ops.ir_kernels`."""


class IreeImpl(IrOpImpl):
    """Computes an op by a kernel that IREE compiles.

    Args:
        op: the op.
        kernel: the `CustomOp` written for it; None to trace native at the first use.
        constraints: the conditions of the kernel. A call that the cheap ones let pass is tested by
            the others, and by the kernel itself, only if the C launcher does not know it.
        registration_stack: the stack at its registration.
    """

    def __init__(
        self,
        op: OpFacts[IrOpImpl],
        kernel: Op | None = None,
        constraints: Sequence[Constraint] = (),
        registration_stack: Sequence[str] | None = None,
    ) -> None:
        self._kernel = kernel
        self._lock = fork_safe_lock()
        self._tracing = False
        self._broken: IrRuntimeError | None = None
        self._declined: dict[Any, str] = {}
        self._entrance = self._eager = None
        if kernel is not None:
            self._eager = eager_entrance(kernel, self._slow)
            self._entrance = make_entrance(kernel, self._eager)
        super().__init__(
            op,
            "iree",
            self._run if self._entrance is None else self._entrance,
            registration_stack=registration_stack,
            constraints=constraints,
        )
        if kernel is None or not constraints:  # the kernel itself is asked
            self._accepts = both(self._accepts, self._takes)
            self._accepts_guarded = both(self._accepts_guarded, self._takes)
            self.is_asked_in_python = True
            self.supported = True  # takes over what was set here
        self.may_decline = True
        cheap = compile_constraints("provider iree", self.asked_constraints, op.arg_names)
        self.asked_first = cheap
        if kernel is None:
            return
        self._through_torch = positional(kernel)
        kernel.precheck, kernel.like_native = op.check, op.compute_natively
        if hasattr(self.kernel_packet, "out"):
            self.run_into = self._run_into

    @property
    def asked_constraints(self) -> tuple[Constraint, ...]:
        """The cheap constraints; the others are tested if the C launcher does not know a call."""
        return tuple(c for c in self.constraints if c.quick is not None)

    @property
    def reads(self) -> Reads:
        """What it reads of a call to tell whether it takes the call."""
        selects = self._kernel is not None and self._kernel.select_each_call
        return Reads.MORE if selects else Reads.CALL  # what a kernel serves is remembered, too

    @property
    def is_declared(self) -> bool:
        """Whether the constraints alone decide which calls it takes."""
        return super().is_declared and not self.is_asked_in_python

    def _check_what_is_defined(self) -> None:
        self.functional = self.on_cpu = self.traced  # the kernel checks it before its selection
        if not self.is_traced:
            self.on_cpu = self._eager
            return
        self.on_cpu = self._run_eagerly
        if self.op.check.values is not None:  # one made from native knows only torch's own rules
            super()._check_what_is_defined()

    def _check_schema(self) -> None:
        if self._kernel is not None:
            schema = str(self._kernel.schema)
            check_same_schema(self.op.name, "iree", schema[schema.index("(") :], self.op.schema)

    @property
    def is_traced(self) -> bool:
        """Whether the kernel is traced from native."""
        return self._entrance is None or getattr(self._kernel, "native", None) is self.op.native

    @property
    def written_kernel(self) -> Op | None:
        """The op that was registered for it; None where native is what is compiled."""
        return None if self._kernel is None or self.is_traced else self._kernel

    @property
    def kernel(self) -> Op:
        """The op of the kernel; a traced one is made at its first use.

        Raises:
            IrRuntimeError: native cannot be traced.
        """
        if self._kernel is None:
            with hold(self._lock):
                if self._broken is not None:
                    raise self._broken
                if self._tracing:  # native calls the op itself
                    raise GenerateError(
                        f"op {self.op.name}: its kernel is being traced from native"
                    )
                if self._kernel is None:
                    self._tracing = True
                    try:
                        self._kernel = self._trace()
                        self._kernel.precheck = self.op.check
                        self._kernel.like_native = self.op.compute_natively
                    except IrRuntimeError as error:
                        self._broken = error
                        raise
                    finally:
                        self._tracing = False
        return self._kernel

    @property
    def kernel_packet(self) -> Any:
        """The torch op of the kernel."""
        kernel = self.kernel
        return getattr(getattr(torch.ops, kernel.library.ns), kernel.name)

    def _trace(self) -> Op:
        op = self.op
        name = op.name
        if op.namespace != "ir_runtime" or f"{KERNEL_LIBRARY.ns}::{name}" in ALL_CUSTOM_OP_REGS:
            name = f"{name}_@UNIQUE@"
        return tracing.traced_op(
            name,
            op.native,
            schema=op.schema,
            activations=op.activation_indices,
            fake=op.fake_fn,
            library=KERNEL_LIBRARY,
            base=rows.RowOp,
        )

    def _run(self, *values: Any) -> Any:
        if torch.compiler.is_compiling():
            return self.kernel_packet.default(*values)
        return self._run_eagerly(*values)

    def _run_eagerly(self, *values: Any) -> Any:
        """Compute a call that no compiler traces; make the kernel from native if there is none."""
        if self._eager is None:
            try:
                kernel = self.kernel
            except IrRuntimeError as error:
                self.op.check(values)
                raise NotTakenError(f"no kernel can be traced from native: {error}") from error
            self._through_torch = positional(kernel)
            self._eager = eager_entrance(kernel, self._slow)
        return self._eager(*values)

    def _run_into(self, values: Sequence[Any], outs: Sequence[Tensor]) -> None:
        names = ["out"] if len(outs) == 1 else [f"out{i}" for i in range(len(outs))]
        named = dict(zip(names, outs, strict=True))
        self._or_decline(lambda *args: self.kernel_packet.out(*args, **named), values)

    def _slow(self, *values: Any) -> Any:
        """Compute a call that the C launcher does not know, through torch.

        Raises:
            NotTakenError: another provider must compute the call.
        """
        if not self.is_traced:
            return self._or_decline(self._through_torch, values)
        why = super().refusal(*values) if self.constraints else None
        why = self._why_not(values) if why is None else why
        if why is not None:
            self.op.check(values)
            raise NotTakenError(why)
        return self._through_torch(*values)

    def _or_decline(self, function: Callable[..., Any], values: Sequence[Any]) -> Any:
        """Call a function of the kernel; decline a call that it refuses although the op defines it.

        Declined calls are remembered, so that a repetition costs little.

        Raises:
            NotTakenError: another provider must compute the call.
        """
        if self._declined and not set_devices:
            known = self._declined.get(self._key(values))
            if known is not None:
                raise NotTakenError(known)
        try:
            return function(*values)
        except ArgumentError:
            self.op.check(values)
            why = self._why_not(values)
            if why is None:
                raise
        # The answer may depend on the current device, which is not part of the key.
        key = None if set_devices else self._key(values)
        if key is not None:
            if len(self._declined) >= tracing.MOST_OUTCOMES:
                self._declined.clear()
            self._declined[key] = why
        raise NotTakenError(why)

    def _key(self, values: Sequence[Any]) -> Any:
        try:
            key = call_key(values, placed=True)
            hash(key)
        except TypeError:
            return None  # a symbolic size: the kernel is asked in each call
        return key

    def _takes(self, *values: Any) -> bool:
        return self._why_not(values) is None

    def _why_not(self, values: Sequence[Any]) -> str | None:
        if self._kernel is None or self.is_traced:
            try:
                return tracing.refusal(self.kernel, values)
            except IrRuntimeError as error:
                return f"no kernel can be traced from native: {error}"
        try:
            with torch._C._DisableAutocast():
                run_select(self._kernel, values)
        except IrRuntimeError as error:
            return str(error)
        return None

    def refusal(self, *args: Any, **kwargs: Any) -> str | None:
        """Return why it does not take a call, None if it does."""
        values = self.op.all_arguments(args, kwargs)
        why = super().refusal(*values)
        return self._why_not(values) if why is None else why

    def form(self, values: Sequence[Any]) -> str:
        """Return in words how a kernel made from a torch function computes a call, else ""."""
        if self.is_traced or hasattr(self._kernel, "row_function"):
            return rows.form_of(self.kernel, values)
        return ""

    def uuid(self) -> str:
        """Digest the code of the kernel, or of native."""
        if self._kernel is not None and not self.is_traced:
            return self._kernel.code_digest
        return self.op.impls["native"].uuid() + "-traced"
