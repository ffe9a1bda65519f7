"""Generate the Python functions of an op that pass a call to its provider fast.

They have the signature of the op's native, so defaults and keywords cost nothing, and no tuple is
made. `choice_source` generates the function that finds the provider. An attribute of an instance is
read into a variable before it is called, because `a.run()` is slower: Python looks for a method
first. All names except those of arguments begin with a prefix that is written `$` in the text.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import NotTakenError
from ir_runtime.frozen import frozen
from ir_runtime.ir.choice.op_priority import OpPriority
from ir_runtime.ir.choice.plain_call import NOT_PLAIN
from ir_runtime.ir.implementation import IrOpImpl
from ir_runtime.ir.op_facts import OpFacts
from ir_runtime.ir.shadow import run_watched, watch
from ir_runtime.ir.wrap import wrap
from ir_runtime.launch.direct.quick_gradient import quick_needs_grad
from ir_runtime.op_reg.call.call_functions import PLAIN_KEYSET
from ir_runtime.op_reg.op.free_name import own_prefix
from ir_runtime.op_reg.op.tensor_leaves import flatten_groups

__all__ = ["Dispatch", "make_dispatch"]

_TEXT = """
def $run_now({parameters}):
{normalize}    $now = $context($priority.default)
    $run = $now.below
    $result = $run({passed})
    if $result is not $not_plain: return $result
    $run = $now.run
    return $run({passed})

def $run_maybe_inplace({parameters}):
{normalize}    if $watch.on: return $watched($op, ({every}), $priority.current().compute)
    try: return $choose(({every})).run_maybe_inplace({passed})
    except $not_taken: return $context($priority.default).run_chosen({passed})

def $op_call($self, {parameters}):
    if $wrap.on:
        if $is_compiling(): return $op.torch_op({passed})
{unobserved}        return $torch_call({passed})
    if $is_compiling(): return $priority.run_traced({passed})
{plain}    $other = $other_way(({every}))
    if $other is not None: return $other({passed})
{run}
def $autograd($keyset, {parameters}):
    $keys = $raw_repr($keyset)
{keyed}    if {slow}: return $slow($keyset, ({every}))
{run}

def $autograd_maybe_inplace($keyset, {parameters}):
    $keys = $raw_repr($keyset)
    if {slow}: return $slow_inplace($keyset, ({every}))
    return $run_maybe_inplace({passed})
"""

# Providers get normalised arguments, but what is plain depends on those that are given, too.
_PLAIN_CALL = """\
    $run = $context($priority.default).plain
    $result = $run({passed})
    if $result is not $not_plain: return $result
"""
_UNOBSERVED_CALL = """\
        $run = $context($priority.default).unobserved
        $result = $run({passed})
        if $result is not $not_plain: return $result
"""
_KEYED_CALL = """\
    if $keys == $cpu:
        $run = $context($priority.default).keyed
        $result = $run({passed})
        if $result is not $not_plain: return $result
"""
_RUN = """\
    $run = $context($priority.default).run
    return $run({passed})
"""
_RUN_NORMALISED = """\
    return $run_now({passed})
