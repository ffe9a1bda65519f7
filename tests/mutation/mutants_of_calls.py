"""Faults in the way of a call: binding, launches, results, layouts."""

from __future__ import annotations

from tests.mutation.mutant import OPS, Mutant, mutants_in
from tests.mutation.mutants_of_gradients import AUTOGRAD

__all__ = ["CALL_MUTANTS"]

_MUTATION = ("op_reg/test_mutation.py", "op_reg/test_results.py", "op_reg/test_compile.py")
_CALLS = (
    "op_reg/test_call_key.py",
    "op_reg/test_call.py",
    "op_reg/test_kernel.py",
    "op_reg/test_kernel_writes.py",
    "op_reg/test_results.py",
    "direct",
)
_LAYOUTS = (
    "kernels/test_layouts.py",
    "direct/test_out.py",
    "device/test_local.py",
    "op_reg/test_call.py",
)

CALL_MUTANTS: tuple[Mutant, ...] = (
    *mutants_in(
        "ir_runtime/launch/direct/plan_in_place.py",
        ("launch/test_plan_rewrite.py", "launch/test_plan.py", "op_reg/test_in_place.py"),
        (
            "in place: a copy restores what was overwritten",
            " or _restores(steps, result, operand):",
            ":",
        ),
        (
            "in place: a dispatch writes over what it still reads",
            "if uses_of(rest[first:], operand)",
            "if uses_of(rest[first + 1 :], operand)",
        ),
        (
            "in place: the steps that a report needs stay behind the change",
            "or any(uses.depend(step, each) for each in needed)",
            "",
        ),
    ),
    *mutants_in(
        "ir_runtime/launch/operand/changed_operand.py",
        ("op_reg/test_in_place.py", *_MUTATION),
        (
            "in place: arguments that overlap are written in one another",
            "if i in written and ready[i]",
            "if False and ready[i]",
        ),
        ("mutation: the argument keeps its values", "tensors[i].copy_(ready[i])", "pass"),
        (
            "mutation: the kernel writes what it is yet to read",
            "staged = [torch.empty(t.shape, dtype=t.dtype, device=t.device) for t in targets]",
            "staged = [t if t.is_contiguous() else t.contiguous() for t in targets]",
        ),
    ),
    *mutants_in(
        "ir_runtime/launch/operand/call_key.py",
        ("launch/test_call_key.py",),
        ("key: -0.0 finds the launch of 0.0", "found[i] = value.hex()", "pass"),
        (
            "key: True finds the launch of 1",
            "        if kind in _PLAIN:\n            add(kind)",
            "        if kind in _PLAIN:\n            add(None)",
        ),
        (
            "key: dtypes are not in it",
            "            add(value.dtype)",
            "            pass",
        ),
        (
            "key: the device of a tensor is never in it",
            "found[i] = (value.shape, value.device) if placed else value.shape",
            "found[i] = value.shape",
        ),
        (
            "key: the device of a tensor in a list is never in it",
            "return call_key(value, placed=placed)",
            "return call_key(value)",
        ),
    ),
    *mutants_in(
        "ir_runtime/launch/operand/gradient.py",
        ("launch/test_gradient.py",),
        (
            "gradient: grad mode is not asked",
            "    if not torch.is_grad_enabled():\n        return False\n",
            "",
        ),
        (
            "gradient: that of a tensor beside None in a list is not seen",
            "return requires_grad(*values) or any(",
            "return requires_grad(*values) and any(",
        ),
    ),
    *mutants_in(
        OPS + "call/call_table.py",
        (*_MUTATION, *_CALLS, *AUTOGRAD),
        (
            "mutation: an in-place op returns a new tensor",
            "return result if returned is None else args[returned]",
            "return result",
        ),
        (
            "call: subclasses and modes are taken for plain tensors",
            "            or raw_repr(keyset) != plain\n",
            "",
        ),
        (
            "call: a gradient is not seen",
            "            or needs_grad(*every)\n",
            "",
        ),
    ),
    *mutants_in(
        OPS + "select/result.py",
        _MUTATION,
        (
            "mutation: undeclared mutable arguments pass",
            "if isinstance(desc, EmptyOptionalTensorArg) or any(d is desc for d in tied):",
            "if True:",
        ),
        (
            "results: a list takes one tensor too few",
            "return lambda rest: [next(rest) for _ in range(count)]",
            "return lambda rest: [next(rest) for _ in range(count - 1)]",
        ),
    ),
    *mutants_in(
        OPS + "call/bound_launch.py",
        _CALLS,
        ("bind: strides of an empty dimension", "strides[-1] * max(dim, 1)", "strides[-1] * dim"),
        (
            "bind: one buffer for two results of `out`",
            "shared = len(outs) > 1 and len({storage_of(out) for out in outs}) < len(outs)",
            "shared = False",
        ),
        (
            "bind: `out` of another shape passes",
            "if out.dtype != dtype or tuple(out.shape) != shape:",
            "if out.dtype != dtype:",
        ),
        (
            "bind: any op writes over its argument",
            "in_place = op.elementwise and all(",
            "in_place = all(",
        ),
        (
            "bind: shifted memory counts as the same",
            "same = one.data_ptr() == other.data_ptr() and one.shape == other.shape",
            "same = one.shape == other.shape",
        ),
        (
            "bind: autograd does not see that `out` changed",
            "            torch.autograd.graph.increment_version(out)",
            "            pass",
        ),
        ("bind: a copy into `out` is not counted", 'add_count("copies")', "pass"),
    ),
    *mutants_in(
        OPS + "call/kernel.py",
        (*_CALLS, "op_reg/test_devices.py", "op_reg/test_autocast.py"),
        (
            "bind: nothing runs if one result is empty",
            "if not any(_numel(shape) for shape, _ in written):",
            "if not all(_numel(shape) for shape, _ in written):",
        ),
        (
            "bind: compiled-in arguments are operands, too",
            "every = len(operands) == len(args)",
            "every = True",
        ),
        (
            "bind: a change of the settings keeps old launches",
            'names = ("trace", "launch", "bound_launches", "cpu")',
            'names = ("bound_launches",)',
        ),
    ),
    *mutants_in(
        OPS + "call/bind.py",
        _CALLS,
        (
            "bind: values that must be checked are not",
            "if op.has_check or op.has_eager_execute:",
            "if False:",
        ),
    ),
    *mutants_in(
        OPS + "call/call_table.py",
        _CALLS,
        (
            "bind: a select that must run each time is remembered",
            "if self._op.select_each_call:",
            "if False:",
        ),
        (
            "bind: the table of launches grows for ever",
            "if len(self.young) >= max(1, half):",
            "if False:",
        ),
    ),
    *mutants_in(
        "ir_runtime/device/local.py",
        _LAYOUTS,
        (
            "layout: misaligned tensors are read where they lie",
            "return ready if ready.data_ptr() % ALIGNMENT == 0 else ready.clone()",
            "return ready",
        ),
        (
            "layout: strides are ignored",
            "ready = plain(tensor).contiguous()",
            "ready = plain(tensor)",
        ),
        (
            "layout: misaligned `out` is written where it lies",
            "        and (beyond == 0 or (tensor.is_cuda and beyond % GPU_ALIGNMENT == 0))\n",
            "",
        ),
        ("layout: `out` with a pending neg is written", "        and not tensor.is_neg()\n", ""),
        (
            "layout: copies of operands are not counted",
            "if ready.data_ptr() != tensor.data_ptr():",
            "if False:",
        ),
    ),
    *mutants_in(
        "ir_runtime/device/plain_tensor.py",
        _LAYOUTS,
        (
            "layout: neg is not resolved",
            "return tensor.resolve_conj().resolve_neg()",
            "return tensor.resolve_conj()",
        ),
        (
            "layout: conj is not resolved",
            "return tensor.resolve_conj().resolve_neg()",
            "return tensor.resolve_neg()",
        ),
        (
            "layout: sparse tensors pass",
            "if tensor.layout is not torch.strided:",
            "if False:",
        ),
    ),
    *mutants_in(
        "ir_runtime/ir/choice/priority.py",
        ("ir/test_unobserved.py",),
        (
            "IR op: a provider that writes is not told that its arguments were donated",
            "never if changed else self.unobserved",
            "self.unobserved",
        ),
    ),
    *mutants_in(
        "ir_runtime/ir/choice/plain_call.py",
        ("ir/test_unobserved.py",),
        (
            "IR op: a number of results that torch would refuse",
            'if set(op.result_kinds) == {"Tensor"} else 0',
            "if len(op.result_kinds) == 2 else 7",
        ),
    ),
)
