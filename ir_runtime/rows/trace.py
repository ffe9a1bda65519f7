"""The trace of a torch function: it runs on tensors without data that carry values of rows.

The run happens at the sizes of the call, so a function that branches on sizes has the right trace.
Neither torch.fx nor fake tensors are used: their first use imports dynamo, which takes seconds.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from ir_runtime.errors import UnsupportedOperatorError
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.op.native import NATIVES
from ir_runtime.rows.arguments import argument, leading_sizes, with_roles
from ir_runtime.rows.emit.arithmetic import LIBRARY
from ir_runtime.rows.normal_form import composite, creation, gather, layout, pointwise, reduction
from ir_runtime.rows.normal_form.table import RULES, Dropped, Formed
from ir_runtime.rows.rewrite import rewrite
from ir_runtime.rows.row_tensor import (
    DTYPES,
    HALVES,
    INDICES,
    NARROW,
    NoRuleError,
    RowTensor,
    TraceState,
)
from ir_runtime.rows.unrounded import watch
from ir_runtime.rows.value import Graph, Input, Result, Value, topological
from ir_runtime.rows.vector_functions import VECTOR_FUNCTIONS

__all__ = ["trace"]

NO_ARITHMETIC = tuple(dtype for dtype in (*NARROW, torch.int8) if dtype not in HALVES)
"""Dtypes that a kernel only converts."""

_RULE_FILES = (composite, creation, gather, layout, pointwise, reduction)


_KEEP_INDEX = tuple(f"aten::{name}" for name in ("_to_copy", "view", "clone", "alias", "detach"))
"""Operators that may leave an index as it is."""


class _Tracing(TorchDispatchMode):
    """Makes the values of each operator that runs.

    Args:
        lead: the sizes of the rows' dimensions.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False, else torch wraps this mode in code that imports dynamo."""
        return False

    def __init__(self, lead: tuple[int, ...]) -> None:
        super().__init__()
        self.lead = lead
        self.state = TraceState(lead)
        self.refused: UnsupportedOperatorError | None = None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        found = RULES.get(func._schema.name)
        if found is None:
            return self._rewritten(func, args, kwargs)
        try:
            if found.kind == "view" and getattr(args[0], "form", "") == "table":
                meta = _on_meta(func, args, kwargs)
                shared = self._shared_group(meta, args[0])
                return self._table_view(meta, args[0]) if shared is None else shared
            if func._schema.name in _KEEP_INDEX and getattr(args[0], "form", "") == "index":
                return self._same_index(_on_meta(func, args, kwargs), args[0])
            args = self._checked(args, kwargs, found.kind)
            if found.like is None:
                meta = _on_meta(func, args, kwargs)
            else:
                meta = found.like(*args, **kwargs)
            made = found.build(self.state, meta, *args, **kwargs)
            return self._wrapped(meta, made, args, found.kind)
        except TypeError as why:  # arguments that the rule does not know
            raise self.refusal(func, str(why)) from None
        except NoRuleError as why:
            raise self.refusal(func, str(why)) from None

    def _rewritten(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Run an operator without a rule by other operators."""
        native = _native(func)
        if native is not None:
            with self:
                return native(*args, **kwargs)
        with self:
            found = func.decompose(*args, **kwargs)
            if found is NotImplemented and not func._schema.is_mutable:
                decomposition = _decompositions().get(func)
                if decomposition is not None:
                    found = decomposition(*args, **kwargs)
        if found is NotImplemented:
            raise self.refusal(func, "it is no operation on rows")
        return found

    def refusal(self, func: Any, why: str) -> UnsupportedOperatorError:
        """Return the error for an operator; the whole trace fails, even if the user catches it."""
        name = str(func._schema.name).replace("::", ".")
        self.refused = self.refused or UnsupportedOperatorError(
            f"no row kernel: {name}: {why}", operator=name, place=_user_place()
        )
        return self.refused

    def _checked(self, args: Sequence[Any], kwargs: dict[str, Any], kind: str) -> Sequence[Any]:
        """Return the arguments; those that some rows share as rows."""
        if not all(isinstance(t, RowTensor) for t in _tensors((*args, *kwargs.values()))):
            raise NoRuleError("it takes a tensor that is no argument")
        if kind != "move" and any(_is_empty(t) for t in _tensors((*args, *kwargs.values()))):
            raise NoRuleError("it takes rows without a column")
        device = kwargs.get("device")
        if device is not None and torch.device(device).type != "cpu":
            raise NoRuleError(f"it runs on {device}")
        if kwargs.get("pin_memory"):
            raise NoRuleError("it pins memory")
        return args if kind == "gather" else tree_map_only(RowTensor, self._as_rows, tuple(args))

    def _as_rows(self, tensor: RowTensor) -> RowTensor:
        shared = self.state.shared(tensor) if tensor.form == "table" else tensor
        if shared is None or shared.form == "index":
            raise NoRuleError(f"it takes an argument {self._no_rows(tensor)}")
        return shared

    def _same_index(self, meta: Tensor, index: RowTensor) -> RowTensor:
        """Return an index of the same shape, in its dtype or a wider one."""
        wide = meta.dtype in INDICES and meta.itemsize >= index.dtype.itemsize
        if not wide or meta.shape != index.shape:
            raise NoRuleError(f"it takes an argument {self._no_rows(index)}")
        return RowTensor(meta, (), "index", index.source)

    def _table_view(self, meta: Tensor, table: RowTensor) -> RowTensor:
        """Return a view with more or fewer dimensions of size 1 in front of the last one."""
        old, new = (tuple(s for s in t.shape[:-1] if s != 1) for t in (table, meta))
        if old != new or table.shape[-1:] != meta.shape[-1:]:
            raise NoRuleError(f"it takes an argument {self._no_rows(table)}")
        return RowTensor(meta, (), "table", table.source)

    def _shared_group(self, meta: Tensor, table: RowTensor) -> RowTensor | None:
        """Return rows that some rows share as one group each, None if the view is another one."""
        rank, (*sizes, width) = len(self.lead), table.shape
        if len(sizes) != rank or tuple(meta.shape) != (*sizes, 1, width):
            return None
        rows = self.state.shared(table)
        return None if rows is None else RowTensor(meta, rows.parts, "groups")

    def _no_rows(self, tensor: RowTensor) -> str:
        """Return in words why an argument is only taken by gathers."""
        shape, dtype = list(tensor.shape), str(tensor.dtype).removeprefix("torch.")
        if tensor.dtype in INDICES:
            return f"of {dtype}, which only choose rows of tables"
        return (
            f"of shape {shape}, which is neither rows nor shared by rows of shape {list(self.lead)}"
        )

    def _wrapped(self, meta: Any, made: Any, args: Sequence[Any], kind: str) -> Any:
        if isinstance(meta, list | tuple):
            pairs = zip(meta, made, strict=True)
            return type(meta)(self._wrapped(m, v, args, kind) for m, v in pairs)
        if isinstance(made, Formed):
            form, made = made.form, made.parts
        else:
            form = _form_of(args)
        if isinstance(made, Dropped):
            one_a_row = "dropped" if self.lead else "scalar"
            form, made = "rows" if form == "groups" else one_a_row, made.value
        parts = (made,) if isinstance(made, Value) else tuple(made)
        parts = self._spread(meta, parts, form)
        if kind == "arithmetic" and meta.dtype in HALVES:
            parts = tuple(self.state.values.round_to(part, meta.dtype) for part in parts)
        if kind in ("arithmetic", "choice") and meta.dtype in NO_ARITHMETIC:
            raise NoRuleError(f"it computes in {str(meta.dtype).removeprefix('torch.')}")
        if parts and {p.is_bool for p in parts} != {meta.dtype == torch.bool}:
            raise NoRuleError("it computes with truth values")
        if not meta.ndim and all(p.kind == "constant" for p in parts):
            form = "scalar"
        tensor = RowTensor(meta, parts, form)
        self._check(tensor)
        return tensor

    def _check(self, tensor: RowTensor) -> None:
        """Refuse a tensor that is neither rows nor numbers of rows."""
        shape, meta, form = tuple(tensor.meta.shape), tensor.meta, tensor.form
        if meta.dtype not in (*DTYPES, torch.bool):
            raise NoRuleError(f"it makes {str(meta.dtype).removeprefix('torch.')}")
        if form == "scalar":
            fits = shape == () and all(p.kind != "lanes" for p in tensor.parts)
        elif form == "dropped":
            fits = shape == self.lead and all(p.kind != "lanes" for p in tensor.parts)
        elif "pairs" in form:
            fits = True  # only a view takes them
        else:
            inner = shape[-2:] if form == "groups" else shape[-1:]
            fits = self.state.is_lead(shape[: len(shape) - len(inner)]) and _fill(tensor, inner)
        if not fits:
            raise NoRuleError(f"it makes a tensor of shape {list(shape)}")

    def _spread(self, meta: Tensor, parts: Sequence[Value], form: str) -> tuple[Value, ...]:
        """Return the parts; the number of a row or group as lanes that fill the last dimension."""
        fills = form in ("rows", "groups") and meta.ndim and len(parts) == 1
        if not fills or parts[0].kind not in ("row", "group"):
            return tuple(parts)
        groups = meta.shape[-2] if form == "groups" and meta.shape[-2] > 1 else 0
        (value,), width = parts, meta.shape[-1]
        if form == "rows" and value.groups:
            width //= value.groups
        return (self.state.values.spread(value, width, groups),)


def _is_empty(tensor: Any) -> bool:
    """Tell whether a tensor has rows without a column; only a join takes such rows."""
    return tensor.form not in ("table", "index") and not tensor.parts


def _fill(tensor: RowTensor, inner: tuple[int, ...]) -> bool:
    """Tell whether parts fill the last sizes of a tensor."""
    if all(p.kind == "constant" for p in tensor.parts):
        return True
    if tensor.form == "groups" and inner[0] > 1:
        grouped = all(p.groups == inner[0] for p in tensor.parts if p.kind == "lanes")
        return grouped and sum(p.width for p in tensor.parts) == inner[1]
    width = sum(p.width * max(p.groups, 1) for p in tensor.parts)
    return width == (inner[-1] if inner else 1)


def _form_of(args: Sequence[Any]) -> str:
    """Return the form of a result, as broadcasting makes it."""
    shaped = {t.form for t in _tensors(args) if isinstance(t, RowTensor)}
    if not shaped:
        return "rows"
    shaped -= {"scalar"}
    if shaped == {"rows", "groups"}:
        flat = [t for t in _tensors(args) if isinstance(t, RowTensor) and t.form == "rows"]
        if any(size != 1 for t in flat for size in t.shape[:-1]):
            raise NoRuleError("it broadcasts rows along groups")
        return "groups"
    if len(shaped) > 1:
        raise NoRuleError("it broadcasts numbers of rows along the row")
    return shaped.pop() if shaped else "scalar"


def _native(func: Any) -> Callable[..., Any] | None:
    """Return the torch function of an op of this package: a trace goes into it."""
    if func._overloadname != "default":
        return None
    name = func._schema.name
    op = ALL_CUSTOM_OP_REGS.get(name)
    return NATIVES.get(name) or (None if op is None else op.like_native)


def _on_meta(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    if "device" in kwargs or not any(True for _ in _tensors(args)):
        kwargs = kwargs | {"device": "meta"}
    args, kwargs = tree_map_only(Tensor, lambda t: t.meta, (tuple(args), kwargs))
    return func(*args, **kwargs)


def _tensors(args: Any) -> Iterator[Tensor]:
    for value in args:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


@functools.cache
def _decompositions() -> dict[Any, Callable[..., Any]]:
    from torch._decomp import core_aten_decompositions

    return dict(core_aten_decompositions())


_OTHER_FOLDERS = tuple(
    f"{Path(folder)}/" for folder in (Path(torch.__file__).parent, Path(__file__).parents[1])
)


def _user_place() -> str:
    """Return file and line of the user's code that runs now, without its directory."""
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        library = path.startswith(("<", *_OTHER_FOLDERS)) or "/concurrent/futures/" in path
        if not library and "threading" not in path:
            return f"{Path(path).name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def trace(fn: Callable[..., Any], tensors: Sequence[Tensor], activations: Sequence[int]) -> Graph:
    """Trace a function of tensors.

    Args:
        fn: takes tensors, returns a tensor or several.
        tensors: the arguments; only their shapes and dtypes count.
        activations: numbers of the arguments whose leading dimensions are rows, whatever their
            size is.

    Raises:
        UnsupportedOperatorError: it is beyond row kernels, with the operator and the line.
    """
    # A new thread has no modes, no autocast and no default device.
    with ThreadPoolExecutor(1, "row_trace") as thread:
        return thread.submit(_trace, fn, tensors, activations).result()


def _trace(fn: Callable[..., Any], tensors: Sequence[Tensor], activations: Sequence[int]) -> Graph:
    refusals = []
    for lead in leading_sizes(tensors, activations):
        try:
            return _trace_rows(fn, tensors, activations, lead)
        except UnsupportedOperatorError as refusal:
            refusals.append(refusal)
    raise refusals[0]


def _trace_rows(
    fn: Callable[..., Any],
    tensors: Sequence[Tensor],
    activations: Sequence[int],
    lead: tuple[int, ...],
) -> Graph:
    activations = activations or [n for n, t in enumerate(tensors) if t.ndim > len(lead)]
    tracing = _Tracing(lead)
    inputs: list[Input] = []
    for number, tensor in enumerate(tensors):
        found, operand = argument(
            tracing.state.values, number, tensor, lead, is_activation=number in activations
        )
        inputs.append(found)
        tracing.state.arguments.append(operand)
    if not {"rows", "index"} & {i.role for i in inputs}:
        raise UnsupportedOperatorError("no row kernel: none of its arguments has rows")
    with watch() as unrounded, torch.no_grad(), tracing:
        returned = fn(*tracing.state.arguments)
    if tracing.refused is not None:
        raise tracing.refused
    returned = returned if isinstance(returned, list | tuple) else [returned]
    results = tuple(_result(tracing, r) for r in returned)
    gathers = tuple(tracing.state.gathers)
    values = topological(part for r in results for part in r.parts)
    roles = with_roles(inputs, values, gathers, tracing.state.along)
    graph = Graph(roles, results, gathers)
    graph = rewrite(graph, tracing.state.values, rounds=not unrounded)
    absent = {v.op for v in graph.values()} & (set(LIBRARY) - set(VECTOR_FUNCTIONS))
    if absent:
        raise UnsupportedOperatorError(f"no row kernel: there is no vector function {min(absent)}")
    return graph


def _result(tracing: _Tracing, returned: Any) -> Result:
    if not isinstance(returned, RowTensor):
        raise UnsupportedOperatorError(
            "no row kernel: it returns what is no tensor made of its arguments"
        )
    shape, lead, form = tuple(returned.meta.shape), tracing.lead, returned.form
    inner = shape[len(lead) :]
    sizes = {"rows": 1, "groups": 2, "dropped": 0, "scalar": 0}
    whole = shape[: len(lead)] == lead and len(inner) == sizes.get(form, -1) and 0 not in inner
    if not whole or returned.dtype not in DTYPES:
        kind = str(returned.dtype).removeprefix("torch.")
        raise UnsupportedOperatorError(
            f"no row kernel: a result is {kind}{list(shape)}, must have the rows {list(lead)}"
        )
    width, values = math.prod(inner), tracing.state.values
    parts = tuple(
        part if part.groups else values.spread(part, width) if len(returned.parts) == 1 else part
        for part in returned.parts
    )
    if len(parts) == 1 and parts[0].op == "spread" and not parts[0].groups:
        parts = (values.spread(parts[0].args[0], width),)
    parts = tuple(values.number_of(part) for part in parts)
    return Result(parts, returned.dtype, width, shape, inner)
