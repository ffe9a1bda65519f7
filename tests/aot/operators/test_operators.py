"""Each operator of the battery is right, or refused by name; the docs say which."""

from __future__ import annotations

import re

import pytest
import torch

from ir_runtime.dtypes import short_name
from tests.aot.operators import CASES, is_settled, samples_of
from tests.aot.operators.battery import assert_as_recorded, groups_of
from tests.aot.operators.table import DOCUMENT, document, load_verdicts

QUICK = ("f32", "i32")
USUAL = ("f32", "f64", "f16", "bf16", "i64", "i32")
GROUPS = groups_of(sorted(CASES))
NAMED = re.compile(r"\b(aten|prims)\.\w+")
RECORDED = load_verdicts()


@pytest.mark.parametrize("group", list(GROUPS)[:: len(GROUPS) // 3])
def test_some_operators_are_right_or_refused(group: str) -> None:
    assert_as_recorded(GROUPS[group], QUICK, dynamic=True)


def test_what_is_recorded_is_right_or_refused_by_name() -> None:
    wrong = {
        (name, kind): verdict
        for name, of_case in RECORDED.items()
        for kind, verdict in of_case.items()
        if not is_settled(verdict) or (verdict and not NAMED.search(verdict))
    }
    assert not wrong


def test_each_case_is_recorded_in_the_usual_dtypes() -> None:
    computed = {
        (name, kind)
        for name in CASES
        for sample in samples_of(CASES[name])
        if (kind := short_name(sample.dtype)) in USUAL
    }
    assert not computed - {(name, k) for name, of_case in RECORDED.items() for k in of_case}


def test_every_core_operator_has_a_case() -> None:
    cases = {name.split(" ")[0] for name in CASES}
    core: set[str] = set()
    for qualified in torch._C._dispatch_get_all_op_names():
        namespace, _, name = qualified.partition("::")
        packet, _, kind = name.partition(".")
        if (
            namespace == "aten"
            and torch.Tag.core in getattr(getattr(torch.ops.aten, packet), kind or "default").tags
        ):
            core.add(f"{packet}.{kind or 'default'}")
    composite = {f"{name}.default" for name in cases}  # torch counts some of them, too
    # that of `out=`, one of no tensor, and one that programs without mutation do not have
    others = {"atan2.out", "sym_is_contiguous.default", "resize_.default"}
    assert core - cases - composite <= others


def test_table_in_the_docs_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == document(RECORDED)
