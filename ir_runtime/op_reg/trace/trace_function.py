"""The conversion of a torch function to MLIR: traced by `torch.export`, lowered by IREE's passes.

A trace is the record of one run, at sizes chosen here; a kernel runs at all sizes that its operand
types allow. So the trace is checked: a fixed size is refused, and at other sizes that torch
accepts, the trace must compute the same as the function.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import GenerateError
from ir_runtime.op_reg.trace.import_program import (
    first_lines,
    functional_program,
    quiet_tracing,
    record_lines_of,
)
from ir_runtime.op_reg.trace.legal import rewrites_for
from ir_runtime.op_reg.trace.lower_program import Place, lower_program
from ir_runtime.op_reg.trace.traced_operand import Operand, Sizes, read_operands, type_of
from ir_runtime.trace_lock import pause_trace, trace_alone

__all__ = ["conversion_asm", "torch_function_asm"]

_COMMON_HINT = 24
_MAX_PROBE_NUMEL = 1 << 22
_NO_MAX = 1 << 31

_tracing = threading.local()


class _RaisedError(Exception):
    """Replaces a RuntimeError of a function: for that, torch.export would print the graph."""


class _Traced(torch.nn.Module):
    """Wraps a function for `torch.export`; if it is a module, its parameters become constants."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, *operands: torch.Tensor) -> tuple[Any, ...]:
        try:
            result = self.fn(*operands)
        except RuntimeError as error:
            raise _RaisedError from error
        return tuple(result) if isinstance(result, list | tuple) else (result,)


def torch_function_asm(
    fn: Callable[..., Any],
    operand_types: Sequence[str],
    like: tuple[torch.Tensor, ...] | None = None,
    **options: Any,
) -> str:
    """Trace a torch function and lower the trace to builtin tensor types.

    If the function needs equal dynamic dimensions, the MLIR asserts it. If the compiler strips
    assertions, they are assumed to be equal.

    Args:
        fn: takes tensors, returns a tensor or several; a closure's tensors become constants.
        operand_types: builtin tensor types, such as `tensor<?x384xf32>`.
        like: a tensor for each operand: its dtype says if integers are signed (without it they
            are), and its sizes are tried if `fn` does not accept all sizes.
        options: those of `lower_program`.

    Returns:
        A module with one function, `@main`.

    Raises:
        GenerateError: an operand is not a tensor; `fn` cannot be traced, changes a tensor, returns
            another type, or fixes or restricts a dynamic dimension.
        UnsupportedOperatorError: an operator of `fn` cannot be compiled.
    """
    operands = read_operands(operand_types, like)
    lower = functools.partial(lower_program, **options)
    family = options.get("family", "local")
    if getattr(_tracing, "active", False):  # nested: `fn` called an op that needs a kernel
        return _trace_and_lower(fn, operands, like, lower, family)
    # A new thread has no fake tensor mode, no excluded autograd key, no default device.
    with pause_trace(), ThreadPoolExecutor(1, "torch_function_asm") as thread:
        return thread.submit(_trace_and_lower, fn, operands, like, lower, family).result()


@functools.cache
def conversion_asm(operand_type: str, dtype: torch.dtype) -> str:
    """Return the result of `torch_function_asm` for a conversion to another dtype."""
    return torch_function_asm(functools.partial(torch.Tensor.to, dtype=dtype), [operand_type])


def _trace_and_lower(
    fn: Callable[..., Any],
    operands: list[Operand],
    like: tuple[torch.Tensor, ...] | None,
    lower: Callable[..., str],
    family: str,
) -> str:
    name = getattr(fn, "__name__", type(fn).__name__)
    _tracing.active = True
    record_lines_of(fn)
    with trace_alone(), torch.no_grad(), quiet_tracing(), rewrites_for(family):
        program = _trace(fn, name, operands, like)
        _refuse_effects(program, name)
        classes = _size_classes(program, name, operands)
        _probe(fn, name, operands, program, classes)
        return lower(program, name, classes)


def _trace(
    fn: Callable[..., Any],
    name: str,
    operands: list[Operand],
    like: tuple[torch.Tensor, ...] | None,
) -> Any:
    """Export at sizes that are as different as the function allows."""
    failures: list[BaseException] = []
    for sizes in _size_choices(operands, like):
        try:
            program = _export(fn, operands, sizes)
        except Exception as error:  # noqa: BLE001 -- whatever user code raises at these sizes
            failures.append((isinstance(error, _RaisedError) and error.__cause__) or error)
            continue
        return program if not failures else _export_apart(fn, operands, program)
    raise GenerateError(
        f"inline_torch: {name} cannot be traced by torch.export, must run at sizes of "
        + (", ".join(type_of(o) for o in operands) or "no operand"),
        facts=first_lines(failures[0]),
        fix="pass `like` if only some sizes fit, or make those dimensions static"
        if any(None in o.dims for o in operands)
        else None,
    ) from failures[0]


