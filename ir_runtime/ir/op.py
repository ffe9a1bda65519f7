"""IR ops: a torch function defines each op, and its priority chooses the provider of a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from pickle import PicklingError
from typing import TYPE_CHECKING, Any, ClassVar

from ir_runtime.errors import (
    IrRuntimeError,
    OpConflictError,
    OpDefinitionError,
    RegistrationError,
)
from ir_runtime.fork_lock import fork_safe_lock
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
from ir_runtime.late_table import LateTable
from ir_runtime.op_reg.digest.sink import Sink
from ir_runtime.op_reg.digest.torch_cache import show_code_to_torch
from ir_runtime.op_reg.op.library import IR_RUNTIME_LIBRARY
from ir_runtime.op_reg.op.native import NATIVES
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.stand_in import register_stand_in
from ir_runtime.op_reg.register.autograd import NoFormula

if TYPE_CHECKING:
    from ir_runtime.ir.choice.explain import Decision

__all__ = ["RESERVED_PROVIDERS", "IrOp", "ir_torch_lib", "registering"]

RESERVED_PROVIDERS = ["native", "unfused"]
"""Names that no provider may be registered under."""

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
        activations: names of the activations. Their first dimension is the batch, and in-place
            providers write them. Default: the parameters whose names begin with `x`.
        registration_stack: the stack at its registration, from `traceback.format_stack`.
        normalize: takes all arguments and returns the arguments for the providers, native too;
            for example, it replaces a weight that is None by a tensor of ones.
        accepts: constraints on the arguments of every call, whichever provider computes it.

    Attributes:
        name: of the op.
        native: the torch function.
        impls: providers by name, in the order of their registration.
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

    registry: ClassVar[LateTable[IrOp]] = LateTable()

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
        self._registration_stack = registration_stack or []
        self._check()
        self.priority = OpPriority(self)
        self.providers_changed = self.priority.forget_choices
        self.impls["native"] = IrOpImpl(
            self, "native", native_impl, registration_stack=registration_stack
        )
        self._functions, self.autograd = register_with_torch(self, self.priority)
        self.impls["iree"] = IreeImpl(self)
        NATIVES[self.qualified_name] = self.compute_natively
        register_stand_in(self.qualified_name, self._kernel)
        show_code_to_torch(self.qualified_name, self._describe)
        # Each op has its own class, with native's signature in __call__: twice as fast as *args.
        # Its docstring is native's, for `help`.
        own = {
            "__call__": self._functions.op_call,
            "__doc__": self.docstring,
            "__module__": type(self).__module__,
        }
        self.__class__ = type(type(self).__name__, (type(self),), own)

    def _describe(self, into: Sink) -> None:
        """Describe the parts that torch compiles: the meta function and the backward."""
        into.add(self.schema, type(self.autograd.formula).__name__)
        # Methods of this op are left out: they would bring in the op itself, with its providers.
        formula = [f for f in self.autograd.formula.code if getattr(f, "__self__", None) != self]
        for part in (self.native, self.normalize, self.fake_fn, *formula):
            into.code_of(part)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        """Refuse an op as the base of a class."""
        raise OpDefinitionError(
            f"op {self.name}: is no class, a base must be one",
            fix=f"add a provider with {self.name}.register_impl, or a kernel with "
            f"ir.register_kernel({self.name})",
        )

    def register_value_check(self, check: Callable[..., None]) -> Callable[..., None]:
        """Register a check that refuses values, such as an index out of range; a decorator.

        Args:
            check: takes all arguments by position, raises ArgumentError. It runs before native or
                another provider if all tensors are on the CPU. The kernel of the provider `iree`
                checks values itself.
        """
        self.check.values = check
        for impl in self.impls.values():
            impl.check_again()
        return check

    def _check(self) -> None:
        """Refuse an op that cannot be of this class, before anything is registered."""

    def register_impl(
        self,
        provider: str,
        *,
        supported: bool | Refusal = True,
        supports_args: SupportsArgs | None = None,
        inplace: bool = False,
        constraints: Sequence[Constraint] = (),
    ) -> Callable[[Callable[..., Any]], IrOpImpl]:
        """Register a provider; a decorator of a function that takes the arguments of native.

        `supported` tells whether this machine can run the provider; `supports_args` and
        `constraints` tell which arguments it takes. None of them may depend on the environment or
        on a configuration, because priorities decide which provider runs. They should not depend
        on the batch size.

        Args:
            provider: its name, lowercase.
            supported: False, or `ir.Refusal("why")`, if it does not work on this machine.
            supports_args: takes the arguments of native, with the same names and defaults.
            inplace: whether it may write its results into the activations.
            constraints: such as `ir.dtypes("x", torch.float32)`.

        Returns:
            A decorator that turns a function into an `IrOpImpl`.

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
                f"op {self.name}: provider {provider} is registered already, must have another name"
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
            setup_context: as for `ir_runtime.op_reg.register_autograd`.
        """
        from ir_runtime.op_reg.register.backward import make_formula

        self.set_formula(make_formula(self.autograd, backward, setup_context))  # pyright: ignore[reportArgumentType]

    def set_formula(self, formula: Any) -> None:
        """Use a gradient formula of `op_reg`; a formula without a backward changes nothing."""
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
        """Return the provider that computes a call under the current priority.

        Raises:
            PriorityError: no provider takes the call, or no priority is set in strict mode.
        """
        return self.priority.choose(self.normal_arguments(args, kwargs))

    def dispatch_guarded(self, *args: Any, **kwargs: Any) -> IrOpImpl:
        """Return the provider of a call, as `dispatch`; a compiler may put guards on sizes.

        Raises:
            PriorityError: as for `dispatch`.
        """
        return self.priority.choose(self.normal_arguments(args, kwargs), guarded=True)

    def get_priority(self) -> list[str]:
        """Return the names of the providers in order, [] if none are set."""
        return self.priority.names

    def set_priority(
        self, priority: Sequence[str], *, batch_sizes: BatchSizes | None = None
    ) -> AbstractContextManager[None]:
        """Set the providers of this context; the first one that takes a call computes it.

        Args:
            priority: their names in order; providers that this machine does not support are left
                out. If the first word is `auto`, a tuned table may reorder the others; `["auto"]`
                means all providers of the op, native first until a table says otherwise.
            batch_sizes: first and last batch size (dimension 0 of the first activation) for this
                priority; last None for no limit. Other sizes keep their priority. The size is read
                in each call, so this holds in compiled graphs, too.

        Raises:
            OpConflictError: a name is unknown, or the sizes are no range.
        """
        return self.priority.set_in_context(priority, batch_sizes)

    def set_default(
        self, priority: Sequence[str], *, batch_sizes: BatchSizes | None = None
    ) -> None:
        """Set the providers of the process, in all threads, for contexts without a priority.

        Args:
            priority: as for `set_priority`.
            batch_sizes: as for `set_priority`.
        """
        self.priority.set_default(priority, batch_sizes)

    def clear_default(self) -> None:
        """Remove the default of the process."""
        self.priority.clear_default()

    @property
    def context(self) -> ContextVar[Priority | None]:
        """The priority of a context, None if it has none."""
        return self.priority.context

    @property
    def default_priority(self) -> Priority:
        """The priority for contexts that have none."""
        return self.priority.default

    def explain(self, *args: Any, **kwargs: Any) -> Decision:
        """Explain which provider would compute a call, and why the others would not."""
        return self.priority.current().explain(self.normal_arguments(args, kwargs))

    def supported_providers(self) -> list[str]:
        """Return the names of the providers that this machine supports."""
        return supported_providers(self)

    def __reduce__(self) -> tuple[Any, ...]:
        if IrOp.registry.get(self.name) is not self:
            raise PicklingError(
                f"op {self.name}: is not registered, must be registered to be found by name"
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
        RegistrationError: no op has this name.
    """
    if name not in IrOp.registry:
        raise RegistrationError(
            f"op {name}: is not registered here, must be registered before it is unpickled",
            fix="import the module that registers it",
        )
    return IrOp.registry[name]
