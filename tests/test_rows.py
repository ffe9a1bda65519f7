"""Has every feature and fault of this package's ancestors a test that exists?"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from tests.field_faults import FIELD_FAULTS, KINDS
from tests.rows import ROWS, Row

ROOT = Path(__file__).parents[1]
FEATURES = (
    *(f"D{i}" for i in range(1, 20)),
    "D7a",
    *(f"L{i}" for i in range(1, 11)),
    "I1",
    "M1",
    *(f"O{i}" for i in range(1, 17)),
    "O2a",
    "O9a",
)
PROGRAMS = """
1.4-expand 1.4-inline-builder 1.4-aot-export 1.4-aot-parameters 1.4-aot-save-and-compile
1.4-ops-trace 1.4-ops-transfer 1.4-ops-compute-barrier
"""
FAULTS = """
2.1-outputs 2.1-source-without-a-directory 2.1-flags-add-up 2.1-source-consumed
2.1-file-name-of-the-device-type 2.1-host-cpu-not-resolved 2.1-compiler-and-entry-not-in-the-key
2.1-write-not-atomic 2.1-missing-entry-kept 2.1-arguments-dropped 2.1-bool-as-int
2.1-cuda-is-cuda-0 2.1-dtype-key-error 2.1-scalar-results-dropped 2.1-see-diagnostics
2.1-failure-poisons-the-device 2.1-caches-unlocked 2.1-caches-unbounded
2.1-contexts-shared-by-threads
2.2-cuda-on-the-hip-driver 2.2-flags-that-are-gone 2.2-one-key-for-all-gpus 2.2-devices-leak
2.2-devices-of-threads-and-streams 2.2-cuda-without-an-index 2.2-inputs-copied 2.2-conj-and-neg
2.2-strides-of-nothing 2.2-no-vulkan 2.2-driver-objects 2.2-dtype-gaps 2.2-error-hides-the-cause
2.3-int-repr 2.3-meta-copies 2.3-keyword-only 2.3-root-logger 2.3-trailing-defaults 2.3-symint
2.3-first-element-of-a-list 2.3-keys-collide 2.3-code-not-in-the-key 2.3-bindings-shift
2.3-in-place-not-written 2.3-device-of-a-later-argument 2.3-silent-transfer
2.3-layout-specialised 2.3-no-scalar-results 2.3-no-list-results 2.3-no-child-process
2.3-no-ints-and-lists-in-programs 2.3-key-of-the-first-device 2.3-no-autograd 2.3-no-vmap
2.3-no-autocast 2.3-no-tags 2.3-no-opcheck 2.3-select-on-each-call 2.3-f64 2.3-identity-aliases
2.3-no-inputs 2.3-removed-operations
2.4-key-by-function-name 2.4-stale-files 2.4-shell 2.4-timeout 2.4-attribute-of-another-context
2.4-none-argument 2.4-one-result-is-not-none 2.4-lifted-constants 2.4-no-arguments
2.4-static-shapes 2.4-op-state-shared-by-threads 2.4-vm-instance 2.4-scalar-types-dropped
2.4-runtime-flags-unused 2.4-device-of-tensors 2.4-eval 2.4-hash-of-a-repr 2.4-not-atomic
2.4-no-compiler-version
"""

IR_OPS = """
IR-01 IR-02 IR-03 IR-04 IR-05 IR-06 IR-07 IR-08 IR-09 IR-10 IR-11 IR-12
IR-20 IR-21 IR-22 IR-23 IR-24 IR-25 IR-26 IR-27
IR-30 IR-31 IR-32 IR-33 IR-34 IR-35 IR-36 IR-37 IR-38 IR-39 IR-40
IR-50 IR-51 IR-52 IR-53 IR-54 IR-55 IR-56 IR-57 IR-60 IR-61 IR-62 IR-63 IR-64 IR-65
IR-70 IR-71 IR-72 IR-73 IR-74 IR-80 IR-81 IR-82 IR-83 IR-84
"""
LAYERS = tuple(f"C-{i:02}" for i in range(1, 15))


@functools.cache
def names_in(file: str) -> frozenset[str]:
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    return frozenset(
        node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)
    )


def test_the_table_has_each_row_and_no_other() -> None:
    assert sorted(ROWS) == sorted((*FEATURES, *PROGRAMS.split(), *FAULTS.split()))


TABLES: dict[str, Row] = ROWS | FIELD_FAULTS


def test_each_kind_of_fault_seen_in_the_field_has_rows() -> None:
    assert {row.partition("-")[0] for row in FIELD_FAULTS} == set(KINDS)


@pytest.mark.parametrize("row", TABLES)
def test_row_has_tests_that_exist(row: str) -> None:
    named = TABLES[row].tests
    missing = [t for t in named if t.partition("::")[2] not in names_in(t.partition("::")[0])]
    assert (bool(named), missing) == (True, [])


def test_rows_say_what_they_are_about() -> None:
    said = [row.behaviour for row in TABLES.values()]
    assert all(said)
    assert len(set(said)) == len(said)


@functools.cache
def rows_named_by_tests() -> frozenset[str]:
    named: set[str] = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                named |= set(re.findall(r"\b(?:IR|C)-\d\d\b", ast.get_docstring(node) or ""))
    return frozenset(named)


@pytest.mark.parametrize("row", [*IR_OPS.split(), *LAYERS])
def test_row_of_ir_ops_or_layers_is_named_by_a_test(row: str) -> None:
    assert row in rows_named_by_tests()