"""

# The dispatch keys of a subclass, a mode or another device: such a call takes the slow way.
_PLAIN = "($keys != $cpu and $keys != $gpu)"


@frozen
class Dispatch:
    """The functions that calls of an op run.

    Attributes:
        run: of the overload `default`, below autograd.
        run_maybe_inplace: of the overload `maybe_inplace`, below autograd.
        op_call: of the op object, through torch's dispatcher or past it; takes the op first.
        autograd: of the overload `default`, at autograd's key; takes the key set first.
        autograd_maybe_inplace: of the overload `maybe_inplace`, at autograd's key; as `autograd`.
    """

    run: Callable[..., Any]
    run_maybe_inplace: Callable[..., Any]
    op_call: Callable[..., Any]
    autograd: Callable[..., Any]
    autograd_maybe_inplace: Callable[..., Any]


Slow = Callable[[Any, tuple[Any, ...]], Any]


def make_dispatch(
    op: OpFacts[IrOpImpl], priority: OpPriority, slow: Slow, slow_inplace: Slow
) -> Dispatch:
    """Generate the functions of an op.

    Args:
        op: the op.
        priority: chooses its provider.
        slow: runs a call that may need a gradient, or whose tensors are not plain.
        slow_inplace: the same for the overload `maybe_inplace`.
    """
    parameters, defaults = _parameters(op)
    names = op.arg_names
    normalize = f"    {', '.join(names)}, = $normalize({', '.join(names)})\n"
    normalize = "" if op.normalize is None else normalize
    passed = ", ".join(names)
    text = _TEXT.format(
        parameters=parameters,
        passed=passed,
        every="".join(f"{name}, " for name in names),
        plain="" if normalize else _PLAIN_CALL.format(passed=passed),
        unobserved="" if normalize else _UNOBSERVED_CALL.format(passed=passed),
        keyed="" if normalize else _KEYED_CALL.format(passed=passed),
        run=(_RUN_NORMALISED if normalize else _RUN).format(passed=passed),
        normalize=normalize,
        slow=f"{_PLAIN} or $needs_grad({passed}) or $forward_ad._current_level >= 0",
    )
    prefix = own_prefix(names)
    own = {**defaults, **_scope(op, priority, slow, slow_inplace)}
    scope = {f"{prefix}{name}": value for name, value in own.items()}
    exec(compile(text.replace("$", prefix), f"<dispatch of {op.name}>", "exec"), scope)  # noqa: S102 - our own text
    functions = ("run_now", "run_maybe_inplace", "op_call", "autograd", "autograd_maybe_inplace")
    return Dispatch(*(scope[f"{prefix}{name}"] for name in functions))


def _scope(
    op: OpFacts[IrOpImpl], priority: OpPriority, slow: Slow, slow_inplace: Slow
) -> dict[str, Any]:
    """Return the objects that the generated text refers to, by their names without the prefix."""
    keys = torch._C.DispatchKey
    gpu = torch._C.DispatchKeySet(keys.CUDA) | torch._C.DispatchKeySet(keys.AutogradCUDA)
    return {
        "op": op,
        "priority": priority,
        "wrap": wrap,
        "torch_call": op.torch_op._op,  # what OpOverload.__call__ calls
        "is_compiling": torch.compiler.is_dynamo_compiling,
        "normalize": op.normalize,
        "context": priority.context.get,
        "not_plain": NOT_PLAIN,
        "choose": priority.choose_to_run,
        "not_taken": NotTakenError,
        "watch": watch,
        "watched": run_watched,
        "slow": slow,
        "slow_inplace": slow_inplace,
        "cpu": PLAIN_KEYSET,
        "gpu": gpu.raw_repr(),
        "raw_repr": torch._C.DispatchKeySet.raw_repr,
        "needs_grad": quick_needs_grad(),
        "forward_ad": torch.autograd.forward_ad,
        "other_way": _make_other_way(op, priority),
    }


def _parameters(op: OpFacts[IrOpImpl]) -> tuple[str, dict[str, Any]]:
    parts: list[str] = []
    defaults: dict[str, Any] = {}
    for i, parameter in enumerate(op.signature.parameters.values()):
        text = parameter.name
        if parameter.default is not inspect.Parameter.empty:
            defaults[f"default{i}"] = parameter.default
            text += f"=$default{i}"
        parts.append(text)
    return ", ".join(parts), defaults


def _make_other_way(
    op: OpFacts[IrOpImpl], priority: OpPriority
) -> Callable[[tuple[Any, ...]], Callable[..., Any] | None]:
    """Return a function that finds a replacement for the provider of a call, None for most calls.

    The replacement is the torch op if the call needs a gradient, a tangent or a transform, or if
    torch must refuse an argument. Under `torch.fx` it is a function that can be traced.
    """
    kinds = [str(argument.type) for argument in op.overload._schema.arguments]
    required = tuple(i for i, kind in enumerate(kinds) if kind == "Tensor")
    others = tuple(i for i, kind in enumerate(kinds) if kind != "Tensor" and "Tensor" in kind)
    needs_grad, forward_ad = quick_needs_grad(), torch.autograd.forward_ad
    has_transforms = torch._C._are_functorch_transforms_active

    def other_way(values: tuple[Any, ...]) -> Callable[..., Any] | None:
        for i in required:
            if not isinstance(values[i], Tensor):
                return traced_or_refused(values)
        for i in others:
            value = values[i]
            for each in value if isinstance(value, list | tuple) else (value,):
                if each is not None and not isinstance(each, Tensor):
                    return traced_or_refused(values)
        if needs_grad(*values) or forward_ad._current_level >= 0 or has_transforms():
            return op.torch_op
        return None

    def traced_or_refused(values: tuple[Any, ...]) -> Callable[..., Any]:
        leaves = flatten_groups([values[i] for i in (*required, *others)])[0]
        traced = any(isinstance(value, torch.fx.Proxy) for value in leaves)
        return priority.run_traced if traced else op.torch_op

    return other_way
