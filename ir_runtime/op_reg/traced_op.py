"""Ops made from a torch function.

Its trace is the kernel, its run on fake tensors the meta function, its derivative the backward.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from ir_runtime.device import Device, Target, get_device_from_torch
from ir_runtime.device.local import host_targets
from ir_runtime.errors import (
    ArgumentError,
    CompileError,
    CompilerNotFoundError,
    CompilerTimeoutError,
    GenerateError,
    IrRuntimeError,
    StoreError,
    UnsupportedOperatorError,
    UnsupportedTypeError,
)
from ir_runtime.launch.operand.call_key import call_key
from ir_runtime.op_reg.call.kernel import kernel_for, run_select
from ir_runtime.op_reg.custom_op import CustomOp
from ir_runtime.op_reg.digest.op_digest import function_digest
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.registry import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.op.tensor_leaves import as_results, call_by_schema, flatten_groups, regroup
from ir_runtime.op_reg.register.derived_backward import derive_backward
from ir_runtime.op_reg.select.argument import AttrArg
from ir_runtime.op_reg.select.call_device import call_device
from ir_runtime.op_reg.select.call_selection import CallSelection
from ir_runtime.op_reg.select.result import written_descs
from ir_runtime.op_reg.select.selection import KernelSelection
from ir_runtime.op_reg.traced_result import Results, results_like
from ir_runtime.settings import Settings, on_change

if TYPE_CHECKING:
    from ir_runtime.op_reg.generate.builder import KernelBuilder

__all__ = [
    "MOST_OUTCOMES",
    "TracedOp",
    "declare_arguments",
    "refusal",
    "tensor_descs",
    "traced_op",
]

MOST_OUTCOMES = 4096
"""Most calls for which an op remembers if there is a kernel."""

_HINT = 24
_UNKNOWN: Any = object()


class TracedOp(CustomOp):
    """An op that computes the same as a torch function; made by `traced_op`.

    One kernel serves all sizes of the first dimension of its activations. All other sizes, and all
    arguments that are no tensors, are compiled in.

    Attributes:
        native: the function.
        fake: computes shapes and dtypes of the results.
        activations: positions of the arguments whose first dimension is dynamic.
        code: digests of the functions at the time the op was made, and the version of torch.
        outcomes: by the key of a call: None if there is a kernel, else the reason why not.
    """

    native: ClassVar[Callable[..., Any]]
    fake: ClassVar[Callable[..., Any]]
    activations: ClassVar[tuple[int, ...]]
    code: ClassVar[tuple[str, ...]]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.outcomes: dict[Any, str | None] = {}

    def select(self, ksel: KernelSelection) -> None:
        """Declare the arguments by their types, and the results as `fake` returns them."""
        assert isinstance(ksel, CallSelection)
        self.declare_traced(ksel, declare_arguments(ksel))

    def declare_traced(self, ksel: CallSelection, values: Sequence[Any]) -> None:
        """Declare the dimensions and results of the traced kernel of some argument values."""
        tensors = flatten_groups([tensor_descs(desc) for desc in ksel.arg_descs])[0]
        rows = flatten_groups([tensor_descs(ksel.arg_descs[i]) for i in self.activations])[0]
        dynamic = [desc for desc in rows if _is_dynamic(desc, rows)]
        for desc in tensors:
            first = 1 if any(desc is d for d in dynamic) else 0
            desc.specialize_dims(*range(first, desc.t.ndim))
        results = results_like(self, self.fake, values, {id(d.t) for d in dynamic})
        _declare_results(self, ksel, results)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Trace the function."""
        from ir_runtime.op_reg.trace.import_program import record_lines_of

        held = {i: descs for i, d in enumerate(ksel.arg_descs) if (descs := tensor_descs(d))}
        if not held:
            raise GenerateError(f"{self.name}: called without a tensor, must have one to trace")
        operands = flatten_groups([kb.arg_value(i) for i in held])[0]
        traced = self.function_of_tensors(ksel)
        record_lines_of(self.native)
        like = tuple(_example(desc) for descs in held.values() for desc in descs)
        found = kb.inline_torch(traced, *operands, like=like)
        kb.yield_results(*(found if isinstance(found, list) else [found]))

    def function_of_tensors(self, ksel: KernelSelection) -> Callable[..., tuple[Any, ...]]:
        """Return the function of the call's tensors alone; its results are flat."""
        held = {i: d for i, d in enumerate(ksel.arg_descs) if tensor_descs(d)}
        counts = [len(d.ts) if d.is_list else None for d in held.values()]
        constants = [_constant(desc) for desc in ksel.arg_descs]

        def traced(*tensors: Tensor) -> tuple[Any, ...]:
            values = list(constants)
            for i, value in zip(held, regroup(tensors, counts), strict=True):
                values[i] = value
            returned = as_results(self, call_by_schema(self, self.native, values), "its function")
            return tuple(flatten_groups(returned)[0])

        traced.__name__ = self.name
        return traced


