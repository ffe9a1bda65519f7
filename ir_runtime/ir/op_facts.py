"""The facts of an op that hold for every provider: native, arguments, schema, torch op."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import torch

from ir_runtime.errors import OpDefinitionError
from ir_runtime.ir.argument_check import ArgumentCheck
from ir_runtime.ir.constraint import Constraint
from ir_runtime.ir.op_checks import OpChecks
from ir_runtime.ir.schema import check_name, check_parameters, infer_schema
from ir_runtime.op_reg.op.library import IR_RUNTIME_LIBRARY

__all__ = ["Normalize", "OpFacts"]

Normalize = Callable[..., tuple[Any, ...]]

Impl = TypeVar("Impl")


class OpFacts(OpChecks, Generic[Impl]):
    """The part of an op that its providers use, and the code that chooses among them.

    Args:
        name: of the op, lowercase.
        native: computes it with torch functions; each parameter and the result annotated.
        activations: names of the activations; default: parameters whose names begin with `x`.
        normalize: takes all arguments and returns the arguments for the providers.
        accepts: constraints on the arguments of every call.
        library: the torch library that it joins.

    Attributes:
        signature: of native.
        arg_names: names of its parameters.
        kinds: their types, from `str(argument.type)`.
        result_kinds: the types of the results.
        activation_indices: positions of the activations.
        schema: as torch writes it, without the name.
        docstring: of native.
        check: refuses calls that the op does not define.
        impls: providers by name, in the order of their registration.
        providers_changed: called after a provider's conditions have changed.
        packet: `torch.ops.ir_runtime.<name>`.
        torch_op: the overload `default`.
        allow_inplace: whether providers may write their results into the activations.

    Raises:
        OpDefinitionError: the name or the signature is not well formed.
    """

    allow_inplace: ClassVar[bool] = False

    packet: Any
    torch_op: torch._ops.OpOverload

    def __init__(
        self,
        name: str,
        native: Callable[..., Any],
        activations: Sequence[str] | None,
        normalize: Normalize | None,
        accepts: Sequence[Constraint],
        library: torch.library.Library,
    ) -> None:
        check_name(name, "Op")
        super().__init__(name)
        self.native = native
        self.normalize = normalize
        self.library = library
        self.signature = check_parameters(name, native)
        self.arg_names = tuple(self.signature.parameters)
        self.activations = _activations(name, self.arg_names, activations)
        self.activation_indices = [self.arg_names.index(a) for a in self.activations]
        self.schema = infer_schema(name, native)
        self.docstring = inspect.getdoc(native) or ""
        self._defaults = tuple(
            p.default for p in self.signature.parameters.values() if p.default is not p.empty
        )
        parsed = torch._C.parse_schema(f"ir_runtime::{name}{self.schema}")
        self.kinds = tuple(str(a.type) for a in parsed.arguments)
        self.result_kinds = tuple(str(result.type) for result in parsed.returns)
        kinds = dict(zip(self.arg_names, self.kinds, strict=True))
        self.check = ArgumentCheck(name, self.arg_names, kinds, accepts)
        self.impls: dict[str, Impl] = {}
        self.providers_changed: Callable[[], None] = _do_nothing
        self._fake_fn = native

    def find_torch_op(self) -> None:
        """Look up the torch op, once its overloads are defined."""
        self.packet = getattr(getattr(torch.ops, self.namespace), self.name)
        self.torch_op = self.packet.default

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
        """The library's namespace; `ir_runtime` if a documentation build mocks the library."""
        found: Any = self.library.ns
        return found if isinstance(found, str) else IR_RUNTIME_LIBRARY.ns

    def register_fake(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Register a function that returns fake results, in place of native; a decorator."""
        self._fake_fn = fn
        return fn

    @property
    def fake_fn(self) -> Callable[..., Any]:
        """The function that returns fake results: their shapes and dtypes count."""
        return self._fake_fn

    def fake_call(self, *args: Any, **kwargs: Any) -> Any:
        """Return fake results of a call; the meta function of the torch op."""
        values = self.all_arguments(args, kwargs)
        self.check(values)
        return self._fake_fn(*(values if self.normalize is None else self.normalize(*values)))

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
        """Return all arguments, normalised for the providers.

        Raises:
            TypeError: they do not fit the signature.
        """
        values = self.all_arguments(args, kwargs)
        return values if self.normalize is None else self.normalize(*values)

    def apply_arg_defaults(self, args: Sequence[Any]) -> tuple[Any, ...]:
        """Return all arguments by position, for passes that lower a node."""
        return self.all_arguments(args)

    def run_native(self, *args: Any) -> Any:
        """Compute a call by native, given arguments by position that are not normalised yet."""
        return self.native(*self.normal_arguments(args))

    def compute_natively(self, *args: Any, **kwargs: Any) -> Any:
        """Check a call and compute it by native; its torch functions have vmap and jvp rules."""
        values = self.all_arguments(args, kwargs)
        self.check(values)
        return self.run_native(*values)

    def batch_size(self, values: Sequence[Any]) -> int:
        """Return the first size of the first activation; 1 if it has none."""
        first = values[self.activation_indices[0]]
        if isinstance(first, list | tuple):
            first = first[0] if first else None
        return first.shape[0] if first is not None and first.ndim else 1


def _activations(op: str, names: Sequence[str], given: Sequence[str] | None) -> list[str]:
    if given is None:
        return [name for name in names if name.startswith("x")]
    for name in given:
        if name not in names:
            raise OpDefinitionError(
                f"op {op}: activation {name!r} is none of its parameters: {', '.join(names)}"
            )
    return [name for name in names if name in given]


def _do_nothing() -> None:
    """Ignore a change of providers."""
