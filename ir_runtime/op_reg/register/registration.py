"""The registration of an op with torch: schema, meta function, kernels, autograd, `out`."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor
from torch._library.utils import Kernel

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError, RegistrationError, UnsupportedTorchDeviceError
from ir_runtime.launch.operand.gradient import needs_grad
from ir_runtime.op_reg.call.call_functions import CallFunctions, gpu_device_type
from ir_runtime.op_reg.call.call_table import make_call_functions
from ir_runtime.op_reg.call.kernel import run_select
from ir_runtime.op_reg.call.native_call import add_fast_calls, can_be_fast
from ir_runtime.op_reg.digest.sink import Sink
from ir_runtime.op_reg.digest.torch_cache import show_code_to_torch
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.op_arguments import make_fill, out_names, staged_name
from ir_runtime.op_reg.op.registry import ALL_CUSTOM_OP_REGS
from ir_runtime.op_reg.register.autocast import check_autocast, register_autocast
from ir_runtime.op_reg.register.autograd import make_autograd_slow, redispatch_of
from ir_runtime.op_reg.register.backward import class_formula
from ir_runtime.op_reg.register.forward_mode import refuse_tangents
from ir_runtime.op_reg.register.vmap import class_vmap_rule, make_vmap_kernel
from ir_runtime.op_reg.select.call_device import call_device
from ir_runtime.op_reg.select.result import fake_results

__all__ = ["given_fake", "register_with_torch"]


def register_with_torch(op: Op) -> Any:
    """Define an op in its library and return the callable op packet.

    Raises:
        RegistrationError: torch refuses the schema, or the name is taken.
    """
    if op.qualified_name in ALL_CUSTOM_OP_REGS:
        raise RegistrationError(
            f"{op.qualified_name}: registered already, a name must be used once",
            fix="put @UNIQUE@ into the name, or use another library",
        )
    in_place = op.returned_arg is not None
    op.formula, op.vmap_rule = class_formula(op), class_vmap_rule(op)
    check_autocast(op)
    tags = torch_tags(op, "inplace" if in_place else None)
    rest = op.signature[op.signature.index("(") :]
    try:
        op.library.define(f"{op.name}{rest}", tags=tags)
    except RuntimeError as error:
        raise RegistrationError(
            f"{op.qualified_name}: torch refuses the schema", facts=str(error).split("\n")
        ) from error
    packet = getattr(getattr(torch.ops, op.library.ns), op.name)
    if op.register_meta:
        _register_fake(op, op.qualified_name, _make_fake(op))
    if op.register_impl:
        slow, slow_out, fast = make_autograd_slow(op), _make_slow_out(op, packet), can_be_fast(op)
        gpu_type = gpu_device_type() if fast else None
        functions = make_call_functions(
            op, slow, slow_out, told=fast, told_there=gpu_type is not None
        )
        functions = add_fast_calls(op, functions, gpu_type) if fast else functions
        for key in op.dispatch_keys:
            op.library.impl(op.name, functions.call if key == "CPU" else functions.call_there, key)
        # Tensors of any other backend or layout reach the fallback, which refuses them. An op
        # without tensors has no backend: its kernel is the fallback.
        takes_tensors = any("Tensor" in str(a.type) for a in op.schema.arguments)
        fallback = _make_refusal(op) if takes_tensors else functions.call
        if "CompositeExplicitAutograd" not in op.dispatch_keys:
            op.library.impl(op.name, fallback, "CompositeExplicitAutograd")
        # The autograd kernel is the fast path of eager calls: it serves calls without a gradient
        # itself, instead of dispatching a second time.
        op.library.impl(op.name, functions.autograd, "Autograd", with_keyset=True)
        if gpu_type is not None:
            op.library.impl(op.name, functions.autograd_there, "AutogradCUDA", with_keyset=True)
        over_batch, fill = make_vmap_kernel(op), make_fill(op)
        op.library.impl(op.name, lambda *a, **k: over_batch(fill(a, k)), "FuncTorchBatched")
        if op.register_meta and _can_have_out(op):
            _define_out(op, functions)
    ALL_CUSTOM_OP_REGS[op.qualified_name] = op
    show_code_to_torch(op.qualified_name, functools.partial(_describe, op))
    packet.__mro_entries__ = lambda _: (type(op),)  # so a class may derive from the packet
    for device_type, dtype in op.autocast.items():
        register_autocast(packet, device_type, dtype)
    return packet


def _describe(op: Op, into: Sink) -> None:
    """Describe the code of an op that torch compiles: meta function, backward, other rules."""
    into.names.update(("backward", "setup_context", "vmap"))
    into.add(op.schema, sorted(map(str, op.tags)), type(op.formula).__name__)
    into.op_class(type(op))
    for part in (*op.formula.code, op.vmap_rule, given_fake(op.qualified_name)):
        into.code_of(part)
    into.value({str(key): dtype for key, dtype in op.autocast_dtypes.items()})


def given_fake(name: str) -> Any:
    """Return the meta function of an op that a user registered, None for one of ours."""
    entry: Any = torch._library.simple_registry.singleton.find(name)
    kernel = getattr(entry.fake_impl, "kernel", None)
    function = getattr(kernel, "func", None)
    return None if getattr(function, "__module__", None) == __name__ else function


_LAYOUT_TAGS = {
    getattr(torch.Tag, name)
    for name in (
        "needs_exact_strides",
        "needs_contiguous_strides",
        "needs_fixed_stride_order",
        "flexible_layout",
    )
    if hasattr(torch.Tag, name)
}


def torch_tags(op: Op, kind: str | None) -> tuple[torch.Tag, ...]:
    """Return the tags of an overload; `kind` is "inplace" or "out" for one that changes arguments.

    Each op works in torch.compile: it has a meta function, `select`, and aliases as in its schema.
    A kernel reads contiguous tensors and copies others, so Inductor should write contiguous
    inputs. For tensors that an op changes, torch's default holds.

    Raises:
        RegistrationError: a tag of the class is not a torch tag.
    """
    for tag in op.tags:
        if not isinstance(tag, torch.Tag):
            raise RegistrationError(f"{op.name}: its tag is {tag!r}, must be one of torch.Tag")
    names = ["pt2_compliant_tag"] if op.register_meta else []
    if kind is not None:
        names.append(kind)
    elif not op.mutated_args and not _LAYOUT_TAGS & set(op.tags):
        names.append("needs_contiguous_strides")
    known = [getattr(torch.Tag, name) for name in names if hasattr(torch.Tag, name)]
    return tuple(dict.fromkeys((*known, *op.tags)))  # torch before 2.13 lacks some


class _FakeKernel(Kernel):
    """A meta function that accepts an argument named `self` by name, unlike torch's class."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self.func(*args, **kwargs)


