"""`Op`: the facts of an op from its signature, its class and its registration."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch

from ir_runtime.errors import RegistrationError
from ir_runtime.fork_lock import cached_property
from ir_runtime.op_reg.op.library import unique_name
from ir_runtime.op_reg.op.schema import check_dispatch_keys, check_schema

__all__ = ["Op"]

_SIGNATURE = re.compile(r"^\s*(?P<name>[A-Za-z_][\w@]*)(?P<overload>\.\w*)?\s*\(")


class Op(ABC):
    """The facts of an op without its kernels; users subclass `CustomOp`.

    Attributes:
        signature: name and schema, as for `torch.library`. `@UNIQUE@` in the name becomes a
            number.
        single_dispatch: whether the compiler must compile the kernel to a single dispatch.
        select_each_call: whether `select` runs on each call.
        compile_flags: compiler flags for its kernels.
        tags: additional torch tags of the op, such as `torch.Tag.pointwise`.
        vmap: the rule of `torch.vmap`, as for `register_vmap`; a method
            `vmap(self, info, in_dims, *args)` or "loop".
        autocast: by device type, the dtype to which an autocast region casts floating-point
            arguments, as for `register_autocast`.
        elementwise: whether each element of a result depends only on the arguments' elements at
            the same place. `out` may then be an argument; for other ops such a call is computed
            in a scratch buffer.
        work_per_byte: work per byte of its tensors, 1 for an elementwise op; decides if a call is
            large enough to wake worker threads.
        precheck: takes all arguments and refuses a call that no provider can compute; runs before
            each `select`. Set if the op is the kernel of an IR op.
        like_native: a torch function that computes the same, for forward-mode derivatives and
            `torch.vmap`; None if there is none. Set if the op is the kernel of an IR op.
        variant_source: takes all arguments of a call, returns the forms of its kernel that are
            wanted, by the names that `select` gives to `choose_variant`; None for the default ones.
        before_select: called before each `select` of a call; None if nothing is to be done.
        calls: the bound launches of calls that were seen before, a `CallTable`.
        formula: the registered backward, None if there is none.
        vmap_rule: the registered rule of `torch.vmap`, None if there is none.
        autocast_dtypes: by device type, the registered dtypes of autocast regions.
    """

    signature: str = ""
    single_dispatch: bool = False
    select_each_call: ClassVar[bool] = False
    compile_flags: ClassVar[Sequence[str]] = ()
    elementwise: ClassVar[bool] = False
    work_per_byte: ClassVar[float] = 1.0
    tags: ClassVar[Sequence[torch.Tag]] = ()
    vmap: Any = None
    autocast: ClassVar[Mapping[str, torch.dtype]] = {}
    calls: Any

    def eager_execute(self, *args: Any) -> Any:
        """Compute an eager call in Python instead; NotImplemented runs the kernel."""
        del args
        return NotImplemented

    def eager_calls(self, *args: Any) -> Sequence[tuple[Any, Sequence[Any]]]:
        """Return the calls of other ops that `eager_execute` makes: each op, and its arguments.

        `build_kernel` compiles their kernels, too. It asks for each target in turn, while code is
        made for the target's machine; values of tensors do not matter.
        """
        del args
        return ()

    def check(self, *args: Any) -> None:
        """Refuse argument values, such as indices out of range; runs before each launch."""
        del args

    def setup_context(self, ctx: Any, inputs: Sequence[Any], output: Any) -> None:
        """Save what `backward` needs, as in `torch.library.register_autograd`."""
        del ctx, inputs, output

    def backward(self, ctx: Any, *gradients: Any) -> Any:
        """Return a gradient or None for each argument; an op with one is differentiable.

        A class may have an op or `derive_backward(native)` as `backward` instead of a method.
        """
        raise NotImplementedError

    def __init__(
        self,
        *,
        library: torch.library.Library,
        dispatch_key: str | Sequence[str] | None,
        register_meta: bool,
        register_impl: bool,
    ) -> None:
        match = _SIGNATURE.match(self.signature)
        if match is None:
            raise RegistrationError(
                f"{type(self).__name__}: signature {self.signature!r} does not parse, "
                "must be 'name(arguments) -> results'"
            )
        if match["overload"] is not None:
            raise RegistrationError(
                f"{type(self).__name__}: signature {self.signature!r} names an overload, "
                f"must name the op alone: {match['name']!r}",
                fix="give each overload a name of its own",
            )
        if library.kind == "IMPL":
            raise RegistrationError(
                f"{match['name']}: library of namespace {library.ns!r} is of kind IMPL, "
                "must be DEF or FRAGMENT to define ops",
                fix=f"use def_library({library.ns!r})",
            )
        self.library = library
        self.name = unique_name(library.ns, match["name"])
        self.qualified_name = f"{library.ns}::{self.name}"
        self.register_meta = register_meta
        self.register_impl = register_impl
        keys = (dispatch_key,) if isinstance(dispatch_key, str) else dispatch_key
        self.dispatch_keys: tuple[str, ...] = ("CPU", "CUDA") if keys is None else tuple(keys)
        check_dispatch_keys(self.name, self.dispatch_keys)
        self.schema = self._parse_schema(self.signature[match.end("name") :])
        check_schema(self.name, self.schema)
        self.formula: Any = None
        self.vmap_rule: Any = None
        self.autocast_dtypes: dict[str, torch.dtype] = {}
        self.precheck: Callable[[Sequence[Any]], None] | None = None
        self.like_native: Callable[..., Any] | None = None
        self.before_select: Callable[[], None] | None = None
        self.variant_source: Callable[[Sequence[Any]], Mapping[str, str]] | None = None

    def _parse_schema(self, rest: str) -> Any:
        try:
            return torch._C.parse_schema(f"{self.qualified_name}{rest}")
        except RuntimeError as error:
            raise RegistrationError(
                f"{self.qualified_name}: the schema {rest.strip()!r} does not parse",
                facts=str(error).split("\n"),
            ) from error

    @cached_property
    def arg_names(self) -> tuple[str, ...]:
        """Names of the arguments, in schema order."""
        return tuple(a.name for a in self.schema.arguments)

    @cached_property
    def mutated_args(self) -> tuple[int, ...]:
        """Positions of the arguments that the op changes."""
        return tuple(
            i
            for i, a in enumerate(self.schema.arguments)
            if a.alias_info is not None and a.alias_info.is_write
        )

    @cached_property
    def required_tensors(self) -> tuple[int, ...]:
        """Positions of the arguments that must be a tensor, in whose place torch takes None."""
        return tuple(i for i, a in enumerate(self.schema.arguments) if str(a.type) == "Tensor")

    @cached_property
    def returned_arg(self) -> int | None:
        """Position of the mutated argument that an in-place op returns, None for other ops."""
        aliased = [r for r in self.schema.returns if r.alias_info is not None]
        if not aliased:
            return None
        if len(self.mutated_args) != 1 or len(self.schema.returns) != 1:
            raise RegistrationError(
                f"{self.name}: several mutated arguments or results, must return () then"
            )
        return self.mutated_args[0]

    @cached_property
    @abstractmethod
    def code_digest(self) -> str:
        """Digest of the code that determines its kernels."""

    @property
    @abstractmethod
    def function_tracer(self) -> Any:
        """The converter of torch functions to MLIR; it has the API of `trace.trace_function`."""

    @cached_property
    def overload(self) -> Any:
        """The torch op itself, `torch.ops.<namespace>.<name>.default`."""
        return getattr(getattr(torch.ops, self.library.ns), self.name).default

    @cached_property
    def positional_count(self) -> int:
        """The number of arguments that are not keyword-only."""
        return sum(not a.kwarg_only for a in self.schema.arguments)

    @property
    def has_check(self) -> bool:
        """Whether the class checks argument values before each launch."""
        return type(self).check is not Op.check

    @property
    def has_eager_execute(self) -> bool:
        """Whether the class may compute eager calls in Python."""
        return type(self).eager_execute is not Op.eager_execute
