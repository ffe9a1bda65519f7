"""Faults in targets: names, sets of CPU features, and sizes that depend on the machine."""

from __future__ import annotations

from tests.mutation.mutant import Mutant, mutants_in

__all__ = ["TARGET_MUTANTS"]

TARGET_MUTANTS: tuple[Mutant, ...] = (
    *mutants_in(
        "kernels_mlir/attention/form.py",
        ("kernels/test_sums.py",),
        (
            "targets: rows of sums are as far apart as they are long",
            "if not near(n)",
            "if True",
        ),
        (
            "targets: only neighbouring rows of sums are kept apart",
            "for row in range(1, self.tile_rows)",
            "for row in range(1, 2)",
        ),
    ),
    *mutants_in(
        "ir_runtime/op_reg/call/stored.py",
        ("kernels/test_packed_store.py",),
        (
            "targets: a weight is packed for a CPU without a stored kernel",
            "if can_compile():",
            "if True:",
        ),
    ),
    *mutants_in(
        "ir_runtime/device/cpu_name.py",
        ("device/test_target.py",),
        (
            "targets: another architecture lacks nothing",
            "if target.triple != machine.triple:",
            "if False:",
        ),
    ),
    *mutants_in(
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
    *mutants_in(
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
    *mutants_in(
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
    *mutants_in(
        "kernels_mlir/library.py",
        ("device/test_machine_choice.py",),
        (
            "machine: the size of a group is not in the key",
            'return f"-{group_elements(ksel.machine).size}"',
            'return "-2048"',
        ),
    ),
)
