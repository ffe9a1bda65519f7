"""The order of test files: those that take long first, so that no worker has one at the end."""

from __future__ import annotations

from collections import Counter

import pytest

__all__ = ["in_order"]

_LONG = (
    "tests/hostile/test_hostile.py",
    "tests/op_reg/test_torch_cache.py",
    "tests/op_reg/test_loaded.py",
    "tests/passes/test_fusion_compiled.py",
    "tests/passes/test_models.py",
    "tests/aot/test_models.py",
    "tests/passes/test_backend.py",
    "tests/test_full.py",
    "tests/test_late_import.py",
    "tests/test_docs.py",
    "tests/op_reg/test_process.py",
    "tests/passes/test_fusion_random.py",
    "tests/passes/test_compiled.py",
    "tests/models/test_optimize.py",
    "tests/models/test_cache.py",
    "tests/models/test_weights.py",
    "tests/launch/gpu/test_gpu_launch.py",
    "tests/launch/test_native_absence.py",
    "tests/parallel/test_ranks.py",
    "tests/device/test_instance.py",
    "tests/kernels/test_cpu_kinds.py",
    "tests/test_late_table.py",
    "tests/test_map.py",
    "tests/op_reg/test_autograd_native.py",
)
"""Files that take 12 seconds and more with few tests; those with the longest tests first."""


def in_order(items: list[pytest.Item], *, quick: bool) -> list[pytest.Item]:
    """Return tests file by file: in the quick part the long files, then those with the most tests.

    With few minutes for full tests, most of them are reached if the longest are not first.
    """
    long = _LONG if quick else ()
    files = [item.nodeid.partition("::")[0] for item in items]
    counts = Counter(files)

    def key(place: tuple[int, str]) -> tuple[int, int, str]:
        file = place[1]
        rank = long.index(file) if file in long else len(long)
        return rank, -counts[file], file

    return [items[number] for number, _ in sorted(enumerate(files), key=key)]
