"""The second compile of a program, with less fusion, if the compiler refuses its own fused code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from ir_runtime.errors import CompileError
from ir_runtime.launch.artifact.key import KernelKey
from ir_runtime.launch.artifact.store import Artifact
from ir_runtime.launch.compile.build import default_store, obtain_artifact
from ir_runtime.op_reg.generate.torch_type import parse_torch_tensor_type

__all__ = ["NO_FUSION_OF_SHARED", "keep_apart", "obtain_program"]

_log = logging.getLogger("ir_runtime.aot")
NO_FUSION_OF_SHARED = "--iree-dispatch-creation-fuse-multi-use=false"
_LESS_FUSION = (
    "--iree-dispatch-creation-enable-aggressive-fusion=false",
    NO_FUSION_OF_SHARED,
)
_OF_FUSION = ("stack allocation", "does not dominate this use")
"""Messages of the compiler about code that it broke by its own fusion."""
_KEPT_APART = {"torch.aten._softmax": 0, "torch.aten._log_softmax": 0, "torch.aten.index_put": 2}
"""By operation, the operand that must be computed separately before it."""


def obtain_program(
    key: KernelKey,
    device_flags: tuple[str, ...],
    source: bytes,
    weaker: Callable[[], Iterable[KernelKey]] = tuple,
) -> Artifact:
    """Return a program's artifact; if the compiler fails, it is compiled with less fusion.

    IREE 3.13 fuses a softmax, or a write by index, of dynamic sizes with the code around it. It
    puts the intermediate values on the stack, without a bound, and then refuses that code. It also
    moves a value that several operations share behind one of them (`grid_sample`). The second
    compile turns this fusion off, and separates softmaxes and writes from the code before them.
    """
    store = default_store()
    less = _with_less_fusion(key)

    def both() -> Iterator[KernelKey]:
        for other in weaker():
            yield from (other, _with_less_fusion(other))

    if store.load(less) is None:
        try:
            return obtain_artifact(store, key, device_flags, lambda: source, both)
        except CompileError as error:
            said = "\n".join(error.diagnostics)
            if not any(words in said for words in _OF_FUSION):
                raise
        _log.info(
            "%s: compiled again with less fusion, the compiler refused the code that it fused",
            key.name,
        )
    return obtain_artifact(store, less, device_flags, lambda: keep_apart(source))


def _with_less_fusion(key: KernelKey) -> KernelKey:
    return replace(key, flags=tuple(dict.fromkeys((*key.flags, *_LESS_FUSION))))


def keep_apart(source: bytes) -> bytes:
    """Separate softmaxes and writes by index of dynamic sizes from the code before them.

    Args:
        source: a program in the torch dialect, as text.
    """
    if not any(name.encode() in source for name in _KEPT_APART):
        return source
    from iree.compiler.ir import Context, Location, Module, WalkResult

    context: Any = Context()
    context.enable_multithreading(False)  # noqa: FBT003 - MLIR's threads do not survive a fork
    module = Module.parse(source, context)
    found: list[Any] = []

    def visit(operation: Any) -> Any:
        if operation.name in _KEPT_APART:
            found.append(operation)
        return WalkResult.ADVANCE

    module.operation.walk(visit)
    with context, Location.unknown():
        for operation in found:
            _begin_barrier(operation, _KEPT_APART[operation.name])
    return module.operation.get_asm(enable_debug_info=False).encode()


def _begin_barrier(operation: Any, number: int) -> None:
    """Put a fusion barrier before an operand of an operation, if the operand has open sizes."""
    from iree.compiler.dialects import arith, iree_tensor_ext, tensor
    from iree.compiler.ir import IndexType, InsertionPoint, Operation, Type

    x = operation.operands[number]
    kind = parse_torch_tensor_type(str(x.type))
    if kind is None or None not in kind.dims:
        return
    plain = Type.parse(kind.builtin_asm)
    with InsertionPoint(operation):
        value = Operation.create("torch_c.to_builtin_tensor", [plain], [x]).result
        open_sizes = [
            tensor.DimOp(value, arith.ConstantOp(IndexType.get(), dim).result).result
            for dim, size in enumerate(kind.dims)
            if size is None
        ]
        apart = iree_tensor_ext.ComputeBarrierStartOp(plain, value, open_sizes).result
        operation.operands[number] = Operation.create(
            "torch_c.from_builtin_tensor", [x.type], [apart]
        ).result
