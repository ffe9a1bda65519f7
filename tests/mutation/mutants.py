"""Small faults, each put into the package by itself: the tests named beside it must see it.

Before a test is made cheaper, `python -m tests.mutation.run` says which faults it catches; none
that was caught may survive. A mutant whose text is no longer in the package fails a test, so the
table does not rot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["MUTANTS", "Mutant"]


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        name: area and what is wrong.
        path: the file of the package.
        old: what stands there, once.
        new: what takes its place.
        guards: test files or folders that may see it, below `tests`.
    """

    name: str
    path: str
    old: str
    new: str
    guards: Sequence[str]

    def applied(self, text: str) -> str:
        """Return the text of the file with the fault in it.

        Raises:
            ValueError: what the fault takes the place of does not stand there once.
        """
        if text.count(self.old) != 1 or self.old == self.new:
            raise ValueError(f"{self.name}: stands {text.count(self.old)} times in {self.path}")
        return text.replace(self.old, self.new)


_OPS = "ir_runtime/op_reg/"
_AUTOGRAD = tuple(f"op_reg/test_autograd{end}.py" for end in ("", "_forms", "_native", "_op"))
_VMAP = ("op_reg/test_vmap.py",)
_MUTATION = ("op_reg/test_mutation.py", "op_reg/test_results.py", "op_reg/test_compile.py")
_CALLS = (
    "op_reg/test_call_key.py",
    "op_reg/test_call.py",
    "op_reg/test_kernel.py",
    "op_reg/test_results.py",
    "direct",
)
_LAYOUTS = (
    "kernels/test_layouts.py",
    "direct/test_out.py",
    "device/test_local.py",
    "op_reg/test_call.py",
)
_DIGEST = (
    "op_reg/test_identity.py",
    "op_reg/test_function_digest.py",
    "op_reg/test_described_state.py",
    "op_reg/test_local_import.py",
    "op_reg/test_loader.py",
    "op_reg/test_stand_in.py",
)


def _in(file: str, guards: Sequence[str], *rows: tuple[str, str, str]) -> list[Mutant]:
    return [Mutant(name, file, old, new, guards) for name, old, new in rows]


