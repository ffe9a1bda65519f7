"""Import a traced torch program into a module of the torch dialect, by IREE's FxImporter."""

from __future__ import annotations

import copy
import logging
import threading
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from ir_runtime.dtypes import dtype_info
from ir_runtime.errors import ExportError
from ir_runtime.fork_lock import fork_waits
from ir_runtime.op_reg.trace.index_check import check_before_decomposition
from ir_runtime.op_reg.trace.legal import decompositions
from ir_runtime.op_reg.trace.model_decomposition import add_model_decompositions
from ir_runtime.op_reg.trace.size_function import name_size_functions, settle_sizes
from ir_runtime.op_reg.trace.view_rewrite import relax_views

__all__ = [
    "example_sizes",
    "first_lines",
    "functional_program",
    "import_program",
    "literal_hooks",
    "quiet_tracing",
    "record_lines_of",
]


_SMALL_BYTES = 4096
_LOGGERS = ("torch._subclasses.fake_tensor", "torch.fx.experimental.symbolic_shapes")


@contextmanager
def quiet_tracing() -> Generator[None]:
    """Keep torch from warning of itself and logging attempts that fail; our errors say why."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        with warnings.catch_warnings():
            # torch.export copies tree specs by way of their deprecated class
            warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch")
            yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


def record_lines_of(fn: Any) -> None:
    """Let torch keep the lines of a function in its traces; by itself it keeps those of `forward`.

    Torch 2.13 can; without it messages do not tell the lines of functions.
    """
    from torch.fx import proxy

    register = getattr(proxy, "_register_stack_trace_anchor", None)
    if register is not None:
        register(fn)


def functional_program(program: Any) -> Any:
    """Return an exported program without in-place ops, of the operators that importers know.

    An in-place op becomes `auto_functionalized`, which returns what the op changes. Torch's second
    form of it makes views inside, and FxImporter does not read it, so it is turned off here, and
    exchanged where a program has it already.

    Raises:
        ExportError: a program that is functional already holds an op in place of a view.
    """
    from torch._export import config
    from torch.export._remove_effect_tokens_pass import _remove_effect_tokens

    program = relax_views(check_before_decomposition(_exchange_second_form(program)))
    v1 = config.patch(enable_auto_functionalized_v2_for_export=False)
    with v1, _composite_ops_listed_once():
        functional = program.run_decompositions(add_model_decompositions(decompositions()))
    settle_sizes(functional)
    # ops with effects are chained by tokens; in MLIR they keep their order without
    return _remove_effect_tokens(functional)


_listing = threading.local()


@contextmanager
def _composite_ops_listed_once() -> Generator[None]:
    """Make torch list all composite operators only once in a `with` block of this thread.

    To build its table of decompositions torch 2.13 does so twice for each namespace of operators
    that the process has, which takes most of the time of a small program where there are many.
    """
    from torch._export import utils

    real = getattr(utils, "_materialize_cpp_cia_ops", None)
    if real is not None and not hasattr(real, "once_in_a_block"):

        def materialize() -> None:
            if getattr(_listing, "pending", True):
                real()
                _listing.pending = not getattr(_listing, "inside", False)

        materialize.once_in_a_block = True  # pyright: ignore[reportFunctionMemberAccess]
        utils._materialize_cpp_cia_ops = materialize
    _listing.inside = _listing.pending = True
    try:
        yield
    finally:
        _listing.inside, _listing.pending = False, True


def _exchange_second_form(program: Any) -> Any:
    """Return a program with `auto_functionalized_v2` exchanged by the first form."""
    from torch._higher_order_ops.auto_functionalize import (
        auto_functionalized,
        auto_functionalized_v2,
        get_mutable_args,
    )

    if all(node.target is not auto_functionalized_v2 for node in program.graph.nodes):
        return program
    program = program._update(copy.deepcopy(program.graph_module), program.graph_signature)
    graph = program.graph
    for node in list(graph.nodes):
        if node.target is not auto_functionalized_v2:
            continue
        op = node.args[0]
        names, _ = get_mutable_args(op)
        indices = [node.kwargs[f"_{name}_base_index"] for name in names]
        known = {"_all_bases", *(f"_{name}_base_index" for name in names)}
        views = [key for key in node.kwargs if key.startswith("_") and key not in known]
        if views or None in indices or len(set(indices)) < len(indices):
            raise ExportError(
                f"{op.name()}: changes a view in a program that is functional already, must change "
                "whole tensors there",
                fix="pass the ExportedProgram as torch.export.export returns it",
            )
        bases = node.kwargs["_all_bases"]
        arguments = {k: v for k, v in node.kwargs.items() if not k.startswith("_")}
        arguments |= {name: bases[i] for name, i in zip(names, indices, strict=True)}
        with graph.inserting_before(node):
            first = graph.call_function(auto_functionalized, (op,), arguments)
        first.meta = dict(node.meta)
        results = len(node.meta["val"]) - len(bases)
        for user in list(node.users):
            place = user.args[1]
            if place >= results:
                user.args = (first, results + indices.index(place - results))
            else:
                user.args = (first, place)
        graph.erase_node(node)
    program.graph_module.recompile()
    return program


@fork_waits()
def import_program(program: Any, *, func_name: str = "main", hooks: Any = None) -> Any:
    """Import a functional program into a new module of the torch dialect.

    Args:
        program: a `torch.export.ExportedProgram`.
        func_name: the function's name.
        hooks: what constants become; default `literal_hooks()`.

    Raises:
        Exception: whatever FxImporter raises of a program that it does not know.
    """
    from iree.compiler.extras.fx_importer import FxImporter
    from iree.compiler.ir import Context

    name_size_functions(program)

    def attempt(*, size_expressions: bool) -> Any:
        context = Context()
        context.enable_multithreading(False)  # noqa: FBT003 - MLIR's threads do not survive a fork
        importer = FxImporter(context=context, hooks=hooks or literal_hooks())
        importer.import_program(
            program, func_name=func_name, import_symbolic_shape_expressions=size_expressions
        )
        return importer.module

    try:
        return attempt(size_expressions=True)
    except NotImplementedError:  # an expression such as Min(4, s0)
        return attempt(size_expressions=False)


def literal_hooks() -> Any:
    """Return hooks that write small tensors as elements, not as resources.

    IREE 3.13 puts constants of up to 256 bytes into the code that uses them, and there widens
    bf16, which it does for elements only.
    """
    from iree.compiler.extras.fx_importer import FxImporterHooks

    class LiteralHooks(FxImporterHooks):
        def resolve_literal(self, gni: Any, literal: Any, info: Any) -> Any:
            del info
            small = isinstance(literal, torch.Tensor) and 0 < literal.nbytes <= _SMALL_BYTES
            if not small or literal.dtype not in (torch.bfloat16, torch.float16):
                return None
            return _element_literal(gni, literal)

    return LiteralHooks()


def _element_literal(gni: Any, tensor: torch.Tensor) -> Any:
    from iree.compiler.ir import DenseElementsAttr, Operation, Type

    bits = tensor.detach().contiguous().view(torch.int16).numpy()
    element = Type.parse(dtype_info(tensor.dtype).mlir)
    kind = gni._cc.tensor_to_vtensor_type(tensor)
    value: Any = DenseElementsAttr.get(bits, type=element, shape=list(tensor.shape))
    return Operation.create(
        "torch.vtensor.literal", results=[kind], attributes={"value": value}
    ).result


def example_sizes(program: Any) -> Mapping[str, int]:
    """Return the example value of each size symbol of a traced program."""
    found: dict[str, int] = {}
    for node in program.graph.nodes:
        value = node.meta.get("val")
        for size in value.shape if isinstance(value, torch.Tensor) else (value,):
            if isinstance(size, torch.SymInt) and size.node.expr.is_Symbol and size.node.has_hint():
                found[str(size.node.expr)] = int(size.node.hint)
    return found


def first_lines(error: BaseException) -> list[str]:
    """Return the kind of an exception and the first lines of its message."""
    lines = [line for line in str(error).split("\n") if line.strip()]
    return [f"{type(error).__name__}: {lines[0] if lines else ''}", *lines[1:12]]
