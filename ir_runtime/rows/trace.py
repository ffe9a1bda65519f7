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
from ir_runtime.rows.emit.arithmetic import LIBRARY
from ir_runtime.rows.normal_form import composite, creation, layout, pointwise, reduction
from ir_runtime.rows.normal_form.table import RULES, Dropped, Kept
from ir_runtime.rows.rewrite import rewrite
from ir_runtime.rows.row_tensor import HALVES, NARROW, NoRuleError, RowTensor, TraceState
from ir_runtime.rows.value import Graph, Input, Result, Value
from ir_runtime.rows.vector_functions import VECTOR_FUNCTIONS

__all__ = ["trace"]

DTYPES = (torch.float32, *NARROW, torch.int8)
"""Dtypes of arguments and results."""

NO_ARITHMETIC = tuple(dtype for dtype in (*NARROW, torch.int8) if dtype not in HALVES)
"""Dtypes that a kernel only converts."""

_RULE_FILES = (composite, creation, layout, pointwise, reduction)


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
            self._check_arguments(args, kwargs)
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

    def _check_arguments(self, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        if not all(isinstance(t, RowTensor) for t in _tensors((*args, *kwargs.values()))):
            raise NoRuleError("it takes a tensor that is no argument")
        device = kwargs.get("device")
        if device is not None and torch.device(device).type != "cpu":
            raise NoRuleError(f"it runs on {device}")
        if kwargs.get("pin_memory"):
            raise NoRuleError("it pins memory")

    def _wrapped(self, meta: Any, made: Any, args: Sequence[Any], kind: str) -> Any:
        if isinstance(meta, list | tuple):
            pairs = zip(meta, made, strict=True)
            return type(meta)(self._wrapped(m, v, args, kind) for m, v in pairs)
        form = _form_of(args)
        if isinstance(made, Dropped):
            form, made = "dropped" if self.lead else "scalar", made.value
        elif isinstance(made, Kept):
            form, made = "rows", made.value
        parts = (made,) if isinstance(made, Value) else tuple(made)
        if form == "rows" and meta.ndim and len(parts) == 1 and parts[0].kind == "row":
            parts = (self.state.values.spread(parts[0], meta.shape[-1]),)
        if kind == "arithmetic" and meta.dtype in HALVES:
            parts = tuple(self.state.values.round_to(part, meta.dtype) for part in parts)
        if kind != "move" and meta.dtype in NO_ARITHMETIC:
            raise NoRuleError(f"it computes in {str(meta.dtype).removeprefix('torch.')}")
        if {p.is_bool for p in parts} != {meta.dtype == torch.bool}:
            raise NoRuleError("it computes with truth values")
        if not meta.ndim and all(p.kind == "constant" for p in parts):
            form = "scalar"
        tensor = RowTensor(meta, parts, form)
        self._check(tensor)
        return tensor

    def _check(self, tensor: RowTensor) -> None:
        """Refuse a tensor that is neither rows nor numbers of rows."""
        shape, meta = tuple(tensor.meta.shape), tensor.meta
        if meta.dtype not in (*DTYPES, torch.bool):
            raise NoRuleError(f"it makes {str(meta.dtype).removeprefix('torch.')}")
        if tensor.form == "scalar":
            fits = shape == () and all(p.kind != "lanes" for p in tensor.parts)
        elif tensor.form == "dropped":
            fits = shape == self.lead and all(p.kind != "lanes" for p in tensor.parts)
        else:
            last = shape[-1] if shape else 1
            width = sum(p.width for p in tensor.parts)
            constant = all(p.kind == "constant" for p in tensor.parts)
            fits = (width == last or constant) and self.is_lead(shape[:-1])
        if not fits:
            raise NoRuleError(f"it makes a tensor of shape {list(shape)}")

    def is_lead(self, sizes: tuple[int, ...]) -> bool:
        """Tell whether sizes are those of all rows, or of a single row for all."""
        return sizes == self.lead or (
            len(sizes) <= len(self.lead) and all(size == 1 for size in sizes)
        )


def _form_of(args: Sequence[Any]) -> str:
    """Return the form of a result, as broadcasting makes it."""
    forms = {t.form for t in _tensors(args) if isinstance(t, RowTensor)}
    shaped = forms - {"scalar"}
    if len(shaped) > 1:
        raise NoRuleError("it broadcasts numbers of rows along the row")
    if shaped:
        return shaped.pop()
    return "scalar" if forms else "rows"


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
    lead = _common_lead(tensors)
    activations = activations or [n for n, t in enumerate(tensors) if t.ndim == len(lead) + 1]
    tracing = _Tracing(lead)
    inputs: list[Input] = []
    operands = []
    for number, tensor in enumerate(tensors):
        found = _input(number, tensor, lead, is_activation=number in activations)
        inputs.append(found)
        value = tracing.state.values.input(number, found.width)
        form = "rows" if tensor.ndim else "scalar"
        meta = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
        operands.append(RowTensor(meta, (value,), form))
    if not any(i.each_row for i in inputs):
        raise UnsupportedOperatorError("no row kernel: none of its arguments has rows")
    with torch.no_grad(), tracing:
        returned = fn(*operands)
    if tracing.refused is not None:
        raise tracing.refused
    results = returned if isinstance(returned, list | tuple) else [returned]
    graph = Graph(tuple(inputs), tuple(_result(tracing, r) for r in results))
    graph = rewrite(graph, tracing.state.values)
    absent = {v.op for v in graph.values()} & (set(LIBRARY) - set(VECTOR_FUNCTIONS))
    if absent:
        raise UnsupportedOperatorError(f"no row kernel: there is no vector function {min(absent)}")
    return graph


def _common_lead(tensors: Sequence[Tensor]) -> tuple[int, ...]:
    leads = [tuple(t.shape[:-1]) for t in tensors]
    return max(leads, key=lambda lead: (math.prod(lead), len(lead)), default=())


def _input(number: int, tensor: Tensor, lead: tuple[int, ...], *, is_activation: bool) -> Input:
    sizes = tuple(tensor.shape[:-1])
    single = math.prod(sizes) == 1 and len(sizes) <= len(lead)
    each_row = sizes == lead and tensor.ndim > 0 and (is_activation or not single)
    shown = f"argument {number} of shape {list(tensor.shape)}"
    if not (each_row or single):
        raise UnsupportedOperatorError(
            f"no row kernel: {shown} is neither rows nor shared by rows of shape {list(lead)}"
        )
    if tensor.dtype not in DTYPES:
        kind = str(tensor.dtype).removeprefix("torch.")
        raise UnsupportedOperatorError(f"no row kernel: {shown} is {kind}")
    if 0 in tensor.shape:
        raise UnsupportedOperatorError(f"no row kernel: {shown} is empty")
    return Input(number, tensor.dtype, tensor.shape[-1] if tensor.ndim else 1, each_row)


def _result(tracing: _Tracing, returned: Any) -> Result:
    if not isinstance(returned, RowTensor):
        raise UnsupportedOperatorError(
            "no row kernel: it returns what is no tensor made of its arguments"
        )
    shape, lead = tuple(returned.meta.shape), tracing.lead
    drops = returned.form == "dropped" or (returned.form == "scalar" and not lead)
    whole = shape == lead if drops else shape[:-1] == lead and bool(shape)
    if not whole or returned.dtype not in DTYPES:
        kind = str(returned.dtype).removeprefix("torch.")
        raise UnsupportedOperatorError(
            f"no row kernel: a result is {kind}{list(shape)}, must have the rows {list(lead)}"
        )
    width = 1 if drops else shape[-1]
    parts = tuple(
        tracing.state.values.spread(part, width) if len(returned.parts) == 1 else part
        for part in returned.parts
    )
    parts = tuple(tracing.state.values.number_of(part) for part in parts)
    return Result(parts, returned.dtype, width, shape, drops)
