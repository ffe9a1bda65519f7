"""Generate the Python text that reduces a call to a key as fast as can be.

For each op, functions are generated from its schema, as `dataclasses` does, because a loop over
arguments costs more than the launch it would find. They reduce the arguments to a key (shapes,
dtypes, every non-tensor value), find the bound launch and run it. Calls on CPU tensors need
not look for a device unless some thread has made one current; the others (`call_there`) put it in
the key.

An argument may have any name that torch takes, also that of a Python keyword or builtin. All other
names in the text therefore begin with a prefix that no argument's name begins with, written `$`
below.
"""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ir_runtime.op_reg.op.free_name import own_prefix
from ir_runtime.op_reg.op.op_arguments import out_names, staged_name
from ir_runtime.op_reg.op.schema import default_value

if TYPE_CHECKING:
    from ir_runtime.op_reg.op.op import Op

__all__ = ["CallSource", "call_source"]

_TEXT = """
def $call({told}{parameters}):
    if $set_devices: return $call_there({passed})
{find}
    {finish}

def $call_there({parameters}):
{find_there}
    {finish}

def $autograd({told}$keyset, {parameters}):
{named}    if {slow}:
        return $slow($keyset, {every})
{find_autograd}
    {finish}

def $call_out({told}{parameters_out}):
    if $set_devices: return $call_out_there({passed_out})
{find_out}
    $write($op, $bound, $args, $outs, {staged})
    return {returned_out}

def $call_out_there({parameters_out}):
{find_out_there}
    $write($op, $bound, $args, $outs, {staged})
    return {returned_out}

def $autograd_out({told}$keyset, {parameters_out}):
{named}    if {slow_out}:
        return $slow_out($keyset, ({every_inner}{staged}, {outs}))
{find_autograd_out}
    $write($op, $bound, $args, $outs, {staged})
    return {returned_out}
"""


@dataclass(frozen=True)
class CallSource:
    """The text of the functions of an op, and what it needs to run.

    Attributes:
        text: the source.
        prefix: what its own names begin with: a function `call` is `<prefix>call` there.
        scope: default values and builtins, by the names that the text has for them.
    """

    text: str
    prefix: str
    scope: dict[str, Any]


def call_source(op: Op, *, told: bool) -> CallSource:
    """Return the text of the functions that the dispatcher calls.

    They take their arguments as the dispatcher passes them, and refill the defaults it drops; if
    `told`, those for CPU tensors take first why the C launcher passed the call on.
    """
    outs, staged = out_names(op), staged_name(op)
    names = [_variable(op, i) for i in range(len(op.arg_names))]
    inner = "".join(f"{name}, " for name in names)
    listed_outs = f"$outs = ({', '.join(outs)},)"
    grad = [test for test in (_grad_test(op, i) for i in range(len(names))) if test]
    finish = "return $bound.run($args)"
    if op.returned_arg is not None:
        finish = f"$bound.run($args); return {names[op.returned_arg]}"
    copied = "$copy_out($eager, $outs)"
    entrances = {
        name: _remember_lines(name) if told else []
        for name in ("call", "autograd", "call_out", "autograd_out")
    }
    find = _find_lines(op, names, "$eager")
    find_out = [listed_outs, *_find_lines(op, names, copied)]
    text = _TEXT.format(
        parameters=_parameters(op),
        parameters_out=_parameters(op, [f"{staged}=False", *(f"{o}=None" for o in outs)]),
        passed=_passed(op),
        passed_out=_passed(op, [staged, *outs]),
        named=_indented(_naming_lines(op)) + "\n" if _naming_lines(op) else "",
        every=f"({inner})",
        every_inner=inner,
        outs="".join(f"{o}, " for o in outs),
        staged=staged,
        told="$refused, " if told else "",
        find=_indented(find + entrances["call"]),
        find_autograd=_indented(find + entrances["autograd"]),
        find_there=_indented(_find_lines(op, names, "$eager", there=True)),
        find_out=_indented(find_out + entrances["call_out"]),
        find_autograd_out=_indented(find_out + entrances["autograd_out"]),
        find_out_there=_indented([listed_outs, *_find_lines(op, names, copied, there=True)]),
        finish=finish,
        slow=_slow_test(grad),
        slow_out=_slow_test([*grad, *(f"{o}.requires_grad" for o in outs)]),
        returned_out="$outs[0]" if len(outs) == 1 else "$outs",
    )
    prefix = own_prefix((*op.arg_names, staged, *outs))
    scope = {
        f"{prefix}d{i}": default_value(argument)
        for i, argument in enumerate(op.schema.arguments)
        if argument.has_default_value()
    }
    builtins = {f"{prefix}{f.__name__}": f for f in (any, repr, tuple, type, AttributeError)}
    builtins[f"{prefix}NotImplemented"] = NotImplemented
    return CallSource(text.replace("$", prefix), prefix, scope | builtins)


