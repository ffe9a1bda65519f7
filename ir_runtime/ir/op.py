"""What is an IR op?  Its meaning is a torch function; which provider computes it is data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pickle import PicklingError
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ir_runtime.errors import (
    IrRuntimeError,
    OpConflictError,
    OpDefinitionError,
    RegistrationError,
)
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.ir.argument_check import ArgumentCheck
from ir_runtime.ir.constraint import Constraint, Refusal
from ir_runtime.ir.implementation import IrOpImpl, SupportsArgs
from ir_runtime.ir.iree import IreeImpl
from ir_runtime.ir.log import logger
from ir_runtime.ir.op_checks import OpChecks
from ir_runtime.ir.op_priority import OpPriority
from ir_runtime.ir.registration import AutogradOp, define_ops, register_ops
from ir_runtime.ir.schema import check_name, check_parameters, infer_schema
from ir_runtime.ir.stack import caller_stack
from ir_runtime.op_reg.digest.sink import Sink
from ir_runtime.op_reg.digest.torch_cache import show_code_to_torch
from ir_runtime.op_reg.op.library import IR_RUNTIME_LIBRARY
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.stand_in import register_stand_in
from ir_runtime.op_reg.register.autograd import NoFormula
from ir_runtime.op_reg.register.derived_backward import NativeFormula

if TYPE_CHECKING:
    from ir_runtime.ir.explain import Decision

__all__ = ["RESERVED_PROVIDERS", "IrOp", "Normalize", "ir_torch_lib", "registering"]

RESERVED_PROVIDERS = ["native", "unfused"]
"""Names that no implementation may register under."""

ir_torch_lib = IR_RUNTIME_LIBRARY
"""The library that new ops join: `torch.ops.ir_runtime`."""

registering = fork_safe_lock()
"""Held while an op or a provider is registered."""

Normalize = Callable[..., tuple[Any, ...]]


class IrOp(OpPriority, OpChecks):
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
        default_priority: what is used where no context has a priority.
        check: refuses calls that the op does not define.

    Raises:
        OpDefinitionError: the name or the signature is not well formed.
        RegistrationError: torch refuses the schema, or the name is taken there.
    """

    registry: ClassVar[dict[str, IrOp]] = {}
    allow_inplace: ClassVar[bool] = False

    def __init__(
        self,
        name: str,
        native_impl: Callable[..., Any],
        activations: Sequence[str] | None = None,
        registration_stack: Sequence[str] | None = None,
        normalize: Normalize | None = None,
        accepts: Sequence[Constraint] = (),
    ) -> None:
        check_name(name, "Op")
        self.name = name
        self.native = native_impl
        self.normalize = normalize
        self.signature = check_parameters(name, native_impl)
        self.arg_names = tuple(self.signature.parameters)
        self.activations = _activations(name, self.arg_names, activations)
        self.activation_indices = [self.arg_names.index(a) for a in self.activations]
        self.schema = infer_schema(name, native_impl)
        self._docstring = inspect.getdoc(native_impl) or ""
        self._registration_stack = list(registration_stack or ())
        self._defaults = tuple(
            p.default for p in self.signature.parameters.values() if p.default is not p.empty
        )
        self._check()
        arguments = torch._C.parse_schema(f"ir_runtime::{name}{self.schema}").arguments
        kinds = {a.name: str(a.type) for a in arguments}
        self.check = ArgumentCheck(name, self.arg_names, kinds, accepts)
        OpPriority.__init__(self, name)
        OpChecks.__init__(self, name)
        self._fake_fn: Callable[..., Any] = native_impl
        self.library: torch.library.Library = ir_torch_lib
        self.impls: dict[str, IrOpImpl] = {
            "native": IrOpImpl(self, "native", native_impl, registration_stack=registration_stack)
        }
        self._register_with_torch()
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

    def _register_with_torch(self) -> None:
        try:
            define_ops(self)
        except RuntimeError as error:
            if isinstance(error, RegistrationError):
                raise
            raise RegistrationError(
                f"op {self.name}: torch refuses it", facts=[*str(error).split("\n"), self.schema]
            ) from error
        self.packet: Any = getattr(getattr(torch.ops, self.namespace), self.name)
        self.torch_op: torch._ops.OpOverload = self.packet.default
        self.autograd: AutogradOp
        self._functions = register_ops(self)
        like: Any = self.autograd
        self.autograd.formula = NativeFormula(like, self.run_native)

    @property
    def overload(self) -> torch._ops.OpOverload:
        """The overload `default`."""
        return self.packet.default

    @property
    def qualified_name(self) -> str:
        """Namespace and name, `ir_runtime::<name>`."""
        return f"{self.namespace}::{self.name}"

    @property
    def namespace(self) -> str:
        """That of the library; `ir_runtime` where a builder of documentation has mocked it."""
        found: Any = self.library.ns
        return found if isinstance(found, str) else IR_RUNTIME_LIBRARY.ns

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
            What makes an `IrOpImpl` of a function.

        Raises:
            OpConflictError: the name is reserved or taken, or the op does not allow `inplace`.
            OpDefinitionError: a name, schema, constraint or `supports_args` does not fit the op.

        Example:
            >>> @ir.ops.my_op.register_impl("mine", supported=torch.cuda.is_available())
            ... def my_op_mine(x: Tensor) -> Tensor: ...
        """
        check_name(provider, "Provider")
        if provider in RESERVED_PROVIDERS:
            raise OpConflictError(
                f"op {self.name}: Provider name {provider} is reserved, must be another"
            )

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

    def _refuse_duplicate(self, provider: str) -> None:
        known = self.impls.get(provider)
        if known is not None and not (isinstance(known, IreeImpl) and known.is_traced):
            raise OpConflictError(
                f"op {self.name}: provider {provider} is registered already, must be once"
            )

    def _add(self, impl: IrOpImpl) -> None:
        self.impls[impl.provider] = impl
        if self.get_priority():
            logger.warning(
                "Warning: registering new impl %s for op %s while priority is set.",
                impl.provider,
                self.name,
            )

    def register_fake(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Let `fn` tell shapes and dtypes of results; default: native. A decorator."""
        self._fake_fn = fn
        return fn

    def _fake_call(self, *args: Any, **kwargs: Any) -> Any:
        values = self.all_arguments(args, kwargs)
        self.check(values)
        return self._fake_fn(*(values if self.normalize is None else self.normalize(*values)))

    @property
    def fake_fn(self) -> Callable[..., Any]:
        """What tells shapes and dtypes of results."""
        return self._fake_fn

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

    def all_arguments(
        self, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None
    ) -> tuple[Any, ...]:
        """Return all arguments by position, with defaults for those that are missing.

        Raises:
            TypeError: they do not fit the signature.
        """
        missing = len(self.arg_names) - len(args)
        if not kwargs and 0 <= missing <= len(self._defaults):
            return (*args, *self._defaults[len(self._defaults) - missing :])
        bound = self.signature.bind(*args, **(kwargs or {}))
        bound.apply_defaults()
        return bound.args

    def normal_arguments(
        self, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None
    ) -> tuple[Any, ...]:
        """Return all arguments as providers get them.

        Raises:
            TypeError: they do not fit the signature.
        """
        values = self.all_arguments(args, kwargs)
        return values if self.normalize is None else self.normalize(*values)

    def run_native(self, *args: Any) -> Any:
        """Compute a call by native, given arguments by position as callers give them."""
        return self.native(*self.normal_arguments(args))

    def compute_natively(self, *args: Any, **kwargs: Any) -> Any:
        """Compute a call by native, whose torch functions have rules for vmap and jvp."""
        values = self.all_arguments(args, kwargs)
        self.check(values)
        return self.run_native(*values)

    def apply_arg_defaults(self, args: Sequence[Any]) -> tuple[Any, ...]:
        """Return all arguments by position, for passes that lower a node."""
        return self.all_arguments(args)

    def batch_size(self, values: Sequence[Any]) -> int:
        """Return the first size of the first activation; 1 if it has none."""
        first = values[self.activation_indices[0]]
        if isinstance(first, list | tuple):
            first = first[0] if first else None
        return first.shape[0] if first is not None and first.ndim else 1

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._functions.op_call(self, *args, **kwargs)

    def _traced_call(self, *given: Any) -> Any:
        """Compute a call where a compiler traces through the provider.

        The torch op stands for providers whose arguments cannot be looked at while tracing.
        """
        values = given if self.normalize is None else self.normalize(*given)
        holds = self.check.holds
        if holds is not None and torch.compiler.is_dynamo_compiling() and not holds(*values):
            return self.torch_op(*given)  # whose meta function says what is wrong
        priority = self._priority().for_batch(values)
        for impl in priority.impls:
            if impl.is_asked_in_python:
                return self.torch_op(*given)
            if impl.accepts is None or impl.accepts(*values):
                break
        return priority.choose(values).traced(*values)

    def explain(self, *args: Any, **kwargs: Any) -> Decision:
        """Say which provider a call would have, and why each other one not."""
        from ir_runtime.ir.explain import explain

        return explain(self, self.normal_arguments(args, kwargs))

    def supported_providers(self) -> list[str]:
        """Return the names of the providers that work here."""
        return [impl.provider for impl in self.impls.values() if impl.supported]

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
        first = self._docstring.split("\n", maxsplit=1)[0].strip()
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


def _activations(op: str, names: Sequence[str], given: Sequence[str] | None) -> list[str]:
    if given is None:
        return [name for name in names if name.startswith("x")]
    for name in given:
        if name not in names:
            raise OpDefinitionError(
                f"op {op}: activation {name!r} is none of its parameters: {', '.join(names)}"
            )
    return [name for name in names if name in given]
