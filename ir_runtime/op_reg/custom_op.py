"""`CustomOp`, the base class of users' ops: `select` chooses a kernel, `generate` writes it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from ir_runtime.errors import RegistrationError
from ir_runtime.fork_lock import cached_property
from ir_runtime.late_import import late_module
from ir_runtime.op_reg.call.call_table import CallTable
from ir_runtime.op_reg.op.library import IR_RUNTIME_LIBRARY
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.register.registration import register_with_torch
from ir_runtime.op_reg.select.selection import KernelSelection

if TYPE_CHECKING:
    from ir_runtime.op_reg.call import bind as binding
    from ir_runtime.op_reg.call import explain as explaining
    from ir_runtime.op_reg.call.explain import Explanation
    from ir_runtime.op_reg.digest import op_digest
    from ir_runtime.op_reg.generate.builder import KernelBuilder
else:
    binding = late_module("ir_runtime.op_reg.call.bind")
    explaining = late_module("ir_runtime.op_reg.call.explain")
    op_digest = late_module("ir_runtime.op_reg.digest.op_digest")

__all__ = ["CustomOp"]


class CustomOp(Op):
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

    `select` must depend only on ranks, dtypes, sizes, non-tensor values and the device, because
    the fast path skips it for calls that were seen before. An op that needs `select` in every call
    sets `select_each_call`. `select` must also refuse sizes that do not fit each other
    (`TensorArg.require_shape`): compiled code does not check them. `generate` depends only on the
    selection.

    Its attributes are those of `Op`.
    """

    @abstractmethod
    def select(self, ksel: KernelSelection) -> None:
        """Declare each argument and result; also the meta function of the op."""

    @abstractmethod
    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Write the kernel, ending with `kb.yield_results`."""

    def explain(self, *args: Any) -> Explanation:
        """Explain the kernel and executor of a call; see `ir_runtime.op_reg.call.explain`."""
        return explaining.explain(self, *args)

    def bind(self, *example: Any) -> Callable[..., Any]:
        """Return a launcher for calls like the example; see `ir_runtime.op_reg.bind_raw`."""
        return binding.bind_raw(self, *example)

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
            library: the op joins the namespace of this library.
            dispatch_key: the torch dispatch keys that the kernels serve; default the CPU's and
                CUDA's; ROCm uses CUDA's, too.
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

        def decorate(cls: type[CustomOp]) -> Any:
            op = cls(
                library=library,
                dispatch_key=dispatch_key,
                register_meta=register_meta,
                register_impl=register_impl,
            )
            packet = register_with_torch(op)
            packet.bind, packet.explain = op.bind, op.explain
            return packet

        return decorate if op_class is None else decorate(op_class)

    def __init__(
        self,
        *,
        library: torch.library.Library,
        dispatch_key: str | Sequence[str] | None,
        register_meta: bool,
        register_impl: bool,
    ) -> None:
        super().__init__(
            library=library,
            dispatch_key=dispatch_key,
            register_meta=register_meta,
            register_impl=register_impl,
        )
        self.calls = CallTable(self)

    @cached_property
    def code_digest(self) -> str:
        """Digest of the code that determines its kernels."""
        return op_digest.code_digest(type(self))

    @property
    def function_tracer(self) -> Any:
        """The module that converts torch functions to MLIR."""
        from ir_runtime.op_reg.trace import trace_function

        return trace_function