def _size_choices(
    operands: list[Operand], like: tuple[torch.Tensor, ...] | None
) -> Iterator[dict[Place, int]]:
    """Yield sizes to try: all different, those of `like`, all equal, all equal to a static one."""
    places = [(i, j) for i, o in enumerate(operands) for j, d in enumerate(o.dims) if d is None]
    static = {d for o in operands for d in o.dims if d is not None}
    yield dict(zip(places, _unlike(static, 2, len(places)), strict=True))
    if not places:
        return
    if like is not None:
        yield {(i, j): like[i].shape[j] for i, j in places}
    for size in (_COMMON_HINT, *sorted(d for d in static if d > 1)):
        yield dict.fromkeys(places, size)


def _unlike(taken: set[int], factor: int, count: int) -> list[int]:
    sizes: list[int] = []
    size = 3 * factor
    while len(sizes) < count:
        if size not in taken:
            sizes.append(size)
        size += 2 * factor
    return sizes


def _export_apart(fn: Callable[..., Any], operands: list[Operand], program: Any) -> Any:
    """Export again with different sizes for dimensions that `program` does not require equal."""
    shapes = _traced_shapes(program, program.graph_signature.user_inputs)
    keys = {
        (i, j): shapes[i][j]
        for i, o in enumerate(operands)
        for j, dim in enumerate(o.dims)
        if dim is None
    }
    static = {d for o in operands for d in o.dims if d is not None}
    names = sorted(set(keys.values()))
    size_by_name = dict(zip(names, _unlike(static, 8, len(names)), strict=True))
    size_by_name |= {text: int(text) for text in names if text.isdigit()}
    try:
        return _export(fn, operands, {place: size_by_name[key] for place, key in keys.items()})
    except Exception:  # noqa: BLE001 -- `program` is correct, too, only less general
        return program


def _export(fn: Callable[..., Any], operands: list[Operand], sizes: Sizes) -> Any:
    from torch.export import Dim, export
    from torch.fx.experimental import _config

    examples = tuple(torch.empty(o.shape(i, sizes), dtype=o.dtype) for i, o in enumerate(operands))
    dynamic = tuple(
        {j: Dim.AUTO if dim is None else Dim.STATIC for j, dim in enumerate(o.dims)}
        for o in operands
    )
    # "Oblivious": torch concludes nothing from the fact that a representative value is not 0 or 1.
    with _config.patch(backed_size_oblivious=True):
        program = export(_Traced(fn), examples, dynamic_shapes=(dynamic,), strict=False)
        return functional_program(program)


def _traced_shapes(program: Any, names: Sequence[str]) -> list[list[str]]:
    """Return shapes of operands or results; each size is a number or a symbolic expression."""
    nodes = {node.name: node for node in program.graph.nodes}
    return [[str(size) for size in nodes[name].meta["val"].shape] for name in names]


# checks of the trace


def _refuse_effects(program: Any, name: str) -> None:
    from torch.export.graph_signature import OutputKind, TensorArgument
    from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols

    for node in program.graph.nodes:
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            raise GenerateError(
                f"inline_torch: {name} draws random numbers ({node.target}), must be deterministic"
            )
        value = node.meta.get("val")
        if isinstance(value, torch.Tensor) and free_unbacked_symbols(value.shape):
            raise GenerateError(
                f"inline_torch: {name} makes a tensor whose size depends on values "
                f"({node.target}), must make sizes of operand sizes only"
            )
    for spec in program.graph_signature.output_specs:
        if spec.kind is not OutputKind.USER_OUTPUT:
            raise GenerateError(
                f"inline_torch: {name} changes {spec.target or spec.arg.name} "
                f"({spec.kind.name.lower().replace('_', ' ')}), must return new tensors only"
            )
        if not isinstance(spec.arg, TensorArgument):
            raise GenerateError(
                f"inline_torch: {name} returns {getattr(spec.arg, 'value', spec.arg.name)!r}, "
                "must return a tensor or a tuple of tensors"
            )