def traced_op(
    name: str,
    native: Callable[..., Any],
    *,
    schema: str,
    activations: Sequence[int],
    fake: Callable[..., Any] | None = None,
    library: torch.library.Library,
    base: type[TracedOp] = TracedOp,
) -> Op:
    """Register an op whose kernels are traced from a torch function.

    Args:
        name: of the op; `@UNIQUE@` in it becomes a number.
        native: takes the arguments of the schema and returns new tensors; deterministic, without
            effects, without branches on the values of tensors.
        schema: the schema of `native`, from `torch.library.infer_schema`.
        activations: positions of the tensors whose first dimension may have any size.
        fake: returns tensors with the shapes and dtypes of the results; default `native`.
        library: the op joins the namespace of this library.
        base: the class of the op.

    Returns:
        The op; `torch.ops.<namespace>.<name>` is its torch op.

    Raises:
        RegistrationError: the schema does not parse, or does not fit `native`.
    """
    functions = [native] if fake is None else [native, fake]
    members: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": f"`{name}`, traced from a torch function.",
        "signature": name + schema,
        "native": staticmethod(native),
        "fake": staticmethod(fake or native),
        "activations": tuple(activations),
        "backward": derive_backward(native),
        "code": (*map(function_digest, functions), f"torch {torch.__version__}"),
    }
    packet: Any = CustomOp.register(type(name.replace("@", "_"), (base,), members), library=library)
    op = ALL_CUSTOM_OP_REGS[packet.default._schema.name]
    op.like_native = native
    return op


# arguments


_ATTRIBUTES = {
    "int": "attr_int",
    "float": "attr_float",
    "bool": "attr_bool",
    "str": "attr_str",
    "ScalarType": "attr_dtype",
    "List[int]": "attr_list_int",
    "List[float]": "attr_list_float",
    "List[bool]": "attr_list_bool",
    "List[str]": "attr_list_str",
}
_NUMBERS = {int: "attr_int", float: "attr_float", bool: "attr_bool"}


def declare_arguments(ksel: CallSelection) -> list[Any]:
    """Declare each argument by its type, and return their values."""
    return [_declare(ksel, i) for i in range(len(ksel.op.arg_names))]


def _declare(ksel: CallSelection, i: int) -> Any:
    """Declare an argument, and return its value."""
    argument = ksel.op.schema.arguments[i]
    kind = str(argument.real_type).replace("SymInt", "int")
    if kind == "Tensor":
        return ksel.arg_tensor(i).t
    if kind == "Optional[Tensor]":
        desc = ksel.arg_optional_tensor(i)
        return None if desc is None else desc.t
    if kind == "List[Tensor]":
        return [desc.t for desc in ksel.arg_tensor_list(i).ts]
    if kind.startswith("Optional["):
        kind = kind.removeprefix("Optional[").removesuffix("]")
    attribute = _ATTRIBUTES.get(kind)
    if kind == "number":
        attribute = _NUMBERS.get(type(ksel.args[i]), "attr_float")
    if attribute is None:
        raise UnsupportedTypeError(
            f"{ksel.op.name}: `{argument.name}` is {argument.real_type}, must be a tensor, number, "
            "bool, string or dtype, or a list of them, to be compiled in"
        )
    return getattr(ksel, attribute)(i).v


def tensor_descs(desc: Any) -> list[Any]:
    """Return the descriptors of an argument's tensors."""
    if desc is None or not desc.ir_arity:
        return []
    return list(desc.ts) if desc.is_list else [desc]


def _constant(desc: Any) -> Any:
    """Return the value of an argument without tensors: an attribute, an empty list or None."""
    return desc.v if isinstance(desc, AttrArg) else [] if desc.is_list else None


def _is_dynamic(desc: Any, rows: Sequence[Any]) -> bool:
    """Tell whether the first dimension of a tensor is dynamic.

    A single row beside several rows is broadcast, so its size 1 is compiled in: a kernel with
    dynamic sizes would require it to be equal to the other size.
    """
    if desc.t.ndim == 0:
        return False
    size = desc.t.shape[0]
    return not isinstance(size, int) or size != 1 or all(_first_is_one(d.t) for d in rows)


