"""The first call of a packed kernel in a fresh process: from the store, without the compiler.

The process has imported the package, and the GPU has started, before the call; it ends when the
GPU is done. Once the driver must compile PTX again, as on a machine that never ran the kernel; else
it may find the code that it kept.
"""

from __future__ import annotations

import statistics

from benchmarks.measure import json_of_process

__all__ = ["LIMIT_MS", "first_calls"]

LIMIT_MS = 100.0
_PROGRAM = """
import gc, json, sys, time
gc.disable()
import torch
from benchmarks.gpu_cases import LAUNCH_ROWS, GpuCase
device = sys.argv[1]
case = GpuCase("rms_norm", 4096, torch.bfloat16)
given = case.arguments(LAUNCH_ROWS, device)
def wait():
    if device == "cuda":
        torch.cuda.synchronize()
(given[0] + 1).sum().item()
wait()
began = time.perf_counter()
case.kernel(*given)
wait()
ended = time.perf_counter()
from ir_runtime.counters import current_counts
print(json.dumps({"ms": (ended - began) * 1e3, "compiles": current_counts().compiles,
                  "compiler": "iree.compiler" in sys.modules}))
"""


def first_calls(device: str, samples: int = 3) -> dict[str, float]:
    """Return the time of a first call in milliseconds, from processes of their own.

    Args:
        device: `cuda` or `cpu`.
        samples: how many processes; their median counts.

    Returns:
        `packed`, and for a GPU `packed, driver compiles`.

    Raises:
        RuntimeError: a process failed, or used the compiler.
    """
    json_of_process(_PROGRAM, {}, device)  # fills the store where the kernel may be compiled
    never = {"IR_RUNTIME_COMPILE": "0"}
    found = {"packed": statistics.median(_ms(device, never) for _ in range(samples))}
    if device == "cuda":
        found["packed, driver compiles"] = _ms(device, never | {"CUDA_CACHE_DISABLE": "1"})
    return found


def _ms(device: str, environment: dict[str, str]) -> float:
    told = json_of_process(_PROGRAM, environment, device)
    if told["compiles"] or told["compiler"]:
        raise RuntimeError("first call: the process used the compiler, must take what is stored")
    return told["ms"]
