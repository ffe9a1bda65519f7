"""What hostile calls are tried on: ops of the catalogue, traced functions, exported programs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ir_runtime import aot
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import CustomOp, def_library
from tests.cases import CASES, OpCase

__all__ = ["SUBJECTS", "Subject"]

ROWS, COLUMNS = 11, 6
_FLOATS = (torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Subject:
    """Something to call, and the torch function that says what is right.

    Attributes:
        name: for the table.
        call: what is tried.
        reference: torch's own function of the same arguments.
        draw: returns legal arguments, for a generator, a dtype and a number of rows.
        names: of the arguments.
        limits: for the position of an index argument, what its values must be below.
        wraps: a negative index counts from the end.
        dtypes: of the floating-point arguments.
        may_refuse: it may refuse what the reference computes.
    """

    name: str
    call: Callable[..., Any]
    reference: Callable[..., Any]
    draw: Callable[[torch.Generator, torch.dtype, int], list[Any]]
    names: tuple[str, ...]
    limits: Mapping[int, int] = field(default_factory=dict)
    wraps: bool = False
    dtypes: tuple[torch.dtype, ...] = _FLOATS
    may_refuse: bool = False


def _of_case(case: OpCase) -> list[Subject]:
    """Return a case as an IR op, as a kernel's op, and the kernel's op writing into `out`."""

    def draw(generator: torch.Generator, dtype: torch.dtype, rows: int) -> list[Any]:
        from tests.cases import Draw

        lead = (rows,) if len(case.lead) == 1 else (2, rows)
        arguments = case.make(Draw(dtype, generator), lead, 48)
        return [a.contiguous() if isinstance(a, Tensor) else a for a in arguments]

    limits = {0: 50} if case.op == "rotary_embedding" else {}
    common: dict[str, Any] = {
        "reference": case.computes,
        "draw": draw,
        "names": case.names,
        "limits": limits,
    }
    return [
        Subject(f"ir_runtime.{case.id}", _packet("ir_runtime", case.op), **common),
        Subject(f"ir_kernels.{case.id}", case.packet, may_refuse=True, **common),
    ]


def _packet(namespace: str, name: str) -> Any:
    return getattr(getattr(torch.ops, namespace), name)


def _floats(generator: torch.Generator, dtype: torch.dtype, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator).to(dtype)


def _ids(generator: torch.Generator, limit: int, *shape: int) -> Tensor:
    return torch.randint(0, limit, shape, generator=generator)


def _embedding(ids: Tensor, table: Tensor) -> Tensor:
    return F.embedding(ids, table)


def _gather(x: Tensor, index: Tensor) -> Tensor:
    return torch.gather(x, 1, index)


def _select_rows(x: Tensor, index: Tensor) -> Tensor:
    return torch.index_select(x, 0, index)


def _index(x: Tensor, index: Tensor) -> Tensor:
    return x[index] * 2


def _index_pair(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    return x[rows, columns]


def _put(x: Tensor, index: Tensor, values: Tensor) -> Tensor:
    return torch.index_put(x, (index,), values)


def _put_and_add(x: Tensor, index: Tensor, values: Tensor) -> Tensor:
    return torch.index_put(x, (index,), values, accumulate=True)


def _scatter(x: Tensor, index: Tensor, values: Tensor) -> Tensor:
    return torch.scatter_add(x, 1, index, values)


def _add_rows(x: Tensor, index: Tensor, values: Tensor) -> Tensor:
    return torch.index_add(x, 0, index, values)


def _take(x: Tensor, index: Tensor) -> Tensor:
    return torch.take(x, index)


def _bounded(x: Tensor, y: Tensor) -> Tensor:
    return torch.maximum(x.clamp(-1, 1), y).relu()


def _draw_lookup(*, ids_first: bool) -> Callable[..., list[Any]]:
    def draw(generator: torch.Generator, dtype: torch.dtype, rows: int) -> list[Any]:
        table = _floats(generator, dtype, ROWS, COLUMNS)
        ids = _ids(generator, ROWS, rows)
        return [ids, table] if ids_first else [table, ids]

    return draw


def _draw_gather(generator: torch.Generator, dtype: torch.dtype, rows: int) -> list[Any]:
    return [_floats(generator, dtype, rows, COLUMNS), _ids(generator, COLUMNS, rows, 3)]


def _draw_pair(generator: torch.Generator, dtype: torch.dtype, rows: int) -> list[Any]:
    table = _floats(generator, dtype, ROWS, COLUMNS)
    return [table, _ids(generator, ROWS, rows), _ids(generator, COLUMNS, rows)]


def _draw_put(generator: torch.Generator, dtype: torch.dtype, rows: int) -> list[Any]:
    """Distinct rows: with repeated ones, which value stays is not defined."""
    index = torch.randperm(ROWS, generator=generator)[: min(rows, ROWS)]
    values = _floats(generator, dtype, len(index), COLUMNS)
    return [_floats(generator, dtype, ROWS, COLUMNS), index, values]


def _draw_scatter(generator: torch.Generator, dtype: torch.dtype, rows: int) -> list[Any]:
    order = torch.randn(rows, COLUMNS, generator=generator).argsort(dim=1)
    index = order[:, :3].contiguous()
    return [_floats(generator, dtype, rows, COLUMNS), index, _floats(generator, dtype, rows, 3)]


def _draw_bounded(generator: torch.Generator, dtype: torch.dtype, rows: int) -> list[Any]:
    return [_floats(generator, dtype, rows, COLUMNS), _floats(generator, dtype, rows, COLUMNS)]


@dataclass(frozen=True)
class _Function:
    """A torch function that becomes a traced op and an exported program."""

    compute: Callable[..., Tensor]
    draw: Callable[[torch.Generator, torch.dtype, int], list[Any]]
    names: tuple[str, ...]
    limits: Mapping[int, int]
    wraps: bool = False


_FUNCTIONS = (
    _Function(_embedding, _draw_lookup(ids_first=True), ("ids", "table"), {0: ROWS}),
    _Function(_gather, _draw_gather, ("x", "index"), {1: COLUMNS}),
    _Function(_select_rows, _draw_lookup(ids_first=False), ("x", "index"), {1: ROWS}),
    _Function(_index, _draw_lookup(ids_first=False), ("x", "index"), {1: ROWS}, wraps=True),
    _Function(_index_pair, _draw_pair, ("x", "rows", "columns"), {1: ROWS, 2: COLUMNS}, wraps=True),
    _Function(_put, _draw_put, ("x", "index", "values"), {1: ROWS}, wraps=True),
    _Function(_put_and_add, _draw_put, ("x", "index", "values"), {1: ROWS}, wraps=True),
    _Function(_scatter, _draw_scatter, ("x", "index", "values"), {1: COLUMNS}),
    _Function(_add_rows, _draw_put, ("x", "index", "values"), {1: ROWS}),
    _Function(
        _take, _draw_lookup(ids_first=False), ("x", "index"), {1: ROWS * COLUMNS}, wraps=True
    ),
    _Function(_bounded, _draw_bounded, ("x", "y"), {}),
)
_LIBRARY = def_library("hostile")


def _traced(function: _Function) -> Subject:
    """Return an op whose kernel is the traced function."""
    name = function.compute.__name__.strip("_")
    compute, count, indices = function.compute, len(function.names), tuple(function.limits)

    def select(self: CustomOp, ksel: Any) -> None:
        arguments = [ksel.arg_tensor(i).t for i in range(count)]
        for i in indices:
            ksel.arg_tensor(i).require(dtypes=(torch.int64, torch.int32))
        try:
            result = compute(*(torch.empty_like(a, device="meta") for a in arguments))
        except AssertionError as error:  # so refuse some of torch's own meta functions
            raise ArgumentError(f"{self.name}: {error}") from error
        ksel.return_new_tensor(result.shape, result.dtype)

    def generate(self: CustomOp, ksel: Any, kb: Any) -> None:
        kb.yield_results(kb.inline_torch(compute, *(kb.arg(i) for i in range(count))))

    arguments = ", ".join(f"Tensor {n}" for n in function.names)
    body = {
        "signature": f"{name}({arguments}) -> Tensor",
        "select": select,
        "generate": generate,
        "__module__": __name__,
    }
    packet = CustomOp.register(library=_LIBRARY)(type(name, (CustomOp,), body))
    return _of_function(f"traced.{name}", packet, function)


def _exported(function: _Function) -> Subject:
    """Return a program for each dtype, open in the dimension of rows."""

    @functools.cache
    def program(dtype: torch.dtype) -> Any:
        example, other = (function.draw(torch.Generator(), dtype, rows) for rows in (5, 7))
        open_dims = [
            {i: torch.export.Dim.DYNAMIC for i, n in enumerate(a.shape) if n != b.shape[i]}
            for a, b in zip(example, other, strict=True)
        ]
        return aot.export(function.compute, tuple(example), dynamic_shapes=open_dims)

    def call(*arguments: Any) -> Any:
        dtypes = (a.dtype for a in arguments if isinstance(a, Tensor))
        return program(next((d for d in dtypes if d in _FLOATS), torch.float32))(*arguments)

    name = function.compute.__name__.strip("_")
    return _of_function(f"exported.{name}", call, function, may_refuse=True)


def _of_function(
    name: str, call: Callable[..., Any], function: _Function, *, may_refuse: bool = False
) -> Subject:
    return Subject(
        name,
        call,
        function.compute,
        function.draw,
        function.names,
        function.limits,
        function.wraps,
        may_refuse=may_refuse,
    )


SUBJECTS: tuple[Subject, ...] = (
    *(subject for case in CASES for subject in _of_case(case)),
    *(_traced(function) for function in _FUNCTIONS),
    *(_exported(function) for function in _FUNCTIONS),
)
"""Everything that is tried."""