def _slow_test(grad: list[str]) -> str:
    """Write what sends a call the long way; a tensor with a tangent looks as plain as others.

    The usual case is that nothing requires a gradient; asking for the grad mode costs a call.
    """
    needed = f"or (({' or '.join(grad)}) and $grad_enabled()) " if grad else ""
    return (
        f"$set_devices or $raw_repr($keyset) != $plain {needed}or $forward_ad._current_level >= 0"
    )


def _find_lines(op: Op, names: list[str], eager_result: str, *, there: bool = False) -> list[str]:
    """Write what finds the launch; `there` if the device is not what the dispatch key says."""
    looked_at = "$args, $outs" if "$outs" in eager_result else "$args"
    place = f"$place({looked_at}), " if there else ""
    key = "".join(f"{_key_part(op, i)}, " for i in range(len(names)))
    lines = [
        *_naming_lines(op),
        f"$args = ({''.join(f'{name}, ' for name in names)})",
        f"try: $key = ({place}{key})",
        "except $AttributeError: $miss(None, $args); raise",  # None for a tensor: `select` says so
    ]
    if op.has_check:
        lines.append("$check(*$args)")
    if op.has_eager_execute:
        lines.append("$eager = $eager_execute(*$args)")
        lines.append(f"if $eager is not $NotImplemented: return {eager_result}")
    lines.append("$bound = $bound_for($key)")
    lines.append("if $bound is None: $bound = $miss($key, $args)")
    return lines


def _remember_lines(entrance: str) -> list[str]:
    arguments = f"{entrance!r}, $refused, $args, $bound"
    return [f"if $bound.plan is not None: $remember({arguments})"]


def _indented(lines: list[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


def _variable(op: Op, i: int) -> str:
    """Keyword-only arguments arrive by name, if Python has such names."""
    return f"$a{i}" if not op.schema.arguments[i].kwarg_only or _is_odd(op, i) else op.arg_names[i]


def _is_odd(op: Op, i: int) -> bool:
    """Tell whether an argument arrives by a name that no parameter can have."""
    return op.schema.arguments[i].kwarg_only and keyword.iskeyword(op.arg_names[i])


def _naming_lines(op: Op) -> list[str]:
    """Write what gives the odd ones a name."""
    lines: list[str] = []
    for i, argument in enumerate(op.schema.arguments):
        if _is_odd(op, i):
            default = f", $d{i}" if argument.has_default_value() else ""
            getter = f"$odd.get({argument.name!r}{default})" if default else None
            lines.append(f"$a{i} = {getter or f'$odd[{argument.name!r}]'}")
    return lines


def _parameters(op: Op, more: list[str] | None = None) -> str:
    parts: list[str] = []
    for i, argument in enumerate(op.schema.arguments):
        if argument.kwarg_only and "*" not in parts:
            parts.append("*")
        if not _is_odd(op, i):
            default = f"=$d{i}" if argument.has_default_value() else ""
            parts.append(f"{_variable(op, i)}{default}")
    if more:
        parts += [*([] if "*" in parts else ["*"]), *more]
    odd = any(_is_odd(op, i) for i in range(len(op.arg_names)))
    if parts and parts[-1] == "*":
        parts.pop()
    return ", ".join([*parts, *(["**$odd"] if odd else [])])


def _passed(op: Op, more: list[str] | None = None) -> str:
    parts: list[str] = []
    for i, argument in enumerate(op.schema.arguments):
        name = _variable(op, i)
        if not _is_odd(op, i):
            parts.append(f"{name}={name}" if argument.kwarg_only else name)
    parts += [f"{name}={name}" for name in more or ()]
    odd = any(_is_odd(op, i) for i in range(len(op.arg_names)))
    return ", ".join([*parts, *(["**$odd"] if odd else [])])


def _key_part(op: Op, i: int) -> str:
    name, kind = _variable(op, i), str(op.schema.arguments[i].type)
    if kind == "Tensor":
        return f"{name}.shape, {name}.dtype"
    if kind == "Optional[Tensor]":
        return f"None if {name} is None else ({name}.shape, {name}.dtype)"
    if kind == "List[Tensor]":
        return f"$tuple([($t.shape, $t.dtype) for $t in {name}])"
    if kind == "float":
        return f"{name}.hex()"  # tells -0.0 from 0.0, and NaN equals itself
    if kind in ("int", "bool", "str", "SymInt"):
        return name
    return f"($type({name}), $repr({name}))"


def _grad_test(op: Op, i: int) -> str:
    name, kind = _variable(op, i), str(op.schema.arguments[i].type)
    if kind == "Tensor":
        return f"{name}.requires_grad"
    if kind == "Optional[Tensor]":
        return f"({name} is not None and {name}.requires_grad)"
    if "Tensor" in kind:
        return f"$any([$t is not None and $t.requires_grad for $t in {name} or ()])"
    return ""