def _register_fake(op: Op, name: str, fake: Any) -> None:
    torch.library.register_fake(name, fake, lib=op.library)
    if "self" in op.arg_names[op.positional_count :]:
        holder = torch._library.simple_registry.singleton.find(name).fake_impl
        holder.kernel.__class__ = _FakeKernel


def _make_fake(op: Op) -> Any:
    fill = make_fill(op)

    def fake(*args: Any, **kwargs: Any) -> Any:
        values = fill(args, kwargs)
        with torch._C._DisableAutocast():
            ksel = run_select(op, values)
        if op.returned_arg is not None:
            return values[op.returned_arg]
        device = call_device(op.name, op.arg_names, values)
        return fake_results(ksel, device or torch.device("cpu"))

    return fake


def _make_refusal(op: Op) -> Any:
    fill = make_fill(op)

    def refuse(*args: Any, **kwargs: Any) -> Any:
        values = fill(args, kwargs)
        tensors = [
            f"`{name}` is {format_tensor(v)} on {v.device}, layout {v.layout}"
            for name, v in zip(op.arg_names, values, strict=True)
            if isinstance(v, Tensor)
        ]
        if not tensors:
            run_select(op, values)  # raises an error that says which tensor is missing
        raise UnsupportedTorchDeviceError(
            f"{op.name}: no kernel for these tensors, must be dense and on "
            + " or ".join(key.lower() for key in op.dispatch_keys),
            facts=tensors or ["no tensor among the arguments"],
        )

    return refuse


