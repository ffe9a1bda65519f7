"""Faults in keys, stores and compiles."""

from __future__ import annotations

from tests.mutation.mutant import OPS, Mutant, mutants_in

__all__ = ["KEY_MUTANTS"]

_DIGEST = (
    "op_reg/test_identity.py",
    "op_reg/test_function_digest.py",
    "op_reg/test_described_state.py",
    "op_reg/test_local_import.py",
    "op_reg/test_loader.py",
    "op_reg/test_stand_in.py",
)

KEY_MUTANTS: tuple[Mutant, ...] = (
    *mutants_in(
        OPS + "digest/description.py",
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
            "        for name in sorted(wanted & known):",
            "        for name in ():",
        ),
        (
            "digest: inherited code does not count",
            "if owner is not cls and (where",
            "if owner is not cls or (where",
        ),
    ),
    *mutants_in(
        OPS + "digest/bytecode_read.py",
        _DIGEST,
        (
            "digest: nested functions do not count",
            "yield from _Reader(self._known).tokens(constant)",
            "yield from ()",
        ),
    ),
    *mutants_in(
        OPS + "digest/function_read.py",
        _DIGEST,
        (
            "digest: imports in a body do not count",
            "for imported, member in function_imports(self._function):",
            "for imported, member in ():",
        ),
    ),
    *mutants_in(
        OPS + "digest/value.py",
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
    *mutants_in(
        OPS + "digest/array.py",
        _DIGEST,
        (
            "digest: elements of a tensor do not count",
            "        yield digest_of(_bytes_of(value))",
            "        return",
        ),
    ),
    *mutants_in(
        OPS + "select/argument.py",
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
    *mutants_in(
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
    *mutants_in(
        "ir_runtime/launch/artifact/entry_files.py",
        ("launch/test_store.py", "launch/test_store_damage.py"),
        (
            "store: a link is taken for the file that it leads to",
            "os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK",
            "os.O_RDONLY | os.O_NONBLOCK",
        ),
    ),
    *mutants_in(
        OPS + "call/loaded_kernels.py",
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
    *mutants_in(
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
    *mutants_in(
        "ir_runtime/op_reg/trace/fusion_barrier.py",
        ("aot/test_less_fusion.py",),
        (
            "less fusion: softmaxes are not kept apart",
            "if kind is None or None not in kind.dims:",
            "if True:",
        ),
    ),
    *mutants_in(
        "ir_runtime/launch/compile/less_fusion.py",
        ("aot/test_less_fusion.py",),
        (
            "less fusion: nothing is logged",
            "_log.info(",
            "_log.debug(",
        ),
    ),
)
