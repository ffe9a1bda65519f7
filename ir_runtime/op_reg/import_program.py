"""How does a traced torch program become a module of the torch dialect?  By IREE's FxImporter."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

__all__ = [
    "example_sizes",
    "first_lines",
    "functional_program",
    "import_program",
    "quiet_tracing",
]


@contextmanager
def quiet_tracing() -> Generator[None]:
    """Keep torch from warning of itself and logging attempts that fail; our errors say why."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            # torch.export copies tree specs by way of their deprecated class
            warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch")
            yield
    finally:
        logger.disabled = before


def functional_program(program: Any) -> Any:
    """Return an exported program without in-place ops, of the operators that importers know.

    An in-place op becomes `auto_functionalized`, which returns what the op changes. Torch's second
    form of it computes views inside and FxImporter does not read it, so it is turned off here and
    undone where the program has it already.
    """
    from torch._export import config
    from torch._higher_order_ops.auto_functionalize import auto_functionalized_v2
    from torch.export._remove_effect_tokens_pass import _remove_effect_tokens

    graph = program.graph
    if any(node.target is auto_functionalized_v2 for node in graph.nodes):
        from torch._inductor.fx_passes.post_grad import decompose_auto_functionalized

        decompose_auto_functionalized(graph)
        program.graph_module.recompile()
    with config.patch(enable_auto_functionalized_v2_for_export=False):
        functional = program.run_decompositions()
    # ops with effects are chained by tokens; in MLIR they keep their order without
    return _remove_effect_tokens(functional)


def import_program(program: Any, *, func_name: str = "main", hooks: Any = None) -> Any:
    """Import a functional program into a new module of the torch dialect.

    Args:
        program: a `torch.export.ExportedProgram`.
        func_name: the function's name.
        hooks: an `FxImporterHooks`, to say what constants become.

    Raises:
        Exception: whatever FxImporter raises of a program that it does not know.
    """
    from iree.compiler.extras.fx_importer import FxImporter
    from iree.compiler.ir import Context

    def attempt(*, size_expressions: bool) -> Any:
        context = Context()
        context.enable_multithreading(False)  # noqa: FBT003 - MLIR's threads do not survive a fork
        importer = FxImporter(context=context, hooks=hooks)
        importer.import_program(
            program, func_name=func_name, import_symbolic_shape_expressions=size_expressions
        )
        return importer.module

    try:
        return attempt(size_expressions=True)
    except NotImplementedError:  # an expression such as Min(4, s0)
        return attempt(size_expressions=False)


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
