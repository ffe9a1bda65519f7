"""What happens in a call whose like was seen before?  As little as Python allows.

For each op a function is generated from its schema, as `dataclasses` does, because a loop over
arguments costs more than the launch it would find. It reduces the arguments to a key (shapes,
dtypes, every non-tensor value), finds the bound launch and runs it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from ir_runtime.op_reg.kernel import BoundLaunch, bind_call, write_into
from ir_runtime.settings import current_settings

if TYPE_CHECKING:
    from ir_runtime.op_reg.custom_op import CustomOp

__all__ = ["CallTable", "make_call_functions", "out_names"]

_KEYS = torch._C.DispatchKey
PLAIN_KEYSETS = frozenset(
    {(torch._C.DispatchKeySet(_KEYS.CPU) | torch._C.DispatchKeySet(_KEYS.AutogradCPU)).raw_repr()}
)
"""Dispatch keys of a call on plain CPU tensors: no mode, subclass, functional wrapper, vmap, conj
or neg. Each of those adds a key, so one comparison rules out all of them."""


class CallTable:
    """The bound launches of one op: a bounded cache that costs a hit one dictionary look-up.

    Two generations approximate least-recently-used: when the young one is full it becomes the
    old one, and what is used again moves back.
    """

    def __init__(self, op: CustomOp) -> None:
        self._op = op
        self._lock = threading.Lock()
        self.young: dict[Any, BoundLaunch] = {}
        self._old: dict[Any, BoundLaunch] = {}

    def miss(self, key: Any, args: Sequence[Any]) -> BoundLaunch:
        """Find the launch for a key that is not in the young generation."""
        bound = self._old.get(key)
        if bound is None:
            bound = bind_call(self._op, args)
            if self._op.select_each_call:
                return bound
        with self._lock:
            if len(self.young) >= max(1, current_settings().bound_launches // 2):
                self._old = dict(self.young)
                self.young.clear()
            self.young[key] = bound
        return bound

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self.young.clear()
            self._old = {}

    def __len__(self) -> int:
        return len(self.young.keys() | self._old.keys())


def make_call_functions(
    op: CustomOp, autograd_slow: Callable[..., Any]
) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """Generate the functions that the dispatcher calls for an op.

    Args:
        op: its schema decides their parameters, which refill defaults that the dispatcher drops.
        autograd_slow: takes the key set and all arguments, when a gradient may be needed or the
            tensors are not plain.

    Returns:
        The CPU kernel, the autograd kernel, which takes the key set first, and the CPU kernel of
        the `out` overload.
    """
    parameters, defaults = _parameters(op)
    names = [_variable(op, i) for i in range(len(op.arg_names))]
    every = f"({''.join(f'{name}, ' for name in names)})"
    key = f"({''.join(f'{_key_part(op, i)}, ' for i in range(len(names)))})"
    find = [
        f"args = {every}",
        *(["_check(*args)"] if op.has_check else []),
        *(["eager = _eager(*args)", "if eager is not NotImplemented: return eager"]
          if op.has_eager_execute else []),
        f"key = {key}",
        "bound = _young.get(key)",
        "if bound is None: bound = _miss(key, args)",
    ]  # fmt: skip
    if op.returned_arg is not None:
        finish = ["bound.run(args)", f"return {names[op.returned_arg]}"]
    else:
        finish = ["return bound.run(args)"]
    body = "\n".join(f"    {line}" for line in [*find, *finish])
    grad = " or ".join(_grad_test(op, i) for i in _tensor_args(op)) or "False"
    separator = "" if "*" in parameters else "*, "
    outs = out_names(op)
    find_out = [line.replace("return eager", "return _copy_out(eager, outs)") for line in find]
    into = [f"outs = ({', '.join(outs)},)", *find_out, "_write(_name, bound, args, outs)",
            "return outs[0] if len(outs) == 1 else outs"]  # fmt: skip
    body_out = "\n".join(f"    {line}" for line in into)
    source = f"""
def call({parameters}):
{body}

def autograd(_keyset, {parameters}):
    if _keyset.raw_repr() not in _plain or (_grad_enabled() and ({grad})):
        return _slow(_keyset, {every})
{body}

def call_out({parameters}, {separator}{", ".join(f"{name}=None" for name in outs)}):
{body_out}
"""
    table = op.calls
    scope: dict[str, Any] = {
        **defaults,
        "_young": table.young,
        "_miss": table.miss,
        "_plain": PLAIN_KEYSETS,
        "_grad_enabled": torch.is_grad_enabled,
        "_slow": autograd_slow,
        "_check": op.check,
        "_eager": op.eager_execute,
        "_write": write_into,
        "_copy_out": _copy_out,
        "_name": op.name,
    }
    exec(compile(source, f"<calls of {op.qualified_name}>", "exec"), scope)  # noqa: S102 - our own text
    return scope["call"], scope["autograd"], scope["call_out"]


def out_names(op: CustomOp) -> list[str]:
    """Return the names of the arguments that an `out` overload adds."""
    count = len(op.schema.returns)
    return ["out"] if count == 1 else [f"out{i}" for i in range(count)] or ["out"]


def _copy_out(values: Any, outs: Sequence[Any]) -> Any:
    for out, value in zip(outs, (values,) if len(outs) == 1 else values, strict=True):
        out.copy_(value)
    return outs[0] if len(outs) == 1 else outs


def _variable(op: CustomOp, i: int) -> str:
    """Keyword-only arguments arrive by name; others get a name that no schema can clash with."""
    argument = op.schema.arguments[i]
    return argument.name if argument.kwarg_only else f"a{i}"


def _parameters(op: CustomOp) -> tuple[str, dict[str, Any]]:
    parts, defaults = [], {}
    for i, argument in enumerate(op.schema.arguments):
        if argument.kwarg_only and "*" not in parts:
            parts.append("*")
        name = _variable(op, i)
        if argument.has_default_value():
            defaults[f"_d{i}"] = argument.default_value
            name += f"=_d{i}"
        parts.append(name)
    return ", ".join(parts), defaults


def _tensor_args(op: CustomOp) -> list[int]:
    return [i for i, a in enumerate(op.schema.arguments) if "Tensor" in str(a.type)]


def _key_part(op: CustomOp, i: int) -> str:
    name, kind = _variable(op, i), str(op.schema.arguments[i].type)
    if kind == "Tensor":
        return f"{name}.shape, {name}.dtype"
    if kind == "Optional[Tensor]":
        return f"None if {name} is None else ({name}.shape, {name}.dtype)"
    if kind == "List[Tensor]":
        return f"tuple([(t.shape, t.dtype) for t in {name}])"
    if kind == "float":
        return f"{name}.hex()"  # tells -0.0 from 0.0, and NaN equals itself
    if kind in ("int", "bool", "str", "SymInt"):
        return name
    return f"(type({name}), repr({name}))"


def _grad_test(op: CustomOp, i: int) -> str:
    name, kind = _variable(op, i), str(op.schema.arguments[i].type)
    if kind == "Tensor":
        return f"{name}.requires_grad"
    if kind == "Optional[Tensor]":
        return f"({name} is not None and {name}.requires_grad)"
    return f"any([t is not None and t.requires_grad for t in {name} or ()])"
