"""Golden MLIR: the text that the builder writes, and what stands for it in the keys of kernels.

A stored kernel is found by the code of its op and `MLIR_SCHEMA`, not by its text. So text must not
change while both stay: the test of this folder compares, `make golden` writes the files anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ir_runtime.device.cpu_name import cpu_named
from ir_runtime.device.machine import code_for, usual_machine
from ir_runtime.device.target_name import parse_target
from ir_runtime.launch.artifact.key import compiler_version
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, CustomOp
from ir_runtime.op_reg.call.kernel import kernel_source, run_select
from ir_runtime.op_reg.digest.mlir_schema import MLIR_SCHEMA
from tests.cases import CASES
from tests.golden_mlir.features import FEATURES
from tests.golden_mlir.row_features import ROW_FEATURES

__all__ = ["GOLDEN", "Golden", "complaint", "golden_cases", "recorded", "written_with"]

GOLDEN = Path(__file__).parent / "texts"
_KEYS = GOLDEN / "keys.json"


@dataclass(frozen=True)
class Golden:
    """One kernel: an op, arguments of a call, the name of a target, and the CPU of the recorder."""

    name: str
    op: CustomOp
    arguments: Sequence[Any]
    target: str = ""
    cpu: str = "x86-64-v4"

    def text(self) -> str:
        """Return the MLIR of the kernel, for the same caches on every machine."""
        with code_for(usual_machine(cpu_named(self.cpu))):
            target = parse_target(self.target) if self.target else None
            ksel = run_select(self.op, self.arguments, target)
            return kernel_source(self.op, ksel).decode()

    @property
    def path(self) -> Path:
        return GOLDEN / f"{self.name}.mlir"


def golden_cases() -> list[Golden]:
    """Return each feature of the builder, each kernel of the catalogue that is for any CPU, and one
    of a form that the CPU decides."""
    features = {**FEATURES, **ROW_FEATURES}
    found = [Golden(name, f.op, f.arguments, f.target) for name, f in features.items()]
    for case in CASES:
        if case.op in ("linear", "mm_encoder_attn"):  # their forms are the CPU's
            continue
        op = ALL_CUSTOM_OP_REGS[f"ir_kernels::{case.op}"]
        found.append(Golden(case.id.replace("-", "_"), op, case.arguments()))
    heads = torch.zeros(1, 2, 2, 16, dtype=torch.bfloat16)
    op = ALL_CUSTOM_OP_REGS["ir_kernels::mm_encoder_attn"]
    pairs = "x86-64-v4+avx512bf16"
    found.append(Golden("attention_pairs", op, (heads, heads, heads, None, None), cpu=pairs))
    return found


def written_with() -> dict[str, str]:
    """Return the versions that decide the text besides our own code."""
    return {"torch": torch.__version__.partition("+")[0], "compiler": str(compiler_version())}


def recorded() -> dict[str, Any]:
    """Return what was recorded beside the texts: schema number, versions, digest by name."""
    return json.loads(_KEYS.read_text("utf-8"))


def complaint(golden: Golden, record: dict[str, Any]) -> str | None:
    """Say what is wrong between a kernel of today and its golden file; None if nothing is."""
    text, known = golden.text(), golden.path.read_text("utf-8") if golden.path.exists() else None
    digest = record["digests"].get(golden.name)
    if known is None or digest is None:
        return "it has no golden file\n  fix: run `make golden`"
    if record["schema"] == MLIR_SCHEMA and digest == golden.op.code_digest and text != known:
        if record["versions"] != written_with():
            return (
                f"its MLIR is not that of {record['versions']}, here is {written_with()}\n"
                "  fix: run `make golden`, and read what changed"
            )
        return (
            "its MLIR changed, and its key did not: stored kernels would be taken for it\n"
            "  fix: raise MLIR_SCHEMA in ir_runtime/op_reg/digest/mlir_schema.py, "
            "then run `make golden`"
        )
    if text != known or digest != golden.op.code_digest or record["schema"] != MLIR_SCHEMA:
        return "its golden file is out of date\n  fix: run `make golden`, and read what changed"
    return None


def refuse_lies(cases: Sequence[Golden], record: dict[str, Any]) -> None:
    """Raise if the MLIR of a kernel changed, and its key did not.

    Raises:
        SystemExit: it did; names the kernels.
    """
    wrong = [case.name for case in cases if "did not" in (complaint(case, record) or "")]
    if wrong:
        raise SystemExit(
            f"the MLIR of {', '.join(wrong)} changed, and the key did not\n"
            "  fix: raise MLIR_SCHEMA in ir_runtime/op_reg/digest/mlir_schema.py"
        )


def write_all() -> None:
    """Write all golden files; refuses if stored kernels would be taken for others.

    Raises:
        SystemExit: the MLIR of a kernel changed, and its key did not.
    """
    cases = golden_cases()
    if _KEYS.exists() and recorded()["versions"] == written_with():
        refuse_lies(cases, recorded())
    GOLDEN.mkdir(exist_ok=True)
    for path in GOLDEN.glob("*.mlir"):
        path.unlink()
    for case in cases:
        case.path.write_text(case.text(), "utf-8")
    digests = {case.name: case.op.code_digest for case in cases}
    record = {"schema": MLIR_SCHEMA, "versions": written_with(), "digests": digests}
    _KEYS.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    write_all()
