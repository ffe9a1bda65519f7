"""`export`: a torch module or function becomes a program: it is traced, checked, imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from ir_runtime.aot.input_size import assert_input_sizes, assumed_conditions, settled_conditions
from ir_runtime.aot.interface import (
    Interface,
    declare_changes,
    plain_interface,
    refuse_shared_state,
)
from ir_runtime.aot.parameter import ExternalParameters
from ir_runtime.aot.program import Program
from ir_runtime.aot.program_check import refuse_unsupported
from ir_runtime.aot.result_dtype import result_dtypes
from ir_runtime.aot.signature import with_signature
from ir_runtime.device import Target
from ir_runtime.device.target_name import parse_targets
from ir_runtime.errors import ArgumentError, ExportError, IrRuntimeError
from ir_runtime.launch.compile.compiler import require_compiler
from ir_runtime.op_reg.trace.import_program import (
    example_sizes,
    first_lines,
    functional_program,
    import_program,
    quiet_tracing,
    record_lines_of,
)
from ir_runtime.op_reg.trace.index_check import UncheckedIndexError, check_indices
from ir_runtime.op_reg.trace.legal import (
    place_of,
    places_of,
    refuse_import,
    refuse_operators,
    refuse_unknown_operators,
    rewrites_for,
)
from ir_runtime.trace_lock import trace_alone

__all__ = ["export"]


def export(
    module_or_fn: Any,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    dynamic_shapes: Any = None,
    *,
    parameters: Literal["inline", "external"] = "inline",
    parameter_scope: str = "model",
    name: str | None = None,
    target: str | Target | Sequence[str | Target] | None = None,
) -> Program:
    """Trace a module or function and import it, ready to be compiled for any device.

    Args:
        module_or_fn: an `nn.Module`, a function of tensors, a torch op, or a
            `torch.export.ExportedProgram`.
        args: example arguments; none for an `ExportedProgram`.
        kwargs: example keyword arguments; none for an `ExportedProgram`.
        dynamic_shapes: the open sizes, as for `torch.export.export`; None for an
            `ExportedProgram`.
        parameters: `inline` makes parameters and buffers constants of the program; `external`
            leaves them out, and they are loaded separately.
        parameter_scope: scope of external parameters; their keys are those of the state dict.
        name: name of the program in messages and in the store; default the module's or function's.
        target: what `compile`, `build` and `mlir` of the program are for by default: names such
            as `cpu:x86-64-v3` or `cuda:sm_89`, several or with commas between.

    Raises:
        ArgumentError: a target is unknown, or an argument is not one that can be exported.
        ExportError: torch cannot trace it, or a compiled program cannot do the same: draw random
            numbers, or compute sizes from values.
        UnsupportedOperatorError: it uses an operator that compiled programs cannot do.
        CompilerNotFoundError: the compiler package is not installed.
    """
    require_compiler("export")
    if parameters not in ("inline", "external"):
        raise ArgumentError(f"export: parameters={parameters!r}, must be 'inline' or 'external'")
    targets = () if target is None else parse_targets(target)
    called = name or _name_of(module_or_fn)
    if isinstance(module_or_fn, torch.export.ExportedProgram):
        if args or kwargs or dynamic_shapes is not None:
            raise ArgumentError(
                f"{called}: an ExportedProgram with arguments, must be without: it is traced"
            )
        traced = module_or_fn
    else:
        traced = _trace(called, module_or_fn, tuple(args), dict(kwargs or {}), dynamic_shapes)
    external = ExternalParameters(parameter_scope) if parameters == "external" else None
    is_oblivious = traced is not module_or_fn
    return _import(called, traced, external, targets, is_oblivious=is_oblivious)


def _import(
    called: str,
    traced: Any,
    external: ExternalParameters | None,
    targets: Sequence[Target],
    *,
    is_oblivious: bool,
) -> Program:
    refuse_shared_state(called, traced)
    conditions = assumed_conditions(traced, is_oblivious=is_oblivious)
    program, interface, module = _module_for("local", called, traced, external, conditions)

    versions = _versions(traced)

    def import_for(family: str) -> Any:
        if _versions(traced) != versions:
            raise ExportError(
                f"{called}: its weights changed after the export, must stay the same until it is "
                f"first compiled for {family}",
                fix="export it again",
            )
        kept = external and ExternalParameters(external.scope)
        return _module_for(family, called, traced, kept, conditions)[2]

    return Program(
        called,
        module,
        interface=interface,
        in_spec=program.call_spec.in_spec,
        out_spec=program.call_spec.out_spec,
        hints=example_sizes(program),
        parameters=external or ExternalParameters(""),
        operators=places_of(program),
        result_dtypes=result_dtypes(program)[len(interface.changed) :],
        import_for=import_for,
        targets=targets,
    )


def _versions(traced: Any) -> list[int]:
    """Return, for each tensor of a program, how often it was changed in place."""
    tensors = [*traced.state_dict.values(), *traced.constants.values()]
    return [t._version for t in tensors if isinstance(t, Tensor) and not t.is_inference()]


def _module_for(
    family: str,
    called: str,
    traced: Any,
    external: ExternalParameters | None,
    conditions: Sequence[Any],
) -> tuple[Any, Interface, Any]:
    """Return the functional program, its interface, and its MLIR module for a device family."""
    from torch.fx.experimental import _config

    # "Oblivious": torch concludes nothing from the fact that an example's size is not 0 or 1.
    oblivious = _config.patch(backed_size_oblivious=True)
    with trace_alone(), torch.no_grad(), quiet_tracing(), rewrites_for(family), oblivious:
        program = _functional(called, traced)
        refuse_unsupported(called, program)
        refuse_operators(called, program)
        program, interface = plain_interface(program)
        module = _checked_module(called, program, interface, external)
        refuse_unknown_operators(called, module, program)
    conditions = settled_conditions(program, conditions)
    assert_input_sizes(module, called, program, interface.operand_names(), conditions)
    declare_changes(module, interface.changed)
    return program, interface, module


def _functional(called: str, traced: Any) -> Any:
    try:
        return functional_program(traced)
    except IrRuntimeError:
        raise
    except Exception as error:
        raise ExportError(
            f"{called}: cannot be made functional, must be a program of operators that torch "
            "decomposes",
            facts=first_lines(error),
        ) from error


def _checked_module(
    called: str, program: Any, interface: Interface, external: ExternalParameters | None
) -> Any:
    """Insert index checks into a program, and import it."""
    try:
        check_indices(program, {i.name: i.name for i in interface.inputs})
    except UncheckedIndexError as error:
        raise ExportError(
            f"{called}: cannot be made safe: {error}", facts=place_of(error.node)
        ) from error
    try:
        hooks = external.import_hooks(program) if external else None
        return import_program(program, hooks=hooks)
    except Exception as error:
        if (refusal := refuse_import(called, error)) is not None:
            raise refusal from error
        raise ExportError(
            f"{called}: does not import into MLIR, must use only operators that IREE's FxImporter "
            "knows",
            facts=first_lines(error),
        ) from error


def _trace(
    called: str,
    module_or_fn: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    dynamic_shapes: Any,
) -> Any:
    from torch.fx.experimental import _config

    module = module_or_fn
    if not isinstance(module, torch.nn.Module):
        if not callable(module):
            raise ArgumentError(
                f"{called}: a {type(module).__name__}, must be a module, a function or an "
                "ExportedProgram"
            )
        module = _FunctionModule(module, args, kwargs)
    args, kwargs = _distinct(args, kwargs)
    record_lines_of(module_or_fn)
    # "Oblivious": torch concludes nothing from the fact that an example's size is not 0 or 1.
    with trace_alone(), torch.no_grad(), quiet_tracing(), _config.patch(backed_size_oblivious=True):
        try:
            return torch.export.export(
                module, args, kwargs, dynamic_shapes=dynamic_shapes, strict=False
            )
        except IrRuntimeError:
            raise
        except Exception as error:
            raise ExportError(
                f"{called}: cannot be traced by torch.export, must run at the example arguments "
                "and depend on no values",
                facts=first_lines(error),
            ) from error


class _FunctionModule(torch.nn.Module):
    """Wraps a function for `torch.export`, with the function's own signature."""

    def __init__(self, fn: Callable[..., Any], args: Sequence[Any], kwargs: Iterable[str]) -> None:
        super().__init__()
        self.forward = with_signature(fn, args, kwargs)


def _distinct(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """Copy tensors that are given twice: a trace would make them one argument."""
    from torch.utils import _pytree as pytree

    seen: set[int] = set()

    def copy_if_seen(tensor: Tensor) -> Tensor:
        if id(tensor) in seen:
            return tensor.detach().clone()
        seen.add(id(tensor))
        return tensor

    return pytree.tree_map_only(Tensor, copy_if_seen, (args, kwargs))


def _name_of(module_or_fn: Any) -> str:
    if isinstance(module_or_fn, torch.export.ExportedProgram):
        return "program"
    found = getattr(module_or_fn, "__name__", type(module_or_fn).__name__)
    return "function" if found == "<lambda>" else found
