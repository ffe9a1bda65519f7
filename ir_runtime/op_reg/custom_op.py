"""What is an op that is written as MLIR?"""

from __future__ import annotations

import functools
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ir_runtime.errors import RegistrationError
from ir_runtime.op_reg.generate.builder import KernelBuilder
from ir_runtime.op_reg.call.call_table import CallTable
from ir_runtime.op_reg.digest.op_digest import code_digest
from ir_runtime.op_reg.op.library import IR_RUNTIME_LIBRARY, unique_name
from ir_runtime.op_reg.op.schema import check_dispatch_keys, check_schema
from ir_runtime.op_reg.select.selection import KernelSelection

if TYPE_CHECKING:
    from ir_runtime.op_reg.call.explain import Explanation

__all__ = ["ALL_CUSTOM_OP_REGS", "CustomOp"]

ALL_CUSTOM_OP_REGS: dict[str, CustomOp] = {}
"""Each registered op by its qualified name, `namespace::name`."""

_SIGNATURE = re.compile(r"^\s*(?P<name>[A-Za-z_][\w@]*)(?P<overload>\.\w*)?\s*\(")


class CustomOp(ABC):
    """An operator whose kernels are MLIR.

    Subclass it, and register the class::

        @CustomOp.register
        class twice(CustomOp):
            signature = "twice(Tensor x) -> Tensor"

            def select(self, ksel):
                x = ksel.arg_tensor(0)
                ksel.return_new_tensor(x.t.shape, x.t.dtype)

            def generate(self, ksel, kb):
                ...
                kb.yield_results(result)

        torch.ops.ir_runtime.twice(x)

    `select` must depend on ranks, dtypes, sizes, non-tensor values and the device alone, because
    a call whose like was seen before skips it; an op that needs to see every call sets
    `select_each_call`. It must also refuse sizes that do not fit each other
    (`TensorArg.require_shape`), for compiled code does not look again. `generate` depends on the
    selection alone.

    Attributes:
        signature: name and schema, as `torch.library` takes them. `@UNIQUE@` in the name becomes
            a number.
        single_dispatch: whether the compiler is to make one dispatch of the kernel.
        select_each_call: whether `select` runs on each call.
        compile_flags: compiler flags for its kernels.
        tags: what to tell torch of the op besides what is true of all, such as
            `torch.Tag.pointwise`.
        vmap: what `torch.vmap` runs, as for `register_vmap`; a method
            `vmap(self, info, in_dims, *args)` or "loop".
        autocast: the dtype that floating-point arguments are cast to in an autocast region, by
            device type, as for `register_autocast`.
        elementwise: whether an element of a result depends on no argument's elements but those at
            its own place, so that `out` may be an argument itself; others are computed aside then.
        work_per_byte: how much work a byte of its tensors means, 1 for an elementwise op; decides
            when a call is worth waking worker threads.
        precheck: takes all arguments and refuses a call that nobody can compute; runs before each
            `select`. That of an IR op, where the op is its kernel.
        like_native: a torch function that computes the same, for forward-mode derivatives and
            `torch.vmap`. The IR op's native where the op is its kernel; None if there is none.
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

    @abstractmethod
    def select(self, ksel: KernelSelection) -> None:
        """Declare each argument and result; also the meta function of the op."""

    @abstractmethod
    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Write the kernel, ending with `kb.yield_results`."""

    def eager_execute(self, *args: Any) -> Any:
        """Compute an eager call in Python instead; NotImplemented runs the kernel."""
        del args
        return NotImplemented

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

    def explain(self, *args: Any) -> Explanation:
        """Say what a call would run, and why; see `ir_runtime.op_reg.call.explain`."""
        from ir_runtime.op_reg.call.explain import explain

        return explain(self, *args)

    def bind(self, *example: Any) -> Callable[..., Any]:
        """Return a launcher for calls like the example; see `ir_runtime.op_reg.bind_raw`."""
        from ir_runtime.op_reg.call.bind import bind_raw

        return bind_raw(self, *example)

    @staticmethod
    def register(
        op_class: type[CustomOp] | None = None,
        *,
        library: torch.library.Library = IR_RUNTIME_LIBRARY,
        dispatch_key: str | Sequence[str] | None = None,
        register_meta: bool = True,
        register_impl: bool = True,
    ) -> Callable[..., Any]:
        """Register an op with torch; a class decorator, with or without arguments.

        Args:
            op_class: the class.
            library: whose namespace the op joins.
            dispatch_key: the torch dispatch keys that the kernels serve; default the CPU's and
                CUDA's, which is also ROCm's.
            register_meta: whether `select` becomes the meta function.
            register_impl: whether the kernels are registered.

        Returns:
            The torch op, `torch.ops.<namespace>.<name>`, in place of the class.

        Raises:
            RegistrationError: the signature does not parse, or the name is taken.
        """
        if op_class is not None and not isinstance(op_class, type):
            raise RegistrationError(
                f"CustomOp.register: {op_class!r} is no class, must be a class with a signature",
                fix=f'a layer is registered by ir_runtime.layers.Layer.register("{op_class}")'
                if isinstance(op_class, str)
                else None,
            )
        from ir_runtime.op_reg.register.registration import register_with_torch

        def decorate(cls: type[CustomOp]) -> Any:
            op = cls(
                library=library,
                dispatch_key=dispatch_key,
                register_meta=register_meta,
                register_impl=register_impl,
            )
            return register_with_torch(op)

        return decorate if op_class is None else decorate(op_class)

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
        self.calls = CallTable(self)
        self.formula: Any = None
        self.vmap_rule: Any = None
        self.autocast_dtypes: dict[str, torch.dtype] = {}
        self.precheck: Callable[[Sequence[Any]], None] | None = None
        self.like_native: Callable[..., Any] | None = None
        if self.qualified_name in ALL_CUSTOM_OP_REGS:
            raise RegistrationError(
                f"{self.qualified_name}: registered already, a name must be used once",
                fix="put @UNIQUE@ into the name, or use another library",
            )

    def _parse_schema(self, rest: str) -> Any:
        try:
            return torch._C.parse_schema(f"{self.qualified_name}{rest}")
        except RuntimeError as error:
            raise RegistrationError(
                f"{self.qualified_name}: the schema {rest.strip()!r} does not parse",
                facts=str(error).split("\n"),
            ) from error

    @functools.cached_property
    def arg_names(self) -> tuple[str, ...]:
        """Names of the arguments, in schema order."""
        return tuple(a.name for a in self.schema.arguments)

    @functools.cached_property
    def mutated_args(self) -> tuple[int, ...]:
        """Positions of the arguments that the op changes."""
        return tuple(
            i
            for i, a in enumerate(self.schema.arguments)
            if a.alias_info is not None and a.alias_info.is_write
        )

    @functools.cached_property
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

    @functools.cached_property
    def code_digest(self) -> str:
        """Digest of the code that decides what its kernels are."""
        return code_digest(type(self))

    @functools.cached_property
    def overload(self) -> Any:
        """The torch op itself, `torch.ops.<namespace>.<name>.default`."""
        return getattr(getattr(torch.ops, self.library.ns), self.name).default

    @functools.cached_property
    def positional_count(self) -> int:
        """How many arguments are not keyword-only."""
        return sum(not a.kwarg_only for a in self.schema.arguments)

    @property
    def has_check(self) -> bool:
        """Whether values are checked before each launch."""
        return type(self).check is not CustomOp.check

    @property
    def has_eager_execute(self) -> bool:
        """Whether eager calls may be computed in Python."""
        return type(self).eager_execute is not CustomOp.eager_execute
