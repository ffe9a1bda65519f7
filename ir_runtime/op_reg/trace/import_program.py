"""The import of a traced torch program into MLIR's torch dialect, by IREE's FxImporter."""

from __future__ import annotations

import copy
import logging
import threading
import warnings
from collections.abc import Generator, Mapping, Sequence
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
    """Silence torch's own warnings and its logs of failed attempts; our errors give the reasons."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        with warnings.catch_warnings():
            # torch.export copies tree specs through a deprecated class.
            warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch")
            yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


def record_lines_of(fn: Any) -> None:
    """Make torch record the lines of a function in its traces; by default only `forward` has them.

    Older versions of torch cannot; messages then have no lines of functions.
    """
    from torch.fx import proxy

    register = getattr(proxy, "_register_stack_trace_anchor", None)
    if register is not None:
        register(fn)


def functional_program(program: Any) -> Any:
    """Return an exported program without in-place ops, and with operators that importers know.

    An in-place op becomes `auto_functionalized`, which returns the changed tensors. torch has a
    second form of it, with views inside, which FxImporter cannot read. This form is turned off
    here, and replaced in programs that have it already.

    Raises:
        ExportError: the program is functional already, and an op in it changes a view.
    """
    from torch._export import config
    from torch.export._remove_effect_tokens_pass import _remove_effect_tokens

    program = relax_views(check_before_decomposition(_exchange_second_form(program)))
    v1 = config.patch(enable_auto_functionalized_v2_for_export=False)
    with v1, _composite_ops_listed_once():
        functional = program.run_decompositions(add_model_decompositions(decompositions()))
    settle_sizes(functional)
    # torch orders ops with effects by tokens; in MLIR they keep their order without tokens.
    return _remove_effect_tokens(functional)


_listing = threading.local()


@contextmanager
def _composite_ops_listed_once() -> Generator[None]:
    """Make torch list all composite operators only once in a `with` block of this thread.

    For its table of decompositions, torch 2.13 lists them twice for each operator namespace of the
    process. With many namespaces, this takes most of the time of a small program.
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
    """Return a program with each `auto_functionalized_v2` replaced by the first form.

    The second form takes the changed tensors as a list of bases, and says for each mutable argument
    the number of its base, and the view of the base, if it is one. It returns the op's own results,
    then the new values of all bases. The first form takes the changed tensors as the arguments
    themselves, and returns the own results, then the new values in the order of these arguments.
    """
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
        # The first form can express whole tensors only: no argument may be a view of its base, be
        # absent, or share its base with another argument.
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
        _exchange_results(node, first, indices, len(node.meta["val"]) - len(bases))
        graph.erase_node(node)
    program.graph_module.recompile()
    return program


def _exchange_results(node: Any, first: Any, indices: Sequence[int], results: int) -> None:
    """Take results from the node of the first form; each user is a `getitem`.

    The own results keep their places. New values move from the order of the bases to the order of
    the mutable arguments.
    """
    for user in list(node.users):
        place = user.args[1]
        if place >= results:
            place = results + indices.index(place - results)
        user.args = (first, place)


@fork_waits()
def import_program(program: Any, *, func_name: str = "main", hooks: Any = None) -> Any:
    """Import a functional program into a new module of the torch dialect.

    Args:
        program: a `torch.export.ExportedProgram`.
        func_name: the function's name.
        hooks: FxImporter's hooks for constants; default `literal_hooks()`.

    Raises:
        Exception: FxImporter does not know a part of the program; it raises many types.
    """
    from iree.compiler.extras.fx_importer import FxImporter
    from iree.compiler.ir import Context

    name_size_functions(program)

    # Size expressions let MLIR relate sizes, such as `s0 + 1`. FxImporter fails on some of them;
    # without any, all open sizes are unrelated, which is still correct.
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
    except NotImplementedError:  # for example Min(4, s0)
        return attempt(size_expressions=False)


def literal_hooks() -> Any:
    """Return hooks that write small 16-bit float tensors as elements, not as resources.

    IREE 3.13 moves constants of up to 256 bytes into the code that uses them, and must widen bf16
    there. It can do so only for constants written as elements.
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
    """Return the representative value of each size symbol of a traced program."""
    found: dict[str, int] = {}
    for node in program.graph.nodes:
        value = node.meta.get("val")
        for size in value.shape if isinstance(value, torch.Tensor) else (value,):
            if isinstance(size, torch.SymInt) and size.node.expr.is_Symbol and size.node.has_hint():
                found[str(size.node.expr)] = int(size.node.hint)
    return found


def first_lines(error: BaseException) -> list[str]:
    """Return the type of an exception and the first lines of its message."""
    lines = [line for line in str(error).split("\n") if line.strip()]
    return [f"{type(error).__name__}: {lines[0] if lines else ''}", *lines[1:12]]
