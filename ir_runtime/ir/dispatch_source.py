"""Which Python text hands a call to its provider as fast as can be?

For each op, functions are generated from the signature of its native function, so that defaults and
keywords cost nothing, and no tuple is made. `choice_source` generates how the provider is found.
What an instance has is read before it is called: `a.run()` is slower, as Python looks for a method.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ir_runtime.errors import NotTakenError
from ir_runtime.ir.shadow import run_watched, watch
from ir_runtime.ir.wrap import wrap
from ir_runtime.op_reg.call import PLAIN_KEYSET

if TYPE_CHECKING:
    from ir_runtime.ir.op import IrOp

__all__ = ["Dispatch", "make_dispatch"]

_TEXT = """
def run({parameters}):
{normalize}    ir_run = ir_context(ir_op.default_priority).run
    return ir_run({passed})

def run_maybe_inplace({parameters}):
{normalize}    if ir_watch.on: return ir_watched(ir_op, ({every}))
    try: return ir_choose(({every})).run_maybe_inplace({passed})
    except ir_not_taken: return ir_context(ir_op.default_priority)._run_chosen({passed})

def op_call(ir_self, {parameters}):
    if ir_wrap.on:
        if ir_is_compiling(): return ir_op.torch_op({passed})
        return ir_torch_call({passed})
    if ir_is_compiling(): return ir_op._traced_call({passed})
    try: ir_needed = {grad} or ir_forward_ad._current_level >= 0 or ir_has_transforms()
    except AttributeError: ir_needed = True  # torch says what is wrong
    except ir_trace_error: return ir_op._traced_call({passed})  # torch.fx traces through it
    if ir_needed: return ir_op.torch_op({passed})
{normalize}    ir_run = ir_context(ir_op.default_priority).run
    return ir_run({passed})

def autograd(ir_keyset, {parameters}):
    if {slow}: return ir_slow(ir_keyset, ({every}))
{normalize}    ir_run = ir_context(ir_op.default_priority).run
    return ir_run({passed})

def autograd_maybe_inplace(ir_keyset, {parameters}):
    if {slow}: return ir_slow_inplace(ir_keyset, ({every}))
    return run_maybe_inplace({passed})
"""

_PLAIN = "(ir_raw_repr(ir_keyset) != ir_cpu and ir_raw_repr(ir_keyset) != ir_gpu)"


@dataclass(frozen=True)
class Dispatch:
    """What an op's calls run.

    Attributes:
        run: the default overload, below autograd.
        run_maybe_inplace: the other one, likewise.
        op_call: the op called; through torch's dispatcher or past it. Takes the op first.
        autograd: the default overload's autograd kernel; takes the key set first.
        autograd_maybe_inplace: the other one's.
    """

    run: Callable[..., Any]
    run_maybe_inplace: Callable[..., Any]
    op_call: Callable[..., Any]
    autograd: Callable[..., Any]
    autograd_maybe_inplace: Callable[..., Any]


Slow = Callable[[Any, tuple[Any, ...]], Any]


def make_dispatch(op: IrOp, slow: Slow, slow_inplace: Slow) -> Dispatch:
    """Generate the functions of an op.

    Args:
        op: the op; its schema, names and signature are known.
        slow: runs a call that may need a gradient, or whose tensors are not plain.
        slow_inplace: likewise, of the overload whose activations may be written.
    """
    parameters, defaults = _parameters(op)
    names = op.arg_names
    grad = _grad_test(op)
    text = _TEXT.format(
        parameters=parameters,
        passed=", ".join(names),
        every="".join(f"{name}, " for name in names),
        grad=grad,
        normalize=f"    {', '.join(names)}, = ir_normalize({', '.join(names)})\n"
        if op.normalize is not None
        else "",
        slow=f"{_PLAIN} or {grad} or ir_forward_ad._current_level >= 0",
    )
    keys = torch._C.DispatchKey
    gpu = torch._C.DispatchKeySet(keys.CUDA) | torch._C.DispatchKeySet(keys.AutogradCUDA)
    scope: dict[str, Any] = {
        **defaults,
        "ir_op": op,
        "ir_wrap": wrap,
        "ir_torch_call": op.torch_op._op,  # what OpOverload.__call__ calls
        "ir_is_compiling": torch.compiler.is_dynamo_compiling,
        "ir_normalize": op.normalize,
        "ir_context": op.context.get,
        "ir_choose": op.choose,
        "ir_not_taken": NotTakenError,
        "ir_watch": watch,
        "ir_watched": run_watched,
        "ir_slow": slow,
        "ir_slow_inplace": slow_inplace,
        "ir_cpu": PLAIN_KEYSET,
        "ir_gpu": gpu.raw_repr(),
        "ir_raw_repr": torch._C.DispatchKeySet.raw_repr,
        "ir_grad_enabled": torch.is_grad_enabled,
        "ir_forward_ad": torch.autograd.forward_ad,
        "ir_has_transforms": torch._C._are_functorch_transforms_active,
        "ir_trace_error": torch.fx.proxy.TraceError,
    }
    exec(compile(text, f"<dispatch of {op.name}>", "exec"), scope)  # noqa: S102 - our own text
    return Dispatch(
        scope["run"],
        scope["run_maybe_inplace"],
        scope["op_call"],
        scope["autograd"],
        scope["autograd_maybe_inplace"],
    )


def _parameters(op: IrOp) -> tuple[str, dict[str, Any]]:
    parts: list[str] = []
    defaults: dict[str, Any] = {}
    for i, parameter in enumerate(op.signature.parameters.values()):
        text = parameter.name
        if parameter.default is not inspect.Parameter.empty:
            defaults[f"ir_default{i}"] = parameter.default
            text += f"=ir_default{i}"
        parts.append(text)
    return ", ".join(parts), defaults


def _grad_test(op: IrOp) -> str:
    tests: list[str] = []
    for argument in op.overload._schema.arguments:
        name, kind = argument.name, str(argument.type)
        if kind == "Tensor":
            tests.append(f"{name}.requires_grad")
        elif kind == "Optional[Tensor]":
            tests.append(f"({name} is not None and {name}.requires_grad)")
        elif "Tensor" in kind:
            tests.append(f"any([t is not None and t.requires_grad for t in {name} or ()])")
    return f"(({' or '.join(tests)}) and ir_grad_enabled())" if tests else "False"