def _can_have_out(op: Op) -> bool:
    tensors = all(str(r.type) == "Tensor" for r in op.schema.returns)
    return not op.mutated_args and bool(op.schema.returns) and tensors


def _define_out(op: Op, functions: CallFunctions) -> None:
    op.library.define(out_schema(op), tags=torch_tags(op, "out"))
    names, fill = out_names(op), make_fill(op)

    def fake(*args: Any, **kwargs: Any) -> Any:
        outs = [kwargs.pop(name) for name in names]
        kwargs.pop(staged_name(op), None)
        values = fill(args, kwargs)
        call_device(op.name, (*op.arg_names, *names), (*values, *outs))
        results = run_select(op, values).result_descs
        for out, desc in zip(outs, results, strict=True):
            if out.shape != desc.t.shape or out.dtype != desc.t.dtype:
                raise ArgumentError(
                    f"{op.name}.out: `out` is {format_tensor(out)}, must be {format_tensor(desc.t)}"
                )
        return outs[0] if len(outs) == 1 else tuple(outs)

    _register_fake(op, f"{op.qualified_name}.out", fake)
    for key in op.dispatch_keys:
        call_out = functions.call_out if key == "CPU" else functions.call_out_there
        op.library.impl(f"{op.name}.out", call_out, key)
    op.library.impl(f"{op.name}.out", functions.autograd_out, "Autograd", with_keyset=True)
    if gpu_device_type() is not None:
        there = functions.autograd_out_there
        op.library.impl(f"{op.name}.out", there, "AutogradCUDA", with_keyset=True)


def _make_slow_out(op: Op, packet: Any) -> Any:
    count = len(out_names(op))
    positional = op.positional_count
    keywords = [
        *(a.name for a in op.schema.arguments[positional:]),
        staged_name(op),
        *out_names(op),
    ]

    def slow_out(keyset: Any, args: tuple[Any, ...]) -> Any:
        refuse_tangents(op, args)
        if needs_grad(*args):
            raise ArgumentError(
                f"{op.name}.out: an argument requires a gradient, must be without one: "
                "out= overloads are not differentiable"
            )
        named = dict(zip(keywords, args[positional:], strict=True))
        with torch._C._AutoDispatchBelowAutograd():
            below = keyset & torch._C._after_autograd_keyset
            redispatch_of(op, packet.out)(below, *args[:positional], **named)
        outs = args[-count:]
        return outs[0] if count == 1 else outs

    return slow_out


def out_schema(op: Op) -> str:
    """Return the schema of the `out` overload of a functional op.

    It takes one more argument, `staged`: compute into a scratch buffer, then copy. The argument
    also prevents a fault of Inductor: torch 2.13 replaces calls by an `out` overload of the same
    signature, passes all tensors before all other arguments, each default twice, and fails on
    dynamic sizes.
    """
    text = str(op.schema)
    arguments = text[text.index("(") + 1 : text.rindex(") -> ")]
    names = out_names(op)
    marks = [chr(ord("a") + i) for i in range(len(names))]
    parts = [arguments] if arguments else []
    parts += [] if any(a.kwarg_only for a in op.schema.arguments) else ["*"]
    parts.append(f"bool {staged_name(op)}=False")
    parts += [f"Tensor({m}!) {n}" for m, n in zip(marks, names, strict=True)]
    returned = ", ".join(f"Tensor({m}!)" for m in marks)
    returned = returned if len(marks) == 1 else f"({returned})"
    return f"{op.name}.out({', '.join(parts)}) -> {returned}"
