"""The ways in which graphs write a function: as a function, an operator, a method, with keywords.

`call_of` reads a node as a call of one of few functions, with all operands by position.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

import torch
from torch import fx

from ir_runtime.frozen import frozen
from ir_runtime.passes.raising.fact import rank_of

__all__ = ["Call", "call_of", "describe"]

F = torch.nn.functional

_MISSING: Any = object()


@frozen
class Call:
    """A node read as a call: the name of its function, and its operands in order."""

    function: str
    operands: tuple[Any, ...]


@frozen
class _Spelling:
    """How a function is written.

    Attributes:
        function: its name in patterns.
        parameters: names of its operands in order; `a|b` if it has two names.
        functions: what a `call_function` node calls.
        methods: what a `call_method` node calls.
        defaults: operands that may be left out.
        only: further parameters, which must have this value if they are given.
    """

    function: str
    parameters: tuple[str, ...]
    functions: tuple[Callable[..., Any], ...] = ()
    methods: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    only: Mapping[str, Any] = field(default_factory=dict)


_X = ("input|self",)
_XY = ("input|self", "other")

_SPELLINGS = (
    _Spelling("add", _XY, (operator.add, torch.add), ("add",), only={"alpha": 1}),
    _Spelling("mul", _XY, (operator.mul, torch.mul, torch.multiply), ("mul", "multiply")),
    _Spelling(
        "div",
        _XY,
        (operator.truediv, torch.div, torch.divide, torch.true_divide),
        ("div", "divide", "true_divide"),
        only={"rounding_mode": None},
    ),
    _Spelling("neg", _X, (operator.neg, torch.neg, torch.negative), ("neg", "negative")),
    _Spelling("pow", ("input|self", "exponent"), (operator.pow, torch.pow), ("pow",)),
    _Spelling("square", _X, (torch.square,), ("square",)),
    _Spelling("rsqrt", _X, (torch.rsqrt,), ("rsqrt",)),
    _Spelling("sqrt", _X, (torch.sqrt,), ("sqrt",)),
    _Spelling("sigmoid", _X, (torch.sigmoid, F.sigmoid, torch.special.expit), ("sigmoid",)),
    _Spelling("tanh", _X, (torch.tanh, F.tanh), ("tanh",)),
    _Spelling("erf", _X, (torch.erf, torch.special.erf), ("erf",)),
    _Spelling("silu", _X, (F.silu,), only={"inplace": False}),
    _Spelling("gelu", ("input", "approximate"), (F.gelu,), defaults={"approximate": "none"}),
    _Spelling(
        "mean",
        ("input|self", "dim|axis", "keepdim|keepdims"),
        (torch.mean,),
        ("mean",),
        defaults={"keepdim|keepdims": False},
        only={"dtype": None},
    ),
    _Spelling("unsqueeze", ("input|self", "dim"), (torch.unsqueeze,), ("unsqueeze",)),
    _Spelling(
        "cat",
        ("tensors", "dim|axis"),
        (torch.cat, torch.concat, torch.concatenate),
        defaults={"dim|axis": 0},
    ),
    _Spelling(
        "chunk",
        ("input|self", "chunks", "dim"),
        (torch.chunk,),
        ("chunk",),
        defaults={"dim": 0},
    ),
    _Spelling("item", ("input", "index"), (operator.getitem,), ("__getitem__",)),
    _Spelling(
        "layer_norm",
        ("input", "normalized_shape", "weight", "bias", "eps"),
        (F.layer_norm,),
        defaults={"weight": None, "bias": None, "eps": 1e-5},
    ),
    _Spelling(
        "rms_norm",
        ("input", "normalized_shape", "weight", "eps"),
        (F.rms_norm, torch.rms_norm),
        defaults={"weight": None, "eps": None},
    ),
    _Spelling(
        "attention",
        (
            "query",
            "key",
            "value",
            "attn_mask",
            "dropout_p",
            "is_causal",
            "scale",
            "enable_gqa",
        ),
        (F.scaled_dot_product_attention,),
        defaults={
            "attn_mask": None,
            "dropout_p": 0.0,
            "is_causal": False,
            "scale": None,
            "enable_gqa": False,
        },
    ),
)

_FUNCTIONS = {f: spelling for spelling in _SPELLINGS for f in spelling.functions}
_METHODS = {m: spelling for spelling in _SPELLINGS for m in spelling.methods}

_CASTS = frozenset({"to", "type", "type_as", "float", "double", "half", "bfloat16"})
_OURS = "ir_runtime::"


def call_of(node: fx.Node) -> Call | None:
    """Read a node as a call; None if it is none of the functions of patterns.

    A conversion to a dtype is `cast`, an IR op `ir.<op>`. Dimensions count from the end where the
    rank is known.
    """
    if node.op == "call_method":
        if node.target in _CASTS:
            return _cast(node)
        spelling = _METHODS.get(str(node.target))
    elif node.op == "call_function":
        spelling = _FUNCTIONS.get(node.target)  # pyright: ignore[reportArgumentType, reportCallIssue]
        if spelling is None:
            return _ir_op(node)
    else:
        return None
    operands = None if spelling is None else _bound(spelling, node)
    if spelling is None or operands is None:
        return None
    return Call(spelling.function, _with_last_dims(spelling.function, node, operands))


def describe(value: Any) -> str:
    """Describe a node or a value in a few words."""
    if not isinstance(value, fx.Node):
        return repr(value)
    call = call_of(value)
    if call is not None:
        return call.function
    if value.op == "placeholder":
        return "an input"
    return str(getattr(value.target, "__name__", value.target))


def _bound(spelling: _Spelling, node: fx.Node) -> tuple[Any, ...] | None:
    """Return the operands by position; None if the call has other parameters."""
    if len(node.args) > len(spelling.parameters):
        return None
    named = dict(node.kwargs)
    for name, value in spelling.only.items():
        if named.pop(name, value) != value:
            return None
    operands = list(node.args)
    for parameter in spelling.parameters[len(operands) :]:
        given = [named.pop(n) for n in parameter.split("|") if n in named]
        operand = given[0] if given else spelling.defaults.get(parameter, _MISSING)
        if operand is _MISSING:
            return None
        operands.append(operand)
    return None if named else tuple(operands)


def _cast(node: fx.Node) -> Call | None:
    """Read a method that changes the dtype; its dtype is that of the node's value."""
    source, *rest = node.args
    given = [*rest, *node.kwargs.values()]
    keywords = set(node.kwargs) <= {"dtype", "other"}
    plain = all(isinstance(value, torch.dtype | fx.Node) for value in given)
    return Call("cast", (source,)) if keywords and plain and len(given) <= 1 else None


def _ir_op(node: fx.Node) -> Call | None:
    target: Any = node.target
    name = ""
    if isinstance(target, torch._ops.OpOverload):
        name = target._schema.name if target._overloadname == "default" else ""
    elif isinstance(target, torch._ops.OpOverloadPacket):
        name = str(target._qualified_op_name)
    if not name.startswith(_OURS) or node.kwargs:
        return None
    return Call(f"ir.{name.removeprefix(_OURS)}", tuple(node.args))


def _with_last_dims(function: str, node: fx.Node, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """Count dimensions from the end; a list of one dimension is the dimension."""
    if function == "mean":
        x, dim, keepdim = operands
        if isinstance(dim, list | tuple) and len(dim) == 1:
            (dim,) = dim
        return x, _from_end(dim, rank_of(x)), keepdim
    if function == "cat":
        tensors, dim = operands
        return tuple(tensors), _from_end(dim, rank_of(node))
    if function == "chunk":
        x, chunks, dim = operands
        return x, chunks, _from_end(dim, rank_of(x))
    return operands


def _from_end(dim: Any, rank: int | None) -> Any:
    return dim - rank if type(dim) is int and dim >= 0 and rank is not None else dim