MUTANTS: tuple[Mutant, ...] = (
    *_in(
        _OPS + "register/autograd.py",
        _AUTOGRAD,
        (
            "autograd: grad mode is not asked",
            "if not needs_grad(*args) or not (",
            "if not torch._C._any_requires_grad(*args) or not (",
        ),
        (
            "autograd: an op that changes an argument is differentiated",
            "        if mutates:\n            raise",
            "        if False:\n            raise",
        ),
        (
            "autograd: the formula saves no result",
            "formula.save(ctx, call.args, result)",
            "formula.save(ctx, call.args, None)",
        ),
        (
            "autograd: needs_input_grad is of leaves, not of arguments",
            "tuple(tensors.replace([False] * len(call.args), needs, call.counts))",
            "tuple(needs)",
        ),
        (
            "autograd: a gradient that is left out counts as zero",
            "if first is None or not record.needs[leaf]:",
            "if True:",
        ),
        (
            "autograd: tensors without a need are refused",
            "if first is None or not record.needs[leaf]:",
            "if first is None:",
        ),
        (
            "autograd: functorch takes all levels at once",
            "with enable_single_level_autograd_function() if active else nullcontext():",
            "with nullcontext():",
        ),
        (
            "autograd: levels below record nothing",
            "with torch.enable_grad() if torch._C",
            "with nullcontext() if torch._C",
        ),
        (
            "autograd: None for a list is no list of None",
            "return [None] * count",
            "return [None]",
        ),
        (
            "autograd: the refused argument is not named",
            'argument = "" if isinstance(record.formula, NoFormula) else op.arg_names[position]',
            'argument = ""',
        ),
        (
            "autograd: gradients of several results are not grouped",
            "given = regroup(gradients, ctx.ir_runtime.result_counts)",
            "given = list(gradients)",
        ),
    ),
    *_in(
        _OPS + "register/backward.py",
        _AUTOGRAD,
        (
            "gradient: setup_context gets keyword-only arguments twice",
            "inputs=tuple(args[:count])",
            "inputs=tuple(args)",
        ),
        (
            "gradient: a dictionary of gradients goes by its order",
            "{names.index(name): gradient for name, gradient in returned.items()}",
            "dict(enumerate(returned.values()))",
        ),
        (
            "gradient: a gradient for a number passes",
            "if gradient is not None and i not in self._tensors.positions:",
            "if False:",
        ),
        (
            "gradient: too few gradients pass",
            "if len(values) not in (self._op.positional_count, len(names)):",
            "if False:",
        ),
    ),
    *_in(
        _OPS + "register/backward_op.py",
        _AUTOGRAD,
        (
            "backward op: missing gradients become zeros before it is asked",
            "ctx.set_materialize_grads(False)",
            "ctx.set_materialize_grads(True)",
        ),
        (
            "backward op: all gradients are needed",
            "needs = [_any_true(ctx.needs_input_grad[i]) for i in self._targets]",
            "needs = [True for i in self._targets]",
        ),
        ("backward op: None for a plain tensor", "if not _is_optional(argument):", "if False:"),
        (
            "backward op: results are taken in the order of the arguments",
            "return [wanted[name] for name in names]",
            "return sorted(wanted[name] for name in names)",
        ),
    ),
    *_in(
        _OPS + "register/derived_backward.py",
        _AUTOGRAD,
        (
            "derived: what needs no gradient is differentiated, too",
            "chosen = [k for k, need in enumerate(needs) if need]",
            "chosen = [k for k, t in enumerate(leaves) if isinstance(t, Tensor)]",
        ),
        ("derived: no second derivative", "again = torch.is_grad_enabled()", "again = False"),
        (
            "derived: results that depend on nothing are differentiated",
            "if y.requires_grad  # others do not depend on the inputs",
            "if True",
        ),
        (
            "derived: one tensor passed twice counts once",
            "inputs = [_differentiable_alias(t) for t in tensors]",
            "inputs = [t if t.requires_grad else _differentiable_alias(t) for t in tensors]",
        ),
        (
            "derived: autocast reaches the second forward",
            "        with torch._C._DisableAutocast():\n            found = pull_back",
            "        if True:\n            found = pull_back",
        ),
    ),
    *_in(
        _OPS + "op/tensor_leaves.py",
        (*_AUTOGRAD, *_VMAP),
        (
            "leaves: wrappers of an ended transform stay",
            "tensors = unwrap_dead_wrappers(ctx.saved_tensors)",
            "tensors = ctx.saved_tensors",
        ),
        (
            "leaves: keyword-only arguments go by position",
            "return function(*args[:count], **dict(",
            "return function(*args, **dict() if True else dict(",
        ),
    ),
    *_in(
        _OPS + "register/forward_mode.py",
        (*_VMAP, "op_reg/test_forward.py"),
        (
            "autograd: tangents are lost",
            "if forward_ad._current_level < 0:\n        return False\n    leaves",
            "if True:\n        return False\n    leaves",
        ),
    ),
    *_in(
        _OPS + "register/vmap.py",
        _VMAP,
        (
            "vmap: an unmapped argument is changed once an element",
            "        if in_dims[i] is None:",
            "        if False:",
        ),
        ("vmap: always the first dimension", "t.select(dim, k) for t", "t.select(0, k) for t"),
        (
            "vmap: no elements are like the first one",
            "if info.batch_size == 0 and not op.mutated_args:",
            "if False:",
        ),
        ("vmap: the mapped dimension stays in an element", "if i != dim]", "if i != 0]"),
        (
            "vmap: keyword-only arguments are dropped",
            "values = [*args, *(kwargs[name] for name in names)]",
            "values = [*args, *(None for name in names)]",
        ),
        ("vmap: two rules", "if found.vmap_rule is not None:", "if False:"),
        (
            "vmap: an op without a rule has no message",
            "            if op.vmap_rule is None:",
            "            if False:",
        ),
    ),
    *_in(
        _OPS + "call/bound_launch.py",
        _MUTATION,
        ("mutation: the argument keeps its values", "target.copy_(new)", "pass"),
        (
            "mutation: the kernel writes what it is yet to read",
            "staged = [torch.empty(t.shape, dtype=t.dtype, device=where) for t in targets]",
            "staged = [t if t.is_contiguous() else t.contiguous() for t in targets]",
        ),
    ),
    *_in(
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
    *_in(
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
    *_in(
        _OPS + "call/call_table.py",
        (*_MUTATION, *_CALLS, *_AUTOGRAD),
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
    *_in(
        _OPS + "select/result.py",
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
    *_in(
        _OPS + "call/bound_launch.py",
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
    *_in(
        _OPS + "call/kernel.py",
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
    *_in(
        _OPS + "call/bind.py",
        _CALLS,
        (
            "bind: values that must be checked are not",
            "if found.has_check or found.has_eager_execute:",
            "if False:",
        ),
    ),
    *_in(
        _OPS + "call/call_table.py",
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
    *_in(
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
            "        and tensor.data_ptr() % ALIGNMENT == 0\n",
            "",
        ),
        ("layout: `out` with a pending neg is written", "        and not tensor.is_neg()\n", ""),
        (
            "layout: copies of operands are not counted",
            "if ready.data_ptr() != tensor.data_ptr():",
            "if False:",
        ),
    ),
    *_in(
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
    *_in(
        _OPS + "digest/description.py",
        _DIGEST,
        (
            "digest: closures do not count",
            "function.__code__.co_freevars, function.__closure__ or (), strict=True",
            "(), (), strict=True",
        ),
        (
            "digest: keyword defaults do not count",
            "(function.__defaults__, function.__kwdefaults__)",
            "(function.__defaults__,)",
        ),
        (
            "digest: the order of a set counts",
            "self.parts.extend(sorted(found))",
            "self.parts.extend(found)",
        ),
        ("digest: addresses count", 'f"number {number}"', 'f"number {id(value)}"'),
        (
            "digest: called ops do not count",
            "        for name in sorted(wanted & set(known_names())):",
            "        for name in ():",
        ),
        (
            "digest: inherited code does not count",
            "if owner is not cls and (where",
            "if owner is not cls or (where",
        ),
    ),
    *_in(
        _OPS + "digest/bytecode_read.py",
        _DIGEST,
        (
            "digest: nested functions do not count",
            "yield from _Reader(self._known).tokens(constant)",
            "yield from ()",
        ),
    ),
    *_in(
        _OPS + "digest/function_read.py",
        _DIGEST,
        (
            "digest: imports in a body do not count",
            "for imported, member in function_imports(self._function):",
            "for imported, member in ():",
        ),
    ),
    *_in(
        _OPS + "digest/value.py",
        _DIGEST,
        (
            "digest: templates count by name",
            "into.add(value.digest)",
            "into.add(value.name if isinstance(value, MlirTemplate) else value.digest)",
        ),
        (
            "digest: bound arguments of a partial do not count",
            "for part in (value.func, value.args, dict(value.keywords)):",
            "for part in (value.func,):",
        ),
    ),
    *_in(
        _OPS + "digest/array.py",
        _DIGEST,
        (
            "digest: elements of a tensor do not count",
            "        yield digest_of(_bytes_of(value))",
            "        return",
        ),
    ),
    *_in(
        _OPS + "select/argument.py",
        (*_DIGEST, "op_reg/test_selection.py", "op_reg/test_kernel.py"),
        (
            "selection: compiled-in values do not count",
            'return f"attr<{self.spec_value!r}>"',
            'return f"attr<{type(self.spec_value).__name__}>"',
        ),
        (
            "selection: unsigned integers are signed ones",
            'return f"{dtype_info(self.t.dtype).short}[{dims}]"',
            'return f"{dtype_info(self.t.dtype).mlir}[{dims}]"',
        ),
        (
            "selection: tensors of other shapes pass",
            "if self.t.shape != other.t.shape:",
            "if False:",
        ),
    ),
    *_in(
        "ir_runtime/launch/artifact/trust.py",
        ("launch/test_trust.py",),
        (
            "trust: a group may write",
            "_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH",
            "_OTHERS_WRITE = stat.S_IWOTH",
        ),
        (
            "trust: anybody may own a store",
            'return f"belongs to user {_user(found.st_uid)}"',
            "return None",
        ),
        (
            "trust: the directories above do not count",
            "if what is None or (is_parent and _is_safe_parent(found)):",
            "if what is None or is_parent:",
        ),
    ),
    *_in(
        "ir_runtime/launch/artifact/entry_files.py",
        ("launch/test_store.py",),
        (
            "store: a link is taken for the file that it leads to",
            "os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK",
            "os.O_RDONLY | os.O_NONBLOCK",
        ),
    ),
    *_in(
        _OPS + "call/loaded_kernels.py",
        ("op_reg/test_loaded.py",),
        (
            "kernels: launches of a dropped kernel are kept",
            "owner.calls.forget_dropped()",
            "pass",
        ),
        (
            "kernels: one that runs is dropped as one that does not",
            "if kernel.take_ran()]",
            "if False]",
        ),
    ),
    *_in(
        "ir_runtime/launch/compile/separate_tensor.py",
        ("aot/test_updates_in_place.py",),
        (
            "compile: two updates of a made tensor share its buffer",
            "if len(uses) < 2 or not",
            "if True or not",
        ),
        (
            "compile: a view of a made tensor hides its uses",
            "found.extend(_uses_of(user) if views else [(user, use.operand_number)])",
            "found.extend([] if views else [(user, use.operand_number)])",
        ),
    ),
    *_in(
        "ir_runtime/aot/less_fusion.py",
        ("aot/test_less_fusion.py",),
        (
            "less fusion: softmaxes are not kept apart",
            "if kind is None or None not in kind.dims:",
            "if True:",
        ),
        (
            "less fusion: nothing is logged",
            "_log.info(",
            "_log.debug(",
        ),
    ),
    *_in(
        "ir_runtime/device/cpu_name.py",
        ("device/test_target.py",),
        (
            "targets: another architecture lacks nothing",
            "if target.triple != machine.triple:",
            "if False:",
        ),
    ),
    *_in(
        "ir_runtime/device/machine.py",
        ("device/test_target.py",),
        (
            "targets: the weakest of a list comes first",
            "-len(features_of(machine.cpu))",
            "len(features_of(machine.cpu))",
        ),
        (
            "targets: one that the machine lacks features for is taken",
            "if not lacking[machine]]",
            "]",
        ),
    ),
    *_in(
        "ir_runtime/op_reg/call/kernel.py",
        ("op_reg/test_target.py",),
        (
            "targets: a weaker kernel with other results serves",
            "if _interface(other) == _interface(ksel):",
            "if True:",
        ),
        (
            "targets: a kernel is generated for this machine",
            "kb.ip, code_for(ksel.machine):",
            "kb.ip:",
        ),
    ),
    *_in(
        "ir_runtime/launch/compile/build.py",
        ("op_reg/test_target.py",),
        (
            "targets: weaker kernels are not looked up",
            "_load(store, key) or _load_weaker(store, key, weaker)",
            "_load(store, key)",
        ),
        (
            "targets: weaker kernels are looked up first",
            "_load(store, key) or _load_weaker(store, key, weaker)",
            "_load_weaker(store, key, weaker) or _load(store, key)",
        ),
    ),
    *_in(
        "kernels_mlir/library.py",
        ("device/test_machine_choice.py",),
        (
            "machine: the size of a group is not in the key",
            'return f"-{group_elements(ksel.machine).size}"',
            'return "-2048"',
        ),
    ),
)
