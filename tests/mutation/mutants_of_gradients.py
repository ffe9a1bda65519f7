"""Faults in gradients, forward mode and maps."""

from __future__ import annotations

from tests.mutation.mutant import OPS, Mutant, mutants_in

__all__ = ["AUTOGRAD", "GRADIENT_MUTANTS"]

AUTOGRAD = tuple(
    f"op_reg/test_autograd{end}.py" for end in ("", "_forms", "_native", "_op", "_op_refusals")
)
_VMAP = ("op_reg/test_vmap.py", "op_reg/test_vmap_transforms.py")

GRADIENT_MUTANTS: tuple[Mutant, ...] = (
    *mutants_in(
        OPS + "register/autograd.py",
        AUTOGRAD,
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
    *mutants_in(
        OPS + "register/backward.py",
        AUTOGRAD,
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
    *mutants_in(
        OPS + "register/backward_op.py",
        AUTOGRAD,
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
    *mutants_in(
        OPS + "register/derived_backward.py",
        AUTOGRAD,
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
    *mutants_in(
        OPS + "op/tensor_leaves.py",
        (*AUTOGRAD, *_VMAP),
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
    *mutants_in(
        OPS + "register/forward_mode.py",
        (*_VMAP, "op_reg/test_forward.py"),
        (
            "autograd: tangents are lost",
            "if forward_ad._current_level < 0:\n        return False\n    leaves",
            "if True:\n        return False\n    leaves",
        ),
    ),
    *mutants_in(
        OPS + "register/vmap.py",
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
)