def _size_classes(program: Any, name: str, operands: list[Operand]) -> dict[str, list[Place]]:
    """Return the dynamic dimensions that must be equal, grouped by their symbolic expression.

    Raises:
        GenerateError: the trace fixes a dimension to one size.
    """
    classes: dict[str, list[Place]] = {}
    shapes = _traced_shapes(program, program.graph_signature.user_inputs)
    for i, (operand, shape) in enumerate(zip(operands, shapes, strict=True)):
        for j, dim in enumerate(operand.dims):
            if dim is not None:
                continue
            if shape[j].isdigit():
                raise GenerateError(
                    f"inline_torch: {name} fixes dimension {j} of operand {i} "
                    f"({type_of(operand)}) to {shape[j]}, must take any size of a dynamic "
                    "dimension",
                    fix=f"in `select`, specialize_dims({j}) of that argument",
                )
            classes.setdefault(shape[j], []).append((i, j))
    return classes


def _probe(
    fn: Callable[..., Any],
    name: str,
    operands: list[Operand],
    program: Any,
    classes: dict[str, list[Place]],
) -> None:
    """Compare trace and function at small, equal and out-of-range sizes.

    Raises:
        GenerateError: they differ at some sizes, so the function branches on a size.
    """
    if not classes:
        return
    graph = program.module(check_guards=False)
    results = _traced_shapes(program, program.graph_signature.user_outputs)
    for sizes in _probe_sizes(program, classes):
        device = "cpu"
        if sum(_numel(o.shape(i, sizes)) for i, o in enumerate(operands)) > _MAX_PROBE_NUMEL:
            device = "meta"  # shapes only
        examples = [_example(o, o.shape(i, sizes), device) for i, o in enumerate(operands)]
        same = _agree_at(examples, fn, graph, results)
        if same is False:
            # Indices that are equal write one place twice, on several threads in any order.
            with _one_thread():
                same = _agree_at(examples, fn, graph, results)
        if same is False:
            shown = ", ".join(format_tensor(e) for e in examples)
            raise GenerateError(
                f"inline_torch: {name} computes something else at {shown} than at other sizes, "
                "must do the same at each size of a dynamic dimension",
                fix="in `select`, specialize_dims() the dimensions that it branches on",
            )


def _agree_at(
    examples: Sequence[torch.Tensor],
    fn: Callable[..., Any],
    graph: Callable[..., Any],
    results: Sequence[list[str]],
) -> bool | None:
    """Tell whether trace and function agree; None if torch itself does not take these sizes."""
    try:
        wanted = _Traced(fn)(*(e.clone() for e in examples))
    except Exception:  # noqa: BLE001 -- of any kind
        return None
    try:
        return all(map(_agree, graph(*examples), wanted, results))
    except Exception:  # noqa: BLE001 -- a failing trace does not agree
        return False


@contextmanager
def _one_thread() -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _probe_sizes(program: Any, classes: dict[str, list[Place]]) -> Iterator[dict[Place, int]]:
    usual = dict(zip(classes, _unlike(set(), 2, len(classes)), strict=True))
    ranges = {str(symbol): r for symbol, r in program.range_constraints.items()}
    choices = [dict.fromkeys(classes, size) for size in (1, _COMMON_HINT)]
    for key in classes:
        chosen = {1, 2, 3}
        if key in ranges:
            chosen.add(int(ranges[key].lower) - 1)
            if ranges[key].upper < _NO_MAX:
                chosen.add(int(ranges[key].upper) + 1)
        choices.extend(usual | {key: size} for size in sorted(chosen) if size > 0)
    for choice in choices:
        yield {place: choice[key] for key, places in classes.items() for place in places}


def _example(operand: Operand, shape: list[int], device: str) -> torch.Tensor:
    if device == "meta":
        return torch.empty(shape, dtype=operand.dtype, device=device)
    generator = torch.Generator().manual_seed(len(shape))  # keeps the caller's random state
    if operand.dtype.is_floating_point or operand.dtype.is_complex:
        return torch.rand(shape, generator=generator).to(operand.dtype)
    # Integers are often indices; 0 and 1 are almost always in range.
    high = 2 if min(shape, default=1) > 1 or operand.dtype == torch.bool else 1
    return torch.randint(0, high, shape, generator=generator).to(operand.dtype)


def _agree(got: torch.Tensor, wanted: torch.Tensor, traced_shape: list[str]) -> bool:
    if got.shape != wanted.shape or got.dtype != wanted.dtype:
        return False
    if len(traced_shape) != wanted.ndim or any(
        traced.isdigit() and int(traced) != size
        for traced, size in zip(traced_shape, wanted.shape, strict=True)
    ):
        return False
    if wanted.device.type == "meta":
        return True
    kind = torch.complex128 if wanted.is_complex() else torch.float64
    return torch.allclose(got.to(kind), wanted.to(kind), rtol=0.05, atol=0.05, equal_nan=True)


def _numel(shape: Sequence[int]) -> int:
    total = 1
    for dim in shape:
        total *= dim
    return total
