"""The calls of our ops in Inductor's code: into buffers of its memory plan, past the dispatcher.

A node that is marked gets an extern kernel of ours. A node of the same op without a mark, as in a
graph that no pass of ours has seen, is lowered as Inductor lowers any op that it does not know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx
from torch._inductor import ir as inductor
from torch._inductor import lowering
from torch._inductor.virtualized import V
from torch.utils import _pytree as pytree

from ir_runtime.ir.choice.frozen_priority import describe_priority
from ir_runtime.ir.choice.priority import Priority
from ir_runtime.ir.op import IrOp
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.op_arguments import out_names
from ir_runtime.passes.lowering import compiled_call

__all__ = ["kernel_in_code", "mark_kernel", "mark_providers"]

_MARK = "ir_runtime_call"


def mark_kernel(node: fx.Node, kernel: Op) -> None:
    """Let Inductor's code call the launcher for a node whose target is a kernel's torch op.

    Args:
        node: all its arguments are positional.
        kernel: the op of its target.
    """
    maker = compiled_call.kernel_call
    outs: list[str] = []
    if hasattr(node.target.overloadpacket, "out"):  # pyright: ignore[reportFunctionMemberAccess]
        outs = out_names(kernel)
        maker = compiled_call.kernel_out_call
    _mark(node, maker, [kernel.qualified_name], outs)


def mark_providers(node: fx.Node, op: IrOp, priority: Priority) -> None:
    """Let Inductor's code ask the providers of a priority in each call of a node.

    Args:
        node: its target is the op's torch op, all its arguments are positional.
        op: the op.
        priority: the priority under which the graph is compiled.
    """
    described = json.dumps(describe_priority(priority))
    _mark(node, compiled_call.provider_call, [op.name, described], [])


def _mark(node: fx.Node, maker: Callable[..., Any], words: list[str], outs: list[str]) -> None:
    text = f"{maker.__name__}({', '.join(map(repr, words))})"
    node.meta[_MARK] = (maker.__name__, text, outs)
    target: Any = node.target
    if getattr(lowering.lowerings.get(target), "serves_ir_runtime", False):
        return
    known = lowering.lowerings.get(target)
    lowering.add_needs_realized_inputs(target)
    lowering.lowerings[target] = _make_lowering(target, known)


def kernel_in_code(
    kernel: Op, tensors: Sequence[Any], maker: Callable[..., Any], *words: str
) -> Any | None:
    """Put the call of a kernel into the code that Inductor generates now.

    Args:
        kernel: all its arguments and results are tensors, and it has the overload `out`.
        tensors: the arguments, as a lowering gets them.
        maker: a function of a module; the code calls it once, when it is loaded. It returns what
            takes the arguments, and the results by name.
        words: the arguments of `maker`.

    Returns:
        The results as a lowering returns them; None if the code is not Python's, or not for a CPU.
    """
    if not _is_python_on_cpu(tensors):
        return None
    target: Any = getattr(getattr(torch.ops, kernel.library.ns), kernel.name).default
    text = f"{maker.__name__}({', '.join(map(repr, words))})"
    function = _Function(target, maker.__name__, text, maker.__module__)
    plain = [inductor.ExternKernel.require_contiguous(t) for t in tensors]
    return _extern(target, plain, function, out_names(kernel))


def _make_lowering(
    target: torch._ops.OpOverload, known: Callable[..., Any] | None
) -> Callable[..., Any]:
    plain = lowering.fallback_handler(target) if known is None else known

    def lower(*args: Any, **kwargs: Any) -> Any:
        mark = V.graph.current_node.meta.get(_MARK)
        if mark is None or kwargs or not _is_python_on_cpu(args):
            return plain(*args, **kwargs)
        maker, text, outs = mark
        return _extern(target, args, _Function(target, maker, text), outs)

    lower.serves_ir_runtime = True  # pyright: ignore[reportFunctionMemberAccess]
    return lower


def _is_python_on_cpu(args: Sequence[Any]) -> bool:
    """Tell whether the code is Python's, and the tensors are the launcher's."""
    graph = V.graph
    if graph.cpp_wrapper or getattr(graph, "fx_wrapper", False) or graph.aot_mode:
        return False
    nodes = [a for a in pytree.tree_leaves(list(args)) if isinstance(a, inductor.IRNode)]
    return bool(nodes) and all(n.get_device() == torch.device("cpu") for n in nodes)


class _Function:
    """A function of the generated code: its name, and the lines at the head that make it."""

    def __init__(
        self,
        target: torch._ops.OpOverload,
        maker: str,
        text: str,
        module: str = compiled_call.__name__,
    ) -> None:
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        self.name = f"ir_runtime_{target._schema.name.rpartition('::')[2]}_{digest}"
        self._lines = (f"from {module} import {maker}", f"{self.name} = {text}")

    def define(self, code: Any) -> None:
        """Write the lines, once for all calls."""
        for line in self._lines:
            code.add_import_once(line)


def _extern(
    target: torch._ops.OpOverload, args: Sequence[Any], function: _Function, outs: Sequence[str]
) -> Any:
    with V.graph.fake_mode:
        example, tensors, others, unflatten, unbacked = inductor.FallbackKernel.process_kernel(
            target, *args
        )
    if outs == ["out"] and isinstance(example, torch.Tensor) and not unbacked:
        call = (tensors, tuple(others), unflatten)
        found: Any = _IntoBuffer(_layout_of(example), *call, function)
    elif isinstance(example, tuple) and len(outs) > 1 and _Several is not object and not unbacked:
        found = _into_buffers(target, example, (tensors, others, unflatten), function, outs)
    else:
        found = _Allocating.create(target, *args)
        for output in pytree.tree_leaves(found):
            output.inputs[0].function = function
            output.inputs[0].python_kernel_name = function.name
    return pytree.tree_map(lambda x: _boxed(x) if isinstance(x, inductor.IRNode) else x, found)


def _boxed(node: Any) -> Any:
    box = getattr(node, "wrap_for_lowering", None)
    return inductor.TensorBox.create(node) if box is None else box()


def _layout_of(example: torch.Tensor) -> Any:
    return inductor.FixedLayout(
        device=example.device,
        dtype=example.dtype,
        size=inductor.convert_shape_to_inductor(example.shape),
        stride=inductor.convert_shape_to_inductor(example.stride()),
    )


class _Text:
    """An expression of the generated code; its repr is the expression."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class _IntoBuffer(inductor.ExternKernelOut):
    """A call with one result, which Inductor allocates; arguments in the order of the op."""

    def __init__(
        self,
        layout: Any,
        tensors: Sequence[Any],
        others: tuple[Any, ...],
        unflatten: Callable[..., Any],
        function: _Function,
    ) -> None:
        super().__init__(layout, tensors, others, python_kernel_name=function.name)
        self.unflatten = unflatten
        self.function = function

    def codegen(self, wrapper: Any) -> None:
        self.function.define(wrapper)
        super().codegen(wrapper)

    def codegen_size_asserts(self, wrapper: Any) -> None:
        """Write nothing: Inductor made the memory itself, and the launcher looks at it."""

    def codegen_args(self) -> list[str]:
        texts = [_Text(x.codegen_reference()) for x in self.inputs]  # pyright: ignore[reportAttributeAccessIssue]
        args, _ = self.unflatten(texts, self.constant_args)
        return [V.graph.wrapper_code.val_to_arg_str(x) for x in args]


