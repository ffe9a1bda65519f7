"""A process that compiles a lowered graph, and tells whether torch's cache had it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def run_process(root: Path, priority: str) -> dict[str, Any]:
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(root)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.passes.lowering.cached", priority],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def main(priority: str) -> None:
    import torch
    from torch._dynamo.utils import counters

    import kernels_mlir  # noqa: F401 - announces the op
    from ir_runtime import ir
    from ir_runtime.passes.lowering.ir_lowering import IrLowering
    from ir_runtime.passes.record.run_record import PassRecord

    runs: list[str] = []
    original = IrLowering.run

    def counted(self: IrLowering, graph: Any, record: PassRecord) -> None:
        runs.append(record.name)
        original(self, graph, record)

    key = IrLowering().uuid()
    IrLowering.run = counted  # type: ignore[method-assign]
    IrLowering.uuid = lambda _: key  # type: ignore[method-assign] - not the code of this test
    x, w = torch.ones(2, 8), torch.ones(8)
    with torch.no_grad(), ir.ops.rms_norm.set_priority(priority.split(",")):
        IrLowering.uuid = lambda _: key + priority  # type: ignore[method-assign]
        made = torch.compile(
            lambda x, w: ir.ops.rms_norm(x, w, 1e-6),
            options={"post_grad_custom_post_pass": IrLowering()},
        )
        result = made(x, w)
    torch.testing.assert_close(result, x)
    hits = counters["inductor"]["fxgraph_cache_hit"]
    print(json.dumps({"hits": hits, "passes": len(runs), "out": True}))


if __name__ == "__main__":
    main(sys.argv[1])
