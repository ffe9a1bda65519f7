"""What is an IR op?  Its meaning is a torch function; which provider computes it is data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from pickle import PicklingError
from typing import Any, ClassVar

from ir_runtime.errors import (
    IrRuntimeError,
    OpConflictError,
    OpDefinitionError,
    RegistrationError,
)
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.ir.choice.explain import Decision
from ir_runtime.ir.choice.op_priority import OpPriority
from ir_runtime.ir.choice.priority import AUTO, BatchSizes, Priority
from ir_runtime.ir.constraint import Constraint, Refusal
from ir_runtime.ir.implementation import IrOpImpl, SupportsArgs, supported_providers
from ir_runtime.ir.iree import IreeImpl
from ir_runtime.ir.log import logger
from ir_runtime.ir.op_facts import Normalize, OpFacts
from ir_runtime.ir.registration import register_with_torch
from ir_runtime.ir.schema import check_name
from ir_runtime.ir.stack import caller_stack
from ir_runtime.op_reg.digest.sink import Sink
from ir_runtime.op_reg.digest.torch_cache import show_code_to_torch
from ir_runtime.op_reg.op.library import IR_RUNTIME_LIBRARY
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.stand_in import register_stand_in
from ir_runtime.op_reg.register.autograd import NoFormula

__all__ = ["RESERVED_PROVIDERS", "IrOp", "ir_torch_lib", "registering"]

RESERVED_PROVIDERS = ["native", "unfused"]
"""Names that no implementation may register under."""

ir_torch_lib = IR_RUNTIME_LIBRARY
"""The library that new ops join: `torch.ops.ir_runtime`."""

registering = fork_safe_lock()
"""Held while an op or a provider is registered."""


class IrOp(OpFacts[IrOpImpl]):
    """An op with a torch function as its meaning and any number of providers.

    `register_op` makes one and enters it into `IrOp.registry`. It owns
    `torch.ops.ir_runtime.<name>`: overload `default`, and `out` if all results are tensors.

    Args:
        name: of the op, lowercase.
        native_impl: computes it with torch functions; each parameter and the result annotated.
        activations: names of the parameters that are activations: their first dimension is the
            batch, and a provider may be allowed to write them. Default: those that begin with `x`.
        registration_stack: where it was registered, as `traceback.format_stack` has it.
        normalize: takes all arguments and returns what providers, native too, get in their place:
            a tensor of ones for a weight that is None.
        accepts: what the arguments must be for the op to be defined, whoever computes it.

    Attributes:
        name: of the op.
        native: the torch function.
        impls: providers by name, in the order in which they were registered.
        activations: names of the activations.
        activation_indices: their positions.
        schema: as torch writes it, without the name.
        torch_op: the overload `default`.
        packet: `torch.ops.ir_runtime.<name>`.
        priority: chooses the provider of each call.
        check: refuses calls that the op does not define.

    Raises:
        OpDefinitionError: the name or the signature is not well formed.
        RegistrationError: torch refuses the schema, or the name is taken there.
    """

    registry: ClassVar[dict[str, IrOp]] = {}

    def __init__(
        self,
        name: str,
        native_impl: Callable[..., Any],
        activations: Sequence[str] | None = None,
        registration_stack: Sequence[str] | None = None,
        normalize: Normalize | None = None,
        accepts: Sequence[Constraint] = (),
    ) -> None:
        super().__init__(name, native_impl, activations, normalize, accepts, ir_torch_lib)
        self._registration_stack = list(registration_stack or ())
        self._check()
        self.priority = OpPriority(self)
        self.providers_changed = self.priority.forget_choices
        self.impls["native"] = IrOpImpl(
            self, "native", native_impl, registration_stack=registration_stack
        )
        self._functions, self.autograd = register_with_torch(self, self.priority)
        self.impls["iree"] = IreeImpl(self)
        register_stand_in(self.qualified_name, self._kernel)
        show_code_to_torch(self.qualified_name, self._describe)
        # A class of its own, whose __call__ has the signature of native: twice as quick as *args.
        own = {"__call__": self._functions.op_call, "__module__": type(self).__module__}
        self.__class__ = type(type(self).__name__, (type(self),), own)

    def _describe(self, into: Sink) -> None:
        """Describe what torch compiles of it: its meta function and its backward."""
        into.add(self.schema, type(self.autograd.formula).__name__)
        formula = [f for f in self.autograd.formula.code if getattr(f, "__self__", None) != self]
        for part in (self.native, self.normalize, self.fake_fn, *formula):
            into.code_of(part)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        """Say why a class cannot be made of an op."""
        raise OpDefinitionError(
            f"op {self.name}: is no class, a base must be one",
            fix=f"add a provider with {self.name}.register_impl, or a kernel with "
            f"ir.register_kernel({self.name})",
        )

    def register_value_check(self, check: Callable[..., None]) -> Callable[..., None]:
        """Refuse values of arguments, such as an index out of range; a decorator.

        Args:
            check: takes all arguments by position, raises ArgumentError. It is asked where all
                tensors lie on the CPU, before native or another provider computes; the kernel of
                provider `iree` looks at values itself.
        """
        self.check.values = check
        for impl in self.impls.values():
            impl.check_again()
        return check

    def _check(self) -> None:
        """Refuse what this kind of op cannot be; before anything is registered."""

    def register_impl(
        self,
        provider: str,
        *,
        supported: bool | Refusal = True,
        supports_args: SupportsArgs | None = None,
        inplace: bool = False,
        constraints: Sequence[Constraint] = (),
    ) -> Callable[[Callable[..., Any]], IrOpImpl]:
        """Register a provider; a decorator of a function that takes what native takes.

        `supported` tells whether the machine can run it, `supports_args` and `constraints` what
        arguments it takes. None of them may depend on the environment or on a configuration:
        what is to run is said by priorities. They should not depend on the batch size.

        Args:
            provider: its name, lowercase.
            supported: False, or `ir.Refusal("why")`, if it does not work on this machine.
            supports_args: takes what native takes, with the same names and defaults.
            inplace: whether it may write its results into the activations.
            constraints: such as `ir.dtypes("x", torch.float32)`.

        Returns:
            A decorator that makes an `IrOpImpl` of a function.

        Raises:
            OpConflictError: the name is reserved or taken, or the op does not allow `inplace`.
            OpDefinitionError: a name, schema, constraint or `supports_args` does not fit the op.

        Example:
            >>> @ir.ops.my_op.register_impl("mine", supported=torch.cuda.is_available())
            ... def my_op_mine(x: Tensor) -> Tensor: ...
        """
        check_name(provider, "Provider")
        self._refuse_reserved(provider)

        def register(function: Callable[..., Any]) -> IrOpImpl:
            stack = caller_stack(1)
            with registering:
                self._refuse_duplicate(provider)
                impl = IrOpImpl(
                    self, provider, function, supported, supports_args, inplace, stack, constraints
                )
                self._add(impl)
            return impl

        return register

    def _refuse_reserved(self, provider: str) -> None:
        if provider in (*RESERVED_PROVIDERS, AUTO):
            raise OpConflictError(
                f"op {self.name}: Provider name {provider} is reserved, must be another"
            )

    def _refuse_duplicate(self, provider: str) -> None:
        known = self.impls.get(provider)
        if known is not None and not (isinstance(known, IreeImpl) and known.is_traced):
            raise OpConflictError(
                f"op {self.name}: provider {provider} is registered already, must be once"
            )

    def _add(self, impl: IrOpImpl) -> None:
        self.impls[impl.provider] = impl
        if self.priority.names:
            logger.warning(
                "Warning: registering new impl %s for op %s while priority is set.",
                impl.provider,
                self.name,
            )

    def register_autograd(
        self, backward: Any, *, setup_context: Callable[..., None] | None = None
    ) -> None:
        """Replace the backward that torch derives from native.

        Args:
            backward: as for `ir_runtime.op_reg.register_autograd`.
            setup_context: likewise.
        """
        from ir_runtime.op_reg.register.backward import make_formula

        self.set_formula(make_formula(self.autograd, backward, setup_context))  # pyright: ignore[reportArgumentType]

    def set_formula(self, formula: Any) -> None:
        """Differentiate by a formula of `op_reg`; one without a backward changes nothing."""
        if not isinstance(formula, NoFormula):
            self.autograd.formula = formula

    def _kernel(self) -> Op | None:
        impl = self.impls["iree"]
        try:
            return impl.kernel if isinstance(impl, IreeImpl) else None
        except IrRuntimeError:  # native cannot be traced
            return None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._functions.op_call(self, *args, **kwargs)

    def dispatch(self, *args: Any, **kwargs: Any) -> IrOpImpl:
        """Return the provider that a call has now.

        Raises:
            PriorityError: none takes it, or none is asked for in strict mode.
        """
        return self.priority.choose(self.normal_arguments(args, kwargs))

    def dispatch_guarded(self, *args: Any, **kwargs: Any) -> IrOpImpl:
        """Return the provider that a call has now; a compiler may put guards on its sizes.

        Raises:
            PriorityError: as for `dispatch`.
        """
        return self.priority.choose(self.normal_arguments(args, kwargs), guarded=True)

    def get_priority(self) -> list[str]:
        """Return the names of the providers in turn, [] if none are set."""
        return self.priority.names

    def set_priority(
        self, priority: Sequence[str], *, batch_sizes: BatchSizes | None = None
    ) -> AbstractContextManager[None]:
        """Set the providers of this context, the first that takes a call computes it.

        Args:
            priority: their names; what is not supported here is left out. If the first word is
                `auto`, a tuned table may put them in the order that it measured; `["auto"]` stands
                for all providers of the op, native first until a table says otherwise.
            batch_sizes: first and last size of dimension 0 of the first activation that they are
                for, last None for no limit; the others keep what they have. It is looked at in each
                call, so that it holds in compiled graphs.

        Raises:
            OpConflictError: a name is unknown, or the sizes are no range.
        """
        return self.priority.set_in_context(priority, batch_sizes)

    def set_default(
        self, priority: Sequence[str], *, batch_sizes: BatchSizes | None = None
    ) -> None:
        """Set the providers of the process, in all threads, where no context has its own.

        Args:
            priority: as for `set_priority`.
            batch_sizes: likewise.
        """
        self.priority.set_default(priority, batch_sizes)

    def clear_default(self) -> None:
        """Forget the default."""
        self.priority.clear_default()

    @property
    def context(self) -> ContextVar[Priority | None]:
        """The priority of a context, None if it has none."""
        return self.priority.context

    @property
    def default_priority(self) -> Priority:
        """The priority that is used where no context has one."""
        return self.priority.default

    def explain(self, *args: Any, **kwargs: Any) -> Decision:
        """Say which provider a call would have, and why each other one not."""
        return self.priority.current().explain(self.normal_arguments(args, kwargs))

    def supported_providers(self) -> list[str]:
        """Return the names of the providers that work here."""
        return supported_providers(self)

    def __reduce__(self) -> tuple[Any, ...]:
        if IrOp.registry.get(self.name) is not self:
            raise PicklingError(
                f"op {self.name}: it is not registered, must be to be found by name"
            )
        return _registered, (self.name,)

    def __deepcopy__(self, _: Any) -> IrOp:
        return self

    def __copy__(self) -> IrOp:
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{self.name}')"

    def __str__(self) -> str:
        first = self.docstring.split("\n", maxsplit=1)[0].strip()
        return f"{self!r} - {first}" if first else repr(self)


def _registered(name: str) -> IrOp:
    """Return the op of a name.

    Raises:
        RegistrationError: there is none.
    """
    if name not in IrOp.registry:
        raise RegistrationError(
            f"op {name}: it is not registered here, must be before it is unpickled",
            fix="import the module that registers it",
        )
    return IrOp.registry[name]
