"""A provider of an op: a function with native's signature, and the arguments that it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.errors import OpConflictError, UnsupportedProviderError
from ir_runtime.ir.constraint import Constraint, Refusal, compile_constraints
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.reads import Reads
from ir_runtime.ir.schema import check_name, check_same_schema, check_supports_args, infer_schema
from ir_runtime.late_import import late_module
from ir_runtime.launch.operand.overlap import may_be_written

if TYPE_CHECKING:
    from ir_runtime.op_reg.digest import op_digest
else:
    op_digest = late_module("ir_runtime.op_reg.digest.op_digest")

__all__ = ["IrOpImpl", "SupportsArgs", "both", "supported_providers"]

SupportsArgs = Callable[..., bool]


class IrOpImpl:
    """One way to compute an op.

    Args:
        op: the op.
        provider: its name.
        impl_fn: computes a call; takes the arguments of native.
        supported: whether it works on this machine; if not, `Refusal("why not")` gives the reason.
        supports_args: takes the arguments of native, and tells whether `impl_fn` supports them;
            returns a bool, or a `Refusal`. It should depend only on dtypes, ranks and options.
        inplace: whether it may write its results into the op's activations.
        registration_stack: the stack at its registration, from `traceback.format_stack`.
        constraints: more conditions on the arguments.

    Attributes:
        accepts: tells whether it takes a call, given all arguments by position; None if it takes
            every call.
        functional: computes a call without writing to its arguments, given all by position;
            refuses calls that the op does not define.
        on_cpu: the same, for callers that know that no tensor is None and all are on the CPU.
        traced: the same without a check of the arguments, for compilers.
        is_asked_in_python: whether `accepts` runs code that no compiler can trace.
        may_decline: whether `functional` may raise `NotTakenError`, so that another provider
            computes the call.
        asked_first: a cheaper `accepts`; `functional` may still decline a call that it accepts.
        run_into: writes the results into given tensors; None if results must be copied there.

    Raises:
        OpDefinitionError: its schema, or that of `supports_args`, is not native's.
        OpConflictError: it writes activations, and the op does not allow that.
    """

    is_asked_in_python = False
    may_decline = False

    def __init__(
        self,
        op: OpFacts[IrOpImpl],
        provider: str,
        impl_fn: Callable[..., Any],
        supported: bool | Refusal = True,  # noqa: FBT001, FBT002 - the known order
        supports_args: SupportsArgs | None = None,
        inplace: bool = False,  # noqa: FBT001, FBT002 - the known order
        registration_stack: Sequence[str] | None = None,
        constraints: Sequence[Constraint] = (),
    ) -> None:
        check_name(provider, "Provider")
        if inplace and not op.allow_inplace:
            raise OpConflictError(
                f"op {op.name}: provider {provider} writes activations, and the op does not allow "
                "it, must be registered with allow_inplace=True"
            )
        if supports_args is not None:
            check_supports_args(provider, supports_args, op.signature)
        held = compile_constraints(f"provider {provider}", constraints, op.arg_names)
        self.op = op
        self.provider = provider
        self.impl_fn = impl_fn
        self.inplace = inplace
        self.constraints = tuple(constraints)
        self._supports_args = supports_args
        self._registration_stack = registration_stack or []
        self.run_into: Callable[[Sequence[Any], Sequence[Tensor]], None] | None = None
        self._accepts = both(held, supports_args)
        self._accepts_guarded = self._accepts
        if any(c.guarded for c in constraints):  # compilers get a second function, with these tests
            guarded = [replace(c, test=c.guarded or c.test) for c in constraints]
            held = compile_constraints(f"provider {provider}", guarded, op.arg_names)
            self._accepts_guarded = both(held, supports_args)
        self.supported = supported
        self.traced = self._run_on_clones if inplace else impl_fn
        self._check_what_is_defined()
        self._check_schema()

    def _check_what_is_defined(self) -> None:
        self.functional = self.op.check.guard(self.traced)
        self.on_cpu = self.op.check.guard(self.traced, on_cpu=True)

    def check_again(self) -> None:
        """Take over a change of the op's own checks."""
        self._check_what_is_defined()
        self.op.providers_changed()

    def _check_schema(self) -> None:
        if self.provider != "native":
            mine = infer_schema(self.op.name, self.impl_fn)
            check_same_schema(self.op.name, self.provider, mine, self.op.schema)

    @property
    def supported(self) -> bool:
        """Whether it works on this machine."""
        return not self.why_unsupported

    @supported.setter
    def supported(self, answer: bool | Refusal) -> None:
        reason = str(answer) if isinstance(answer, Refusal) else ""
        self.why_unsupported = "" if answer else reason or "it does not work on this machine"
        self.accepts: Callable[..., bool] | None = self._accepts if answer else self._refuse
        self.asked_first = self.accepts
        self.op.providers_changed()

    def _refuse(self, *values: Any) -> bool:
        del values
        raise UnsupportedProviderError(
            f"op {self.op.name}: provider {self.provider} is not supported here, must be left out "
            f"of the priority: {self.why_unsupported}"
        )

    @property
    def accepts_guarded(self) -> Callable[..., bool] | None:
        """Like `accepts`, but a compiler may put guards on symbolic sizes."""
        return self._accepts_guarded if self.accepts is self._accepts else self.accepts

    @property
    def is_declared(self) -> bool:
        """Whether the constraints alone decide which calls it takes."""
        return self.supported and self._supports_args is None and bool(self.constraints)

    @property
    def asked_constraints(self) -> tuple[Constraint, ...]:
        """The constraints that are tested in each call."""
        return self.constraints

    @property
    def reads(self) -> Reads:
        """What it reads of a call to tell whether it takes the call."""
        if self._supports_args is not None:
            return Reads.MORE  # code of a user
        return max((c.reads for c in self.constraints), default=Reads.KIND)

    @property
    def tested(self) -> set[str]:
        """The names of the arguments that its constraints read."""
        return {name for c in self.constraints for name in (c.argument, *c.others)}

    @property
    def supports_all_args(self) -> bool:
        """Whether it takes all arguments."""
        return self._accepts is None

    def supports_args(self, *args: Any, **kwargs: Any) -> bool:
        """Tell whether it takes a call."""
        accepts = self.accepts
        return accepts is None or bool(accepts(*self.op.all_arguments(args, kwargs)))

    def refusal(self, *args: Any, **kwargs: Any) -> str | None:
        """Return why it does not take a call, None if it does."""
        values = self.op.all_arguments(args, kwargs)
        call = dict(zip(self.op.arg_names, values, strict=True))
        for constraint in self.constraints:
            why = constraint.refusal_in(call)
            if why is not None:
                return why
        if self._supports_args is None:
            return None
        answer = self._supports_args(*values)
        if answer:
            return None
        return str(answer) if isinstance(answer, Refusal) else "its supports_args says no"

    def func_impl_fn(self, *args: Any, **kwargs: Any) -> Any:
        """Compute a call without writing to its arguments."""
        return self.functional(*self.op.all_arguments(args, kwargs))

    def _run_on_clones(self, *values: Any) -> Any:
        copies = list(values)
        for i in self.op.activation_indices:
            assert isinstance(values[i], Tensor | torch.fx.Proxy), (
                f"activation {i} is {values[i]!r}"
            )
            copies[i] = values[i].clone()
        return self.impl_fn(*copies)

    def run_maybe_inplace(self, *values: Any) -> Any:
        """Compute a call whose activations may be written."""
        if not self.inplace:
            return self.functional(*values)
        self.op.check(values)
        if not may_be_written(self.op.activation_indices, values):
            return self._run_on_clones(*values)  # two arguments share memory, as in op(x, x)
        results = self.impl_fn(*values)
        if not torch.compiler.is_compiling():
            torch._C._increment_version([values[i] for i in self.op.activation_indices])
        return results

    def uuid(self) -> str:
        """Digest `impl_fn` with the code it refers to, its conditions, and whether it writes."""
        digest = op_digest.function_digest
        takes = "" if self._supports_args is None else digest(self._supports_args)
        words = [f"{c.argument} {c.wanted}" for c in self.constraints]
        writes = ["inplace"] if self.inplace else []
        return "-".join((digest(self.impl_fn), takes, *writes, *words))

    def __reduce__(self) -> tuple[Any, ...]:
        return _provider_of, (self.op, self.provider)

    def __deepcopy__(self, _: Any) -> IrOpImpl:
        return self

    def __copy__(self) -> IrOpImpl:
        return self

    def __repr__(self) -> str:
        return f"IrOpImpl('{self.op.name}', '{self.provider}')"


def _provider_of(op: OpFacts[IrOpImpl], provider: str) -> IrOpImpl:
    return op.impls[provider]


def supported_providers(op: OpFacts[IrOpImpl]) -> list[str]:
    """Return the names of an op's providers that this machine supports."""
    return [impl.provider for impl in op.impls.values() if impl.supported]


def both(
    one: Callable[..., bool] | None, other: Callable[..., bool] | None
) -> Callable[..., bool] | None:
    """Return a test that holds where both hold; None stands for a test that always holds."""
    if one is None or other is None:
        return one or other
    return lambda *values: one(*values) and other(*values)
