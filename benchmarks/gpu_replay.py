"""The launches of `benchmarks gpu` without a GPU, on a driver that records, compared with IREE's.

Each case is called twice, by Python and by the C launcher's fast path. Kernel, stream, grid, block,
shared memory and each parameter are compared with the plan, and with what IREE's compiler computes
for the same sizes. It needs the checkout, a C compiler and IREE's compiler.
"""

from __future__ import annotations

import json
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.gpu_cases import LAUNCH_ROWS, GpuCase
from ir_runtime.settings import override_settings

__all__ = ["CHIPS", "run_replay"]

CHIPS = ("cuda:sm_80", "hip:gfx942")
"""ROCm's at one width only."""
_HIP_WIDTH = 4096


def run_replay(arguments: Namespace, cases: Sequence[GpuCase]) -> bool:
    """Replay cases and print a line for each; tells if all launches are right.

    Args:
        arguments: of the benchmark; `sizes` are the numbers of rows.
        cases: the ops and widths.
    """
    from tests.launch.gpu.replay import Replayed, replay

    sizes = sorted({LAUNCH_ROWS, *map(int, arguments.sizes.split(","))})
    found: list[Replayed] = []
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        with override_settings(store=root / "store", compile_cache=root / "cache"):
            for chip in CHIPS:
                some = [c for c in cases if chip.startswith("cuda") or c.width == _HIP_WIDTH]
                for each in replay(chip, some, sizes):
                    found.append(each)
                    if not arguments.json:
                        print(_line(each), flush=True)
    wrong = [each for each in found if each.differences]
    if arguments.json:
        print(json.dumps([asdict(each) for each in found], indent=1))
    else:
        launches = sum(each.launches for each in found)
        parameters = sum(each.parameters for each in found)
        print(
            f"{len(found)} cases, {launches} launches with {parameters} parameters: "
            f"{len(wrong)} cases differ from what IREE would launch"
        )
    return bool(found) and not wrong


def _line(each: object) -> str:
    from tests.launch.gpu.replay import Replayed

    assert isinstance(each, Replayed)
    told = "; ".join(each.differences) or "right"
    return f"{each.label:52} {each.launches} launches, {each.parameters:3} parameters: {told}"
