"""Which Python text reduces a call to a key as fast as can be?

For each op, functions are generated from its schema, as `dataclasses` does, because a loop over
arguments costs more than the launch it would find. They reduce the arguments to a key (shapes,
dtypes, every non-tensor value), find the bound launch and run it. Calls on CPU tensors need
not look for a device unless some thread has made one current; the others (`call_there`) put it in
the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ir_runtime.op_reg.schema import default_value

if TYPE_CHECKING:
    from ir_runtime.op_reg.custom_op import CustomOp

__all__ = ["call_source", "out_names"]

_TEXT = """
def call({parameters}):
    if _set_devices: return call_there({passed})
{find}
    {finish}

def call_there({parameters}):
{find_there}
    {finish}

def autograd(_keyset, {parameters}):
    if {slow}:
        return _slow(_keyset, {every})
{find}
    {finish}

def call_out({parameters_out}):
    if _set_devices: return call_out_there({passed_out})
{find_out}
    _write(_op, bound, args, outs, staged)
    return {returned_out}

def call_out_there({parameters_out}):
{find_out_there}
    _write(_op, bound, args, outs, staged)
    return {returned_out}

def autograd_out(_keyset, {parameters_out}):
    if {slow_out}:
        return _slow_out(_keyset, ({every_inner}staged, {outs}))
{find_out}
    _write(_op, bound, args, outs, staged)
    return {returned_out}
"""


def call_source(op: CustomOp) -> tuple[str, dict[str, Any]]:
    """Return the text of the functions, and the default values that it names.

    They take their arguments as the dispatcher passes them, and refill the defaults it drops.
    """
    parameters, defaults = _parameters(op)
    names = [_variable(op, i) for i in range(len(op.arg_names))]
    inner = "".join(f"{name}, " for name in names)
    outs = out_names(op)
    listed_outs = f"outs = ({', '.join(outs)},)"
    tests = [_grad_test(op, i) for i in range(len(names))]
    grad = [test for test in tests if test]
    finish = "return bound.run(args)"
    if op.returned_arg is not None:
        finish = f"bound.run(args); return {names[op.returned_arg]}"
    before_outs = f"{parameters}, " if parameters else ""
    before_outs += "" if "*" in parameters else "*, "
    passed = [
        f"{n}={n}" if a.kwarg_only else n for n, a in zip(names, op.schema.arguments, strict=True)
    ]
    text = _TEXT.format(
        parameters=parameters,
        passed=", ".join(passed),
        passed_out=", ".join([*passed, *(f"{n}={n}" for n in ("staged", *outs))]),
        parameters_out=f"{before_outs}staged=False, " + ", ".join(f"{o}=None" for o in outs),
        every=f"({inner})",
        every_inner=inner,
        outs="".join(f"{o}, " for o in outs),
        find=_indented(_find_lines(op, names, "eager")),
        find_there=_indented(_find_lines(op, names, "eager", there=True)),
        find_out=_indented([listed_outs, *_find_lines(op, names, "_copy_out(eager, outs)")]),
        find_out_there=_indented(
            [listed_outs, *_find_lines(op, names, "_copy_out(eager, outs)", there=True)]
        ),
        finish=finish,
        slow=_slow_test(grad),
        slow_out=_slow_test([*grad, *(f"{o}.requires_grad" for o in outs)]),
        returned_out="outs[0]" if len(outs) == 1 else "outs",
    )
    return text, defaults


def out_names(op: CustomOp) -> list[str]:
    """Return the names of the arguments that an `out` overload adds."""
    count = len(op.schema.returns)
    return [f"out{i}" for i in range(count)] if count > 1 else ["out"]


def _slow_test(grad: list[str]) -> str:
    """Write what sends a call the long way; a tensor with a tangent looks as plain as others.

    The usual case is that nothing requires a gradient; asking for the grad mode costs a call.
    """
    needed = f"or (({' or '.join(grad)}) and _grad_enabled()) " if grad else ""
    return (
        f"_set_devices or _raw_repr(_keyset) != _plain {needed}or _forward_ad._current_level >= 0"
    )


def _find_lines(
    op: CustomOp, names: list[str], eager_result: str, *, there: bool = False
) -> list[str]:
    """Write what finds the launch; `there` if the device is not what the dispatch key says."""
    looked_at = "args, outs" if "outs" in eager_result else "args"
    place = f"_place({looked_at}), " if there else ""
    key = "".join(f"{_key_part(op, i)}, " for i in range(len(names)))
    lines = [
        f"args = ({''.join(f'{name}, ' for name in names)})",
        f"try: key = ({place}{key})",
        "except AttributeError: _miss(None, args); raise",  # None for a tensor: `select` says so
    ]
    if op.has_check:
        lines.append("_check(*args)")
    if op.has_eager_execute:
        lines.append("eager = _eager(*args)")
        lines.append(f"if eager is not NotImplemented: return {eager_result}")
    lines.append("bound = _bound_for(key)")
    lines.append("if bound is None: bound = _miss(key, args)")
    if not there:
        lines.append("if bound.plan is not None: _remember(args, bound)")
    return lines


def _indented(lines: list[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


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
            defaults[f"_d{i}"] = default_value(argument)
            name += f"=_d{i}"
        parts.append(name)
    return ", ".join(parts), defaults


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
    if "Tensor" in kind:
        return f"any([t is not None and t.requires_grad for t in {name} or ()])"
    return ""