def _first_is_one(t: Tensor) -> bool:
    return t.ndim == 0 or (isinstance(t.shape[0], int) and t.shape[0] == 1)


def _example(desc: Any) -> Tensor:
    sizes = [s if isinstance(s, int) else _HINT for s in desc.t.shape]
    return torch.empty(sizes, dtype=desc.t.dtype, device="meta")


# results


def _declare_results(op: Op, ksel: KernelSelection, results: Results) -> None:
    for i, (declared, tensors) in enumerate(zip(op.schema.returns, results, strict=True)):
        if str(declared.type) == "List[Tensor]":
            shapes, dtypes = [r.shape for r in tensors], [r.dtype for r in tensors]
            descs = ksel.return_new_tensor_list(shapes, dtypes).ts
        elif len(tensors) == 1:
            descs = [ksel.return_new_tensor(tensors[0].shape, tensors[0].dtype)]
        else:
            raise GenerateError(
                f"{op.name}: result {i} of its function is a list of {len(tensors)}, "
                "must be a tensor as the schema has it"
            )
        for desc, like in zip(descs, tensors, strict=True):
            desc.specialize_dims(*like.static)


# refusals


def refusal(op: Op, args: Sequence[Any]) -> str | None:
    """Return why there is no kernel for a call, None if there is one.

    The first call with these dtypes, shapes and values makes the kernel. The outcome is remembered
    until the settings change.

    Args:
        op: made by `traced_op`.
        args: all arguments in schema order.

    Returns:
        One sentence, or None.
    """
    assert isinstance(op, TracedOp)
    try:
        key = call_key(args, placed=True)
        why = op.outcomes.get(key, _UNKNOWN)
    except TypeError:  # a symbol
        return _outcome(op, args)[0]
    if why is _UNKNOWN:
        why, lasting = _outcome(op, args)
        if lasting:
            if len(op.outcomes) >= MOST_OUTCOMES:
                op.outcomes.clear()
            op.outcomes[key] = why
    return why


def _outcome(op: TracedOp, args: Sequence[Any]) -> tuple[str | None, bool]:
    """Make the kernel; return why it failed, if it did, and whether the outcome is permanent."""
    try:
        with torch._C._DisableAutocast():
            ksel = run_select(op, args)
            if any(desc.t.numel() for desc in written_descs(ksel.result_descs)):
                kernel_for(op, ksel, _targets_for(op, args))
    except ArgumentError as error:
        return _sentence(error), False
    except (CompilerNotFoundError, CompilerTimeoutError) as error:
        return _sentence(error), True
    except CompileError as error:
        from ir_runtime.op_reg.trace.legal import blame, called_operators

        places = called_operators(lambda: call_by_schema(op, op.native, _on_meta(args)))
        return _sentence(blame(op.name, places, error.diagnostics)), True
    except IrRuntimeError as error:
        return _sentence(error), not isinstance(error, StoreError)
    return None, True


def _on_meta(args: Sequence[Any]) -> list[Any]:
    return [
        [_on_meta([t])[0] for t in a]
        if isinstance(a, list | tuple)
        else torch.empty_like(a, device="meta")
        if isinstance(a, Tensor)
        else a
        for a in args
    ]


def _targets_for(op: Op, args: Sequence[Any]) -> tuple[Target, ...]:
    where = call_device(op.name, op.arg_names, args) or torch.device("cpu")
    device = Device.chosen_for(where)
    if device is None and where.type in ("cpu", "meta"):
        return host_targets()
    return (device or get_device_from_torch(where)).targets


def _sentence(error: IrRuntimeError) -> str:
    """Return the headline of an error and its first fact, but no diagnostics of the compiler."""
    headline = str(error).split("\n")[0]
    if isinstance(error, UnsupportedOperatorError):
        return f"{headline} ({error.place})" if error.place else headline
    if not isinstance(error, GenerateError | ArgumentError):
        return headline
    said = next(iter(error.facts), None)
    return headline if said is None else f"{headline}: {said}"


@on_change
def _forget_outcomes(before: Settings, after: Settings) -> None:
    if any(getattr(before, n) != getattr(after, n) for n in ("compile", "store", "base_stores")):
        for op in ALL_CUSTOM_OP_REGS.present().values():
            if isinstance(op, TracedOp):
                op.outcomes.clear()