class _Allocating(inductor.FallbackKernel):
    """A call that returns new tensors."""

    function: _Function

    def codegen(self, wrapper: Any) -> None:
        self.function.define(wrapper)
        super().codegen(wrapper)


_Several: Any = getattr(inductor, "ExternKernelMultiOut", object)  # torch before 2.13 lacks it


_Result: Any = getattr(inductor, "AllocatingMultiOutput", object)


class _Buffer(_Result):
    """A result that Inductor allocates."""

    def codegen_size_asserts(self, wrapper: Any) -> None:
        """Write nothing, as for `_IntoBuffer`."""

    def codegen_alignment_asserts(self, wrapper: Any) -> None:
        """Write nothing, as for `_IntoBuffer`."""


class _IntoBuffers(_Several):
    """A call with several results, which Inductor allocates."""

    function: _Function

    def codegen(self, wrapper: Any) -> None:
        """Write the call; a result that nobody reads is written by the kernel all the same."""
        self.function.define(wrapper)
        removed = V.graph.removed_buffers
        unread = [node for node in self.out_variant_output_nodes if node.get_name() in removed]
        for node in unread:
            removed.discard(node.get_name())
        super().codegen(wrapper)
        for node in unread:
            wrapper.codegen_free(node)


def _into_buffers(
    target: torch._ops.OpOverload,
    example: Sequence[torch.Tensor],
    call: tuple[Any, Any, Any],
    function: _Function,
    outs: Sequence[str],
) -> Any:
    packed = _IntoBuffers(
        inductor.MultiOutputLayout(device=torch.device("cpu")),
        target,
        *call,
        kwargs={},
        out_op=target.overloadpacket.out,
        out_arg_names=list(outs),
    )
    packed.function = function
    packed.python_kernel_name = function.name
    results = [
        _Buffer(layout=_layout_of(each), input=packed, indices=[(type(example), i)])
        for i, each in enumerate(example)
    ]
    packed.out_variant_output_nodes = packed.outputs = results
    return type(example)(results)  # pyright: ignore[reportCallIssue]
